/*
  stop.h - Asking work on a communicator to end early, and ending it at the same place on every rank.

  Work is asked to stop by its time limit, the end of its job, the limit of its processor time, a file that appears, or
  a signal (USR1, USR2, TERM, XCPU) to any of its ranks; a second TERM, a second or more later, ends the process where
  it is. Long work asks at its safe points, which are collective, so all ranks hear the same answer there. The work is
  then abandoned by the error code BRENIER_STOPPED, which travels up as errors do, without a message, to whoever keeps
  the state that the run can continue from.

  Nobody asks where the communicator has no context (context.h) or BrenierStopSetup() was not called: then safe points
  cost nothing, and the functions below do nothing.
*/
#pragma once

#include <petscsys.h>

/* The error code of work that was abandoned because a stop was asked for; outside the range of PETSc's own. */
#define BRENIER_STOPPED ((PetscErrorCode)1085)

/* Who asked. A larger value wins when several did. */
typedef enum { BRENIER_STOP_NONE, BRENIER_STOP_TIME, BRENIER_STOP_FILE, BRENIER_STOP_SIGNAL } BrenierStopReason;

/* From here on USR1, USR2, TERM and XCPU do not end the process but are noted, for all contexts: to be called in the
   first moments, before there is PETSc. The clock of a time limit starts at the first call. Not collective; needs
   neither MPI nor PETSc. */
PETSC_EXTERN void BrenierStopCatch(void);

/* What is called before the process ends at once, by a second TERM or for want of memory: removes unfinished files,
   say; safe in a signal handler. The other calls it. Not collective. */
PETSC_EXTERN void BrenierStopClean(void (*clean)(void));
PETSC_EXTERN void BrenierStopCleanNow(void);

/*@
  BrenierStopSetup - From here on a stop can be asked for

  Collective on `comm`

  Input Parameters:
+ comm     - has a context; its duplicates stop with it
. max_time - seconds from BrenierStopCatch() on that the run may take; 0 for no limit
- file     - the run stops when this file exists; NULL or "" for none

  Errors:
. `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Notes: installs handlers for USR1, USR2, TERM and XCPU. The end of a Slurm job is a limit too when SLURM_JOB_END_TIME
  (seconds since 1970, or a date as Slurm prints it) is in the environment of rank 0; what is no time, and what is long
  past, is said and ignored. The soft limit of processor time (ulimit -t) is a limit, too. Each is met with what a
  checkpoint takes (BrenierStopSetCost()) and the longest time between two safe points so far in hand.
@*/
PETSC_EXTERN PetscErrorCode BrenierStopSetup(MPI_Comm comm, PetscReal max_time, const char file[]);

/* Seconds that a stop takes from the safe point to the end; 0 until told. Rank 0's value counts. Not collective. */
PETSC_EXTERN void BrenierStopSetCost(MPI_Comm comm, PetscReal seconds);

/* While held, safe points do not stop: for work that is short. Not collective, but all ranks must hold alike. */
PETSC_EXTERN void BrenierStopHold(MPI_Comm comm, PetscBool hold);

/* Asks to stop on account of the time limit: what comes next would not end within it. Not collective, but all ranks
   must ask alike. */
PETSC_EXTERN void BrenierStopNow(MPI_Comm comm);

/* The run has stopped and winds up: from here on safe points stop only what takes longer than BrenierStopLeft() said,
   and a little. After a signal or a stop file that is a tenth of the time so far and five seconds, or the time limit if
   that is sooner. Not collective, but all ranks must call it. */
PETSC_EXTERN void BrenierStopWindUp(MPI_Comm comm);

/* Seconds to the time limit; infinite without one. Collective on `comm`: its rank 0's clock counts. */
PETSC_EXTERN PetscErrorCode BrenierStopLeft(MPI_Comm comm, PetscReal *seconds);

/* Seconds of the whole time limit; 0 without one. Not collective, the same on all ranks but for some milliseconds. */
PETSC_EXTERN PetscReal BrenierStopLimit(MPI_Comm comm);

/*@
  BrenierStopAsk - Whether a stop was asked for; once it was, the answer stays

  Collective on `comm`

  Input Parameter:
. comm - ranks that ask together; the clock and the file are those of its rank 0

  Output Parameter:
. reason - BRENIER_STOP_NONE to go on, also before BrenierStopSetup() and while held, which costs nothing

  Notes: one reduction; the file is looked for once a second.
@*/
PETSC_EXTERN PetscErrorCode BrenierStopAsk(MPI_Comm comm, BrenierStopReason *reason);

/* A safe point: returns BRENIER_STOPPED on every rank when a stop was asked for. Collective on `comm`. */
PETSC_EXTERN PetscErrorCode BrenierStopHere(MPI_Comm comm);

/* What BrenierStopAsk() said first that was not BRENIER_STOP_NONE, and a reason in words. Not collective. */
PETSC_EXTERN BrenierStopReason BrenierStopAsked(MPI_Comm comm);
PETSC_EXTERN const char       *BrenierStopText(MPI_Comm comm, BrenierStopReason reason);
