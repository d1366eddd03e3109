static const char help[] =
    "Checks that contexts of two communicators share nothing, that duplicates share theirs, and that the library is "
    "silent without one.\n";

#include "expect.h"

#include <brenier/base.h>
#include <brenier/targets.h>
#include <brenier/threads.h>

#include <fcntl.h>
#include <petscvec.h>

/* What a printer was given on this rank. */
typedef struct {
  int  lines, warnings;
  char last[256];
} Heard;

static void Hear(void *user, BrenierPrintKind kind, const char line[])
{
  Heard *heard = user;

  ++*(kind == BRENIER_PRINT_WARNING ? &heard->warnings : &heard->lines);
  snprintf(heard->last, sizeof heard->last, "%s", line);
}

static PetscErrorCode CheckHeard(const Heard *heard, MPI_Comm comm, int lines, int warnings, const char last[])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank > 0) lines = warnings = 0;
  PetscCheck(heard->lines == lines && heard->warnings == warnings, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%d lines and %d warnings instead of %d and %d", heard->lines, heard->warnings, lines, warnings);
  PetscCheck(rank > 0 || !strcmp(heard->last, last), PETSC_COMM_SELF, PETSC_ERR_PLIB, "'%s' instead of '%s'",
             heard->last, last);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Something of the library that prints one line: two of three targets are equal. */
static PetscErrorCode MakeTargetsWithTwins(MPI_Comm comm)
{
  BrenierArray   points = {.comm = comm, .n = 3, .dim = 2, .path = "here"};
  BrenierTargets targets;
  PetscMPIInt    rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  points.n_local = rank == 0 ? 3 : 0;
  points.first   = rank == 0 ? 0 : 3;
  PetscCall(PetscCalloc1(6, &points.value));
  for (int k = 0; k < 2; ++k) points.value[k] = 1.0;
  PetscCall(BrenierTargetsCreate(&points, NULL, &targets));
  PetscCheck(targets->n_merged == 1, comm, PETSC_ERR_PLIB, "no twins");
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes that this rank writes to standard output and error in all that may speak. */
static PetscErrorCode CountBytes(MPI_Comm comm, long *bytes)
{
  const int       streams[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
  FILE           *file       = tmpfile();
  BrenierProgress progress;

  PetscFunctionBeginUser;
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "no file for what is printed");
  fflush(NULL);
  dup2(fileno(file), STDOUT_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  PetscCall(BrenierPrint(comm, "a line of %d", 1));
  PetscCall(BrenierPrintWarning(comm, "a warning"));
  PetscCall(BrenierProgressBegin(&progress, comm, "work"));
  progress.printed -= 30.0;
  PetscCall(BrenierProgressUpdate(&progress, 1.0, 2.0));
  PetscCall(MakeTargetsWithTwins(comm));
  fflush(NULL);
  dup2(streams[0], STDOUT_FILENO);
  dup2(streams[1], STDERR_FILENO);
  close(streams[0]);
  close(streams[1]);
  fseek(file, 0, SEEK_END);
  *bytes = ftell(file);
  fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing is printed, nobody stops, and nothing can be set. */
static PetscErrorCode TestQuiet(MPI_Comm comm)
{
  BrenierStopReason reason;
  PetscReal         left;
  long              bytes;

  PetscFunctionBeginUser;
  PetscCall(CountBytes(comm, &bytes));
  PetscCheck(bytes == 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%ld bytes are printed", bytes);
  PetscCheck(BrenierThreads(comm) == 1, comm, PETSC_ERR_PLIB, "threads");
  BrenierStopNow(comm);
  BrenierStopSetCost(comm, 1.0);
  PetscCall(BrenierStopAsk(comm, &reason));
  PetscCall(BrenierStopLeft(comm, &left));
  PetscCheck(!reason && !BrenierStopAsked(comm) && left == PETSC_INFINITY && BrenierStopLimit(comm) == 0.0, comm,
             PETSC_ERR_PLIB, "a stop that nobody asked for");
  PetscCall(BrenierLog(comm, "event", "i number", (PetscInt64)1, NULL));
  PetscCall(BrenierLogClose(comm));
  PetscCall(BrenierContextDestroy(comm));
  ExpectError(BrenierThreadsSet(comm, 2), PETSC_ERR_ARG_WRONGSTATE, "no context");
  ExpectError(BrenierContextSetPrinter(comm, Hear, NULL), PETSC_ERR_ARG_WRONGSTATE, "no context");
  ExpectError(BrenierStopSetup(comm, 0.0, NULL), PETSC_ERR_ARG_WRONGSTATE, "no context");
  ExpectError(BrenierLogOpen(comm, Path("log")), PETSC_ERR_ARG_WRONGSTATE, "no context");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The streams of a program get every line from rank 0. */
static PetscErrorCode TestStreams(MPI_Comm comm)
{
  static const char all[] = "a line of 1\nbrenier: warning: a warning\n";
  PetscMPIInt       rank;
  long              bytes;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(BrenierContextCreate(comm));
  PetscCall(BrenierContextSetPrinter(comm, BrenierPrintToStreams, NULL));
  PetscCall(CountBytes(comm, &bytes));
  PetscCheck(rank > 0 ? bytes == 0 : bytes > (long)sizeof all, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%ld bytes are printed",
             bytes);
  PetscCall(BrenierContextDestroy(comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lines, threads. */
static PetscErrorCode TestTwoContexts(MPI_Comm one, MPI_Comm other)
{
  Heard of_one = {0}, of_other = {0};
  char  text[3000];

  PetscFunctionBeginUser;
  PetscCall(BrenierContextSetPrinter(one, Hear, &of_one));
  PetscCall(BrenierPrint(other, "nobody hears this"));
  PetscCall(BrenierContextSetPrinter(other, Hear, &of_other));
  PetscCall(BrenierPrint(one, "first %s", "line"));
  PetscCall(BrenierPrintWarning(other, "careful"));
  PetscCall(CheckHeard(&of_one, one, 1, 0, "first line"));
  PetscCall(CheckHeard(&of_other, other, 0, 1, "careful"));
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  PetscCall(BrenierPrint(one, "%s", text)); // longer than the room that there is without memory
  text[sizeof of_one.last - 1] = '\0';
  PetscCall(CheckHeard(&of_one, one, 2, 0, text));
  PetscCall(MakeTargetsWithTwins(other));
  PetscCheck(of_other.lines == of_other.warnings, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the library prints elsewhere");
  PetscCall(BrenierThreadsSet(one, 3));
  PetscCheck(BrenierThreads(one) == 3 && BrenierThreads(other) == 1, one, PETSC_ERR_PLIB, "threads are shared");
  PetscCall(BrenierThreadsSet(one, 1));
  PetscCall(BrenierContextSetPrinter(one, NULL, NULL));
  PetscCall(BrenierPrint(one, "nobody hears this"));
  PetscCall(CheckHeard(&of_one, one, 2, 0, text));
  PetscCall(BrenierContextSetPrinter(other, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One stops, for its file is there; the other goes on. Then the other stops, at a safe point of its own count. */
static PetscErrorCode TestTwoStops(MPI_Comm one, MPI_Comm other)
{
  BrenierStopReason reason;
  PetscReal         left;

  PetscFunctionBeginUser;
  setenv("BRENIER_TEST_STOP_AT", "2", 1);
  PetscCall(BrenierStopSetup(other, 0.0, NULL));
  unsetenv("BRENIER_TEST_STOP_AT");
  PetscCall(BrenierStopSetup(one, 1000.0, folder));
  PetscCall(BrenierStopAsk(other, &reason));
  PetscCheck(!reason, other, PETSC_ERR_PLIB, "stops too early");
  for (int i = 0; i < 40 && !reason; ++i) { // the file is looked for once a second
    PetscCall(BrenierStopAsk(one, &reason));
    PetscCall(PetscSleep(0.1));
  }
  PetscCheck(reason == BRENIER_STOP_FILE && BrenierStopAsked(one) == reason && !BrenierStopAsked(other), one,
             PETSC_ERR_PLIB, "the file of one stops the other");
  PetscCall(BrenierStopLeft(one, &left));
  PetscCheck(left < 1000.0 && BrenierStopLimit(one) > 0.0, one, PETSC_ERR_PLIB, "no time limit");
  PetscCheck(BrenierStopHere(one) == BRENIER_STOPPED, one, PETSC_ERR_PLIB, "the answer does not stay");
  BrenierStopHold(one, PETSC_TRUE);
  PetscCheck(BrenierStopHere(one) == PETSC_SUCCESS, one, PETSC_ERR_PLIB, "not held");
  PetscCall(BrenierStopAsk(other, &reason));
  PetscCheck(reason == BRENIER_STOP_SIGNAL, other, PETSC_ERR_PLIB, "holds with another");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Length of a file, on rank 0. */
static PetscErrorCode CheckLength(MPI_Comm comm, const char name[], const char what[])
{
  PetscMPIInt rank;
  char        text[4096] = "";
  FILE       *file;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank > 0) PetscFunctionReturn(PETSC_SUCCESS);
  file = fopen(Path(name), "r");
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_PLIB, "no log");
  (void)!fread(text, 1, sizeof text - 1, file);
  fclose(file);
  PetscCheck(strstr(text, what) && !strstr(strchr(text, '\n') + 1, "\n"), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "not one line with %s: %s", what, text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTwoLogs(MPI_Comm one, MPI_Comm other)
{
  PetscFunctionBeginUser;
  PetscCall(BrenierLogOpen(one, Path("one")));
  PetscCall(BrenierLog(other, "lost", NULL));
  PetscCall(BrenierLogOpen(other, Path("other")));
  PetscCall(BrenierLog(one, "first", "i number", (PetscInt64)1, NULL));
  PetscCall(BrenierLog(other, "second", "r number", 2.0, NULL));
  PetscCall(BrenierLogClose(one));
  PetscCall(BrenierLog(one, "late", NULL));
  PetscCall(CheckLength(one, "one", "first"));
  PetscCall(CheckLength(other, "other", "second"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Duplicates and objects of PETSc share the context, whether they were there before it or not; parts have none. */
static PetscErrorCode TestDuplicates(MPI_Comm comm)
{
  MPI_Comm    copy, part;
  Vec         before, after;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(VecCreateMPI(comm, 1, PETSC_DETERMINE, &before));
  PetscCall(BrenierContextCreate(comm));
  PetscCall(BrenierThreadsSet(comm, 5));
  PetscCall(VecDuplicate(before, &after));
  PetscCallMPI(MPI_Comm_dup(comm, &copy));
  PetscCallMPI(MPI_Comm_split(comm, 0, rank, &part));
  PetscCheck(BrenierThreads(PetscObjectComm((PetscObject)before)) == 5, comm, PETSC_ERR_PLIB,
             "not an earlier object's");
  PetscCheck(BrenierThreads(PetscObjectComm((PetscObject)after)) == 5, comm, PETSC_ERR_PLIB, "not a later object's");
  PetscCheck(BrenierThreads(copy) == 5 && BrenierThreads(part) == 1, comm, PETSC_ERR_PLIB, "copies and parts");
  PetscCall(BrenierContextDestroy(comm));
  PetscCheck(BrenierThreads(PetscObjectComm((PetscObject)after)) == 1, comm, PETSC_ERR_PLIB, "still an object's");
  PetscCheck(BrenierThreads(comm) == 1 && BrenierThreads(copy) == 5, comm, PETSC_ERR_PLIB, "not the copy's");
  PetscCall(BrenierContextCreate(copy)); // in the place of the shared one
  PetscCheck(BrenierThreads(copy) == 1, comm, PETSC_ERR_PLIB, "not its own");
  PetscCall(VecDestroy(&before));
  PetscCall(VecDestroy(&after));
  PetscCallMPI(MPI_Comm_free(&copy));
  PetscCallMPI(MPI_Comm_free(&part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  MPI_Comm one, other;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCallMPI(MPI_Comm_dup(PETSC_COMM_WORLD, &one));
  PetscCallMPI(MPI_Comm_dup(PETSC_COMM_WORLD, &other));
  PetscCall(TestQuiet(PETSC_COMM_WORLD));
  PetscCall(TestQuiet(PETSC_COMM_SELF));
  PetscCall(TestStreams(one));
  PetscCall(TestQuiet(one));
  PetscCall(BrenierContextCreate(one));
  PetscCall(BrenierContextCreate(other));
  PetscCall(TestTwoContexts(one, other));
  PetscCall(TestTwoStops(one, other));
  PetscCall(TestTwoLogs(one, other));
  PetscCall(BrenierContextDestroy(one));
  PetscCall(BrenierContextDestroy(other));
  PetscCall(TestQuiet(other));
  PetscCall(TestDuplicates(PETSC_COMM_WORLD));
  PetscCall(RemoveFolder());
  PetscCallMPI(MPI_Comm_free(&one));
  PetscCallMPI(MPI_Comm_free(&other));
  PetscCall(PetscFinalize());
  return 0;
}
