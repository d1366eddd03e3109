/*
  main.c - brenier COMMAND ARGS [-options]: finds the command, checks the command line, runs it, returns its exit code.

  Errors: the library returns PETSc errors; a foreseen one prints its sentence, once, from rank 0, and the program ends
  in order on every rank with the documented code. Memory that runs out on one rank ends all from there. Anything else prints PETSc's
  traceback and aborts with code 1.
*/
#define _GNU_SOURCE
#include "app.h"
#include "launcher.h"
#include "limits.h"
#include "petsc_words.h"

#include <brenier/store.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const BrenierCommand *const brenier_commands[] = {&brenier_command_encode, &brenier_command_solve,
                                                         &brenier_command_check,  &brenier_command_map,
                                                         &brenier_command_sample, &brenier_command_facets,
                                                         &brenier_command_decode, &brenier_command_frechet,
                                                         &brenier_command_info,   NULL};

/* Options of PETSc itself that make sense with any command. */
static const char *const brenier_common_options[]  = {"-help",
                                                      "-h",
                                                      "-version",
                                                      "-log_view",
                                                      "-options_file",
                                                      "-options_view",
                                                      "-options_left",
                                                      "-skip_petscrc",
                                                      "-malloc_dump",
                                                      "-malloc_debug",
                                                      "-malloc_view",
                                                      "-memory_view",
                                                      "-info",
                                                      "-on_error_attach_debugger",
                                                      "-start_in_debugger",
                                                      "-no_signal_handler",
                                                      "-fp_trap",
                                                      NULL};
static const char *const brenier_solver_prefixes[] = {"-ksp_", "-pc_", "-mg_", "-sub_", "-mat_", "-vec_", "-sf_", NULL};

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

static void PrintUsage(void)
{
  printf("Brenier %s: optimal transport from noise to data\n\n"
         "usage: mpiexec -n RANKS brenier COMMAND ARGUMENTS [-options]\n\n",
         BRENIER_VERSION);
  for (int i = 0; brenier_commands[i]; ++i)
    printf("  %-7s %-20s %s\n", brenier_commands[i]->name, brenier_commands[i]->arguments,
           brenier_commands[i]->summary);
  printf("\nbrenier COMMAND -help lists the options of a command.\n"
         "Exit codes: 0 done, 2 usage, 3 bad input, 4 input or output failed, 5 numerical failure, 6 tolerance not\n"
         "reached, 7 memory or processor time ran out, 85 stopped with a checkpoint written, 1 a bug.\n");
}

static void PrintHelp(const BrenierCommand *command)
{
  printf("usage: mpiexec -n RANKS brenier %s %s [-options]\n\n%s\n\n", command->name, command->arguments,
         command->summary);
  for (const BrenierOption *o = command->option; o->name; ++o) {
    char head[64];

    snprintf(head, sizeof head, "%s %s", o->name, o->argument);
    printf("  %-24s %s\n", head, o->text);
  }
  printf("  %-24s %s\n  %-24s %s\n", "-log FILE", "JSON lines of what happens, for programs", "-options_file FILE",
         "read options from a file, YAML too");
  if (command->solver_options)
    printf("  %-24s %s\n", "-ksp_... -pc_...", "PETSc's options for the linear solver (see PETSc's manual)");
  printf("  %-24s %s\n", "-log_view", "PETSc's profile at the end");
}

/* Names without their dash; PETSc does not tell capitals from small letters either. */
static PetscBool IsOneOf(const char name[], const char *const list[])
{
  for (int i = 0; list[i]; ++i)
    if (!strcasecmp(name, list[i] + 1)) return PETSC_TRUE;
  return PETSC_FALSE;
}

static PetscBool IsKnownOption(const BrenierCommand *command, const char name[])
{
  if (IsOneOf(name, brenier_common_options)) return PETSC_TRUE;
  for (const BrenierOption *o = command->option; o->name; ++o)
    if (!strcasecmp(name, o->name + 1)) return PETSC_TRUE;
  for (int i = 0; command->solver_options && brenier_solver_prefixes[i]; ++i)
    if (!strncasecmp(name, brenier_solver_prefixes[i] + 1, strlen(brenier_solver_prefixes[i]) - 1)) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* Refuses options nobody would read, from the command line, the environment or a file. PETSc has read its own by now. */
static PetscErrorCode CheckOptions(const BrenierCommand *command)
{
  char   **name, **value;
  char     bad[128] = "", origin[PETSC_MAX_PATH_LEN + 64] = "";
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &name, &value));
  for (PetscInt i = n - 1; i >= 0; --i)
    if (!IsKnownOption(command, name[i])) PetscCall(PetscStrncpy(bad, name[i], sizeof bad));
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &name, &value));
  if (bad[0]) PetscCall(BrenierPetscWordsOrigin(bad, sizeof origin, origin));
  PetscCheck(!bad[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "unknown option -%s%s; 'brenier %s -help' lists the options", bad, origin, command->name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses words that are neither an option nor the value behind one; PETSc passes over them in silence. */
static PetscErrorCode CheckWords(int n, char *const word[])
{
  PetscBool is_option, after_option = PETSC_FALSE;

  PetscFunctionBegin;
  for (int i = 0; i < n; ++i) {
    PetscCall(PetscOptionsValidKey(word[i], &is_option));
    PetscCheck(is_option || after_option, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
               "'%s' is neither an option nor the value of one", word[i]);
    after_option = is_option;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes -log out of PETSc's options: PETSc has one of its own, which would write a second file at the end. */
static PetscErrorCode TakeLog(size_t length, char log[])
{
  PetscBool found;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-log", log, length, &found));
  PetscCall(PetscOptionsClearValue(NULL, "-log"));
  PetscCheck(!found || log[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option -log needs a file behind it");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckFiles(int argc, char **argv, const BrenierCommand *command, const char *const argument[],
                                 const char log[])
{
  int            n;
  char         **word = BrenierPetscWords(argc, argv, &n);
  PetscErrorCode ierr;

  PetscFunctionBegin;
  ierr = BrenierFilesCheck(command, argument, log, n, word);
  free(word);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunCommand(int argc, char **argv, const BrenierCommand *command, BrenierExit *outcome)
{
  const char *argument[BRENIER_MAX_ARGUMENTS] = {NULL};
  char        log[2 * PETSC_MAX_PATH_LEN]     = ""; // longer than any path: PETSc cuts a value short without a word
  int         n                               = 0;

  PetscFunctionBegin;
  PetscCall(BrenierContextCreate(PETSC_COMM_WORLD));
  PetscCall(BrenierContextSetPrinter(PETSC_COMM_WORLD, BrenierPrintToStreams, NULL));
  PetscCall(TakeLog(sizeof log, log));
  while (2 + n < argc && argv[2 + n][0] != '-' && n < BRENIER_MAX_ARGUMENTS) {
    argument[n] = argv[2 + n];
    ++n;
  }
  PetscCheck(n == command->n_arguments, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "'brenier %s' is followed by %s, then by options; found %d argument%s", command->name, command->arguments,
             n, BrenierPlural(n));
  PetscCall(CheckWords(argc - 2 - n, argv + 2 + n));
  PetscCall(CheckOptions(command));
  PetscCall(CheckFiles(argc, argv, command, argument, log));
  PetscCall(BrenierLogOpen(PETSC_COMM_WORLD, log));
  PetscCall(command->run(argument, outcome));
  PetscCall(BrenierLogClose(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const BrenierCommand *FindCommand(const char name[])
{
  for (int i = 0; brenier_commands[i]; ++i)
    if (!strcmp(name, brenier_commands[i]->name)) return brenier_commands[i];
  return NULL;
}

/* -help and -version are answered without PETSc, and without MPI where this process is alone. Returns false when there is a run to
   do. */
static PetscBool AnsweredWithoutRun(int argc, char **argv, const BrenierCommand *command, PetscBool speaks,
                                    BrenierExit *outcome)
{
  PetscBool help = PETSC_FALSE, version = PETSC_FALSE;

  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "-help") || !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) help = PETSC_TRUE;
    if (!strcmp(argv[i], "-version") || !strcmp(argv[i], "--version")) version = PETSC_TRUE;
  }
  *outcome = BRENIER_EXIT_DONE;
  if (version) {
    if (speaks) printf("brenier %s (commit %s)\n", BRENIER_VERSION, BRENIER_GIT_COMMIT);
  } else if (help) {
    if (speaks && command) PrintHelp(command);
    else if (speaks) PrintUsage();
  } else if (!command) {
    *outcome = BRENIER_EXIT_USAGE;
    if (speaks && argc > 1) fprintf(stderr, "brenier: error: no command '%s'; 'brenier -help' lists them\n", argv[1]);
    else if (speaks) PrintUsage();
  } else return PETSC_FALSE;
  return PETSC_TRUE;
}

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
  CatchSignals(argc > 1 ? FindCommand(argv[1]) : NULL);
}

// Where a sanitizer is at work, it has to be initialised first
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((section(".preinit_array"), used)) static void (*const brenier_begin_early)(int, char **,
                                                                                          char **) = BeginEarly;
#endif

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

/* Everything between the start of PETSc and its end. */
static BrenierExit RunUnderPetsc(int argc, char **argv, const BrenierCommand *command)
{
  BrenierExit    outcome = BRENIER_EXIT_BUG;
  PetscBool      plain   = PETSC_FALSE;
  PetscErrorCode ierr;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  (void)PetscOptionsHasName(NULL, NULL, "-no_signal_handler", &plain);
  if (!plain) PetscPushSignalHandler(HandleSignal, NULL);
  CatchEnds();           // PETSc has put its own handlers in
  CatchSignals(command); // once more
  PetscPushErrorHandler(HandleError, NULL);
  BrenierMemoryWatch();
  signal(SIGPIPE, SIG_IGN); // whoever reads the output may stop reading; the run and its result go on
  ierr = RunCommand(argc, argv, command, &outcome);
  if (ierr) outcome = BrenierExitCode(ierr);
  (void)BrenierStoreRemoveUnfinished();
  // After a bug the ranks may have parted, and no collective call is safe
  if (outcome == BRENIER_EXIT_BUG) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  BrenierMemoryUnwatch();
  (void)BrenierContextDestroy(PETSC_COMM_WORLD);
  PetscPopErrorHandler();
  if (!plain) PetscPopSignalHandler();
  if (PetscFinalize()) outcome = BRENIER_EXIT_BUG;
  return outcome;
}

/* Everything between the start of MPI and its end. */
static BrenierExit RunUnderMpi(int argc, char **argv, const BrenierCommand *command)
{
  BrenierExit    outcome;
  MPI_Errhandler handler;
  int            rank;

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_create_errhandler(HandleMpiError, &handler);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
  if (AnsweredWithoutRun(argc, argv, command, (PetscBool)(rank == 0), &outcome)) return outcome;
  if (command != &brenier_command_info && BrenierLauncherIsOthers()) {
    BrenierLauncherRefuse();
    return BRENIER_EXIT_USAGE;
  }
  if ((outcome = BrenierLimitsReserve()) || (outcome = BrenierPetscWordsCheck(argc, argv))) return outcome;
  return RunUnderPetsc(argc, argv, command);
}

int main(int argc, char **argv)
{
  BrenierExit           outcome;
  int                   provided;
  const BrenierCommand *command = argc > 1 ? FindCommand(argv[1]) : NULL;
  BrenierLauncher       launcher;

  NoteIgnored();
  BeginEarly(argc, argv, environ);
  launcher = BrenierLauncherFind();
  if (launcher != BRENIER_LAUNCHER_SEVERAL && AnsweredWithoutRun(argc, argv, command, PETSC_TRUE, &outcome))
    return (int)outcome;
  if (launcher >= BRENIER_LAUNCHER_MUTE && command != &brenier_command_info) {
    BrenierLauncherRefuse();
    return BRENIER_EXIT_USAGE;
  }
  if (launcher >= BRENIER_LAUNCHER_MUTE) BrenierLauncherForget();
  if ((outcome = BrenierLimitsCheck(BrenierLauncherSaysFirst()))) return (int)outcome;
  // Threads leave MPI to the one that started them
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  outcome = RunUnderMpi(argc, argv, command);
  MPI_Finalize();
  return (int)outcome;
}
