/*
  problems.h - Targets and heights for tests: any rank knows every row, so that twins need no communication.

  Included once by a test program, which need not use all of it. Rank 0 holds no target when there are several ranks.
*/
#pragma once

#if defined(__GNUC__)
  #pragma GCC diagnostic ignored "-Wunused-function"
#endif

#include <brenier/base.h>
#include <brenier/targets.h>

/* How targets lie. */
typedef enum {
  CLOUD_NORMAL,
  CLOUD_CLUSTERED, /* eight clusters of width 1e-4 */
  CLOUD_LATTICE,   /* few values an axis: parallel planes, many planes through one point */
  CLOUD_COPIES,    /* every target three times: ties everywhere */
  CLOUD_CLOSE,     /* one in three so near zero that normalising makes them equal */
  N_CLOUDS
} Cloud;

static void CloudRow(Cloud cloud, uint64_t seed, PetscInt i, PetscInt dim, PetscReal y[])
{
  BrenierRandomNormal(seed, 88, (uint64_t)(cloud == CLOUD_COPIES ? i / 3 : i), (size_t)dim, y);
  for (PetscInt k = 0; k < dim; ++k) y[k] /= PetscSqrtReal((PetscReal)dim);
  if (cloud == CLOUD_CLUSTERED) {
    PetscReal *centre;

    if (PetscMalloc1(dim, &centre)) return;
    BrenierRandomNormal(seed, 89, (uint64_t)(i % 8), (size_t)dim, centre);
    for (PetscInt k = 0; k < dim; ++k) y[k] = centre[k] / PetscSqrtReal((PetscReal)dim) + 1e-4 * y[k];
    if (PetscFree(centre)) return;
  }
  if (cloud == CLOUD_LATTICE) // the digits of i make all rows different while there are few; then random signs do
    for (PetscInt k = 0, rest = i; k < dim; ++k, rest /= 4) y[k] = rest || k < 2 ? (PetscReal)(rest % 4) : y[k] > 0.0;
  if (cloud == CLOUD_CLOSE)
    for (PetscInt k = 0; k < dim; ++k) y[k] = i % 3 ? y[k] + 3.0 : 1e-25 * (PetscReal)(i + 1);
}

/* Weights that are not equal: 1 to 4 before they are divided by their sum. */
static PetscReal CloudWeight(PetscInt i, PetscInt n)
{
  PetscReal sum = 0.0;

  for (PetscInt j = 0; j < n; ++j) sum += (PetscReal)(1 + j % 4);
  return (PetscReal)(1 + i % 4) / sum;
}

/* Rows first to first + n_local - 1 belong to this rank of comm. */
static PetscErrorCode SplitRows(MPI_Comm comm, PetscInt n, PetscInt *first, PetscInt *n_local)
{
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  *first   = size == 1 ? 0 : n * PetscMax(rank - 1, 0) / (size - 1);
  *n_local = size == 1 ? n : (rank == 0 ? 0 : n * rank / (size - 1) - *first);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n targets of the cloud, scaled and then shifted along every axis. */
static PetscErrorCode MakeTargets(MPI_Comm comm, Cloud cloud, uint64_t seed, PetscInt n, PetscInt dim, PetscReal scale,
                                  PetscReal shift, BrenierTargets *targets)
{
  PetscInt    first, n_local;
  PetscReal  *y, *nu;
  PetscInt64 *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(comm, n, &first, &n_local));
  PetscCall(PetscMalloc1(n_local * dim, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < n_local; ++i) {
    CloudRow(cloud, seed, first + i, dim, y + i * dim);
    for (PetscInt k = 0; k < dim; ++k) y[i * dim + k] = y[i * dim + k] * scale + shift;
    nu[i]  = CloudWeight(first + i, n);
    row[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(comm, n_local, dim, y, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every rank's rows of `width` numbers, in order; free with PetscFree(). */
static PetscErrorCode GatherRows(BrenierTargets t, PetscInt width, const PetscReal mine[], PetscReal **all)
{
  PetscMPIInt  size, *count, *start;
  const size_t total = (size_t)t->n * (size_t)width;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(PetscMalloc2(size, &count, size, &start));
  for (PetscMPIInt r = 0; r < size; ++r) {
    start[r] = (PetscMPIInt)(t->layout->range[r] * width);
    count[r] = (PetscMPIInt)(t->layout->range[r + 1] * width) - start[r];
  }
  PetscCall(PetscMalloc1(total, all));
  PetscCallMPI(
      MPI_Allgatherv(mine, (PetscMPIInt)(t->n_local * width), MPIU_REAL, *all, count, start, MPIU_REAL, t->comm));
  PetscCall(PetscFree2(count, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All targets as they are (normalised or not). */
static PetscErrorCode GatherTargets(BrenierTargets t, PetscBool normalised, PetscReal **all)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, normalised);
  PetscReal               *mine;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(t->n_local * t->dim, &mine));
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) mine[i * t->dim + k] = BrenierCoordinate(&y, i, k);
  PetscCall(GatherRows(t, t->dim, mine, all));
  PetscCall(PetscFree(mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GatherVec(BrenierTargets t, Vec v, PetscReal **all)
{
  const PetscScalar *mine;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(v, &mine));
  PetscCall(GatherRows(t, 1, mine, all));
  PetscCall(VecRestoreArrayRead(v, &mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Heights -curvature |y - centre|^2 / (2 s) + noise, s the targets' standard deviation along an axis: with curvature 1
  near the Gaussian start, so that most cells have mass; 0 leaves targets inside the hull empty. Same for any ranks.
*/
static PetscErrorCode SetHeights(BrenierTargets t, PetscReal curvature, PetscReal noise, uint64_t seed, Vec h)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscScalar             *a;
  PetscReal                sum = 0.0, *all;

  PetscFunctionBeginUser;
  PetscCall(GatherTargets(t, PETSC_FALSE, &all));
  for (PetscInt i = 0; i < t->n; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) sum += PetscSqr(all[i * t->dim + k] - t->centre[k]);
  sum = PetscSqrtReal(sum / (PetscReal)(t->n * t->dim));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    PetscReal z, square = 0.0;

    for (PetscInt k = 0; k < t->dim; ++k) square += PetscSqr(BrenierCoordinate(&y, i, k) - t->centre[k]);
    BrenierRandomNormal(seed, 87, (uint64_t)(t->first + i), 1, &z);
    a[i] = sum > 0.0 ? -0.5 * curvature * square / sum + noise * sum * z : 0.0;
  }
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}
