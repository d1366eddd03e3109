/* solve.c - Implements solve.h. */
#include <brenier/base.h>
#include <brenier/minimise.h>
#include <brenier/solve.h>

#include "hierarchy.h"
#include "pass.h"
#include "quantiles.h"

#include <math.h>

/* Curves a target of the first stage, and at least. */
static const PetscInt64 brenier_circles_a_target = 2, brenier_chords_a_target = 8, brenier_least_curves = 4096;

/* chi2 C / n of a perfect h, before it is measured: what decides how much of a warm-up is worth while. */
static const PetscReal brenier_circle_noise = 0.1, brenier_chord_noise = 0.4;

/* Curves of the warm-up at most, in parts of those of the last sample, and a target. */
static const PetscReal brenier_warm_part = 0.5, brenier_warm_most = 2.0;

/* A stage has at most this many times the curves of the one before: its start is good to a sampling error that much larger. */
static const PetscReal brenier_growth = 6.0;

/* Batches of the solver's sample: enough to tell the sampling error to a fifth. */
static const PetscInt brenier_noise_batches = 16;

/* In-sample L1 residual at which a stage that is not the last ends, in parts of the sampling part of rho: that much more in
   quadrature is lost in the sampling error that the next stage starts from. */
static const PetscReal brenier_stage_part = 0.4;

/* In-sample rho at which the last stage ends when a tolerance asks, in parts of the sampling part: 4% of chi2. */
static const PetscReal brenier_last_part = 0.2;

/* Curves of the Hessian a target: a row then sums the crossings of some 100 pieces. A chord may have less than one crossing. */
static const PetscInt64 brenier_hessian_circles = 4, brenier_hessian_chords = 64;

/* In fewer dimensions <x,y> is far from Gaussian for a uniform x, and a chord crosses many facets: it needs no circles. */
static const PetscInt brenier_circle_dim = 5;

/* The circles' solution is only a start for the cube: its own L1 error there is some 0.1. */
static const PetscReal brenier_start_residual = 0.05;

/* Slack of the lists of later stages, in sampling errors of a height. */
static const PetscReal brenier_slack = 2.0;

/* Part of tol^2 left to the width of the held-out interval and to what is left in sample, and the sample that makes the
   former so: its degenerate part has a relative width of 1.96 sqrt(2/n) C / C', C' its curves. */
static const PetscReal brenier_tol_margin = 0.15, brenier_interval_width = 0.06;
static const PetscReal brenier_check_least = 0.1, brenier_check_most = 8.0;

/* A sample this much short of the size wanted will do. */
static const PetscReal brenier_size_slack = 0.02;

/* Growth after a measurement above the tolerance, beyond what it asks for; and how often. */
static const PetscReal brenier_retry_growth = 1.05, brenier_retry_least = 1.1;
enum { BRENIER_RETRIES = 8 };

/* Bytes of a candidate in a list, of a piece and of a curve, with the slack of arrays that grow; and how many of them a curve has
   before any is seen: docs/solver.md has what was found. */
static const PetscReal brenier_list_bytes = 24.0 * 1.5, brenier_piece_bytes = 28.0 * 2.0, brenier_curve_bytes = 64.0;
static const PetscReal brenier_candidates_a_curve = 100.0, brenier_pieces_a_curve = 20.0;

/* Part of the memory that a measurement may take on top while a sample has the whole. */
static const PetscReal brenier_beside_part = 0.25;

/* Part of a first stage below which a sample is no use to Newton: half a circle a target. */
static const PetscReal brenier_useful_part = 0.25;

/* Scale of all targets alike where Newton left none, in parts of the length: a dimension, and at most. As in the warm-up, for
   cells may be smaller than the length tells. */
static const PetscReal brenier_plain_scale = 0.07, brenier_plain_scale_most = 0.5;

/* Scale of a target in a pass over the geometric mean, at most. */
static const PetscReal brenier_scale_most = 4.0;

/* Worth that a curve of a pass is expected to add before one was measured, and at least; and curves of a pass at least. */
static const PetscReal brenier_pass_gain = 0.8, brenier_pass_gain_least = 0.1, brenier_pass_curves_least = 16384.0;

/* State of a solve. */
typedef struct {
  /* parameters */
  BrenierTargets             targets;
  const BrenierSource       *source;
  const BrenierSolveOptions *options;
  /* data */
  BrenierDual dual;
  Vec         h, scale, slack;
  PetscReal   length;
  PetscBool   lists; /* whether candidate lists are kept */
  /* status */
  BrenierIteration  before; /* totals of the stages that ended */
  BrenierSolved    *solved;
  BrenierSolveState state;    /* what a safe point keeps: where in the stages and measurements this is */
  Vec               kept;     /* heights of the last safe point */
  PetscBool         resuming; /* until the stage or pass of a checkpoint goes on */
} Solve;

/* Curves of a first stage that many targets ask for. */
static PetscInt64 UsualCurves(const BrenierSource *source, PetscInt n_targets)
{
  const PetscBool circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);

  return n_targets * (circles ? brenier_circles_a_target : brenier_chords_a_target);
}

static PetscInt64 FirstCurves(const BrenierSource *source, PetscInt n_targets)
{
  return PetscMin(PetscMax(UsualCurves(source, n_targets), brenier_least_curves), BrenierSourceMaxCurves(source));
}

/* Curves that the tolerance, or the user, will take, before anything is measured. */
static PetscReal ExpectedCurves(const BrenierSource *source, PetscInt n_targets, const BrenierSolveOptions *options)
{
  const PetscBool circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);

  if (options->curves > 0) return (PetscReal)options->curves;
  return (circles ? brenier_circle_noise : brenier_chord_noise) * n_targets / PetscSqr(options->tol);
}

/* Curves of the warm-up as asked for, or by default in parts of those of the sample, which need not be many a target. */
static PetscReal WarmUpCurves(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options)
{
  if (options->warm_up >= 0.0) return options->warm_up;
  return PetscMin(brenier_warm_part * ExpectedCurves(source, t->n, options) / t->n, brenier_warm_most);
}

/* Levels of clusters, unless a checkpoint was made after them, and the warm-up. */
static PetscErrorCode LevelsAndWarmUp(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                      Vec h, BrenierStart *start)
{
  BrenierCheckpoint checkpoint = options->checkpoint;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_WARM_UP) {
    PetscCall(BrenierCheckpointGetLevels(checkpoint, BRENIER_MAX_LEVELS, &start->n_levels, start->level));
  } else {
    PetscCall(BrenierHierarchyStart(t, source, options, h, start));
    if (checkpoint) PetscCall(BrenierCheckpointSetLevels(checkpoint, start->n_levels, start->level));
  }
  PetscCall(BrenierWarmUp(t, source, options->seed, WarmUpCurves(t, source, options), checkpoint, h, &start->length));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Iterations of the start are part of the history. */
static PetscErrorCode MonitorStart(void *context, const BrenierIteration *now)
{
  const BrenierSolveOptions *options = context;

  PetscFunctionBegin;
  if (options->checkpoint) PetscCall(BrenierCheckpointAddRow(options->checkpoint, now));
  if (options->newton.monitor) PetscCall(options->newton.monitor(options->newton.context, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Circles for the Gaussian of the cube's covariance. */
static PetscErrorCode StartCube(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                Vec h, BrenierStart *start)
{
  const PetscReal      deviation = PetscSqrtReal(BrenierSourceSecondMoment(source) / (PetscReal)t->dim);
  BrenierSolveOptions  of_start  = *options;
  BrenierNewtonOptions newton    = options->newton;
  BrenierSource        gaussian;
  BrenierDual          dual;
  BrenierIteration     last;
  BrenierNewtonReason  reason;

  PetscFunctionBegin;
  PetscCall(BrenierSourceCreate(BRENIER_SOURCE_GAUSSIAN, t->dim, deviation, &gaussian));
  newton.residual = PetscMax(newton.residual, brenier_start_residual);
  newton.monitor  = MonitorStart;
  newton.context  = &of_start;
  PetscCall(BrenierSay("start: great circles for the Gaussian of the cube's covariance"));
  PetscCall(LevelsAndWarmUp(t, &gaussian, options, h, start));
  PetscCall(BrenierDualCreate(t, &gaussian, options->seed, BRENIER_STREAM_START, 2 * FirstCurves(&gaussian, t->n),
                              brenier_noise_batches, &dual));
  PetscCall(BrenierNewton(dual, t, &newton, h, &last, &reason));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveStart(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                 Vec h, BrenierStart *start)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(start, sizeof *start));
  if (!BrenierMethodFixesSample(options->method)) {
    PetscCall(VecZeroEntries(h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_CHORD && t->dim >= brenier_circle_dim) {
    PetscCall(StartCube(t, source, options, h, start));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(LevelsAndWarmUp(t, source, options, h, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Passes an iteration of a stage on as one of the whole solve. */
static PetscErrorCode MonitorStage(void *context, const BrenierIteration *now)
{
  Solve           *s   = context;
  BrenierIteration all = *now;

  PetscFunctionBegin;
  all.iteration += s->before.iteration;
  all.evaluations += s->before.evaluations;
  all.seconds += s->before.seconds;
  s->solved->last = all;
  if (s->options->checkpoint) PetscCall(BrenierCheckpointAddRow(s->options->checkpoint, &all));
  if (s->options->newton.monitor) PetscCall(s->options->newton.monitor(s->options->newton.context, &all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps what the solve can go back to, then stops if that was asked for. */
static PetscErrorCode SafePoint(void *context, const BrenierNewtonState *newton)
{
  Solve *s = context;

  PetscFunctionBegin;
  s->state.phase  = BRENIER_PHASE_STAGE;
  s->state.length = s->length;
  s->state.curves = s->solved->curves;
  s->state.before = s->before;
  s->state.newest = s->solved->last;
  s->state.newton = *newton;
  PetscCall(VecCopy(s->h, s->kept));
  if (s->options->checkpoint)
    PetscCall(BrenierCheckpointKeep(s->options->checkpoint, &s->state, s->h, s->scale, s->slack, s->dual));
  PetscCall(BrenierStopHere(s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sample of the next stage: made, grown, or as a checkpoint kept it. */
static PetscErrorCode SetSample(Solve *s, PetscInt64 curves, BrenierNewtonOptions *newton)
{
  const BrenierSolveOptions *options = s->options;

  PetscFunctionBegin;
  if (s->resuming) {
    PetscCall(BrenierCheckpointLoadDual(options->checkpoint, s->source, options->seed, BRENIER_STREAM_SOLVE,
                                        brenier_noise_batches, s->lists, &s->dual));
    newton->resume = &s->state.newton;
    s->resuming    = PETSC_FALSE;
  } else if (s->dual) {
    newton->damping = PetscMin(newton->damping, s->before.damping);
    PetscCall(BrenierDualGrow(s->dual, curves));
    PetscFunctionReturn(PETSC_SUCCESS);
  } else {
    PetscCall(BrenierDualCreate(s->targets, s->source, options->seed, BRENIER_STREAM_SOLVE, curves,
                                brenier_noise_batches, &s->dual));
    if (s->lists) PetscCall(BrenierDualSetSlack(s->dual, s->slack));
  }
  PetscCall(BrenierDualSetVerify(s->dual, options->verify));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton on the first `curves` curves. */
static PetscErrorCode RunStage(Solve *s, PetscInt64 curves, PetscBool last)
{
  const BrenierSolveOptions *options = s->options;
  const PetscBool            circles = (PetscBool)(BrenierSourceCurveType(s->source) == BRENIER_CURVE_CIRCLE);
  BrenierNewtonOptions       newton  = options->newton;
  BrenierIteration           end;

  PetscFunctionBegin;
  newton.monitor    = MonitorStage;
  newton.safe_point = SafePoint;
  newton.context    = s;
  newton.scale      = s->scale;
  if (options->curves == 0) {
    // The measurement on fresh curves, by full scans, is what judges
    newton.noise_part = PetscMax(newton.noise_part, brenier_last_part);
    newton.certify    = PETSC_FALSE;
  }
  newton.hessian_curves = s->targets->n * (circles ? brenier_hessian_circles : brenier_hessian_chords);
  newton.hessian_curves = PetscMax(newton.hessian_curves, brenier_least_curves);
  if (!last) {
    newton.residual = 0.0;
    newton.l1_part  = brenier_stage_part;
    newton.certify  = PETSC_FALSE;
  }
  PetscCall(SetSample(s, curves, &newton));
  if (options->method == BRENIER_METHOD_NEWTON)
    PetscCall(BrenierNewton(s->dual, s->targets, &newton, s->h, &end, &s->solved->reason));
  else PetscCall(BrenierMinimise(s->dual, s->targets, options->method, &newton, s->h, &end, &s->solved->reason));
  s->before         = s->solved->last;
  s->before.damping = end.damping;
  s->solved->curves = BrenierDualCurves(s->dual);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Slacks for what the heights are expected to move by, from a sampling error. */
static PetscErrorCode SetSlack(Solve *s, PetscReal noise)
{
  PetscReal largest;

  PetscFunctionBegin;
  PetscCall(VecMax(s->scale, NULL, &largest));
  if (largest > 0.0) {
    PetscCall(VecCopy(s->scale, s->slack));
    PetscCall(VecScale(s->slack, brenier_slack * noise));
  }
  if (s->lists) PetscCall(BrenierDualSetSlack(s->dual, s->slack));
  PetscFunctionReturn(PETSC_SUCCESS);
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
    *fit = 1 + (PetscInt64)PetscMin(
                   Rounded(s->options->memory * size / Rounded(bytes, BRENIER_FEW_BITS), BRENIER_SOME_BITS),
                   (PetscReal)PETSC_MAX_INT);
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

/* Curves that fit when they are seen once and forgotten: without lists. */
static PetscErrorCode FreshCurvesThatFit(const Solve *s, PetscInt64 *fit)
{
  PetscFunctionBegin;
  PetscCall(Fit(s, brenier_piece_bytes * PiecesACurve(s->targets) + brenier_curve_bytes, fit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether memory holds a sample that is of use to Newton. */
static PetscErrorCode SampleFits(const Solve *s, PetscReal wanted, PetscBool *fits)
{
  const PetscReal useful = brenier_useful_part * (PetscReal)UsualCurves(s->source, s->targets->n);
  PetscInt64      fit;

  PetscFunctionBegin;
  PetscCall(CurvesThatFit(s, &fit));
  *fits = (PetscBool)((PetscReal)fit >= PetscMin(useful, wanted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Size of the next stage on the way to `wanted` curves: equal growth from stage to stage. */
static PetscErrorCode NextCurves(Solve *s, PetscReal wanted, PetscInt64 *next)
{
  const PetscReal first = (PetscReal)FirstCurves(s->source, s->targets->n);
  const PetscReal now = (PetscReal)s->solved->curves, ratio = now > 0.0 ? wanted / now : 0.0;
  PetscReal       size;
  PetscInt64      fit = 0;

  PetscFunctionBegin;
  if (now > 0.0) size = now * PetscPowReal(ratio, 1.0 / PetscMax(PetscCeilReal(log(ratio) / log(brenier_growth)), 1.0));
  else size = wanted > 2.0 * first ? first : PetscMax(wanted, (PetscReal)brenier_least_curves);
  if (now == 0.0 && s->options->curves > 0) size = PetscMin(size, wanted);
  size  = PetscMax(PetscCeilReal(size), 1.0);
  *next = PetscMin((PetscInt64)PetscMin(size, (PetscReal)PETSC_MAX_INT), BrenierSourceMaxCurves(s->source));
  PetscCall(CurvesThatFit(s, &fit));
  // What the first stage takes tells how far memory really goes
  s->solved->out_of_memory = (PetscBool)(now > 0.0 && *next > fit);
  if (*next > fit) *next = PetscMax(fit, s->solved->curves);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Stages up to `wanted` curves, a number that is known better from stage to stage. */
static PetscErrorCode RunStages(Solve *s, PetscReal wanted)
{
  const PetscBool fixed = (PetscBool)(s->options->curves > 0);
  PetscBool       last  = PETSC_FALSE;
  PetscInt64      size;

  PetscFunctionBegin;
  while (!last) {
    if (s->resuming) {
      size = s->state.size;
      last = s->state.last;
    } else {
      PetscCall(NextCurves(s, wanted, &size));
      last = (PetscBool)((PetscReal)size >= (1.0 - brenier_size_slack) * wanted || s->solved->out_of_memory);
    }
    s->state.wanted        = wanted;
    s->state.size          = size;
    s->state.last          = last;
    s->state.out_of_memory = s->solved->out_of_memory;
    PetscCall(RunStage(s, size, last));
    PetscCall(SetSlack(s, s->solved->last.noise));
    if (s->solved->reason < 0) break;
    if (fixed || s->solved->out_of_memory) continue;
    wanted =
        PetscSqr(s->solved->last.noise) * (PetscReal)size / ((1.0 - brenier_tol_margin) * PetscSqr(s->options->tol));
    if (!last && wanted <= (PetscReal)size) wanted = (PetscReal)size; // once more, to the end
    else last = (PetscBool)(last && (PetscReal)size >= (1.0 - brenier_size_slack) * wanted);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A sample whose interval is narrow enough to tell whether the tolerance is met. */
static PetscInt64 CheckCurves(const Solve *s)
{
  const PetscReal part = 1.96 * PetscSqrtReal(2.0 / s->targets->n) / brenier_interval_width;
  const PetscReal size =
      (PetscReal)s->solved->curves * PetscMin(PetscMax(part, brenier_check_least), brenier_check_most);
  const PetscInt64 least = 64;

  if (s->options->check_curves > 0) return s->options->check_curves;
  if (s->options->curves > 0) return PetscMax(s->solved->curves, least);
  return (PetscInt64)PetscMin(PetscMax(size, (PetscReal)brenier_least_curves), (PetscReal)PETSC_MAX_INT);
}

static PetscErrorCode Measure(Solve *s, uint32_t attempt, Vec mass, Vec mass_error)
{
  const PetscReal  tol    = s->options->tol;
  const PetscInt64 wanted = CheckCurves(s);
  const uint32_t   stream = BRENIER_STREAM_REPORT + attempt;
  BrenierHeldOut  *o      = &s->solved->held_out;
  PetscInt64       fit;

  PetscFunctionBegin;
  // Without a checkpoint a measurement is what a stop would need anyway
  if (!s->options->checkpoint) BrenierStopHold(PETSC_TRUE);
  PetscCall(FreshCurvesThatFit(s, &fit));
  if (s->dual) fit = PetscMax((PetscInt64)(brenier_beside_part * (PetscReal)fit), 1);
  if (wanted <= fit)
    PetscCall(
        BrenierHeldOutMeasure(s->targets, s->source, s->h, s->options->seed, stream, wanted, mass, mass_error, o));
  else
    PetscCall(BrenierHeldOutMeasureInParts(s->targets, s->source, s->h, s->options->seed, stream, wanted, fit, mass,
                                           mass_error, o));
  BrenierStopHold(PETSC_FALSE);
  s->solved->within_tol = (PetscBool)(tol <= 0.0 || o->rho_high <= tol);
  if (s->options->measured) PetscCall(s->options->measured(s->options->context, o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Stages and measurements until the tolerance is met or there is a reason to stop. */
static PetscErrorCode StagesAndMeasurements(Solve *s, PetscReal wanted, Vec mass, Vec mass_error)
{
  BrenierSolved *solved = s->solved;

  PetscFunctionBegin;
  for (uint32_t attempt = (uint32_t)s->state.attempt; attempt < BRENIER_RETRIES; ++attempt) {
    s->state.attempt = attempt;
    PetscCall(RunStages(s, wanted));
    PetscCall(Measure(s, attempt, mass, mass_error));
    if (solved->within_tol || solved->reason < 0 || solved->out_of_memory || s->options->curves > 0) break;
    wanted = PetscSqr(solved->held_out.rho_high / s->options->tol) * brenier_retry_growth;
    wanted = (PetscReal)solved->curves * PetscMax(wanted, brenier_retry_least);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps what a pass can go on from, then stops if that was asked for. */
static PetscErrorCode PassSafePoint(Solve *s, const BrenierPass *pass)
{
  PetscFunctionBegin;
  s->state.phase  = BRENIER_PHASE_PASS;
  s->state.length = s->length;
  s->state.before = s->before;
  s->state.newest = s->solved->last;
  s->state.pass   = pass->now;
  PetscCall(VecCopy(pass->mean, s->kept));
  if (s->options->checkpoint)
    PetscCall(BrenierCheckpointKeep(s->options->checkpoint, &s->state, pass->h, pass->scale, pass->mean, NULL));
  PetscCall(BrenierStopHere(s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a step of a pass is told: at doubling steps, and at the end. */
static PetscBool IsTold(const BrenierPassState *pass)
{
  return (PetscBool)((pass->step & (pass->step - 1)) == 0 || pass->step == pass->n_steps);
}

/* Passes a step on as an iteration of the whole solve. */
static PetscErrorCode MonitorPass(void *context, const BrenierPass *pass, const BrenierIteration *now)
{
  Solve           *s   = context;
  BrenierIteration all = *now;

  PetscFunctionBegin;
  all.iteration += s->before.iteration;
  all.evaluations += s->before.evaluations;
  all.seconds += s->before.seconds;
  all.curves += (PetscReal)s->state.curves + (PetscReal)pass->now.before;
  all.scanned += s->before.scanned;
  s->solved->last = all;
  if (IsTold(&pass->now)) {
    if (s->options->checkpoint) PetscCall(BrenierCheckpointAddRow(s->options->checkpoint, &all));
    if (s->options->newton.monitor) PetscCall(s->options->newton.monitor(s->options->newton.context, &all));
  }
  PetscCall(PassSafePoint(s, pass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the measurement says the heights are worth, and how many curves more the tolerance asks for. */
static PetscErrorCode PlanPass(Solve *s, BrenierPassState *pass)
{
  const BrenierSolveOptions *options = s->options;
  const BrenierHeldOut      *o       = &s->solved->held_out;
  const PetscReal            before = pass->worth, seen = (PetscReal)pass->batch * (PetscReal)pass->n_steps;
  const PetscReal            chi2 = PetscMax(PetscSqr(o->rho), 0.25 * PetscSqr(o->rho_high));
  PetscReal                  wanted;
  PetscInt64                 fit;

  PetscFunctionBegin;
  pass->noise = Rounded(PetscSqr(o->noise) * (PetscReal)o->curves, BRENIER_SOME_BITS);
  pass->worth = Rounded(pass->noise / chi2, BRENIER_SOME_BITS);
  pass->gain  = brenier_pass_gain;
  if (seen > 0.0) pass->gain = PetscMin(PetscMax((pass->worth - before) / seen, brenier_pass_gain_least), 1.0);
  if (options->curves > 0) wanted = (PetscReal)(options->curves - s->solved->curves);
  else {
    wanted = pass->worth * (brenier_retry_growth * PetscSqr(o->rho_high / options->tol) - 1.0) / pass->gain;
    wanted = PetscMin(wanted, brenier_growth * pass->worth);
    wanted = Rounded(PetscMax(wanted, brenier_pass_curves_least), BRENIER_SOME_BITS);
  }
  PetscCall(FreshCurvesThatFit(s, &fit));
  BrenierPassPlan_Private(wanted, fit, pass);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lowers entries far above the geometric mean: such a cell was next to empty when its diagonal was taken, and would swing. */
static PetscErrorCode BoundScale(BrenierTargets t, Vec scale)
{
  PetscScalar *a;
  PetscReal   *term, mean;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &term));
  PetscCall(VecGetArray(scale, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) term[i] = t->nu[i] * log(a[i]);
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &mean));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] = PetscMin(a[i], brenier_scale_most * PetscExpReal(mean));
  PetscCall(VecRestoreArray(scale, &a));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The scale that Newton left; without one, that of the warm-up for all, which asks for shorter steps in few dimensions. */
static PetscErrorCode SetPassScale(Solve *s, Vec work)
{
  PetscReal largest;

  PetscFunctionBegin;
  PetscCall(VecMax(s->scale, NULL, &largest));
  if (largest > 0.0) {
    PetscCall(BoundScale(s->targets, s->scale));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (s->length <= 0.0) PetscCall(BrenierLengthScale(s->targets, s->source, s->options->seed, s->h, work, &s->length));
  PetscCall(VecSet(s->scale,
                   s->length * PetscMin(brenier_plain_scale * (PetscReal)s->targets->dim, brenier_plain_scale_most)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sample makes room; its heights are where a pass begins. */
static PetscErrorCode BeginPass(Solve *s, BrenierPass *pass)
{
  PetscFunctionBegin;
  PetscCall(PlanPass(s, &pass->now));
  PetscCall(SetPassScale(s, pass->mean));
  PetscCall(VecCopy(s->h, pass->mean));
  PetscCall(PassSafePoint(s, pass));
  if (s->dual) PetscCall(BrenierDualGetWork(s->dual, &s->solved->work));
  PetscCall(BrenierDualDestroy(&s->dual));
  PetscCall(BrenierSay("pass %" PetscInt64_FMT ": %" PetscInt64_FMT
                       " fresh curves, each seen once, from heights worth %.0f",
                       pass->now.pass + 1, pass->now.n_steps * pass->now.batch, (double)pass->now.worth));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass and its measurement. */
static PetscErrorCode RunPass(Solve *s, BrenierPass *pass, Vec mass, Vec mass_error)
{
  PetscFunctionBegin;
  if (s->resuming) s->before.seconds = s->state.newest.seconds;
  else PetscCall(BeginPass(s, pass));
  s->resuming = PETSC_FALSE;
  PetscCall(BrenierPassRun_Private(pass));
  PetscCall(VecCopy(pass->mean, s->h));
  pass->now.before += pass->now.n_steps * pass->now.batch;
  ++pass->now.pass;
  s->before           = s->solved->last;
  s->solved->streamed = pass->now.before;
  s->solved->curves   = s->state.curves + s->solved->streamed;
  s->solved->reason   = BRENIER_NEWTON_PASS;
  PetscCall(Measure(s, (uint32_t)++s->state.attempt, mass, mass_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights and what was measured of them. */
typedef struct {
  Vec            h, mass, mass_error;
  BrenierHeldOut held_out;
} Measured;

static PetscErrorCode CopyMeasured(const Measured *from, Measured *to)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(from->h, to->h));
  PetscCall(VecCopy(from->mass, to->mass));
  PetscCall(VecCopy(from->mass_error, to->mass_error));
  to->held_out = from->held_out;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs a pass, and takes it back when it made things worse. */
static PetscErrorCode TryPass(Solve *s, BrenierPass *pass, Vec mass, Vec mass_error, Measured *best)
{
  const PetscBool measured = (PetscBool)!s->resuming; // what a checkpoint's pass began with is not known any more
  Measured        now      = {s->h, mass, mass_error, s->solved->held_out};

  PetscFunctionBegin;
  if (measured) PetscCall(CopyMeasured(&now, best));
  PetscCall(RunPass(s, pass, mass, mass_error));
  if (!measured || s->solved->held_out.rho_high <= best->held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CopyMeasured(best, &now));
  s->solved->held_out = now.held_out;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether more curves than memory holds are still called for. */
static PetscBool NeedsPass(const Solve *s)
{
  const BrenierSolved *solved = s->solved;

  if (!solved->out_of_memory || solved->reason < 0) return PETSC_FALSE;
  return (PetscBool)(s->options->curves > 0 ? solved->curves < s->options->curves : !solved->within_tol);
}

/* Passes over fresh curves, and measurements, until the tolerance is met. */
static PetscErrorCode RunPasses(Solve *s, Vec mass, Vec mass_error)
{
  BrenierPass pass = {.targets = s->targets,
                      .source  = s->source,
                      .seed    = s->options->seed,
                      .scale   = s->scale,
                      .h       = s->h,
                      .monitor = MonitorPass,
                      .context = s};

  Measured   best   = {0};
  Vec *const work[] = {&pass.mean, &best.h, &best.mass, &best.mass_error};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(s->h, work[i]));
  if (s->resuming) {
    pass.now = s->state.pass;
    PetscCall(VecCopy(s->slack, pass.mean));
  } else s->state.curves = s->solved->curves;
  while (s->resuming || (NeedsPass(s) && pass.now.pass < BRENIER_RETRIES))
    PetscCall(TryPass(s, &pass, mass, mass_error, &best));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton on the sample that memory holds, if it holds one, then passes over fresh curves. */
static PetscErrorCode RunToTolerance(Solve *s, Vec mass, Vec mass_error)
{
  const PetscBool passing = (PetscBool)(s->resuming && s->state.phase == BRENIER_PHASE_PASS);
  const PetscReal wanted  = s->resuming ? s->state.wanted : ExpectedCurves(s->source, s->targets->n, s->options);
  PetscBool       fits    = PETSC_TRUE;

  PetscFunctionBegin;
  if (!s->resuming) PetscCall(SampleFits(s, wanted, &fits));
  if (!fits) {
    s->solved->out_of_memory = s->state.out_of_memory = PETSC_TRUE;
    PetscCall(Measure(s, 0, mass, mass_error));
  } else if (!passing) PetscCall(StagesAndMeasurements(s, wanted, mass, mass_error));
  if (passing || NeedsPass(s)) PetscCall(RunPasses(s, mass, mass_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Passes a checkpoint of a descent on as an iteration. */
static PetscErrorCode MonitorDescent(void *context, const BrenierDescentState *state, Vec answer)
{
  Solve           *s   = context;
  BrenierIteration now = {0};

  PetscFunctionBegin;
  (void)answer;
  now.iteration = now.evaluations = (PetscReal)state->steps;
  now.seconds                     = s->before.seconds + state->seconds;
  now.rho                         = state->rho;
  now.curves = now.scanned = (PetscReal)(s->solved->curves + state->samples);
  s->solved->last          = now;
  if (s->options->newton.monitor) PetscCall(s->options->newton.monitor(s->options->newton.context, &now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass over as many fresh samples as asked for, or as a perfect use of them would need, doubled until the tolerance is met: a
   pass cannot be prolonged, as its last steps are too short to go far. */
static PetscErrorCode RunDescent(Solve *s, Vec mass, Vec mass_error)
{
  const BrenierSolveOptions *options = s->options;
  const PetscBool            points  = (PetscBool)(options->sample == BRENIER_DESCENT_POINTS);
  const PetscReal            worth   = points ? 1.0 / brenier_circle_noise : 1.0; // circles in points
  BrenierDescentOptions      descent;
  BrenierDescentState        last;
  PetscReal                  wanted = worth * ExpectedCurves(s->source, s->targets->n, options);
  Vec                        start;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->h, &start));
  PetscCall(VecCopy(s->h, start));
  BrenierDescentDefaults(options->method, s->targets->n, &descent);
  descent.sample  = options->sample;
  descent.monitor = MonitorDescent;
  descent.context = s;
  if (options->curves > 0) wanted = (PetscReal)options->curves;
  for (uint32_t attempt = 0; attempt < BRENIER_RETRIES; ++attempt) {
    descent.samples = (PetscInt64)PetscMin(PetscCeilReal(wanted), (PetscReal)PETSC_MAX_INT);
    PetscCall(VecCopy(start, s->h));
    PetscCall(BrenierDescent(s->targets, s->source, options->method, options->seed + attempt, &descent, s->h, &last));
    s->before = s->solved->last;
    s->solved->curves += last.samples;
    s->solved->reason = BRENIER_NEWTON_PASS;
    PetscCall(Measure(s, attempt, mass, mass_error));
    if (s->solved->within_tol || options->curves > 0) break;
    wanted *= 2.0;
  }
  PetscCall(VecDestroy(&start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One dimension: the heights are known, and one look at them says the rest. */
static PetscErrorCode SolveLine(Solve *s, Vec mass, Vec mass_error)
{
  const BrenierSolveOptions *given = s->options;
  BrenierSolveOptions        look  = *given;
  PetscErrorCode             ierr;

  PetscFunctionBegin;
  PetscCall(BrenierQuantileHeights_Private(s->targets, s->source, s->h));
  look.newton.max_it = 0;
  s->options         = &look;
  ierr               = RunStage(s, 1, PETSC_TRUE);
  if (!ierr) ierr = Measure(s, 0, mass, mass_error);
  s->options = given; // after a stop, too, the solve goes on with them
  PetscCall(ierr);
  s->solved->reason = BRENIER_NEWTON_QUANTILES;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Barycentres from the sample at hand; where none is, from as many fresh curves as the measurement saw, or fit. */
static PetscErrorCode Barycentres(Solve *s, PetscReal barycentre[])
{
  const PetscInt   one_batch = 1;
  const PetscBool  newton    = (PetscBool)(s->options->method == BRENIER_METHOD_NEWTON);
  BrenierDualValue value;
  BrenierDual      dual = s->dual;
  PetscInt64       fit;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(FreshCurvesThatFit(s, &fit));
  if (!dual)
    PetscCall(BrenierDualCreate(s->targets, s->source, s->options->seed, BRENIER_STREAM_BARYCENTRE,
                                PetscMin(s->solved->held_out.curves, fit), one_batch, &dual));
  // Newton, where it gets to its end, evaluated the heights it reached last; what else there is may have tried others since
  if (!s->dual || !newton || s->solved->reason <= 0) {
    PetscCall(VecDuplicate(s->h, &mass));
    PetscCall(BrenierDualTrustLists(dual, PETSC_TRUE));
    PetscCall(BrenierDualEvaluate(dual, s->h, mass, &value));
    PetscCall(VecDestroy(&mass));
  }
  PetscCall(BrenierDualBarycentres(dual, barycentre));
  if (!s->dual) PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes up what a checkpoint found. */
static PetscErrorCode Resume(Solve *s)
{
  BrenierCheckpoint checkpoint = s->options->checkpoint;

  PetscFunctionBegin;
  if (!checkpoint || BrenierCheckpointState(checkpoint)->phase < BRENIER_PHASE_STAGE)
    PetscFunctionReturn(PETSC_SUCCESS);
  s->state                 = *BrenierCheckpointState(checkpoint);
  s->length                = s->state.length;
  s->before                = s->state.before;
  s->solved->last          = s->state.newest;
  s->solved->curves        = s->state.curves;
  s->solved->out_of_memory = s->state.out_of_memory;
  s->resuming              = PETSC_TRUE;
  PetscCall(BrenierCheckpointGet(checkpoint, s->h, s->scale, s->slack));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before the first stage: the start is something to go back to. */
static PetscErrorCode KeepStart(Solve *s)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(s->h, s->kept));
  s->state.phase  = BRENIER_PHASE_READY;
  s->state.length = s->length;
  if (s->options->checkpoint)
    PetscCall(BrenierCheckpointKeep(s->options->checkpoint, &s->state, s->h, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Curves that the heights of the last safe point are fitted to. */
static void CountKept(Solve *s)
{
  const BrenierPassState *pass = &s->state.pass;

  s->solved->streamed = 0;
  s->solved->curves   = 0;
  if (s->state.phase == BRENIER_PHASE_STAGE) s->solved->curves = s->state.size;
  if (s->state.phase == BRENIER_PHASE_PASS) {
    s->solved->streamed = pass->before + pass->step * pass->batch;
    s->solved->curves   = s->state.curves + s->solved->streamed;
  }
}

/* A stop was asked for, in whatever the solve was doing: goes back to the last safe point, and keeps what it is worth. */
static PetscErrorCode Stop(Solve *s, Vec mass, Vec mass_error, PetscReal barycentre[])
{
  PetscFunctionBegin;
  s->solved->stopped = BrenierStopAsked();
  if (s->options->checkpoint) {
    PetscCall(BrenierCheckpointWrite(s->options->checkpoint));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  BrenierStopHold(PETSC_TRUE);
  PetscCall(VecCopy(s->kept, s->h));
  PetscCall(BrenierTargetsGauge(s->targets, s->h));
  CountKept(s);
  PetscCall(Measure(s, (uint32_t)s->state.attempt, mass, mass_error));
  // An evaluation may have been abandoned: the sample serves for nothing any more
  if (s->dual) PetscCall(BrenierDualGetWork(s->dual, &s->solved->work));
  PetscCall(BrenierDualDestroy(&s->dual));
  BrenierStopHold(PETSC_TRUE);
  PetscCall(Barycentres(s, barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Solve *s, Vec mass, Vec mass_error, PetscReal barycentre[])
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(Resume(s));
  if (!s->resuming) PetscCall(KeepStart(s));
  if (BrenierSourceCurveType(s->source) == BRENIER_CURVE_LINE) ierr = SolveLine(s, mass, mass_error);
  else if (!BrenierMethodFixesSample(s->options->method)) ierr = RunDescent(s, mass, mass_error);
  else ierr = RunToTolerance(s, mass, mass_error);
  if (!ierr) ierr = Barycentres(s, barycentre);
  if (ierr == BRENIER_STOPPED) ierr = Stop(s, mass, mass_error, barycentre);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolve(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                            PetscReal length, Vec h, Vec mass, Vec mass_error, PetscReal barycentre[],
                            BrenierSolved *solved)
{
  Solve s = {.targets = t, .source = source, .options = options, .h = h, .length = length, .solved = solved};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(solved, sizeof *solved));
  PetscCall(VecDuplicate(h, &s.scale));
  PetscCall(VecDuplicate(h, &s.slack));
  PetscCall(VecDuplicate(h, &s.kept));
  PetscCall(VecSet(s.scale, 0.0));
  PetscCall(VecSet(s.slack, brenier_first_slack * length));
  s.lists = BrenierListsPay(t);
  PetscCall(Run(&s, mass, mass_error, barycentre));
  if (s.dual) PetscCall(BrenierDualGetWork(s.dual, &solved->work));
  PetscCall(BrenierDualDestroy(&s.dual));
  PetscCall(VecDestroy(&s.scale));
  PetscCall(VecDestroy(&s.slack));
  PetscCall(VecDestroy(&s.kept));
  PetscFunctionReturn(PETSC_SUCCESS);
}
