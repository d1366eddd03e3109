/* ending.h - How a run ends: with a result, or with a checkpoint. */
#pragma once

#include <brenier/run.h>

/* Names the outcome and writes the result, if a file is asked for. A checkpoint has done its part once the result is in
   place. Collective on the run; errors as BrenierResultWrite(). */
PetscErrorCode BrenierRunConclude_Private(BrenierRun *run, BrenierExit *outcome);

/* Says that the run ends with a checkpoint. Collective on the run. */
PetscErrorCode BrenierRunEndStopped_Private(const BrenierRun *run, BrenierExit *outcome);
