/*
  print.h - Lines for people, printed by whom the context of a communicator names (context.h); nobody without one.
*/
#pragma once

#include <petscsys.h>

/* What a line is: something to know, or something that should perhaps not be. */
typedef enum { BRENIER_PRINT_LINE, BRENIER_PRINT_WARNING } BrenierPrintKind;

/* Prints one line, which comes without its newline; called on rank 0 of the communicator alone. */
typedef void (*BrenierPrinter)(void *user, BrenierPrintKind kind, const char line[]);

/*@
  BrenierContextSetPrinter - Who prints lines on this communicator and its duplicates

  Collective on `comm`

  Input Parameters:
+ comm    - has a context
. printer - BrenierPrintToStreams(), a function of the user's, or NULL for silence
- user    - handed to it, and borrowed

  Errors:
. `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context
@*/
PETSC_EXTERN PetscErrorCode BrenierContextSetPrinter(MPI_Comm comm, BrenierPrinter printer, void *user);

/* The printer of a program: lines to standard output, warnings with "brenier: warning: " to standard error. Not
   collective. */
PETSC_EXTERN void BrenierPrintToStreams(void *user, BrenierPrintKind kind, const char line[]);

/*@
  BrenierPrint - Prints a line, from rank 0

  Not collective, but rank 0 has to call it; without a context it does nothing

  Input Parameters:
+ comm   - whose context prints
- format - as printf() has it, without a newline at the end
@*/
PETSC_EXTERN PetscErrorCode BrenierPrint(MPI_Comm comm, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);

/* The same for a warning. */
PETSC_EXTERN PetscErrorCode BrenierPrintWarning(MPI_Comm comm, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);

/* Work whose progress is told. */
typedef struct {
  MPI_Comm       comm;
  const char    *what;
  PetscLogDouble begun, printed;
} BrenierProgress;

/* Begins work; `what` names it for people, and is borrowed. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierProgressBegin(BrenierProgress *progress, MPI_Comm comm, const char what[]);

/* Prints, from rank 0 and no more often than every 20 seconds, what part of the work is done and about how long the
   rest takes, by what rank 0 knows. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierProgressUpdate(BrenierProgress *progress, PetscReal done, PetscReal all);

enum { BRENIER_NUMBER_LENGTH = 32 };

/* A number in the fewest digits that mean the same double: 0.04, not 0.040000. Not collective. Returns `text`. */
PETSC_EXTERN const char *BrenierNumber(PetscReal x, char text[BRENIER_NUMBER_LENGTH]);

/* What makes the noun behind a number plural: "%d row%s", n, BrenierPlural(n). */
static inline const char *BrenierPlural(PetscInt64 n)
{
  return n == 1 ? "" : "s";
}
