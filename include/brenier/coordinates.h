/*
  coordinates.h - Points of this rank, in the precision they came in, of which one at a time is seen in double.

  Numbers in single precision take half the memory, and are the same numbers in double precision. Where points are to be
  centred, that is done as they are seen: no second copy of them is made.
*/
#pragma once

#include <petscsys.h>

typedef struct {
  PetscInt         n, dim;
  const float     *single; /* shape [n, dim]; NULL where they are in double precision: */
  const PetscReal *value;  /* shape [n, dim] */
  const PetscReal *origin; /* subtracted from each point, shape [dim]; NULL for 0 */
  PetscReal        scale;  /* by which the difference is multiplied; 1 without an origin */
} BrenierCoordinates;

/*@
  BrenierCoordinatesOf - Gives points in double precision, as they are

  Not collective

  Input Parameters:
+ n     - number of points
. dim   - dimension
- value - points, shape [n, dim], borrowed; unit: the caller's

  Returns: the points; unit: the caller's

  Cost: O(1)
@*/
static inline BrenierCoordinates BrenierCoordinatesOf(PetscInt n, PetscInt dim, const PetscReal value[])
{
  return (BrenierCoordinates){n, dim, NULL, value, NULL, 1.0};
}

/*@
  BrenierPoint - Gives one point in double precision

  Not collective

  Input Parameters:
+ points - the points
. i      - which of them
- work   - for numbers that do not lie in memory as they are to be seen, shape [dim]; unit: the caller's

  Returns: the point, shape [dim], in `work` or where it lies; unit: the caller's

  Cost: 2 dim flops
@*/
static inline const PetscReal *BrenierPoint(const BrenierCoordinates *points, PetscInt i, PetscReal work[])
{
  const size_t     at     = (size_t)i * (size_t)points->dim;
  const float     *single = points->single ? points->single + at : NULL;
  const PetscReal *value = points->value ? points->value + at : NULL, *origin = points->origin;

  if (!single && !origin) return value;
  for (PetscInt k = 0; k < points->dim; ++k) work[k] = single ? (PetscReal)single[k] : value[k];
  if (origin)
    for (PetscInt k = 0; k < points->dim; ++k) work[k] = (work[k] - origin[k]) * points->scale;
  return work;
}
