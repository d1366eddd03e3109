/* print.c - Implements print.h. */
#include "print_impl.h"

#include <brenier/compat.h>

#include <petsctime.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

PetscErrorCode BrenierContextSetPrinter(MPI_Comm comm, BrenierPrinter printer, void *user)
{
  BrenierContext *context;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  context->printer = printer;
  context->user    = user;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierPrintToStreams(void *user, BrenierPrintKind kind, const char line[])
{
  FILE *file = kind == BRENIER_PRINT_WARNING ? stderr : stdout;

  (void)user;
  /* In one write: mpiexec passes on what it reads, and a line of the other stream may come between two writes */
  fprintf(file, "%s%s\n", kind == BRENIER_PRINT_WARNING ? "brenier: warning: " : "", line);
  fflush(file);
}

/* Formats the line, of any length, and passes it to the printer; without memory it is cut to a fixed buffer. */
static void PrintList(const BrenierContext *context, BrenierPrintKind kind, const char format[], va_list args)
{
  char    few[1024];
  char   *line = few;
  va_list again;
  int     length;

  va_copy(again, args);
  length = vsnprintf(few, sizeof few, format, args);
  if (length >= (int)sizeof few) line = malloc((size_t)length + 1);
  if (!line) line = few;
  if (line != few) vsnprintf(line, (size_t)length + 1, format, again);
  va_end(again);
  context->printer(context->user, kind, line);
  if (line != few) free(line);
}

PetscErrorCode BrenierIsHeard(MPI_Comm comm, PetscBool *heard)
{
  const BrenierContext *context = BrenierContextGet_Private(comm);
  int                   is      = context && (context->printer || context->log.descriptor >= 0);

  PetscFunctionBegin;
  PetscCallMPI(MPI_Bcast(&is, 1, MPI_INT, 0, comm));
  *heard = (PetscBool)is;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierPrintHere_Private(const BrenierContext *context, BrenierPrintKind kind, const char format[], ...)
{
  va_list args;

  if (!context->printer) return;
  va_start(args, format);
  PrintList(context, kind, format, args);
  va_end(args);
}

/* Prints from rank 0. */
static PetscErrorCode PrintFromFirst(MPI_Comm comm, BrenierPrintKind kind, const char format[], va_list args)
{
  const BrenierContext *context = BrenierContextGet_Private(comm);
  PetscMPIInt           rank;

  PetscFunctionBegin;
  if (!context || !context->printer) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) PrintList(context, kind, format, args);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPrint(MPI_Comm comm, const char format[], ...)
{
  PetscErrorCode ierr;
  va_list        args;

  PetscFunctionBegin;
  va_start(args, format);
  ierr = PrintFromFirst(comm, BRENIER_PRINT_LINE, format, args);
  va_end(args);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierPrintWarning(MPI_Comm comm, const char format[], ...)
{
  PetscErrorCode ierr;
  va_list        args;

  PetscFunctionBegin;
  va_start(args, format);
  ierr = PrintFromFirst(comm, BRENIER_PRINT_WARNING, format, args);
  va_end(args);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierProgressBegin(BrenierProgress *progress, MPI_Comm comm, const char what[])
{
  PetscFunctionBegin;
  progress->comm = comm;
  progress->what = what;
  PetscCall(PetscTime(&progress->begun));
  progress->printed = progress->begun;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierProgressUpdate(BrenierProgress *progress, PetscReal done, PetscReal all)
{
  const PetscLogDouble every = 20.0;
  PetscLogDouble       now;

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  if (now - progress->printed < every || done <= 0.0 || done >= all) PetscFunctionReturn(PETSC_SUCCESS);
  progress->printed = now;
  PetscCall(BrenierPrint(progress->comm, "  %s: %.0f%%, about %.0f s remain", progress->what, 100.0 * done / all,
                         (now - progress->begun) * (all - done) / done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const char *BrenierNumber(PetscReal x, char text[BRENIER_NUMBER_LENGTH])
{
  const int most = 17; // digits that distinguish any two doubles

  for (int digits = 1; digits <= most; ++digits) {
    snprintf(text, BRENIER_NUMBER_LENGTH, "%.*g", digits, (double)x);
    if (strtod(text, NULL) == (double)x) break;
  }
  return text;
}
