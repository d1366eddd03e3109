/* codes.h - What encode and decode share: the linear auto-encoder as both know it, and rows in single precision. */
#pragma once

#include "command.h"

#include <brenier/array.h>
#include <brenier/linear.h>
#include <brenier/store.h>

typedef struct {
  PetscInt   p, d;      /* features, components */
  PetscReal *mean;      /* owned, [p] */
  PetscReal *component; /* owned, [d, p] */
} BrenierCoder;

PetscErrorCode BrenierCoderCreate(PetscInt p, PetscInt d, BrenierCoder *coder);
PetscErrorCode BrenierCoderDestroy(BrenierCoder *coder);

/* Rows that are worked on at once, some 8 MB of them. */
PetscInt BrenierCoderSlab(const BrenierCoder *coder);

/* Rounds to single precision; false when a number is too large for it. */
PetscBool BrenierToSingle(size_t count, const PetscReal x[], float y[]);

/* Says which program wrote a file and what of: root attributes software, version, input, input_bytes, input_xxh3.
   Collective on the store. */
PetscErrorCode BrenierSetOrigin(BrenierStore store, const char input[], PetscInt64 bytes, PetscInt64 hash);
