/*
  log.h - What happens, for programs: JSON lines in the file of -log, one log in a context (context.h).

  A line is one object with `event` and `seconds` (wall time since the log was opened) and the fields of the event;
  docs/log.md lists the events.
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierLogOpen - Starts the log of a communicator and its duplicates

  Collective on `comm`

  Input Parameters:
+ comm - has a context without an open log
- path - file to write, or a pipe that somebody reads, or a device; an older log is replaced; NULL or "" for none

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - cannot be written: a folder, a pipe without a reader, a read-only file
. `PETSC_ERR_USER_INPUT`     - a file that is not a log is there
- `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Notes: a path that leads to standard output or error is written by its descriptor.
@*/
PETSC_EXTERN PetscErrorCode BrenierLogOpen(MPI_Comm comm, const char path[]);

/*@
  BrenierLog - Writes one JSON line; does nothing without a log

  Not collective, but rank 0 has to call it, whose values are written

  Input Parameters:
+ comm   - whose log is written
. event  - name of the event
- fields - pairs of name and value after a type letter, as in "i n_targets", n, "r rho", rho, "s source", text, ended by
           NULL: i is PetscInt64, r PetscReal (NaN and Inf become null), s const char *

  Notes: A failed write (full disk) warns once, with the path and the bytes missing, and ends the log with its last
  whole line; the run goes on. The reader of a pipe that sleeps longer than 10 s ends the log, too.
@*/
PETSC_EXTERN PetscErrorCode BrenierLog(MPI_Comm comm, const char event[], ...);

/* Ends the log; fine without one. Collective on `comm`. */
PETSC_EXTERN PetscErrorCode BrenierLogClose(MPI_Comm comm);
