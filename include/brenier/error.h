/*
  error.h - What can go wrong, said once, by one rank, with the exit code that the command line documents.

  There is one error system, PETSc's. A fault found by one rank alone (its rows hold a NaN, its write failed) is noted
  in a local `BrenierFault`; at the next collective point `BrenierFaultAgree()` makes every rank return the same error
  code, with the sentence of the lowest rank at fault. The program maps error codes to exit codes by
  `BrenierExitCode()`; a library user sees an ordinary PETSc error.
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

/* A fault seen by this rank; zero-initialised means none. */
typedef struct {
  BrenierExit kind;
  char        sentence[1024];
} BrenierFault;

/*@
  BrenierFaultSet - Notes what this rank found wrong; the first fault noted stays

  Not collective

  Input Parameters:
+ fault    - the record, zero-initialised before its first use
. kind     - which exit code the fault leads to: `BRENIER_EXIT_USAGE`, `_INPUT`, `_IO`, `_NUMERICAL` or `_RESOURCE`
- sentence - printf format: names the file, the place and the remedy, without a final newline

  Notes: What fails while there is no memory fails for want of it: the kind is then `BRENIER_EXIT_RESOURCE`, and the
  sentence begins with that.
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

  Notes:
  The error carries the sentence of the lowest rank at fault. One reduction, and one broadcast when there is a fault.
@*/
PETSC_EXTERN PetscErrorCode BrenierFaultAgree(MPI_Comm comm, const BrenierFault *fault);

/* Whether no memory is left, by asking for some. Not collective; may be called in a signal handler. */
PETSC_EXTERN PetscBool BrenierMemoryIsOut(void);

/* The limit of memory that the shell set, in words, as "address space is limited to 300000 KiB (ulimit -v)"; "" without
   one. Not collective. */
PETSC_EXTERN void BrenierMemoryLimit(size_t length, char text[]);

/* Says that memory ran out on this rank, and ends all ranks with BRENIER_EXIT_RESOURCE: the others may wait for it.
   `wanted` is what PETSc said of it, or "". Not collective; does not return. */
PETSC_EXTERN void BrenierMemoryEnd(const char wanted[]);

/* Ends all ranks so when an error, as PETSc hands it to a handler, is for want of memory on this rank; returns when it
   is not. Not collective. */
PETSC_EXTERN void BrenierMemoryEndIfOut(MPI_Comm comm, const char function[], PetscErrorCode code,
                                        const char message[]);

/* Between these two, PETSc's malloc() and realloc() note how much they were for, which that sentence says. Not
   collective. */
PETSC_EXTERN void BrenierMemoryWatch(void);
PETSC_EXTERN void BrenierMemoryUnwatch(void);

/*@
  BrenierExitCode - The exit code that an error code leads to

  Not collective
@*/
PETSC_EXTERN BrenierExit BrenierExitCode(PetscErrorCode ierr);
