/*
  curve.h - The family of curves that a source is sampled by: great circles, chords, or the one line of one dimension.

  All that the dual asks about a family stands in one table of functions, which curve.c has one row of for each family.
  Along a curve a target's plane <x, y> + h is a function of one variable, with two numbers a and b beside its height
  (envelope.h). The height is h, and on a circle about a point m it is h + <m, y>.
*/
#pragma once

#include <brenier/envelope.h>
#include <brenier/source.h>
#include <brenier/tile.h>
#include "bounds.h"

typedef struct BrenierCurveFamily BrenierCurveFamily;

/* A test of the filter in double precision: tile.h. */
typedef void BrenierTileTest(const BrenierTileCurves *, size_t c, size_t n, const double a[], const double b[],
                             const double h[], double above[]);

typedef struct {
  const BrenierCurveFamily *family;
  BrenierLineMeasure        measure; /* along a chord or the line */
  PetscInt                  dim;
} BrenierCurves;

/*
  plane, envelope, share - the functions below
  end      - where a curve ends
  integral - of a plane over a piece with respect to the measure of a curve
  crossing - what the crossing at t of planes da and db apart adds to the Hessian
  least    - the least value of a plane on a piece, exact
  moment   - coordinates [first, first + n) of the moment of a piece on which the functions of a, of b and of the
           height integrate to integral[0] to integral[2]
  middles, enter, reach - the bounds of bounds.h
*/
struct BrenierCurveFamily {
  BrenierTileKind  tile;        /* how the filter sees them */
  int              n_vectors;   /* products with each target */
  PetscBool        is_closed;   /* the last piece meets the first */
  PetscBool        is_filtered; /* otherwise every target is a candidate, and there is nothing to keep lists for */
  PetscBool        has_base;    /* a plane adds <m, y> to the height of its target, m the centre of the curve */
  PetscBool        bends;       /* planes are sines: between the ends of a piece they leave their chords */
  BrenierTileTest *test[2];     /* those that a candidate has to pass, in their order; NULL: no more */
  void (*plane)(const BrenierCurves *, const BrenierCurve *, const PetscReal y[], PetscReal *a, PetscReal *b,
                PetscReal *base);
  int (*envelope)(const BrenierCurves *, size_t k, const PetscReal a[], const PetscReal b[], const PetscReal h[],
                  BrenierEnvelope *);
  PetscReal (*share)(const BrenierCurves *, PetscReal t);
  PetscReal (*end)(const BrenierCurves *);
  PetscReal (*integral)(const BrenierCurves *, const BrenierPlane *, const BrenierSpan *);
  PetscReal (*crossing)(const BrenierCurves *, PetscReal da, PetscReal db, PetscReal t);
  PetscReal (*least)(const BrenierPlane *, const BrenierSpan *);
  void (*moment)(const BrenierCurve *, PetscInt first, PetscInt n, const PetscReal integral[3], PetscReal moment[]);
  const BrenierMiddles *(*middles)(void);
  BrenierBoundsEnter *enter;
  BrenierBoundsReach *reach;
};

/* The curves of a source. Not collective. */
void BrenierCurvesSet(BrenierSource source, BrenierCurves *curves);

/* Plane of a normalised target along a curve: a, b, and `base`, what it adds to the target's height. */
static inline void BrenierCurvesPlane(const BrenierCurves *curves, const BrenierCurve *curve, const PetscReal y[],
                                      PetscReal *a, PetscReal *b, PetscReal *base)
{
  curves->family->plane(curves, curve, y, a, b, base);
}

/* Sets curve c of a tile. */
static inline void BrenierCurvesSetTile(BrenierTileCurves *tile, size_t c, const BrenierCurve *curve)
{
  if (curve->centre) BrenierTileSetCentred(tile, c, curve->z1, curve->z2, curve->centre);
  else BrenierTileSetCurve(tile, c, curve->z1, curve->z2, (int)curve->axis);
}

/* Share of a curve's measure before t. */
static inline PetscReal BrenierCurvesShare(const BrenierCurves *curves, PetscReal t)
{
  return curves->family->share(curves, t);
}

/* Integral of a plane over a piece with respect to the measure of a curve. */
static inline PetscReal BrenierCurvesIntegral(const BrenierCurves *curves, const BrenierPlane *plane,
                                              const BrenierSpan *piece)
{
  return curves->family->integral(curves, plane, piece);
}

/* A piece of no length at s; and the piece from the end of the last one to e. Pieces in their order then need one
   cosine and one sine each. Threads may call these at once. */
BrenierSpan BrenierCurvesSpanAt(const BrenierCurves *curves, PetscReal s);
void        BrenierCurvesNextSpan(const BrenierCurves *curves, PetscReal e, BrenierSpan *piece);

/* Walks the envelope of k planes listed by ascending target; 0, or -1 when memory is out. Threads may call it at
   once. */
int BrenierCurvesEnvelope(const BrenierCurves *curves, PetscInt k, const PetscReal a[], const PetscReal b[],
                          const PetscReal h[], BrenierEnvelope *envelope);

/* int u along the curve of that envelope. Threads may call it at once. */
PetscReal BrenierCurvesPotential(const BrenierCurves *curves, const BrenierEnvelope *envelope, const PetscReal a[],
                                 const PetscReal b[], const PetscReal h[]);
