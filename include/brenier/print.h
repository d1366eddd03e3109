/*
  print.h - Lines for people: the context of a communicator names who prints them (context.h); without one nobody does.
*/
#pragma once

#include <petscsys.h>

/* Kinds of lines: a message, or a warning. */
typedef enum { BRENIER_PRINT_LINE, BRENIER_PRINT_WARNING } BrenierPrintKind;

/* Prints one line, which comes without its newline. It is called on rank 0 of the communicator alone. */
typedef void (*BrenierPrinter)(void *user, BrenierPrintKind kind, const char line[]);

/*@
  BrenierContextSetPrinter - Sets who prints lines on a communicator and its duplicates

  Collective on `comm`

  Input Parameters:
+ comm    - has a context
. printer - `BrenierPrintToStreams()`, a function of the user's, or NULL for silence
- user    - handed to the printer; borrowed

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - `comm` has no context

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierContextSetPrinter(MPI_Comm comm, BrenierPrinter printer, void *user);

/*@
  BrenierPrintToStreams - Prints as the program does: messages to standard output, warnings, with "brenier: warning: "
  before them, to standard error

  Not collective

  Input Parameters:
+ user - not used
. kind - message or warning
- line - the line, without its newline

  Cost: O(1), one flush
@*/
PETSC_EXTERN void BrenierPrintToStreams(void *user, BrenierPrintKind kind, const char line[]);

/*@
  BrenierPrint, BrenierPrintWarning - Prints a message, or a warning, from rank 0; does nothing without a context

  Not collective; rank 0 has to call it

  Input Parameters:
+ comm   - whose context prints
- format - as printf() has it, without a newline at the end; its values follow

  Errors: none of its own

  Cost: O(1), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierPrint(MPI_Comm comm, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
PETSC_EXTERN PetscErrorCode BrenierPrintWarning(MPI_Comm comm, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);

/*@
  BrenierIsHeard - Whether anybody prints lines of a communicator or logs its events

  Collective on `comm`

  Input Parameter:
. comm - a communicator

  Output Parameter:
. heard - true where its context has a printer or a log, on rank 0

  Errors: none of its own

  Cost: a broadcast

  Notes: It is for work that is done for the sake of a line alone.
@*/
PETSC_EXTERN PetscErrorCode BrenierIsHeard(MPI_Comm comm, PetscBool *heard);

/* Work whose progress is printed. */
typedef struct {
  MPI_Comm       comm;
  const char    *what;
  PetscLogDouble begun, printed; /* seconds of PetscTime() */
} BrenierProgress;

/*@
  BrenierProgressBegin - Begins work whose progress is printed

  Not collective

  Output Parameter:
. progress - the work; nothing to free

  Input Parameters:
+ comm - whose context prints
- what - name of the work for people; borrowed

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierProgressBegin(BrenierProgress *progress, MPI_Comm comm, const char what[]);

/*@
  BrenierProgressUpdate - Prints, from rank 0 and every 20 seconds at most, which part of the work is done and about how
  long the rest takes

  Not collective; rank 0, whose numbers count, has to call it

  Input/Output Parameter:
. progress - the work

  Input Parameters:
+ done - part that is done; unit: the caller's
- all  - the whole work; unit: the same

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierProgressUpdate(BrenierProgress *progress, PetscReal done, PetscReal all);

enum { BRENIER_NUMBER_LENGTH = 32 };

/*@
  BrenierNumber - Writes a number in the fewest digits that mean the same double: 0.04, not 0.040000

  Not collective

  Input Parameter:
. x - the number; unit: any

  Output Parameter:
. text - its digits

  Returns: `text`

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierNumber(PetscReal x, char text[BRENIER_NUMBER_LENGTH]);

/*@
  BrenierPlural - Ends the noun behind a number, as in "%d row%s", n, BrenierPlural(n)

  Not collective

  Input Parameter:
. n - the number

  Returns: "" for 1, else "s"

  Cost: O(1)
@*/
static inline const char *BrenierPlural(PetscInt64 n)
{
  return n == 1 ? "" : "s";
}
