static const char help[] =
    "Holds every source there is to what source.h says of sources: laws, curves, moments, quantiles, files.\n";

#define _POSIX_C_SOURCE 200809L
#include "expect.h"

#include <brenier/base.h>
#include <brenier/source.h>
#include <brenier/store.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
  Laws are compared by samples of N points: the first four moments and the distribution function along directions, axes
  among them. A law is known by its projections on all directions (Cramer and Wold), so random ones find what differs.

  A mean may be off by `limit` of its standard errors, which a right one is with probability 6e-9 (normal law), two
  distribution functions by ks_limit / sqrt(N / 2), with probability 2 exp(-2 ks_limit^2) = 1e-10 (Kolmogorov and
  Smirnov). Some 20,000 comparisons with seeds that are fixed fail a right source with a probability below 2e-4, and
  then always.
*/

enum { N = 20000, N_DIRECTIONS = 5, N_MOMENTS = 4 };
enum { N_SQUARES = 200000 }; /* in mean squares, so that in 8 dimensions a wrong scale by half a percent is found */
static const PetscReal limit = 5.8, ks_limit = 3.44;

/* Streams of this test. */
enum { STREAM_CURVES = 1, STREAM_POINTS = 2, STREAM_PARAMETER = 3, STREAM_DIRECTIONS = 4 };

/* A source as it is seen, and the whole of it. */
typedef struct {
  char          what[128];
  BrenierSource source, whole;
  PetscInt      dim;
  BrenierCurve  curve; /* one that was drawn */
} Case;

/* The source with the scale 1.7; a mixture of three components with the mean zero. */
static PetscErrorCode CreateWhole(const char name[], PetscInt dim, BrenierSource *source)
{
  enum { COMPONENTS = 3, MOST_DIM = 8 };
  PetscReal weight[COMPONENTS] = {0.5, 0.3, 0.2}, mean[COMPONENTS * MOST_DIM], factor[COMPONENTS * MOST_DIM * MOST_DIM];
  const BrenierMixtureParameters mixture = {.n           = COMPONENTS,
                                            .weight      = weight,
                                            .mean        = mean,
                                            .factor      = factor,
                                            .factors     = COMPONENTS,
                                            .width       = dim,
                                            .is_standard = PETSC_TRUE};
  const BrenierSourceParameters  p       = {
             .scale = 1.7, .dof = BRENIER_DEFAULT_DOF, .mixture = BrenierSourceTakesMixture(name) ? &mixture : NULL};

  PetscFunctionBeginUser;
  BrenierRandomNormal(1, STREAM_DIRECTIONS, 200, (size_t)(COMPONENTS * dim), mean);
  BrenierRandomNormal(1, STREAM_DIRECTIONS, 201, (size_t)(COMPONENTS * dim * dim), factor);
  for (PetscInt l = 0; l < dim; ++l) { // the mean of all is zero
    PetscReal sum = 0.0;

    for (PetscInt k = 0; k < COMPONENTS; ++k) sum += weight[k] * mean[k * dim + l];
    for (PetscInt k = 0; k < COMPONENTS; ++k) mean[k * dim + l] -= sum;
  }
  PetscCall(BrenierSourceCreateWith(PETSC_COMM_WORLD, name, dim, &p, source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateCase(const char name[], PetscInt ambient, PetscInt dim, Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(c->what, sizeof c->what, "%s, %" PetscInt_FMT " of %" PetscInt_FMT " dimensions", name, dim,
                          ambient));
  PetscCall(CreateWhole(name, ambient, &c->whole));
  if (dim == ambient) c->source = BrenierSourceReference(c->whole);
  else PetscCall(BrenierSourceReduce(c->whole, dim, &c->source));
  c->dim = dim;
  PetscCall(PetscCalloc2(dim, &c->curve.z1, dim, &c->curve.z2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyCase(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(c->curve.z1, c->curve.z2));
  PetscCall(BrenierSourceDestroy(&c->source));
  PetscCall(BrenierSourceDestroy(&c->whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x(t) of the curve drawn last, by the formulas of source.h. */
static void PointAt(const Case *c, PetscReal t, PetscReal x[])
{
  const BrenierCurve    *curve = &c->curve;
  const BrenierCurveType type  = BrenierSourceCurveType(c->source);

  for (PetscInt k = 0; k < c->dim; ++k) {
    if (type == BRENIER_CURVE_CIRCLE)
      x[k] = cos(t) * curve->z1[k] + sin(t) * curve->z2[k] + (curve->centre ? curve->centre[k] : 0.0);
    else if (type == BRENIER_CURVE_CHORD) x[k] = k == curve->axis ? t : curve->z1[k];
    else x[k] = t * curve->z1[k];
  }
}

/* t of a curve's own measure. */
static PetscReal Parameter(const Case *c, PetscInt64 k)
{
  const PetscBool circle = (PetscBool)(BrenierSourceCurveType(c->source) == BRENIER_CURVE_CIRCLE);
  PetscReal       t;

  if (!circle && BrenierSourceLineMeasure(c->source) == BRENIER_LINE_GAUSSIAN) {
    BrenierRandomNormal(1, STREAM_PARAMETER, (uint64_t)k, 1, &t);
    return t;
  }
  BrenierRandomUniform(1, STREAM_PARAMETER, (uint64_t)k, 1, &t);
  return circle ? 2.0 * PETSC_PI * t : t - 0.5;
}

/* Points of curves 0 to N - 1, one of each, shape [N, dim]: at t, or at a t of its own each where this is NAN. */
static void FillFromCurves(Case *c, PetscReal t, PetscReal x[])
{
  for (PetscInt64 k = 0; k < N; ++k) {
    BrenierSourceDrawCurve(c->source, 1, STREAM_CURVES, k, &c->curve);
    PointAt(c, isnan(t) ? Parameter(c, k) : t, x + k * c->dim);
  }
}

static void FillFromPoints(BrenierSource source, PetscReal x[])
{
  for (PetscInt64 k = 0; k < N; ++k)
    BrenierSourceDrawPoint(source, 1, STREAM_POINTS, k, x + k * BrenierSourceDim(source));
}

/* Mean of n numbers and its standard error. */
static void MeanOf(PetscInt n, const PetscReal x[], PetscReal *mean, PetscReal *error)
{
  PetscReal sum = 0.0, squares = 0.0;

  for (PetscInt i = 0; i < n; ++i) sum += x[i];
  *mean = sum / (PetscReal)n;
  for (PetscInt i = 0; i < n; ++i) squares += PetscSqr(x[i] - *mean);
  *error = PetscSqrtReal(squares) / (PetscReal)n;
}

static int CompareReals(const void *left, const void *right)
{
  const PetscReal l = *(const PetscReal *)left, r = *(const PetscReal *)right;

  return (l > r) - (l < r);
}

/* Largest difference of the distribution functions of two samples of N, times sqrt(N / 2). Sorts them. */
static PetscReal Kolmogorov(PetscReal x[], PetscReal y[])
{
  PetscReal largest = 0.0;

  qsort(x, N, sizeof *x, CompareReals);
  qsort(y, N, sizeof *y, CompareReals);
  for (PetscInt i = 0, j = 0; i < N && j < N;) {
    if (x[i] <= y[j]) ++i;
    else ++j;
    largest = PetscMax(largest, (PetscReal)PetscAbs(i - j) / N);
  }
  return largest * PetscSqrtReal(0.5 * N);
}

static PetscReal Power(PetscReal x, int m)
{
  PetscReal power = x;

  for (int k = 1; k < m; ++k) power *= x;
  return power;
}

/* Two samples of one number have one law. */
static PetscErrorCode CompareNumbers(const char what[], const char where[], PetscReal x[], PetscReal y[])
{
  PetscReal *power, mean[2], error[2], ks;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(N, &power));
  for (int m = 1; m <= N_MOMENTS; ++m) {
    for (int s = 0; s < 2; ++s) {
      for (PetscInt i = 0; i < N; ++i) power[i] = Power(s ? y[i] : x[i], m);
      MeanOf(N, power, &mean[s], &error[s]);
    }
    PetscCheck(PetscAbsReal(mean[0] - mean[1]) <= limit * hypot(error[0], error[1]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s, %s: moment %d is %g +- %g and %g +- %g", what, where, m, (double)mean[0], (double)error[0],
               (double)mean[1], (double)error[1]);
  }
  PetscCall(PetscFree(power));
  ks = Kolmogorov(x, y);
  PetscCheck(ks <= ks_limit, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s, %s: distributions differ by %g sqrt(2/N)", what,
             where, (double)ks);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Direction d of R^dim, |v| = 1: the axes first, then random ones. */
static void Direction(PetscInt d, PetscInt dim, PetscReal v[])
{
  PetscReal square = 0.0;

  BrenierRandomNormal(1, STREAM_DIRECTIONS, (uint64_t)d, (size_t)dim, v);
  for (PetscInt k = 0; k < dim; ++k) square += v[k] * v[k];
  for (PetscInt k = 0; k < dim; ++k)
    v[k] = d < dim && d < 2 ? (PetscReal)(k == (d ? dim - 1 : 0)) : v[k] / PetscSqrtReal(square);
}

static void Project(PetscInt dim, const PetscReal x[], const PetscReal v[], PetscReal along[])
{
  for (PetscInt i = 0; i < N; ++i) {
    along[i] = 0.0;
    for (PetscInt k = 0; k < dim; ++k) along[i] += x[i * dim + k] * v[k];
  }
}

/* Two samples in R^dim have one law. */
static PetscErrorCode CompareLaws(const Case *c, const char where[], const PetscReal x[], const PetscReal y[])
{
  PetscReal *v, *a, *b;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(c->dim, &v, N, &a, N, &b));
  for (PetscInt d = 0; d < (c->dim == 1 ? 1 : N_DIRECTIONS); ++d) {
    Direction(d, c->dim, v);
    Project(c->dim, x, v, a);
    Project(c->dim, y, v, b);
    PetscCall(CompareNumbers(c->what, where, a, b));
  }
  PetscCall(PetscFree3(v, a, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every point of a circle, and one of every curve at a t of its measure, has the law of the source's points. */
static PetscErrorCode TestLaw(Case *c)
{
  static const PetscReal at[]   = {NAN, 0.0, 0.7, 0.5 * PETSC_PI, 4.0};
  const PetscBool        circle = (PetscBool)(BrenierSourceCurveType(c->source) == BRENIER_CURVE_CIRCLE);
  PetscReal             *x, *y;
  char                   where[64];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(N * c->dim, &x, N * c->dim, &y));
  FillFromPoints(c->source, y);
  for (size_t i = 0; i < (circle ? sizeof at / sizeof at[0] : 1); ++i) {
    PetscCall(PetscSNPrintf(where, sizeof where, "points of curves at t = %g", (double)at[i]));
    FillFromCurves(c, at[i], x);
    PetscCall(CompareLaws(c, where, x, y));
  }
  PetscCall(PetscFree2(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chords lie along all axes alike, wherever they are. */
static PetscErrorCode TestAxes(Case *c)
{
  PetscReal *along, *place, mean, error;
  PetscInt  *axis;

  PetscFunctionBeginUser;
  if (BrenierSourceCurveType(c->source) != BRENIER_CURVE_CHORD) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc3(N, &along, N, &place, N, &axis));
  for (PetscInt64 i = 0; i < N; ++i) {
    BrenierSourceDrawCurve(c->source, 1, STREAM_CURVES, i, &c->curve);
    axis[i]  = c->curve.axis;
    place[i] = c->curve.z1[0];
    PetscCheck(axis[i] >= 0 && axis[i] < c->dim, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: axis %" PetscInt_FMT, c->what,
               axis[i]);
  }
  for (PetscInt k = 0; k < c->dim; ++k)
    for (int weighted = 0; weighted < 2; ++weighted) {
      for (PetscInt i = 0; i < N; ++i)
        along[i] = ((axis[i] == k) - 1.0 / (PetscReal)c->dim) * (weighted ? place[i] : 1.0);
      MeanOf(N, along, &mean, &error);
      PetscCheck(PetscAbsReal(mean) <= limit * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "%s: axis %" PetscInt_FMT " is chosen too often by %g +- %g", c->what, k, (double)mean, (double)error);
    }
  PetscCall(PetscFree3(along, place, axis));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Curve k and point k are the same in any order and however many are drawn, from a source that was made anew as well.
   */
static PetscErrorCode TestPrefix(const char name[], Case *c)
{
  enum { MANY = 300 };
  const PetscInt dim = c->dim, ambient = BrenierSourceAmbient(c->source);
  PetscReal     *z, *x;
  PetscInt       axis[MANY];
  Case           again;

  PetscFunctionBeginUser;
  PetscCall(CreateCase(name, ambient, dim, &again));
  PetscCall(PetscMalloc2(2 * MANY * dim, &z, 2 * MANY * dim, &x));
  for (PetscInt64 k = 0; k < MANY; ++k) {
    BrenierSourceDrawCurve(c->source, 5, STREAM_CURVES, k, &c->curve);
    BrenierSourceDrawPoint(c->source, 5, STREAM_POINTS, k, x + k * dim);
    PetscCall(PetscArraycpy(z + 2 * k * dim, c->curve.z1, dim));
    PetscCall(PetscArraycpy(z + (2 * k + 1) * dim, c->curve.z2, dim));
    axis[k] = c->curve.axis;
  }
  for (PetscInt64 k = MANY - 1; k >= 0; k -= 7) {
    PetscBool same[3];

    BrenierSourceDrawPoint(again.source, 5, STREAM_POINTS, k, x + MANY * dim);
    BrenierSourceDrawCurve(again.source, 5, STREAM_CURVES, k, &again.curve);
    PetscCall(PetscArraycmp(z + 2 * k * dim, again.curve.z1, dim, &same[0]));
    PetscCall(PetscArraycmp(z + (2 * k + 1) * dim, again.curve.z2, dim, &same[1]));
    PetscCall(PetscArraycmp(x + k * dim, x + MANY * dim, dim, &same[2]));
    PetscCheck(same[0] && same[1] && same[2] && axis[k] == again.curve.axis, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: curve or point %" PetscInt64_FMT " depends on the order of draws", c->what, k);
  }
  PetscCall(PetscFree2(z, x));
  PetscCall(DestroyCase(&again));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vectors of a curve one after the other: shape [2, dim] of a circle, else [1, dim]. */
static PetscInt DrawVectors(Case *c, PetscInt64 seed, uint32_t stream, PetscInt64 k, PetscReal z[])
{
  const PetscInt n = BrenierSourceCurveType(c->source) == BRENIER_CURVE_CIRCLE ? 2 : 1;

  BrenierSourceDrawCurve(c->source, seed, stream, k, &c->curve);
  for (PetscInt i = 0; i < c->dim; ++i) {
    z[i] = c->curve.z1[i];
    if (n == 2) z[c->dim + i] = c->curve.z2[i];
  }
  return n;
}

/* No two vectors of curves of other seeds, streams or numbers have to do with each other, nor have two such points. */
static PetscErrorCode TestIndependence(Case *c)
{
  static const struct {
    const char *what;
    PetscInt64  seed, next;
    uint32_t    stream;
  } other[] = {{"seeds", 2, 0, STREAM_CURVES}, {"streams", 1, 0, STREAM_POINTS}, {"neighbours", 1, 1, STREAM_CURVES}};
  PetscReal *product, *z, *w, mean, error;

  PetscFunctionBeginUser;
  if (BrenierSourceCurveType(c->source) == BRENIER_CURVE_LINE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc3(4 * N, &product, 2 * c->dim, &z, 2 * c->dim, &w));
  for (size_t o = 0; o < sizeof other / sizeof other[0]; ++o) {
    PetscInt n = 1;

    for (PetscInt64 k = 0; k < N; ++k) {
      n = DrawVectors(c, 1, STREAM_CURVES, k, z);
      (void)DrawVectors(c, other[o].seed, other[o].stream, k + other[o].next, w);
      for (PetscInt i = 0; i < n; ++i)
        for (PetscInt j = 0; j < n; ++j) product[(i * n + j) * N + k] = z[i * c->dim] * w[j * c->dim];
    }
    for (PetscInt pair = 0; pair < n * n; ++pair) {
      MeanOf(N, product + pair * N, &mean, &error);
      PetscCheck(PetscAbsReal(mean) <= limit * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "%s: curves of other %s correlate: %g +- %g", c->what, other[o].what, (double)mean, (double)error);
    }
  }
  for (size_t o = 0; o < sizeof other / sizeof other[0]; ++o) {
    for (PetscInt64 k = 0; k < N; ++k) {
      BrenierSourceDrawPoint(c->source, 1, STREAM_CURVES, k, z);
      BrenierSourceDrawPoint(c->source, other[o].seed, other[o].stream, k + other[o].next, w);
      product[k] = z[0] * w[0];
    }
    MeanOf(N, product, &mean, &error);
    PetscCheck(PetscAbsReal(mean) <= limit * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: points of other %s correlate: %g +- %g", c->what, other[o].what, (double)mean, (double)error);
  }
  PetscCall(PetscFree3(product, z, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of |x|^2 over the curve drawn last, by a rule that is exact for squares: equal angles, Simpson's, Gauss and
   Hermite's. */
static PetscReal SquareByQuadrature(const Case *c, PetscReal x[])
{
  const BrenierCurveType type     = BrenierSourceCurveType(c->source);
  const PetscBool        gaussian = (PetscBool)(BrenierSourceLineMeasure(c->source) == BRENIER_LINE_GAUSSIAN);
  const PetscInt         n        = type == BRENIER_CURVE_CIRCLE ? 8 : 3;
  PetscReal              sum      = 0.0;

  for (PetscInt i = 0; i < n; ++i) {
    PetscReal t = 2.0 * PETSC_PI * (PetscReal)i / (PetscReal)n, weight = 1.0 / (PetscReal)n;

    if (type != BRENIER_CURVE_CIRCLE) {
      t      = (PetscReal)(i - 1) * (gaussian ? PetscSqrtReal(3.0) : 0.5);
      weight = i == 1 ? 2.0 / 3.0 : 1.0 / 6.0;
    }
    PointAt(c, t, x);
    for (PetscInt k = 0; k < c->dim; ++k) sum += weight * x[k] * x[k];
  }
  return sum;
}

/* What is said of E |x|^2 along a curve is so, and what is said of all, for a sample and its curves. */
static PetscErrorCode TestSecondMoment(Case *c)
{
  const PetscReal part   = BrenierSourceSymmetry(c->source) == BRENIER_SYMMETRY_NORMAL
                               ? 1.0 // components are seen as they are
                               : (PetscReal)c->dim / (PetscReal)BrenierSourceAmbient(c->source);
  const PetscReal wanted = part * BrenierSourceSecondMoment(c->source);
  const PetscBool line   = (PetscBool)(BrenierSourceCurveType(c->source) == BRENIER_CURVE_LINE);
  PetscReal      *square, *x, mean[2], error[2];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(2 * N_SQUARES, &square, c->dim, &x));
  for (PetscInt64 k = 0; k < N_SQUARES; ++k) {
    PetscReal along;

    BrenierSourceDrawPoint(c->source, 3, STREAM_POINTS, k, x);
    square[k] = 0.0;
    for (PetscInt i = 0; i < c->dim; ++i) square[k] += x[i] * x[i];
    BrenierSourceDrawCurve(c->source, 3, STREAM_CURVES, k, &c->curve);
    square[N_SQUARES + k] = SquareByQuadrature(c, x);
    along = (line ? part : 1.0) * BrenierCurveSecondMoment(c->source, &c->curve); // the line is the whole source's
    PetscCheck(PetscAbsReal(along - square[N_SQUARES + k]) <= 1e-13 * (1.0 + wanted + along), PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "%s: the mean square along curve %" PetscInt64_FMT " is %.17g, by quadrature %.17g",
               c->what, k, (double)along, (double)square[N_SQUARES + k]);
  }
  for (int s = 0; s < 2; ++s) {
    MeanOf(N_SQUARES, square + s * N_SQUARES, &mean[s], &error[s]);
    PetscCheck(PetscAbsReal(mean[s] - wanted) <= limit * error[s] + 1e-11 * wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: the mean square of %s is %g +- %g, stated %g", c->what, s ? "curves" : "points", (double)mean[s],
               (double)error[s], (double)wanted);
  }
  PetscCheck(PetscAbsReal(PetscSqr(BrenierSourceDeviation(c->source)) * (PetscReal)c->dim - wanted) <= 1e-14 * wanted,
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: the deviation is not that of the second moment", c->what);
  PetscCall(PetscFree2(square, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No vector and no point is beyond the reach; a line is one. */
static PetscErrorCode TestReach(Case *c)
{
  const PetscReal reach = BrenierSourceReach(c->source);
  const PetscBool line  = (PetscBool)(BrenierSourceCurveType(c->source) == BRENIER_CURVE_LINE);
  PetscReal      *z;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(3 * c->dim, &z));
  for (PetscInt64 k = 0; k < N; ++k) {
    const PetscInt n = DrawVectors(c, 4, STREAM_CURVES, k, z);

    BrenierSourceDrawPoint(c->source, 4, STREAM_POINTS, k, z + n * c->dim);
    for (PetscInt i = 0; i < (n + 1) * c->dim; ++i)
      PetscCheck(PetscAbsReal(z[i]) <= reach, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: a coordinate of %g", c->what,
                 (double)z[i]);
  }
  PetscCheck(BrenierSourceMaxCurves(c->source) == (line ? 1 : PETSC_MAX_INT), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: %" PetscInt64_FMT " curves at most", c->what, BrenierSourceMaxCurves(c->source));
  PetscCall(PetscFree(z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Quantiles of the one line are those of the source's points, and undo its distribution function to the ends of its
   tails. */
static PetscErrorCode TestQuantiles(Case *c)
{
  static const PetscReal below[] = {0.5, 0.3, 0.1, 0.01, 1e-3, 1e-9, 1e-100, 1e-300};
  PetscReal             *x;

  PetscFunctionBeginUser;
  if (BrenierSourceCurveType(c->source) != BRENIER_CURVE_LINE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(N, &x));
  FillFromPoints(c->source, x);
  BrenierSourceDrawCurve(c->source, 1, STREAM_CURVES, 0, &c->curve);
  for (size_t i = 0; i < sizeof below / sizeof below[0]; ++i) {
    const PetscReal p   = below[i],
                    q[] = {BrenierSourceQuantile(c->source, p, 1.0 - p), BrenierSourceQuantile(c->source, 1.0 - p, p)};
    const PetscReal share = BrenierLineShare(BrenierSourceLineMeasure(c->source), q[0] / c->curve.z1[0]);
    PetscInt        n[2]  = {0, 0};

    for (PetscInt k = 0; k < N; ++k)
      for (int end = 0; end < 2; ++end) n[end] += end ? x[k] > q[1] : x[k] < q[0];
    for (int end = 0; end < 2; ++end)
      PetscCheck(PetscAbsReal((PetscReal)n[end] - p * N) <= limit * PetscSqrtReal(N * p) + 2.0, PETSC_COMM_SELF,
                 PETSC_ERR_PLIB, "%s: %" PetscInt_FMT " of %d points beyond the quantile %g of %g", c->what, n[end], N,
                 (double)q[end], (double)p);
    PetscCheck(PetscAbsReal(share - p) <= 1e-12 * p + 2e-16, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: mass %g below the quantile of %g", c->what, (double)share, (double)p);
  }
  PetscCall(PetscFree(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fewer coordinates are what is seen of the whole: of its points along axes, or any direction where the source is the
   same after every rotation; and what is not seen has mean zero whatever is. */
static PetscErrorCode TestReduced(Case *c)
{
  const PetscInt  ambient = BrenierSourceAmbient(c->whole);
  const PetscBool rotates = (PetscBool)(BrenierSourceSymmetry(c->whole) == BRENIER_SYMMETRY_ROTATIONS);
  PetscReal      *all, *v, *seen, *other, mean, error;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(N * ambient, &all, ambient, &v, N, &seen, N, &other));
  for (PetscInt64 k = 0; k < N; ++k) { // others than those of the whole
    BrenierSourceDrawPoint(c->source, 2, STREAM_POINTS, k, all);
    seen[k] = all[0];
  }
  FillFromPoints(c->whole, all);
  Direction(rotates ? 2 : 1, ambient, v);
  Project(ambient, all, v, other);
  PetscCall(CompareNumbers(c->what, "seen and projected", seen, other));
  for (int m = 0; m < 3; ++m) { // E (x' | x) = 0 by E x' f(x), f = 1, x, x^2
    for (PetscInt i = 0; i < N; ++i) seen[i] = all[i * ambient + ambient - 1] * pow(all[i * ambient], m);
    MeanOf(N, seen, &mean, &error);
    PetscCheck(PetscAbsReal(mean) <= limit * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: the last coordinate has mean %g +- %g given the first", c->what, (double)mean, (double)error);
  }
  PetscCall(PetscFree4(all, v, seen, other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a file says of a source makes it again. */
static PetscErrorCode TestFile(Case *c)
{
  Case         read = *c;
  BrenierStore store;
  PetscBool    same, same_curve = PETSC_TRUE;
  PetscReal   *x;

  PetscFunctionBeginUser;
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, Path("source.h5"), 1 << 16, "brenier-result", &store));
  PetscCall(BrenierSourceSave(c->source, store));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, Path("source.h5"), "brenier-result", &store));
  PetscCall(BrenierSourceLoad(store, c->dim, &read.source));
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(PetscMalloc1(4 * c->dim, &x));
  for (PetscInt64 k = 0; k < 50 && same_curve; ++k) {
    BrenierSourceDrawPoint(c->source, 1, STREAM_POINTS, k, x);
    BrenierSourceDrawPoint(read.source, 1, STREAM_POINTS, k, x + c->dim);
    PetscCall(PetscArraycmp(x, x + c->dim, c->dim, &same));
    BrenierSourceDrawCurve(c->source, 1, STREAM_CURVES, k, &c->curve);
    PointAt(c, 0.3, x + 2 * c->dim);
    BrenierSourceDrawCurve(read.source, 1, STREAM_CURVES, k, &read.curve);
    PointAt(&read, 0.3, x + 3 * c->dim);
    PetscCall(PetscArraycmp(x + 2 * c->dim, x + 3 * c->dim, c->dim, &same_curve));
    same_curve = (PetscBool)(same_curve && same);
  }
  PetscCheck(same_curve && !strcmp(BrenierSourceName(c->source), BrenierSourceName(read.source)), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "%s: another source after writing and reading", c->what);
  PetscCall(PetscFree(x));
  PetscCall(BrenierSourceDestroy(&read.source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that holds of a source in its own dimensions and of one that was reduced. */
static PetscErrorCode TestCase(const char name[], Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(TestPrefix(name, c));
  PetscCall(TestReach(c));
  PetscCall(TestLaw(c));
  PetscCall(TestAxes(c));
  PetscCall(TestIndependence(c));
  PetscCall(TestSecondMoment(c));
  PetscCall(TestQuantiles(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws are the same on all ranks, so one tests them; files are for all. */
static PetscErrorCode TestWhole(const char name[], PetscInt dim, PetscBool alone)
{
  Case c;

  PetscFunctionBeginUser;
  if (dim < BrenierSourceLeastDim(name)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CreateCase(name, dim, dim, &c));
  PetscCall(TestFile(&c));
  if (alone) PetscCall(TestCase(name, &c));
  PetscCall(DestroyCase(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSeen(const char name[], PetscInt ambient, PetscInt dim)
{
  Case c;

  PetscFunctionBeginUser;
  if (ambient < BrenierSourceLeastDim(name)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CreateCase(name, ambient, dim, &c));
  if (BrenierSourceSymmetry(c.whole) != BRENIER_SYMMETRY_NONE) {
    PetscCall(TestCase(name, &c));
    if (BrenierSourceSymmetry(c.whole) != BRENIER_SYMMETRY_NORMAL) PetscCall(TestReduced(&c));
  }
  PetscCall(DestroyCase(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A source x = m + L z in dimension dim, L diagonal where rotations change z. */
static PetscErrorCode CreateAffine(const char name[], PetscInt dim, BrenierSource standard, PetscReal m[],
                                   PetscReal L[], BrenierSource *source)
{
  const PetscBool         rotates = (PetscBool)(BrenierSourceSymmetry(standard) >= BRENIER_SYMMETRY_ROTATIONS);
  BrenierSourceParameters p       = {.scale = 1.0, .dof = BRENIER_DEFAULT_DOF, .mean = m, .factor = L};

  PetscFunctionBeginUser;
  p.factor_width = rotates ? dim : 1;
  BrenierRandomNormal(1, STREAM_DIRECTIONS, 100, (size_t)dim, m);
  BrenierRandomNormal(1, STREAM_DIRECTIONS, 101, (size_t)(dim * dim), L);
  if (dim > 1 && !rotates) {
    p.factor_width = dim;
    ExpectError(BrenierSourceCreateWith(PETSC_COMM_WORLD, name, dim, &p, source), PETSC_ERR_USER_INPUT, "diagonal");
    p.factor_width = 1;
  }
  PetscCall(BrenierSourceCreateWith(PETSC_COMM_WORLD, name, dim, &p, source));
  if (!rotates) { // as a matrix, from its last row on, which the diagonal does not reach
    for (PetscInt k = dim - 1; k >= 0; --k) L[k * dim + k] = L[k];
    for (PetscInt k = 0; k < dim * dim; ++k) L[k] *= k % (dim + 1) == 0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A file gives the same points back, and the same checksum. */
static PetscErrorCode TestAffineFile(BrenierSource source, const char name[], PetscInt dim)
{
  BrenierSource read;
  BrenierStore  store;
  PetscReal    *x;
  PetscInt64    hash[2];
  PetscBool     same;

  PetscFunctionBeginUser;
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, Path("affine.h5"), 1 << 16, "brenier-result", &store));
  PetscCall(BrenierSourceSave(source, store));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, Path("affine.h5"), "brenier-result", &store));
  PetscCall(BrenierSourceLoad(store, dim, &read));
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(PetscMalloc1(2 * dim, &x));
  BrenierSourceDrawPoint(source, 1, STREAM_POINTS, 7, x);
  BrenierSourceDrawPoint(read, 1, STREAM_POINTS, 7, x + dim);
  PetscCall(PetscArraycmp(x, x + dim, dim, &same));
  BrenierSourceHash(source, &hash[0]);
  BrenierSourceHash(read, &hash[1]);
  PetscCheck(same && hash[0] == hash[1] && hash[0] != 0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: another mean or factor after writing and reading", name);
  PetscCall(PetscFree(x));
  PetscCall(BrenierSourceDestroy(&read));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points, products with a target, second moment and reach of x = m + L z are those of z and the formulas. */
static PetscErrorCode TestAffine(const char name[], PetscInt dim)
{
  PetscReal    *m, *L, *x, *z, *y, *pulled, pairing, moment = 0.0, variance, reach;
  BrenierSource standard, source, back;

  PetscFunctionBeginUser;
  if (dim < BrenierSourceLeastDim(name)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, name, dim, 1.0, &standard));
  PetscCall(PetscMalloc6(dim, &m, dim * dim, &L, dim, &x, dim, &z, dim, &y, dim, &pulled));
  PetscCall(CreateAffine(name, dim, standard, m, L, &source));
  variance = PetscSqr(BrenierSourceDeviation(standard));
  for (PetscInt k = 0; k < dim; ++k) moment += m[k] * m[k];
  for (PetscInt k = 0; k < dim * dim; ++k) moment += variance * L[k] * L[k];
  PetscCheck(PetscAbsReal(BrenierSourceSecondMoment(source) - moment) <= 1e-13 * moment, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "%s: second moment", name);
  PetscCall(BrenierSourceStandard(source, &back));
  PetscCheck(!BrenierSourceIsAffine(back) && BrenierSourceIsAffine(source) &&
                 BrenierSourceSecondMoment(back) == BrenierSourceSecondMoment(source),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: its standard source", name);
  reach = BrenierSourceReach(source);
  for (PetscInt64 i = 0; i < 100; ++i) {
    PetscReal left = 0.0, right;

    BrenierSourceDrawPoint(source, 1, STREAM_POINTS, i, x);
    BrenierSourceDrawPoint(back, 1, STREAM_POINTS, i, z);
    BrenierRandomNormal(2, STREAM_DIRECTIONS, (uint64_t)i, (size_t)dim, y);
    BrenierSourcePullBack(source, y, pulled, &pairing);
    right = pairing;
    for (PetscInt k = 0; k < dim; ++k) {
      PetscReal wanted = m[k];

      for (PetscInt l = 0; l < dim; ++l) wanted += L[k * dim + l] * z[l];
      left += x[k] * y[k];
      right += z[k] * pulled[k];
      PetscCheck(PetscAbsReal(x[k] - wanted) <= 1e-13 * reach && PetscAbsReal(x[k]) <= reach, PETSC_COMM_SELF,
                 PETSC_ERR_PLIB, "%s: point %" PetscInt64_FMT, name, i);
    }
    PetscCheck(PetscAbsReal(left - right) <= 1e-12 * reach, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: <x, y>", name);
  }
  PetscCall(TestAffineFile(source, name, dim));
  PetscCall(PetscFree6(m, L, x, z, y, pulled));
  PetscCall(BrenierSourceDestroy(&back));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierSourceDestroy(&standard));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No source of another name, none in fewer dimensions than it has. */
static PetscErrorCode TestRefusals(const char name[])
{
  const PetscInt least = BrenierSourceLeastDim(name);
  BrenierSource  source;

  PetscFunctionBeginUser;
  ExpectError(BrenierSourceCreate(PETSC_COMM_WORLD, "no source", 2, 1.0, &source), PETSC_ERR_USER_INPUT, "no source");
  if (least > 1)
    ExpectError(BrenierSourceCreate(PETSC_COMM_WORLD, name, least - 1, 1.0, &source), PETSC_ERR_USER_INPUT, name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that every source passes. */
static PetscErrorCode TestSource(const char *name)
{
  static const PetscInt dims[] = {1, 2, 3, 8}, seen[][2] = {{3, 1}, {3, 2}, {8, 1}, {8, 2}, {8, 3}};
  PetscMPIInt           size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(TestRefusals(name));
  for (PetscInt dim = 1; dim <= 3; ++dim) PetscCall(TestAffine(name, dim));
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; ++i) PetscCall(TestWhole(name, dims[i], (PetscBool)(size == 1)));
  for (size_t i = 0; i < sizeof seen / sizeof seen[0] && size == 1; ++i)
    PetscCall(TestSeen(name, seen[i][0], seen[i][1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -only NAME: that source alone. */
int main(int argc, char **argv)
{
  char      only[64] = "";
  PetscBool given;
  PetscInt  n_tested = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-only", only, sizeof only, &given));
  PetscCall(MakeFolder());
  for (const char *const *name = BrenierSourceNames; *name; ++name) {
    if (given && strcmp(*name, only) != 0) continue;
    PetscCall(TestSource(*name));
    ++n_tested;
  }
  PetscCheck(n_tested > 0, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "there is no source %s", only);
  PetscCall(RemoveFolder());
  PetscCall(PetscFinalize());
  return 0;
}
