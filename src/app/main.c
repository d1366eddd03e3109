/*
  main.c - brenier COMMAND ARGS [-options]: finds the command, checks the command line, runs it, returns its exit code.

  Errors: the library returns PETSc errors; a foreseen one prints its sentence, once, from rank 0, and the program ends
  in order on every rank with the documented code. Anything else prints PETSc's traceback and aborts with code 1.
*/
#include "app.h"

#include <brenier/array.h>

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
         "reached, 85 stopped with a checkpoint written, 1 a bug.\n");
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
  char     bad[128] = "";
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &name, &value));
  for (PetscInt i = n - 1; i >= 0; --i)
    if (!IsKnownOption(command, name[i])) PetscCall(PetscStrncpy(bad, name[i], sizeof bad));
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &name, &value));
  PetscCheck(!bad[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "unknown option -%s; 'brenier %s -help' lists the options", bad, command->name);
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

/* Whether `FILE` or `FILE:/dataset` is in the file of that path; not when there is none. */
static PetscBool IsInFile(const char place[], const char path[])
{
  char        file[PETSC_MAX_PATH_LEN];
  struct stat here, there;

  BrenierArrayFileOf(place, file);
  return (PetscBool)(!stat(path, &there) && !stat(file, &here) && here.st_dev == there.st_dev &&
                     here.st_ino == there.st_ino);
}

/* Refuses the output behind an option when it is an input: an argument, or a file behind one of the options `input`, a
   list that ends with NULL. */
static PetscErrorCode CheckOutputIsNoInput(const char option[], const char output[], const char *const argument[],
                                           const char *const input[])
{
  char         place[PETSC_MAX_PATH_LEN];
  PetscBool    same = PETSC_FALSE, found;
  PetscMPIInt  rank;
  BrenierFault fault = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (int i = 0; i < BRENIER_MAX_ARGUMENTS; ++i)
    if (argument[i] && IsInFile(argument[i], output)) same = PETSC_TRUE;
  for (int i = 0; input[i]; ++i) {
    PetscCall(PetscOptionsGetString(NULL, NULL, input[i], place, sizeof place, &found));
    if (found && IsInFile(place, output)) same = PETSC_TRUE;
  }
  if (rank == 0 && same)
    BrenierFaultSet(&fault, BRENIER_EXIT_USAGE, "%s is an input of this command; name another file behind %s", output,
                    option);
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses a run that would write over its input or lose its log. To go on from a result, -start, and replace it is
   fine. */
static PetscErrorCode CheckOutputs(const char *const argument[], const char log[])
{
  static const char *const input[]                    = {"-start", "-weights", "-codes", "-labels", NULL};
  static const char *const option[]                   = {"-o", "-map", NULL};
  char                     output[PETSC_MAX_PATH_LEN] = "";

  PetscFunctionBegin;
  PetscCall(CheckOutputIsNoInput("-log", log, argument, input));
  for (int i = 0; option[i]; ++i) {
    output[0] = '\0';
    PetscCall(PetscOptionsGetString(NULL, NULL, option[i], output, sizeof output, NULL));
    PetscCall(CheckOutputIsNoInput(option[i], output, argument, input + 1));
    PetscCheck(!log[0] || strcmp(output, log), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
               "%s is named behind %s and behind -log; name two files", log, option[i]);
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

static PetscErrorCode RunCommand(int argc, char **argv, const BrenierCommand *command, BrenierExit *outcome)
{
  const char *argument[BRENIER_MAX_ARGUMENTS] = {NULL};
  char        log[PETSC_MAX_PATH_LEN]         = "";
  int         n                               = 0;

  PetscFunctionBegin;
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
  PetscCall(CheckOutputs(argument, log));
  PetscCall(BrenierLogOpen(log));
  PetscCall(command->run(argument, outcome));
  PetscCall(BrenierLogClose());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const BrenierCommand *FindCommand(const char name[])
{
  for (int i = 0; brenier_commands[i]; ++i)
    if (!strcmp(name, brenier_commands[i]->name)) return brenier_commands[i];
  return NULL;
}

/* -help and -version are answered before PETSc would print its own pages. Returns false when there is a run to do. */
static PetscBool AnsweredWithoutRun(int argc, char **argv, const BrenierCommand *command, BrenierExit *outcome)
{
  PetscMPIInt rank;
  PetscBool   help = PETSC_FALSE, version = PETSC_FALSE;

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "-help") || !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) help = PETSC_TRUE;
    if (!strcmp(argv[i], "-version") || !strcmp(argv[i], "--version")) version = PETSC_TRUE;
  }
  *outcome = BRENIER_EXIT_DONE;
  if (version) {
    if (rank == 0) printf("brenier %s (commit %s)\n", BRENIER_VERSION, BRENIER_GIT_COMMIT);
  } else if (help) {
    if (rank == 0 && command) PrintHelp(command);
    else if (rank == 0) PrintUsage();
  } else if (!command) {
    *outcome = BRENIER_EXIT_USAGE;
    if (rank == 0 && argc > 1)
      fprintf(stderr, "brenier: error: no command '%s'; 'brenier -help' lists them\n", argv[1]);
    else if (rank == 0) PrintUsage();
  } else return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Whether a file can be read to its end and holds no zero byte, at which PETSc would stop reading in silence. */
static PetscBool IsText(const char path[])
{
  FILE *file = fopen(path, "r");
  int   c    = 1;

  while (file && c > 0) c = getc(file);
  if (file) fclose(file);
  return (PetscBool)(c == EOF);
}

/* Refuses a file of options that is none. */
static void CheckOptionsFile(const char option[], const char path[], BrenierFault *fault)
{
  struct stat about;

  if (!path) BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "option %s needs a file behind it", option);
  else if (access(path, R_OK) || stat(path, &about) || !S_ISREG(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s needs a file of options that can be read", path, option);
  else if (!IsText(path))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: %s needs a text file, and this is none", path, option);
}

/* Takes the sentence of an error for a fault of the command line, instead of printing a traceback. */
static PetscErrorCode KeepSentence(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *fault)
{
  (void)comm, (void)line, (void)function, (void)file;
  if (type == PETSC_ERROR_INITIAL) BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s", message ? message : "");
  return code;
}

/* Reads the options that one word of the command line stands for into a scratch. A file may quote itself in the
   sentence, whatever it holds. */
static void TryWord(int n_left, char **word, PetscOptions scratch, BrenierFault *fault)
{
  BrenierFault found = {0};

  PetscPushErrorHandler(KeepSentence, &found);
  (void)PetscOptionsInsertArgs(scratch, PetscMin(n_left, 2), word);
  PetscPopErrorHandler();
  for (char *c = found.sentence; *c; ++c)
    if (*c < ' ' || *c > '~') *c = '?';
  if (found.kind)
    BrenierFaultSet(fault, found.kind, "PETSc cannot read '%s %s': %s", word[0], n_left > 1 ? word[1] : "",
                    found.sentence);
}

/* Words in this variable are read as if they stood in front of the command line's. */
static const char brenier_petsc_variable[] = "PETSC_OPTIONS";

/* Whether a word stands for more options than itself. */
static PetscBool StandsForMore(const char word[])
{
  return (PetscBool)(!strncasecmp(word, "-options_", 9) || !strncasecmp(word, "-prefix_", 8));
}

/* Reads such words on one rank, by a PETSc of its own, which does not see the environment's: a mistake in a file of options is
   a sentence here, and a traceback when PETSc starts on all ranks. */
static void TryWords(int n, char **word, BrenierFault *fault)
{
  const char  *given = getenv(brenier_petsc_variable);
  char        *kept  = given ? strdup(given) : NULL;
  PetscOptions scratch;

  PETSC_COMM_WORLD = MPI_COMM_SELF;
  unsetenv(brenier_petsc_variable);
  if (PetscInitializeNoArguments()) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  if (kept) setenv(brenier_petsc_variable, kept, 1);
  free(kept);
  PetscOptionsCreate(&scratch);
  for (int i = 0; i < n && !fault->kind; ++i)
    if (StandsForMore(word[i])) TryWord(n - i, word + i, scratch, fault);
  PetscOptionsDestroy(&scratch);
  PetscOptionsClear(NULL); // what the environment asks to be reported at the end belongs to the run
  if (PetscFinalize()) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  PETSC_COMM_WORLD = MPI_COMM_NULL;
}

/* The words that PETSc reads when it starts: the command line's, and the environment's, which `text` is a copy of. Returns
   their number; NULL for no memory. */
static char **WordsOfPetsc(int argc, char **argv, char text[], int *n)
{
  char **word = malloc(((size_t)argc + strlen(text) / 2 + 1) * sizeof *word);

  *n = 0;
  for (int i = 1; word && i < argc; ++i) word[(*n)++] = argv[i];
  for (char *w = strtok(text, " \t\n"); word && w; w = strtok(NULL, " \t\n")) word[(*n)++] = w;
  return word;
}

/* On one rank. */
static void CheckWordsOfPetsc(int argc, char **argv, BrenierFault *fault)
{
  const char *given = getenv(brenier_petsc_variable);
  char       *text  = strdup(given ? given : "");
  int         n = 0, n_more = 0;
  char      **word = text ? WordsOfPetsc(argc, argv, text, &n) : NULL;

  for (int i = 0; i < n; ++i) {
    if (!strcasecmp(word[i], "-options_file") || !strcasecmp(word[i], "-options_file_yaml"))
      CheckOptionsFile(word[i], i + 1 < n ? word[i + 1] : NULL, fault);
    n_more += StandsForMore(word[i]);
  }
  if (n_more && !fault->kind) TryWords(n, word, fault);
  free(word);
  free(text);
}

/* Checks what PETSc would answer with a traceback when it starts. All ranks return the same. */
static BrenierExit CheckStart(int argc, char **argv)
{
  int          rank, outcome;
  BrenierFault fault = {0};

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) CheckWordsOfPetsc(argc, argv, &fault);
  if (fault.kind) fprintf(stderr, "brenier: error: %s\n", fault.sentence);
  outcome = (int)fault.kind;
  MPI_Bcast(&outcome, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return (BrenierExit)outcome;
}

/* The number that an environment variable holds; 0 without one. */
static long NumberOf(const char variable[])
{
  const char *text = getenv(variable);

  return text ? strtol(text, NULL, 10) : 0;
}

/* Says, from one of several processes, that they do not know of each other. */
static void RefuseAlone(const char launcher[], long wanted, const char rank[])
{
  if (NumberOf(rank) > 0) return;
  fprintf(
      stderr,
      "brenier: error: %s started %ld processes, but each takes itself for a run of its own; use the launcher of the "
      "MPI that Brenier was built with (under Slurm: srun --mpi=pmix, see srun --mpi=list)\n",
      launcher, wanted);
}

/* Whether srun started several processes without telling them of each other, which MPI_Init() would not survive. */
static PetscBool IsAloneUnderSlurm(void)
{
  static const char *const told[] = {"PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"};
  const long               wanted = NumberOf("SLURM_STEP_NUM_TASKS");

  for (size_t i = 0; i < sizeof told / sizeof told[0]; ++i)
    if (getenv(told[i])) return PETSC_FALSE;
  if (wanted > 1) RefuseAlone("srun", wanted, "SLURM_PROCID");
  return (PetscBool)(wanted > 1);
}

/* Whether this process is one of several that another MPI's launcher started: each would do the whole work and write the
   same files. */
static PetscBool IsAlone(void)
{
  static const char *const variable[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, {"PMI_SIZE", "PMI_RANK"}};
  int                      size;

  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (size_t i = 0; size == 1 && i < sizeof variable / sizeof variable[0]; ++i)
    if (NumberOf(variable[i][0]) > 1) {
      RefuseAlone("mpiexec", NumberOf(variable[i][0]), variable[i][1]);
      return PETSC_TRUE;
    }
  return PETSC_FALSE;
}

/* Before the libraries are initialised, which takes a tenth of a second: a signal that comes in it is noted, too. */
static void CatchEarly(int argc, char **argv, char **environment)
{
  const BrenierCommand *command = argc > 1 ? FindCommand(argv[1]) : NULL;

  (void)environment;
  if (command && command->stops) BrenierStopCatch();
}

// Where a sanitizer is at work, it has to be initialised first
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((section(".preinit_array"), used)) static void (*const brenier_catch_early)(int, char **,
                                                                                          char **) = CatchEarly;
#endif

int main(int argc, char **argv)
{
  BrenierExit           outcome;
  int                   provided;
  PetscErrorCode        ierr;
  const BrenierCommand *command = argc > 1 ? FindCommand(argv[1]) : NULL;

  if (IsAloneUnderSlurm()) return BRENIER_EXIT_USAGE;
  CatchEarly(argc, argv, NULL);
  // Threads leave MPI to the one that started them
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  if (IsAlone()) outcome = BRENIER_EXIT_USAGE;
  else if (!AnsweredWithoutRun(argc, argv, command, &outcome) &&
           (outcome = CheckStart(argc, argv)) == BRENIER_EXIT_DONE) {
    if (PetscInitialize(&argc, &argv, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
    CatchEarly(argc, argv, NULL); // once more: PETSc has put its own handlers in
    PetscPushErrorHandler(HandleError, NULL);
    signal(SIGPIPE, SIG_IGN); // whoever reads the output may stop reading; the run and its result go on
    ierr = RunCommand(argc, argv, command, &outcome);
    if (ierr) outcome = BrenierExitCode(ierr);
    // After a bug the ranks may have parted, and no collective call is safe
    if (outcome == BRENIER_EXIT_BUG) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
    PetscPopErrorHandler();
    if (PetscFinalize()) outcome = BRENIER_EXIT_BUG;
  }
  MPI_Finalize();
  return (int)outcome;
}
