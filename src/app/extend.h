/* extend.h - The options that say how the map goes on between the targets, shared by map, sample and facets. */
#pragma once

#include "command.h"

#include <brenier/extension.h>
#include <brenier/result.h>
#include <brenier/store.h>

typedef enum { BRENIER_SINGULAR_PROJECT, BRENIER_SINGULAR_REJECT, BRENIER_SINGULAR_KEEP } BrenierSingular;

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
  PetscBool        linear;
  BrenierExtension extension;
  PetscReal       *barycentre; /* owned */
} BrenierExtensionOptions;

/* Lines of a command's table, for a member of its request that is a BrenierExtensionOptions or a BrenierThreshold. */
#define BRENIER_EXTENSION_OPTIONS(request, member)                                                                     \
  {"-extension", BRENIER_CHOICE(request, member.kind, BrenierExtensionNames), .standard = "none",                      \
   .text = "none: the targets alone; linear: a mean of the nearest, see -neighbours"},                                 \
      {"-neighbours", "K", BRENIER_INT(request, member.neighbours, 1, BRENIER_MOST_COUNT),                             \
       .rule = BRENIER_WORDS(BRENIER_NEIGHBOURS),                                                                      \
       .text = "targets of a mean, highest planes first, by inverse distance to barycentres"},                         \
  {                                                                                                                    \
    "-curves", "N", BRENIER_INT(request, member.curves, 64, BRENIER_MOST_COUNT),                                       \
        .text = "curves that measure barycentres and facets",                                                          \
        .rule = "exact cells in 2 and 3 dimensions, else 4 circles a target"                                           \
  }
#define BRENIER_ANGLE_OPTIONS(request, member)                                                                         \
  {"-angle", BRENIER_CHOICE(request, member.convention, BrenierAngleNames), .standard = "lifted",                      \
   .text = "between targets: with a last component -1, or as they are"},                                               \
      {"-threshold", "DEGREES", BRENIER_REAL(request, member.threshold, 0.0, 180.0),                                   \
       .text = "a facet is singular above this angle"},                                                                \
  {                                                                                                                    \
    "-quantile", "Q", BRENIER_REAL(request, member.quantile, 0.0, 1.0),                                                \
        .text = "or above this quantile of the angles weighted by facet mass"                                          \
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
