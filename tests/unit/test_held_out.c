static const char help[] = "Checks held-out statistics against cells whose masses are known in closed form.\n";

#include "problems.h"

#include <brenier/held_out.h>

#include <float.h>
#include <math.h>
#include <string.h>

/*
  The corners sum_k +-g_k e_k of a box, with heights sum_k +-g_k c_k, have u(x) = sum_k g_k |x_k + c_k|: cells are
  orthants, their masses products of one-dimensional ones, and the energy is a sum of one-dimensional integrals. So the
  true chi2, energy and Wasserstein bound are known, for weights that fit the masses or do not.
*/

enum { DIM = 4, N = 1 << DIM, SEEDS = 24 };

typedef struct {
  BrenierSource source;
  PetscReal     side[DIM], shift[DIM];
  PetscReal     mass[N], nu[N], h[N];
  /* truth */
  PetscReal chi2, energy, w2;
} Box;

static PetscReal Sign(PetscInt i, PetscInt k)
{
  return i >> k & 1 ? 1.0 : -1.0;
}

/* Share of the half line s x > -s c and mean of |x + c| under the source's law of one coordinate. */
static PetscReal HalfLine(const char type[], PetscReal s, PetscReal c)
{
  return !strcmp(type, "cube") ? 0.5 + s * c : 0.5 * erfc(-s * c / PetscSqrtReal(2.0));
}

static PetscReal MeanDistance(const char type[], PetscReal c)
{
  if (!strcmp(type, "cube")) return c * c + 0.25;
  return c * erf(c / PetscSqrtReal(2.0)) + PetscSqrtReal(2.0 / PETSC_PI) * PetscExpReal(-0.5 * c * c);
}

/* Weights: the true masses but for a relative error of size `off`. */
static PetscErrorCode MakeBox(const char type[], PetscReal off, Box *box)
{
  PetscReal sum = 0.0, moment = 0.0;

  PetscFunctionBeginUser;
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, DIM, 1.0, &box->source));
  for (PetscInt k = 0; k < DIM; ++k) {
    box->side[k]  = 1.0 + 0.5 * (PetscReal)k;
    box->shift[k] = 0.1 * (PetscReal)(k - 1);
  }
  for (PetscInt i = 0; i < N; ++i) {
    box->mass[i] = 1.0;
    box->h[i]    = 0.0;
    for (PetscInt k = 0; k < DIM; ++k) {
      box->mass[i] *= HalfLine(type, Sign(i, k), box->shift[k]);
      box->h[i] += Sign(i, k) * box->side[k] * box->shift[k];
    }
    box->nu[i] = box->mass[i] * (1.0 + off * (PetscReal)(i % 5 - 2));
    sum += box->nu[i];
  }
  box->chi2   = 0.0;
  box->energy = 0.0;
  for (PetscInt i = 0; i < N; ++i) {
    box->nu[i] /= sum;
    box->chi2 += PetscSqr(box->mass[i] - box->nu[i]) / box->nu[i];
    box->energy -= box->nu[i] * box->h[i];
  }
  for (PetscInt k = 0; k < DIM; ++k) {
    box->energy += box->side[k] * MeanDistance(type, box->shift[k]);
    moment += PetscSqr(box->side[k]);
  }
  box->w2 = PetscSqrtReal(BrenierSourceSecondMoment(box->source) + moment - 2.0 * box->energy);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeBoxTargets(MPI_Comm comm, const Box *box, BrenierTargets *targets, Vec *h)
{
  PetscInt     first, n_local;
  PetscReal   *y, *nu;
  PetscInt64  *row;
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(comm, N, &first, &n_local));
  PetscCall(PetscMalloc1(n_local * DIM, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < n_local; ++i) {
    for (PetscInt k = 0; k < DIM; ++k) y[i * DIM + k] = Sign(first + i, k) * box->side[k];
    nu[i]  = box->nu[first + i];
    row[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(comm, n_local, DIM, y, nu, row, targets));
  PetscCall(BrenierTargetsCreateVec(*targets, h));
  PetscCall(VecGetArray(*h, &a));
  for (PetscInt i = 0; i < n_local; ++i) a[i] = box->h[first + i];
  PetscCall(VecRestoreArray(*h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What holds for any sample. */
static PetscErrorCode CheckSane(const BrenierHeldOut *x)
{
  PetscFunctionBeginUser;
  PetscCheck(x->rho_low <= x->rho && x->rho <= x->rho_high && x->w2_bound_low <= x->w2 && x->w2 <= x->w2_bound_high,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "intervals out of order");
  PetscCheck(x->chi2_error > 0.0 && x->energy_error > 0.0 && x->sampling_error > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "errors of nothing");
  PetscCheck(x->tv >= 0.0 && x->tv <= 1.0 && x->empty == 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "tv %g", (double)x->tv);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A sample of k independent values: mean and standard error. */
static void MeanAndError(PetscInt k, const PetscReal x[], PetscReal *mean, PetscReal *error)
{
  PetscReal square = 0.0;

  *mean = 0.0;
  for (PetscInt i = 0; i < k; ++i) *mean += x[i] / (PetscReal)k;
  for (PetscInt i = 0; i < k; ++i) square += PetscSqr(x[i] - *mean);
  *error = PetscSqrtReal(square / (PetscReal)(k * (k - 1)));
}

/* Masses within six stated errors of the truth. */
static PetscErrorCode CheckMasses(const Box *box, BrenierTargets targets, Vec mass, Vec mass_error)
{
  const PetscScalar *m, *e;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArrayRead(mass_error, &e));
  for (PetscInt i = 0; i < targets->n_local; ++i)
    PetscCheck(PetscAbsReal(m[i] - box->mass[targets->first + i]) < 6.0 * e[i], PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "mass %g, not %g, stated error %g", (double)m[i], (double)box->mass[targets->first + i], (double)e[i]);
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(VecRestoreArrayRead(mass_error, &e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The mean over seeds within four standard errors of the truth, and a stated error of about the right size. */
static PetscErrorCode CheckSeeds(const char what[], const PetscReal x[], PetscReal wanted, PetscReal stated)
{
  PetscReal mean, error;

  PetscFunctionBeginUser;
  MeanAndError(SEEDS, x, &mean, &error);
  PetscCheck(PetscAbsReal(mean - wanted) < 4.0 * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s is %g +- %g on average, not %g", what, (double)mean, (double)error, (double)wanted);
  PetscCheck(stated > 0.5 * error * PetscSqrtReal(SEEDS) && stated < 2.0 * error * PetscSqrtReal(SEEDS),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s varies by %g, stated %g", what,
             (double)(error * PetscSqrtReal(SEEDS)), (double)stated);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  chi2 and the energy over seeds: their means within four standard errors of the truth (a right code fails one such
  check with probability below 1e-3 by Student's law of 23 degrees, and seeds are fixed), stated errors of the right
  size, and 95% intervals that hold the truth 18 times of 24 at least (binomial: below 1e-4 of failing at 95%, 3% at
  85%).
*/
static PetscErrorCode TestUnbiased(const char type[], PetscReal off, PetscInt64 n_curves)
{
  Box            box;
  BrenierTargets targets;
  Vec            h, mass, mass_error;
  BrenierHeldOut x;
  PetscReal      chi2[SEEDS], energy[SEEDS], stated = 0.0, stated_energy = 0.0;
  PetscInt       held = 0, held_w2 = 0;

  PetscFunctionBeginUser;
  PetscCall(MakeBox(type, off, &box));
  PetscCall(MakeBoxTargets(PETSC_COMM_WORLD, &box, &targets, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &mass_error));
  for (PetscInt s = 0; s < SEEDS; ++s) {
    const BrenierHeldOutSample sample = {100 + s, BRENIER_STREAM_CHECK, n_curves, NULL};

    PetscCall(BrenierHeldOutMeasure(targets, box.source, h, &sample, mass, mass_error, NULL, &x));
    PetscCall(CheckSane(&x));
    PetscCheck(x.curves == n_curves, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " curves", x.curves);
    chi2[s]   = x.chi2;
    energy[s] = x.energy;
    stated += x.chi2_error / SEEDS;
    stated_energy += x.energy_error / SEEDS;
    held += x.rho_low <= PetscSqrtReal(box.chi2) && PetscSqrtReal(box.chi2) <= x.rho_high;
    held_w2 += x.w2_bound_low <= box.w2 && box.w2 <= x.w2_bound_high;
    PetscCall(CheckMasses(&box, targets, mass, mass_error));
  }
  PetscCall(CheckSeeds("chi2", chi2, box.chi2, stated));
  PetscCall(CheckSeeds("energy", energy, box.energy, stated_energy));
  PetscCheck(held >= 18 && held_w2 >= 18, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: intervals hold rho %" PetscInt_FMT " times and W2 %" PetscInt_FMT " times of %d", type, held, held_w2,
             SEEDS);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&mass_error));
  PetscCall(BrenierSourceDestroy(&box.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every number the same bit for bit as on one rank alone. */
static PetscErrorCode TestSameAlone(const char type[], PetscInt64 n_curves)
{
  const MPI_Comm comm[] = {PETSC_COMM_WORLD, PETSC_COMM_SELF};
  BrenierHeldOut x[2];
  Box            box;

  PetscFunctionBeginUser;
  PetscCall(MakeBox(type, 0.1, &box));
  PetscCall(PetscMemzero(x, sizeof x));
  for (int i = 0; i < 2; ++i) {
    BrenierTargets targets;
    Vec            h, mass;

    PetscCall(MakeBoxTargets(comm[i], &box, &targets, &h));
    PetscCall(VecDuplicate(h, &mass));
    PetscCall(BrenierHeldOutMeasure(targets, box.source, h,
                                    &(BrenierHeldOutSample){7, BRENIER_STREAM_REPORT, n_curves, NULL}, mass, NULL, NULL,
                                    &x[i]));
    PetscCall(VecDestroy(&h));
    PetscCall(VecDestroy(&mass));
    PetscCall(BrenierTargetsDestroy(&targets));
  }
  PetscCheck(!memcmp(&x[0], &x[1], sizeof x[0]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: chi2 %.17g and %.17g, energy %.17g and %.17g", type, (double)x[0].chi2, (double)x[1].chi2,
             (double)x[0].energy, (double)x[1].energy);
  PetscCall(BrenierSourceDestroy(&box.source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More curves than a line has. */
static const BrenierHeldOutSample one = {1, BRENIER_STREAM_CHECK, 1000, NULL};

/* One line is the whole source: the quantiles of the law give every number, without an interval. */
static PetscErrorCode TestLine(const char type[])
{
  static const PetscReal y[] = {-2.0, -1.0, 0.5, 3.0}, cut[] = {-0.3, 0.1, 0.4}, nu[] = {0.25, 0.25, 0.3, 0.2};
  PetscInt               first, n_local;
  PetscReal             *own_y, *own_nu, chi2 = 0.0, below = 0.0, height[4] = {0.0};
  PetscInt64            *row;
  BrenierSource          source;
  BrenierTargets         targets;
  BrenierHeldOut         x;
  Vec                    h, mass;
  PetscScalar           *a;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, 4, &first, &n_local));
  PetscCall(PetscMalloc1(n_local, &own_y));
  PetscCall(PetscMalloc1(n_local, &own_nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < 4; ++i) {
    const PetscReal up_to = i == 3 ? 1.0 : HalfLine(type, 1.0, cut[i]);

    chi2 += PetscSqr(up_to - below - nu[i]) / nu[i];
    below = up_to;
    if (i) height[i] = height[i - 1] - (y[i] - y[i - 1]) * cut[i - 1];
  }
  for (PetscInt i = 0; i < n_local; ++i) {
    own_y[i]  = y[first + i];
    own_nu[i] = nu[first + i];
    row[i]    = first + i;
  }
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, 1, 1.0, &source));
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, 1, own_y, own_nu, row, &targets));
  PetscCall(BrenierTargetsCreateVec(targets, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < n_local; ++i) a[i] = height[first + i];
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(BrenierHeldOutMeasure(targets, source, h, &one, mass, NULL, NULL, &x));
  PetscCheck(x.curves == 1 && x.empty == 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " curves", x.curves);
  PetscCheck(PetscAbsReal(x.chi2 - chi2) < 1e-14 && PetscAbsReal(x.rho - PetscSqrtReal(chi2)) < 1e-14 &&
                 x.rho_low == x.rho && x.rho_high == x.rho,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "chi2 %.17g, not %.17g, rho in [%g, %g]", (double)x.chi2, (double)chi2,
             (double)x.rho_low, (double)x.rho_high);
  PetscCheck(x.w2_bound_low == x.w2 && x.w2_bound_high == x.w2 && x.energy_error == 0.0, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "W2 in [%g, %g]", (double)x.w2_bound_low, (double)x.w2_bound_high);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rho hides: of a box whose masses are right one cell gets a thousandth of the weight it has, which is wrong; a
   plane far below u is missing; one of a weight that no sample of this size meets is not resolved. */
static PetscErrorCode TestLight(PetscInt64 n_curves)
{
  const PetscInt light = 3, missing = 7, faint = 11;
  Box            box;
  BrenierTargets targets;
  Vec            h, mass;
  BrenierHeldOut x;
  PetscReal      moved;

  PetscFunctionBeginUser;
  PetscCall(MakeBox("gaussian", 0.0, &box));
  moved = box.nu[light] * 0.999;
  box.nu[light] -= moved;
  box.nu[0] += moved + box.nu[faint] - 1e-9;
  box.nu[faint] = 1e-9;
  box.h[faint] -= 1e3;
  box.h[missing] -= 1e3;
  PetscCall(MakeBoxTargets(PETSC_COMM_WORLD, &box, &targets, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierHeldOutMeasure(
      targets, box.source, h, &(BrenierHeldOutSample){5, BRENIER_STREAM_CHECK, n_curves, NULL}, mass, NULL, NULL, &x));
  PetscCheck(x.empty == 2 && x.missing == 1 && x.unresolved == 1, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%" PetscInt64_FMT " empty cells, %" PetscInt64_FMT " missing, %" PetscInt64_FMT " not resolved", x.empty,
             x.missing, x.unresolved);
  PetscCheck(x.unresolved_weight == 1e-9 && x.unresolved_mass == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "weight %g and mass %g not resolved", (double)x.unresolved_weight, (double)x.unresolved_mass);
  PetscCheck(x.largest_log > log(900.0) && x.wrong >= 2 && x.worst == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "log %g, %" PetscInt64_FMT " wrong cells, the worst %g", (double)x.largest_log, x.wrong, (double)x.worst);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierSourceDestroy(&box.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chance alone makes no cell wrong or missing. */
static PetscErrorCode TestNothingWrong(PetscInt64 n_curves)
{
  Box            box;
  BrenierTargets targets;
  Vec            h, mass;
  BrenierHeldOut x;

  PetscFunctionBeginUser;
  PetscCall(MakeBox("gaussian", 0.0, &box));
  PetscCall(MakeBoxTargets(PETSC_COMM_WORLD, &box, &targets, &h));
  PetscCall(VecDuplicate(h, &mass));
  for (PetscInt64 seed = 1; seed <= SEEDS; ++seed) {
    PetscCall(BrenierHeldOutMeasure(targets, box.source, h,
                                    &(BrenierHeldOutSample){seed, BRENIER_STREAM_CHECK, n_curves, NULL}, mass, NULL,
                                    NULL, &x));
    PetscCheck(x.wrong == 0 && x.missing == 0 && x.worst == 1.0 && x.wrong_weight == 0.0, PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "%" PetscInt64_FMT " cells wrong by chance", x.wrong);
  }
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierSourceDestroy(&box.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  static const char *const law[] = {"gaussian", "cube"}; // whose marginals MakeBox() knows
  PetscMPIInt              size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(TestLight(4000));
  PetscCall(TestNothingWrong(64));
  PetscCall(TestNothingWrong(1000));
  for (int i = 0; i < 2; ++i) {
    if (size == 1) { // more ranks give the same bits, which TestSameAlone() checks
      PetscCall(TestUnbiased(law[i], 0.0, 320));
      PetscCall(TestUnbiased(law[i], 0.1, 640));
      PetscCall(TestUnbiased(law[i], 0.2, 100));
    }
    PetscCall(TestSameAlone(law[i], 200));
    PetscCall(TestSameAlone(law[i], 2));
    PetscCall(TestLine(law[i]));
  }
  PetscCall(PetscFinalize());
  return 0;
}
