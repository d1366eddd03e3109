/*
  error.h - Errors: one sentence, printed once, with the exit code that the command line documents.

  There is one error system, PETSc's. A fault that one rank alone finds (a NaN in its rows, a write that fails) is noted
  in a local `BrenierFault`. At the next collective point `BrenierFaultAgree()` makes every rank return the same error
  code, with the sentence of the lowest rank at fault. The program maps error codes to exit codes by
  `BrenierExitCode()`; a user of the library sees an ordinary PETSc error.

  A rank that runs out of memory cannot reach a collective point. `BrenierMemoryEnd()` then ends all ranks.
*/
#pragma once

#include <petscsys.h>

/* Exit codes of the program, the same on every rank. */
typedef enum {
  BRENIER_EXIT_DONE      = 0, /* done and within tolerance */
  BRENIER_EXIT_BUG       = 1, /* anything below did not foresee */
  BRENIER_EXIT_USAGE     = 2, /* the command line */
  BRENIER_EXIT_INPUT     = 3, /* the content of a file */
  BRENIER_EXIT_IO        = 4, /* missing or unreadable file, full disk */
  BRENIER_EXIT_NUMERICAL = 5, /* no convergence where there should be */
  BRENIER_EXIT_TOLERANCE = 6, /* the tolerance was not reached; the best result is kept */
  BRENIER_EXIT_RESOURCE  = 7, /* memory or processor time ran out, or a limit leaves no room to start */
  BRENIER_EXIT_STOPPED   = 85 /* time limit or signal; checkpoint written, submit again */
} BrenierExit;

/* A fault that this rank found; zero-initialised means none. */
typedef struct {
  BrenierExit kind;
  char        sentence[1024];
} BrenierFault;

/*@
  BrenierFaultSet - Notes what this rank found wrong; the first fault noted stays

  Not collective

  Input/Output Parameter:
. fault - the record, zero-initialised before its first use

  Input Parameters:
+ kind     - which exit code the fault leads to: `BRENIER_EXIT_USAGE`, `_INPUT`, `_IO`, `_NUMERICAL` or `_RESOURCE`
- sentence - printf format: names the file, the place and the remedy, without a final newline

  Cost: O(1); maps and unmaps 4 MiB to see whether memory is out

  Notes: If no memory is left, `kind` is replaced by `BRENIER_EXIT_RESOURCE` and the sentence begins with that.
@*/
PETSC_EXTERN void BrenierFaultSet(BrenierFault *fault, BrenierExit kind, const char sentence[], ...)
    PETSC_ATTRIBUTE_FORMAT(3, 4);

/*@
  BrenierFaultAgree - Returns an error on every rank when any rank noted a fault

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that may have noted one
- fault - this rank's record

  Errors:
+ `PETSC_ERR_USER_INPUT`      - some rank noted `BRENIER_EXIT_USAGE`
. `PETSC_ERR_FILE_UNEXPECTED` - `BRENIER_EXIT_INPUT`
. `PETSC_ERR_FILE_OPEN`       - `BRENIER_EXIT_IO`
. `PETSC_ERR_NOT_CONVERGED`   - `BRENIER_EXIT_NUMERICAL`
- `PETSC_ERR_MEM`             - `BRENIER_EXIT_RESOURCE`

  Cost: one reduction; when there is a fault, one broadcast of 1 kB

  Notes: The error carries the sentence of the lowest rank at fault.
@*/
PETSC_EXTERN PetscErrorCode BrenierFaultAgree(MPI_Comm comm, const BrenierFault *fault);

/*@
  BrenierMemoryIsOut - Says whether no memory is left, by asking for some

  Not collective; safe in a signal handler

  Returns: true when 4 MiB cannot be mapped

  Cost: O(1), two system calls
@*/
PETSC_EXTERN PetscBool BrenierMemoryIsOut(void);

/*@
  BrenierMemoryLimit - Describes the limit of memory that the shell set

  Not collective

  Input Parameter:
. length - room in `text`

  Output Parameter:
. text - a sentence such as "address space is limited to 300000 KiB (ulimit -v)"; "" without a limit

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierMemoryLimit(size_t length, char text[]);

/*@
  BrenierMemoryEnd - Says that memory ran out on this rank, and ends all ranks with `BRENIER_EXIT_RESOURCE`

  Not collective; does not return

  Input Parameter:
. wanted - what PETSc said of the allocation that failed, or ""

  Cost: waits up to 0.75 s, so that of ranks that run out together the lowest speaks first

  Notes: Other ranks may wait in a collective call, so they are aborted. Unfinished files are removed before
  (`BrenierStopCleanNow()`).
@*/
PETSC_EXTERN void BrenierMemoryEnd(const char wanted[]);

/*@
  BrenierMemoryEndIfOut - Calls `BrenierMemoryEnd()` when an error is for want of memory on this rank, else returns

  Not collective

  Input Parameters:
+ comm     - communicator of the error, as PETSc hands it to an error handler
. function - the function that raised it, or NULL
. code     - its error code
- message  - its message, or NULL

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierMemoryEndIfOut(MPI_Comm comm, const char function[], PetscErrorCode code,
                                        const char message[]);

/*@
  BrenierMemoryWatch, BrenierMemoryUnwatch - Between the two calls the size of each allocation of PETSc is noted, for
  the sentence of `BrenierMemoryEnd()`

  Not collective

  Cost: O(1); one assignment for each allocation between them

  Notes: PETSc's malloc() and realloc() are replaced for the whole process.
@*/
PETSC_EXTERN void BrenierMemoryWatch(void);
PETSC_EXTERN void BrenierMemoryUnwatch(void);

/*@
  BrenierExitCode - Gives the exit code that an error code leads to

  Not collective

  Input Parameter:
. ierr - an error code, or 0

  Returns: `BRENIER_EXIT_DONE` for 0, `BRENIER_EXIT_BUG` for a code that no exit code stands for

  Cost: O(1)
@*/
PETSC_EXTERN BrenierExit BrenierExitCode(PetscErrorCode ierr);
