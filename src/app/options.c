/* options.c - The options of app.h, read from PETSc's database and checked. */
#include "app.h"

#include <brenier/threads.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

PetscErrorCode BrenierOptionText(const char name[], PetscBool required, size_t length, char value[], PetscBool *set)
{
  PetscBool found;
  char      text[PETSC_MAX_PATH_LEN] = "";

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, name, text, sizeof text, &found));
  PetscCheck(!found || text[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s needs a value behind it", name);
  PetscCheck(!found || strlen(text) < length, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "the value of option %s is longer than %zu characters", name, length - 1);
  PetscCheck(found || !required, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s is needed; -help lists the options",
             name);
  if (found) strcpy(value, text);
  if (set) *set = found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The value of an option as a number, and as written for a message; NaN, which is in no range, when it is not a number. */
static PetscErrorCode OptionNumber(const char name[], size_t length, char text[], PetscReal *x, PetscBool *found)
{
  char *end;

  PetscFunctionBegin;
  PetscCall(BrenierOptionText(name, PETSC_FALSE, length, text, found));
  *x = strtod(text, &end);
  if (end == text || *end) *x = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionReal(const char name[], PetscReal low, PetscReal high, PetscReal *value, PetscBool *set)
{
  char      text[128] = "", least[BRENIER_NUMBER_LENGTH], most[BRENIER_NUMBER_LENGTH];
  PetscReal x         = 0.0;
  PetscBool found     = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(OptionNumber(name, sizeof text, text, &x, &found));
  PetscCheck(!found || (x >= low && x <= high), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option %s takes a number from %s to %s, not '%s'", name, BrenierNumber(low, least),
             BrenierNumber(high, most), text);
  if (found) *value = x;
  if (set) *set = found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionInt(const char name[], PetscInt64 low, PetscInt64 high, PetscInt64 *value, PetscBool *set)
{
  char      text[128] = "";
  PetscReal x         = 0.0; // a real number, so that 1e6 is a million
  PetscBool found     = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(OptionNumber(name, sizeof text, text, &x, &found));
  PetscCheck(!found || (x == PetscFloorReal(x) && x >= (PetscReal)low && x <= (PetscReal)high), PETSC_COMM_WORLD,
             PETSC_ERR_USER_INPUT,
             "option %s takes a whole number from %" PetscInt64_FMT " to %" PetscInt64_FMT ", not '%s'", name, low,
             high, text);
  if (found) *value = (PetscInt64)x;
  if (set) *set = found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionThreads(void)
{
  const PetscInt64 most = 1024;
  PetscInt64       n    = 1;

  PetscFunctionBegin;
  PetscCall(BrenierOptionInt("-threads", 1, most, &n, NULL));
  PetscCall(BrenierThreadsSet(PETSC_COMM_WORLD, (PetscInt)n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionChoice(const char name[], const char *const choice[], PetscInt *value, PetscBool *set)
{
  char      text[128] = "", all[512] = "";
  PetscBool found;

  PetscFunctionBegin;
  PetscCall(BrenierOptionText(name, PETSC_FALSE, sizeof text, text, &found));
  if (set) *set = found;
  if (!found) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; choice[i]; ++i) {
    const size_t used = strlen(all);

    snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", choice[i]);
    if (!strcmp(choice[i], text)) {
      *value = i;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  SETERRQ(PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s takes one of %s, not '%s'", name, all, text);
}
