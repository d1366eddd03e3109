/* class_option.h - The option that names one class of a result with many. */
#pragma once

#include "command.h"

#include <brenier/class_result.h>

/* One class, or the one map that a result has. */
typedef struct {
  PetscBool  given;
  PetscInt64 label;
} ClassChoice;

/* Line of a command's table, for a member of its request that is a ClassChoice. */
#define BRENIER_CLASS_OPTION(request, member)                                                                          \
  {                                                                                                                    \
    "-class", "LABEL", BRENIER_INT(request, member.label, -BRENIER_MOST_SEED, BRENIER_MOST_SEED),                      \
        .text = "of a result with one map for each class (solve -classes): the class of this label"                    \
  }

/* Notes whether the option is given. Collective on the world. */
PetscErrorCode BrenierClassChoiceCheck(ClassChoice *choice);

/* Reads the map of the class, or the one map. Collective on the world; errors as BrenierResultRead() and
   BrenierResultReadClass(). */
PetscErrorCode BrenierClassChoiceRead(const ClassChoice *choice, const char path[], BrenierResult *result,
                                      BrenierTargets *targets, Vec *h);
