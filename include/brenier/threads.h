/* threads.h - How many threads a rank may use: one number for a communicator and its duplicates (context.h). */
#pragma once

#include <petscsys.h>

/*@
  BrenierThreadsSet - Sets how many threads a rank may use

  Collective on `comm`

  Input Parameters:
+ comm - has a context
- n    - threads of a rank, at least 1

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierThreadsSet(MPI_Comm comm, PetscInt n);

/*@
  BrenierThreads - Tells how many threads a rank may use

  Not collective

  Input Parameter:
. comm - the communicator

  Returns: the number that was set; 1 before, and without a context

  Cost: O(1)

  Notes: Each thread works on curves of its own. Results are the same to the bit for any number of threads.
@*/
PETSC_EXTERN PetscInt BrenierThreads(MPI_Comm comm);
