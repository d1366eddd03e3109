static const char help[] =
    "Checks heights in twice the precision: sums, copies, and cells of targets that are close.\n";

#include "problems.h"

#include <brenier/heights.h>
#include <brenier/laguerre.h>

#include <math.h>

enum { N = 7 };

/* high + low - 1, where high is about 1, has to be `wanted`, to the bit; high is the nearest double to the sum. */
static PetscErrorCode CheckHeights(Vec h, PetscReal wanted)
{
  const PetscScalar *a, *b;
  PetscInt           n;
  Vec                low;

  PetscFunctionBeginUser;
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCheck(low, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "there are no low parts");
  PetscCall(VecGetLocalSize(h, &n));
  PetscCall(VecGetArrayRead(h, &a));
  PetscCall(VecGetArrayRead(low, &b));
  for (PetscInt i = 0; i < n; ++i) {
    PetscCheck((a[i] - 1.0) + b[i] == wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB, "1 + %g instead of 1 + %g",
               (double)((a[i] - 1.0) + b[i]), (double)wanted);
    PetscCheck(a[i] + b[i] == a[i], PETSC_COMM_SELF, PETSC_ERR_PLIB, "%.17g is not the nearest double", (double)a[i]);
  }
  PetscCall(VecRestoreArrayRead(low, &b));
  PetscCall(VecRestoreArrayRead(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1 and multiples of 2^-60: every sum is a multiple of it, which two doubles hold. */
static PetscErrorCode TestSums(void)
{
  const PetscReal unit  = ldexp(1.0, -60);
  const PetscInt  steps = 1000;
  Vec             h, step, copy, low;

  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, N, &h));
  PetscCall(VecSet(h, 1.0));
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCheck(!low, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "low parts that nobody asked for");
  PetscCall(VecDuplicate(h, &step));
  PetscCall(BrenierHeightsExtend(h));
  for (PetscInt k = 1; k <= steps; ++k) {
    PetscCall(VecSet(step, (PetscReal)k));
    PetscCall(BrenierHeightsAdd(h, unit, step));
  }
  PetscCall(CheckHeights(h, unit * (PetscReal)(steps * (steps + 1) / 2)));
  // A duplicate has no low parts until it is given some, and changes none of another's
  PetscCall(VecDuplicate(h, &copy));
  PetscCall(BrenierHeightsLow(copy, &low));
  PetscCheck(!low, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a duplicate has the low parts of its original");
  PetscCall(BrenierHeightsCopy(h, copy));
  PetscCall(BrenierHeightsShift(copy, unit));
  PetscCall(CheckHeights(copy, unit * (PetscReal)(steps * (steps + 1) / 2 + 1)));
  for (PetscInt k = 1; k <= steps; ++k) {
    PetscCall(VecSet(step, (PetscReal)k));
    PetscCall(BrenierHeightsAdd(h, -unit, step));
  }
  PetscCall(CheckHeights(h, 0.0));
  PetscCall(VecSet(step, 1.0));
  PetscCall(BrenierHeightsCopy(step, copy));
  PetscCall(BrenierHeightsLow(copy, &low));
  PetscCheck(!low, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a copy of doubles has low parts");
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&step));
  PetscCall(VecDestroy(&copy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two targets `apart` on the first axis, both of height 1000 but for a difference that puts the border of their cells
   at x = 0.3: the first has the mass Phi(0.3). Doubles alone would put it off by 1e-13 / apart. */
static PetscErrorCode TestClosePair(PetscReal apart)
{
  const PetscReal      at = 0.3, wanted = 0.5 * erfc(-at / sqrt(2.0));
  BrenierTargets       t;
  BrenierSource        source;
  BrenierLaguerre      l;
  BrenierLaguerreValue value;
  PetscInt             first = 0, n = 0;
  PetscReal           *y, *nu;
  PetscInt64          *row;
  PetscScalar         *a;
  Vec                  h, step, mass;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, 2, &first, &n));
  PetscCall(PetscCalloc1(2 * n, &y));
  PetscCall(PetscMalloc1(n, &nu));
  PetscCall(PetscMalloc1(n, &row));
  for (PetscInt i = 0; i < n; ++i) {
    y[2 * i] = (PetscReal)(first + i) * apart;
    nu[i]    = 0.5;
    row[i]   = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n, 2, y, nu, row, &t));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", 2, 1.0, &source));
  PetscCall(BrenierLaguerreCreate(t, source, &l));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(BrenierTargetsCreateVec(t, &step));
  PetscCall(BrenierTargetsCreateVec(t, &mass));
  PetscCall(VecSet(h, 1000.0));
  PetscCall(BrenierHeightsExtend(h));
  PetscCall(VecGetArray(step, &a));
  for (PetscInt i = 0; i < n; ++i) a[i] = first + i == 0 ? at * apart : 0.0;
  PetscCall(VecRestoreArray(step, &a));
  PetscCall(BrenierHeightsAdd(h, 1.0, step));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &value));
  PetscCall(VecGetArray(mass, &a));
  for (PetscInt i = 0; i < n; ++i)
    PetscCheck(PetscAbsReal(a[i] - (first + i == 0 ? wanted : 1.0 - wanted)) < 1e-14, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "targets %g apart: mass %.17g", (double)apart, (double)a[i]);
  PetscCall(VecRestoreArray(mass, &a));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&step));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierLaguerreDestroy(&l));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestSums());
  PetscCall(TestClosePair(1e-5));
  PetscCall(TestClosePair(1e-12));
  PetscCall(PetscFinalize());
  PetscFunctionReturn(PETSC_SUCCESS);
}
