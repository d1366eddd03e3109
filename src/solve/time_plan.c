/* time_plan.c - Implements time_plan.h. */
#include "time_plan.h"

#include <brenier/base.h>

/* Largest part of a time limit that is reserved for the measurement; also the part without a known rate. */
static const PetscReal brenier_reserve_part = 0.15;

const PetscReal brenier_measure_part = 0.6;

/* Time of a measurement over that of its scan: envelopes and batches. */
static const PetscReal brenier_measurement_over_scan = 1.5;

/* Assumed rate of writing, verifying and syncing a file, bytes a second, and seconds of a small file. */
static const PetscReal brenier_write_rate = 5e7, brenier_write_least = 0.1;

PetscReal BrenierSolveWriteSeconds_Private(BrenierTargets t)
{
  return brenier_write_least + (PetscReal)t->n * (12.0 * (PetscReal)t->dim + 56.0) / brenier_write_rate;
}

void BrenierSolveReserve_Private(BrenierTargets t, PetscReal seconds)
{
  BrenierStopSetCost(t->comm, BrenierSolveWriteSeconds_Private(t) +
                                  PetscMin(brenier_reserve_part * BrenierStopLimit(t->comm), seconds));
}

/* Seconds a curve of a measurement, on rank 0; 0 if unknown. */
static PetscReal Pace(const Solve *s)
{
  BrenierDualWork work    = s->solved->work;
  PetscReal       seconds = work.scan_seconds;
  PetscMPIInt     size    = 1;

  if (s->pace > 0.0) return s->pace;
  if (s->dual && !BrenierDualGetWork(s->dual, &work)) seconds = work.scan_seconds;
  (void)MPI_Comm_size(s->targets->comm, &size);
  return work.n_scanned > 0 ? brenier_measurement_over_scan * seconds / ((PetscReal)work.n_scanned * size) : 0.0;
}

void BrenierSolveReserveEnd_Private(const Solve *s, PetscInt64 now)
{
  const PetscReal pace = Pace(s), curves = (PetscReal)BrenierBudgetMeasurementCurves_Private(&s->budget, now);

  if (s->options->checkpoint) return; // its writing is what a stop takes
  BrenierSolveReserve_Private(s->targets, pace > 0.0 ? pace * curves : PETSC_INFINITY);
}

PetscErrorCode BrenierSolveCheckTime_Private(const Solve *s, PetscInt64 curves)
{
  PetscReal pace = Pace(s), left;

  PetscFunctionBegin;
  if (s->options->checkpoint || BrenierSourceCurveType(s->source) == BRENIER_CURVE_LINE)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  PetscCallMPI(MPI_Bcast(&pace, 1, MPIU_REAL, 0, s->targets->comm));
  if (pace * (PetscReal)curves + BrenierSolveWriteSeconds_Private(s->targets) <= left)
    PetscFunctionReturn(PETSC_SUCCESS);
  BrenierStopNow(s->targets->comm);
  PetscFunctionReturn(BRENIER_STOPPED);
}

PetscErrorCode BrenierSolveCurvesInTime_Private(const Solve *s, PetscInt64 most, PetscInt64 *curves)
{
  PetscReal left, max_curves;

  PetscFunctionBegin;
  PetscCall(BrenierStopLeft(s->targets->comm, &left));
  left       = PetscMax(left - BrenierSolveWriteSeconds_Private(s->targets), 0.0);
  max_curves = s->pace > 0.0 ? brenier_measure_part * left / s->pace : (PetscReal)most;
  *curves =
      (PetscInt64)PetscMin(PetscMax(max_curves, (PetscReal)PetscMin(BRENIER_LEAST_MEASURED, most)), (PetscReal)most);
  PetscFunctionReturn(PETSC_SUCCESS);
}
