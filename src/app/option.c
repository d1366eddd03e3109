/* option.c - Implements option.h: values from PETSc's database, checked; and an option in words. */
#include "option.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Numbers and words are shorter than this. */
enum { BRENIER_WORD_LENGTH = 128 };

/* ---- reading ---- */

/* The room for a value, with the zero behind it: a checkpoint has an older generation, whose name is two characters
   longer. */
static size_t RoomFor(const BrenierOption *o)
{
  switch (o->kind) {
  case BRENIER_OPTION_CHECKPOINT:
    return PETSC_MAX_PATH_LEN - 2;
  case BRENIER_OPTION_INPUT:
  case BRENIER_OPTION_VALUES:
  case BRENIER_OPTION_START:
  case BRENIER_OPTION_OUTPUT:
  case BRENIER_OPTION_STOP:
    return PETSC_MAX_PATH_LEN;
  default:
    return BRENIER_WORD_LENGTH;
  }
}

/* The text behind an option by its older name, for one that is not given by its name. */
static PetscErrorCode FindOlder(const BrenierOption *o, BrenierPath text, PetscBool *found)
{
  BrenierPath older = "";
  PetscBool   has;

  PetscFunctionBegin;
  if (!o->alias) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsGetString(NULL, NULL, o->alias, older, PETSC_MAX_PATH_LEN, &has));
  PetscCheck(!has || !*found, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "%s is the older name of option %s; leave one of them out", o->alias, o->name);
  if (has) strcpy(text, older);
  if (has) *found = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The text behind an option, or its default; *text is empty when there is neither. */
static PetscErrorCode FindText(const BrenierOption *o, BrenierPath text, PetscBool *found)
{
  const size_t room = RoomFor(o);

  PetscFunctionBegin;
  text[0] = '\0';
  PetscCall(PetscOptionsGetString(NULL, NULL, o->name, text, PETSC_MAX_PATH_LEN, found));
  PetscCall(FindOlder(o, text, found));
  PetscCheck(!*found || text[0] || o->kind == BRENIER_OPTION_SWITCH, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option %s needs a value", o->name);
  PetscCheck(strlen(text) < room, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "the value of option %s is longer than %zu characters", o->name, room - 1);
  PetscCheck(*found || !o->needed, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option %s is missing: %s; -help lists the options", o->name, o->text);
  if (!*found && o->standard) strcpy(text, o->standard);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A text as a number; NaN, which is in no range, when it is none. */
static PetscReal NumberOf(const char text[])
{
  char           *end;
  const PetscReal x = strtod(text, &end);

  return end == text || *end ? NAN : x;
}

static PetscErrorCode ReadReal(const BrenierOption *o, const char text[], PetscReal *value)
{
  const PetscReal x = NumberOf(text);
  char            least[BRENIER_NUMBER_LENGTH], most[BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  PetscCheck(x >= o->low && x <= o->high, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option %s takes a number from %s to %s, not '%s'", o->name, BrenierNumber(o->low, least),
             BrenierNumber(o->high, most), text);
  *value = x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadInt(const BrenierOption *o, const char text[], PetscInt64 *value)
{
  const PetscReal x = NumberOf(text); // a real number, so that 1e6 is a million

  PetscFunctionBegin;
  PetscCheck(x == PetscFloorReal(x) && x >= o->low && x <= o->high, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option %s takes a whole number from %" PetscInt64_FMT " to %" PetscInt64_FMT ", not '%s'", o->name,
             (PetscInt64)o->low, (PetscInt64)o->high, text);
  *value = (PetscInt64)x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadChoice(const BrenierOption *o, const char text[], PetscInt *value)
{
  char all[512] = "";

  PetscFunctionBegin;
  for (PetscInt i = 0; o->choice[i]; ++i) {
    const size_t used = strlen(all);

    snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", o->choice[i]);
    if (!strcmp(o->choice[i], text)) {
      *value = i;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  SETERRQ(PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s takes one of %s, not '%s'", o->name, all, text);
}

/* As PETSc reads it, which src/data has do so. */
static PetscErrorCode ReadSwitch(const BrenierOption *o, const char text[], PetscBool *value)
{
  static const char *const words[] = {"", "true", "yes", "1", "on", "false", "no", "0", "off"};
  enum { WORDS = sizeof words / sizeof words[0], YES = 5 };

  PetscFunctionBegin;
  for (int i = 0; i < WORDS; ++i)
    if (!strcasecmp(words[i], text)) {
      *value = (PetscBool)(i < YES);
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  SETERRQ(PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s takes yes or no, or stands alone, not '%s'", o->name,
          text);
}

static PetscErrorCode ReadOption(const BrenierOption *o, char request[])
{
  PetscBool   found, nowhere;
  BrenierPath text;
  void       *value = o->at == BRENIER_NOWHERE ? (void *)&nowhere : request + o->at;

  PetscFunctionBegin;
  PetscCall(FindText(o, text, &found));
  if (!found && !o->standard) PetscFunctionReturn(PETSC_SUCCESS);
  switch (o->kind) {
  case BRENIER_OPTION_SWITCH:
    PetscCall(ReadSwitch(o, text, value));
    break;
  case BRENIER_OPTION_INT:
    PetscCall(ReadInt(o, text, value));
    break;
  case BRENIER_OPTION_REAL:
    PetscCall(ReadReal(o, text, value));
    break;
  case BRENIER_OPTION_CHOICE:
    PetscCall(ReadChoice(o, text, value));
    break;
  default:
    strcpy(value, text);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionsRead(const BrenierOption table[], void *request)
{
  PetscFunctionBegin;
  for (const BrenierOption *o = table; o->name; ++o) PetscCall(ReadOption(o, request));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionGiven(const char name[], PetscBool *given)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(NULL, NULL, name, given));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionNeeds(const char name[], PetscBool given, PetscBool other, const char needed[])
{
  PetscFunctionBegin;
  PetscCheck(!given || other, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s needs %s", name, needed);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierOptionValue(const BrenierOption *o, const void *request, size_t length, char text[])
{
  const void *value = (const char *)request + o->at;

  if (o->kind == BRENIER_OPTION_INT) snprintf(text, length, "%" PetscInt64_FMT, *(const PetscInt64 *)value);
  if (o->kind == BRENIER_OPTION_REAL) snprintf(text, length, "%.17g", (double)*(const PetscReal *)value);
  if (o->kind == BRENIER_OPTION_CHOICE) snprintf(text, length, "%s", o->choice[*(const PetscInt *)value]);
}

/* ---- an option in words ---- */

const BrenierOption *BrenierOptionFind(const BrenierOption table[], const char name[])
{
  for (const BrenierOption *o = table; o->name; ++o) {
    if (o->kind == BRENIER_OPTION_PREFIX ? !strncasecmp(name, o->name, strlen(o->name)) : !strcasecmp(name, o->name))
      return o;
    if (o->alias && !strcasecmp(name, o->alias)) return o;
  }
  return NULL;
}

static void Append(size_t length, char text[], const char more[])
{
  const size_t used = strlen(text);

  snprintf(text + used, length - used, "%s", more);
}

void BrenierOptionHead(const BrenierOption *o, size_t length, char text[])
{
  snprintf(text, length, "%s", o->name);
  if (o->argument || o->choice) Append(length, text, " ");
  if (o->argument) Append(length, text, o->argument);
  for (int i = 0; !o->argument && o->choice && o->choice[i]; ++i) {
    if (i) Append(length, text, "|");
    Append(length, text, o->choice[i]);
  }
}

void BrenierOptionText(const BrenierOption *o, size_t length, char text[])
{
  snprintf(text, length, "%s", o->text);
  if (o->needed) Append(length, text, " (needed)");
  if (o->standard || o->rule) Append(length, text, "; default ");
  if (o->standard) Append(length, text, o->standard);
  if (o->standard && o->rule) Append(length, text, " ");
  if (o->rule) Append(length, text, o->rule);
  if (o->alias) Append(length, text, "; older name: ");
  if (o->alias) Append(length, text, o->alias);
}
