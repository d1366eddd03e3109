/* command_line.h - A command line taken apart, and refused where a part of it would mean nothing or lose a file. */
#pragma once

#include "command.h"

/* Longer than any path: PETSc cuts a value short without a word. */
typedef char BrenierLogPath[2 * PETSC_MAX_PATH_LEN];

/*@
  BrenierCommandLine - Finds the arguments of a command, and checks all that is on its command line

  Collective on the world

  Input Parameters:
+ argc, argv - the command line
- command    - its command

  Output Parameters:
+ argument - shape [BRENIER_MAX_ARGUMENTS], zero-initialised; borrowed from argv
- log      - the file behind -log, or ""; PETSc, which has an option of that name, does not see it any more

  Errors: `PETSC_ERR_USER_INPUT` - arguments that do not fit, a word that belongs to no option, an option that nobody
  reads; and as BrenierFilesCheck()
@*/
PetscErrorCode BrenierCommandLine(int argc, char **argv, const BrenierCommand *command, const char *argument[],
                                  BrenierLogPath log);
