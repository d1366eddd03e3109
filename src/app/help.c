/* help.c - Implements help.h. */
#include "help.h"
#include "reference.h"

#include <stdio.h>
#include <string.h>

/* Column where the texts of options begin, and the last one of a line. */
enum { BRENIER_TEXT_COLUMN = 27, BRENIER_HELP_COLUMNS = 100 };

static void PrintUsage(void)
{
  printf("Brenier %s: semi-discrete optimal transport, from a noise measure to weighted points\n\n"
         "usage: mpiexec -n RANKS brenier COMMAND ARGUMENTS [-options]\n\n",
         BRENIER_VERSION);
  for (int i = 0; BrenierCommands[i]; ++i)
    printf("  %-10s %-16s  %s\n", BrenierCommands[i]->name, BrenierCommands[i]->arguments, BrenierCommands[i]->summary);
  printf("\nbrenier COMMAND -help prints the options of a command, -help all the advanced ones too.\n\nExit codes\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) printf("  %-7d %s\n", (int)e->code, e->text);
}

/* Words in lines, all but the first indented. */
static void PrintWrapped(const char text[])
{
  int column = BRENIER_TEXT_COLUMN;

  while (*text) {
    const int length = (int)strcspn(text, " ");

    if (column > BRENIER_TEXT_COLUMN && column + 1 + length > BRENIER_HELP_COLUMNS)
      column = printf("\n%*s", BRENIER_TEXT_COLUMN, "") - 1;
    column += printf("%s%.*s", column > BRENIER_TEXT_COLUMN ? " " : "", length, text);
    text += length + (text[length] == ' ');
  }
  printf("\n");
}

/* The options of a table by groups; a group whose options are all left out has no heading. */
static void PrintOptions(const BrenierOption table[], PetscBool all)
{
  char        head[256], text[1024];
  const char *group = "options";

  for (const BrenierOption *o = table; o->name; ++o) {
    if (o->group) group = o->group;
    if (!o->text || (o->advanced && !all)) continue;
    if (group) printf("\n%s\n", group);
    group = NULL;
    BrenierOptionHead(o, sizeof head, head);
    BrenierOptionText(o, sizeof text, text);
    if (strlen(head) + 3 > BRENIER_TEXT_COLUMN) printf("  %s\n%*s", head, BRENIER_TEXT_COLUMN, "");
    else printf("  %-*s", BRENIER_TEXT_COLUMN - 2, head);
    PrintWrapped(text);
  }
}

static void PrintHelp(const BrenierCommand *command, PetscBool all)
{
  printf("usage: mpiexec -n RANKS brenier %s %s [-options]\n\n%s\n", command->name, command->arguments,
         command->summary);
  PrintOptions(command->option, all);
  if (command->solver_options) PrintOptions(BrenierSolverOptions, all);
  PrintOptions(BrenierCommonOptions, all);
  if (!all) printf("\nbrenier %s -help all prints the advanced options too.\n", command->name);
}

/* Where the first of these words stands on the command line; 0 for nowhere. */
static int PlaceOf(int argc, char **argv, const char *const words[])
{
  for (int i = 1; i < argc; ++i)
    for (int k = 0; words[k]; ++k)
      if (!strcmp(argv[i], words[k])) return i;
  return 0;
}

PetscBool BrenierAnswer(int argc, char **argv, const BrenierCommand *command, PetscBool speaks, BrenierExit *outcome)
{
  static const char *const help[] = {"-help", "--help", "-h", NULL}, *const version[] = {"-version", "--version", NULL};
  const int asks = PlaceOf(argc, argv, help);

  *outcome = BRENIER_EXIT_DONE;
  if (argc == 3 && !strcmp(argv[1], "-reference")) {
    if (speaks && !BrenierReference(argv[2])) *outcome = BRENIER_EXIT_USAGE;
  } else if (PlaceOf(argc, argv, version)) {
    if (speaks) printf("brenier %s (commit %s)\n", BRENIER_VERSION, BRENIER_GIT_COMMIT);
  } else if (asks) {
    if (speaks && command) PrintHelp(command, (PetscBool)(asks + 1 < argc && !strcmp(argv[asks + 1], "all")));
    else if (speaks) PrintUsage();
  } else if (!command) {
    *outcome = BRENIER_EXIT_USAGE;
    if (speaks && argc > 1) fprintf(stderr, "brenier: error: no command '%s'; 'brenier -help' lists them\n", argv[1]);
    else if (speaks) PrintUsage();
  } else return PETSC_FALSE;
  return PETSC_TRUE;
}
