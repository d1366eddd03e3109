static const char help[] = "Finds targets on lines, and holds the heights that masses give them to quantiles.\n";

/*
  Two lines, +-5 e1 + s_k e2 with s_k in [0, 1e-3]: by symmetry their cells are the half-spaces x_1 > 0 and x_1 < 0, in
  which x_2 is standard normal. So boundary k of the heights that are right is the normal quantile of the weight below.
*/
#include "methods/lines.h"
#include "problems.h"

#include <brenier/dual.h>

#include <math.h>

enum { A_LINE = 40, N_LINES = 2, DIM = 6, N_CIRCLES = 8192, N_STEPS = 4 };

/* In-sample L1 after the steps; and how far a boundary may be from its quantile. Circles cross a half-space in arcs, so
   8,192 of them give a quantile at F at least as well as as many points: with a deviation of at most
   sqrt(F (1 - F) / 8192) over the density, below 0.05 for F from 0.005 to 0.995. Six deviations are missed with a
   probability of 2e-9 each, 1.6e-7 in all; the seed is fixed. */
static const PetscReal l1_most = 2e-3, boundary_most = 0.3;

static PetscReal Place(PetscInt k)
{
  return 1e-3 * (PetscReal)(k * k) / (PetscReal)((A_LINE - 1) * (A_LINE - 1));
}

/* Over two decades. */
static PetscReal Weight(PetscInt i)
{
  PetscReal sum = 0.0;

  for (PetscInt j = 0; j < A_LINE; ++j) sum += pow(10.0, 2.0 * (PetscReal)(j * 7 % A_LINE) / A_LINE);
  return pow(10.0, 2.0 * (PetscReal)(i % A_LINE * 7 % A_LINE) / A_LINE) / (N_LINES * sum);
}

/* Members of a line do not come in order. */
static PetscErrorCode MakeLines(BrenierTargets *targets)
{
  PetscInt    first, n_local;
  PetscReal  *y, *nu;
  PetscInt64 *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, N_LINES * A_LINE, &first, &n_local));
  PetscCall(PetscCalloc1(n_local * DIM, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < n_local; ++i) {
    const PetscInt k = first + i;

    y[i * DIM]     = k < A_LINE ? 5.0 : -5.0;
    y[i * DIM + 1] = Place(k % A_LINE * 11 % A_LINE);
    nu[i]          = Weight(k);
    row[i]         = k;
  }
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, DIM, y, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void ExpectLines(BrenierScales s)
{
  PetscCheckAbort(s && s->n_lines == N_LINES, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " lines",
                  s ? s->n_lines : 0);
  for (PetscInt l = 0; l < N_LINES; ++l) {
    const PetscInt from = s->line_first[l];

    PetscCheckAbort(s->line_first[l + 1] - from == A_LINE, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a line lacks targets");
    for (PetscInt k = 0; k < A_LINE; ++k) {
      const PetscInt target = s->line_target[from + k];

      PetscCheckAbort(s->in_line[target], PETSC_COMM_SELF, PETSC_ERR_PLIB, "a part is not marked");
      PetscCheckAbort(target / A_LINE == s->line_target[from] / A_LINE, PETSC_COMM_SELF, PETSC_ERR_PLIB, "two in one");
      if (k > 0)
        PetscCheckAbort(s->line_at[from + k] > s->line_at[from + k - 1], PETSC_COMM_SELF, PETSC_ERR_PLIB, "no order");
    }
  }
}

static PetscReal NormalBelow(PetscReal t)
{
  return 0.5 * erfc(-t / PETSC_SQRT2);
}

/* The quantile, by halving. */
static PetscReal Quantile(PetscReal below)
{
  PetscReal low = -10.0, high = 10.0;

  for (int i = 0; i < 60; ++i) {
    const PetscReal middle = 0.5 * (low + high);

    if (NormalBelow(middle) < below) low = middle;
    else high = middle;
  }
  return low;
}

/* The largest distance of a boundary from its quantile, where F is in [0.005, 0.995]. Lines may be seen from either
   end. */
static PetscErrorCode LargestDistance(BrenierTargets targets, BrenierScales s, Vec h, PetscReal *most)
{
  PetscReal *y, *all;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(s->n, &all));
  PetscCall(BrenierScalesGather(s, h, all));
  PetscCall(GatherTargets(targets, PETSC_FALSE, &y));
  *most = 0.0;
  for (PetscInt l = 0; l < N_LINES; ++l) {
    const PetscInt *member = s->line_target + s->line_first[l];
    PetscReal       below  = 0.0;

    for (PetscInt k = 0; k + 1 < A_LINE; ++k) {
      const PetscReal apart = y[member[k + 1] * DIM + 1] - y[member[k] * DIM + 1],
                      t     = -(all[member[k + 1]] - all[member[k]]) / apart;

      below += N_LINES * s->nu[member[k]];
      if (below > 0.005 && below < 0.995)
        *most = PetscMax(*most, PetscAbsReal(t - Quantile(apart > 0.0 ? below : 1.0 - below)));
    }
  }
  PetscCall(PetscFree(y));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode L1(BrenierTargets t, Vec mass, PetscReal *l1)
{
  const PetscScalar *m;

  PetscFunctionBeginUser;
  *l1 = 0.0;
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < t->n_local; ++i) *l1 += PetscAbsReal(m[i] - t->nu[i]);
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, l1, 1, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From heights 0, where a line has cells at its ends alone. */
static PetscErrorCode TestSteps(BrenierTargets targets, BrenierScales scales)
{
  BrenierSource    source;
  BrenierDual      dual;
  BrenierDualValue value;
  Vec              h, mass, half;
  PetscReal        l1, most;

  PetscFunctionBeginUser;
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", DIM, 1.0, &source));
  PetscCall(BrenierDualCreate(targets, source, 11, BRENIER_STREAM_SOLVE, N_CIRCLES, 8, &dual));
  PetscCall(BrenierTargetsCreateVec(targets, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &half));
  for (int step = 0; step < N_STEPS; ++step) {
    PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
    PetscCall(L1(targets, mass, &l1));
    PetscCheck(step > 0 || l1 > 0.9, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a weak test: L1 is %g", (double)l1);
    PetscCall(VecCopy(h, half));
    PetscCall(BrenierLinesStep_Private(targets, scales, source, mass, 0.5, half));
    PetscCall(VecAXPBY(half, -1.0, 2.0, h)); // 2 half - h, h the old heights: the whole step
    PetscCall(BrenierLinesStep_Private(targets, scales, source, mass, 1.0, h));
    PetscCall(VecAXPY(half, -1.0, h));
    PetscCall(VecNorm(half, NORM_INFINITY, &most));
    PetscCheck(most < 1e-12, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "twice half a step differs by %g", (double)most);
  }
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(L1(targets, mass, &l1));
  PetscCall(LargestDistance(targets, scales, h, &most));
  PetscCheck(value.n_empty == 0 && l1 < l1_most, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "L1 %g, %" PetscInt64_FMT " empty",
             (double)l1, (PetscInt64)value.n_empty);
  PetscCheck(most < boundary_most, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a boundary is %g from its quantile",
             (double)most);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&half));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(BrenierSourceDestroy(&source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  BrenierTargets targets;
  BrenierScales  scales;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeLines(&targets));
  PetscCall(BrenierTargetsScales(targets, &scales));
  ExpectLines(scales);
  PetscCall(TestSteps(targets, scales));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscCall(PetscFinalize());
  return 0;
}
