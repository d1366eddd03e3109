/* laguerre.c - Implements laguerre.h but for the lift: neighbours from one rank, cells on all. */
#include <brenier/base.h>
#include <brenier/heights.h>
#include <brenier/threads.h>

#include "laguerre_impl.h"

#include <math.h>
#include <stdlib.h>

/* Targets at most: the hull is in one rank's memory, some 1 kB a target in the plane and 6 kB in space. */
static const PetscInt brenier_most_plane = 4000000, brenier_most_space = 500000;

/* Masses that sum to 1 but for this are right; beyond it cells overlap. Cells cut by the neighbours of earlier heights
   are held to rounding, as what overlaps may be light. */
static const PetscReal brenier_most_excess = 1e-10, brenier_rounding_excess = 2e-14;

/* Cells of components at most, by dimension: one takes some 0.2, 5 and 100 microseconds. */
static const PetscReal brenier_most_components[] = {0.0, 1e7, 1e6, 1e5};

static int SetComponents(BrenierSource source, BrenierComponents *components)
{
  BrenierMixtureParameters p;

  BrenierSourceComponents(source, &p);
  return BrenierComponentsSet((int)p.n, (int)BrenierSourceDim(source), p.weight, p.mean, (int)p.factors, (int)p.width,
                              p.factor, components);
}

/* Whether there are few enough components, and each has a density. */
static PetscBool KnowsMixture(BrenierSource source, PetscInt n_targets)
{
  BrenierMixtureParameters p;
  BrenierComponents        components;
  int                      failed;

  BrenierSourceComponents(source, &p);
  if ((PetscReal)p.n * (PetscReal)n_targets > brenier_most_components[BrenierSourceDim(source)]) return PETSC_FALSE;
  failed = SetComponents(source, &components);
  BrenierComponentsFree(&components);
  return (PetscBool)!failed;
}

PetscBool BrenierLaguerreKnows(BrenierSource source, PetscInt n_targets)
{
  switch (BrenierSourceExactLaw(source)) {
  case BRENIER_EXACT_NONE:
    return PETSC_FALSE;
  case BRENIER_EXACT_ARC:
    return PETSC_TRUE;
  case BRENIER_EXACT_MIXTURE:
    return KnowsMixture(source, n_targets);
  default:
    return (PetscBool)(n_targets <= (BrenierSourceDim(source) == 2 ? brenier_most_plane : brenier_most_space));
  }
}

static BrenierLaw LawOf(BrenierSource source)
{
  switch (BrenierSourceExactLaw(source)) {
  case BRENIER_EXACT_GAUSSIAN:
  case BRENIER_EXACT_MIXTURE:
    return BRENIER_LAW_GAUSSIAN;
  case BRENIER_EXACT_CUBE:
    return BRENIER_LAW_CUBE;
  default:
    return BRENIER_LAW_CIRCLE; // in one dimension without a use
  }
}

/* Rows of all ranks on every rank; width numbers a target. */
static PetscErrorCode GatherAll(BrenierLaguerre l, PetscInt width, const PetscReal mine[], PetscReal all[])
{
  MPI_Datatype row;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)width, MPIU_REAL, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(MPI_Allgatherv(mine, (PetscMPIInt)l->targets->n_local, row, all, l->count, l->offset, row, l->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The components, in whose unit cells are computed. In one dimension no end of a cell is cut. */
static PetscErrorCode SetMixture(BrenierLaguerre l, BrenierSource source)
{
  const BrenierIntervalLaw line = {2.0, 1.0};

  PetscFunctionBegin;
  l->is_mixture = (PetscBool)(BrenierSourceExactLaw(source) == BRENIER_EXACT_MIXTURE);
  if (!l->is_mixture) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!SetComponents(source, &l->components), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "no memory for the components of a mixture");
  l->scale      = l->components.scale;
  l->coordinate = line;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreCreate(BrenierTargets t, BrenierSource source, BrenierLaguerre *laguerre)
{
  BrenierLaguerre l;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCheck(BrenierLaguerreKnows(source, t->n), t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "cells of %" PetscInt_FMT " targets in dimension %" PetscInt_FMT " are not known exactly", t->n, t->dim);
  PetscCall(PetscNew(&l));
  l->targets    = t;
  l->comm       = t->comm;
  l->law        = LawOf(source);
  l->scale      = BrenierSourceScale(source);
  l->coordinate = (BrenierIntervalLaw){BrenierSourceCoordinate(source).power, BrenierSourceCoordinate(source).tail};
  l->dim        = t->dim;
  PetscCall(SetMixture(l, source));
  PetscCallMPI(MPI_Comm_size(l->comm, &size));
  PetscCall(PetscMalloc2(size, &l->count, size, &l->offset));
  for (PetscMPIInt r = 0; r < size; ++r) {
    l->offset[r] = (PetscMPIInt)t->layout->range[r];
    l->count[r]  = (PetscMPIInt)(t->layout->range[r + 1] - t->layout->range[r]);
  }
  PetscCall(PetscMalloc3((size_t)t->n * t->dim, &l->y, t->n, &l->h, t->n, &l->low));
  PetscCall(
      PetscMalloc3(t->n_local, &l->mass, (size_t)t->n_local * t->dim, &l->moment, (size_t)t->n_local * 6, &l->second));
  PetscCall(PetscCalloc1(t->n_local, &l->border));
  PetscCall(GatherAll(l, t->dim, t->y, l->y));
  *laguerre = l;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of a table on rank 0 that are this rank's, counted from 0 in start. */
static PetscErrorCode ScatterNeighbours(BrenierLaguerre l, const BrenierNeighbours *all)
{
  const PetscInt n = l->targets->n_local;
  PetscMPIInt    size, rank, here, *entries = NULL, *first = NULL;
  PetscInt      *length, *all_length = NULL, without = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(l->comm, &size));
  PetscCallMPI(MPI_Comm_rank(l->comm, &rank));
  PetscCall(BrenierNeighboursFree(&l->neighbours));
  l->neighbours.n = n;
  PetscCall(PetscMalloc1(n + 1, &l->neighbours.start));
  PetscCall(PetscMalloc1(n, &length));
  if (rank == 0) {
    PetscCall(PetscMalloc3(all->n, &all_length, size, &entries, size, &first));
    for (PetscInt i = 0; i < all->n; ++i) all_length[i] = all->start[i + 1] - all->start[i];
    for (PetscMPIInt r = 0; r < size; ++r) {
      PetscCall(PetscMPIIntCast(all->start[l->offset[r]], &first[r]));
      PetscCall(PetscMPIIntCast(all->start[l->offset[r] + l->count[r]] - first[r], &entries[r]));
    }
  }
  PetscCallMPI(MPI_Scatterv(all_length, l->count, l->offset, MPIU_INT, length, (PetscMPIInt)n, MPIU_INT, 0, l->comm));
  l->neighbours.start[0] = 0;
  for (PetscInt i = 0; i < n; ++i) {
    l->neighbours.start[i + 1] = l->neighbours.start[i] + length[i];
    without += length[i] == 0;
  }
  PetscCallMPI(MPI_Allreduce(&without, &l->without, 1, MPIU_INT, MPI_SUM, l->comm));
  PetscCall(PetscMPIIntCast(l->neighbours.start[n], &here));
  PetscCall(PetscMalloc1(here, &l->neighbours.other));
  PetscCallMPI(MPI_Scatterv(rank == 0 ? all->other : NULL, entries, first, MPIU_INT, l->neighbours.other, here,
                            MPIU_INT, 0, l->comm));
  if (rank == 0) PetscCall(PetscFree3(all_length, entries, first));
  PetscCall(PetscFree(length));
  PetscCall(PetscFree(l->facet));
  PetscCall(PetscMalloc1(l->neighbours.start[n], &l->facet));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Neighbours at the heights l->h, more at a higher attempt; *found is false if there are none. */
static PetscErrorCode FindNeighbours(BrenierLaguerre l, PetscInt attempt, PetscBool *found)
{
  BrenierNeighbours     all  = {0};
  BrenierNeighboursKind kind = BRENIER_NEIGHBOURS_NONE;
  PetscMPIInt           rank;
  int                   ok;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(l->comm, &rank));
  if (rank == 0) PetscCall(BrenierNeighboursFind(l->dim, l->targets->n, l->y, l->h, attempt, &all, &kind));
  ok = kind != BRENIER_NEIGHBOURS_NONE;
  PetscCallMPI(MPI_Bcast(&ok, 1, MPI_INT, 0, l->comm));
  *found = (PetscBool)ok;
  if (ok) PetscCall(ScatterNeighbours(l, &all));
  PetscCall(BrenierNeighboursFree(&all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierLaguerreDifference_Private(BrenierLaguerre l, PetscInt i, PetscInt j)
{
  const PetscReal a = l->h[i], b = -l->h[j], sum = a + b, part = sum - a;

  return sum + (((a - (sum - part)) + (b - part)) + (l->low[i] - l->low[j]));
}

void BrenierLaguerreConstraints_Private(BrenierLaguerre l, PetscInt target, PetscInt k, const PetscInt other[],
                                        PetscReal a[], PetscReal b[])
{
  for (PetscInt j = 0; j < k; ++j) {
    for (PetscInt c = 0; c < l->dim; ++c)
      a[j * l->dim + c] = l->y[(size_t)other[j] * l->dim + c] - l->y[(size_t)target * l->dim + c];
    b[j] = BrenierLaguerreDifference_Private(l, target, other[j]) / l->scale;
  }
}

int BrenierLaguerreCell_Private(BrenierLaguerre l, PetscInt k, const PetscReal a[], const PetscReal b[],
                                BrenierCellWork *work, BrenierCell *cell, PetscReal facet[])
{
  double end[2];

  if (l->is_mixture) return BrenierComponentsIntegrate(&l->components, (int)k, a, b, work, cell, facet);
  if (l->dim > 1) return BrenierCellIntegrate(l->law, (int)l->dim, (int)k, a, b, work, cell, facet);
  BrenierIntervalIntegrate(l->coordinate, (int)k, a, b, cell, facet, end);
  return 0;
}

PetscBool BrenierLaguerreOnBorder_Private(BrenierLaguerre l, const BrenierCellWork *work)
{
  const double *x;
  const int    *active;
  int           n;

  if (l->dim == 1 || l->law == BRENIER_LAW_CIRCLE) return PETSC_TRUE;
  (void)BrenierCellVertices(work, &n, &x, &active);
  for (int v = 0; v < n; ++v)
    for (PetscInt c = 0; c < l->dim; ++c)
      if (active[3 * v + c] < 0) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* One cell of this rank. Facets and moments come in units of the source's scale: mu_{dim-1} as the inverse of a
   length. */
static int Integrate(BrenierLaguerre l, PetscInt i, PetscReal a[], PetscReal b[], BrenierCellWork *work)
{
  const PetscInt  first = l->neighbours.start[i], k = l->neighbours.start[i + 1] - first;
  const PetscInt *other = l->neighbours.other + first;
  BrenierCell     cell  = {0};

  // A point above the hull: its plane is below u
  if (k == 0 && l->targets->n > 1) {
    l->mass[i] = 0.0;
    for (PetscInt c = 0; c < l->dim; ++c) l->moment[i * l->dim + c] = 0.0;
    for (PetscInt c = 0; c < 6; ++c) l->second[6 * i + c] = 0.0;
    return 0;
  }
  BrenierLaguerreConstraints_Private(l, l->targets->first + i, k, other, a, b);
  if (BrenierLaguerreCell_Private(l, k, a, b, work, &cell, l->facet + first)) return -1;
  l->border[i] = (char)BrenierLaguerreOnBorder_Private(l, work);
  l->mass[i]   = cell.mass;
  for (PetscInt c = 0; c < l->dim; ++c) l->moment[i * l->dim + c] = l->scale * cell.moment[c];
  for (PetscInt c = 0; c < 6; ++c) l->second[6 * i + c] = l->scale * l->scale * cell.second[c];
  for (PetscInt j = 0; j < k; ++j) l->facet[first + j] /= l->scale;
  return 0;
}

/* All cells of this rank, each by one thread. */
static PetscErrorCode IntegrateAll(BrenierLaguerre l)
{
  const PetscInt n       = l->targets->n_local;
  const int      threads = (int)BrenierThreads(l->targets->comm);
  PetscInt       longest = 1;
  int            failed  = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) longest = PetscMax(longest, l->neighbours.start[i + 1] - l->neighbours.start[i]);
#pragma omp parallel num_threads(threads) reduction(| : failed)
  {
    BrenierCellWork *work = BrenierCellWorkCreate();
    PetscReal       *a    = malloc((size_t)longest * (size_t)(l->dim + 1) * sizeof *a);

    failed = !work || !a;
#pragma omp for schedule(dynamic, 64)
    for (PetscInt i = 0; i < n; ++i)
      if (!failed) failed = Integrate(l, i, a, a + (size_t)longest * (size_t)l->dim, work) != 0;
    free(a);
    BrenierCellWorkDestroy(work);
  }
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for the cell of a target");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the cells of all ranks sum to. */
static PetscErrorCode Sum(BrenierLaguerre l, BrenierLaguerreValue *value)
{
  const BrenierTargets t = l->targets;
  const PetscInt       n = t->n_local;
  PetscReal           *term, sum[2];
  PetscInt64           count[2] = {0, 0};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  for (PetscInt i = 0; i < n; ++i) {
    // First moments sum to zero, so the centre of the targets may be taken off
    term[i]     = l->h[t->first + i] * (l->mass[i] - t->nu[i]);
    term[n + i] = l->mass[i];
    for (PetscInt c = 0; c < l->dim; ++c) term[i] += (t->y[i * l->dim + c] - t->centre[c]) * l->moment[i * l->dim + c];
    count[0] += !(l->mass[i] > BRENIER_VANISHING * t->nu[i]);
  }
  for (PetscInt k = 0; k < l->neighbours.start[n]; ++k) count[1] += l->facet[k] > 0.0;
  PetscCall(BrenierExactSum(l->comm, n, 2, term, sum));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 2, MPIU_INT64, MPI_SUM, l->comm));
  PetscCall(PetscFree(term));
  value->energy   = sum[0];
  value->excess   = sum[1] - 1.0;
  value->n_empty  = count[0];
  value->n_facets = count[1] / 2;
  value->sound    = (PetscBool)(PetscAbsReal(value->excess) <= brenier_most_excess);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of all ranks, and their low parts. */
static PetscErrorCode GatherHeights(BrenierLaguerre l, Vec h)
{
  const PetscScalar *mine;
  Vec                low;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(h, &mine));
  PetscCall(GatherAll(l, 1, mine, l->h));
  PetscCall(VecRestoreArrayRead(h, &mine));
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCall(PetscArrayzero(l->low, l->targets->n));
  if (!low) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(low, &mine));
  PetscCall(GatherAll(l, 1, mine, l->low));
  PetscCall(VecRestoreArrayRead(low, &mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreEvaluate(BrenierLaguerre l, Vec h, Vec mass, BrenierLaguerreValue *value)
{
  PetscScalar *m;
  PetscBool    found = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(value, sizeof *value));
  PetscCall(GatherHeights(l, h));
  if (l->reuses && l->neighbours.start && l->without == 0) {
    PetscCall(IntegrateAll(l));
    PetscCall(Sum(l, value));
    value->sound = (PetscBool)(PetscAbsReal(value->excess) <= brenier_rounding_excess);
  }
  for (PetscInt attempt = 0; found && !value->sound; ++attempt) {
    PetscCall(FindNeighbours(l, attempt, &found));
    if (!found) break;
    PetscCall(IntegrateAll(l));
    PetscCall(Sum(l, value));
  }
  PetscCall(VecGetArrayWrite(mass, &m));
  for (PetscInt i = 0; i < l->targets->n_local; ++i) m[i] = value->sound ? l->mass[i] : 0.0;
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierLaguerreReuse(BrenierLaguerre l, PetscBool reuses)
{
  l->reuses = reuses;
}

/* Row i of the facets over distances, its entries ascending, with a diagonal of 0. Every neighbour has an entry, so
   that the pattern is symmetric. */
static void SetRow(BrenierLaguerre l, PetscInt i, PetscInt column[], PetscScalar v[])
{
  const PetscInt target = l->targets->first + i;
  PetscInt       n      = 0;
  PetscBool      passed = PETSC_FALSE;

  for (PetscInt k = l->neighbours.start[i]; k < l->neighbours.start[i + 1]; ++k) {
    const PetscInt other  = l->neighbours.other[k];
    PetscReal      square = 0.0;

    if (!passed && other > target) {
      passed    = PETSC_TRUE;
      column[n] = target;
      v[n++]    = 0.0;
    }
    for (PetscInt c = 0; c < l->dim; ++c)
      square += PetscSqr(l->y[(size_t)other * l->dim + c] - l->y[(size_t)target * l->dim + c]);
    column[n] = other;
    v[n++]    = square > 0.0 ? -l->facet[k] / PetscSqrtReal(square) : 0.0;
  }
  if (!passed) {
    column[n] = target;
    v[n]      = 0.0;
  }
}

/* Two cells see the facet between them with different rounding, which matters when it is a sliver: takes the mean. Then
   the diagonal makes the rows sum to zero. */
static PetscErrorCode Symmetrise(Mat hessian)
{
  Mat transpose;
  Vec sum;

  PetscFunctionBegin;
  PetscCall(MatTranspose(hessian, MAT_INITIAL_MATRIX, &transpose));
  PetscCall(MatAXPY(hessian, 1.0, transpose, SAME_NONZERO_PATTERN));
  PetscCall(MatDestroy(&transpose));
  PetscCall(MatScale(hessian, 0.5));
  PetscCall(MatCreateVecs(hessian, &sum, NULL));
  PetscCall(MatGetRowSum(hessian, sum));
  PetscCall(VecScale(sum, -1.0));
  PetscCall(MatDiagonalSet(hessian, sum, INSERT_VALUES));
  PetscCall(VecDestroy(&sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreHessian(BrenierLaguerre l, Mat *hessian)
{
  const PetscInt n = l->targets->n_local, most = l->neighbours.start[n] + n;
  PetscInt      *row, *column;
  PetscScalar   *v;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n + 1, &row, most, &column, most, &v));
  for (PetscInt i = 0; i <= n; ++i) row[i] = l->neighbours.start[i] + i;
  for (PetscInt i = 0; i < n; ++i) SetRow(l, i, column + row[i], v + row[i]);
  PetscCall(MatCreateMPIAIJWithArrays(l->comm, n, n, l->targets->n, l->targets->n, row, column, v, hessian));
  PetscCall(PetscFree3(row, column, v));
  PetscCall(MatSetOption(*hessian, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetOption(*hessian, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  PetscCall(Symmetrise(*hessian));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreBarycentres(BrenierLaguerre l, PetscReal barycentre[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < l->targets->n_local; ++i)
    for (PetscInt c = 0; c < l->dim; ++c)
      barycentre[i * l->dim + c] = l->mass[i] > 0.0 ? l->moment[i * l->dim + c] / l->mass[i] : NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierLaguerrePower(BrenierLaguerre l)
{
  return l->law == BRENIER_LAW_CIRCLE ? 0.5 : (PetscReal)l->dim;
}

const PetscReal *BrenierLaguerreSecondMoments(BrenierLaguerre l)
{
  return l->second;
}

PetscErrorCode BrenierLaguerreAt(BrenierTargets t, BrenierSource source, Vec h, Vec mass, PetscReal *energy,
                                 BrenierLaguerre *laguerre)
{
  BrenierLaguerreValue value;
  Vec                  own = NULL;

  PetscFunctionBegin;
  *laguerre = NULL;
  if (!BrenierLaguerreKnows(source, t->n)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!mass) PetscCall(VecDuplicate(h, &own));
  PetscCall(BrenierLaguerreCreate(t, source, laguerre));
  PetscCall(BrenierLaguerreEvaluate(*laguerre, h, mass ? mass : own, &value));
  PetscCall(VecDestroy(&own));
  *energy = value.energy;
  if (!value.sound) PetscCall(BrenierLaguerreDestroy(laguerre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLaguerreDestroy(BrenierLaguerre *laguerre)
{
  BrenierLaguerre l = *laguerre;

  PetscFunctionBegin;
  if (!l) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierNeighboursFree(&l->neighbours));
  BrenierComponentsFree(&l->components);
  PetscCall(PetscFree2(l->count, l->offset));
  PetscCall(PetscFree3(l->y, l->h, l->low));
  PetscCall(PetscFree3(l->mass, l->moment, l->second));
  PetscCall(PetscFree(l->border));
  PetscCall(PetscFree(l->facet));
  PetscCall(PetscFree(*laguerre));
  PetscFunctionReturn(PETSC_SUCCESS);
}
