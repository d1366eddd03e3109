/*
  ending.c - How a solve that is asked to stop ends: the time that this takes, which is kept in hand, and a measurement
  that fits into it.

  A time limit is met with the result's measurement and its writing in hand: what the measurement takes by the rate of
  those before it, or of the scans so far, at most a part of the limit. What is left when the stop comes decides its real
  size: 64 curves first, whatever they take, then four times as many, then what a line through the last two tries lets
  into a part of what is left. Few curves tell little of the rate, as most of their time goes into the targets.
*/
#include <brenier/base.h>

#include "solve_private.h"

/* Part of a time limit that is kept in hand for the measurement at most, and without a rate to tell. */
static const PetscReal brenier_reserve_part = 0.15;

/* Part of the time left that a measurement is planned to take. */
static const PetscReal brenier_fill_part = 0.6;

/* Curves of the second try over those of the first, and of later ones over the one before at most. */
static const PetscReal brenier_second_try = 4.0, brenier_try_growth = 64.0;

/* Slope of a line through two tries at least, in parts of the rate of the later: clocks are not exact. */
static const PetscReal brenier_slope_least = 0.1;

/* Curves that are measured whatever it takes. */
static const PetscInt64 brenier_least_measured = 64;

/* Walks and batches of a measurement, over its scan. */
static const PetscReal brenier_beside_scan = 1.5;

/* Writing, reading back and making durable, bytes a second at least, and seconds of a small file. */
static const PetscReal brenier_write_rate = 5e7, brenier_write_least = 0.1;

/* Seconds that the result file takes. */
static PetscReal WriteSeconds(BrenierTargets t)
{
  return brenier_write_least + (PetscReal)t->n * (12.0 * (PetscReal)t->dim + 56.0) / brenier_write_rate;
}

void BrenierSolveReserve_Private(BrenierTargets t, PetscReal seconds)
{
  BrenierStopSetCost(t->comm, WriteSeconds(t) + PetscMin(brenier_reserve_part * BrenierStopLimit(t->comm), seconds));
}

/* Seconds a curve of a measurement, on rank 0; 0 when there is no telling. */
static PetscReal Pace(const Solve *s)
{
  BrenierDualWork work    = s->solved->work;
  PetscReal       seconds = work.scan_seconds;
  PetscMPIInt     size    = 1;

  if (s->pace > 0.0) return s->pace;
  if (s->dual && !BrenierDualGetWork(s->dual, &work)) seconds = work.scan_seconds;
  (void)MPI_Comm_size(s->targets->comm, &size);
  return work.n_scanned > 0 ? brenier_beside_scan * seconds / ((PetscReal)work.n_scanned * size) : 0.0;
}

void BrenierSolvePlanEnd_Private(const Solve *s)
{
  const PetscReal pace = Pace(s), curves = (PetscReal)BrenierSolveCheckCurves_Private(s);

  if (s->options->checkpoint) return; // its writing is what a stop takes
  BrenierSolveReserve_Private(s->targets, pace > 0.0 ? pace * curves : PETSC_INFINITY);
}

PetscErrorCode BrenierSolveFitsTime_Private(const Solve *s, PetscInt64 curves)
{
  PetscReal pace = Pace(s), left;

  PetscFunctionBegin;
  if (s->options->checkpoint || BrenierSourceCurveType(s->source) == BRENIER_CURVE_LINE)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  PetscCallMPI(MPI_Bcast(&pace, 1, MPIU_REAL, 0, s->targets->comm));
  if (pace * (PetscReal)curves + WriteSeconds(s->targets) <= left) PetscFunctionReturn(PETSC_SUCCESS);
  BrenierStopNow(s->targets->comm);
  PetscFunctionReturn(BRENIER_STOPPED);
}

PetscErrorCode BrenierSolveCurvesInTime_Private(const Solve *s, PetscInt64 most, PetscInt64 *curves)
{
  PetscReal left, fit;

  PetscFunctionBegin;
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  left    = PetscMax(left - WriteSeconds(s->targets), 0.0);
  fit     = s->pace > 0.0 ? brenier_fill_part * left / s->pace : (PetscReal)most;
  *curves = (PetscInt64)PetscMin(PetscMax(fit, (PetscReal)PetscMin(brenier_least_measured, most)), (PetscReal)most);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A measurement on so many curves, and the seconds it took. */
typedef struct {
  PetscReal size, seconds;
} Try;

/* Curves of the next try, after `last` and the one before that, if there was one; 0 when there is no time for more. */
static PetscErrorCode NextTry(const Solve *s, const Try *before, const Try *last, PetscInt64 wanted, PetscInt64 *next)
{
  PetscReal left, slope, size;

  PetscFunctionBegin;
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  left = brenier_fill_part * (left - WriteSeconds(s->targets));
  if (before->size > 0.0) {
    slope = (last->seconds - before->seconds) / (last->size - before->size);
    slope = PetscMax(slope, brenier_slope_least * last->seconds / last->size);
    size  = PetscMin(last->size + (left - last->seconds) / slope, brenier_try_growth * last->size);
  } else size = last->seconds < left ? brenier_second_try * last->size : 0.0;
  size  = PetscMin(size, (PetscReal)wanted);
  *next = size > last->size && (size >= 2.0 * last->size || size == (PetscReal)wanted) ? (PetscInt64)size : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Measures s->h on up to `wanted` curves, as many as there is time for. */
static PetscErrorCode MeasureInTime(Solve *s, uint32_t attempt, PetscInt64 wanted)
{
  Measured       now = {NULL, s->mass, s->mass_error, {0}, 0, 0}, kept = {0};
  Try            last = {0.0, 0.0}, before;
  PetscInt64     size = PetscMin(brenier_least_measured, wanted);
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->mass, &kept.mass));
  PetscCall(VecDuplicate(s->mass, &kept.mass_error));
  BrenierStopHold(s->targets->comm, PETSC_TRUE);
  while (size > 0 && !ierr) {
    ierr = BrenierSolveMeasureOn_Private(s, attempt, size);
    BrenierStopHold(s->targets->comm, PETSC_FALSE);
    if (ierr) break;
    now.held_out = s->solved->held_out;
    PetscCall(BrenierMeasuredCopy_Private(&now, &kept));
    before = last;
    last   = (Try){(PetscReal)size, s->pace * (PetscReal)now.held_out.curves};
    PetscCall(NextTry(s, &before, &last, wanted, &size));
  }
  if (ierr == BRENIER_STOPPED) {
    ierr = PETSC_SUCCESS; // the try before it stands
    PetscCall(BrenierMeasuredCopy_Private(&kept, &now));
    s->solved->held_out = now.held_out;
  }
  PetscCall(VecDestroy(&kept.mass));
  PetscCall(VecDestroy(&kept.mass_error));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Goes back to heights that were measured before when those that the stop found are not better by what was measured. */
static PetscErrorCode TakeBest(Solve *s)
{
  Measured now = {s->h, s->mass, s->mass_error, {0}, 0, 0};

  PetscFunctionBegin;
  if (!s->best.h || s->best.held_out.rho_high > s->solved->held_out.rho_high) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierMeasuredCopy_Private(&s->best, &now));
  s->solved->held_out = now.held_out;
  s->solved->curves   = now.curves;
  s->solved->streamed = now.streamed;
  s->centred          = PETSC_FALSE;
  PetscCall(
      BrenierPrint(s->targets->comm, "stopped: the heights measured before are kept, as those since are not better"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveEnd_Private(Solve *s)
{
  const PetscInt64 wanted = BrenierSolveCheckCurves_Private(s);
  PetscInt64       curves;

  PetscFunctionBegin;
  BrenierStopWindUp(s->targets->comm);
  PetscCall(MeasureInTime(s, (uint32_t)s->state.attempt, wanted));
  curves = s->solved->held_out.curves;
  if (curves < wanted) {
    PetscCall(BrenierPrint(s->targets->comm,
                           "stopped: measured on %" PetscInt64_FMT " fresh curves of %" PetscInt64_FMT
                           " planned, as time allows: the intervals are wider",
                           curves, wanted));
    PetscCall(BrenierLog(s->targets->comm, "shortened", "i curves", curves, "i planned", wanted, NULL));
  }
  PetscCall(TakeBest(s));
  BrenierSolveJudge_Private(s);
  if (s->options->measured) PetscCall(s->options->measured(s->options->context, &s->solved->held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}
