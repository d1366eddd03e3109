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
    {"-log", "FILE", FOREIGN, .text = "JSON lines of what happens, for programs"},
    {"-options_file", "FILE", FOREIGN, .text = "read options from a file, YAML too"},
    {"-log_view", FOREIGN, .text = "PETSc's profile at the end"},
    {"-help", FOREIGN, .text = "this text, and nothing else"},
    {"-version", FOREIGN, .text = "version and commit, and nothing else"},
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
    {"-ksp_", "...", PREFIX, .text = "PETSc's options for the linear solver (see PETSc's manual)"},
    {"-pc_", "...", PREFIX, .text = "PETSc's options for its preconditioner"},
    {"-mg_", PREFIX},
    {"-sub_", PREFIX},
    {"-mat_", PREFIX},
    {"-vec_", PREFIX},
    {"-sf_", PREFIX},
    {NULL}};

const BrenierExitText BrenierExitTexts[] = {
    {BRENIER_EXIT_DONE, "done, within tolerance"},
    {BRENIER_EXIT_USAGE, "the command line is wrong"},
    {BRENIER_EXIT_INPUT, "the content of a file is wrong"},
    {BRENIER_EXIT_IO, "input or output failed: missing file, full disk"},
    {BRENIER_EXIT_NUMERICAL, "numerical failure"},
    {BRENIER_EXIT_TOLERANCE, "tolerance not reached; the best result is kept"},
    {BRENIER_EXIT_RESOURCE, "memory or processor time ran out, or a limit (ulimit) leaves no room to start"},
    {BRENIER_EXIT_STOPPED, "stopped on time limit or signal, checkpoint written: submit again"},
    {BRENIER_EXIT_BUG, "a bug: please report it"},
    {BRENIER_EXIT_BUG, NULL}};

const BrenierCommand *BrenierCommandFind(const char name[])
{
  for (int i = 0; BrenierCommands[i]; ++i)
    if (!strcmp(name, BrenierCommands[i]->name)) return BrenierCommands[i];
  return NULL;
}
