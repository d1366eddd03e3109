/*
  time_plan.h - What a time limit leaves: the time that an end takes, which is kept in hand.

  A time limit is met with the result's measurement and its writing in hand: what the measurement takes by the rate of
  those before it, or of the scans so far, at most a part of the limit.
*/
#pragma once

#include "solve_run.h"

/* Curves that are measured whatever it takes. */
enum { BRENIER_LEAST_MEASURED = 64 };

/* Part of the time left that a measurement is planned to take. */
extern const PetscReal brenier_measure_part;

/* Seconds that the result file takes. Not collective. */
PetscReal BrenierSolveWriteSeconds_Private(BrenierTargets targets);

/* Keeps in hand, of a time limit, what the result's writing takes and `seconds` of measuring, or a part of the limit
   when that is less. Not collective: rank 0's clock counts. */
void BrenierSolveReserve_Private(BrenierTargets targets, PetscReal seconds);

/* The same by the rate of what the solve has scanned, for a measurement of heights of so many curves. Not
   collective. */
void BrenierSolveReserveEnd_Private(const Solve *s, PetscInt64 now);

/* BRENIER_STOPPED when there is no checkpoint and a measurement on so many curves would not end within the time limit:
   the stop is then asked for. Collective. */
PetscErrorCode BrenierSolveCheckTime_Private(const Solve *s, PetscInt64 curves);

/* Curves, `most` at most, that the time left lets a scan have; 64 at least. Collective. */
PetscErrorCode BrenierSolveCurvesInTime_Private(const Solve *s, PetscInt64 most, PetscInt64 *curves);
