/* source_lines.c - Implements source_lines.h. Each line has a table of PETSc's options of its own, which the reader of
   the command line is made to read. */
#include "source_lines.h"
#include "solve_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LENGTH = 4 * PETSC_MAX_PATH_LEN, MOST_LINES = 1000, SENTENCE_LENGTH = 1024 };

#define ROW(...) BRENIER_OPTION_ROW(SolveRequest, __VA_ARGS__)
static const BrenierOption line_options[] = {BRENIER_SOURCE_OPTIONS(ROW) BRENIER_OPTION_END};

/* The whole file, on all ranks; ends with a zero byte. */
static PetscErrorCode ReadText(const char path[], char **text)
{
  BrenierFault fault = {0};
  PetscMPIInt  rank;
  int          n    = 0;
  FILE        *file = NULL;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscCalloc1((size_t)LINE_LENGTH * MOST_LINES, text));
  if (rank == 0) file = fopen(path, "r");
  if (rank == 0 && !file)
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: cannot open; it is to have a line for each source", path);
  if (file) {
    n = (int)fread(*text, 1, (size_t)LINE_LENGTH * MOST_LINES - 1, file);
    if (ferror(file)) BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: cannot be read; is it a text file?", path);
    if (!feof(file)) BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: too long for a list of sources", path);
    (void)fclose(file);
  }
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscCallMPI(MPI_Bcast(&n, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Bcast(*text, n, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses words that are no options of a source. */
static PetscErrorCode CheckWords(const char where[], const char line[])
{
  char            copy[LINE_LENGTH], *rest = NULL;
  const PetscBool takes = PETSC_TRUE;
  PetscBool       value = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscStrncpy(copy, line, sizeof copy));
  for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
    const PetscBool option = (PetscBool)(!value && BrenierOptionFind(line_options, word));

    PetscCheck(option || value, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
               "%s: '%s' is no option of a source; a line is a weight, then options such as -source gaussian", where,
               word);
    value = option ? takes : PETSC_FALSE;
  }
  PetscCheck(!value, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED, "%s: the last option has no value", where);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An error handler that keeps the sentence of the first error, to say which line it is about. */
static PetscErrorCode KeepSentence(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *sentence)
{
  (void)line, (void)file;
  if (type != PETSC_ERROR_INITIAL) return code;
  BrenierMemoryEndIfOut(comm, function, code, message);
  if (message) snprintf(sentence, SENTENCE_LENGTH, "%s", message);
  return code;
}

/* The source of options in the present table of PETSc's. */
static PetscErrorCode MakeSource(PetscInt dim, BrenierSource *source)
{
  SolveRequest request = {0};

  PetscFunctionBegin;
  PetscCall(BrenierOptionsRead(line_options, &request));
  PetscCall(BrenierSolveSourceCheck(&request));
  PetscCall(BrenierSolveSourceCreate(&request, dim, source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weight and source of one line. */
static PetscErrorCode ReadLine(const char where[], char line[], PetscInt dim, BrenierSource *source, PetscReal *lambda)
{
  PetscOptions   options;
  PetscErrorCode ierr;
  char          *rest, sentence[SENTENCE_LENGTH] = "";

  PetscFunctionBegin;
  *lambda = strtod(line, &rest);
  PetscCheck(rest != line && *lambda > 0.0 && *lambda < PETSC_INFINITY, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: begins with no positive weight; a line is a weight, then options such as -source gaussian", where);
  PetscCall(CheckWords(where, rest));
  PetscCall(PetscOptionsCreate(&options));
  PetscCall(PetscOptionsInsertString(options, rest));
  PetscCall(PetscOptionsPush(options));
  PetscCall(PetscPushErrorHandler(KeepSentence, sentence));
  ierr = MakeSource(dim, source);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(&options));
  PetscCheck(!ierr, PETSC_COMM_WORLD, ierr, "%s: %s", where, sentence);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceLinesRead(const char path[], PetscInt dim, SourceLines *lines)
{
  char     *text, *next, where[PETSC_MAX_PATH_LEN + 32];
  PetscReal sum   = 0.0;
  PetscInt  count = 0;

  PetscFunctionBegin;
  *lines = (SourceLines){0};
  PetscCall(ReadText(path, &text));
  PetscCall(PetscCalloc1(MOST_LINES, &lines->source));
  PetscCall(PetscCalloc1(MOST_LINES, &lines->lambda));
  for (char *line = text; line && *line && lines->n < MOST_LINES; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = '\0';
    line[strcspn(line, "#\r")] = '\0';
    snprintf(where, sizeof where, "%s, line %" PetscInt_FMT, path, ++count);
    if (!line[strspn(line, " \t")]) continue;
    PetscCheck(strlen(line) < LINE_LENGTH, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED, "%s: is too long", where);
    PetscCall(ReadLine(where, line, dim, &lines->source[lines->n], &lines->lambda[lines->n]));
    sum += lines->lambda[lines->n++];
  }
  PetscCall(PetscFree(text));
  PetscCheck(lines->n > 0, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: has no source; a line is a weight, then options such as -source gaussian", path);
  for (PetscInt s = 0; s < lines->n; ++s) lines->lambda[s] /= sum;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceLinesDestroy(SourceLines *lines)
{
  PetscFunctionBegin;
  for (PetscInt s = 0; s < lines->n; ++s) PetscCall(BrenierSourceDestroy(&lines->source[s]));
  PetscCall(PetscFree(lines->source));
  PetscCall(PetscFree(lines->lambda));
  PetscFunctionReturn(PETSC_SUCCESS);
}
