/* class_option.h - The option that names one class of a result with many. */
#pragma once

#include "command.h"

#include <brenier/class_result.h>

/* Of every command that takes one map of a result with many. */
#define BRENIER_CLASS_OPTION(OWN)                                                                                      \
  OWN(INT, label, "-class", "LABEL", .low = -BRENIER_MOST_SEED, .high = BRENIER_MOST_SEED,                             \
      .text = "of a result with one map for each class (solve -classes): the class of this label")

/* One class, or the one map that a result has. */
typedef struct {
  PetscBool given;
  BRENIER_CLASS_OPTION(BRENIER_OPTION_MEMBER)
} ClassChoice;

/* Notes whether the option is given. Collective on the world. */
PetscErrorCode BrenierClassChoiceCheck(ClassChoice *choice);

/* Reads the map of the class, or the one map. Collective on the world; errors as BrenierResultRead() and
   BrenierResultReadClass(). */
PetscErrorCode BrenierClassChoiceRead(const ClassChoice *choice, const char path[], BrenierResult *result,
                                      BrenierTargets *targets, Vec *h);
