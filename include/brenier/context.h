/*
  context.h - What the owner of a communicator decides for all work on it: who prints, where the log goes, when work
  stops, and how many threads a rank may use.

  A context is attached to a communicator, as PETSc attaches what is its own. Every object holds a communicator, so each
  reaches its context, and no list of parameters grows. Duplicates of the communicator share the context
  (MPI_Comm_dup(), and those that PETSc makes for its objects); what is split off it has none.

  Without a context the library is quiet: it prints nothing, keeps no log, is never asked to stop, and uses one thread.

  Two things belong to a process and are in no context: its signals (BrenierStopCatch() in stop.h notes them for all
  contexts that can be stopped), and what it does when memory runs out (error.h).
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierContextCreate - Gives a communicator a context of its own, which at first is quiet

  Collective on `comm`

  Input Parameter:
. comm - its former context, if it had or inherited one, is let go

  Notes: BrenierContextSetPrinter(), BrenierLogOpen(), BrenierStopSetup() and BrenierThreadsSet() fill it.
@*/
PETSC_EXTERN PetscErrorCode BrenierContextCreate(MPI_Comm comm);

/*@
  BrenierContextDestroy - Takes the context off a communicator, and ends its log; fine without one

  Collective on `comm`

  Input Parameter:
. comm - duplicates of it that share the context keep it until they are freed
@*/
PETSC_EXTERN PetscErrorCode BrenierContextDestroy(MPI_Comm comm);
