/* solve_run.c - Implements solve_run.h. */
#include "solve_run.h"
#include "time_plan.h"

#include <brenier/base.h>
#include <brenier/scales.h>

/* Memory of a measurement beside a sample, in parts of the memory for the sample. */
static const PetscReal brenier_measurement_memory_part = 0.25;

BrenierBudget BrenierSolveBudget_Private(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options)
{
  PetscMPIInt size = 1;

  (void)MPI_Comm_size(t->comm, &size);
  return (BrenierBudget){.n            = t->n,
                         .dim          = t->dim,
                         .circles      = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE),
                         .scales       = (PetscBool)(t->scales != NULL),
                         .newton       = (PetscBool)(options->method == BRENIER_METHOD_NEWTON),
                         .points       = (PetscBool)(options->sample == BRENIER_DESCENT_POINTS),
                         .verify       = options->verify,
                         .tol          = options->tol,
                         .curves       = options->curves,
                         .check_curves = options->check_curves,
                         .warm_up      = options->warm_up,
                         .sgd_from     = options->sgd_from > 0.0 ? options->sgd_from : BRENIER_DEFAULT_SGD_FROM,
                         .memory       = options->memory * size,
                         .most_curves  = BrenierSourceMaxCurves(source)};
}

BrenierAccuracy BrenierSolveAccuracy_Private(const Solve *s)
{
  const BrenierHeldOut *held_out = &s->solved->held_out;

  return (BrenierAccuracy){.curves         = held_out->curves,
                           .sampling_error = held_out->sampling_error,
                           .rho            = held_out->rho,
                           .rho_high       = held_out->rho_high};
}

PetscInt64 BrenierSolveCurves_Private(const Solve *s)
{
  return s->state.curves + s->solved->one_pass_curves;
}

PetscErrorCode BrenierSolveMaxSampleCurves_Private(const Solve *s, PetscInt64 *max_curves)
{
  BrenierDualWork work;
  PetscReal       bytes;

  PetscFunctionBegin;
  *max_curves = BrenierBudgetMaxUnscannedCurves_Private(&s->budget, s->lists);
  if (!s->dual) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierDualGetWork(s->dual, &work));
  bytes = BrenierBudgetSampleBytes_Private((PetscReal)work.n_candidates, (PetscReal)work.n_pieces);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPIU_REAL, MPI_SUM, s->targets->comm));
  *max_curves = BrenierBudgetMaxSampleCurves_Private(&s->budget, bytes / (PetscReal)s->state.curves);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRecord_Private(const BrenierSolveOptions *options, const BrenierIteration *now)
{
  PetscFunctionBegin;
  if (options->checkpoint) PetscCall(BrenierCheckpointAddRow(options->checkpoint, now));
  if (options->newton.monitor) PetscCall(options->newton.monitor(options->newton.context, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierIteration BrenierSolveTotal_Private(const Solve *s, const BrenierIteration *now)
{
  BrenierIteration all = *now;

  all.iteration += s->state.before.iteration;
  all.evaluations += s->state.before.evaluations;
  all.seconds += s->state.before.seconds;
  return all;
}

PetscErrorCode BrenierSolveSafePoint_Private(Solve *s, BrenierPhase phase, Vec answer, Vec mean, BrenierDual dual)
{
  const BrenierSolveVectors v = {.h             = s->h,
                                 .mean          = mean,
                                 .diagonal_step = s->diagonal_step,
                                 .skin          = s->skin,
                                 .groups        = s->groups,
                                 .line_mass     = s->line_mass,
                                 .start         = s->start};

  PetscFunctionBegin;
  s->state.phase = phase;
  PetscCall(VecCopy(answer, s->saved));
  if (s->options->checkpoint) PetscCall(BrenierCheckpointSave(s->options->checkpoint, &s->state, &v, dual));
  BrenierSolveReserveEnd_Private(s, BrenierSolveCurves_Private(s));
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

void BrenierSolveCheckTolerance_Private(Solve *s)
{
  s->solved->within_tol = (PetscBool)(s->options->tol <= 0.0 || s->solved->held_out.rho_high <= s->options->tol);
}

PetscErrorCode BrenierMeasurementCopy_Private(const Measurement *from, Measurement *to)
{
  PetscFunctionBegin;
  if (from->h && to->h) PetscCall(VecCopy(from->h, to->h));
  PetscCall(VecCopy(from->mass, to->mass));
  PetscCall(VecCopy(from->mass_error, to->mass_error));
  to->held_out        = from->held_out;
  to->curves          = from->curves;
  to->one_pass_curves = from->one_pass_curves;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMeasureAtOnce_Private(Solve *s, uint32_t attempt, PetscInt64 curves, PetscInt64 at_once)
{
  const BrenierHeldOutSample sample   = {s->options->seed, BRENIER_STREAM_REPORT + attempt, curves, s->cache};
  BrenierHeldOut            *held_out = &s->solved->held_out;
  PetscLogDouble             begun, ended;

  PetscFunctionBegin;
  PetscCall(PetscTime(&begun));
  s->has_measurement = PETSC_TRUE;
  s->measured        = attempt;
  s->asked           = curves;
  s->at_once         = at_once;
  s->centred         = (PetscBool)(!s->dual && curves <= at_once);
  if (curves <= at_once)
    PetscCall(BrenierHeldOutMeasure(s->targets, s->source, s->h, &sample, s->mass, s->mass_error,
                                    s->centred ? &s->barycentre : NULL, held_out));
  else
    PetscCall(
        BrenierHeldOutMeasureInParts(s->targets, s->source, s->h, &sample, at_once, s->mass, s->mass_error, held_out));
  PetscCall(PetscTime(&ended));
  s->pace = (ended - begun) / (PetscReal)PetscMax(held_out->curves, 1);
  PetscCallMPI(MPI_Bcast(&s->pace, 1, MPIU_REAL, 0, s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMeasureOn_Private(Solve *s, uint32_t attempt, PetscInt64 curves)
{
  PetscInt64 at_once = BrenierBudgetMaxFreshCurves_Private(&s->budget);

  PetscFunctionBegin;
  if (s->dual) at_once = PetscMax((PetscInt64)(brenier_measurement_memory_part * (PetscReal)at_once), 1);
  PetscCall(BrenierSolveMeasureAtOnce_Private(s, attempt, curves, at_once));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Saves the best measured heights; a stop without a checkpoint may return to them. */
static PetscErrorCode SaveBest(Solve *s)
{
  const Measurement now = {
      s->h, s->mass, s->mass_error, s->solved->held_out, s->state.curves, s->solved->one_pass_curves};
  Vec *const vec[] = {&s->best.h, &s->best.mass, &s->best.mass_error};

  PetscFunctionBegin;
  if (s->options->checkpoint) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->best.h && s->best.held_out.rho_high <= now.held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  for (size_t i = 0; i < sizeof vec / sizeof vec[0]; ++i)
    if (!*vec[i]) PetscCall(VecDuplicate(s->h, vec[i]));
  PetscCall(BrenierMeasurementCopy_Private(&now, &s->best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveMeasure_Private(Solve *s, uint32_t attempt)
{
  const PetscInt64 wanted = BrenierBudgetMeasurementCurves_Private(&s->budget, BrenierSolveCurves_Private(s));

  PetscFunctionBegin;
  if (!s->options->checkpoint) PetscCall(VecCopy(s->h, s->saved)); // what a stop would measure
  PetscCall(BrenierSolveCheckTime_Private(s, wanted));
  PetscCall(BrenierSolveMeasureOn_Private(s, attempt, wanted));
  BrenierSolveCheckTolerance_Private(s);
  PetscCall(SaveBest(s));
  if (s->options->on_measurement) PetscCall(s->options->on_measurement(s->options->context, &s->solved->held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Continues from the state of a checkpoint, if there is one. */
static PetscErrorCode Resume(Solve *s)
{
  const BrenierSolveVectors v          = {.h = s->h, .diagonal_step = s->diagonal_step, .skin = s->skin};
  BrenierCheckpoint         checkpoint = s->options->checkpoint;

  PetscFunctionBegin;
  if (!checkpoint || BrenierCheckpointState(checkpoint)->phase < BRENIER_PHASE_STAGE)
    PetscFunctionReturn(PETSC_SUCCESS);
  s->state    = *BrenierCheckpointState(checkpoint);
  s->resuming = PETSC_TRUE;
  PetscCall(BrenierCheckpointGet(checkpoint, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Saves the start as the first safe point. */
static PetscErrorCode SaveStart(Solve *s)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(s->h, s->saved));
  s->state.phase = BRENIER_PHASE_READY;
  if (s->options->checkpoint)
    PetscCall(BrenierCheckpointSave(s->options->checkpoint, &s->state, &(BrenierSolveVectors){.h = s->h}, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRunBegin_Private(Solve *s)
{
  PetscFunctionBegin;
  PetscCall(Resume(s));
  if (!s->resuming) PetscCall(SaveStart(s));
  BrenierSolveReserveEnd_Private(s, BrenierSolveCurves_Private(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets the numbers of curves that the heights of the last safe point are fitted to. */
static void CountSaved(Solve *s)
{
  const BrenierSgdState *sgd = &s->state.sgd;

  s->solved->one_pass_curves = s->state.phase == BRENIER_PHASE_SGD ? sgd->before + sgd->step * sgd->batch : 0;
  if (s->state.phase == BRENIER_PHASE_STAGE) s->state.curves = s->state.size;
  else if (s->state.phase != BRENIER_PHASE_SGD) s->state.curves = 0;
}

PetscErrorCode BrenierSolveRunGoBack_Private(Solve *s)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(s->saved, s->h));
  PetscCall(BrenierTargetsGauge(s->targets, s->h));
  CountSaved(s);
  // An evaluation may have been abandoned: the sample is of no use any more
  PetscCall(BrenierSolveFreeSample_Private(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Prints the range of the distances, since steps by groups follow from it. */
static PetscErrorCode PrintScales(MPI_Comm comm, BrenierScales scales)
{
  PetscReal least = PETSC_MAX_REAL, most = 0.0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < scales->n; ++i) {
    least = PetscMin(least, scales->apart[i]);
    most  = PetscMax(most, scales->apart[i]);
  }
  PetscCall(BrenierPrint(
      comm,
      "distances from a target to its nearest range from %.1e to %.1e: groups of cells move as one, each on its scale",
      (double)least, (double)most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRunCreate_Private(Solve *s)
{
  BrenierScales scales;

  PetscFunctionBegin;
  PetscCall(BrenierScanCacheCreate(s->targets, &s->cache));
  PetscCall(VecDuplicate(s->h, &s->diagonal_step));
  PetscCall(VecDuplicate(s->h, &s->skin));
  PetscCall(VecDuplicate(s->h, &s->saved));
  PetscCall(VecDuplicate(s->h, &s->fitted));
  PetscCall(VecSet(s->diagonal_step, 0.0));
  PetscCall(VecSet(s->skin, brenier_first_skin * s->state.height_scale));
  PetscCall(BrenierTargetsScales(s->targets, &scales));
  if (scales) PetscCall(PrintScales(s->targets->comm, scales));
  s->budget = BrenierSolveBudget_Private(s->targets, s->source, s->options);
  // Where targets have scales no skin in one unit would do: lists would be too long, or fail at once
  s->lists = (PetscBool)(BrenierBudgetUsesLists_Private(s->targets->n, s->targets->dim) && !scales);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRunDestroy_Private(Solve *s)
{
  PetscFunctionBegin;
  PetscCall(BrenierSolveFreeSample_Private(s));
  PetscCall(BrenierScanCacheDestroy(&s->cache));
  PetscCall(VecDestroy(&s->diagonal_step));
  PetscCall(VecDestroy(&s->skin));
  PetscCall(VecDestroy(&s->groups));
  PetscCall(VecDestroy(&s->saved));
  PetscCall(VecDestroy(&s->fitted));
  PetscCall(VecDestroy(&s->best.h));
  PetscCall(VecDestroy(&s->best.mass));
  PetscCall(VecDestroy(&s->best.mass_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}
