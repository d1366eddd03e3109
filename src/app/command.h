/*
  command.h - What a command is, and which there are.

  brenier COMMAND ARGUMENTS [-options]: the arguments follow the command directly, options come after them. To add a
  command: a file with its `brenier_command_NAME`, and its name in BRENIER_COMMANDS.
*/
#pragma once

#include "option.h"

/* How commands speak: on the communicator of the program, which main.c has given a context that prints. */
#define BrenierPrintWorld(...) BrenierPrint(PETSC_COMM_WORLD, __VA_ARGS__)
#define BrenierLogEvent(...)   BrenierLog(PETSC_COMM_WORLD, __VA_ARGS__)

enum { BRENIER_MAX_ARGUMENTS = 2 };

typedef struct {
  const char          *name;
  const char          *arguments; /* as in the usage line: "RESULT.h5 POINTS" */
  int                  n_arguments;
  const char          *summary;     /* what it does, without a full stop */
  const char          *description; /* of the manual page: sentences, by paragraph */
  const char          *files;       /* which it reads and writes, in sentences */
  const char *const   *example;     /* a sentence and its command line, and so on; ends with NULL */
  const char          *see_also;    /* commands, separated by blanks */
  const BrenierOption *option; /* every option it reads; ends with an entry whose name is NULL; others are refused */
  PetscErrorCode (*run)(const char *const argument[], BrenierExit *outcome); /* collective on the world */
  PetscBool solver_options; /* PETSc's -ksp_, -pc_, -mat_ options mean something here */
  PetscBool stops;          /* ends in order when a signal asks for it */
  PetscBool only_reads;     /* each of several processes that do not know of each other may run it */
} BrenierCommand;

/* In the order of the usage text. */
#define BRENIER_COMMANDS(X)                                                                                            \
  X(encode)                                                                                                            \
  X(solve)                                                                                                             \
  X(check) X(map) X(sample) X(facets) X(density) X(polar) X(quantise) X(barycentre) X(decode) X(frechet) X(info)

#define BRENIER_DECLARE_COMMAND(name) extern const BrenierCommand brenier_command_##name;
BRENIER_COMMANDS(BRENIER_DECLARE_COMMAND)
#undef BRENIER_DECLARE_COMMAND

/* All of them, ending with NULL. */
extern const BrenierCommand *const BrenierCommands[];

/* Options that make sense with any command, and those of the linear solver. */
extern const BrenierOption BrenierCommonOptions[], BrenierSolverOptions[];

/* Exit codes in words, as usage and documentation have them; ends with a text of NULL. */
typedef struct {
  BrenierExit code;
  const char *text;
} BrenierExitText;

extern const BrenierExitText BrenierExitTexts[];

/* The command of a name; NULL for none. Not collective. */
const BrenierCommand *BrenierCommandFind(const char name[]);
