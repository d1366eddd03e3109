/*
  stop.h - Asking work on a communicator to end early, and ending it at the same place on every rank.

  A stop is asked for by a time limit, the end of the job, a limit of processor time, a file that appears, or a signal
  (USR1, USR2, TERM, XCPU) to any rank. A second TERM, a second or more after the first, ends the process at once.

  Long work asks at its safe points. These are collective, so all ranks get the same answer. The work is then abandoned
  with the error code BRENIER_STOPPED. It is returned from function to function as other errors are, without a message,
  to the function that holds the state from which the run can continue.

  Where the communicator has no context (context.h), or BrenierStopSetup() was not called, safe points cost nothing and
  the functions below do nothing.
*/
#pragma once

#include <petscsys.h>
#include <signal.h>

/* The error code of work that was abandoned because a stop was asked for; outside the range of PETSc's own. */
#define BRENIER_STOPPED ((PetscErrorCode)1085)

/* Who asked. A larger value wins when several did. */
typedef enum { BRENIER_STOP_NONE, BRENIER_STOP_TIME, BRENIER_STOP_FILE, BRENIER_STOP_SIGNAL } BrenierStopReason;

/*@
  BrenierStopCatch - From here on USR1, USR2, TERM and XCPU do not end the process but are noted, for all contexts

  Not collective; needs neither MPI nor PETSc

  Cost: O(1)

  Notes: A program calls it first of all. The clock of a time limit starts at the first call.
@*/
PETSC_EXTERN void BrenierStopCatch(void);

/*@
  BrenierStopClean - Sets the function to be called before the process ends at once, by a second TERM or for want of
  memory

  Not collective

  Input Parameter:
. clean - removes unfinished files, for example; has to be safe in a signal handler

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierStopClean(void (*clean)(void));

/*@
  BrenierStopCleanNow - Calls the function that `BrenierStopClean()` set, if there is one

  Not collective; safe in a signal handler

  Cost: that of the function
@*/
PETSC_EXTERN void BrenierStopCleanNow(void);

/*@
  BrenierStopSetup - From here on a stop can be asked for

  Collective on `comm`

  Input Parameters:
+ comm     - has a context; its duplicates stop with it
. max_time - longest time that the run may take, from `BrenierStopCatch()` on; 0 for no limit; unit: s
- file     - the run stops when this file exists; NULL or "" for none

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1), no messages

  Notes: Installs handlers for USR1, USR2, TERM and XCPU. Two more limits count: the end of a Slurm job, when
  SLURM_JOB_END_TIME (seconds since 1970, or a date as Slurm prints it) is in the environment of rank 0, and the soft
  limit of processor time (ulimit -t). An end of the job that is no time, or long past, is printed and ignored. The run
  stops ahead of a limit by the time that a checkpoint takes (`BrenierStopSetCost()`) and the longest time between two
  safe points so far.
@*/
PETSC_EXTERN PetscErrorCode BrenierStopSetup(MPI_Comm comm, PetscReal max_time, const char file[]);

/*@
  BrenierStopBegin - From here to `BrenierStopEnd()` a stop can be asked for, without the limits and the signals of the
  process

  Collective on `comm`

  Input Parameters:
+ comm     - has a context; its duplicates stop with it
. max_time - longest time from here on; 0 for no limit; unit: s
. file     - work stops when this file exists; NULL or "" for none
- request  - work stops when it is not 0 on some rank; may be set in a signal handler; borrowed; NULL for none

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1), no messages

  Notes: Signals count only after `BrenierStopCatch()`.
@*/
PETSC_EXTERN PetscErrorCode BrenierStopBegin(MPI_Comm comm, PetscReal max_time, const char file[],
                                             const volatile sig_atomic_t *request);

/*@
  BrenierStopEnd - From here on no stop can be asked for

  Collective on `comm`

  Input Parameter:
. comm - the communicator

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierStopEnd(MPI_Comm comm);

/*@
  BrenierStopSetCost - Sets the time that a stop takes from the safe point to the end; 0 before

  Not collective; the value of rank 0 counts

  Input Parameters:
+ comm    - the communicator
- seconds - that time; unit: s

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierStopSetCost(MPI_Comm comm, PetscReal seconds);

/*@
  BrenierStopHold - While held, safe points do not stop; for work that is short

  Not collective; all ranks have to hold alike

  Input Parameters:
+ comm - the communicator
- hold - true to hold, false to release

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierStopHold(MPI_Comm comm, PetscBool hold);

/*@
  BrenierStopNow - Asks to stop on account of the time limit, because the next part of the work would not end within it

  Not collective; all ranks have to ask alike

  Input Parameter:
. comm - the communicator

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierStopNow(MPI_Comm comm);

/*@
  BrenierStopWindUp - Begins the last part of a stopped run: from here on safe points stop only work that goes beyond
  the deadline

  Not collective; all ranks have to call it

  Input Parameter:
. comm - the communicator

  Cost: O(1)

  Notes: The deadline is the time limit. After a signal or a stop file it is 5 s and a tenth of the time so far from
  now, if that is sooner. Work may go beyond it by 1 s and a twentieth of the whole time.
@*/
PETSC_EXTERN void BrenierStopWindUp(MPI_Comm comm);

/*@
  BrenierStopLeft - Tells the time to the deadline, by the clock of rank 0

  Collective on `comm`

  Input Parameter:
. comm - the communicator

  Output Parameter:
. seconds - time that is left; infinite without a limit; unit: s

  Errors: none of its own

  Cost: one broadcast
@*/
PETSC_EXTERN PetscErrorCode BrenierStopLeft(MPI_Comm comm, PetscReal *seconds);

/*@
  BrenierStopLimit - Tells the whole time limit

  Not collective; the same on all ranks but for some milliseconds

  Input Parameter:
. comm - the communicator

  Returns: the limit; 0 without one; unit: s

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierStopLimit(MPI_Comm comm);

/*@
  BrenierStopAsk - Tells whether a stop was asked for; the first answer that is not BRENIER_STOP_NONE stays

  Collective on `comm`

  Input Parameter:
. comm - ranks that ask together; the clock and the file are those of its rank 0

  Output Parameter:
. reason - BRENIER_STOP_NONE to go on; so it is before `BrenierStopSetup()` and while held

  Errors: none of its own

  Cost: one reduction; none before `BrenierStopSetup()` and while held. The file is looked for once a second
@*/
PETSC_EXTERN PetscErrorCode BrenierStopAsk(MPI_Comm comm, BrenierStopReason *reason);

/*@
  BrenierStopHere - A safe point: ends the work of every rank when a stop was asked for

  Collective on `comm`

  Input Parameter:
. comm - ranks that ask together

  Errors: `BRENIER_STOPPED` - a stop was asked for; there is no message

  Cost: that of `BrenierStopAsk()`
@*/
PETSC_EXTERN PetscErrorCode BrenierStopHere(MPI_Comm comm);

/*@
  BrenierStopAsked - Repeats the answer of `BrenierStopAsk()` that stays

  Not collective

  Input Parameter:
. comm - the communicator

  Returns: who asked; BRENIER_STOP_NONE when nobody did

  Cost: O(1)
@*/
PETSC_EXTERN BrenierStopReason BrenierStopAsked(MPI_Comm comm);

/*@
  BrenierStopText - Says in words who asked to stop

  Not collective

  Input Parameters:
+ comm   - the communicator; knows whether a time limit is that of the job
- reason - who asked

  Returns: a phrase such as "time limit"; a constant

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierStopText(MPI_Comm comm, BrenierStopReason reason);
