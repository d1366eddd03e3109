/*
  held_out.h - The error of heights, measured on curves that no step has used.

  The sample is cut into B batches with masses w_b. Let g_b = (w_b - nu) / sqrt(nu), so that chi2 = |mean g|^2. All of
  the following comes from the Gram matrix G_bk = <g_b, g_k>:
    chi2      unbiased: the mean of G over b != k (products of independent batches only);
    variance  of that U-statistic. The jackknife, 4 (B-1)^2 / (B (B-2)^2) var_b(r_b), r_b the mean of G_bk over k != b,
              counts the degenerate part twice: it gives 4 tau / (B (B-2)), where 2 tau / (B (B-1)) is right (Efron and
              Stein, Ann. Statist. 9 (1981)). tau = tr Sigma^2, Sigma the covariance of g_b, is estimated without bias
              by the products of differences of disjoint pairs of batches;
    interval  chi2 -+ the root of (t^2 linear part + z^2 degenerate part), t the 97.5% quantile of Student's law with
              B - 1 degrees, z that of the normal law. The interval of rho is its root.
  In one dimension one line is the whole source: rho is exact and its interval has no width.

  The Wasserstein distance of order 2 from both sides of the duality, with psi_i = |y_i|^2 / 2 + h_i and
  phi(x) = |x|^2 / 2 - u(x), which meet phi(x) + psi_i <= |x - y_i|^2 / 2, with equality in cell i:
    dual      int phi dmu + sum nu_i psi_i = (E|x|^2 + sum nu_i |y_i|^2) / 2 - E(h), below W2^2 / 2 for any h;
    primal    int |x - T(x)|^2 / 2 dmu = int phi dmu + sum w_i psi_i, what the map T costs: half the squared distance to
              the targets with the masses that T gives them, so not above W2^2 / 2 of necessity;
    gap       primal - dual = sum (w_i - nu_i) psi_i, of either sign, 0 when all masses are right.
  Each is a mean over batches; its interval is Student's with B - 1 degrees. The root of twice the dual bounds W2 from
  below. The interval of that bound is no interval of W2: W2 may lie above its upper end while the heights are wrong.

  Light cells. rho weights the relative error of a cell by nu_i, so light cells hardly count. Let v, the mass of a
  meeting, be the mean of Var(w_i) / w_i over the cells that curves met, Var by the batches. A cell with the right mass
  is met about nu_i / v times, and its mass has the relative standard error sqrt(v / nu_i).
    resolved  cells whose weight or mass is 16 v or more: a relative standard error of a quarter;
    missing   cells never met that should have been met 20 times: a cell with the right mass is one by chance e^-20;
    wrong     cells off by a factor of 1.5 or more whose root deviance is above sqrt(2 log n) + 2, more than chance does
              to any of n cells. For K = w / v meetings where M = nu / v are expected, the root deviance is
              sqrt(2 (K log(K / M) - K + M)).
*/
#pragma once

#include <brenier/dual.h>

/* An estimate with its standard error and 95% interval. */
typedef struct {
  PetscReal value, error, low, high;
} BrenierEstimate;

/* A measurement. Lengths and energies as above: dual, primal and gap in half a squared distance. */
typedef struct {
  PetscInt64 curves;
  PetscReal  chi2, chi2_error; /* estimate and its standard error */
  PetscReal  rho, rho_low, rho_high;
  PetscReal  sampling_error; /* sampling error of this sample's masses, in the norm of rho */
  PetscReal  tv;             /* half the sum of |mass - nu|; includes the sampling error of the masses */
  PetscReal  largest_error;  /* largest |mass - nu| / nu; the same */
  PetscInt64 empty;          /* cells without mass in the sample */
  PetscReal  meeting;        /* v, the mass of a meeting; 0 where the masses are exact */
  PetscReal  largest_log;    /* largest |log(mass / nu)| of the resolved cells with mass; includes the sampling error */
  PetscInt64 unresolved;     /* number of cells that are not resolved */
  PetscReal  unresolved_weight, unresolved_mass; /* sums over these */
  PetscInt64 missing;                            /* number of missing cells */
  PetscInt64 wrong;                              /* number of wrong cells, missing ones included */
  PetscReal  wrong_weight, worst;                /* sum of their weights; mass / nu of the worst, 1 for none */
  PetscReal  energy, energy_error;
  PetscReal  w2; /* root of twice the dual: a lower bound of the Wasserstein distance, estimated */
  PetscReal  w2_bound_low, w2_bound_high; /* 95% interval of that bound, not of the distance */
  BrenierEstimate dual, primal, gap;      /* of W2^2 / 2, see above */
} BrenierHeldOut;

/* Numbers of a measurement, besides its curves: X(type, name, member, meaning), the type r (PetscReal) or i
   (PetscInt64). They are fields of the log, attributes of a result and a table of docs/reference/files.md. To add a
   number: a member, and a line here. */
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

/*@
  BrenierHeldOutDefaultCurves - Gives the default size of a held-out sample: 4 circles or 16 chords a target, at least
  4,096

  Not collective

  Input Parameters:
+ source    - the source
- n_targets - number of targets

  Returns: number of curves; 1 for a source that is sampled by one line

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt64 BrenierHeldOutDefaultCurves(BrenierSource source, PetscInt n_targets);

/* A fresh sample: what names it, and what its scans may use. */
typedef struct {
  PetscInt64       seed;     /* with `stream` a sample that h was not fitted to */
  uint32_t         stream;   /* a `BrenierStream` */
  PetscInt64       n_curves; /* size; 64 at least is sensible */
  BrenierScanCache cache;    /* of the targets, borrowed; NULL for none */
} BrenierHeldOutSample;

/*@
  BrenierHeldOutMeasure - Measures heights on a fresh sample

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights, laid out as the targets; unit: source target
- sample  - names the sample

  Output Parameters:
+ mass       - cell masses on that sample, laid out as the targets; unit: 1
. mass_error - their standard errors, laid out as the targets, or NULL; unit: 1
. barycentre - barycentres of this rank's cells on that sample, as of `BrenierDualBarycentres()`; NULL on all ranks if
               not wanted; unit: source
- held_out   - the measurement, bitwise the same for any number of ranks

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); nothing is set then

  Cost: one scan (`BrenierDualEvaluate()`); 16 B bytes a target of this rank, B = 32, and the memory of the barycentres
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                  const BrenierHeldOutSample *sample, Vec mass, Vec mass_error,
                                                  const BrenierMutablePoints *barycentre, BrenierHeldOut *held_out);

/*@
  BrenierHeldOutMeasureInParts - Measures heights on a fresh sample that is drawn in parts, in bounded memory

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights, laid out as the targets; unit: source target
. sample  - names the sample, with a stream below 256; its size is rounded up to a multiple of the parts
- at_once - largest number of curves in memory, at least 1

  Output Parameters:
+ mass       - cell masses on that sample, laid out as the targets; unit: 1
. mass_error - their standard errors, laid out as the targets, or NULL; unit: 1
- held_out   - the measurement, bitwise the same for any number of ranks

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - more than 2^20 parts would be needed: `at_once` is too small
- `BRENIER_STOPPED`          - a stop was asked for (stop.h); nothing is set then

  Cost: one scan; 8 B bytes a target of this rank, B = 32, and a sample of `at_once` curves. Each part packs the targets
  again

  Notes: The number of parts is B = 32 or a multiple of it. The curves are not those that `BrenierHeldOutMeasure()`
  draws of the same sample.
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasureInParts(BrenierTargets targets, BrenierSource source, Vec h,
                                                         const BrenierHeldOutSample *sample, PetscInt64 at_once,
                                                         Vec mass, Vec mass_error, BrenierHeldOut *held_out);

/*@
  BrenierHeldOutExact - Makes a measurement of exact masses: no curves, no sampling error, intervals without width

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights, laid out as the targets; unit: source target
. mass    - exact masses of their cells, laid out as the targets; unit: 1
- energy  - E(h), exact; unit: source target

  Output Parameter:
. held_out - the measurement; curves is 0

  Errors: none of its own

  Cost: O(n dim / P) operations; some reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutExact(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                                PetscReal energy, BrenierHeldOut *held_out);

/*@
  BrenierHeldOutMeasureExact - Computes exact cells of heights and makes a measurement of their masses

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
- h       - heights, laid out as the targets; unit: source target

  Output Parameters:
+ mass     - exact cell masses, laid out as the targets; unit: 1
. held_out - the measurement; curves is 0
- sound    - false, and nothing else is set, where exact cells are not known or not sound (laguerre.h)

  Errors: none of its own

  Cost: one `BrenierLaguerreEvaluate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierHeldOutMeasureExact(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                                       BrenierHeldOut *held_out, PetscBool *sound);

/*@
  BrenierHeldOutIsWrong - Tells whether a measured cell is wrong or missing, as defined above

  Not collective

  Input Parameters:
+ held_out - the measurement
. n        - number of targets
. mass     - mass that it gave the cell; unit: 1
- nu       - weight of the target; unit: 1

  Returns: true for a wrong or missing cell

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierHeldOutIsWrong(const BrenierHeldOut *held_out, PetscInt n, PetscReal mass, PetscReal nu);

/*@
  BrenierPotentialOfTargets - Gives the Kantorovich potential on the side of the targets, psi_i = |y_i|^2 / 2 + h_i

  Not collective

  Input Parameters:
+ targets - the targets
- h       - heights, laid out as the targets; unit: source target

  Output Parameter:
. psi - potential of this rank's targets, shape [n_local]; unit: source target, both the same length here

  Errors: none of its own

  Cost: 2 n_local dim flops
@*/
PETSC_EXTERN PetscErrorCode BrenierPotentialOfTargets(BrenierTargets targets, Vec h, PetscReal psi[]);

/*@
  BrenierDistance - Gives W2 from an estimate of W2^2 / 2

  Not collective

  Input Parameter:
. cost - the estimate; unit: source target

  Returns: sqrt(2 cost); 0 for a negative estimate; unit: source, which is that of the targets here

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierDistance(PetscReal cost);
