/* ending.h - How a run ends: with a result, with a checkpoint, or with the answer that it ended before. */
#pragma once

#include <brenier/run.h>

/* Names the outcome and writes the result, if a file is asked for. A checkpoint has done its part once the result is in
   place. Collective on the run; errors as BrenierResultWrite(). */
PetscErrorCode BrenierRunConclude_Private(BrenierRun *run, BrenierExit *outcome);

/* Says that the run ends with a checkpoint. Collective on the run. */
PetscErrorCode BrenierRunEndStopped_Private(const BrenierRun *run, BrenierExit *outcome);

/* A solve that is finished is not begun again. Collective on the run; errors: PETSC_ERR_FILE_UNEXPECTED when its
   result is gone. */
PetscErrorCode BrenierRunAnswerFinished_Private(const BrenierRun *run, BrenierExit *outcome);
