/* extend.h - The options that say how the map goes on between the targets, shared by map, sample and facets. */
#pragma once

#include "command.h"

#include <brenier/extension.h>
#include <brenier/result.h>
#include <brenier/run.h>
#include <brenier/store.h>

typedef enum { BRENIER_SINGULAR_PROJECT, BRENIER_SINGULAR_REJECT, BRENIER_SINGULAR_KEEP } BrenierSingular;

/* Places in BrenierExtensionNames. */
typedef enum { BRENIER_EXTENSION_NONE, BRENIER_EXTENSION_LINEAR, BRENIER_EXTENSION_PIECEWISE } BrenierExtensionKind;

extern const char *const BrenierSingularNames[], *const BrenierExtensionNames[];

/* Lists of options that commands have in common: of the extension, of the singular set, and what becomes of means
   across it. */
#define BRENIER_EXTENSION_OPTIONS(OWN)                                                                                 \
  OWN(CHOICE, kind, "-extension", .choice = BrenierExtensionNames, .standard = "none", .group = "extension",           \
      .text = "codes: the targets themselves; means of the nearest targets; or, where targets span at most three "     \
              "dimensions, those of a continuous map, linear between barycentres")                                     \
  OWN(INT, neighbours, "-neighbours", "K", .low = 1, .high = BRENIER_MOST_COUNT,                                       \
      .rule = BRENIER_WORDS(BRENIER_NEIGHBOURS),                                                                       \
      .text = "number of targets of a mean, weighted by inverse distance to the barycentres")                          \
  OWN(INT, curves, "-curves", "N", .low = BRENIER_FEWEST_CURVES, .high = BRENIER_MOST_COUNT,                           \
      .rule = "none where cells are exact, else 4 circles per target",                                                 \
      .text = "number of curves to measure barycentres and facets on")
#define BRENIER_ANGLE_OPTIONS(OWN)                                                                                     \
  OWN(CHOICE, convention, "-angle", .choice = BrenierAngleNames, .standard = "lifted", .group = "singular set",        \
      .text = "angle between targets as they are, or with a last component -1 added (lifted)")                         \
  OWN(REAL, threshold, "-threshold", "DEGREES", .low = 0.0, .high = 180.0, .rule = "none",                             \
      .text = "a facet is singular when its angle is above this")                                                      \
  OWN(REAL, quantile, "-quantile", "Q", .low = 0.0, .high = 1.0, .rule = "none",                                       \
      .text = "or above this quantile of all angles, weighted by facet mass")
#define BRENIER_SINGULAR_OPTION(OWN)                                                                                   \
  OWN(CHOICE, singular, "-singular", .choice = BrenierSingularNames, .standard = "project",                            \
      .text = "singular means: without the targets across the singular set (project), rejected, or kept")

/* Where the singular set begins, as asked for. */
typedef struct {
  BRENIER_ANGLE_OPTIONS(BRENIER_OPTION_MEMBER)
  PetscBool by_angle, by_quantile; /* neither: nothing is singular */
} BrenierThreshold;

/* The extension as asked for, and what was made of it. 0 neighbours are as many as usual; 0 curves are exact cells, or
   as many as usual. */
typedef struct {
  BRENIER_EXTENSION_OPTIONS(BRENIER_OPTION_MEMBER)
  BRENIER_SINGULAR_OPTION(BRENIER_OPTION_MEMBER)
  BrenierThreshold threshold;
  PetscBool        linear, piecewise;
  BrenierExtension extension;
  PetscReal       *barycentre; /* owned */
} BrenierExtensionOptions;

/* Completes what was read of -angle, -threshold, -quantile: which of them were given. Collective on the world; errors
   are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierThresholdCheck(BrenierThreshold *threshold);

/* The same for the options of the extension; `singular` when the command has those of the singular set as well. */
PetscErrorCode BrenierExtensionOptionsCheck(PetscBool singular, BrenierExtensionOptions *extend);

/* The threshold in degrees; measures the facets for a quantile. Collective on the targets. */
PetscErrorCode BrenierThresholdDegrees(const BrenierThreshold *threshold, const BrenierResult *result,
                                       BrenierTargets targets, Vec h, PetscInt64 curves, PetscReal *degrees);

/* Barycentres from the result file or measured, and the threshold; says what it found. Collective on the targets.
   Errors: PETSC_ERR_USER_INPUT for more neighbours than targets. */
PetscErrorCode BrenierExtensionOptionsSetUp(BrenierExtensionOptions *extend, const BrenierResult *result,
                                            BrenierTargets targets, Vec h);
PetscErrorCode BrenierExtensionOptionsDestroy(BrenierExtensionOptions *extend);

/* Says in the root attributes of a file how its codes were made. Collective on the store. */
PetscErrorCode BrenierExtensionOptionsSetAttributes(const BrenierExtensionOptions *extend, BrenierStore store);
