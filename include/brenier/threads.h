/* threads.h - How many threads a rank may use; one number for the program. */
#pragma once

#include <petscsys.h>

/* 1 until set. Threads work on curves of their own, so results are the same to the bit for any number. Not collective. */
PETSC_EXTERN void     BrenierThreadsSet(PetscInt n);
PETSC_EXTERN PetscInt BrenierThreads(void);
