/* extend.h - The options that say how the map goes on between the targets, shared by map, sample and facets. */
#pragma once

#include "command.h"

#include <brenier/extension.h>
#include <brenier/result.h>
#include <brenier/store.h>

typedef enum { BRENIER_SINGULAR_PROJECT, BRENIER_SINGULAR_REJECT, BRENIER_SINGULAR_KEEP } BrenierSingular;

/* Places in BrenierExtensionNames. */
typedef enum { BRENIER_EXTENSION_NONE, BRENIER_EXTENSION_LINEAR, BRENIER_EXTENSION_PIECEWISE } BrenierExtensionKind;

extern const char *const BrenierSingularNames[], *const BrenierExtensionNames[];

/* Where the singular set begins, as asked for. */
typedef struct {
  PetscInt  convention;            /* a BrenierAngle */
  PetscBool by_angle, by_quantile; /* neither: nothing is singular */
  PetscReal threshold, quantile;
} BrenierThreshold;

/* The extension as asked for, and what was made of it. */
typedef struct {
  PetscInt         kind;       /* index into BrenierExtensionNames */
  PetscInt64       neighbours; /* 0: as many as usual */
  PetscInt64       curves;     /* 0: exact cells, or as many as usual */
  PetscInt         singular;   /* a BrenierSingular */
  BrenierThreshold threshold;
  PetscBool        linear, piecewise;
  BrenierExtension extension;
  PetscReal       *barycentre; /* owned */
} BrenierExtensionOptions;

/* Lines of a command's table, for a member of its request that is a BrenierExtensionOptions or a BrenierThreshold. */
#define BRENIER_EXTENSION_OPTIONS(request, member)                                                                     \
  {"-extension", BRENIER_CHOICE(request, member.kind, BrenierExtensionNames), .standard = "none",                      \
   .text  = "codes: the targets themselves; means of the nearest targets; or, where targets span at most three "       \
            "dimensions, those of a continuous map, linear between barycentres",                                       \
   .group = "extension"},                                                                                              \
      {"-neighbours", "K", BRENIER_INT(request, member.neighbours, 1, BRENIER_MOST_COUNT),                             \
       .rule = BRENIER_WORDS(BRENIER_NEIGHBOURS),                                                                      \
       .text = "number of targets of a mean, weighted by inverse distance to the barycentres"},                        \
  {                                                                                                                    \
    "-curves", "N", BRENIER_INT(request, member.curves, 64, BRENIER_MOST_COUNT),                                       \
        .text = "number of curves to measure barycentres and facets on",                                               \
        .rule = "none where cells are exact, else 4 circles per target"                                                \
  }
#define BRENIER_ANGLE_OPTIONS(request, member)                                                                         \
  {"-angle", BRENIER_CHOICE(request, member.convention, BrenierAngleNames), .standard = "lifted",                      \
   .group = "singular set", .text = "angle between targets as they are, or with a last component -1 added (lifted)"},  \
      {"-threshold", "DEGREES", BRENIER_REAL(request, member.threshold, 0.0, 180.0),                                   \
       .text = "a facet is singular when its angle is above this", .rule = "none"},                                    \
  {                                                                                                                    \
    "-quantile", "Q", BRENIER_REAL(request, member.quantile, 0.0, 1.0),                                                \
        .text = "or above this quantile of all angles, weighted by facet mass", .rule = "none"                         \
  }

/* Neighbours of a mean where -neighbours does not say. */
#define BRENIER_NEIGHBOURS 3

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
