/*
  solve.c - Implements BrenierSolve() of solve.h: which method runs, what it keeps and tells, how it is measured, stopped and
  continued. The stages are in stages.c, the passes in passes.c, how many curves each has in size.c.
*/
#include <brenier/base.h>
#include <brenier/scales.h>

#include "hierarchy.h"
#include "quantiles.h"
#include "solve_private.h"

/* Part of the memory that a measurement may take on top while a sample has the whole. */
static const PetscReal brenier_beside_part = 0.25;

PetscErrorCode BrenierSolveTell_Private(const BrenierSolveOptions *options, const BrenierIteration *now)
{
  PetscFunctionBegin;
  if (options->checkpoint) PetscCall(BrenierCheckpointAddRow(options->checkpoint, now));
  if (options->newton.monitor) PetscCall(options->newton.monitor(options->newton.context, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierIteration BrenierSolveTotal_Private(const Solve *s, const BrenierIteration *now)
{
  BrenierIteration all = *now;

  all.iteration += s->before.iteration;
  all.evaluations += s->before.evaluations;
  all.seconds += s->before.seconds;
  return all;
}

PetscErrorCode BrenierSolveKeep_Private(Solve *s, BrenierPhase phase, Vec answer, Vec slack, BrenierDual dual)
{
  PetscFunctionBegin;
  s->state.phase  = phase;
  s->state.length = s->length;
  s->state.passes = s->solved->passes;
  s->state.before = s->before;
  s->state.newest = s->solved->last;
  PetscCall(VecCopy(answer, s->kept));
  if (s->options->checkpoint)
    PetscCall(BrenierCheckpointKeep(s->options->checkpoint, &s->state, s->h, s->scale, slack, dual));
  BrenierSolvePlanEnd_Private(s);
  PetscCall(BrenierStopHere(s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveFreeSample_Private(Solve *s)
{
  PetscFunctionBegin;
  if (s->dual) PetscCall(BrenierDualGetWork(s->dual, &s->solved->work));
  PetscCall(BrenierDualDestroy(&s->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSolveJudge_Private(Solve *s)
{
  s->solved->within_tol = (PetscBool)(s->options->tol <= 0.0 || s->solved->held_out.rho_high <= s->options->tol);
}

PetscErrorCode BrenierMeasuredCopy_Private(const Measured *from, Measured *to)
{
  PetscFunctionBegin;
  if (from->h && to->h) PetscCall(VecCopy(from->h, to->h));
  PetscCall(VecCopy(from->mass, to->mass));
  PetscCall(VecCopy(from->mass_error, to->mass_error));
  to->held_out = from->held_out;
  to->curves   = from->curves;
  to->streamed = from->streamed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMeasureOn_Private(Solve *s, uint32_t attempt, PetscInt64 wanted)
{
  const BrenierHeldOutSample sample = {s->options->seed, BRENIER_STREAM_REPORT + attempt, wanted};
  BrenierHeldOut            *o      = &s->solved->held_out;
  PetscInt64                 fit;
  PetscLogDouble             begun, ended;

  PetscFunctionBegin;
  PetscCall(PetscTime(&begun));
  PetscCall(BrenierSolveFreshFit_Private(s, &fit));
  if (s->dual) fit = PetscMax((PetscInt64)(brenier_beside_part * (PetscReal)fit), 1);
  s->measured = PETSC_TRUE;
  s->centred  = (PetscBool)(!s->dual && wanted <= fit);
  if (wanted <= fit)
    PetscCall(BrenierHeldOutMeasure(s->targets, s->source, s->h, &sample, s->mass, s->mass_error,
                                    s->centred ? s->barycentre : NULL, o));
  else PetscCall(BrenierHeldOutMeasureInParts(s->targets, s->source, s->h, &sample, fit, s->mass, s->mass_error, o));
  PetscCall(PetscTime(&ended));
  s->pace = (ended - begun) / (PetscReal)PetscMax(o->curves, 1);
  PetscCallMPI(MPI_Bcast(&s->pace, 1, MPIU_REAL, 0, s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the best heights that were measured, for a stop to end with. */
static PetscErrorCode KeepBest(Solve *s)
{
  const Measured now   = {s->h, s->mass, s->mass_error, s->solved->held_out, s->solved->curves, s->solved->streamed};
  Vec *const     vec[] = {&s->best.h, &s->best.mass, &s->best.mass_error};

  PetscFunctionBegin;
  if (s->options->checkpoint) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->best.h && s->best.held_out.rho_high <= now.held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  for (size_t i = 0; i < sizeof vec / sizeof vec[0]; ++i)
    if (!*vec[i]) PetscCall(VecDuplicate(s->h, vec[i]));
  PetscCall(BrenierMeasuredCopy_Private(&now, &s->best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMeasure_Private(Solve *s, uint32_t attempt)
{
  const PetscInt64 wanted = BrenierSolveCheckCurves_Private(s);

  PetscFunctionBegin;
  if (!s->options->checkpoint) PetscCall(VecCopy(s->h, s->kept)); // what a stop would measure
  PetscCall(BrenierSolveFitsTime_Private(s, wanted));
  PetscCall(BrenierSolveMeasureOn_Private(s, attempt, wanted));
  BrenierSolveJudge_Private(s);
  PetscCall(KeepBest(s));
  if (s->options->measured) PetscCall(s->options->measured(s->options->context, &s->solved->held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether Newton has a sample to work on: memory holds one, and passes from where the warm-up ended would not do. */
static PetscErrorCode HasStages(const Solve *s, PetscReal wanted, PetscBool *has)
{
  PetscFunctionBegin;
  PetscCall(BrenierSolveSampleFits_Private(s, wanted, has));
  if (s->length > 0.0 && BrenierPassesAtOnce_Private(s->targets, s->source, s->options)) *has = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton on a sample, where that pays, then passes over fresh curves, where there is more to do. */
static PetscErrorCode RunToTolerance(Solve *s)
{
  const PetscBool passing = (PetscBool)(s->resuming && s->state.phase == BRENIER_PHASE_PASS);
  const PetscReal wanted =
      s->resuming ? s->state.wanted : BrenierExpectedCurves_Private(s->source, s->targets->n, s->options);
  PetscBool stages = PETSC_TRUE;

  PetscFunctionBegin;
  if (!s->resuming) PetscCall(HasStages(s, wanted, &stages));
  if (!stages) {
    s->solved->passes = PETSC_TRUE;
    PetscCall(BrenierSolveMeasure_Private(s, 0));
  } else if (!passing) PetscCall(BrenierSolveStages_Private(s, wanted));
  PetscCall(BrenierSolvePasses_Private(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Passes a checkpoint of a descent on as an iteration. */
static PetscErrorCode MonitorDescent(void *context, const BrenierDescentState *state, Vec answer)
{
  Solve           *s   = context;
  BrenierIteration now = {0};

  PetscFunctionBegin;
  PetscCall(VecCopy(answer, s->kept)); // what a stop would measure
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
    descent.samples = BrenierSolveDescentSize_Private(s, attempt);
    PetscCall(VecCopy(start, s->h));
    PetscCall(BrenierDescent(s->targets, s->source, options->method, options->seed + attempt, &descent, s->h, &last));
    s->before = s->solved->last;
    s->solved->curves += last.samples;
    s->solved->reason = BRENIER_NEWTON_PASS;
    PetscCall(BrenierSolveMeasure_Private(s, attempt));
    if (s->solved->within_tol || options->curves > 0) break;
  }
  PetscCall(VecDestroy(&start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One dimension: the heights are known, and one look at them says the rest. */
static PetscErrorCode SolveLine(Solve *s)
{
  const BrenierSolveOptions *given = s->options;
  BrenierSolveOptions        look  = *given;
  PetscErrorCode             ierr;

  PetscFunctionBegin;
  PetscCall(BrenierQuantileHeights_Private(s->targets, s->source, s->h));
  look.method        = BRENIER_METHOD_NEWTON; // whichever was asked for
  look.newton.max_it = 0;
  s->options         = &look;
  if (!given->checkpoint) BrenierStopHold(PETSC_TRUE); // a moment's work
  ierr = BrenierSolveStage_Private(s, 1, PETSC_TRUE);
  if (!ierr) ierr = BrenierSolveMeasure_Private(s, 0);
  BrenierStopHold(PETSC_FALSE);
  s->options = given; // after a stop, too, the solve goes on with them
  PetscCall(ierr);
  s->solved->reason = BRENIER_NEWTON_QUANTILES;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Barycentres from the sample at hand; where none is, those of the measurement, or else from as many fresh curves as it saw,
   or fit. */
static PetscErrorCode Barycentres(Solve *s, PetscBool winding_up)
{
  const PetscInt   one_batch = 1;
  const PetscBool  newton    = (PetscBool)(s->options->method == BRENIER_METHOD_NEWTON);
  BrenierDualValue value;
  BrenierDual      dual = s->dual;
  PetscInt64       fit, curves = s->solved->held_out.curves;
  PetscErrorCode   ierr = PETSC_SUCCESS;
  Vec              mass;

  PetscFunctionBegin;
  if (!s->dual && s->centred) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierSolveFreshFit_Private(s, &fit));
  if (winding_up) PetscCall(BrenierSolveCurvesInTime_Private(s, curves, &curves));
  if (!dual)
    PetscCall(BrenierDualCreate(s->targets, s->source, s->options->seed, BRENIER_STREAM_BARYCENTRE,
                                PetscMin(curves, fit), one_batch, &dual));
  // Newton, where it gets to its end, evaluated the heights it reached last; what else there is may have tried others since
  if (!s->dual || !newton || s->solved->reason <= 0) {
    PetscCall(VecDuplicate(s->h, &mass));
    PetscCall(BrenierDualTrustLists(dual, PETSC_TRUE));
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
  BrenierStopWindUp();
  BrenierStopHold(PETSC_TRUE);
  PetscCall(BrenierSolveFreeSample_Private(s)); // an evaluation may have been abandoned
  PetscCall(Barycentres(s, PETSC_TRUE));
  BrenierStopHold(PETSC_FALSE);
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

/* Takes up what a checkpoint found. */
static PetscErrorCode Resume(Solve *s)
{
  BrenierCheckpoint checkpoint = s->options->checkpoint;

  PetscFunctionBegin;
  if (!checkpoint || BrenierCheckpointState(checkpoint)->phase < BRENIER_PHASE_STAGE)
    PetscFunctionReturn(PETSC_SUCCESS);
  s->state          = *BrenierCheckpointState(checkpoint);
  s->length         = s->state.length;
  s->before         = s->state.before;
  s->solved->last   = s->state.newest;
  s->solved->curves = s->state.curves;
  s->solved->passes = s->state.passes;
  s->resuming       = PETSC_TRUE;
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
static PetscErrorCode Stop(Solve *s)
{
  PetscFunctionBegin;
  s->solved->stopped = BrenierStopAsked();
  if (s->options->checkpoint) {
    PetscCall(BrenierCheckpointWrite(s->options->checkpoint));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecCopy(s->kept, s->h));
  PetscCall(BrenierTargetsGauge(s->targets, s->h));
  CountKept(s);
  // An evaluation may have been abandoned: the sample serves for nothing any more
  PetscCall(BrenierSolveFreeSample_Private(s));
  PetscCall(BrenierSolveEnd_Private(s));
  PetscCall(BarycentresInTime(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Solve *s)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(Resume(s));
  if (!s->resuming) PetscCall(KeepStart(s));
  BrenierSolvePlanEnd_Private(s);
  if (BrenierStopAsked() && !s->options->checkpoint && BrenierSourceCurveType(s->source) != BRENIER_CURVE_LINE)
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

/* In words, since it decides how the solve goes. */
static PetscErrorCode TellScales(BrenierScales scales)
{
  PetscReal least = PETSC_MAX_REAL, most = 0.0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < scales->n; ++i) {
    least = PetscMin(least, scales->apart[i]);
    most  = PetscMax(most, scales->apart[i]);
  }
  PetscCall(BrenierSay("targets are %.1e to %.1e from their nearest: steps go by groups of them, each on its own scale",
                       (double)least, (double)most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolve(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                            PetscReal length, Vec h, Vec mass, Vec mass_error, PetscReal barycentre[],
                            BrenierSolved *solved)
{
  Solve         s = {.targets    = t,
                     .source     = source,
                     .options    = options,
                     .h          = h,
                     .mass       = mass,
                     .mass_error = mass_error,
                     .barycentre = barycentre,
                     .length     = length,
                     .solved     = solved};
  BrenierScales scales;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(solved, sizeof *solved));
  PetscCall(VecDuplicate(h, &s.scale));
  PetscCall(VecDuplicate(h, &s.slack));
  PetscCall(VecDuplicate(h, &s.kept));
  PetscCall(VecDuplicate(h, &s.fitted));
  PetscCall(VecSet(s.scale, 0.0));
  PetscCall(VecSet(s.slack, brenier_first_slack * length));
  PetscCall(BrenierTargetsScales(t, &scales));
  if (scales) PetscCall(TellScales(scales));
  s.lists = (PetscBool)(BrenierListsPay(t) && !scales); // slacks of one length would list too many or hold nothing
  PetscCall(Run(&s));
  PetscCall(BrenierSolveFreeSample_Private(&s));
  PetscCall(VecDestroy(&s.scale));
  PetscCall(VecDestroy(&s.slack));
  PetscCall(VecDestroy(&s.kept));
  PetscCall(VecDestroy(&s.fitted));
  PetscCall(VecDestroy(&s.best.h));
  PetscCall(VecDestroy(&s.best.mass));
  PetscCall(VecDestroy(&s.best.mass_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}
