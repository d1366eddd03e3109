/* command.c - Implements command.h: the list of commands, and the options that several share. */
#include "command.h"

#include <string.h>

#define BRENIER_COMMAND_ADDRESS(name) &brenier_command_##name,
const BrenierCommand *const BrenierCommands[] = {BRENIER_COMMANDS(BRENIER_COMMAND_ADDRESS) NULL};
#undef BRENIER_COMMAND_ADDRESS

/* What PETSc, or main.c before the command, reads. */
#define FOREIGN .kind = BRENIER_OPTION_FOREIGN, .at = BRENIER_NOWHERE
#define PREFIX  .kind = BRENIER_OPTION_PREFIX, .at = BRENIER_NOWHERE

const BrenierOption BrenierCommonOptions[] = {
    {"-log", "FILE", FOREIGN, .group = "every command", .text = "write the events of the run as JSON lines"},
    {"-options_file", "FILE", FOREIGN, .advanced = PETSC_TRUE, .text = "read options from a file, plain or YAML"},
    {"-log_view", FOREIGN, .advanced = PETSC_TRUE, .text = "print PETSc's profile at the end"},
    {"-help", "[all]", FOREIGN, .text = "print the options, or with 'all' the advanced ones too, and end"},
    {"-version", FOREIGN, .text = "print version and commit, and end"},
    {"-h", FOREIGN},
    {"-options_view", FOREIGN},
    {"-options_left", FOREIGN},
    {"-skip_petscrc", FOREIGN},
    {"-malloc_dump", FOREIGN},
    {"-malloc_debug", FOREIGN},
    {"-malloc_view", FOREIGN},
    {"-memory_view", FOREIGN},
    {"-info", FOREIGN},
    {"-on_error_attach_debugger", FOREIGN},
    {"-start_in_debugger", FOREIGN},
    {"-no_signal_handler", FOREIGN},
    {"-fp_trap", FOREIGN},
    {NULL}};

const BrenierOption BrenierSolverOptions[] = {
    {"-ksp_", "...", PREFIX, .group = "linear solver", .advanced = PETSC_TRUE,
     .text = "options of PETSc's linear solver: see PETSc's manual of KSP"},
    {"-pc_", "...", PREFIX, .advanced = PETSC_TRUE, .text = "options of its preconditioner: see PETSc's manual of PC"},
    {"-mg_", PREFIX},
    {"-sub_", PREFIX},
    {"-mat_", PREFIX},
    {"-vec_", PREFIX},
    {"-sf_", PREFIX},
    {NULL}};

const BrenierExitText BrenierExitTexts[] = {
    {BRENIER_EXIT_DONE, "done; within the tolerance where one is given"},
    {BRENIER_EXIT_BUG, "a bug: please report it"},
    {BRENIER_EXIT_USAGE, "the command line is wrong"},
    {BRENIER_EXIT_INPUT, "the content of a file is wrong"},
    {BRENIER_EXIT_IO, "reading or writing failed: a file is missing, the disk is full"},
    {BRENIER_EXIT_NUMERICAL, "numerical failure"},
    {BRENIER_EXIT_TOLERANCE, "tolerance not reached; the best result is written"},
    {BRENIER_EXIT_RESOURCE, "memory or processor time ran out, or a limit (ulimit) is too low to start"},
    {BRENIER_EXIT_STOPPED, "stopped by a time limit, signal or stop file; checkpoint written: submit again"},
    {BRENIER_EXIT_BUG, NULL}};

const BrenierCommand *BrenierCommandFind(const char name[])
{
  for (int i = 0; BrenierCommands[i]; ++i)
    if (!strcmp(name, BrenierCommands[i]->name)) return BrenierCommands[i];
  return NULL;
}
