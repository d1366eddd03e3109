/*
  budget.c - Implements budget.h: the constants of the choices, and the choices.

  K = C sampling_error^2. Before a sample has measured it, K / n is taken to be brenier_circle_chi2 or
  brenier_chord_chi2. From stage to stage samples grow by equal factors: with ratio = C(tol) / C and
  m = ceil(log ratio / log brenier_growth) stages to go, the next has C ratio^(1/m) curves.

  An epoch starts with C_eff effective curves, and each of its curves adds `efficiency` of one. If the measured interval
  ends at f times the tolerance, it needs C_eff (f^2 - 1) / efficiency curves, at most brenier_growth C_eff.
*/
#include "budget.h"

#include <math.h>

/* Curves of the first stage: for each target, and at least. */
static const PetscInt64 brenier_first_circles = 2, brenier_first_chords = 8, brenier_least_curves = 4096;

/* K / n before it is measured: the length of the warm-up follows from it. */
static const PetscReal brenier_circle_chi2 = 0.1, brenier_chord_chi2 = 0.4;

/* Largest growth from one stage to the next. The start of the next one has the sampling error of the stage before. */
static const PetscReal brenier_growth = 6.0;

/* Curves of the Hessian for each target: a row then sums the crossings of some 100 pieces. A chord may have less than
   one crossing. */
static const PetscInt64 brenier_hessian_circles = 4, brenier_hessian_chords = 64;

/* Part of tol^2 that is left for the width of the held-out interval and for the residual in sample; and the relative
   width of that interval, which for C' held-out curves is 1.96 sqrt(2 / n) C / C' in its degenerate part. */
static const PetscReal brenier_tol_margin = 0.15, brenier_interval_width = 0.06;

/* The same where targets have scales: there chi2 is a tenth larger than the sample predicts. A scan of curves costs as
   much in a measurement as in a step, and several measurements follow each other, so the interval is wider. */
static const PetscReal brenier_tol_margin_scales = 0.3, brenier_interval_width_scales = 0.15;
static const PetscReal brenier_check_least = 0.1, brenier_check_most = 8.0;

/* After a measurement above the tolerance: a factor beyond the growth that it asks for, and the smallest growth. */
static const PetscReal brenier_retry_growth = 1.05, brenier_retry_least = 1.1;

/* Bytes of a candidate in a list, of a piece and of a curve, with the spare capacity of growing arrays; and the numbers
   of candidates and pieces that a curve is assumed to have before a scan (docs/devlog/2026-11.md). */
static const PetscReal brenier_list_bytes = 24.0 * 1.5, brenier_piece_bytes = 28.0 * 2.0, brenier_curve_bytes = 64.0;
static const PetscReal brenier_candidates_a_curve = 100.0, brenier_pieces_a_curve = 20.0;

/* Smallest sample of use to Newton, in parts of a first stage: half a circle a target. */
static const PetscReal brenier_useful_part = 0.25;

/* Where averaged SGD takes over from Newton in a large problem: smallest dimension, and smallest ratio of needed to
   present curves (docs/devlog/2026-11.md). */
static const PetscInt  brenier_sgd_dim    = 16;
static const PetscReal brenier_sgd_growth = 1.5;

/* Needed curves a target up to which averaged SGD runs without a stage of Newton. */
static const PetscReal brenier_sgd_alone_curves = 5.0;

/* Ratio of the upper end of the 95% interval to rho that is allowed for after a measurement: the error of that one and
   of the next. */
static const PetscReal brenier_interval_ratio = 1.08;

/* The ratio expected before anything is measured: 1 and two parts in quadrature, that of the curves and, over sqrt(n),
   that of the cells. Measured: 1.03 to 1.04 for 60,000 targets, 1.04 to 1.07 for 3,000. */
static const PetscReal brenier_interval_curves = 0.03, brenier_interval_cells = 4.0;

/* Efficiency of an epoch, effective curves a curve, before one was measured: after a stage of Newton, and after the
   warm-up alone. Its smallest value, and the smallest number of curves of an epoch. */
static const PetscReal brenier_sgd_efficiency = 0.8, brenier_sgd_efficiency_alone = 0.5,
                       brenier_sgd_efficiency_least = 0.1, brenier_epoch_curves_least = 16384.0;

/* Curves of the warm-up in parts of the predicted ones, before Newton and before SGD without Newton; and the largest
   number for each target. */
static const PetscReal brenier_warm_part = 0.5, brenier_warm_part_alone = 1.0, brenier_warm_most = 2.0;

/* Least dimension in which chords start from a solution on circles. */
static const PetscInt brenier_circle_dim = 5;

/* Targets a cluster: normally, for many targets, and the number of clusters above which they are many. */
static const PetscInt brenier_level_factor = 8, brenier_large_factor = 32, brenier_large_clusters = 1000;

/* Fewest clusters of a level. */
static const PetscInt brenier_least_clusters = 64;

/* Curves of a level: for each cluster, and at least. */
static const PetscInt64 brenier_level_circles = 8, brenier_level_chords = 32, brenier_level_least = 4096;

enum { BRENIER_DESCENT_STEPS = 512, BRENIER_DESCENT_STEPS_LARGE = 128 };

static const PetscReal brenier_large = 1e6; /* coordinates */

/* Clusters of the coarse steps: at most, and targets of one at least. 64 and 2,048 did about as well
   (docs/devlog/2026-11.md). */
static const PetscInt brenier_coarse_most = 512, brenier_coarse_factor = 32;

/* Smallest mini-batch of an epoch. */
static const PetscInt64 brenier_batch_least = 256;

const PetscReal brenier_first_skin = 0.32;

PetscBool BrenierBudgetIsLarge_Private(PetscInt n, PetscInt dim)
{
  return (PetscBool)((PetscReal)n * (PetscReal)dim >= brenier_large);
}

PetscBool BrenierBudgetUsesLists_Private(PetscInt n, PetscInt dim)
{
  const PetscInt  least_dim  = 4;
  const PetscReal least_work = 1e4; // targets times dimension

  return (PetscBool)(dim >= least_dim && (PetscReal)n * (PetscReal)dim >= least_work);
}

PetscInt BrenierBudgetDescentSteps_Private(PetscInt n, PetscInt dim)
{
  return BrenierBudgetIsLarge_Private(n, dim) ? BRENIER_DESCENT_STEPS_LARGE : BRENIER_DESCENT_STEPS;
}

PetscInt BrenierBudgetCoarseClusters_Private(PetscInt n, PetscInt dim)
{
  return BrenierBudgetIsLarge_Private(n, dim) ? PetscMin(n / brenier_coarse_factor, brenier_coarse_most) : 0;
}

/* x as a number of curves, which 32 bits hold whatever PETSc's indices are: the same plan with any PETSc. */
static PetscInt64 Count(PetscReal x)
{
  return (PetscInt64)PetscMin(x, (PetscReal)INT32_MAX);
}

enum { BRENIER_FEW_BITS = 4, BRENIER_SOME_BITS = 9 };

/* x > 0 rounded to its first bits. The others vary with the number of ranks (lists by a percent, sums by rounding);
   sizes must not. */
static PetscReal Rounded(PetscReal x, int bits)
{
  int             exponent;
  const PetscReal mantissa = frexp(x, &exponent);

  return ldexp(rint(ldexp(mantissa, bits)), exponent - bits);
}

/* Curves of a first stage of many targets. */
static PetscInt64 DefaultFirstCurves(const BrenierBudget *b)
{
  return b->n * (b->circles ? brenier_first_circles : brenier_first_chords);
}

PetscInt64 BrenierBudgetFirstStageCurves_Private(const BrenierBudget *b)
{
  return PetscMin(PetscMax(DefaultFirstCurves(b), brenier_least_curves), b->most_curves);
}

PetscReal BrenierBudgetPredictCurves_Private(const BrenierBudget *b)
{
  if (b->curves > 0) return (PetscReal)b->curves;
  return (b->circles ? brenier_circle_chi2 : brenier_chord_chi2) * (PetscReal)b->n / PetscSqr(b->tol);
}

PetscReal BrenierBudgetWarmUp_Private(const BrenierBudget *b, PetscBool alone)
{
  const PetscReal part = alone ? brenier_warm_part_alone : brenier_warm_part;

  if (b->warm_up >= 0.0) return b->warm_up;
  return PetscMin(part * BrenierBudgetPredictCurves_Private(b) / (PetscReal)b->n, brenier_warm_most);
}

PetscBool BrenierBudgetStartsOnCircles_Private(const BrenierBudget *b)
{
  return (PetscBool)(!b->circles && b->dim >= brenier_circle_dim);
}

PetscInt BrenierBudgetClusters_Private(PetscInt n)
{
  const PetscInt m = PetscMin(n / brenier_level_factor, PetscMax(n / brenier_large_factor, brenier_large_clusters));

  return m < brenier_least_clusters ? 0 : m;
}

PetscInt64 BrenierBudgetLevelCurves_Private(PetscInt n_clusters, PetscBool circles)
{
  return PetscMax(n_clusters * (circles ? brenier_level_circles : brenier_level_chords), brenier_level_least);
}

/* Assumed pieces of a curve before a scan: in few dimensions a curve crosses some n^(1/dim) cells. */
static PetscReal PiecesACurve(const BrenierBudget *b)
{
  const PetscReal crossed = 2.0 * PetscPowReal((PetscReal)b->n, 1.0 / (PetscReal)b->dim);

  return PetscMax(brenier_pieces_a_curve, crossed);
}

PetscReal BrenierBudgetSampleBytes_Private(PetscReal n_candidates, PetscReal n_pieces)
{
  return brenier_list_bytes * n_candidates + brenier_piece_bytes * n_pieces;
}

PetscInt64 BrenierBudgetMaxSampleCurves_Private(const BrenierBudget *b, PetscReal bytes)
{
  const PetscReal a_curve = bytes + brenier_curve_bytes;

  if (!(b->memory > 0.0)) return INT32_MAX;
  return 1 + Count(Rounded(b->memory / Rounded(a_curve, BRENIER_FEW_BITS), BRENIER_SOME_BITS));
}

PetscInt64 BrenierBudgetMaxUnscannedCurves_Private(const BrenierBudget *b, PetscBool lists)
{
  const PetscReal candidates = lists ? brenier_candidates_a_curve : 0.0;

  return BrenierBudgetMaxSampleCurves_Private(b, BrenierBudgetSampleBytes_Private(candidates, PiecesACurve(b)));
}

PetscInt64 BrenierBudgetMaxFreshCurves_Private(const BrenierBudget *b)
{
  return BrenierBudgetMaxUnscannedCurves_Private(b, PETSC_FALSE);
}

PetscBool BrenierBudgetSampleIsUseful_Private(const BrenierBudget *b, PetscInt64 max_curves, PetscReal wanted)
{
  const PetscReal useful = brenier_useful_part * (PetscReal)DefaultFirstCurves(b);

  return (PetscBool)((PetscReal)max_curves >= PetscMin(useful, wanted));
}

PetscInt64 BrenierBudgetNextStageCurves_Private(const BrenierBudget *b, PetscInt64 curves, PetscReal wanted,
                                                PetscInt64 max_curves, PetscBool *sgd_follows)
{
  const PetscReal first = (PetscReal)BrenierBudgetFirstStageCurves_Private(b);
  const PetscReal now = (PetscReal)curves, ratio = now > 0.0 ? wanted / now : 0.0;
  PetscReal       size;
  PetscInt64      next;

  if (now > 0.0) size = now * PetscPowReal(ratio, 1.0 / PetscMax(PetscCeilReal(log(ratio) / log(brenier_growth)), 1.0));
  else size = wanted > 2.0 * first ? first : PetscMax(wanted, (PetscReal)brenier_least_curves);
  if (now == 0.0 && b->curves > 0) size = PetscMin(size, wanted);
  size = PetscMax(PetscCeilReal(size), 1.0);
  next = PetscMin(Count(size), b->most_curves);
  // Only after the first stage the bytes of a curve are known
  *sgd_follows = (PetscBool)(now > 0.0 && next > max_curves);
  return next > max_curves ? PetscMax(max_curves, curves) : next;
}

/* Whether averaged SGD may replace Newton in this problem. */
static PetscBool SuitsSgd(const BrenierBudget *b)
{
  const PetscBool large = (PetscBool)(b->dim >= brenier_sgd_dim && (PetscReal)b->n * (PetscReal)b->dim >= b->sgd_from);

  return (PetscBool)(b->newton && b->curves == 0 && b->circles && (large || b->scales));
}

PetscBool BrenierBudgetSkipsNewton_Private(const BrenierBudget *b)
{
  return (PetscBool)(SuitsSgd(b) && !b->scales && !b->verify && b->warm_up != 0.0 &&
                     BrenierBudgetPredictCurves_Private(b) <= brenier_sgd_alone_curves * (PetscReal)b->n);
}

PetscBool BrenierBudgetSwitchesToSgd_Private(const BrenierBudget *b, PetscInt64 now, PetscReal wanted, PetscBool stalls)
{
  return (PetscBool)(SuitsSgd(b) && (b->dim >= brenier_sgd_dim || stalls) &&
                     now >= BrenierBudgetFirstStageCurves_Private(b) && wanted >= brenier_sgd_growth * (PetscReal)now);
}

/* Upper end of the interval over rho, before anything is measured. */
static PetscReal IntervalRatio(const BrenierBudget *b)
{
  const PetscReal half = hypot(brenier_interval_curves, brenier_interval_cells / PetscSqrtReal((PetscReal)b->n));

  return PetscMin(1.0 + half, brenier_interval_ratio);
}

/* Sampling error and optimisation error in quadrature. The latter is estimated by the L1 residual times sqrt(pi / 2),
   the ratio of root mean square to mean absolute value of a normal law: a few heavy cells do not dominate it. */
BrenierAccuracy BrenierBudgetPredictHeldOut_Private(const BrenierBudget *b, PetscInt64 curves, PetscReal sampling_error,
                                                    PetscReal l1)
{
  const PetscReal rho = hypot(sampling_error, PetscSqrtReal(0.5 * PETSC_PI) * l1);

  return (BrenierAccuracy){
      .curves = curves, .sampling_error = sampling_error, .rho = rho, .rho_high = IntervalRatio(b) * rho};
}

PetscReal BrenierBudgetToleranceCurves_Private(const BrenierBudget *b, PetscReal sampling_error, PetscInt64 size)
{
  const PetscReal margin = b->scales ? brenier_tol_margin_scales : brenier_tol_margin;
  const PetscReal asked  = (1.0 - margin) * PetscSqr(b->tol);

  return PetscSqr(sampling_error) * (PetscReal)size / asked;
}

/* The measured rho, at least half the upper end of its interval: on few curves it may be near 0 by chance. */
static PetscReal MeasuredRho(const BrenierAccuracy *w)
{
  return PetscMax(w->rho, 0.5 * w->rho_high);
}

/* Growth that the last measurement asks for, and a little more. The interval is taken to be no wider than that of the
   next measurement. */
static PetscReal RetryGrowth(const BrenierBudget *b, const BrenierAccuracy *w)
{
  const PetscReal high = PetscMin(w->rho_high, brenier_interval_ratio * MeasuredRho(w));

  return PetscSqr(high / b->tol) * brenier_retry_growth;
}

PetscReal BrenierBudgetRetryCurves_Private(const BrenierBudget *b, const BrenierAccuracy *w, PetscInt64 now)
{
  return (PetscReal)now * PetscMax(RetryGrowth(b, w), brenier_retry_least);
}

PetscInt64 BrenierBudgetHessianCurves_Private(const BrenierBudget *b)
{
  const PetscInt64 a_target = b->circles ? brenier_hessian_circles : brenier_hessian_chords;

  return PetscMax(b->n * a_target, brenier_least_curves);
}

PetscInt64 BrenierBudgetMeasurementCurves_Private(const BrenierBudget *b, PetscInt64 now)
{
  const PetscReal  width = b->scales ? brenier_interval_width_scales : brenier_interval_width;
  const PetscReal  part  = 1.96 * PetscSqrtReal(2.0 / (PetscReal)b->n) / width;
  const PetscReal  size  = (PetscReal)now * PetscMin(PetscMax(part, brenier_check_least), brenier_check_most);
  const PetscInt64 least = now > 0 ? 64 : brenier_least_curves; // an epoch is planned from its result

  if (b->check_curves > 0) return b->check_curves;
  if (b->curves > 0) return PetscMax(now, least);
  return Count(PetscMax(size, (PetscReal)brenier_least_curves));
}

/* Divides an epoch of about so many curves into steps with mini-batches of at most `most` curves. */
static void CutEpoch(const BrenierBudget *b, PetscReal curves, PetscInt64 most, BrenierSgdState *p)
{
  const PetscReal steps =
      b->scales ? BRENIER_DESCENT_STEPS_LARGE : (PetscReal)BrenierBudgetDescentSteps_Private(b->n, b->dim);
  const PetscInt64 batch = Count(PetscCeilReal(curves / steps));

  p->first += p->n_steps;
  p->step    = 0;
  p->batch   = PetscMax(PetscMin(PetscMax(batch, brenier_batch_least), most), 1);
  p->n_steps = (PetscInt64)PetscMax(PetscCeilReal(curves / (PetscReal)p->batch), 1.0);
}

void BrenierBudgetPlanEpoch_Private(const BrenierBudget *b, const BrenierAccuracy *w, PetscInt64 sample,
                                    PetscInt64 used, BrenierSgdState *p)
{
  const PetscReal before = p->effective_curves, seen = (PetscReal)p->batch * (PetscReal)p->n_steps;
  const PetscReal chi2 = PetscSqr(MeasuredRho(w));
  PetscReal       wanted;

  p->sampling_k       = Rounded(PetscSqr(w->sampling_error) * (PetscReal)w->curves, BRENIER_SOME_BITS);
  p->effective_curves = Rounded(p->sampling_k / chi2, BRENIER_SOME_BITS);
  p->efficiency       = sample > 0 ? brenier_sgd_efficiency : brenier_sgd_efficiency_alone;
  if (seen > 0.0)
    p->efficiency = PetscMin(PetscMax((p->effective_curves - before) / seen, brenier_sgd_efficiency_least), 1.0);
  if (b->curves > 0) wanted = (PetscReal)(b->curves - used);
  else {
    wanted = p->effective_curves * (RetryGrowth(b, w) - 1.0) / p->efficiency;
    wanted = PetscMin(wanted, brenier_growth * p->effective_curves);
    wanted = Rounded(PetscMax(wanted, brenier_epoch_curves_least), BRENIER_SOME_BITS);
  }
  CutEpoch(b, wanted, BrenierBudgetMaxFreshCurves_Private(b), p);
}

PetscInt64 BrenierBudgetDescentSamples_Private(const BrenierBudget *b, PetscInt attempt)
{
  const PetscReal samples_per_curve =
      b->points && b->curves == 0 ? 1.0 / brenier_circle_chi2 : 1.0; // circles in points
  const PetscReal first = samples_per_curve * BrenierBudgetPredictCurves_Private(b);

  return Count(PetscCeilReal(ldexp(first, (int)attempt)));
}
