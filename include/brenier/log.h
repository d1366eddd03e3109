/*
  log.h - What a run says: lines for people on standard output, and JSON lines for programs in the file of -log.

  A JSON line is one object with `event` and `seconds` (wall time since the log was opened) and the fields of the event;
  docs/log.md lists the events.
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierLogOpen - Starts the JSON log

  Collective on the world

  Input Parameter:
. path - file to write, or a pipe that somebody reads, or a device; an older log is replaced; NULL or "" for none

  Errors:
+ `PETSC_ERR_FILE_OPEN`  - cannot be written: a folder, a pipe without a reader, a read-only file
- `PETSC_ERR_USER_INPUT` - a file that is not a log is there

  Notes: a path that leads to standard output or error is written by its descriptor.
@*/
PETSC_EXTERN PetscErrorCode BrenierLogOpen(const char path[]);

/*@
  BrenierLogEvent - Writes one JSON line

  Collective on the world; rank 0's values are written

  Input Parameters:
+ event  - name of the event
- fields - pairs of name and value after a type letter, as in "i n_targets", n, "r rho", rho, "s source", text, ended by
           NULL: i is PetscInt64, r PetscReal (NaN and Inf become null), s const char *

  Notes: A failed write (full disk) warns once on standard error, with the path and the bytes missing, and ends the log with
  its last whole line; the run goes on. The reader of a pipe that sleeps longer than 10 s ends the log, too.
@*/
PETSC_EXTERN PetscErrorCode BrenierLogEvent(const char event[], ...);

/*@
  BrenierLogClose - Ends the log; fine without one

  Collective on the world
@*/
PETSC_EXTERN PetscErrorCode BrenierLogClose(void);

/*@
  BrenierSay - Prints a line for people, from rank 0, with a newline added

  Collective on the world
@*/
PETSC_EXTERN PetscErrorCode BrenierSay(const char format[], ...) PETSC_ATTRIBUTE_FORMAT(1, 2);

/*@
  BrenierWarn - Prints a warning to standard error, from rank 0, with a newline added

  Collective on the world
@*/
PETSC_EXTERN PetscErrorCode BrenierWarn(const char format[], ...) PETSC_ATTRIBUTE_FORMAT(1, 2);

/* Work whose progress is told. */
typedef struct {
  const char    *what;
  PetscLogDouble begun, said;
} BrenierProgress;

/* Begins work; `what` names it for people, and is borrowed. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierProgressBegin(BrenierProgress *progress, const char what[]);

/* Says, from rank 0 and no more often than every 20 seconds, what part of the work is done and about how long the rest
   takes, by what rank 0 knows. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierProgressTell(BrenierProgress *progress, PetscReal done, PetscReal all);

enum { BRENIER_NUMBER_LENGTH = 32 };

/* A number in the fewest digits that mean the same double: 0.04, not 0.040000. Not collective. Returns `text`. */
PETSC_EXTERN const char *BrenierNumber(PetscReal x, char text[BRENIER_NUMBER_LENGTH]);

/* What makes the noun behind a number plural: "%d row%s", n, BrenierPlural(n). */
static inline const char *BrenierPlural(PetscInt64 n)
{
  return n == 1 ? "" : "s";
}
