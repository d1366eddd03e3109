/* help.c - Implements help.h. */
#include "help.h"
#include "reference.h"

#include <stdio.h>
#include <string.h>

/* Column where the texts of options begin, and the last one of a line. */
enum { BRENIER_TEXT_COLUMN = 27, BRENIER_LAST_COLUMN = 120 };

static void PrintUsage(void)
{
  printf("Brenier %s: optimal transport from noise to data\n\n"
         "usage: mpiexec -n RANKS brenier COMMAND ARGUMENTS [-options]\n\n",
         BRENIER_VERSION);
  for (int i = 0; BrenierCommands[i]; ++i)
    printf("  %-7s %-20s %s\n", BrenierCommands[i]->name, BrenierCommands[i]->arguments, BrenierCommands[i]->summary);
  printf("\nbrenier COMMAND -help lists the options of a command.\n\nExit codes\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) printf("  %-7d %s\n", (int)e->code, e->text);
}

/* Words in lines, all but the first indented. */
static void PrintWrapped(const char text[])
{
  int column = BRENIER_TEXT_COLUMN;

  while (*text) {
    const int length = (int)strcspn(text, " ");

    if (column > BRENIER_TEXT_COLUMN && column + 1 + length > BRENIER_LAST_COLUMN)
      column = printf("\n%*s", BRENIER_TEXT_COLUMN, "") - 1;
    column += printf("%s%.*s", column > BRENIER_TEXT_COLUMN ? " " : "", length, text);
    text += length + (text[length] == ' ');
  }
  printf("\n");
}

static void PrintOptions(const BrenierOption table[])
{
  char head[256], text[1024];

  for (const BrenierOption *o = table; o->name; ++o) {
    if (o->group) printf("%s%s\n", o == table ? "" : "\n", o->group);
    if (!o->text) continue;
    BrenierOptionHead(o, sizeof head, head);
    BrenierOptionText(o, sizeof text, text);
    if (strlen(head) + 3 > BRENIER_TEXT_COLUMN) printf("  %s\n%*s", head, BRENIER_TEXT_COLUMN, "");
    else printf("  %-*s", BRENIER_TEXT_COLUMN - 2, head);
    PrintWrapped(text);
  }
}

static void PrintHelp(const BrenierCommand *command)
{
  printf("usage: mpiexec -n RANKS brenier %s %s [-options]\n\n%s\n\n", command->name, command->arguments,
         command->summary);
  PrintOptions(command->option);
  if (command->option->name) printf("\n");
  printf("of every command\n");
  PrintOptions(BrenierCommonOptions);
  if (command->solver_options) PrintOptions(BrenierSolverOptions);
}

static PetscBool IsOneOf(int argc, char **argv, const char *const words[])
{
  for (int i = 1; i < argc; ++i)
    for (int k = 0; words[k]; ++k)
      if (!strcmp(argv[i], words[k])) return PETSC_TRUE;
  return PETSC_FALSE;
}

PetscBool BrenierAnswer(int argc, char **argv, const BrenierCommand *command, PetscBool speaks, BrenierExit *outcome)
{
  static const char *const help[] = {"-help", "--help", "-h", NULL}, *const version[] = {"-version", "--version", NULL};

  *outcome = BRENIER_EXIT_DONE;
  if (argc == 3 && !strcmp(argv[1], "-reference")) {
    if (speaks && !BrenierReference(argv[2])) *outcome = BRENIER_EXIT_USAGE;
  } else if (IsOneOf(argc, argv, version)) {
    if (speaks) printf("brenier %s (commit %s)\n", BRENIER_VERSION, BRENIER_GIT_COMMIT);
  } else if (IsOneOf(argc, argv, help)) {
    if (speaks && command) PrintHelp(command);
    else if (speaks) PrintUsage();
  } else if (!command) {
    *outcome = BRENIER_EXIT_USAGE;
    if (speaks && argc > 1) fprintf(stderr, "brenier: error: no command '%s'; 'brenier -help' lists them\n", argv[1]);
    else if (speaks) PrintUsage();
  } else return PETSC_FALSE;
  return PETSC_TRUE;
}
