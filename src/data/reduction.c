/* reduction.c - Implements reduction.h: L^T y of the targets, then their coordinates in the affine hull (hull.h). */
#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/heights.h>
#include <brenier/reduction.h>

#include "duplicates.h"
#include "hull.h"

#include <stdlib.h>

/* The basis, unless targets need all coordinates. */
static PetscErrorCode FindBasis(BrenierReduction r, BrenierTargets t, BrenierSymmetry symmetry)
{
  PetscFunctionBegin;
  r->rank = r->dim;
  if (symmetry == BRENIER_SYMMETRY_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierHullFind_Private(t, symmetry, &r->rank, &r->basis));
  if (r->rank == 0) r->rank = r->dim; // one target
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points that meet the basis together, which is read from memory once for all of them; coordinates that they are lifted
   at a time, so that they stay in the first cache. */
enum { POINTS_TOGETHER = 8, LIFTED = 256 };

/* Q^T x of n points, POINTS_TOGETHER at most. */
static void ProjectOnBasis(BrenierReduction r, PetscInt n, const PetscReal *const x[], PetscReal projected[])
{
  const size_t dim = (size_t)r->dim;

  for (PetscInt i = 0; !r->basis && i < n; ++i) memcpy(projected + (size_t)i * r->rank, x[i], dim * sizeof *projected);
  for (PetscInt l = 0; r->basis && l < r->rank; ++l) {
    const PetscReal *q  = r->basis + (size_t)l * dim;
    PetscReal       *to = projected + l;
    PetscInt         i  = 0;

    for (; i + 1 < n; i += 2)
      BrenierDotPair(dim, x[i], x[i + 1], q, to + (size_t)i * r->rank, to + (size_t)(i + 1) * r->rank);
    if (i < n) to[(size_t)i * r->rank] = BrenierDot(dim, x[i], q);
  }
}

/* Q x' of n points. */
static void LiftFromBasis(BrenierReduction r, PetscInt n, const PetscReal projected[], PetscReal x[])
{
  const size_t dim = (size_t)r->dim;

  if (!r->basis) {
    memcpy(x, projected, (size_t)n * dim * sizeof *x);
    return;
  }
  memset(x, 0, (size_t)n * dim * sizeof *x);
  for (size_t k = 0; k < dim; k += LIFTED)
    for (PetscInt l = 0; l < r->rank; ++l)
      for (PetscInt i = 0; i < n; ++i)
        BrenierAddMultiple(PetscMin(LIFTED, dim - k), projected[(size_t)i * r->rank + l],
                           r->basis + (size_t)l * dim + k, x + (size_t)i * dim + k);
}

/* |p|^2 by target 0, the same number on all ranks. */
static PetscErrorCode SetDropped(BrenierReduction r)
{
  const PetscInt64 zero = 0;
  PetscReal       *y, *inside, *back, square = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(r->dim, &y, r->rank, &inside, r->dim, &back));
  PetscCall(BrenierTargetsFetch(r->pulled, 1, &zero, y));
  ProjectOnBasis(r, 1, (const PetscReal *const[]){y}, inside);
  LiftFromBasis(r, 1, inside, back);
  for (PetscInt k = 0; k < r->dim; ++k) square += PetscSqr(y[k] - back[k]);
  r->targets->dropped = square;
  PetscCall(PetscFree3(y, inside, back));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReduceTargets(BrenierReduction r)
{
  const BrenierTargets     t      = r->pulled;
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscReal         *x[POINTS_TOGETHER];
  PetscReal               *y, *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * r->rank, &y));
  PetscCall(PetscMalloc1((size_t)POINTS_TOGETHER * t->dim, &work));
  for (PetscInt first = 0; first < t->n_local; first += POINTS_TOGETHER) {
    const PetscInt n = PetscMin(POINTS_TOGETHER, t->n_local - first);

    for (PetscInt i = 0; i < n; ++i) x[i] = BrenierPoint(&points, first + i, work + (size_t)i * t->dim);
    ProjectOnBasis(r, n, x, y + (size_t)first * (size_t)r->rank);
  }
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
  PetscCall(PetscMalloc1((size_t)POINTS_TOGETHER * r->rank, &r->row));
  if (r->basis) PetscCall(ReduceTargets(r));
  if (r->pairing) PetscCall(SetSquares(r, mean));
  PetscCall(BrenierSourceProject(standard, r->rank, r->basis, &r->source));
  PetscCall(BrenierSourceDestroy(&standard));
  *reduction = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierReductionProject(BrenierReduction r, PetscInt n, const PetscReal y[], PetscReal projected[])
{
  const PetscReal *x[POINTS_TOGETHER];
  PetscReal       *pulled = NULL;

  if (r->pairing) pulled = malloc((size_t)POINTS_TOGETHER * r->dim * sizeof *pulled);
  for (PetscInt first = 0; first < n; first += POINTS_TOGETHER) {
    const PetscInt m = PetscMin(POINTS_TOGETHER, n - first);

    for (PetscInt i = 0; i < m; ++i) {
      x[i] = y + (size_t)(first + i) * r->dim;
      if (!pulled) continue;
      BrenierSourcePullBack(r->given, x[i], pulled + (size_t)i * r->dim, NULL);
      x[i] = pulled + (size_t)i * r->dim;
    }
    ProjectOnBasis(r, m, x, projected + (size_t)first * (size_t)r->rank);
  }
  free(pulled);
}

void BrenierReductionLift(BrenierReduction r, PetscInt n, const PetscReal projected[], PetscReal x[])
{
  // Backwards: where x is the array of `projected`, no row is overwritten before its turn
  for (PetscInt end = n; end > 0; end -= PetscMin(POINTS_TOGETHER, end)) {
    const PetscInt m = PetscMin(POINTS_TOGETHER, end), first = end - m;

    memcpy(r->row, projected + (size_t)first * (size_t)r->rank, (size_t)m * r->rank * sizeof *r->row);
    LiftFromBasis(r, m, r->row, x + (size_t)first * r->dim);
    for (PetscInt i = first; r->pairing && i < end; ++i) BrenierSourcePushForward(r->given, x + (size_t)i * r->dim);
  }
}

PetscErrorCode BrenierReductionLiftInPlace(BrenierReduction r, PetscInt n, const BrenierMutablePoints *points)
{
  PetscReal *rows;

  PetscFunctionBegin;
  if (points->value) BrenierReductionLift(r, n, points->value, points->value);
  if (points->value || (!r->basis && !r->pairing)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)POINTS_TOGETHER * r->dim, &rows));
  // Backwards, as there
  for (PetscInt end = n; end > 0; end -= PetscMin(POINTS_TOGETHER, end)) {
    const PetscInt m = PetscMin(POINTS_TOGETHER, end), first = end - m;
    const float   *lower = points->single + (size_t)first * (size_t)r->rank;

    for (size_t k = 0; k < (size_t)m * (size_t)r->rank; ++k) rows[k] = lower[k];
    BrenierReductionLift(r, m, rows, rows);
    for (PetscInt i = 0; i < m; ++i)
      for (PetscInt k = 0; k < r->dim; ++k) BrenierPointsSet(points, first + i, k, rows[(size_t)i * r->dim + k]);
  }
  PetscCall(PetscFree(rows));
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
