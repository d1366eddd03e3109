/*
  tile.h - Which targets can appear on which curves: a matrix product filtered while it is still in registers. Plain C,
  no MPI, no PETSc.

  The product of a group of curve vectors with a panel of targets is accumulated in vector registers and never written:
  a first test per pair leaves some percent of the pairs, a second one, on those alone, leaves few; the visitor
  gets these and computes what it needs from them in double precision.

  The product is in single precision, or, where the processor multiplies and adds four times as many bytes at once and
  vectors are long enough, of circles and points in bytes. Both vectors are turned by the same orthogonal transform,
  which makes their coordinates alike in size, and rounded: z = s q + v, |q_k| <= 127, one s for the vectors of a curve,
  and one for y. What passes the first test in bytes gets its product in single precision and is tested again.

  First test. circle: the planes of height h that stay below u are a convex set in the plane of (a, b), which shrinks as
                      h grows: its radius r in one direction from a centre (alpha, beta) is a concave function of h, at
                      least as steep as -h. Known are r and the slope of a chord for each of some ranges of directions,
                      from a middle height m on: the target stays if R >= r + min(m - h, steepness (m - h)), R^2 =
                      (a - alpha)^2 + (b - beta)^2.
              chord:  p - z_k y_k + h + |y_k - pivot|/2 >= level, the plane against one plane (level, pivot) of u at
                      both ends of the chord, p = <z,y>;
              point:  p + h >= level.
  Second test. The curve is cut into sectors; in each, u is bounded below by one plane (`sector`), and the target stays
              if it can reach that plane somewhere in some sector. Circle: with P, Q the value and the derivative of the
              difference at the middle of a sector of half-width w, its largest value there is at most
              max(P, P cos w) + |Q| sin w + dh. Chord: the difference is linear, so its ends decide.

  The filter is certified. A product of length d in single precision errs by at most (d + 16) 2^-24 |z| |y|, in any
  order of summation (Higham, Accuracy and Stability, section 3.1; the 16 covers rounding z, y, and the tests). One in
  bytes is a sum of integers, exact, of rounded vectors: by Cauchy and Schwarz it errs by at most |z - z'| |y| +
  |z'| |y - y'|, both differences as they were found; along a circle, where z = z1 cos t + z2 sin t, by that with the
  spectral norms of the two columns. That is 0.02 sqrt(d) |y| in all, typically, where <z,y> has the standard deviation
  |y|. Every test allows that much, so no pair is lost that double precision would keep.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
  BRENIER_TILE_CIRCLE, /* two vectors a curve */
  BRENIER_TILE_CHORD,
  BRENIER_TILE_POINT
} BrenierTileKind;

/* Sectors of a curve in the second test, and ranges of directions in the plane of a circle in the first. */
enum { BRENIER_SECTORS = 32, BRENIER_DIRECTIONS = 32 };

/* Curves in the form that the kernel reads, with what is known of u along them. */
typedef struct {
  /* parameters */
  BrenierTileKind kind;
  size_t          n, dim;
  int             bytes; /* whether products are in bytes */
  /* data, owned */
  float   *z;                  /* packed vectors; with `bytes` row after row, shape [n, vectors, row_width] */
  int8_t  *z_bytes;            /* bytes: packed */
  int32_t *z_start;            /* bytes: minus 128 times the sum of each packed row, as targets are 128 too large */
  float   *z_scale;            /* bytes: s; shape [n] */
  float   *norm;               /* shape [n]: length of the curve's vectors, for the margin */
  float   *first_norm;         /* bytes: the same for the first test, |z'|; shape [n] */
  float   *quantisation_error; /* bytes: |z - z'|; shape [n] */
  float   *level;              /* chord, point: see the first test; -INFINITY lets everything pass. Shape [n] */
  float   *centre;             /* circle: alpha, beta, m; shape [n, 3] */
  float   *radius;             /* circle: radii, then steepnesses; shape [n, 2, BRENIER_DIRECTIONS] */
  float   *pivot, *offset;     /* chord: slope of the plane of `level`, z_k; shape [n] */
  int     *axis;               /* chord: k; shape [n] */
  float   *sector;             /* shape [n, 3, BRENIER_SECTORS]: a, b, h of a plane below u */
  char    *has_sectors;        /* shape [n]: whether `sector` is filled */
  /* work */
  size_t n_at_once; /* curves that meet a panel of targets one after the other, so that they stay in cache */
  struct BrenierTileStage *stage; /* of each curve, empty between scans */
} BrenierTileCurves;

/* Targets in the form that the kernel reads. */
typedef struct {
  /* parameters */
  size_t capacity, dim;
  int    bytes; /* whether products are in bytes */
  /* data, owned */
  size_t   n;
  float   *y;            /* packed; with `bytes` row after row, shape [capacity, row_width] */
  uint8_t *y_bytes;      /* bytes: packed, 128 too large */
  float   *y_scale;      /* bytes: s; shape [capacity] */
  float   *height;       /* shape [capacity]: rounded up. A visitor may lower it to prune later curves */
  float   *margin;       /* shape [capacity]: error of the product per unit of norm */
  float   *first_margin; /* bytes: the same of the first test, per unit of first_norm; shape [capacity] */
  float   *length;       /* bytes: |y|, error of the first test per unit of quantisation_error; shape [capacity] */
} BrenierTileTargets;

/* What the first test allows a target for the errors of its product: `margin` per unit of the norm of a curve, `length`
   per unit of its quantisation error (0 in single precision). */
typedef struct {
  double margin, length;
} BrenierTileAllowance;

/* Targets that passed both tests for one curve, and their planes as the product has them: shape [n]. */
typedef struct {
  size_t         n;
  const int32_t *target; /* positions in the tile, ascending from one visit of a curve to the next */
  const float   *a, *b;  /* point: <z,y> and 0. The value anywhere on the curve errs by BrenierTileError() at most */
  const float   *height; /* its height and what the tests allow for errors */
} BrenierTileFound;

typedef void (*BrenierTileVisitor)(void *context, size_t curve, const BrenierTileFound *found);

/* Makes room for curves; 0, or -1 when memory is out. Free with BrenierTileCurvesFree(), also after -1. */
int  BrenierTileCurvesAlloc(BrenierTileKind kind, size_t n, size_t dim, BrenierTileCurves *curves);
void BrenierTileCurvesFree(BrenierTileCurves *curves);

/* Sets curve c from its vectors z1, z2 (circle) or z1 and the axis (chord); z2 is unused otherwise. Forgets what is
   known of u: everything passes. */
void BrenierTileSetCurve(BrenierTileCurves *curves, size_t c, const double z1[], const double z2[], int axis);

/* Middle (circle, in radians) or ends (chord: [low, low + 1/BRENIER_SECTORS]) of sector g. */
double BrenierTileSectorMiddle(int g);
double BrenierTileSectorLow(int g);

/* Enters planes (a, b, h), shape [BRENIER_SECTORS], as the lower bounds of u in the sectors of curve c, rounded so that
   they stay such. */
void BrenierTileSetSectors(BrenierTileCurves *curves, size_t c, const double a[], const double b[], const double h[]);

/* Ends, in radians, of a range of directions; ranges overlap a little, as the kernel tells directions approximately. */
void BrenierTileDirection(int k, double *begin, double *end);

/* The same for the first test of a circle. centre: alpha, beta, m; radius, steepness: shape [BRENIER_DIRECTIONS],
   steepness >= 1, which must hold up to the greatest height that comes, or end at a radius of 0. */
void BrenierTileSetRadii(BrenierTileCurves *curves, size_t c, const float centre[3], const double radius[],
                         const double steepness[]);

/* The same for the first test of a point (slope unused) or of a chord (a plane's value at 0 and slope). On a circle the
   level is a constant below u: the radius in all directions. */
void BrenierTileSetLevel(BrenierTileCurves *curves, size_t c, double level, double slope);

/* kind: of the curves that will meet them. */
int  BrenierTileTargetsAlloc(BrenierTileKind kind, size_t capacity, size_t dim, BrenierTileTargets *targets);
void BrenierTileTargetsFree(BrenierTileTargets *targets);

/* Packs n <= capacity targets: row i is y[i * stride ...], of order 1, and its height h[i * stride] (INFINITY lets a
   target pass every test). */
void BrenierTileSetTargets(BrenierTileTargets *targets, size_t n, size_t stride, const double y[], const double h[]);

/* Changes the height of one target, rounded up. */
void BrenierTileSetHeight(BrenierTileTargets *targets, size_t target, double h);

/* Bytes that so many packed targets take, about. */
size_t BrenierTileTargetsBytes(BrenierTileKind kind, size_t n, size_t dim);

/*
  BrenierTileScan - Meets curves [first, first + count) with every target of the tile

  Not collective; scans that share no group of curves may run at once, with the same tile of targets. first: a multiple
  of what the kernel takes together (6 circles, 12 chords or points). Calls visit(context, curve, ...) for the pairs
  that pass; the visitor may raise bounds and lower heights, which takes effect for the pairs that follow. Flops: 2 dim
  per pair and vector.
*/
void BrenierTileScan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *targets,
                     BrenierTileVisitor visit, void *context);

/* What the first test allows target y, shape [dim], at most; and what these numbers, or larger ones, come to on a
   curve. */
BrenierTileAllowance BrenierTileAllow(BrenierTileKind kind, size_t dim, const double y[]);
double               BrenierTileFirstError(const BrenierTileCurves *curves, size_t curve, BrenierTileAllowance most);

/* How far the plane of a target along a curve may be off where BrenierTileScan() found it, anywhere on the curve. */
double BrenierTileError(const BrenierTileCurves *curves, size_t curve, const BrenierTileTargets *targets,
                        size_t target);

/* The instruction set in use: "avx512vnni" (products in bytes), "avx512", "avx2" or "portable"; the environment
   variable BRENIER_SIMD lowers it. */
const char *BrenierTileSimd(void);

/* Measured single-precision multiply-add rate of one core in flop/s, with that instruction set, in about `seconds`. */
double BrenierTilePeak(double seconds);

/*
  BrenierTileRadiusTest - The first test in double precision, for planes (a, b, h) of circle c

  outside: shape [n], negative where the plane stays below u. Cheap beside the second test.
*/
void BrenierTileRadiusTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double outside[]);

/*
  BrenierTileSectorTest - The second test in double precision, for planes (a, b, h) of curve c, whose sectors are filled

  above: shape [n], negative where the plane stays below the bound of u in every sector.
*/
void BrenierTileSectorTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double above[]);
