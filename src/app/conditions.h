/* conditions.h - Conditions on the command line: pairs (x, c) as points (x, sqrt(B) c), and back. */
#pragma once

#include "command.h"

#include <brenier/array.h>
#include <brenier/result.h>
#include <brenier/targets.h>

/* Of every command that writes targets of points. */
#define BRENIER_CODE_CONDITIONS_OPTION(OWN)                                                                            \
  OWN(SWITCH, code_conditions, "-code_conditions", .advanced = PETSC_TRUE,                                             \
      .text = "of a result with conditions (solve -conditions): also write /code_condition [N, q], the conditions of " \
              "the targets")

/* Reads conditions, a row for each of the points, and appends sqrt(B) c to these. conditions->columns: how many numbers
   a row is to have, or 0 for any, then their number. Collective on the world; errors are those of BrenierArrayRead(),
   and PETSC_ERR_FILE_UNEXPECTED for another shape or conditions that are too large. */
PetscErrorCode BrenierConditionsAppend(const char where[], BrenierConditions *conditions, BrenierArray *points);

/* The law of (x, sqrt(B) c), x of the source `noise`, c the condition of a target that is drawn by its weight,
   independent of x. Collective on the world; errors as BrenierSourceWithConditions(). */
PetscErrorCode BrenierConditionsSource(BrenierSource noise, BrenierTargets targets, const BrenierConditions *conditions,
                                       BrenierSource *source);

/* Says what pairs the source has. Collective on the world. */
PetscErrorCode BrenierConditionsPrint(const BrenierConditions *conditions, BrenierSource source);

/* Refuses a file of conditions for a result without, and none for a result with conditions. Collective on the world;
   errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierConditionsCheckGiven(const BrenierConditions *conditions, const char given[],
                                           const char result[]);

/* Takes n rows (x, sqrt(B) c) of `dim` numbers apart: x to the front of the array, one after the other, and c to
   `condition`, shape [n, columns]. Does nothing where there are no conditions. Not collective. */
void BrenierConditionsSplit(const BrenierConditions *conditions, PetscInt n, PetscInt dim, PetscReal x[],
                            PetscReal condition[]);
