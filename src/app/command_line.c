/* command_line.c - Implements command_line.h. */
#include "command_line.h"
#include "files.h"
#include "petsc_words.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether somebody reads an option, whose name comes without its dash. */
static PetscBool IsKnown(const BrenierCommand *command, const char name[])
{
  char dashed[PETSC_MAX_PATH_LEN];

  snprintf(dashed, sizeof dashed, "-%s", name);
  return (PetscBool)(BrenierOptionFind(BrenierCommonOptions, dashed) || BrenierOptionFind(command->option, dashed) ||
                     (command->solver_options && BrenierOptionFind(BrenierSolverOptions, dashed)));
}

/* Refuses options nobody would read, from the command line, the environment or a file. PETSc has read its own by now.
   */
static PetscErrorCode CheckOptions(const BrenierCommand *command)
{
  char   **name, **value;
  char     bad[128] = "", origin[PETSC_MAX_PATH_LEN + 64] = "";
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &name, &value));
  for (PetscInt i = n - 1; i >= 0; --i)
    if (!IsKnown(command, name[i])) PetscCall(PetscStrncpy(bad, name[i], sizeof bad));
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
static PetscErrorCode ReadLogPath(BrenierLogPath log)
{
  PetscBool found;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-log", log, sizeof(BrenierLogPath), &found));
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

/* The arguments, between the command and the first option. */
static PetscErrorCode FindArguments(int argc, char **argv, const BrenierCommand *command, const char *argument[])
{
  int n = 0;

  PetscFunctionBegin;
  while (2 + n < argc && argv[2 + n][0] != '-' && n < BRENIER_MAX_ARGUMENTS) {
    argument[n] = argv[2 + n];
    ++n;
  }
  PetscCheck(n == command->n_arguments, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "'brenier %s' is followed by %s, then by options; found %d argument%s", command->name, command->arguments,
             n, BrenierPlural(n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCommandLine(int argc, char **argv, const BrenierCommand *command, const char *argument[],
                                  BrenierLogPath log)
{
  PetscFunctionBegin;
  PetscCall(ReadLogPath(log));
  PetscCall(FindArguments(argc, argv, command, argument));
  PetscCall(CheckWords(argc - 2 - command->n_arguments, argv + 2 + command->n_arguments));
  PetscCall(CheckOptions(command));
  PetscCall(CheckFiles(argc, argv, command, argument, log));
  PetscFunctionReturn(PETSC_SUCCESS);
}
