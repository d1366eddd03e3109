/*
  bounds.h - What planes below u tell the filter about u along one curve.

  In each sector the plane that is highest at its middle bounds u; where the planes are those of an envelope, that is u there.
  The first test of a chord gets the plane at its centre; that of a circle gets sinusoids that follow the shape of u, lowered
  until they are below the bound in every sector.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/tile.h>

/*
  BrenierBoundsSet_Private - Enters n >= 1 planes (a, b, h), all below u, as the bounds of curve c of the tile

  Not collective. Circles and chords. chosen: shape [BRENIER_SECTORS], the plane of each sector, or NULL. The bounds of a circle
  or chord hold for any u above the planes chosen. O(n BRENIER_SECTORS).
*/
void BrenierBoundsSet_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                              const PetscReal h[], BrenierTileCurves *tile, size_t c, PetscInt chosen[]);

/*
  BrenierBoundsReach_Private - How far planes (a, b, cap) get above one piece [s, e] of an envelope, plane (A, B, H)

  Not collective. above: shape [n], raised to the largest difference on the piece where that is larger. Exact up to rounding.
*/
void BrenierBoundsReach_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                                const PetscReal cap[], PetscReal A, PetscReal B, PetscReal H, PetscReal s, PetscReal e,
                                PetscReal above[]);
