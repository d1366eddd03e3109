/* solve_source.h - The source that the command line of brenier solve asks for. */
#pragma once

#include "solve_options.h"

/* Reads mean, factor, low and high, numbers or files, and makes the source of -source in dimension dim. Collective on
   the world; errors are PETSC_ERR_USER_INPUT, and those of BrenierArrayRead() and BrenierSourceCreateWith(). */
PetscErrorCode BrenierSolveSourceCreate(const SolveRequest *request, PetscInt dim, BrenierSource *source);

/* Refuses options of other sources. Collective on the world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveSourceCheck(const SolveRequest *request);
