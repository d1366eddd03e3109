/* reference.c - Implements reference.h. */
#include "reference.h"

#include <brenier/class_result.h>
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
  if (o->kind == BRENIER_OPTION_VALUES) printf("number, or file to read");
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
    printf("`%s | ", o->advanced ? " *" : "");
    PrintValue(o);
    printf(" | ");
    PrintCell(text);
    printf(" |\n");
  }
}

/* Sentences by paragraph. */
static void PrintParagraphs(const char text[])
{
  for (const char *c = text; *c; ++c) printf(*c == '\n' ? "\n\n" : "%c", *c);
  printf("\n");
}

static void PrintCommand(const BrenierCommand *c)
{
  printf("\n## %s\n\n`brenier %s %s`: %s.\n\n", c->name, c->name, c->arguments, c->summary);
  PrintParagraphs(c->description);
  printf("\n%s\n", c->files);
  if (c->option->name) printf("\n");
  PrintTable(c->option);
  if (c->solver_options) printf("\n");
  if (c->solver_options) PrintTable(BrenierSolverOptions);
  for (const char *const *e = c->example; *e; e += 2) printf("\n%s\n\n```\n%s\n```\n", e[0], e[1]);
}

static void PrintCommands(void)
{
  printf("# Commands\n\n"
         "<!-- Made by tools/reference from the tables of src/app; change those. -->\n\n"
         "`mpiexec -n RANKS brenier COMMAND ARGUMENTS [-options]`\n\n| command | arguments | does |\n|---|---|---|\n");
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c)
    printf("| [`%s`](#%s) | `%s` | %s |\n", (*c)->name, (*c)->name, (*c)->arguments, (*c)->summary);
  printf(
      "\nAn option that a command does not know is an error. Options may also stand in a file (`-options_file`) and in "
      "the variable `PETSC_OPTIONS`. A whole number may be written as `1e6`. Options with a star are advanced: `-help` "
      "leaves them out, `-help all` prints them. An older name of an option is read for one version. Words are those "
      "of [notation.md](../notation.md), exit codes those of [exit-codes.md](exit-codes.md).\n");
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c) PrintCommand(*c);
  printf("\n## Options of every command\n\n");
  PrintTable(BrenierCommonOptions);
}

static void PrintExitCodes(void)
{
  printf("| code | means |\n|---|---|\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) printf("| %d | %s |\n", (int)e->code, e->text);
}

/* ---- troff ---- */

/* Text in a manual page: a dash is a minus, a backslash or a dot at the beginning is none of troff's. */
static void PrintTroff(const char text[])
{
  if (text[0] == '.' || text[0] == '\'') printf("\\&");
  for (const char *c = text; *c; ++c) printf(*c == '-' ? "\\-" : *c == '\\' ? "\\e" : "%c", *c);
}

/* Sentences, by paragraph. */
static void PrintManText(const char text[])
{
  char paragraph[TEXT_LENGTH];

  for (size_t length; *text; text += length + (text[length] == '\n')) {
    length = strcspn(text, "\n");
    snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
    PrintTroff(paragraph);
    printf("\n%s", text[length] ? ".PP\n" : "");
  }
}

static void PrintManOptions(const BrenierOption table[])
{
  char head[HEAD_LENGTH], text[TEXT_LENGTH];

  for (const BrenierOption *o = table; o->name; ++o) {
    if (o->group) printf(".SS %s\n", o->group);
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

static void PrintManExits(void)
{
  printf(".SH EXIT STATUS\n");
  for (const BrenierExitText *e = BrenierExitTexts; e->text; ++e) {
    printf(".TP\n.B %d\n", (int)e->code);
    PrintTroff(e->text);
    printf(".\n");
  }
}

static void PrintManHead(const char name[], const char summary[])
{
  printf(".\\\" Made by tools/reference from the tables of src/app; change those.\n.TH \"");
  PrintTroff(name);
  printf("\" 1 \"\" \"Brenier %s\" \"User Commands\"\n.SH NAME\n", BRENIER_VERSION);
  PrintTroff(name);
  printf(" \\- ");
  PrintTroff(summary);
  printf("\n.SH SYNOPSIS\n.B mpiexec \\-n\n.I RANKS\n");
}

static void PrintMan(void)
{
  PrintManHead("brenier", "semi-discrete optimal transport from a noise measure to weighted points");
  printf(".B brenier\n.I COMMAND ARGUMENTS\n[\\-options]\n.SH DESCRIPTION\n");
  PrintManText(
      "Brenier computes the optimal transport map from a source measure to given points, measures its error on "
      "curves that the solve has not used, and draws samples by it.\n"
      "Options follow the arguments. They may also stand in a file (-options_file) and in the variable "
      "PETSC_OPTIONS. A whole number may be written as 1e6.");
  printf(".SH COMMANDS\n");
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c) {
    printf(".TP\n.BR brenier\\-%s (1)\n", (*c)->name);
    PrintTroff((*c)->summary);
    printf(".\n");
  }
  printf(".SH OPTIONS\n");
  PrintManOptions(BrenierCommonOptions);
  PrintManExits();
  printf(".SH SEE ALSO\n.BR mpiexec (1)\n");
}

static void PrintManCommand(const BrenierCommand *c)
{
  char        name[HEAD_LENGTH];
  const char *other = c->see_also;

  snprintf(name, sizeof name, "brenier-%s", c->name);
  PrintManHead(name, c->summary);
  printf(".B brenier %s\n.I %s\n[\\-options]\n.SH DESCRIPTION\n", c->name, c->arguments);
  PrintManText(c->description);
  printf(".SH OPTIONS\n");
  PrintManOptions(c->option);
  if (c->solver_options) PrintManOptions(BrenierSolverOptions);
  PrintManOptions(BrenierCommonOptions);
  printf(".SH FILES\n");
  PrintManText(c->files);
  PrintManExits();
  printf(".SH EXAMPLES\n");
  for (const char *const *e = c->example; *e; e += 2) {
    printf("%s", e == c->example ? "" : ".PP\n");
    PrintTroff(e[0]);
    printf("\n.PP\n.RS\n.nf\n");
    PrintTroff(e[1]);
    printf("\n.fi\n.RE\n");
  }
  printf(".SH SEE ALSO\n.BR brenier (1)");
  for (size_t length; *other; other += length + (other[length] == ' ')) {
    length = strcspn(other, " ");
    printf(",\n.BR brenier\\-%.*s (1)", (int)length, other);
  }
  printf("\n");
}

/* ---- records ---- */

typedef struct {
  const char *type, *name, *text;
} Row;

/* A name in a table by the letter of its type. */
#define HELD_OUT_ROW(type, name, member, meaning) {#type, #name, meaning},

static const Row brenier_held_out[] = {BRENIER_HELD_OUT_NUMBERS(HELD_OUT_ROW){NULL, NULL, NULL}};

static const Row brenier_classes[] = {BRENIER_CLASS_NUMBERS(HELD_OUT_ROW){NULL, NULL, NULL}};

static void PrintClasses(void)
{
  printf("| dataset | type | is |\n|---|---|---|\n");
  for (const Row *r = brenier_classes; r->name; ++r)
    printf("| `/class/%s` | %s | %s |\n", r->name, r->type[0] == 'i' ? "i8" : "f8", r->text);
}

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

static void PrintNames(void)
{
  for (const BrenierCommand *const *c = BrenierCommands; *c; ++c) printf("%s\n", (*c)->name);
}

static const struct {
  const char *name;
  void (*print)(void);
} brenier_parts[] = {{"commands", PrintCommands}, {"exit_codes", PrintExitCodes},       {"names", PrintNames},
                     {"man", PrintMan},           {"iteration", PrintIteration},        {"held_out", PrintHeldOut},
                     {"classes", PrintClasses},   {"held_out_names", PrintHeldOutNames}};

PetscBool BrenierReference(const char part[])
{
  static const char     man[]   = "man-";
  const BrenierCommand *command = strncmp(part, man, strlen(man)) ? NULL : BrenierCommandFind(part + strlen(man));

  if (command) PrintManCommand(command);
  for (size_t i = 0; i < sizeof brenier_parts / sizeof brenier_parts[0]; ++i)
    if (!strcmp(part, brenier_parts[i].name)) {
      brenier_parts[i].print();
      return PETSC_TRUE;
    }
  return (PetscBool)(command != NULL);
}
