/*
  held_out.h - How good heights are, on curves that nobody fitted.

  The sample is cut into B batches with masses w_b; g_b = (w_b - nu) / sqrt(nu), so that chi2 = |mean g|^2. From the
  Gram matrix G_bk = <g_b, g_k> alone:
    chi2      unbiased: the mean of G over b != k (products of independent batches only);
    variance  of that U-statistic: the jackknife, 4 (B-1)^2 / (B (B-2)^2) var_b(r_b), r_b the mean of G_bk over k != b,
              counts the degenerate part twice: it contributes 4 tau / (B (B-2)) there, where 2 tau / (B (B-1)) is right
              (Efron and Stein, Ann. Statist. 9 (1981)); tau = tr Sigma^2, Sigma the covariance of g_b, comes without
              bias from the products of differences of disjoint pairs of batches;
    interval  chi2 -+ the root of (t^2 linear part + z^2 degenerate part), t the 97.5% quantile of Student's law with
              B - 1 degrees, z that of the normal law; of rho by the root.
  In one dimension the one line is the whole source: rho is exact and its interval has no width.

  The Wasserstein distance of order 2 from both sides of the duality, with psi_i = |y_i|^2 / 2 + h_i and
  phi(x) = |x|^2 / 2 - u(x), which meet phi(x) + psi_i <= |x - y_i|^2 / 2, with equality in cell i:
    dual      int phi dmu + sum nu_i psi_i = (E|x|^2 + sum nu_i |y_i|^2) / 2 - E(h), below W2^2 / 2 for any h;
    primal    int |x - T(x)|^2 / 2 dmu = int phi dmu + sum w_i psi_i, what the map T costs: half the squared distance to
              the targets with the masses that T gives them, so not above W2^2 / 2 of necessity;
    gap       primal - dual = sum (w_i - nu_i) psi_i, of either sign, 0 when all masses are right.
  Each is a mean over batches; its interval is Student's with B - 1 degrees. The root of twice the dual bounds W2 from
  below: the interval of that bound is none of W2, which may lie above its upper end while the heights are wrong.

  What rho hides. rho weighs a cell by its weight, so it hardly sees light ones. v, the mass of a meeting, is the mean
  of Var(w_i) / w_i over the cells met, Var by the batches: a right cell is met about nu_i / v times, with a relative
  standard error of sqrt(v / nu_i).
    resolved  cells whose weight or mass is 16 v or more: a relative standard error of a quarter;
    missing   cells never met that should have been 20 times: a right one has the chance e^-20;
    wrong     cells off by a factor of 1.5 or more whose root deviance, for K = w / v meetings where M = nu / v are due,
              sqrt(2 (K log(K / M) - K + M)), is above sqrt(2 log n) + 2: more than chance does to any of n.
*/
#pragma once

#include <brenier/dual.h>

/* An estimate with its standard error and 95% interval. */
typedef struct {
  PetscReal value, error, low, high;
} BrenierEstimate;

typedef struct {
  PetscInt64 curves;
  PetscReal  chi2, chi2_error; /* estimate and its standard error */
  PetscReal  rho, rho_low, rho_high;
  PetscReal  sampling_error; /* sampling part of rho in this sample's own masses */
  PetscReal  tv;             /* half the sum of |mass - nu|; includes the sampling noise of the masses */
  PetscReal  largest_error;  /* largest |mass - nu| / nu; the same */
  PetscInt64 empty;          /* cells without mass in the sample */
  PetscReal  meeting;        /* mass of a meeting, see above; 0 where the masses are exact */
  PetscReal  largest_log;    /* largest |log(mass / nu)| of the cells that are resolved and have mass; noise included */
  PetscInt64 unresolved;     /* cells that are not */
  PetscReal  unresolved_weight, unresolved_mass; /* of these together */
  PetscInt64 missing;                            /* of the empty cells, those that chance does not explain */
  PetscInt64 wrong;                              /* cells whose mass is wrong beyond chance, missing ones included */
  PetscReal  wrong_weight, worst;                /* their weight together; mass / nu of the worst of them, 1 for none */
  PetscReal  energy, energy_error;
  PetscReal  w2; /* root of twice the dual: a lower bound of the Wasserstein distance, estimated */
  PetscReal  w2_bound_low, w2_bound_high; /* 95% interval of that bound, not of the distance */
  BrenierEstimate dual, primal, gap;      /* of W2^2 / 2, see above */
} BrenierHeldOut;

/* What is told of a measurement, besides its curves: X(type, name, member, meaning), the type r (PetscReal) or i
   (PetscInt64). The log has these fields, a result these attributes, docs/files.md this table. To add a number: a
   member, and a line here. */
#define BRENIER_HELD_OUT_NUMBERS(X)                                                                                    \
  X(r, rho, rho, "relative error of the cell masses, sqrt(sum (w_i - nu_i)^2 / nu_i), held out and unbiased")          \
  X(r, rho_low, rho_low, "lower end of its 95% interval")                                                              \
  X(r, rho_high, rho_high, "upper end of its 95% interval")                                                            \
  X(r, sampling_error, sampling_error,                                                                                 \
    "sampling error: what rho the held-out curves would show of perfect heights; taken out of rho")                    \
  X(r, noise, sampling_error, "old name of sampling_error: deprecated, gone with version 0.2")                         \
  X(r, tv, tv, "total variation, sum abs(w_i - nu_i) / 2, held out")                                                   \
  X(r, largest_error, largest_error, "largest abs(w_i - nu_i) / nu_i")                                                 \
  X(i, empty, empty, "cells that no held-out curve met")                                                               \
  X(i, missing, missing,                                                                                               \
    "of these, cells that should have been met 20 times or more: truly empty; the others may be so by chance")         \
  X(r, largest_log, largest_log,                                                                                       \
    "largest abs(log(w_i / nu_i)) of the cells with mass that the sample resolves, to a standard error of 1/4")        \
  X(i, unresolved, unresolved, "cells that it does not")                                                               \
  X(r, unresolved_weight, unresolved_weight, "their weight together")                                                  \
  X(r, unresolved_mass, unresolved_mass, "their mass together")                                                        \
  X(i, wrong, wrong,                                                                                                   \
    "cells off by a factor of 1.5 or more beyond what chance does to any of n, missing ones included")                 \
  X(r, wrong_weight, wrong_weight, "their weight together")                                                            \
  X(r, worst, worst, "w/nu of the worst of them; 1 for none")                                                          \
  X(r, energy, energy, "E(h) = int u dmu - sum nu_i h_i")                                                              \
  X(r, energy_error, energy_error, "its standard error")                                                               \
  X(r, w2, w2, "root of twice the dual: a lower bound of the Wasserstein distance of order 2, estimated")              \
  X(r, w2_bound_low, w2_bound_low, "lower end of the 95% interval of that bound; W2 itself is above it")               \
  X(r, w2_bound_high, w2_bound_high, "upper end of that interval; nothing says that W2 is below it")                   \
  X(r, w2_low, w2_bound_low, "old name of w2_bound_low: deprecated, gone with version 0.2")                            \
  X(r, w2_high, w2_bound_high, "old name of w2_bound_high: deprecated, gone with version 0.2")                         \
  X(r, dual, dual.value, "W2^2/2 from below: what the potentials give")                                                \
  X(r, dual_low, dual.low, "lower end of its 95% interval")                                                            \
  X(r, dual_high, dual.high, "upper end of its 95% interval")                                                          \
  X(r, primal, primal.value, "W2^2/2 as the map costs it")                                                             \
  X(r, primal_low, primal.low, "lower end of its 95% interval")                                                        \
  X(r, primal_high, primal.high, "upper end of its 95% interval")                                                      \
  X(r, gap, gap.value, "primal - dual; 0 when all masses are right")                                                   \
  X(r, gap_low, gap.low, "lower end of its 95% interval")                                                              \
  X(r, gap_high, gap.high, "upper end of its 95% interval")

/* Size of a sample that tells much about n targets: 4 circles or 16 chords a target, at least 4,096. Not collective. */
PETSC_EXTERN PetscInt64 BrenierHeldOutDefaultCurves(BrenierSource source, PetscInt n_targets);

/* Names a fresh sample. */
typedef struct {
  PetscInt64 seed;     /* with `stream` one that h was not fitted to */
  uint32_t   stream;   /* a `BrenierStream` */
  PetscInt64 n_curves; /* size; 64 at least is sensible */
} BrenierHeldOutSample;

/*@
  BrenierHeldOutMeasure - Measures heights on a fresh sample

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights
- sample  - see above

  Output Parameters:
+ mass       - cell masses on that sample, laid out as the targets
. mass_error - their standard errors, or NULL
. barycentre - of the cells on that sample, shape [n_local, dim], see BrenierDualBarycentres(); or NULL on all ranks
               with targets
- held_out   - see above; bitwise the same for any number of ranks

  Notes: one scan. Memory 16 B bytes a target of this rank, B = 32, and what barycentres take.
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                  const BrenierHeldOutSample *sample, Vec mass, Vec mass_error,
                                                  PetscReal barycentre[], BrenierHeldOut *held_out);

/*@
  BrenierHeldOutMeasureInParts - The same in bounded memory: curves are drawn some at a time, and forgotten

  Collective on the targets' communicator

  Input Parameters:
+ targets, source, h - as above
. sample  - its stream is below 256, and its curves are others than BrenierHeldOutMeasure() draws of it; a few more are
            drawn than named, B parts of one size or a multiple of B
- at_once - curves in memory at most, at least 1

  Output Parameters: as above, no barycentres

  Notes: each part packs the targets anew.
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasureInParts(BrenierTargets targets, BrenierSource source, Vec h,
                                                         const BrenierHeldOutSample *sample, PetscInt64 at_once,
                                                         Vec mass, Vec mass_error, BrenierHeldOut *held_out);

/*@
  BrenierHeldOutExact - The same figures from exact masses: no curves, no noise, intervals of no width

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights
. mass    - exact masses of their cells
- energy  - E(h), exact

  Output Parameter:
. held_out - see above; curves is 0
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutExact(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                                PetscReal energy, BrenierHeldOut *held_out);

/* The same at heights alone; *sound is false, and nothing else set, where cells are not known exactly (laguerre.h).
   Collective. */
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasureExact(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                                       BrenierHeldOut *held_out, PetscBool *sound);

/* Whether a cell of weight nu, one of n, is wrong or missing by a measurement that gave it that mass. Not
   collective. */
PETSC_EXTERN PetscBool BrenierHeldOutIsWrong(const BrenierHeldOut *held_out, PetscInt n, PetscReal mass, PetscReal nu);

/* psi_i = |y_i|^2 / 2 + h_i of this rank's targets, shape [n_local]: the potential on their side. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierPotentialOfTargets(BrenierTargets targets, Vec h, PetscReal psi[]);

/* W2 from W2^2 / 2; 0 for a negative estimate of it. Not collective. */
PETSC_EXTERN PetscReal BrenierDistance(PetscReal cost);
