/*
  app.h - What the commands share: their place in the command line, their options, and how they speak.

  brenier COMMAND ARGS [-options]: the arguments follow the command directly, options come after them.
*/
#pragma once

#include <brenier/base.h>

/* How commands speak: on the communicator of the program, which main.c has given a context that prints. */
#define BrenierSay(...)      BrenierPrint(PETSC_COMM_WORLD, __VA_ARGS__)
#define BrenierLogEvent(...) BrenierLog(PETSC_COMM_WORLD, __VA_ARGS__)

enum { BRENIER_MAX_ARGUMENTS = 2 };

/* One line of a command's -help; every option a command reads is in its table, the others are refused. */
typedef struct {
  const char *name;     /* with its dash: "-seed" */
  const char *argument; /* "N", "FILE", ... or "" for a switch */
  const char *text;     /* what it does and its default */
} BrenierOption;

typedef struct {
  const char          *name;
  const char          *arguments; /* as in the usage line: "RESULT.h5 POINTS" */
  int                  n_arguments;
  const char          *summary;
  const BrenierOption *option; /* ends with an entry whose name is NULL */
  PetscErrorCode (*run)(const char *const argument[], BrenierExit *outcome);
  PetscBool solver_options; /* PETSc's -ksp_, -pc_, -mat_ options mean something here */
  PetscBool stops;          /* ends in order when a signal asks for it */
} BrenierCommand;

/* Of every command that reads an array. */
#define BRENIER_ARRAY_OPTIONS                                                                                          \
  {                                                                                                                    \
    "-allow_missing", "", "read rows that are not in the file as its fill value (usually 0), with a warning"           \
  }

extern const BrenierCommand brenier_command_solve, brenier_command_check, brenier_command_map, brenier_command_sample,
    brenier_command_facets, brenier_command_encode, brenier_command_decode, brenier_command_frechet,
    brenier_command_info;

/* Options as the commands want them: found or default, checked against a range. All collective on the world, the same
   value on all ranks; errors are PETSC_ERR_USER_INPUT with a sentence naming option, value and range. */
/* Reads -threads and sets it for the program. */
PetscErrorCode BrenierOptionThreads(void);
PetscErrorCode BrenierOptionInt(const char name[], PetscInt64 low, PetscInt64 high, PetscInt64 *value, PetscBool *set);
PetscErrorCode BrenierOptionReal(const char name[], PetscReal low, PetscReal high, PetscReal *value, PetscBool *set);
/* Text is copied, value keeps its default when the option is absent; required: absence is an error saying so. */
PetscErrorCode BrenierOptionText(const char name[], PetscBool required, size_t length, char value[], PetscBool *set);
/* One of `choice` (ends with NULL); *value keeps its default when absent. */
PetscErrorCode BrenierOptionChoice(const char name[], const char *const choice[], PetscInt *value, PetscBool *set);

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
