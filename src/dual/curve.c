/* curve.c - Implements curve.h: the table of the families of curves. No other file distinguishes them. */
#include "curve.h"

#include <brenier/dot.h>

#include <math.h>
#include <string.h>

static void CirclePlane(const BrenierCurves *curves, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                        PetscReal *b, PetscReal *base)
{
  *base = 0.0;
  BrenierDotPair((size_t)curves->dim, curve->z1, curve->z2, y, a, b);
}

static void CentredPlane(const BrenierCurves *curves, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                         PetscReal *b, PetscReal *base)
{
  BrenierDotPair((size_t)curves->dim, curve->z1, curve->z2, y, a, b);
  *base = BrenierDot((size_t)curves->dim, curve->centre, y);
}

static void ChordPlane(const BrenierCurves *curves, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                       PetscReal *b, PetscReal *base)
{
  *base = 0.0;
  *b    = y[curve->axis];
  *a    = BrenierDot((size_t)curves->dim, curve->z1, y) - curve->z1[curve->axis] * *b;
}

static void LinePlane(const BrenierCurves *curves, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                      PetscReal *b, PetscReal *base)
{
  *base = 0.0;
  (void)curves;
  *a = 0.0;
  *b = curve->z1[0] * y[0];
}

static int CircleEnvelope(const BrenierCurves *curves, size_t k, const PetscReal a[], const PetscReal b[],
                          const PetscReal h[], BrenierEnvelope *envelope)
{
  (void)curves;
  return BrenierCircleEnvelope(k, a, b, h, envelope);
}

static int LineEnvelope(const BrenierCurves *curves, size_t k, const PetscReal a[], const PetscReal b[],
                        const PetscReal h[], BrenierEnvelope *envelope)
{
  return BrenierLineEnvelope(k, a, b, h, curves->measure, envelope);
}

static PetscReal CircleShare(const BrenierCurves *curves, PetscReal t)
{
  (void)curves;
  return BrenierCircleShare(t);
}

static PetscReal LineShare(const BrenierCurves *curves, PetscReal t)
{
  return BrenierLineShare(curves->measure, t);
}

static PetscReal CircleEnd(const BrenierCurves *curves)
{
  (void)curves;
  return 2.0 * PETSC_PI;
}

static PetscReal LineEnd(const BrenierCurves *curves)
{
  return curves->measure == BRENIER_LINE_UNIFORM ? 0.5 : INFINITY;
}

static PetscReal CircleIntegral(const BrenierCurves *curves, const BrenierPlane *plane, const BrenierSpan *piece)
{
  (void)curves;
  return BrenierCircleIntegralBetween(plane->a, plane->b, plane->h, piece->e - piece->s, piece->at_s, piece->at_e);
}

static PetscReal LineIntegral(const BrenierCurves *curves, const BrenierPlane *plane, const BrenierSpan *piece)
{
  return BrenierLineIntegral(curves->measure, plane->a, plane->b, plane->h, piece->s, piece->e);
}

static PetscReal CircleCrossing(const BrenierCurves *curves, PetscReal da, PetscReal db, PetscReal t)
{
  (void)curves;
  return BrenierCircleCrossing(da, db, t);
}

static PetscReal LineCrossing(const BrenierCurves *curves, PetscReal da, PetscReal db, PetscReal t)
{
  (void)da;
  return BrenierLineCrossing(curves->measure, db, t);
}

static PetscReal CircleLeast(const BrenierPlane *plane, const BrenierSpan *piece)
{
  return BrenierCircleLeastBetween(plane->a, plane->b, plane->h, piece->e - piece->s, piece->at_s, piece->at_e);
}

static PetscReal LineLeast(const BrenierPlane *plane, const BrenierSpan *piece)
{
  return BrenierLineLeast(plane->a, plane->b, plane->h, piece->s, piece->e);
}

static void CircleMoment(const BrenierCurve *curve, PetscInt first, PetscInt n, const PetscReal integral[3],
                         PetscReal moment[])
{
  BrenierCombine((size_t)n, integral[0], curve->z1 + first, integral[1], curve->z2 + first, moment);
}

static void CentredMoment(const BrenierCurve *curve, PetscInt first, PetscInt n, const PetscReal integral[3],
                          PetscReal moment[])
{
  CircleMoment(curve, first, n, integral, moment);
  BrenierAddMultiple((size_t)n, integral[2], curve->centre + first, moment);
}

static void ChordMoment(const BrenierCurve *curve, PetscInt first, PetscInt n, const PetscReal integral[3],
                        PetscReal moment[])
{
  for (PetscInt k = 0; k < n; ++k)
    moment[k] = first + k == curve->axis ? integral[1] : integral[0] * curve->z1[first + k];
}

static void LineMoment(const BrenierCurve *curve, PetscInt first, PetscInt n, const PetscReal integral[3],
                       PetscReal moment[])
{
  (void)first;
  for (PetscInt k = 0; k < n; ++k) moment[k] = curve->z1[0] * integral[1];
}

static const BrenierCurveFamily brenier_circles = {
    .tile        = BRENIER_TILE_CIRCLE,
    .n_vectors   = 2,
    .is_closed   = PETSC_TRUE,
    .is_filtered = PETSC_TRUE,
    .bends       = PETSC_TRUE,
    .test        = {BrenierTileRadiusTest, BrenierTileSectorTest},
    .plane       = CirclePlane,
    .envelope    = CircleEnvelope,
    .share       = CircleShare,
    .end         = CircleEnd,
    .integral    = CircleIntegral,
    .crossing    = CircleCrossing,
    .least       = CircleLeast,
    .moment      = CircleMoment,
    .middles     = BrenierCircleMiddles,
    .enter       = BrenierCircleBoundsEnter,
    .reach       = BrenierCircleReach,
};

static const BrenierCurveFamily brenier_centred = {
    .tile        = BRENIER_TILE_CENTRED,
    .n_vectors   = 3,
    .is_closed   = PETSC_TRUE,
    .is_filtered = PETSC_TRUE,
    .has_base    = PETSC_TRUE,
    .bends       = PETSC_TRUE,
    .test        = {BrenierTileRadiusTest, BrenierTileSectorTest},
    .plane       = CentredPlane,
    .envelope    = CircleEnvelope,
    .share       = CircleShare,
    .end         = CircleEnd,
    .integral    = CircleIntegral,
    .crossing    = CircleCrossing,
    .least       = CircleLeast,
    .moment      = CentredMoment,
    .middles     = BrenierCircleMiddles,
    .enter       = BrenierCentredBoundsEnter,
    .reach       = BrenierCircleReach,
};

static const BrenierCurveFamily brenier_chords = {
    .tile        = BRENIER_TILE_CHORD,
    .n_vectors   = 1,
    .is_filtered = PETSC_TRUE,
    .test        = {BrenierTileSectorTest},
    .plane       = ChordPlane,
    .envelope    = LineEnvelope,
    .share       = LineShare,
    .end         = LineEnd,
    .integral    = LineIntegral,
    .crossing    = LineCrossing,
    .least       = LineLeast,
    .moment      = ChordMoment,
    .middles     = BrenierChordMiddles,
    .enter       = BrenierChordBoundsEnter,
    .reach       = BrenierLineReach,
};

static const BrenierCurveFamily brenier_line = {
    .tile      = BRENIER_TILE_CHORD,
    .n_vectors = 1,
    .test      = {BrenierTileSectorTest},
    .plane     = LinePlane,
    .envelope  = LineEnvelope,
    .share     = LineShare,
    .end       = LineEnd,
    .integral  = LineIntegral,
    .crossing  = LineCrossing,
    .least     = LineLeast,
    .moment    = LineMoment,
    .middles   = BrenierChordMiddles,
    .enter     = BrenierChordBoundsEnter,
    .reach     = BrenierLineReach,
};

void BrenierCurvesSet(BrenierSource source, BrenierCurves *curves)
{
  static const BrenierCurveFamily *const family[] = {
      [BRENIER_CURVE_CIRCLE] = &brenier_circles,
      [BRENIER_CURVE_CHORD]  = &brenier_chords,
      [BRENIER_CURVE_LINE]   = &brenier_line,
  };
  const BrenierCurveType curve_type = BrenierSourceCurveType(source);

  *curves = (BrenierCurves){BrenierSourceHasCentres(source) ? &brenier_centred : family[curve_type],
                            BrenierSourceLineMeasure(source), BrenierSourceDim(source)};
}

BrenierSpan BrenierCurvesSpanAt(const BrenierCurves *curves, PetscReal s)
{
  BrenierSpan piece = {.e = s};

  BrenierCurvesNextSpan(curves, s, &piece);
  return piece;
}

void BrenierCurvesNextSpan(const BrenierCurves *curves, PetscReal e, BrenierSpan *piece)
{
  piece->s = piece->e;
  piece->e = e;
  if (!curves->family->bends) return;
  memcpy(piece->at_s, piece->at_e, sizeof piece->at_s);
  piece->at_e[0] = cos(e);
  piece->at_e[1] = sin(e);
}

int BrenierCurvesEnvelope(const BrenierCurves *curves, PetscInt k, const PetscReal a[], const PetscReal b[],
                          const PetscReal h[], BrenierEnvelope *envelope)
{
  return curves->family->envelope(curves, (size_t)k, a, b, h, envelope);
}

PetscReal BrenierCurvesPotential(const BrenierCurves *curves, const BrenierEnvelope *envelope, const PetscReal a[],
                                 const PetscReal b[], const PetscReal h[])
{
  BrenierSpan piece = BrenierCurvesSpanAt(curves, envelope->start[0]);
  PetscReal   sum   = 0.0;

  for (size_t p = 0; p < envelope->n; ++p) {
    const int32_t      i     = envelope->plane[p];
    const BrenierPlane plane = {a[i], b[i], h[i]};

    BrenierCurvesNextSpan(curves, envelope->start[p + 1], &piece);
    sum += BrenierCurvesIntegral(curves, &plane, &piece);
  }
  return sum;
}
