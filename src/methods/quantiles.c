/* quantiles.c - Implements quantiles.h. */
#include <brenier/base.h>

#include "quantiles.h"

#include <math.h>
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

/* x <= 0 with standard normal mass p <= 1/2 below it. Newton for log Phi(x) = log p: the left side is concave and
   rises, so from a point below the root the tangent meets log p below the root again, and the iterates rise to it. */
static PetscReal LowerNormalQuantile(PetscReal p)
{
  const PetscInt max_it = 100;
  PetscReal      x      = -PetscSqrtReal(-2.0 * log(2.0 * p)); // Phi(x) <= exp(-x^2 / 2) / 2: not above the root

  for (PetscInt it = 0; it < max_it; ++it) {
    const PetscReal below   = 0.5 * erfc(-x / sqrt(2.0));
    const PetscReal density = exp(-0.5 * x * x) / sqrt(2.0 * PETSC_PI);
    const PetscReal step    = below / density * log(p / below);

    x += step;
    if (PetscAbsReal(step) <= 1e-16 * (1.0 + PetscAbsReal(x))) break;
  }
  return PetscMin(x, 0.0);
}

/* Point with mass `below` below it and `above` above it; the smaller of the two is the accurate one. */
static PetscReal Quantile(const BrenierSource *source, PetscReal below, PetscReal above)
{
  if (source->type == BRENIER_SOURCE_CUBE) return below < above ? below - 0.5 : 0.5 - above;
  return source->scale * (below < above ? LowerNormalQuantile(below) : -LowerNormalQuantile(above));
}

/* Replaces nu, of sorted targets, by the heights. */
static PetscErrorCode HeightsOfSorted(const BrenierSource *source, PetscInt n, Weighted t[])
{
  PetscReal *above, below = 0.0, h = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n + 1, &above));
  above[n] = 0.0;
  for (PetscInt k = n - 1; k >= 0; --k) above[k] = above[k + 1] + t[k].nu;
  for (PetscInt k = 0; k < n; ++k) {
    below += t[k].nu;
    t[k].nu = h;
    if (k + 1 < n) h -= Quantile(source, below, above[k + 1]) * (t[k + 1].y - t[k].y);
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

static PetscErrorCode SortAndSolve(const BrenierSource *source, PetscInt n, const PetscReal y[], const PetscReal nu[],
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

PetscErrorCode BrenierQuantileHeights_Private(BrenierTargets t, const BrenierSource *source, Vec h)
{
  PetscMPIInt  rank, *count, *start;
  PetscReal   *y = NULL, *nu = NULL, *all = NULL;
  PetscScalar *mine;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  n = rank == 0 ? t->n : 0;
  PetscCall(PetscMalloc3(n, &y, n, &nu, n, &all));
  PetscCall(CountRows(t, &count, &start));
  PetscCallMPI(MPI_Gatherv(t->y, t->n_local, MPIU_REAL, y, count, start, MPIU_REAL, 0, t->comm));
  PetscCallMPI(MPI_Gatherv(t->nu, t->n_local, MPIU_REAL, nu, count, start, MPIU_REAL, 0, t->comm));
  if (rank == 0) PetscCall(SortAndSolve(source, n, y, nu, all));
  PetscCall(VecGetArrayWrite(h, &mine));
  PetscCallMPI(MPI_Scatterv(all, count, start, MPIU_REAL, mine, t->n_local, MPIU_REAL, 0, t->comm));
  PetscCall(VecRestoreArrayWrite(h, &mine));
  PetscCall(PetscFree2(count, start));
  PetscCall(PetscFree3(y, nu, all));
  PetscCall(BrenierTargetsGauge(t, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}
