/* solve_end.h - How brenier solve ends: with a result, with a checkpoint, or with the answer that it ended before. */
#pragma once

#include "solve_run.h"

/* The outcome as an exit code, and in words. Where there is a tolerance, what was measured judges, whatever ended the
   iteration. Not collective. */
BrenierExit BrenierSolveExitCode(const BrenierSolved *solved, PetscReal tol, const char **status);

/* Names the outcome and writes the result. A checkpoint has done its part once the result is in place. Collective on
   the world; errors as BrenierResultWrite(). */
PetscErrorCode BrenierSolveConclude(SolveRun *run, BrenierExit *outcome);

/* Says that the run ends with a checkpoint. Collective on the world. */
PetscErrorCode BrenierSolveEndStopped(const SolveRun *run, BrenierExit *outcome);

/* A solve that is finished is not begun again. Collective on the world; errors: PETSC_ERR_FILE_UNEXPECTED when its
   result is gone. */
PetscErrorCode BrenierSolveAnswerFinished(const SolveRequest *request, BrenierExit *outcome);
