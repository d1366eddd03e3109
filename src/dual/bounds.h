/*
  bounds.h - Lower bounds of u along one curve, for the filter (tile.h).

  A curve is divided into BRENIER_SECTORS sectors. Of the known planes below u, the one that is highest at the middle of
  a sector bounds u in that sector; at the middle it is u where the planes are those of an envelope. The first test of a
  chord uses the plane at the centre. The first test of a circle uses a star-shaped set of planes below the bound, given
  by its radii in BRENIER_DIRECTIONS directions: bounds.c.
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
  PetscInt  n_raised; /* improved sectors since the radii of a circle were computed */
} BrenierBounds;

/* Heights of the targets to be scanned: one in the middle, an upper bound (HUGE_VAL: unknown), and the largest error
   that the first test allows a target (tile.h), which adds to its height. */
typedef struct {
  PetscReal            middle, highest;
  BrenierTileAllowance most;
} BrenierHeights;

/* Tables, filled at the first call. Call them before threads use the functions below, each thread for bounds of its
   own. */
const BrenierMiddles *BrenierCircleMiddles(void);
const BrenierMiddles *BrenierChordMiddles(void);

/* Removes all planes. */
void BrenierBoundsClear(BrenierBounds *bounds);

/*
  BrenierBoundsRaise - Improves the bounds by n planes (a, b, h), all below u

  Not collective. Returns whether a sector improved. at: the middles of the family of curves. chosen: shape
  [BRENIER_SECTORS], the new plane of each sector, -1 where it did not improve; or NULL. After the first plane all
  sectors have one. O(n BRENIER_SECTORS).
*/
PetscBool BrenierBoundsRaise(const BrenierMiddles *at, PetscInt n, const PetscReal a[], const PetscReal b[],
                             const PetscReal h[], BrenierBounds *bounds, PetscInt chosen[]);

/* Enters the bounds as those of curve c of the tile; every sector has a plane. They hold for any u above these planes.
   The radii of a circle are computed again only when several sectors have improved. Not collective. */
typedef void       BrenierBoundsEnter(BrenierBounds *bounds, BrenierHeights heights, BrenierTileCurves *tile, size_t c);
BrenierBoundsEnter BrenierCircleBoundsEnter, BrenierCentredBoundsEnter, BrenierChordBoundsEnter;

/*
  BrenierBoundsReach - Largest difference of planes (a, b, upper) and one piece of an envelope

  Not collective. above: shape [n], raised to the maximum on the piece of (a, b, upper) minus its plane where that is
  larger. Exact up to rounding.
*/
typedef void       BrenierBoundsReach(PetscInt n, const PetscReal a[], const PetscReal b[], const PetscReal upper[],
                                      const BrenierPlane *plane, const BrenierSpan *piece, PetscReal above[]);
BrenierBoundsReach BrenierCircleReach, BrenierLineReach;
