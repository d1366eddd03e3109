/* stages.c - Implements stages.h. */
#include <brenier/base.h>
#include <brenier/minimise.h>

#include "light.h"
#include "stages.h"

/* L1 residual at which a stage that is not the last ends, in sampling errors of rho. The next stage starts with that
   sampling error anyway; the residual adds to it in quadrature. */
static const PetscReal brenier_stage_part = 0.4;

/* In-sample rho at which the last stage ends when there is a tolerance, in sampling errors: 4% of chi2. */
static const PetscReal brenier_last_part = 0.2;

/* The same in parts of the tolerance. It is reached first where the sample is smaller than the tolerance asks. */
static const PetscReal brenier_last_tol = 0.18;

/* Iterations of a stage that SGD may follow, where targets have scales. In chains of light cells between heavy ones,
   all within one group, each Newton step empties as many cells as lifts fill; the steps of SGD are too small for
   that. */
static const PetscInt brenier_rough_max_it = 3;

/* L1 residual at which such a stage ends, in sampling errors of rho, where SGD is to follow. Held out, its heights are
   hardly better after more iterations. */
static const PetscReal brenier_rough_part = 0.75;

/* Skin of the lists of later stages, in sampling errors of a height. */
static const PetscReal brenier_skin = 2.5;

/* Growth of the sample below which the next stage starts with lazy evaluations: the last stage ended with them, and few
   new curves do not pay for checking the old lists. */
static const PetscReal brenier_little_growth = 1.5;

/* A sample may be smaller than wanted by this part. */
static const PetscReal brenier_size_margin = 0.05;

/* Reports an iteration of a stage as one of the whole solve. */
static PetscErrorCode MonitorStage(void *context, const BrenierIteration *now)
{
  Solve *s = context;

  PetscFunctionBegin;
  s->state.newest = BrenierSolveTotal_Private(s, now);
  PetscCall(BrenierSolveRecord_Private(s->options, &s->state.newest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Saves the state to return to, then stops if that was asked for. */
static PetscErrorCode SafePoint(void *context, const BrenierNewtonState *newton)
{
  Solve *s = context;

  PetscFunctionBegin;
  s->state.newton = *newton;
  PetscCall(BrenierSolveSafePoint_Private(s, BRENIER_PHASE_STAGE, s->h, NULL, s->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sample of the next stage: created, grown, or loaded from a checkpoint. */
static PetscErrorCode SetSample(Solve *s, PetscInt64 curves, BrenierNewtonOptions *newton)
{
  const BrenierSolveOptions *options = s->options;

  PetscFunctionBegin;
  if (s->resuming) {
    PetscCall(BrenierCheckpointLoadDual(options->checkpoint, s->source, options->seed, BRENIER_STREAM_SOLVE,
                                        BRENIER_SAMPLE_BATCHES, s->lists, &s->dual));
    newton->resume = &s->state.newton;
    s->resuming    = PETSC_FALSE;
  } else if (s->dual) {
    newton->damping    = PetscMin(newton->damping, s->state.before.damping);
    newton->lazy_lists = (PetscBool)(!newton->certify &&
                                     (PetscReal)curves < brenier_little_growth * (PetscReal)BrenierDualCurves(s->dual));
    PetscCall(BrenierSolveLowerLight_Private(s, curves));
    PetscCall(BrenierDualGrow(s->dual, curves));
    PetscFunctionReturn(PETSC_SUCCESS);
  } else {
    PetscCall(BrenierDualCreate(s->targets, s->source, options->seed, BRENIER_STREAM_SOLVE, curves,
                                BRENIER_SAMPLE_BATCHES, &s->dual));
    if (s->lists) PetscCall(BrenierDualSetSkin(s->dual, s->skin));
  }
  PetscCall(BrenierDualSetCache(s->dual, s->cache));
  PetscCall(BrenierDualSetVerify(s->dual, options->verify));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the stage of so many curves is rough, as SGD may follow it, and then its limits. */
static void SetRough(const Solve *s, PetscInt64 curves, PetscBool last, BrenierNewtonOptions *newton, PetscBool *rough)
{
  const BrenierSolveOptions *options = s->options;

  *rough = (PetscBool)(!last && options->method == BRENIER_METHOD_NEWTON && s->budget.scales && options->curves == 0 &&
                       newton->convergence.max_it > brenier_rough_max_it);
  if (!*rough) return;
  newton->convergence.max_it = brenier_rough_max_it;
  if (BrenierBudgetSwitchesToSgd_Private(&s->budget, curves, s->state.wanted, PETSC_FALSE))
    newton->convergence.l1_part = brenier_rough_part;
}

PetscErrorCode BrenierSolveStage_Private(Solve *s, PetscInt64 curves, PetscBool last)
{
  const BrenierSolveOptions *options = s->options;
  BrenierNewtonOptions       newton  = options->newton;
  BrenierIteration           end;
  BrenierOwnWeights          own;
  PetscBool                  rough;
  PetscErrorCode             ierr;

  PetscFunctionBegin;
  newton.monitor        = MonitorStage;
  newton.safe_point     = SafePoint;
  newton.context        = s;
  newton.diagonal_step  = s->diagonal_step;
  newton.height_scale   = s->state.height_scale;
  newton.hessian_curves = BrenierBudgetHessianCurves_Private(&s->budget);
  if (options->curves == 0) {
    // The measurement on fresh curves decides, and it uses full scans: no certified end is needed
    newton.convergence.sampling_part = PetscMax(newton.convergence.sampling_part, brenier_last_part);
    newton.convergence.rho           = brenier_last_tol * options->tol;
    newton.certify                   = PETSC_FALSE;
  }
  if (!last) {
    newton.convergence.residual = 0.0;
    newton.convergence.l1_part  = brenier_stage_part;
    newton.certify              = PETSC_FALSE;
  }
  SetRough(s, curves, last, &newton, &rough);
  PetscCall(SetSample(s, curves, &newton));
  PetscCall(BrenierSolveRaiseLight_Private(s, BrenierDualCurves(s->dual), &own));
  if (options->method == BRENIER_METHOD_NEWTON)
    ierr = BrenierNewton(s->dual, s->targets, &newton, s->h, &end, &s->solved->reason);
  else ierr = BrenierMinimise(s->dual, s->targets, options->method, &newton, s->h, &end, &s->solved->reason);
  PetscCall(BrenierSolveRestoreLight_Private(s, &own)); // after a stop, too
  PetscCall(ierr);
  if (rough && s->solved->reason == BRENIER_REASON_MAX_IT) s->solved->reason = BRENIER_REASON_RESIDUAL;
  s->state.before         = s->state.newest;
  s->state.before.damping = end.damping;
  s->state.curves         = BrenierDualCurves(s->dual);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Skins in proportion to the sampling error of each height, sampling_error times its diagonal step. */
static PetscErrorCode SetSkin(Solve *s, PetscReal sampling_error)
{
  PetscReal largest;

  PetscFunctionBegin;
  PetscCall(VecMax(s->diagonal_step, NULL, &largest));
  if (largest > 0.0) {
    PetscCall(VecCopy(s->diagonal_step, s->skin));
    PetscCall(VecScale(s->skin, brenier_skin * sampling_error));
  }
  if (s->lists) PetscCall(BrenierDualSetSkin(s->dual, s->skin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets held_out to the predicted result of a measurement, from which an epoch of SGD is planned. */
static void PredictMeasurement(Solve *s)
{
  const BrenierIteration *last = &s->state.newest;
  const BrenierAccuracy   w =
      BrenierBudgetPredictHeldOut_Private(&s->budget, s->state.curves, last->sampling_error, last->l1);
  BrenierHeldOut *held_out = &s->solved->held_out;

  held_out->curves         = w.curves;
  held_out->sampling_error = w.sampling_error;
  held_out->rho            = w.rho;
  held_out->rho_high       = w.rho_high;
  s->has_measurement = s->centred = PETSC_FALSE;
}

/* Size of the next stage on the way to `wanted` curves. Sets sgd_follows when no larger sample fits. */
static PetscErrorCode NextCurves(Solve *s, PetscReal wanted, PetscInt64 *next)
{
  PetscInt64 max_curves;

  PetscFunctionBegin;
  PetscCall(BrenierSolveMaxSampleCurves_Private(s, &max_curves));
  *next = BrenierBudgetNextStageCurves_Private(&s->budget, s->state.curves, wanted, max_curves, &s->state.sgd_follows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether Newton left the sample above its sampling error. In few dimensions SGD is slow at errors that extend over
   many cells, and would lose heights that fit. */
static PetscBool Stalls(const Solve *s)
{
  return (PetscBool)(s->state.newest.rho > s->state.newest.sampling_error);
}

/* Whether a sample is as large as wanted, up to the margin. */
static PetscBool Suffices(PetscInt64 size, PetscReal wanted)
{
  return (PetscBool)((PetscReal)size >= (1.0 - brenier_size_margin) * wanted);
}

/* Runs stages up to `wanted` curves, which each stage estimates anew. *hands_over: the last of them ended for SGD to
   follow, with a prediction in place of the measurement. Where targets have scales the caller measures all the same:
   there an epoch may be worse than its start, and is rejected then. */
static PetscErrorCode RunStages(Solve *s, PetscReal wanted, PetscBool *hands_over)
{
  const PetscBool fixed = (PetscBool)(s->options->curves > 0);
  PetscBool       last  = PETSC_FALSE;
  PetscInt64      size  = 0;

  PetscFunctionBegin;
  *hands_over = PETSC_FALSE;
  while (!last) {
    if (s->resuming) {
      size = s->state.size;
      last = s->state.last;
    } else {
      PetscCall(NextCurves(s, wanted, &size));
      last = (PetscBool)(Suffices(size, wanted) || s->state.sgd_follows);
    }
    s->state.wanted = wanted;
    s->state.size   = size;
    s->state.last   = last;
    PetscCall(BrenierSolveStage_Private(s, size, last));
    PetscCall(SetSkin(s, s->state.newest.sampling_error));
    if (s->solved->reason < 0) break;
    if (fixed || s->state.sgd_follows) continue;
    wanted = BrenierBudgetToleranceCurves_Private(&s->budget, s->state.newest.sampling_error, s->state.size);
    if (!last && wanted <= (PetscReal)size) wanted = (PetscReal)size; // once more, to the end
    else last = (PetscBool)(last && Suffices(size, wanted));
    if (last || !BrenierBudgetSwitchesToSgd_Private(&s->budget, s->state.curves, wanted, Stalls(s))) continue;
    PredictMeasurement(s);
    s->state.sgd_follows = *hands_over = PETSC_TRUE;
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveStages_Private(Solve *s, PetscReal wanted)
{
  BrenierSolved  *solved = s->solved;
  BrenierAccuracy accuracy;
  PetscBool       hands_over;

  PetscFunctionBegin;
  for (uint32_t attempt = (uint32_t)s->state.attempt; attempt < BRENIER_RETRIES; ++attempt) {
    s->state.attempt = attempt;
    PetscCall(RunStages(s, wanted, &hands_over));
    if (hands_over && !s->budget.scales) break;
    PetscCall(VecCopy(s->h, s->fitted));
    if (!hands_over) PetscCall(BrenierSolveLowerLight_Private(s, 0)); // SGD begins from the heights that are measured
    PetscCall(BrenierSolveMeasure_Private(s, attempt));
    if (solved->within_tol || solved->reason < 0 || s->state.sgd_follows || s->options->curves > 0) break;
    PetscCall(VecCopy(s->fitted, s->h));
    accuracy = BrenierSolveAccuracy_Private(s);
    wanted   = BrenierBudgetRetryCurves_Private(&s->budget, &accuracy, s->state.curves);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
