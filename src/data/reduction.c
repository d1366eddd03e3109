/* reduction.c - Implements reduction.h: L^T y of the targets, then Gram and Schmidt with the furthest one as pivot. */
#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/heights.h>
#include <brenier/reduction.h>

#include "duplicates.h"

#include <float.h>
#include <stdlib.h>

/* What counts as a direction, in parts of the range along each axis, and in roundings of the largest coordinate. */
static const PetscReal brenier_least_part = 1e-12, brenier_roundings = 8.0;

/* Axes whose range is rounding to this part are ignored for the rank. */
static const PetscReal brenier_blurred = 1e-6;

/* Targets that are tested first, beyond the dimension: if they span everything, the others are not needed. */
static const PetscInt brenier_probe = 16;

/* Differences of the targets to one of them, each axis in units of its range, orthogonalised against the directions
   found so far. */
typedef struct {
  MPI_Comm   comm;
  PetscInt   dim;       /* axes that differ */
  PetscInt   n;         /* rows on this rank */
  PetscReal *row;       /* shape [n, dim] */
  PetscReal  tolerance; /* of the largest norm of a row */
} Residuals;

/* The axes of the targets. */
typedef struct {
  PetscReal *low, *high; /* least and largest coordinate, shape [dim] */
  PetscInt  *axis;       /* along which targets differ, shape [n] */
  PetscInt   n;
} Axes;

static PetscErrorCode FindAxes(BrenierTargets t, Axes *a)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_FALSE);

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(t->dim, &a->low, t->dim, &a->high, t->dim, &a->axis));
  for (PetscInt k = 0; k < t->dim; ++k) {
    a->low[k]  = PETSC_MAX_REAL;
    a->high[k] = -PETSC_MAX_REAL;
  }
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) {
      a->low[k]  = PetscMin(a->low[k], BrenierCoordinate(&y, i, k));
      a->high[k] = PetscMax(a->high[k], BrenierCoordinate(&y, i, k));
    }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, a->low, t->dim, MPIU_REAL, MPI_MIN, t->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, a->high, t->dim, MPIU_REAL, MPI_MAX, t->comm));
  a->n = 0;
  for (PetscInt k = 0; k < t->dim; ++k)
    if (a->low[k] < a->high[k]) a->axis[a->n++] = k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every stride-th target less target 0, axis by axis over its range. */
static PetscErrorCode SetResiduals(BrenierTargets t, const Axes *a, PetscInt stride, Residuals *r)
{
  const BrenierCoordinates y    = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscInt64         zero = 0;
  PetscReal               *origin;
  PetscInt                 first = (stride - t->first % stride) % stride;

  PetscFunctionBegin;
  r->comm = t->comm;
  r->dim  = a->n;
  r->n    = first < t->n_local ? (t->n_local - 1 - first) / stride + 1 : 0;
  PetscCall(PetscMalloc1(t->dim, &origin));
  PetscCall(PetscMalloc1((size_t)r->n * r->dim, &r->row));
  PetscCall(BrenierTargetsFetch(t, 1, &zero, origin));
  for (PetscInt i = 0; i < r->n; ++i)
    for (PetscInt l = 0; l < r->dim; ++l) {
      const PetscInt k = a->axis[l];

      r->row[(size_t)i * r->dim + l] =
          (BrenierCoordinate(&y, first + i * stride, k) - origin[k]) / (a->high[k] - a->low[k]);
    }
  PetscCall(PetscFree(origin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The largest relative rounding of an axis, added to what always counts as none. */
static PetscReal Tolerance(const Axes *a)
{
  PetscReal rounding = 0.0;

  for (PetscInt l = 0; l < a->n; ++l) {
    const PetscReal low = a->low[a->axis[l]], high = a->high[a->axis[l]];

    rounding = PetscMax(rounding, PetscMax(PetscAbsReal(low), PetscAbsReal(high)) / (high - low));
  }
  return PetscSqrtReal((PetscReal)a->n) * PetscMax(brenier_least_part, brenier_roundings * DBL_EPSILON * rounding);
}

/* Takes direction q out of every row. */
static void Orthogonalise(Residuals *r, const PetscReal q[])
{
  for (PetscInt i = 0; i < r->n; ++i) {
    PetscReal      *row   = r->row + (size_t)i * r->dim;
    const PetscReal along = BrenierDot((size_t)r->dim, row, q);

    for (PetscInt k = 0; k < r->dim; ++k) row[k] -= along * q[k];
  }
}

/* The longest row of all ranks, the first of several; its square is 0 where there are none. */
static PetscErrorCode Longest(const Residuals *r, PetscReal row[], PetscReal *square)
{
  struct {
    double value;
    int    rank;
  } here              = {0.0, 0}, best;
  PetscInt    longest = -1;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(r->comm, &rank));
  for (PetscInt i = 0; i < r->n; ++i) {
    const PetscReal *x = r->row + (size_t)i * r->dim;
    const PetscReal  s = BrenierDot((size_t)r->dim, x, x);

    if (s > here.value) {
      here.value = s;
      longest    = i;
    }
  }
  here.rank = rank;
  PetscCallMPI(MPI_Allreduce(&here, &best, 1, MPI_DOUBLE_INT, MPI_MAXLOC, r->comm));
  *square = best.value;
  if (best.rank == rank && longest >= 0) PetscCall(PetscArraycpy(row, r->row + (size_t)longest * r->dim, r->dim));
  PetscCallMPI(MPI_Bcast(row, r->dim, MPIU_REAL, best.rank, r->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes q a unit vector orthogonal to the first n rows of basis: twice is enough. */
static void Orthonormalise(PetscInt n, PetscInt dim, const PetscReal basis[], PetscReal q[])
{
  for (int pass = 0; pass < 2; ++pass) {
    PetscReal norm;

    for (PetscInt l = 0; l < n; ++l) {
      const PetscReal *b     = basis + (size_t)l * dim;
      const PetscReal  along = BrenierDot((size_t)dim, b, q);

      for (PetscInt k = 0; k < dim; ++k) q[k] -= along * b[k];
    }
    norm = PetscSqrtReal(BrenierDot((size_t)dim, q, q));
    for (PetscInt k = 0; k < dim; ++k) q[k] /= norm;
  }
}

/* Adds directions to the rank ones in basis until no row is longer than the tolerance. */
static PetscErrorCode Span(Residuals *r, PetscReal basis[], PetscInt *rank)
{
  PetscReal square;

  PetscFunctionBegin;
  for (PetscInt l = 0; l < *rank; ++l) Orthogonalise(r, basis + (size_t)l * r->dim);
  while (*rank < r->dim) {
    PetscReal *q = basis + (size_t)*rank * r->dim;

    PetscCall(Longest(r, q, &square));
    if (square <= PetscSqr(r->tolerance)) break;
    Orthonormalise(*rank, r->dim, basis, q);
    Orthogonalise(r, q);
    ++*rank;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rank, and directions that span the differences of targets, in units of the axes' ranges. */
static PetscErrorCode FindDirections(BrenierTargets t, const Axes *a, PetscReal basis[], PetscInt *rank)
{
  const PetscInt stride = PetscMax(t->n / (a->n + brenier_probe), 1);
  Residuals      r      = {0};

  PetscFunctionBegin;
  *rank       = 0;
  r.tolerance = Tolerance(a);
  if (r.tolerance > brenier_blurred) {
    *rank = a->n;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(SetResiduals(t, a, stride, &r));
  PetscCall(Span(&r, basis, rank));
  PetscCall(PetscFree(r.row));
  if (*rank == a->n || stride == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SetResiduals(t, a, 1, &r));
  PetscCall(Span(&r, basis, rank));
  PetscCall(PetscFree(r.row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Axes as columns of Q. */
static PetscErrorCode SetAxes(BrenierReduction r, const Axes *a)
{
  PetscFunctionBegin;
  r->rank = a->n;
  PetscCall(PetscCalloc1((size_t)r->rank * r->dim, &r->basis));
  for (PetscInt l = 0; l < r->rank; ++l) r->basis[(size_t)l * r->dim + a->axis[l]] = 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Directions as orthonormal columns of Q, back in the units of the targets. */
static PetscErrorCode SetBasis(BrenierReduction r, const Axes *a, const PetscReal direction[])
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)r->rank * r->dim, &r->basis));
  for (PetscInt l = 0; l < r->rank; ++l) {
    PetscReal *q = r->basis + (size_t)l * r->dim;

    for (PetscInt m = 0; m < a->n; ++m) {
      const PetscInt k = a->axis[m];

      q[k] = direction[(size_t)l * a->n + m] * (a->high[k] - a->low[k]);
    }
    Orthonormalise(l, r->dim, r->basis, q);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The basis, unless targets need all coordinates. */
static PetscErrorCode FindBasis(BrenierReduction r, BrenierTargets t, BrenierSymmetry symmetry)
{
  PetscReal *direction;
  Axes       a;

  PetscFunctionBegin;
  r->rank = r->dim;
  if (symmetry == BRENIER_SYMMETRY_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FindAxes(t, &a));
  r->rank = a.n;
  PetscCall(PetscMalloc1((size_t)a.n * a.n, &direction));
  if (symmetry >= BRENIER_SYMMETRY_ROTATIONS) PetscCall(FindDirections(t, &a, direction, &r->rank));
  if (r->rank == 0) r->rank = r->dim; // one target
  else if (r->rank < a.n) PetscCall(SetBasis(r, &a, direction));
  else if (a.n < r->dim) PetscCall(SetAxes(r, &a));
  PetscCall(PetscFree(direction));
  PetscCall(PetscFree3(a.low, a.high, a.axis));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Q^T x. */
static void ProjectOnBasis(BrenierReduction r, const PetscReal x[], PetscReal projected[])
{
  for (PetscInt l = 0; l < r->rank; ++l)
    projected[l] = r->basis ? BrenierDot((size_t)r->dim, x, r->basis + (size_t)l * r->dim) : x[l];
}

/* Q x'. */
static void LiftFromBasis(BrenierReduction r, const PetscReal projected[], PetscReal x[])
{
  for (PetscInt k = 0; k < r->dim; ++k) x[k] = r->basis ? 0.0 : projected[k];
  for (PetscInt l = 0; r->basis && l < r->rank; ++l)
    for (PetscInt k = 0; k < r->dim; ++k) x[k] += projected[l] * r->basis[(size_t)l * r->dim + k];
}

/* |p|^2 by target 0, the same number on all ranks. */
static PetscErrorCode SetDropped(BrenierReduction r)
{
  const PetscInt64 zero = 0;
  PetscReal       *y, *inside, *back, square = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(r->dim, &y, r->rank, &inside, r->dim, &back));
  PetscCall(BrenierTargetsFetch(r->pulled, 1, &zero, y));
  ProjectOnBasis(r, y, inside);
  LiftFromBasis(r, inside, back);
  for (PetscInt k = 0; k < r->dim; ++k) square += PetscSqr(y[k] - back[k]);
  r->targets->dropped = square;
  PetscCall(PetscFree3(y, inside, back));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReduceTargets(BrenierReduction r)
{
  const BrenierTargets     t      = r->pulled;
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *y, *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * r->rank, &y));
  PetscCall(PetscMalloc1(t->dim, &work));
  for (PetscInt i = 0; i < t->n_local; ++i)
    ProjectOnBasis(r, BrenierPoint(&points, i, work), y + (size_t)i * (size_t)r->rank);
  PetscCall(PetscFree(work));
  PetscCall(BrenierTargetsInCoordinates(t, r->rank, y, &r->targets));
  PetscCall(SetDropped(r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses a factor that makes different targets the same. */
static PetscErrorCode CheckDistinct(BrenierTargets t)
{
  const size_t n = (size_t)t->n_local;
  PetscReal   *y, *nu;
  PetscInt64  *row, n_merged;
  PetscInt     left = t->n_local;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n * (size_t)t->dim, &y, n, &nu, n, &row));
  PetscCall(PetscArraycpy(y, t->y, n * (size_t)t->dim));
  PetscCall(PetscArraycpy(nu, t->nu, n));
  PetscCall(PetscArraycpy(row, t->row, n));
  PetscCall(BrenierMergeDuplicates_Private(t->comm, t->layout, &(BrenierMutablePoints){t->dim, y, NULL}, &left, nu, row,
                                           &n_merged));
  PetscCall(PetscFree3(y, nu, row));
  PetscCheck(n_merged == 0, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: the factor of the source is singular and does not tell %" PetscInt64_FMT
             " of the targets from others; give a factor of full rank",
             t->path, n_merged);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y' = L^T y, and <m, y>, whose mean over the targets is taken off and goes to *mean. */
static PetscErrorCode PullTargets(BrenierReduction r, BrenierSource source, PetscReal *mean)
{
  const BrenierTargets     t      = r->whole;
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *y, *term, *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * t->dim, &y));
  PetscCall(PetscMalloc1(t->dim, &work));
  PetscCall(PetscMalloc1(t->n_local, &r->pairing));
  PetscCall(PetscMalloc1(t->n_local, &term));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    BrenierSourcePullBack(source, BrenierPoint(&points, i, work), y + (size_t)i * (size_t)t->dim, &r->pairing[i]);
    term[i] = t->nu[i] * r->pairing[i];
  }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, mean));
  PetscCall(PetscFree(term));
  PetscCall(PetscFree(work));
  for (PetscInt i = 0; i < t->n_local; ++i) r->pairing[i] -= *mean;
  PetscCall(BrenierTargetsInCoordinates(t, t->dim, y, &r->pulled));
  PetscCall(CheckDistinct(r->pulled));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What W2 between the source of x and the given targets takes from these. */
static PetscErrorCode SetSquares(BrenierReduction r, PetscReal mean)
{
  const BrenierTargets     t      = r->whole;
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->dim, &work));
  r->targets->shift   = mean;
  r->targets->dropped = 0.0;
  PetscCall(PetscMalloc1(t->n_local, &r->targets->square));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = BrenierPoint(&points, i, work);

    r->targets->square[i] = BrenierDot((size_t)t->dim, y, y) - 2.0 * r->pairing[i];
  }
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierReductionCreate(BrenierTargets targets, BrenierSource source, BrenierReduction *reduction)
{
  BrenierReduction r;
  BrenierSource    standard;
  PetscReal        mean = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscNew(&r));
  r->dim    = targets->dim;
  r->whole  = targets;
  r->pulled = targets;
  r->given  = BrenierSourceReference(source);
  if (BrenierSourceIsAffine(source)) PetscCall(PullTargets(r, source, &mean));
  r->targets = r->pulled;
  PetscCall(BrenierSourceStandard(source, &standard));
  PetscCall(FindBasis(r, r->pulled, BrenierSourceSymmetry(source)));
  PetscCall(PetscMalloc1(r->rank, &r->row));
  if (r->basis) PetscCall(ReduceTargets(r));
  if (r->pairing) PetscCall(SetSquares(r, mean));
  PetscCall(BrenierSourceProject(standard, r->rank, r->basis, &r->source));
  PetscCall(BrenierSourceDestroy(&standard));
  *reduction = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierReductionProject(BrenierReduction r, PetscInt n, const PetscReal y[], PetscReal projected[])
{
  PetscReal *pulled = NULL;

  if (r->pairing) pulled = malloc((size_t)r->dim * sizeof *pulled);
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal *from = y + (size_t)i * r->dim;

    if (pulled) BrenierSourcePullBack(r->given, from, pulled, NULL);
    ProjectOnBasis(r, pulled ? pulled : from, projected + (size_t)i * (size_t)r->rank);
  }
  free(pulled);
}

void BrenierReductionLift(BrenierReduction r, PetscInt n, const PetscReal projected[], PetscReal x[])
{
  // Backwards: where x is the array of `projected`, no row is overwritten before its turn
  for (PetscInt i = n - 1; i >= 0; --i) {
    memcpy(r->row, projected + (size_t)i * (size_t)r->rank, (size_t)r->rank * sizeof *r->row);
    LiftFromBasis(r, r->row, x + (size_t)i * r->dim);
    if (r->pairing) BrenierSourcePushForward(r->given, x + (size_t)i * r->dim);
  }
}

PetscErrorCode BrenierReductionLiftInPlace(BrenierReduction r, PetscInt n, const BrenierMutablePoints *points)
{
  PetscReal *row;

  PetscFunctionBegin;
  if (points->value) BrenierReductionLift(r, n, points->value, points->value);
  if (points->value || (!r->basis && !r->pairing)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(r->dim, &row));
  // Backwards, as there
  for (PetscInt i = n - 1; i >= 0; --i) {
    for (PetscInt k = 0; k < r->rank; ++k) row[k] = points->single[(size_t)i * (size_t)r->rank + (size_t)k];
    BrenierReductionLift(r, 1, row, row);
    for (PetscInt k = 0; k < r->dim; ++k) BrenierPointsSet(points, i, k, row[k]);
  }
  PetscCall(PetscFree(row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierReductionHeights(BrenierReduction r, BrenierReductionWay way, Vec h)
{
  PetscScalar *pairing;
  Vec          step;

  PetscFunctionBegin;
  if (!r->pairing) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierTargetsCreateVec(r->whole, &step));
  PetscCall(VecGetArrayWrite(step, &pairing));
  PetscCall(PetscArraycpy(pairing, r->pairing, r->whole->n_local));
  PetscCall(VecRestoreArrayWrite(step, &pairing));
  PetscCall(BrenierHeightsAdd(h, way == BRENIER_REDUCTION_IN ? 1.0 : -1.0, step));
  PetscCall(VecDestroy(&step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierReductionDestroy(BrenierReduction *reduction)
{
  BrenierReduction r = *reduction;

  PetscFunctionBegin;
  if (!r) PetscFunctionReturn(PETSC_SUCCESS);
  if (r->targets != r->pulled) PetscCall(BrenierTargetsDestroy(&r->targets));
  if (r->pulled != r->whole) PetscCall(BrenierTargetsDestroy(&r->pulled));
  PetscCall(BrenierSourceDestroy(&r->source));
  PetscCall(BrenierSourceDestroy(&r->given));
  PetscCall(PetscFree(r->pairing));
  PetscCall(PetscFree(r->basis));
  PetscCall(PetscFree(r->row));
  PetscCall(PetscFree(*reduction));
  PetscFunctionReturn(PETSC_SUCCESS);
}
