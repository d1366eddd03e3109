/* files.h - No file that a run names is lost to another one. */
#pragma once

#include "command.h"

/*@
  BrenierFilesCheck - Refuses a command line that would lose a file, before any is opened for writing

  Collective on the world

  Input Parameters:
+ command  - the command
. argument - its arguments
. log      - the file behind -log; "" for none
. n        - number of words
- word     - the words that PETSc reads options from: files of options are among them

  Errors:
+ `PETSC_ERR_USER_INPUT` - an output is an input, another output or the stop file, through whatever links; or a file of
                           another kind is there
- `PETSC_ERR_FILE_OPEN`  - an output that cannot be written

  Notes: a file behind -start may be replaced by the result that goes on from it.
@*/
PetscErrorCode BrenierFilesCheck(const BrenierCommand *command, const char *const argument[], const char log[], int n,
                                 char *const word[]);
