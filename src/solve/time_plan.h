/*
  time_plan.h - Time that is reserved, before a time limit, for the measurement and the writing of the result.

  The time of a measurement follows from the seconds a curve of the last one, or of the scans so far. At most a part of
  the limit is reserved for it.
*/
#pragma once

#include "solve_run.h"

/* Curves of a measurement after a stop at least. */
enum { BRENIER_LEAST_MEASURED = 64 };

/* Part of the remaining time that a measurement is planned for. */
extern const PetscReal brenier_measure_part;

/* Seconds that the result file takes. Not collective. */
PetscReal BrenierSolveWriteSeconds_Private(BrenierTargets targets);

/* Reserves the time to write the result and `seconds` for its measurement, or a part of the limit if that is less. Not
   collective: the clock of rank 0 counts. */
void BrenierSolveReserve_Private(BrenierTargets targets, PetscReal seconds);

/* The same for a measurement of heights fitted to so many curves, by the rate so far. Not collective. */
void BrenierSolveReserveEnd_Private(const Solve *s, PetscInt64 now);

/* Asks for a stop and returns BRENIER_STOPPED if there is no checkpoint and a measurement on so many curves would not
   end within the time limit. Collective. */
PetscErrorCode BrenierSolveCheckTime_Private(const Solve *s, PetscInt64 curves);

/* Curves that a scan can have in the remaining time: at most `most`, at least 64. Collective. */
PetscErrorCode BrenierSolveCurvesInTime_Private(const Solve *s, PetscInt64 most, PetscInt64 *curves);
