/* start.h - The heights that a run starts from: of a checkpoint, of another result, or made. */
#pragma once

#include <brenier/run.h>

/* Finds the heights, and the history that led to them. Where a stop comes in between, run->solved.stopped says so and
   the checkpoint is written. Collective on the run; errors as BrenierSolveStart(), BrenierSolveRestart() and
   BrenierResultRead(). */
PetscErrorCode BrenierRunFindStart_Private(BrenierRun *run);

/* Whether another result is to start from. Not collective. */
PetscBool BrenierRunHasStart_Private(const BrenierRun *run);
