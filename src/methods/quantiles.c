/* quantiles.c - Implements quantiles.h. */
#include <brenier/base.h>

#include "quantiles.h"

#include <stdlib.h>

typedef struct {
  PetscReal y, nu;
  PetscInt  target;
} Weighted;

static int CompareWeighted(const void *left, const void *right)
{
  const Weighted *l = left, *r = right;

  return (l->y > r->y) - (l->y < r->y);
}

/* Replaces nu, of sorted targets, by the heights. */
static PetscErrorCode HeightsOfSorted(BrenierSource source, PetscInt n, Weighted t[])
{
  PetscReal *above, below = 0.0, h = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n + 1, &above));
  above[n] = 0.0;
  for (PetscInt k = n - 1; k >= 0; --k) above[k] = above[k + 1] + t[k].nu;
  for (PetscInt k = 0; k < n; ++k) {
    below += t[k].nu;
    t[k].nu = h;
    if (k + 1 < n) h -= BrenierSourceQuantile(source, below, above[k + 1]) * (t[k + 1].y - t[k].y);
  }
  PetscCall(PetscFree(above));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of all ranks on rank 0, or back from there. */
static PetscErrorCode CountRows(BrenierTargets t, PetscMPIInt **count, PetscMPIInt **start)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(PetscMalloc2(size, count, size, start));
  for (PetscMPIInt r = 0; r < size; ++r) {
    (*start)[r] = (PetscMPIInt)t->layout->range[r];
    (*count)[r] = (PetscMPIInt)(t->layout->range[r + 1] - t->layout->range[r]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SortAndSolve(BrenierSource source, PetscInt n, const PetscReal y[], const PetscReal nu[],
                                   PetscReal h[])
{
  Weighted *all;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &all));
  for (PetscInt i = 0; i < n; ++i) all[i] = (Weighted){.y = y[i], .nu = nu[i], .target = i};
  qsort(all, (size_t)n, sizeof *all, CompareWeighted);
  PetscCall(HeightsOfSorted(source, n, all));
  for (PetscInt i = 0; i < n; ++i) h[all[i].target] = all[i].nu;
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierQuantileHeights_Private(BrenierTargets t, BrenierSource source, Vec h)
{
  PetscMPIInt  rank, here, *count, *start;
  PetscReal   *y = NULL, *nu = NULL, *all = NULL;
  PetscScalar *mine;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  PetscCall(PetscMPIIntCast(t->n_local, &here));
  n = rank == 0 ? t->n : 0;
  PetscCall(PetscMalloc3(n, &y, n, &nu, n, &all));
  PetscCall(CountRows(t, &count, &start));
  PetscCallMPI(MPI_Gatherv(t->y, here, MPIU_REAL, y, count, start, MPIU_REAL, 0, t->comm));
  PetscCallMPI(MPI_Gatherv(t->nu, here, MPIU_REAL, nu, count, start, MPIU_REAL, 0, t->comm));
  if (rank == 0) PetscCall(SortAndSolve(source, n, y, nu, all));
  PetscCall(VecGetArrayWrite(h, &mine));
  PetscCallMPI(MPI_Scatterv(all, count, start, MPIU_REAL, mine, here, MPIU_REAL, 0, t->comm));
  PetscCall(VecRestoreArrayWrite(h, &mine));
  PetscCall(PetscFree2(count, start));
  PetscCall(PetscFree3(y, nu, all));
  PetscCall(BrenierTargetsGauge(t, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}
