/*
  solve.c - Implements BrenierSolve() of solve.h: which method runs, and how the solve ends.

    one dimension            heights from quantiles                                     SolveLine
    adam, asgd               descent on as many samples as the tolerance needs          RunDescent
    else, to a tolerance     Newton on growing samples (stages.c), then averaged SGD    RunToTolerance
                             on fresh curves (sgd.c); budget.c chooses
    then                     cells that are missing get mass (missing.c); barycentres

  solve_run.c has the state and its safe points, ending.c what follows a stop.
*/
#include <brenier/base.h>

#include "ending.h"
#include "methods/quantiles.h"
#include "missing.h"
#include "sgd.h"
#include "stages.h"
#include "time_plan.h"

/* Whether there are stages of Newton: memory holds a useful sample, and SGD after the warm-up is not expected to do. */
static PetscErrorCode HasStages(const Solve *s, PetscReal wanted, PetscBool *has)
{
  PetscInt64 max_curves;

  PetscFunctionBegin;
  PetscCall(BrenierSolveMaxSampleCurves_Private(s, &max_curves));
  *has = BrenierBudgetSampleIsUseful_Private(&s->budget, max_curves, wanted);
  if (s->state.height_scale > 0.0 && BrenierBudgetSkipsNewton_Private(&s->budget)) *has = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Stages of Newton, if any, then averaged SGD if the tolerance is not met. */
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

/* Reports the state of a descent as an iteration. */
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

/* A descent on as many fresh samples as asked for; else on as many as a perfect use of them needs, and from the start
   on twice as many until the tolerance is met. A descent cannot be prolonged, as its last steps are too short. */
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
  descent.cache   = s->cache;
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

/* One dimension: the heights are known; one evaluation gives the masses. */
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

/* Barycentres from the present sample. Without one, those of the measurement if it computed them; else from as many
   fresh curves as it had, or as memory holds. */
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
  PetscCall(BrenierDualSetCache(dual, s->cache));
  // After a normal end of Newton the dual is evaluated at h. In all other cases evaluate again
  if (!s->dual || !newton || s->solved->reason <= 0) {
    PetscCall(VecDuplicate(s->h, &mass));
    PetscCall(BrenierDualSkipListCheck(dual, PETSC_TRUE));
    ierr = BrenierDualEvaluate(dual, s->h, mass, &value);
    PetscCall(VecDestroy(&mass));
  }
  if (!ierr) ierr = BrenierDualBarycentres(dual, &s->barycentre);
  if (!s->dual) PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same in the remaining time. */
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

/* The same after a complete solve; a stop in it shortens it, and the solve stays complete. */
static PetscErrorCode LastBarycentres(Solve *s)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  ierr = Barycentres(s, PETSC_FALSE);
  if (ierr == BRENIER_STOPPED && !s->options->checkpoint) ierr = BarycentresInTime(s);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A stop was asked for: writes the checkpoint or, without one, returns to the last safe point and measures its
   heights. */
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
  if (!s->solved->reason) s->solved->reason = BRENIER_REASON_SEEN; // the warm-up was enough, or a stop came in it
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
