/*
  context.h - What the owner of a communicator decides for all work on it: who prints, where the log goes, when work
  stops, and how many threads a rank may use.

  A context is an attribute of a communicator. Every object holds a communicator and finds its context there, so no
  function needs one more parameter. Duplicates of the communicator share the context (MPI_Comm_dup(), and those that
  PETSc makes for its objects). A communicator that is split off has none.

  Without a context the library is quiet: it prints nothing, keeps no log, is never asked to stop, and uses one thread.

  Two things belong to the process and to no context: its signals (`BrenierStopCatch()` in stop.h notes them for all
  contexts that can be stopped), and what it does when memory runs out (error.h).
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierContextCreate - Gives a communicator a context of its own, which at first is quiet

  Collective on `comm`

  Input Parameter:
. comm - loses the context that it had or inherited

  Errors: `PETSC_ERR_MEM` - no memory for the context

  Cost: O(1)

  Notes: `BrenierContextSetPrinter()`, `BrenierLogOpen()`, `BrenierStopSetup()` and `BrenierThreadsSet()` fill it.
@*/
PETSC_EXTERN PetscErrorCode BrenierContextCreate(MPI_Comm comm);

/*@
  BrenierContextDestroy - Takes the context off a communicator, if it has one; the last communicator that shares it ends
  its log

  Collective on `comm`

  Input Parameter:
. comm - duplicates of it that share the context keep it until they are freed

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierContextDestroy(MPI_Comm comm);
