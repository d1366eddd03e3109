/* endings.c - Implements endings.h. */
#define _GNU_SOURCE
#include "endings.h"
#include "limits.h"

#include <brenier/store.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- signals ---- */

static void RemoveUnfinished(void)
{
  (void)BrenierStoreRemoveUnfinished();
}

/* The limit of processor time, for a command that has nothing to keep. */
static void EndOfTime(int signal)
{
  static const char sentence[] = "brenier: error: the limit of processor time (ulimit -t) is reached; raise it\n";

  (void)signal;
  RemoveUnfinished();
  (void)!write(STDERR_FILENO, sentence, sizeof sentence - 1);
  _exit(BRENIER_EXIT_RESOURCE);
}

static void CatchSignals(const BrenierCommand *command)
{
  BrenierStopClean(RemoveUnfinished);
  if (command && command->stops) BrenierStopCatch();
  else signal(SIGXCPU, EndOfTime);
}

/* Signals that end a run, unless its command or its launcher has another use for them. */
static const int brenier_ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};

enum { BRENIER_ENDS = sizeof brenier_ends / sizeof brenier_ends[0] };

static PetscBool brenier_ignored[BRENIER_ENDS]; /* by who started the program, as nohup does */

/* Takes a half-written file away, says so, and ends by the signal. */
static void EndBySignal(int number)
{
  static const char begin[] = "brenier: error: ended by a signal; nothing was written to ";
  const char       *path    = BrenierStoreRemoveUnfinished();

  if (path) {
    (void)!write(STDERR_FILENO, begin, sizeof begin - 1);
    (void)!write(STDERR_FILENO, path, strlen(path));
    (void)!write(STDERR_FILENO, "\n", 1);
  }
  raise(number); // its handler is the default one again
}

/* Before PETSc puts its own handlers in, which would forget what was ignored. */
static void NoteIgnored(void)
{
  struct sigaction action;

  for (int i = 0; i < BRENIER_ENDS; ++i)
    brenier_ignored[i] = (PetscBool)(!sigaction(brenier_ends[i], NULL, &action) && action.sa_handler == SIG_IGN);
}

static void CatchEnds(void)
{
  struct sigaction action = {.sa_handler = EndBySignal, .sa_flags = SA_RESETHAND | SA_NODEFER};

  sigemptyset(&action.sa_mask);
  for (int i = 0; i < BRENIER_ENDS; ++i)
    if (brenier_ignored[i]) signal(brenier_ends[i], SIG_IGN);
    else sigaction(brenier_ends[i], &action, NULL);
}

/* Before the libraries are initialised, which takes a tenth of a second: a signal that comes in it is noted, too. */
static void BeginEarly(int argc, char **argv, char **environment)
{
  static PetscBool done;

  if (!done) BrenierLimitsPrepare(argv, environment);
  done = PETSC_TRUE;
  CatchSignals(argc > 1 ? BrenierCommandFind(argv[1]) : NULL);
}

// Where a sanitizer is at work, it has to be initialised first
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((section(".preinit_array"), used)) static void (*const brenier_begin_early)(int, char **,
                                                                                          char **) = BeginEarly;
#endif

void BrenierEndingsBegin(int argc, char **argv, char **environment)
{
  NoteIgnored();
  BeginEarly(argc, argv, environment);
}

/* ---- errors ---- */

/* An error inside MPI. */
static void HandleMpiError(MPI_Comm *comm, int *code, ...)
{
  char text[MPI_MAX_ERROR_STRING] = "";
  int  length;

  (void)comm;
  if (BrenierMemoryIsOut()) BrenierMemoryEnd("");
  MPI_Error_string(*code, text, &length);
  fprintf(stderr, "brenier: error: MPI failed: %s\n", text);
  MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
}

/* A crash for want of memory is none of the program's. */
static PetscErrorCode HandleSignal(int signal, void *context)
{
  if (signal == SIGSEGV && BrenierMemoryIsOut()) BrenierMemoryEnd("");
  return PetscSignalHandlerDefault(signal, context);
}

static PetscErrorCode HandleError(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                  PetscErrorType type, const char *message, void *context)
{
  PetscMPIInt rank;

  // One rank alone cannot end in order, and what fails for want of memory is no bug
  if (type == PETSC_ERROR_INITIAL) BrenierMemoryEndIfOut(comm, function, code, message);
  if (BrenierExitCode(code) == BRENIER_EXIT_BUG)
    return PetscTraceBackErrorHandler(comm, line, function, file, code, type, message, context);
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (type == PETSC_ERROR_INITIAL && rank == 0) fprintf(stderr, "brenier: error: %s\n", message);
  return code;
}

void BrenierEndingsOfMpi(void)
{
  MPI_Errhandler handler;

  MPI_Comm_create_errhandler(HandleMpiError, &handler);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
}

void BrenierEndingsOfPetsc(const BrenierCommand *command, PetscBool *plain)
{
  *plain = PETSC_FALSE;
  (void)PetscOptionsHasName(NULL, NULL, "-no_signal_handler", plain);
  if (!*plain) PetscPushSignalHandler(HandleSignal, NULL);
  CatchEnds();           // PETSc has put its own handlers in
  CatchSignals(command); // once more
  PetscPushErrorHandler(HandleError, NULL);
  BrenierMemoryWatch();
  signal(SIGPIPE, SIG_IGN); // whoever reads the output may stop reading; the run and its result go on
}

void BrenierEndingsRelease(PetscBool plain)
{
  BrenierMemoryUnwatch();
  PetscPopErrorHandler();
  if (!plain) PetscPopSignalHandler();
}
