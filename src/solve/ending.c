/*
  ending.c - Implements ending.h.

  After a stop the measurement is as large as the remaining time allows. It is repeated with more curves: 64 first, then
  four times as many, then as many as a line through the times of the last two fits into a part of the remaining time. A
  line, since the time of few curves is mostly that of packing the targets.
*/
#include "ending.h"
#include "time_plan.h"

#include <brenier/base.h>

/* Growth of the second measurement, and largest growth of later ones. */
static const PetscReal brenier_second_try = 4.0, brenier_try_growth = 64.0;

/* Smallest slope of the line, in parts of the seconds a curve of the last measurement: clocks are not exact. */
static const PetscReal brenier_slope_least = 0.1;

/* A measurement on so many curves, and the seconds it took. */
typedef struct {
  PetscReal size, seconds;
} Try;

/* Curves of the next measurement, after `last` and, if there was one, `before`; 0 if there is no time for more. */
static PetscErrorCode NextTry(const Solve *s, const Try *before, const Try *last, PetscInt64 wanted, PetscInt64 *next)
{
  PetscReal left, slope, size;

  PetscFunctionBegin;
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  left = brenier_measure_part * (left - BrenierSolveWriteSeconds_Private(s->targets));
  if (before->size > 0.0) {
    slope = (last->seconds - before->seconds) / (last->size - before->size);
    slope = PetscMax(slope, brenier_slope_least * last->seconds / last->size);
    size  = PetscMin(last->size + (left - last->seconds) / slope, brenier_try_growth * last->size);
  } else size = last->seconds < left ? brenier_second_try * last->size : 0.0;
  size  = PetscMin(size, (PetscReal)wanted);
  *next = size > last->size && (size >= 2.0 * last->size || size == (PetscReal)wanted) ? (PetscInt64)size : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Measures s->h on up to `wanted` curves, as many as the time allows. */
static PetscErrorCode MeasureInTime(Solve *s, uint32_t attempt, PetscInt64 wanted)
{
  Measurement    now = {NULL, s->mass, s->mass_error, {0}, 0, 0}, saved = {0};
  Try            last = {0.0, 0.0}, before;
  PetscInt64     size = PetscMin(BRENIER_LEAST_MEASURED, wanted);
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->mass, &saved.mass));
  PetscCall(VecDuplicate(s->mass, &saved.mass_error));
  BrenierStopHold(s->targets->comm, PETSC_TRUE);
  while (size > 0 && !ierr) {
    ierr = BrenierSolveMeasureOn_Private(s, attempt, size);
    BrenierStopHold(s->targets->comm, PETSC_FALSE);
    if (ierr) break;
    now.held_out = s->solved->held_out;
    PetscCall(BrenierMeasurementCopy_Private(&now, &saved));
    before = last;
    last   = (Try){(PetscReal)size, s->pace * (PetscReal)now.held_out.curves};
    PetscCall(NextTry(s, &before, &last, wanted, &size));
  }
  if (ierr == BRENIER_STOPPED) {
    ierr = PETSC_SUCCESS; // the measurement before is valid
    PetscCall(BrenierMeasurementCopy_Private(&saved, &now));
    s->solved->held_out = now.held_out;
  }
  PetscCall(VecDestroy(&saved.mass));
  PetscCall(VecDestroy(&saved.mass_error));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Returns to the best heights measured before the stop if the present ones are not better. */
static PetscErrorCode RestoreBest(Solve *s)
{
  Measurement now = {s->h, s->mass, s->mass_error, {0}, 0, 0};

  PetscFunctionBegin;
  if (!s->best.h || s->best.held_out.rho_high > s->solved->held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierMeasurementCopy_Private(&s->best, &now));
  s->solved->held_out        = now.held_out;
  s->state.curves            = now.curves;
  s->solved->one_pass_curves = now.one_pass_curves;
  s->centred                 = PETSC_FALSE;
  PetscCall(BrenierPrint(s->targets->comm,
                         "stopped: kept the heights that were measured before; the later ones have no smaller error"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveEnd_Private(Solve *s)
{
  const PetscInt64 wanted = BrenierBudgetMeasurementCurves_Private(&s->budget, BrenierSolveCurves_Private(s));
  PetscInt64       curves;

  PetscFunctionBegin;
  BrenierStopWindUp(s->targets->comm);
  PetscCall(MeasureInTime(s, (uint32_t)s->state.attempt, wanted));
  curves = s->solved->held_out.curves;
  if (curves < wanted) {
    PetscCall(BrenierPrint(s->targets->comm,
                           "stopped: time for %" PetscInt64_FMT " of %" PetscInt64_FMT
                           " planned held-out curves, so the intervals are wider",
                           curves, wanted));
    PetscCall(BrenierLog(s->targets->comm, "shortened", "i curves", curves, "i planned", wanted, NULL));
  }
  PetscCall(RestoreBest(s));
  BrenierSolveCheckTolerance_Private(s);
  if (s->options->on_measurement) PetscCall(s->options->on_measurement(s->options->context, &s->solved->held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}
