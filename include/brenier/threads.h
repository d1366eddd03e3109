/* threads.h - How many threads a rank may use: one number for a communicator and its duplicates (context.h). */
#pragma once

#include <petscsys.h>

/* Collective on `comm`, which has a context, or else the error is `PETSC_ERR_ARG_WRONGSTATE`. */
PETSC_EXTERN PetscErrorCode BrenierThreadsSet(MPI_Comm comm, PetscInt n);

/* 1 until set. Threads work on curves of their own, so results are the same to the bit for any number. Not
   collective. */
PETSC_EXTERN PetscInt BrenierThreads(MPI_Comm comm);
