/* solve_start.h - The heights that brenier solve starts from: of a checkpoint, of another result, or made. */
#pragma once

#include "solve_run.h"

/* Finds the heights, and the history that led to them. Where a stop comes in between, run->solved.stopped says so and
   the checkpoint is written. Collective on the world; errors as BrenierSolveStart(), BrenierSolveRestart() and
   BrenierResultRead(). */
PetscErrorCode BrenierSolveFindStart(SolveRun *run);
