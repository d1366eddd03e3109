/* petsc_words.h - The words that PETSc reads besides the command line: files of options, PETSC_OPTIONS, .petscrc;
   checked before it would answer a mistake in them with a traceback. */
#pragma once

#include <brenier/base.h>

/* The words of the command line, and of the environment's PETSC_OPTIONS; to be freed. NULL for no memory, and *n is 0.
   Not collective. */
char **BrenierPetscWords(int argc, char **argv, int *n);

/* Checks them all, before PETSc starts. Collective on the world of MPI; all ranks return the same. */
BrenierExit BrenierPetscWordsCheck(int argc, char **argv);

/* Where PETSc found an option, given without its dash: "" for the command line, else in words to go behind its name, as
   " (from PETSC_OPTIONS)". After BrenierPetscWordsCheck(). Collective on the world. */
PetscErrorCode BrenierPetscWordsOrigin(const char name[], size_t length, char origin[]);
