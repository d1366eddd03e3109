/* scales_impl.h - What the files of scales.h share. */
#pragma once

#include <brenier/scales.h>

/* Numbers of groups from those of targets: the sums over their members. x shape [n_nodes]. Not collective. */
PETSC_INTERN void BrenierScalesAddUp_Private(BrenierScales scales, PetscReal x[]);

/* Members of each group g, member[first[g - n]] to member[first[g - n + 1] - 1]; those of the whole come as one more.
   first: shape [n_nodes - n + 3]; member: shape [n_nodes]. Not collective. */
PETSC_INTERN PetscErrorCode BrenierScalesListMembers_Private(BrenierScales scales, PetscInt first[], PetscInt member[]);

/* A node or target, and its place along a direction; sorted by qsort() with the comparison. */
typedef struct {
  PetscReal along;
  PetscInt  node;
} BrenierScalesPlace;

PETSC_INTERN int BrenierScalesComparePlaces_Private(const void *left, const void *right);

/* The square of the distance: differences come first, as near ones must keep their digits. */
static inline PetscReal BrenierScalesSquareApart(PetscInt dim, const PetscReal x[], const PetscReal y[])
{
  enum { LANES = 8 };
  PetscReal      part[LANES] = {0.0}, sum = 0.0;
  const PetscInt whole = dim - dim % LANES;

  for (PetscInt k = 0; k < whole; k += LANES)
    for (PetscInt l = 0; l < LANES; ++l) part[l] += (x[k + l] - y[k + l]) * (x[k + l] - y[k + l]);
  for (PetscInt k = whole; k < dim; ++k) sum += (x[k] - y[k]) * (x[k] - y[k]);
  for (PetscInt l = 0; l < LANES; ++l) sum += part[l];
  return sum;
}

/* Finds the lines (scales.h) of finished nodes, the same on all ranks. y: all targets, shape [n, dim]. Not
   collective. */
PETSC_INTERN PetscErrorCode BrenierScalesFindLines_Private(BrenierScales scales, PetscInt dim, const PetscReal y[]);
