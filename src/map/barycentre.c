/*
  barycentre.c - Implements barycentre.h.

  A sum for every coordinate of every target that this rank's curves meet, and one for the share; a star forest adds
  those of the ranks. Integers throughout, so that the order does not matter.
*/
#include <brenier/barycentre.h>
#include <brenier/base.h>
#include <brenier/dual.h>

#include <math.h>
#include <petscsf.h>

/* Coordinates of source points stay below 2^4 scales (a normal number of 53 bits below 8.6), and sums below 2^62. */
enum { BRENIER_MOMENT_BITS = 62 - 4 };

typedef struct {
  /* parameters */
  BrenierTargets       targets;
  const BrenierSource *source;
  BrenierDual          dual;
  PetscInt64           seed;
  PetscReal            units; /* of a sum in one source length, or in a whole curve */
  /* pieces of one curve */
  PetscInt   capacity;
  PetscInt  *target;
  PetscReal *start;
  /* sums */
  PetscInt    n_leaves;
  PetscInt   *leaf; /* global targets, ascending */
  PetscInt64 *sum;  /* shape [dim + 1, n_leaves], the shares last */
} Moments;

static PetscErrorCode GetPieces(Moments *m, PetscInt c, PetscInt *n)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualGetPieces(m->dual, c, n, m->target, m->start, m->capacity));
  if (*n <= m->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  m->capacity = 2 * *n;
  PetscCall(PetscFree2(m->target, m->start));
  PetscCall(PetscMalloc2(m->capacity, &m->target, m->capacity + 1, &m->start));
  PetscCall(BrenierDualGetPieces(m->dual, c, n, m->target, m->start, m->capacity));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The different targets of all pieces here. */
static PetscErrorCode FindLeaves(Moments *m, PetscInt n_curves)
{
  PetscInt n = 0, n_pieces, capacity = 0;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < n_curves; ++c) {
    PetscCall(GetPieces(m, c, &n_pieces));
    if (n + n_pieces > capacity) {
      // What is there already holds few different targets after a while
      PetscCall(PetscSortRemoveDupsInt(&n, m->leaf));
      capacity = 2 * (n + n_pieces) + 1024;
      PetscCall(PetscRealloc((size_t)capacity * sizeof *m->leaf, &m->leaf));
    }
    PetscCall(PetscArraycpy(m->leaf + n, m->target, n_pieces));
    n += n_pieces;
  }
  PetscCall(PetscSortRemoveDupsInt(&n, m->leaf));
  m->n_leaves = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the measure of a curve ends. */
static PetscReal CurveEnd(const BrenierSource *source)
{
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE) return 2.0 * PETSC_PI;
  return BrenierSourceLineMeasure(source) == BRENIER_LINE_UNIFORM ? 0.5 : INFINITY;
}

static PetscReal NormalDensity(PetscReal t)
{
  return PetscExpReal(-0.5 * t * t) / PetscSqrtReal(2.0 * PETSC_PI);
}

/* First moment and, behind it, the share of the piece [s, e] of a curve. */
static void MomentOfPiece(const BrenierSource *source, const BrenierCurve *curve, PetscReal s, PetscReal e,
                          PetscReal moment[])
{
  const BrenierLineMeasure measure = BrenierSourceLineMeasure(source);
  const PetscInt           dim     = source->dim;
  PetscReal                p, q;

  switch (BrenierSourceCurveType(source)) {
  case BRENIER_CURVE_CIRCLE:
    p = (PetscSinReal(e) - PetscSinReal(s)) / (2.0 * PETSC_PI);
    q = (PetscCosReal(s) - PetscCosReal(e)) / (2.0 * PETSC_PI);
    for (PetscInt k = 0; k < dim; ++k) moment[k] = p * curve->z1[k] + q * curve->z2[k];
    moment[dim] = (e - s) / (2.0 * PETSC_PI);
    break;
  case BRENIER_CURVE_CHORD:
    for (PetscInt k = 0; k < dim; ++k) moment[k] = (e - s) * curve->z1[k];
    moment[curve->axis] = 0.5 * (e - s) * (e + s);
    moment[dim]         = e - s;
    break;
  case BRENIER_CURVE_LINE:
    moment[0] = measure == BRENIER_LINE_UNIFORM ? 0.5 * (e - s) * (e + s)
                                                : source->scale * (NormalDensity(s) - NormalDensity(e));
    moment[1] = BrenierLineShare(measure, e) - BrenierLineShare(measure, s);
    break;
  }
}

static PetscErrorCode AddCurves(Moments *m, PetscInt64 first, PetscInt n_curves)
{
  const PetscInt dim = m->source->dim;
  BrenierCurve   curve;
  PetscReal     *z, *moment;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(2 * dim, &z, dim + 1, &moment));
  curve.z1 = z;
  curve.z2 = z + dim;
  for (PetscInt c = 0; c < n_curves; ++c) {
    PetscInt n, leaf;

    BrenierSourceDrawCurve(m->source, m->seed, BRENIER_STREAM_BARYCENTRE, first + c, &curve);
    PetscCall(GetPieces(m, c, &n));
    m->start[n] = CurveEnd(m->source);
    for (PetscInt p = 0; p < n; ++p) {
      MomentOfPiece(m->source, &curve, m->start[p], m->start[p + 1], moment);
      PetscCall(PetscFindInt(m->target[p], m->n_leaves, m->leaf, &leaf));
      for (PetscInt k = 0; k <= dim; ++k)
        m->sum[(size_t)k * (size_t)m->n_leaves + (size_t)leaf] +=
            llrint(moment[k] * m->units / (k < dim ? m->source->scale : 1.0));
    }
  }
  PetscCall(PetscFree2(z, moment));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the ranks' sums where the targets are, a coordinate at a time, and divides. */
static PetscErrorCode Divide(const Moments *m, PetscReal barycentre[])
{
  const BrenierTargets t   = m->targets;
  const PetscInt       dim = t->dim;
  PetscInt64          *share, *total;
  PetscSF              sf;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(t->n_local, &share, t->n_local, &total));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, t->layout, m->n_leaves, NULL, PETSC_OWN_POINTER, m->leaf));
  for (PetscInt k = dim; k >= 0; --k) {
    PetscInt64 *const sum = k == dim ? share : total;

    PetscCall(PetscArrayzero(sum, t->n_local));
    PetscCall(PetscSFReduceBegin(sf, MPIU_INT64, m->sum + (size_t)k * (size_t)m->n_leaves, sum, MPI_SUM));
    PetscCall(PetscSFReduceEnd(sf, MPIU_INT64, m->sum + (size_t)k * (size_t)m->n_leaves, sum, MPI_SUM));
    for (PetscInt i = 0; k < dim && i < t->n_local; ++i)
      barycentre[(size_t)i * (size_t)dim + (size_t)k] =
          share[i] > 0 ? m->source->scale * ((PetscReal)sum[i] / (PetscReal)share[i]) : NAN;
  }
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscFree2(share, total));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBarycentresMeasure(BrenierTargets t, const BrenierSource *source, Vec h, PetscInt64 seed,
                                         PetscInt64 n_curves, PetscReal barycentre[])
{
  Moments          m = {.targets = t, .source = source, .seed = seed, .capacity = 64};
  BrenierDualValue value;
  PetscInt64       first;
  PetscInt         n_local;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_BARYCENTRE, n_curves, 1, &m.dual));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierDualEvaluate(m.dual, h, mass, &value));
  PetscCall(VecDestroy(&mass));
  m.units = ldexp(1.0, BRENIER_MOMENT_BITS) / (PetscReal)BrenierDualCurves(m.dual);
  PetscCall(BrenierDualGetCurves(m.dual, &first, &n_local));
  PetscCall(PetscMalloc2(m.capacity, &m.target, m.capacity + 1, &m.start));
  PetscCall(FindLeaves(&m, n_local));
  PetscCall(PetscCalloc1((size_t)m.n_leaves * (size_t)(t->dim + 1), &m.sum));
  PetscCall(AddCurves(&m, first, n_local));
  PetscCall(BrenierDualDestroy(&m.dual));
  PetscCall(Divide(&m, barycentre));
  PetscCall(PetscFree2(m.target, m.start));
  PetscCall(PetscFree(m.leaf));
  PetscCall(PetscFree(m.sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}
