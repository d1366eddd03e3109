/*
  bounds.h - What the pieces of a lower envelope tell the filter about u along one curve.

  In each sector the piece at its middle is a plane below u; the first test gets the piece at the centre (chord), or
  sinusoids below all pieces (circle): their centres follow the shape of u, their constants are exact.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/tile.h>

/* Planes of the pieces in their order; the caller fills them. A zeroed struct is empty. */
typedef struct {
  size_t     capacity;
  PetscReal *a, *b, *h;
  PetscReal (*at)[2]; /* work: cosine and sine of the starts, shape [capacity + 1] */
} BrenierBounds;

PetscErrorCode BrenierBoundsReserve_Private(BrenierBounds *bounds, size_t n);
PetscErrorCode BrenierBoundsFree_Private(BrenierBounds *bounds);

/* Enters n pieces with starts start[0..n] as the bounds of curve c of the tile. Circles and chords. */
void BrenierBoundsSet_Private(const BrenierBounds *bounds, BrenierCurveType type, size_t n, const PetscReal start[],
                              BrenierTileCurves *tile, size_t c);
