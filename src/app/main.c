/*
  main.c - brenier COMMAND ARGS [-options]: finds the command, checks the command line, runs it, returns its exit code.

  Errors: the library returns PETSc errors; a foreseen one prints its sentence, once, from rank 0, and the program ends
  in order on every rank with the documented code. Anything else prints PETSc's traceback and aborts with code 1.
*/
#include "app.h"

#include <stdio.h>
#include <string.h>

static const BrenierCommand *const brenier_commands[] = {
    &brenier_command_encode, &brenier_command_solve,  &brenier_command_check, &brenier_command_map,
    &brenier_command_sample, &brenier_command_decode, &brenier_command_info,  NULL};

/* Options of PETSc itself that make sense with any command. */
static const char *const brenier_common_options[] = {"-help", "-h", "-version", "-log", "-log_view", "-options_file",
    "-options_view", "-options_left", "-malloc_dump", "-malloc_debug", "-malloc_view", "-memory_view", "-info",
    "-on_error_attach_debugger", "-start_in_debugger", "-no_signal_handler", "-fp_trap", NULL};
static const char *const brenier_solver_prefixes[] = {"-ksp_", "-pc_", "-mg_", "-mat_", "-vec_", "-sf_", NULL};

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
    printf("  %-7s %-20s %s\n", brenier_commands[i]->name, brenier_commands[i]->arguments, brenier_commands[i]->summary);
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

static PetscBool IsOneOf(const char name[], const char *const list[])
{
  for (int i = 0; list[i]; ++i)
    if (!strcmp(name, list[i])) return PETSC_TRUE;
  return PETSC_FALSE;
}

static PetscBool IsKnownOption(const BrenierCommand *command, const char name[])
{
  if (IsOneOf(name, brenier_common_options)) return PETSC_TRUE;
  for (const BrenierOption *o = command->option; o->name; ++o)
    if (!strcmp(name, o->name)) return PETSC_TRUE;
  for (int i = 0; command->solver_options && brenier_solver_prefixes[i]; ++i)
    if (!strncmp(name, brenier_solver_prefixes[i], strlen(brenier_solver_prefixes[i]))) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* Refuses options nobody would read. Options from the environment and from files are in the database as well. */
static PetscErrorCode CheckOptions(const BrenierCommand *command)
{
  char *all, *save = NULL;
  char  bad[128] = "";

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetAll(NULL, &all));
  for (char *word = strtok_r(all, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    const PetscBool is_option = (PetscBool)(word[0] == '-' && ((word[1] >= 'a' && word[1] <= 'z') || word[1] == '-'));

    if (is_option && !IsKnownOption(command, word) && !bad[0]) PetscCall(PetscStrncpy(bad, word, sizeof bad));
  }
  PetscCall(PetscFree(all));
  PetscCheck(!bad[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "unknown option %s; 'brenier %s -help' lists the options",
             bad, command->name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunCommand(int argc, char **argv, const BrenierCommand *command, BrenierExit *outcome)
{
  const char *argument[BRENIER_MAX_ARGUMENTS] = {NULL};
  char        log[PETSC_MAX_PATH_LEN]         = "";
  int         n                               = 0;

  PetscFunctionBegin;
  while (2 + n < argc && argv[2 + n][0] != '-' && n < BRENIER_MAX_ARGUMENTS) {
    argument[n] = argv[2 + n];
    ++n;
  }
  PetscCheck(n == command->n_arguments, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "'brenier %s' is followed by %s, then by options; found %d arguments", command->name, command->arguments,
             n);
  PetscCall(CheckOptions(command));
  PetscCall(BrenierOptionText("-log", PETSC_FALSE, sizeof log, log, NULL));
  // PETSc has a -log of its own, which would write a second file at the end
  PetscCall(PetscOptionsClearValue(NULL, "-log"));
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
    if (rank == 0 && argc > 1) fprintf(stderr, "brenier: error: no command '%s'; 'brenier -help' lists them\n", argv[1]);
    else if (rank == 0) PrintUsage();
  } else return PETSC_FALSE;
  return PETSC_TRUE;
}

int main(int argc, char **argv)
{
  BrenierExit           outcome;
  PetscErrorCode        ierr;
  const BrenierCommand *command = argc > 1 ? FindCommand(argv[1]) : NULL;

  MPI_Init(&argc, &argv);
  if (!AnsweredWithoutRun(argc, argv, command, &outcome)) {
    if (PetscInitialize(&argc, &argv, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
    PetscPushErrorHandler(HandleError, NULL);
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
