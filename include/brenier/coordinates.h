/*
  coordinates.h - Points of this rank, in the precision they came in, of which one at a time is seen in double.

  Numbers in single precision take half the memory, and are the same numbers in double precision. Where points are to be
  centred, that is done as they are seen: no second copy of them is made.
*/
#pragma once

#include <brenier/dot.h>
#include <petscsys.h>

typedef struct {
  PetscInt         n, dim;
  size_t           stride; /* from a point to the next, in numbers; dim where nothing lies between them */
  const float     *single; /* shape [n, stride]; NULL where they are in double precision: */
  const PetscReal *value;  /* shape [n, stride] */
  const PetscReal *origin; /* subtracted from each point, shape [dim]; NULL for 0 */
  PetscReal        scale;  /* by which the difference is multiplied; 1 without an origin */
} BrenierCoordinates;

/* Points to be written to, in one of two precisions. */
typedef struct {
  PetscInt   dim;
  PetscReal *value;  /* shape [n, dim], or NULL */
  float     *single; /* the same in single precision; NULL where there is `value`, or where there are no points */
} BrenierMutablePoints;

/*@
  BrenierPointsSet - Sets one number of a point

  Not collective

  Input Parameters:
+ points - the points
. i      - which of them
. k      - which of its numbers
- x      - the number; unit: the caller's

  Cost: O(1)
@*/
static inline void BrenierPointsSet(const BrenierMutablePoints *points, PetscInt i, PetscInt k, PetscReal x)
{
  const size_t at = (size_t)i * (size_t)points->dim + (size_t)k;

  if (points->single) points->single[at] = (float)x;
  else points->value[at] = x;
}

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
  return (BrenierCoordinates){n, dim, (size_t)dim, NULL, value, NULL, 1.0};
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
  const size_t at = (size_t)i * points->stride, dim = (size_t)points->dim;

  if (points->origin && points->single)
    BrenierCentreSingle(dim, points->single + at, points->origin, points->scale, work);
  else if (points->origin) BrenierCentre(dim, points->value + at, points->origin, points->scale, work);
  else if (points->single)
    for (size_t k = 0; k < dim; ++k) work[k] = (PetscReal)points->single[at + k];
  else return points->value + at;
  return work;
}

/*@
  BrenierCoordinate - Gives one number of a point in double precision

  Not collective

  Input Parameters:
+ points - the points
. i      - which of them
- k      - which of its numbers

  Returns: the number; unit: the caller's

  Cost: O(1)
@*/
static inline PetscReal BrenierCoordinate(const BrenierCoordinates *points, PetscInt i, PetscInt k)
{
  const size_t    at = (size_t)i * points->stride + (size_t)k;
  const PetscReal x  = points->single ? (PetscReal)points->single[at] : points->value[at];

  return points->origin ? (x - points->origin[k]) * points->scale : x;
}

/*@
  BrenierPointPrefetch - Asks for a point to be brought near, to be read soon

  Not collective

  Input Parameters:
+ points - the points
- i      - which of them

  Cost: a hint for each line of the cache
@*/
static inline void BrenierPointPrefetch(const BrenierCoordinates *points, PetscInt i)
{
  const size_t at = (size_t)i * points->stride, line = 64;
  const size_t bytes = (size_t)points->dim * (points->single ? sizeof *points->single : sizeof *points->value);
  const char  *from  = points->single ? (const char *)(points->single + at) : (const char *)(points->value + at);

  for (size_t k = 0; k < bytes; k += line) __builtin_prefetch(from + k);
}
