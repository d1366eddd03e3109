/*
  log.h - Events of a run, for programs: JSON lines in a file, one log in a context (context.h).

  A line is one JSON object with `event`, `seconds` (wall time since the log was opened) and the fields of the event.
  docs/reference/log.md lists the events.
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierLogOpen - Starts the log of a communicator and its duplicates

  Collective on `comm`

  Input Parameters:
+ comm - has a context without an open log
- path - file to write, a pipe that has a reader, or a device; an older log is replaced; NULL or "" for none

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - cannot be written: a folder, a pipe without a reader, a read-only file
. `PETSC_ERR_USER_INPUT`     - a file that is not a log is there
- `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: one reduction

  Notes: A path that leads to standard output or error is written by the descriptor that is open already.
@*/
PETSC_EXTERN PetscErrorCode BrenierLogOpen(MPI_Comm comm, const char path[]);

/*@
  BrenierLog - Writes one JSON line; does nothing without a log

  Not collective; rank 0, whose values are written, has to call it

  Input Parameters:
+ comm  - whose log is written
- event - name of the event

  Errors: none of its own

  Cost: O(1), one write; no messages

  Notes: After `event` follow pairs of a field and its value, ended by NULL. A field is a type letter and a name: i for
  PetscInt64, r for PetscReal, s for const char *, as in "i n_targets", n, "r rho", rho, "s source", text, NULL. NaN and
  Inf are written as null. A failed write (full disk) warns once, with the path and the bytes missing; the log then ends
  with its last whole line and the run goes on. So it does when the reader of a pipe takes nothing for 10 s.
@*/
PETSC_EXTERN PetscErrorCode BrenierLog(MPI_Comm comm, const char event[], ...);

/*@
  BrenierLogClose - Closes the log; does nothing without one

  Collective on `comm`

  Input Parameter:
. comm - whose log is closed

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierLogClose(MPI_Comm comm);
