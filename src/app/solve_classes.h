/* solve_classes.h - brenier solve -classes: one map for each label, in one run and one result. */
#pragma once

#include "solve_options.h"

/* Reads targets, weights and labels, solves every class and writes the result; or ends with a checkpoint. Collective on
   the world; errors as of a solve, and PETSC_ERR_FILE_UNEXPECTED for labels that do not fit. */
PetscErrorCode BrenierSolveClasses(const char where[], SolveRequest *request, BrenierExit *outcome);
