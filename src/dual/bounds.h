/*
  bounds.h - What planes below u tell the filter about u along one curve.

  In each sector the plane that is highest at its middle bounds u; where the planes are those of an envelope, that is u there.
  The first test of a chord gets the plane at its centre; that of a circle gets the radii of the set of planes below the
  bound.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/tile.h>

/* One plane below u for each sector of a circle or chord, and its value at the sector's middle (-HUGE_VAL: no plane yet). */
typedef struct {
  PetscReal a[BRENIER_SECTORS], b[BRENIER_SECTORS], h[BRENIER_SECTORS], value[BRENIER_SECTORS];
  PetscInt  n_raised; /* sectors, since the radii of a circle were made last */
} BrenierBounds;

/* Where the heights of the targets are that come: some height in the middle, one that none exceeds (HUGE_VAL: unknown), and
   the most that the first test allows one (see tile.h), by which they may seem higher. */
typedef struct {
  PetscReal            middle, highest;
  BrenierTileAllowance most;
} BrenierHeights;

/* Fills tables, once. To be called before threads call what follows, for bounds of their own. */
void BrenierBoundsPrepare_Private(void);

/* Forgets all planes. */
void BrenierBoundsClear_Private(BrenierBounds *bounds);

/*
  BrenierBoundsRaise_Private - Takes those of n planes (a, b, h), all below u, that are higher in some sector than what is there

  Not collective. Says whether there are any. chosen: shape [BRENIER_SECTORS], the plane that each sector took, -1 for none;
  or NULL. After the first plane all sectors have one. O(n BRENIER_SECTORS).
*/
PetscBool BrenierBoundsRaise_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                                     const PetscReal h[], BrenierBounds *bounds, PetscInt chosen[]);

/* Enters the bounds, which have planes, as those of curve c of the tile. They hold for any u above these planes. Radii stay
   as they are while few sectors have risen. */
void BrenierBoundsEnter_Private(BrenierCurveType type, BrenierBounds *bounds, BrenierHeights heights,
                                BrenierTileCurves *tile, size_t c);

/*
  BrenierBoundsReach_Private - How far planes (a, b, cap) get above one piece [s, e] of an envelope, plane (A, B, H)

  Not collective. at_s, at_e: cosine and sine of the ends, as they are shared with the pieces beside; not read on a line. above:
  shape [n], raised to the largest difference on the piece where that is larger. Exact up to rounding.
*/
void BrenierBoundsReach_Private(BrenierCurveType type, PetscInt n, const PetscReal a[], const PetscReal b[],
                                const PetscReal cap[], PetscReal A, PetscReal B, PetscReal H, PetscReal s, PetscReal e,
                                const PetscReal at_s[2], const PetscReal at_e[2], PetscReal above[]);
