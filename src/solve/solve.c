/*
  solve.c - Implements BrenierSolve() of solve.h: which method runs, and how it ends. What a solve keeps, tells and
  measures is in solve_run.c, the stages in stages.c, the passes in passes.c, how many curves each has in budget.c.
*/
#include <brenier/base.h>

#include "ending.h"
#include "methods/quantiles.h"
#include "missing.h"
#include "sgd.h"
#include "stages.h"
#include "time_plan.h"

/* Whether Newton has a sample to work on: memory holds one, and passes from where the warm-up ended would not do. */
static PetscErrorCode HasStages(const Solve *s, PetscReal wanted, PetscBool *has)
{
  PetscInt64 max_curves;

  PetscFunctionBegin;
  PetscCall(BrenierSolveMaxSampleCurves_Private(s, &max_curves));
  *has = BrenierBudgetSampleIsUseful_Private(&s->budget, max_curves, wanted);
  if (s->state.height_scale > 0.0 && BrenierBudgetSkipsNewton_Private(&s->budget)) *has = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton on a sample, where that pays, then passes over fresh curves, where there is more to do. */
static PetscErrorCode RunToTolerance(Solve *s)
{
  const PetscBool in_sgd = (PetscBool)(s->resuming && s->state.phase == BRENIER_PHASE_SGD);
  const PetscReal wanted = s->resuming ? s->state.wanted : BrenierBudgetPredictCurves_Private(&s->budget);
  PetscBool       stages = PETSC_TRUE;

  PetscFunctionBegin;
  if (!s->resuming) PetscCall(HasStages(s, wanted, &stages));
  if (!stages) {
    s->state.sgd_follows = PETSC_TRUE;
    PetscCall(BrenierSolveMeasure_Private(s, 0));
  } else if (!in_sgd) PetscCall(BrenierSolveStages_Private(s, wanted));
  PetscCall(BrenierSolveSgd_Private(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Passes a checkpoint of a descent on as an iteration. */
static PetscErrorCode MonitorDescent(void *context, const BrenierDescentState *state, Vec answer)
{
  Solve           *s   = context;
  BrenierIteration now = {0};

  PetscFunctionBegin;
  PetscCall(VecCopy(answer, s->saved)); // what a stop would measure
  now.iteration = now.evaluations = (PetscReal)state->steps;
  now.seconds                     = s->state.before.seconds + state->seconds;
  now.rho                         = state->rho;
  now.curves = now.scanned = (PetscReal)(s->state.curves + state->samples);
  s->state.newest          = now;
  if (s->options->newton.monitor) PetscCall(s->options->newton.monitor(s->options->newton.context, &now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass over as many fresh samples as asked for, or as a perfect use of them would need, doubled until the tolerance
   is met: a pass cannot be prolonged, as its last steps are too short to go far. */
static PetscErrorCode RunDescent(Solve *s)
{
  const BrenierSolveOptions *options = s->options;
  BrenierDescentOptions      descent;
  BrenierDescentState        last;
  Vec                        start;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->h, &start));
  PetscCall(VecCopy(s->h, start));
  BrenierDescentDefaults(options->method, s->targets->n, &descent);
  descent.sample  = options->sample;
  descent.monitor = MonitorDescent;
  descent.context = s;
  for (uint32_t attempt = 0; attempt < BRENIER_RETRIES; ++attempt) {
    descent.samples = BrenierBudgetDescentSamples_Private(&s->budget, (PetscInt)attempt);
    PetscCall(VecCopy(start, s->h));
    PetscCall(BrenierDescent(s->targets, s->source, options->method, options->seed + attempt, &descent, s->h, &last));
    s->state.before = s->state.newest;
    s->state.curves += last.samples;
    s->solved->reason = BRENIER_REASON_SEEN;
    PetscCall(BrenierSolveMeasure_Private(s, attempt));
    if (s->solved->within_tol || options->curves > 0) break;
  }
  PetscCall(VecDestroy(&start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One dimension: the heights are known, and one look at them says the rest. */
static PetscErrorCode SolveLine(Solve *s)
{
  const BrenierSolveOptions *given      = s->options;
  BrenierSolveOptions        evaluation = *given;
  PetscErrorCode             ierr;

  PetscFunctionBegin;
  PetscCall(BrenierQuantileHeights_Private(s->targets, s->source, s->h));
  evaluation.method                    = BRENIER_METHOD_NEWTON; // whichever was asked for
  evaluation.newton.convergence.max_it = 0;
  s->options                           = &evaluation;
  if (!given->checkpoint) BrenierStopHold(s->targets->comm, PETSC_TRUE); // a moment's work
  ierr = BrenierSolveStage_Private(s, 1, PETSC_TRUE);
  if (!ierr) ierr = BrenierSolveMeasure_Private(s, 0);
  BrenierStopHold(s->targets->comm, PETSC_FALSE);
  s->options = given; // after a stop, too, the solve goes on with them
  PetscCall(ierr);
  s->solved->reason = BRENIER_REASON_QUANTILES;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Barycentres from the sample at hand; where none is, those of the measurement, or else from as many fresh curves as it
   saw, or fit. */
static PetscErrorCode Barycentres(Solve *s, PetscBool winding_up)
{
  const PetscInt   one_batch = 1;
  const PetscBool  newton    = (PetscBool)(s->options->method == BRENIER_METHOD_NEWTON);
  BrenierDualValue value;
  BrenierDual      dual       = s->dual;
  const PetscInt64 max_curves = BrenierBudgetMaxFreshCurves_Private(&s->budget);
  PetscInt64       curves     = s->solved->held_out.curves;
  PetscErrorCode   ierr       = PETSC_SUCCESS;
  Vec              mass;

  PetscFunctionBegin;
  if (!s->dual && s->centred) PetscFunctionReturn(PETSC_SUCCESS);
  if (winding_up) PetscCall(BrenierSolveCurvesInTime_Private(s, curves, &curves));
  if (!dual)
    PetscCall(BrenierDualCreate(s->targets, s->source, s->options->seed, BRENIER_STREAM_BARYCENTRE,
                                PetscMin(curves, max_curves), one_batch, &dual));
  // Newton, where it gets to its end, evaluated the heights it reached last; other methods may have tried others since
  if (!s->dual || !newton || s->solved->reason <= 0) {
    PetscCall(VecDuplicate(s->h, &mass));
    PetscCall(BrenierDualSkipListCheck(dual, PETSC_TRUE));
    ierr = BrenierDualEvaluate(dual, s->h, mass, &value);
    PetscCall(VecDestroy(&mass));
  }
  if (!ierr) ierr = BrenierDualBarycentres(dual, s->barycentre);
  if (!s->dual) PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same in what time is left. */
static PetscErrorCode BarycentresInTime(Solve *s)
{
  PetscFunctionBegin;
  BrenierStopWindUp(s->targets->comm);
  BrenierStopHold(s->targets->comm, PETSC_TRUE);
  PetscCall(BrenierSolveFreeSample_Private(s)); // an evaluation may have been abandoned
  PetscCall(Barycentres(s, PETSC_TRUE));
  BrenierStopHold(s->targets->comm, PETSC_FALSE);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same after a solve that got to its end, which a stop does not take back. */
static PetscErrorCode LastBarycentres(Solve *s)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  ierr = Barycentres(s, PETSC_FALSE);
  if (ierr == BRENIER_STOPPED && !s->options->checkpoint) ierr = BarycentresInTime(s);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A stop was asked for, in whatever the solve was doing: goes back to the last safe point, and keeps what it is
   worth. */
static PetscErrorCode Stop(Solve *s)
{
  PetscFunctionBegin;
  s->solved->stopped = BrenierStopAsked(s->targets->comm);
  if (s->options->checkpoint) {
    PetscCall(BrenierCheckpointWrite(s->options->checkpoint));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierSolveRunGoBack_Private(s));
  PetscCall(BrenierSolveEnd_Private(s));
  PetscCall(BarycentresInTime(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Solve *s)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(BrenierSolveRunBegin_Private(s));
  if (BrenierStopAsked(s->targets->comm) && !s->options->checkpoint &&
      BrenierSourceCurveType(s->source) != BRENIER_CURVE_LINE)
    ierr = BRENIER_STOPPED; // in the start
  else if (BrenierSourceCurveType(s->source) == BRENIER_CURVE_LINE) ierr = SolveLine(s);
  else if (!BrenierMethodFixesSample(s->options->method)) ierr = RunDescent(s);
  else ierr = RunToTolerance(s);
  if (!ierr && s->options->method == BRENIER_METHOD_NEWTON) ierr = BrenierSolveFillMissing_Private(s);
  if (!ierr) ierr = LastBarycentres(s);
  if (ierr == BRENIER_STOPPED) ierr = Stop(s);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolve(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options,
                            PetscReal height_scale, Vec h, const BrenierCells *cells, BrenierSolved *solved)
{
  Solve s = {.targets            = t,
             .source             = source,
             .options            = options,
             .h                  = h,
             .mass               = cells->mass,
             .mass_error         = cells->mass_error,
             .barycentre         = cells->barycentre,
             .state.height_scale = height_scale,
             .solved             = solved};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(solved, sizeof *solved));
  PetscCall(BrenierSolveRunCreate_Private(&s));
  PetscCall(Run(&s));
  solved->last        = s.state.newest;
  solved->curves      = BrenierSolveCurves_Private(&s);
  solved->sgd_follows = s.state.sgd_follows;
  PetscCall(BrenierSolveRunDestroy_Private(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
