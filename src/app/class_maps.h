/* class_maps.h - The maps of all classes of a result at once: a class for each draw, and where its points go. */
#pragma once

#include "command.h"

#include <brenier/class_result.h>

typedef struct {
  PetscInt         n; /* classes */
  PetscInt         dim;
  BrenierClassFile file;    /* open on the world; borrowed */
  BrenierTargets  *targets; /* of each class, over all ranks, shape [n]; owned, as are the heights */
  Vec             *h;
  PetscReal       *cumulative; /* weights of the classes up to this one, shape [n] */
} ClassMaps;

/* Reads the maps of all classes; the source is the caller's to destroy. Collective on the world; errors as
   BrenierClassFileRead(). */
PetscErrorCode BrenierClassMapsRead(BrenierClassFile file, ClassMaps *maps, BrenierSource *source);

/* The class of a draw, in proportion to the weights; it depends on seed and number of the draw alone. Not
   collective. */
PetscInt BrenierClassMapsDraw(const ClassMaps *maps, PetscInt64 seed, PetscInt64 draw);

/* Carries points of this rank, each of its class, to targets: index is the row in the result, label that of the class.
   Collective on the world. */
PetscErrorCode BrenierClassMapsApply(const ClassMaps *maps, PetscInt n, const PetscInt class[], const PetscReal x[],
                                     PetscInt64 index[], PetscInt64 label[], PetscReal code[]);

/* Frees what is in it. Collective on the world. */
PetscErrorCode BrenierClassMapsDestroy(ClassMaps *maps);
