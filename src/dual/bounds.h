/*
  bounds.h - What planes below u tell the filter about u along one curve.

  In each sector the plane that is highest at its middle bounds u; where the planes are those of an envelope, that is u
  there. The first test of a chord gets the plane at its centre; that of a circle gets the radii of the set of planes
  below the bound.
*/
#pragma once

#include <brenier/compat.h>
#include <brenier/tile.h>

/* A plane along a curve: (a, b) by the functions of envelope.h, and its height. */
typedef struct {
  PetscReal a, b, h;
} BrenierPlane;

/* A piece [s, e] of a curve; on a circle also cosine and sine of its ends, as they are shared with the pieces
   beside. */
typedef struct {
  PetscReal s, e, at_s[2], at_e[2];
} BrenierSpan;

/* Middles of the sectors: cosine and sine on a circle, 1 and position on a chord. */
typedef struct {
  PetscReal x[BRENIER_SECTORS], y[BRENIER_SECTORS];
} BrenierMiddles;

/* One plane below u for each sector of a circle or chord, and its value at the sector's middle (-HUGE_VAL: no plane
   yet). */
typedef struct {
  PetscReal a[BRENIER_SECTORS], b[BRENIER_SECTORS], h[BRENIER_SECTORS], value[BRENIER_SECTORS];
  PetscInt  n_raised; /* sectors, since the radii of a circle were made last */
} BrenierBounds;

/* Where the heights of the targets are that come: some height in the middle, one that none exceeds (HUGE_VAL: unknown),
   and the most that the first test allows one (see tile.h), by which they may seem higher. */
typedef struct {
  PetscReal            middle, highest;
  BrenierTileAllowance most;
} BrenierHeights;

/* Tables, filled when they are asked for first; to be asked for before threads call what follows, for bounds of their
   own. */
const BrenierMiddles *BrenierCircleMiddles(void);
const BrenierMiddles *BrenierChordMiddles(void);

/* Forgets all planes. */
void BrenierBoundsClear(BrenierBounds *bounds);

/*
  BrenierBoundsRaise - Takes those of n planes (a, b, h), all below u, that are higher in some sector than what is there

  Not collective. Says whether there are any. at: the middles of the family of curves. chosen: shape [BRENIER_SECTORS],
  the plane that each sector took, -1 for none; or NULL. After the first plane all sectors have one. O(n
  BRENIER_SECTORS).
*/
PetscBool BrenierBoundsRaise(const BrenierMiddles *at, PetscInt n, const PetscReal a[], const PetscReal b[],
                             const PetscReal h[], BrenierBounds *bounds, PetscInt chosen[]);

/* Enters the bounds, which have planes, as those of curve c of the tile. They hold for any u above these planes. Radii
   of a circle stay as they are while few sectors have risen. Not collective. */
typedef void       BrenierBoundsEnter(BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c);
BrenierBoundsEnter BrenierCircleBoundsEnter, BrenierChordBoundsEnter;

/*
  BrenierBoundsReach - How far planes (a, b, cap) get above one piece of an envelope and its plane

  Not collective. above: shape [n], raised to the largest difference on the piece where that is larger. Exact up to
  rounding.
*/
typedef void       BrenierBoundsReach(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                                      const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[]);
BrenierBoundsReach BrenierCircleReach, BrenierLineReach;
