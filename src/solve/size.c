/*
  size.c - How many curves: of a stage, of its Hessian, of a measurement, of a pass and of a descent, by what the tolerance
  asks and what memory holds. solve.h says why.
*/
#include <brenier/base.h>

#include "pass.h"
#include "solve_private.h"

#include <math.h>

/* Curves a target of the first stage, and at least. */
static const PetscInt64 brenier_circles_a_target = 2, brenier_chords_a_target = 8, brenier_least_curves = 4096;

/* chi2 C / n of a perfect h, before it is measured: what decides how much of a warm-up is worth while. */
static const PetscReal brenier_circle_noise = 0.1, brenier_chord_noise = 0.4;

/* A stage has at most this many times the curves of the one before: its start is good to a sampling error that much larger. */
static const PetscReal brenier_growth = 6.0;

/* Curves of the Hessian a target: a row then sums the crossings of some 100 pieces. A chord may have less than one crossing. */
static const PetscInt64 brenier_hessian_circles = 4, brenier_hessian_chords = 64;

/* Part of tol^2 left to the width of the held-out interval and to what is left in sample, and the sample that makes the
   former so: its degenerate part has a relative width of 1.96 sqrt(2/n) C / C', C' its curves. */
static const PetscReal brenier_tol_margin = 0.15, brenier_interval_width = 0.06;

/* The same of targets with scales: cells of tight clusters are worse than their sample says, by a tenth of chi2. */
static const PetscReal brenier_tol_margin_scales = 0.22;
static const PetscReal brenier_check_least = 0.1, brenier_check_most = 8.0;

/* Growth after a measurement above the tolerance, beyond what it asks for, and at least. */
static const PetscReal brenier_retry_growth = 1.05, brenier_retry_least = 1.1;

/* Bytes of a candidate in a list, of a piece and of a curve, with the slack of arrays that grow; and how many of them a curve has
   before any is seen: docs/solver.md has what was found. */
static const PetscReal brenier_list_bytes = 24.0 * 1.5, brenier_piece_bytes = 28.0 * 2.0, brenier_curve_bytes = 64.0;
static const PetscReal brenier_candidates_a_curve = 100.0, brenier_pieces_a_curve = 20.0;

/* Part of a first stage below which a sample is no use to Newton: half a circle a target. */
static const PetscReal brenier_useful_part = 0.25;

/* Where passes take over from Newton in a large problem: dimension, and curves wanted over those at hand. docs/solver.md has what
   was found. */
static const PetscInt  brenier_passes_dim    = 16;
static const PetscReal brenier_passes_growth = 1.5;

/* Curves a target up to which passes need no stage of Newton before them. */
static const PetscReal brenier_passes_at_once = 5.0;

/* Upper end of the interval that a measurement would have, over its rho, and what is not known of either. */
static const PetscReal brenier_expected_high = 1.08;

/* Worth that a curve of a pass is expected to add before one was measured, after a stage of Newton and after a warm-up alone,
   and at least; and curves of a pass at least. */
static const PetscReal brenier_pass_gain = 0.8, brenier_pass_gain_alone = 0.5, brenier_pass_gain_least = 0.1,
                       brenier_pass_curves_least = 16384.0;

static PetscBool HasCircles(BrenierSource source)
{
  return (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
}

/* x as a number of curves, the largest there is at most. */
static PetscInt64 Count(PetscReal x)
{
  return (PetscInt64)PetscMin(x, (PetscReal)PETSC_MAX_INT);
}

/* Curves of a first stage that many targets ask for. */
static PetscInt64 UsualCurves(BrenierSource source, PetscInt n_targets)
{
  return n_targets * (HasCircles(source) ? brenier_circles_a_target : brenier_chords_a_target);
}

PetscInt64 BrenierFirstCurves_Private(BrenierSource source, PetscInt n_targets)
{
  return PetscMin(PetscMax(UsualCurves(source, n_targets), brenier_least_curves), BrenierSourceMaxCurves(source));
}

PetscReal BrenierExpectedCurves_Private(BrenierSource source, PetscInt n_targets, const BrenierSolveOptions *options)
{
  if (options->curves > 0) return (PetscReal)options->curves;
  return (HasCircles(source) ? brenier_circle_noise : brenier_chord_noise) * n_targets / PetscSqr(options->tol);
}

enum { BRENIER_FEW_BITS = 4, BRENIER_SOME_BITS = 9 };

/* x > 0 to its first bits: the others vary with the ranks, in lists by a percent, in sums by rounding, and sizes should not. */
static PetscReal Rounded(PetscReal x, int bits)
{
  int             exponent;
  const PetscReal mantissa = frexp(x, &exponent);

  return ldexp(rint(ldexp(mantissa, bits)), exponent - bits);
}

/* Pieces of a curve before any is seen: in few dimensions a curve crosses some n^(1/dim) cells. */
static PetscReal PiecesACurve(BrenierTargets t)
{
  const PetscReal crossed = 2.0 * PetscPowReal((PetscReal)t->n, 1.0 / (PetscReal)t->dim);

  return PetscMax(brenier_pieces_a_curve, crossed);
}

/* Curves of so many bytes that fit into the memory allowed. */
static PetscErrorCode Fit(const Solve *s, PetscReal bytes, PetscInt64 *fit)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(s->targets->comm, &size));
  *fit = PETSC_MAX_INT;
  if (s->options->memory > 0.0)
    *fit = 1 + Count(Rounded(s->options->memory * size / Rounded(bytes, BRENIER_FEW_BITS), BRENIER_SOME_BITS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Curves of a sample that fit: by what those at hand take, or what is assumed before there are any. */
static PetscErrorCode CurvesThatFit(const Solve *s, PetscInt64 *fit)
{
  const PetscReal candidates = s->lists ? brenier_candidates_a_curve : 0.0;
  BrenierDualWork work;
  PetscReal       bytes = brenier_list_bytes * candidates + brenier_piece_bytes * PiecesACurve(s->targets);

  PetscFunctionBegin;
  if (s->dual) {
    PetscCall(BrenierDualGetWork(s->dual, &work));
    bytes = brenier_list_bytes * (PetscReal)work.n_candidates + brenier_piece_bytes * (PetscReal)work.n_pieces;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPIU_REAL, MPI_SUM, s->targets->comm));
    bytes /= (PetscReal)s->solved->curves;
  }
  PetscCall(Fit(s, bytes + brenier_curve_bytes, fit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveFreshFit_Private(const Solve *s, PetscInt64 *fit)
{
  PetscFunctionBegin;
  PetscCall(Fit(s, brenier_piece_bytes * PiecesACurve(s->targets) + brenier_curve_bytes, fit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveSampleFits_Private(const Solve *s, PetscReal wanted, PetscBool *fits)
{
  const PetscReal useful = brenier_useful_part * (PetscReal)UsualCurves(s->source, s->targets->n);
  PetscInt64      fit;

  PetscFunctionBegin;
  PetscCall(CurvesThatFit(s, &fit));
  *fits = (PetscBool)((PetscReal)fit >= PetscMin(useful, wanted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveNextCurves_Private(Solve *s, PetscReal wanted, PetscInt64 *next)
{
  const PetscReal first = (PetscReal)BrenierFirstCurves_Private(s->source, s->targets->n);
  const PetscReal now = (PetscReal)s->solved->curves, ratio = now > 0.0 ? wanted / now : 0.0;
  PetscReal       size;
  PetscInt64      fit = 0;

  PetscFunctionBegin;
  if (now > 0.0) size = now * PetscPowReal(ratio, 1.0 / PetscMax(PetscCeilReal(log(ratio) / log(brenier_growth)), 1.0));
  else size = wanted > 2.0 * first ? first : PetscMax(wanted, (PetscReal)brenier_least_curves);
  if (now == 0.0 && s->options->curves > 0) size = PetscMin(size, wanted);
  size  = PetscMax(PetscCeilReal(size), 1.0);
  *next = PetscMin(Count(size), BrenierSourceMaxCurves(s->source));
  PetscCall(CurvesThatFit(s, &fit));
  // What the first stage takes tells how far memory really goes
  s->solved->passes = (PetscBool)(now > 0.0 && *next > fit);
  if (*next > fit) *next = PetscMax(fit, s->solved->curves);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a problem is one for passes at all. */
static PetscBool SuitsPasses(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options)
{
  return (PetscBool)(options->method == BRENIER_METHOD_NEWTON && options->curves == 0 && HasCircles(source) &&
                     t->dim >= brenier_passes_dim && BrenierIsLarge_Private(t));
}

PetscBool BrenierPassesAtOnce_Private(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options)
{
  return (PetscBool)(SuitsPasses(t, source, options) && !options->verify && options->warm_up != 0.0 &&
                     BrenierExpectedCurves_Private(source, t->n, options) <= brenier_passes_at_once * t->n);
}

PetscBool BrenierSolvePassesPay_Private(const Solve *s, PetscReal wanted)
{
  const BrenierTargets t = s->targets;

  return (PetscBool)(SuitsPasses(t, s->source, s->options) &&
                     s->solved->curves >= BrenierFirstCurves_Private(s->source, t->n) &&
                     wanted >= brenier_passes_growth * (PetscReal)s->solved->curves);
}

/* The sampling error of the masses fitted, and what is left of them in sample: by L1, a few heavy cells, which a pass puts right
   at once, left out; the ratio is that of normal errors. */
void BrenierSolveExpect_Private(Solve *s)
{
  const BrenierIteration *last = &s->solved->last;
  BrenierHeldOut         *o    = &s->solved->held_out;

  o->curves   = s->solved->curves;
  o->noise    = last->noise;
  o->rho      = hypot(last->noise, PetscSqrtReal(0.5 * PETSC_PI) * last->l1);
  o->rho_high = brenier_expected_high * o->rho;
  s->measured = s->centred = PETSC_FALSE;
}

PetscReal BrenierSolveAskedCurves_Private(const Solve *s)
{
  const PetscReal margin = s->targets->scales ? brenier_tol_margin_scales : brenier_tol_margin;
  const PetscReal asked  = (1.0 - margin) * PetscSqr(s->options->tol);

  return PetscSqr(s->solved->last.noise) * (PetscReal)s->state.size / asked;
}

/* rho as measured, at least half the upper end of its interval: few curves may leave it next to 0. */
static PetscReal MeasuredRho(const BrenierHeldOut *o)
{
  return PetscMax(o->rho, 0.5 * o->rho_high);
}

/* Growth that the last measurement asks for, and a little more; the next one will be as narrow as it has to. */
static PetscReal RetryGrowth(const Solve *s)
{
  const BrenierHeldOut *o    = &s->solved->held_out;
  const PetscReal       high = PetscMin(o->rho_high, brenier_expected_high * MeasuredRho(o));

  return PetscSqr(high / s->options->tol) * brenier_retry_growth;
}

PetscReal BrenierSolveRetryCurves_Private(const Solve *s)
{
  return (PetscReal)s->solved->curves * PetscMax(RetryGrowth(s), brenier_retry_least);
}

PetscInt64 BrenierSolveHessianCurves_Private(const Solve *s)
{
  const PetscInt64 a_target = HasCircles(s->source) ? brenier_hessian_circles : brenier_hessian_chords;

  return PetscMax(s->targets->n * a_target, brenier_least_curves);
}

PetscInt64 BrenierSolveCheckCurves_Private(const Solve *s)
{
  const PetscReal part = 1.96 * PetscSqrtReal(2.0 / s->targets->n) / brenier_interval_width;
  const PetscReal size =
      (PetscReal)s->solved->curves * PetscMin(PetscMax(part, brenier_check_least), brenier_check_most);
  const PetscInt64 least = s->solved->curves > 0 ? 64 : brenier_least_curves; // a pass is planned by what it says

  if (s->options->check_curves > 0) return s->options->check_curves;
  if (s->options->curves > 0) return PetscMax(s->solved->curves, least);
  return Count(PetscMax(size, (PetscReal)brenier_least_curves));
}

PetscErrorCode BrenierSolvePlanPass_Private(const Solve *s, BrenierPassState *pass)
{
  const BrenierSolveOptions *options = s->options;
  const BrenierHeldOut      *o       = &s->solved->held_out;
  const PetscReal            before = pass->worth, seen = (PetscReal)pass->batch * (PetscReal)pass->n_steps;
  const PetscReal            chi2 = PetscSqr(MeasuredRho(o));
  PetscReal                  wanted;
  PetscInt64                 fit;

  PetscFunctionBegin;
  pass->noise = Rounded(PetscSqr(o->noise) * (PetscReal)o->curves, BRENIER_SOME_BITS);
  pass->worth = Rounded(pass->noise / chi2, BRENIER_SOME_BITS);
  pass->gain  = s->state.curves > 0 ? brenier_pass_gain : brenier_pass_gain_alone;
  if (seen > 0.0) pass->gain = PetscMin(PetscMax((pass->worth - before) / seen, brenier_pass_gain_least), 1.0);
  if (options->curves > 0) wanted = (PetscReal)(options->curves - s->solved->curves);
  else {
    wanted = pass->worth * (RetryGrowth(s) - 1.0) / pass->gain;
    wanted = PetscMin(wanted, brenier_growth * pass->worth);
    wanted = Rounded(PetscMax(wanted, brenier_pass_curves_least), BRENIER_SOME_BITS);
  }
  PetscCall(BrenierSolveFreshFit_Private(s, &fit));
  BrenierPassPlan_Private(s->targets, wanted, fit, pass);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt64 BrenierSolveDescentSize_Private(const Solve *s, uint32_t attempt)
{
  const PetscBool points = (PetscBool)(s->options->sample == BRENIER_DESCENT_POINTS);
  const PetscReal worth  = points && s->options->curves == 0 ? 1.0 / brenier_circle_noise : 1.0; // circles in points
  const PetscReal first  = worth * BrenierExpectedCurves_Private(s->source, s->targets->n, s->options);

  return Count(PetscCeilReal(ldexp(first, (int)attempt)));
}
