/* solve.c - Implements solve.h. */
#include <brenier/base.h>
#include <brenier/linear.h>
#include <brenier/solve.h>

#include "quantiles.h"

/* Curves a target by default, and at least. */
static const PetscInt64 brenier_circles_a_target = 4, brenier_chords_a_target = 16, brenier_least_curves = 4096;

/* Batches of the solver's sample: enough to tell the sampling error to a fifth. */
static const PetscInt brenier_noise_batches = 16;

/* The circles' solution is only a start for the cube: its own L1 error there is some 0.1. */
static const PetscReal brenier_start_residual = 0.05;

PetscInt64 BrenierSolveDefaultCurves(const BrenierSource *source, PetscInt n_targets)
{
  const PetscBool  circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
  const PetscInt64 wanted  = n_targets * (circles ? brenier_circles_a_target : brenier_chords_a_target);

  return PetscMin(PetscMax(wanted, brenier_least_curves), BrenierSourceMaxCurves(source));
}

static PetscErrorCode GaussianHeights(BrenierTargets t, const BrenierSource *source, Vec h)
{
  PetscScalar *a;
  PetscReal   *y;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * t->dim, &y));
  BrenierTargetsNormalised(t, y);
  PetscCall(VecGetArrayWrite(h, &a));
  PetscCall(BrenierGaussianStart(t->comm, t->n_local, t->dim, y, t->nu,
                                 PetscSqrtReal(BrenierSourceSecondMoment(source) / (PetscReal)t->dim), a));
  PetscCall(VecRestoreArrayWrite(h, &a));
  PetscCall(VecScale(h, t->unit));
  PetscCall(BrenierTargetsGauge(t, h));
  PetscCall(PetscFree(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Curves a target in the warm-up: as many as half an evaluation of the default sample. */
static const PetscReal brenier_warm_up = 2.0;

PetscReal BrenierSolveDefaultWarmUp(void)
{
  return brenier_warm_up;
}

static PetscErrorCode RunNewton(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                uint32_t stream, Vec h, BrenierIteration *last, BrenierNewtonReason *reason,
                                BrenierDualWork *work)
{
  BrenierDual dual;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, options->seed, stream, options->curves, brenier_noise_batches, &dual));
  PetscCall(BrenierNewton(dual, t, &options->newton, h, last, reason));
  PetscCall(BrenierDualGetWork(dual, work));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveStart(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                 Vec h)
{
  const PetscReal     deviation = PetscSqrtReal(BrenierSourceSecondMoment(source) / (PetscReal)t->dim);
  BrenierSource       gaussian;
  BrenierSolveOptions rough = *options;
  BrenierIteration    last;
  BrenierNewtonReason reason;
  BrenierDualWork     work;

  PetscFunctionBegin;
  PetscCall(GaussianHeights(t, source, h));
  if (BrenierSourceCurveType(source) != BRENIER_CURVE_CHORD) {
    PetscCall(BrenierWarmUp(t, source, options->seed, options->warm_up, h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierSourceCreate(BRENIER_SOURCE_GAUSSIAN, t->dim, deviation, &gaussian));
  rough.curves          = PetscMin(options->curves, BrenierSolveDefaultCurves(&gaussian, t->n));
  rough.newton.residual = PetscMax(options->newton.residual, brenier_start_residual);
  PetscCall(BrenierSay("start: great circles for the Gaussian of the cube's covariance"));
  PetscCall(BrenierWarmUp(t, &gaussian, options->seed, options->warm_up, h));
  PetscCall(RunNewton(t, &gaussian, &rough, BRENIER_STREAM_START, h, &last, &reason, &work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolve(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options, Vec h,
                            BrenierIteration *last, BrenierNewtonReason *reason, BrenierDualWork *work)
{
  BrenierSolveOptions look = *options;

  PetscFunctionBegin;
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE) {
    PetscCall(BrenierQuantileHeights_Private(t, source, h));
    look.newton.max_it = 0; // one evaluation, for what is to be reported
    PetscCall(RunNewton(t, source, &look, BRENIER_STREAM_SOLVE, h, last, reason, work));
    *reason = BRENIER_NEWTON_QUANTILES;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(RunNewton(t, source, options, BRENIER_STREAM_SOLVE, h, last, reason, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}
