/* extend.h - The options that say how the map goes on between the targets, shared by map, sample and facets. */
#pragma once

#include "app.h"

#include <brenier/extension.h>
#include <brenier/result.h>
#include <brenier/store.h>

/* Lines of a command's table. */
#define BRENIER_EXTENSION_OPTIONS                                                                                        \
  {"-extension", "none|linear", "none: the targets alone (default); linear: a mean of the nearest, see -neighbours"},    \
      {"-neighbours", "K", "targets of a mean, highest planes first, by inverse distance to barycentres; default 3"},    \
  {                                                                                                                      \
    "-curves", "N",                                                                                                      \
        "curves that measure barycentres and facets; default exact cells in 2 and 3 dimensions, else 4 circles a target" \
  }
#define BRENIER_ANGLE_OPTIONS                                                                                          \
  {"-angle", "lifted|unlifted", "between targets: with a last component -1 (default), or as they are"},                \
      {"-threshold", "DEGREES", "a facet is singular above this angle, 0 to 180"},                                     \
  {                                                                                                                    \
    "-quantile", "Q", "or above this quantile, 0 to 1, of the angles weighted by facet mass"                           \
  }

typedef enum { BRENIER_SINGULAR_PROJECT, BRENIER_SINGULAR_REJECT, BRENIER_SINGULAR_KEEP } BrenierSingular;

extern const char *const BrenierSingularNames[];

/* Where the singular set begins, as asked for. */
typedef struct {
  BrenierAngle convention;
  PetscBool    by_angle, by_quantile; /* neither: nothing is singular */
  PetscReal    threshold, quantile;
} BrenierThreshold;

/* The extension as asked for, and what was made of it. */
typedef struct {
  PetscBool        linear;
  PetscInt64       curves; /* 0: exact cells, or as many as usual */
  BrenierThreshold threshold;
  BrenierSingular  singular;
  BrenierExtension extension;
  PetscReal       *barycentre; /* owned */
} BrenierExtend;

/* Reads -angle, -threshold, -quantile. Collective on the world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierOptionsThreshold(BrenierThreshold *threshold);

/* Reads the options of the extension; `singular` when the command has those of the singular set as well. The same. */
PetscErrorCode BrenierOptionsExtend(PetscBool singular, BrenierExtend *extend);

/* The threshold in degrees; measures the facets for a quantile. Collective on the targets. */
PetscErrorCode BrenierThresholdDegrees(const BrenierThreshold *threshold, const BrenierResult *result,
                                       BrenierTargets targets, Vec h, PetscInt64 curves, PetscReal *degrees);

/* Barycentres from the result file or measured, and the threshold; says what it found. Collective on the targets.
   Errors: PETSC_ERR_USER_INPUT for more neighbours than targets. */
PetscErrorCode BrenierExtendSetUp(BrenierExtend *extend, const BrenierResult *result, BrenierTargets targets, Vec h);
PetscErrorCode BrenierExtendDestroy(BrenierExtend *extend);

/* Says in the root attributes of a file how its codes were made. Collective on the store. */
PetscErrorCode BrenierExtendSetAttributes(const BrenierExtend *extend, BrenierStore store);
