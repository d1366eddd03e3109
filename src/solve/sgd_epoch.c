/* sgd_epoch.c - Implements sgd_epoch.h. */
#include <brenier/base.h>

#include "methods/averaged.h"
#include "methods/iteration_private.h"
#include "methods/lines.h"
#include "sgd_epoch.h"

/* Factor of a_t, and the largest part of a diagonal step that a cell moves by: few curves tell its mass, and longer
   steps would oscillate. 1/2, 1 and 2 were tried for the factor: docs/devlog/2026-11.md. */
static const PetscReal brenier_sgd_rate = 1.0, brenier_sgd_step_most = 0.5;

/* a_t of the next step: see sgd_epoch.h. */
static PetscReal Rate(const BrenierSgdState *p)
{
  const PetscReal batch = (PetscReal)p->batch, batches = p->effective_curves / batch + (PetscReal)p->step;

  return brenier_sgd_rate * PetscSqrtReal(batch / p->sampling_k / batches);
}

/* Where MeasureStep() writes. */
typedef struct {
  BrenierTargets    targets;
  BrenierIteration *last;
} Report;

static PetscErrorCode MeasureStep(void *context, BrenierDual dual, const BrenierDualValue *value, Vec mass)
{
  Report *report = context;

  PetscFunctionBegin;
  PetscCall(BrenierIterationMeasure_Private(dual, report->targets, value, mass, report->last));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool HasLines(const BrenierSgdEpoch *p)
{
  return (PetscBool)(p->line_mass != NULL);
}

/* Moves the mean within lines by the masses of the whole epoch. Iterates keep the shape of each line, so these masses
   are those of one family of slabs. */
static PetscErrorCode StepLines(BrenierSgdEpoch *p)
{
  const PetscReal fresh = (PetscReal)p->now.n_steps * (PetscReal)p->now.batch;

  PetscFunctionBegin;
  if (!HasLines(p)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierLinesStep_Private(p->targets, p->targets->scales, p->source, p->line_mass,
                                     fresh / (p->now.effective_curves + fresh), p->mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step, on curves of its own. */
static PetscErrorCode Step(BrenierSgdEpoch *p, Vec mass, BrenierIteration *last)
{
  BrenierSgdState         *now    = &p->now;
  const uint32_t           stream = BRENIER_STREAM_SGD + (uint32_t)(now->first + now->step);
  const PetscReal          batch  = (PetscReal)now->batch;
  const BrenierFreshCurves fresh  = {p->targets, p->source, p->seed, stream, now->batch, p->cache};
  const BrenierStepRule    rule   = {.step          = Rate(now),
                                     .diagonal_step = p->diagonal_step,
                                     .most          = brenier_sgd_step_most / (p->node_step ? p->overlap : 1.0),
                                     .scales        = p->node_step ? p->targets->scales : NULL,
                                     .node_step     = p->node_step};
  const BrenierMeanRule    mean   = {BRENIER_MEAN_RUNNING,
                                     batch / (now->effective_curves + batch * (PetscReal)(now->step + 1)), 1.0};
  Report                   report = {p->targets, last};

  PetscFunctionBegin;
  PetscCall(BrenierFreshMasses_Private(&fresh, p->h, MeasureStep, &report, mass, p->work));
  if (HasLines(p)) PetscCall(VecAXPY(p->line_mass, 1.0 / (PetscReal)now->n_steps, mass));
  PetscCall(BrenierAveragedStep_Private(p->targets, &rule, mass, p->h, &last->step));
  PetscCall(BrenierCoarseStep_Private(p->coarse, p->coarse_step, mass, p->h));
  PetscCall(BrenierAverage_Private(&mean, p->h, p->mean));
  ++now->step;
  last->iteration = last->evaluations = (PetscReal)now->step;
  last->sampling_error                = PetscSqrtReal(now->sampling_k / batch);
  last->curves = last->scanned = batch * (PetscReal)now->step;
  last->candidates             = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSgdEpochRun_Private(BrenierSgdEpoch *p)
{
  Vec              mass;
  BrenierProgress  progress;
  BrenierIteration last = {0};
  PetscLogDouble   begun, now;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(p->h, &mass));
  PetscCall(BrenierProgressBegin(&progress, p->targets->comm, "epoch of averaged SGD"));
  PetscCall(PetscTime(&begun));
  while (p->now.step < p->now.n_steps) {
    PetscCall(Step(p, mass, &last));
    PetscCall(PetscTime(&now));
    last.seconds = now - begun;
    PetscCall(p->monitor(p->context, p, &last));
    PetscCall(BrenierProgressUpdate(&progress, (PetscReal)p->now.step, (PetscReal)p->now.n_steps));
  }
  PetscCall(VecDestroy(&mass));
  PetscCall(StepLines(p));
  PetscCall(BrenierTargetsGauge(p->targets, p->mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}
