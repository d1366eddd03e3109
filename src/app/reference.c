/* reference.c - Implements reference.h. */
#include "reference.h"

#include <brenier/held_out.h>
#include <brenier/iteration.h>

#include <stdio.h>
#include <string.h>

enum { HEAD_LENGTH = 256, TEXT_LENGTH = 1024 };

/* ---- Markdown ---- */

/* Text in a cell of a table. */
static void PrintCell(const char text[])
{
  for (const char *c = text; *c; ++c) printf(*c == '|' ? "\\%c" : "%c", *c);
}

/* What may stand behind an option: for a number its range. */
static void PrintValue(const BrenierOption *o)
{
  char        low[BRENIER_NUMBER_LENGTH], high[BRENIER_NUMBER_LENGTH];
  const char *number = o->kind == BRENIER_OPTION_INT ? "whole number" : "number";

  if (o->kind == BRENIER_OPTION_CHOICE) printf("one of these words");
  if (o->kind == BRENIER_OPTION_INPUT || o->kind == BRENIER_OPTION_START) printf("file to read");
  if (o->kind == BRENIER_OPTION_OUTPUT || o->kind == BRENIER_OPTION_CHECKPOINT)
    printf("file to write, a `%s`", o->format);
  if (o->kind == BRENIER_OPTION_STOP) printf("file to look for");
  if (o->kind != BRENIER_OPTION_INT && o->kind != BRENIER_OPTION_REAL) return;
  BrenierNumber(o->low, low);
  if (o->high >= BRENIER_MOST_COUNT) printf("%s from %s on", number, low);
  else printf("%s from %s to %s", number, low, BrenierNumber(o->high, high));
}

static void PrintTable(const BrenierOption table[])
{
  char head[HEAD_LENGTH], text[TEXT_LENGTH];

  for (const BrenierOption *o = table; o->name; ++o) {
    if (o == table || o->group)
      printf("%s%s%s| option | value | does |\n|---|---|---|\n", o == table ? "" : "\n", o->group ? o->group : "",
             o->group ? ":\n\n" : "");
    if (!o->text) continue;
    BrenierOptionHead(o, sizeof head, head);
    BrenierOptionText(o, sizeof text, text);
    printf("| `");
    PrintCell(head);
    printf("` | ");
    PrintValue(o);
    printf(" | ");
    PrintCell(text);
    printf(" |\n");
  }
}

static void PrintCommands(void)
{
  printf("# Commands\n\n"
         "<!-- Made by tools/reference from the tables of src/app; change those. -->\n\n"
         "`mpiexec -n RANKS brenier COMMAND ARGUMENTS [-options]`\n\n| command | arguments | does |\n|---|---|---|\n");
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c)
    printf("| [`%s`](#%s) | `%s` | %s |\n", (*c)->name, (*c)->name, (*c)->arguments, (*c)->summary);
  printf(
      "\nAn option that a command does not know is refused. Options may also stand in a file (`-options_file`) and in "
      "the variable\n`PETSC_OPTIONS`. A whole number may be written as `1e6`.\n");
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c) {
    printf("\n## %s\n\n`brenier %s %s`: %s.\n", (*c)->name, (*c)->name, (*c)->arguments, (*c)->summary);
    if ((*c)->option->name) printf("\n");
    PrintTable((*c)->option);
  }
  printf("\n## Options of every command\n\n");
  PrintTable(BrenierCommonOptions);
  printf("\n`solve` passes options to the linear solver as well:\n\n");
  PrintTable(BrenierSolverOptions);
  printf("\n## Exit codes\n\n| code | means |\n|---|---|\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) printf("| %d | %s |\n", (int)e->code, e->text);
}

/* ---- troff ---- */

/* Text in a manual page: a dash is a minus, a backslash or a dot at the beginning is none of troff's. */
static void PrintTroff(const char text[])
{
  if (text[0] == '.' || text[0] == '\'') printf("\\&");
  for (const char *c = text; *c; ++c) printf(*c == '-' ? "\\-" : *c == '\\' ? "\\e" : "%c", *c);
}

static void PrintManOptions(const BrenierOption table[])
{
  char head[HEAD_LENGTH], text[TEXT_LENGTH];

  for (const BrenierOption *o = table; o->name; ++o) {
    if (!o->text) continue;
    BrenierOptionHead(o, sizeof head, head);
    BrenierOptionText(o, sizeof text, text);
    printf(".TP\n.B ");
    PrintTroff(head);
    printf("\n");
    PrintTroff(text);
    printf(".\n");
  }
}

static void PrintMan(void)
{
  printf(".\\\" Made by tools/reference from the tables of src/app; change those.\n"
         ".TH BRENIER 1 \"\" \"Brenier %s\" \"User Commands\"\n"
         ".SH NAME\nbrenier \\- distributed semi\\-discrete optimal transport\n"
         ".SH SYNOPSIS\n.B mpiexec \\-n\n.I RANKS\n.B brenier\n.I COMMAND ARGUMENTS\n[\\-options]\n"
         ".SH DESCRIPTION\nBrenier computes the optimal transport map from a noise measure to given points, draws "
         "samples by it,\nand says how good the map is on curves that nobody fitted.\n.SH COMMANDS\n",
         BRENIER_VERSION);
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c) {
    printf(".SS brenier %s %s\n", (*c)->name, (*c)->arguments);
    PrintTroff((*c)->summary);
    printf(".\n");
    PrintManOptions((*c)->option);
    if ((*c)->solver_options) PrintManOptions(BrenierSolverOptions);
  }
  printf(".SH OPTIONS OF EVERY COMMAND\n");
  PrintManOptions(BrenierCommonOptions);
  printf(".SH EXIT STATUS\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) {
    printf(".TP\n.B %d\n", (int)e->code);
    PrintTroff(e->text);
    printf(".\n");
  }
}

/* ---- records ---- */

typedef struct {
  const char *type, *name, *text;
} Row;

/* A name in a table by the letter of its type. */
#define HELD_OUT_ROW(type, name, member, meaning) {#type, #name, meaning},

static const Row brenier_held_out[] = {BRENIER_HELD_OUT_NUMBERS(HELD_OUT_ROW){NULL, NULL, NULL}};

static void PrintHeldOut(void)
{
  printf("| attribute | type | is |\n|---|---|---|\n");
  for (const Row *r = brenier_held_out; r->name; ++r)
    printf("| `%s` | %s | %s |\n", r->name, r->type[0] == 'i' ? "integer" : "f8", r->text);
}

static void PrintHeldOutNames(void)
{
  for (const Row *r = brenier_held_out; r->name; ++r) printf("`%s`%s", r->name, r[1].name ? ",\n" : "\n");
}

#define ITERATION_ROW(member, name, meaning) {#member, #name, meaning},

/* Name of the column, name in the log, meaning. */
static const struct {
  const char *name, *log, *text;
} brenier_iteration[] = {BRENIER_ITERATION_FIELDS(ITERATION_ROW, ITERATION_ROW){NULL, NULL, NULL}};

static void PrintIteration(void)
{
  printf("| field | is |\n|---|---|\n");
  for (int i = 0; brenier_iteration[i].name; ++i) {
    printf("| `%s` | %s", brenier_iteration[i].name, brenier_iteration[i].text);
    if (strcmp(brenier_iteration[i].name, brenier_iteration[i].log))
      printf("; `%s` in the log", brenier_iteration[i].log);
    printf(" |\n");
  }
}

/* ---- parts ---- */

static const struct {
  const char *name;
  void (*print)(void);
} brenier_parts[] = {{"commands", PrintCommands},
                     {"man", PrintMan},
                     {"iteration", PrintIteration},
                     {"held_out", PrintHeldOut},
                     {"held_out_names", PrintHeldOutNames}};

PetscBool BrenierReference(const char part[])
{
  for (size_t i = 0; i < sizeof brenier_parts / sizeof brenier_parts[0]; ++i)
    if (!strcmp(part, brenier_parts[i].name)) {
      brenier_parts[i].print();
      return PETSC_TRUE;
    }
  return PETSC_FALSE;
}
