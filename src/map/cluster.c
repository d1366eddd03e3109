/* cluster.c - Implements cluster.h. */
#include <brenier/base.h>
#include <brenier/cluster.h>
#include <brenier/dot.h>
#include <brenier/transport.h>

#include <math.h>
#include <petscsf.h>

/* Terms are rounded so that the sum of all their sizes counts at most 2^this: integers, added exactly. */
static const int brenier_term_bits = 61;

/* State of the iteration for the centres. */
typedef struct {
  /* parameters */
  BrenierTargets targets;
  /* layout */
  PetscLayout layout; /* of the centres */
  PetscInt    n_local;
  /* data */
  PetscReal  *centre; /* in the same units, shape [n_local, dim] */
  PetscReal  *weight; /* shape [n_local]; 0 for a centre without members */
  PetscInt64 *parent; /* the caller's */
} Clusters;

/* One target of each of as many equal parts of their order. */
static PetscErrorCode FirstCentres(Clusters *c, PetscInt64 seed)
{
  const BrenierTargets t = c->targets;
  PetscInt             first, n;
  PetscInt64          *index;

  PetscFunctionBegin;
  PetscCall(PetscLayoutGetRange(c->layout, &first, NULL));
  PetscCall(PetscLayoutGetSize(c->layout, &n));
  PetscCall(PetscMalloc1(c->n_local, &index));
  for (PetscInt i = 0; i < c->n_local; ++i) {
    PetscReal where;

    BrenierRandomUniform((uint64_t)seed, BRENIER_STREAM_CLUSTER, (uint64_t)(first + i), 1, &where);
    index[i] = (PetscInt64)(((PetscReal)(first + i) + where) * (PetscReal)t->n / (PetscReal)n);
    index[i] = PetscMin(index[i], (PetscInt64)t->n - 1);
  }
  PetscCall(BrenierTargetsFetch(t, c->n_local, index, c->centre));
  for (size_t i = 0; i < (size_t)c->n_local * t->dim; ++i)
    c->centre[i] = (c->centre[i] - t->centre[i % (size_t)t->dim]) / t->unit;
  PetscCall(PetscFree(index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The nearest centre of every target. */
static PetscErrorCode Assign(Clusters *c)
{
  const BrenierTargets     t      = c->targets;
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_TRUE);
  BrenierTargets           centres;
  PetscReal               *y, *nu;
  PetscInt64              *row;
  PetscScalar             *h;
  Vec                      height;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)c->n_local * t->dim, &y));
  PetscCall(PetscMalloc1(c->n_local, &nu));
  PetscCall(PetscCalloc1(c->n_local, &row));
  PetscCall(PetscArraycpy(y, c->centre, (size_t)c->n_local * t->dim));
  for (PetscInt i = 0; i < c->n_local; ++i) nu[i] = 1.0; // plays no part
  PetscCall(BrenierTargetsCreateFromArrays(t->comm, c->n_local, t->dim, y, nu, row, &centres));
  PetscCall(BrenierTargetsCreateVec(centres, &height));
  PetscCall(VecGetArrayWrite(height, &h));
  for (PetscInt i = 0; i < c->n_local; ++i) {
    const PetscReal *x = c->centre + (size_t)i * t->dim;

    h[i] = -0.5 * BrenierDot((size_t)t->dim, x, x);
  }
  PetscCall(VecRestoreArrayWrite(height, &h));
  ierr = BrenierTransportCells(centres, height, &points, c->parent);
  PetscCall(VecDestroy(&height));
  PetscCall(BrenierTargetsDestroy(&centres));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sums of integers over the members of each centre. */
static PetscErrorCode CreateForest(const Clusters *c, PetscSF *sf)
{
  PetscInt *leaf;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(c->targets->n_local, &leaf));
  for (PetscInt i = 0; i < c->targets->n_local; ++i) leaf[i] = (PetscInt)c->parent[i];
  PetscCall(PetscSFCreate(c->targets->comm, sf));
  PetscCall(PetscSFSetGraphLayout(*sf, c->layout, c->targets->n_local, NULL, PETSC_OWN_POINTER, leaf));
  PetscCall(PetscFree(leaf));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sum[centre] = sum of term over its members; |term| summed over all targets is at most `most`. */
static PetscErrorCode SumMembers(const Clusters *c, PetscSF sf, PetscReal most, const PetscReal term[], PetscReal sum[])
{
  const PetscInt n = c->targets->n_local;
  PetscInt64    *leaf, *root;
  int            exponent;

  PetscFunctionBegin;
  (void)frexp(most, &exponent);
  PetscCall(PetscMalloc1(n, &leaf));
  PetscCall(PetscCalloc1(c->n_local, &root));
  for (PetscInt i = 0; i < n; ++i) leaf[i] = llrint(ldexp(term[i], brenier_term_bits - exponent));
  PetscCall(PetscSFReduceBegin(sf, MPIU_INT64, leaf, root, MPI_SUM));
  PetscCall(PetscSFReduceEnd(sf, MPIU_INT64, leaf, root, MPI_SUM));
  for (PetscInt i = 0; i < c->n_local; ++i) sum[i] = ldexp((PetscReal)root[i], exponent - brenier_term_bits);
  PetscCall(PetscFree(leaf));
  PetscCall(PetscFree(root));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Centres move to the weighted mean of their members; one without members stays. */
static PetscErrorCode MoveCentres(Clusters *c)
{
  const BrenierTargets     t = c->targets;
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_TRUE);
  PetscReal               *term, *sum, most = 0.0;
  PetscSF                  sf;

  PetscFunctionBegin;
  PetscCall(CreateForest(c, &sf));
  PetscCall(PetscMalloc2(t->n_local, &term, c->n_local, &sum));
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) most = PetscMax(most, PetscAbsReal(BrenierCoordinate(&y, i, k)));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCall(SumMembers(c, sf, 1.0, t->nu, c->weight));
  for (PetscInt k = 0; k < t->dim; ++k) {
    for (PetscInt i = 0; i < t->n_local; ++i) term[i] = t->nu[i] * BrenierCoordinate(&y, i, k);
    PetscCall(SumMembers(c, sf, most, term, sum));
    for (PetscInt i = 0; i < c->n_local; ++i)
      if (c->weight[i] > 0.0) c->centre[(size_t)i * t->dim + k] = sum[i] / c->weight[i];
  }
  PetscCall(PetscFree2(term, sum));
  PetscCall(PetscSFDestroy(&sf));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Centres with members become targets, and parents their global indices. */
static PetscErrorCode Finish(Clusters *c, BrenierTargets *clusters)
{
  const BrenierTargets t = c->targets;
  PetscInt             n = 0, first;
  PetscReal           *y, *nu;
  PetscInt64          *row, *number;
  PetscSF              sf;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)c->n_local * t->dim, &y));
  PetscCall(PetscMalloc1(c->n_local, &nu));
  PetscCall(PetscMalloc1(c->n_local, &row));
  PetscCall(PetscMalloc1(c->n_local, &number));
  for (PetscInt i = 0; i < c->n_local; ++i) n += c->weight[i] > 0.0;
  first = n;
  PetscCallMPI(MPI_Scan(MPI_IN_PLACE, &first, 1, MPIU_INT, MPI_SUM, t->comm));
  first -= n;
  n = 0;
  for (PetscInt i = 0; i < c->n_local; ++i) {
    number[i] = row[n] = first + n;
    if (!(c->weight[i] > 0.0)) continue;
    for (PetscInt k = 0; k < t->dim; ++k)
      y[(size_t)n * t->dim + k] = c->centre[(size_t)i * t->dim + k] * t->unit + t->centre[k];
    nu[n++] = c->weight[i];
  }
  PetscCall(CreateForest(c, &sf));
  PetscCall(PetscSFBcastBegin(sf, MPIU_INT64, number, c->parent, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, MPIU_INT64, number, c->parent, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscFree(number));
  PetscCall(BrenierTargetsCreateFromArrays(t->comm, n, t->dim, y, nu, row, clusters));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCluster(BrenierTargets t, PetscInt n_clusters, PetscInt n_steps, PetscInt64 seed,
                              BrenierTargets *clusters, PetscInt64 parent[])
{
  Clusters       c    = {.targets = t, .parent = parent};
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(PetscLayoutCreateFromSizes(t->comm, PETSC_DECIDE, n_clusters, 1, &c.layout));
  PetscCall(PetscLayoutGetLocalSize(c.layout, &c.n_local));
  PetscCall(PetscMalloc2((size_t)c.n_local * t->dim, &c.centre, c.n_local, &c.weight));
  PetscCall(FirstCentres(&c, seed));
  for (PetscInt step = 0; step < n_steps && !ierr; ++step) {
    ierr = Assign(&c);
    if (!ierr) ierr = MoveCentres(&c);
  }
  if (!ierr) ierr = Finish(&c, clusters);
  PetscCall(PetscFree2(c.centre, c.weight));
  PetscCall(PetscLayoutDestroy(&c.layout));
  PetscCall(ierr); // BRENIER_STOPPED when a stop was asked for
  PetscFunctionReturn(PETSC_SUCCESS);
}
