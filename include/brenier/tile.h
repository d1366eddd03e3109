/*
  tile.h - Which targets can appear on which curves: a matrix product that is filtered while it is in registers. Plain
  C, no MPI, no PETSc.

  The products of a group of curve vectors with a panel of targets are accumulated in vector registers and never written
  to memory. A first test of each pair leaves some percent of the pairs. A second test, of those alone, leaves few. The
  visitor gets these and computes in double precision. All numbers belong to normalised targets (targets.h): lengths are
  source lengths or 1.

  Products of chords are in single precision, those of short vectors too. Products of circles and points are in
  integers of 16 or 8 bits where the processor multiplies and adds two or four times as many of these at once. Vectors
  are rounded: z = s q + v, with integers q_k, one s for the vectors of a curve, and one for y. For bytes both vectors
  are multiplied by the same orthogonal (Hadamard) transform before, which makes their coordinates similar in size, and
  |q_k| <= 127. For 16 bits |q| <= 46,000, so that by Cauchy and Schwarz the sum of the products fits into 32 bits.
  Pairs that pass the first test in bytes, or both tests in 16 bits, are tested again in single precision.

  First test. circle: the planes of height h that stay below u are a convex set in the plane of (a, b), which shrinks as
                      h grows: its radius r in one direction from a centre (alpha, beta) is a concave function of h, at
                      least as steep as -h. r and the slope of a chord are known for some ranges of directions, from a
                      middle height m on. The target stays if R >= r + min(m - h, steepness (m - h)), R^2 =
                      (a - alpha)^2 + (b - beta)^2.
              chord:  p - z_k y_k + h + |y_k - pivot|/2 >= level, the plane against one plane (level, pivot) of u at
                      both ends of the chord, p = <z,y>;
              point:  p + h >= level.
  Second test. The curve is cut into sectors. In each, u is bounded below by one plane (`sector`), and the target stays
              if it can reach that plane somewhere in some sector. The sectors of a chord are equal. A circle is cut
              where the planes of neighbouring sectors cross. Circle: with P, Q the value and the derivative of the
              difference at the middle of a sector of half-width w, its largest value there is at most
              max(P, P cos w) + |Q| sin w + dh. Chord: the difference is linear, so its ends decide.

  The filter is certified. A product of length d in single precision has an error of at most (d + 16) 2^-24 |z| |y|, in
  any order of summation (Higham, Accuracy and Stability, section 3.1; the 16 covers rounding of z and y, and the
  tests). A product in integers is an exact sum, of rounded vectors z' and y'. By Cauchy and Schwarz its error is at
  most |z - z'| |y| + |z'| |y - y'|, with the differences that rounding gave. Along a circle, where z = z1 cos t +
  z2 sin t, the spectral norms of the two columns take the place of the norms. Typically that is 0.02 sqrt(d) |y| in
  bytes and 0.00002 d |y| in 16 bits, where <z,y> has the standard deviation |y|. Every test allows for this error, so
  no pair is lost that double precision would keep.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
  BRENIER_TILE_CIRCLE, /* two vectors a curve */
  BRENIER_TILE_CHORD,
  BRENIER_TILE_POINT,
  BRENIER_TILE_CENTRED /* a circle about a point m, three vectors: <m, y> adds to the height of a target */
} BrenierTileKind;

/* What vectors are rounded to before they are multiplied. */
typedef enum { BRENIER_PRODUCTS_SINGLE, BRENIER_PRODUCTS_INT16, BRENIER_PRODUCTS_BYTES } BrenierTileProducts;

/* Sectors of a curve in the second test, and ranges of directions in the plane of a circle in the first. */
enum { BRENIER_SECTORS = 32, BRENIER_DIRECTIONS = 32 };

/* Curves in the form that the kernel reads, with bounds of u along them. */
typedef struct {
  /* parameters */
  BrenierTileKind     kind;
  size_t              n, dim;
  BrenierTileProducts products;
  /* data, owned */
  float   *z;                  /* packed vectors; integers: row after row, shape [n, vectors, row_width] */
  int16_t *z_int16;            /* int16: packed */
  int8_t  *z_bytes;            /* bytes: packed */
  int32_t *z_start;            /* bytes: minus 128 times the sum of each packed row, as targets are 128 too large */
  float   *z_scale;            /* integers: s; shape [n] */
  float   *norm;               /* shape [n]: length of the curve's vectors, for the margin */
  float   *first_norm;         /* integers: the same for the first test; shape [n] */
  float   *quantisation_error; /* bytes: |z - z'|; shape [n] */
  float   *level;              /* chord, point: see the first test; -INFINITY lets everything pass. Shape [n] */
  float   *centre;             /* circle: alpha, beta, m; shape [n, 3] */
  float   *radius;             /* circle: radii, then steepnesses; shape [n, 2, BRENIER_DIRECTIONS] */
  struct BrenierByteRadii *byte_radii;     /* the same in bytes; shape [n] */
  float                   *pivot, *offset; /* chord: slope of the plane of `level`, z_k; shape [n] */
  int                     *axis;           /* chord: k; shape [n] */
  float                   *sector;         /* shape [n, 3, BRENIER_SECTORS]: a, b, h of a plane below u */
  float                   *arc;            /* circle: cosine and sine of a sector's middle and of its half-width;
                              shape [n, 4, BRENIER_SECTORS] */
  int                     *n_sectors;      /* shape [n]: how many of `sector` are filled; 0: nothing is known */
  /* work */
  size_t n_at_once; /* curves that meet a panel of targets one after the other, so that they stay in cache */
  struct BrenierTileStage *stage; /* of each curve, empty between scans */
} BrenierTileCurves;

/* Targets in the form that the kernel reads. */
typedef struct {
  /* parameters */
  size_t              capacity, dim;
  BrenierTileProducts products;
  /* data */
  void    *memory; /* owned; NULL where the arrays lie in the caller's */
  size_t   n;
  float   *y;            /* packed; integers: row after row, shape [capacity, row_width] */
  int16_t *y_int16;      /* int16: packed */
  uint8_t *y_bytes;      /* bytes: packed, 128 too large */
  float   *y_scale;      /* integers: s; shape [capacity] */
  float   *height;       /* shape [capacity]: rounded up. A visitor may lower it to prune later curves */
  float   *margin;       /* shape [capacity]: error of the product per unit of norm */
  float   *first_margin; /* integers: the same of the first test, per unit of first_norm; shape [capacity] */
  float   *length;       /* bytes: |y|, error of the first test per unit of quantisation_error; shape [capacity] */
  /* work */
  void *copy; /* what a device has of them, or NULL; `drop` frees it when they change */
  void (*drop)(void *copy);
} BrenierTileTargets;

/* Allowance of the first test for the error of a target's product: `margin` per unit of the norm of a curve, `length`
   per unit of the curve's quantisation error (bytes only). */
typedef struct {
  double margin, length;
} BrenierTileAllowance;

/* Targets that passed both tests for one curve, and their planes by the product: shape [n]. */
typedef struct {
  size_t         n;
  const int32_t *target; /* positions in the tile, ascending from one visit of a curve to the next */
  const float   *a, *b;  /* point: <z,y> and 0. The value anywhere on the curve errs by BrenierTileError() at most */
  const float   *base;   /* centred: <m, y>; else NULL */
  const float   *height; /* its height, `base`, and the allowance for errors */
} BrenierTileFound;

/* Gets the targets that passed for one curve. */
typedef void (*BrenierTileVisitor)(void *context, size_t curve, const BrenierTileFound *found);

/*@
  BrenierTileCurvesAlloc - Allocates room for curves

  Not collective

  Input Parameters:
+ kind - family of the curves
. n    - number of curves
- dim  - dimension

  Output Parameter:
. curves - free with `BrenierTileCurvesFree()`, also after -1

  Returns: 0; -1 when memory is out

  Cost: 4 dim bytes a vector, 6 dim with products in 16 bits, 5 dim in bytes; circles and chords have 384 bytes of
  sectors beside, circles 512 of arcs and 348 of radii
@*/
int BrenierTileCurvesAlloc(BrenierTileKind kind, size_t n, size_t dim, BrenierTileCurves *curves);

/*@
  BrenierTileCurvesFree - Frees the arrays of curves

  Not collective

  Input/Output Parameter:
. curves - the curves

  Cost: O(1)
@*/
void BrenierTileCurvesFree(BrenierTileCurves *curves);

/*@
  BrenierTileSetCurve - Sets a curve and clears its bounds of u, so that every target passes

  Not collective

  Input/Output Parameter:
. curves - the curves

  Input Parameters:
+ c    - number of the curve
. z1   - vector z1, shape [dim]; unit: source
. z2   - of a circle vector z2, shape [dim]; else unused; unit: source
- axis - of a chord its axis; else unused

  Cost: O(dim) operations
@*/
void BrenierTileSetCurve(BrenierTileCurves *curves, size_t c, const double z1[], const double z2[], int axis);

/*@
  BrenierTileSetCentred - Sets a circle about a point and clears its bounds of u, so that every target passes

  Not collective

  Input/Output Parameter:
. curves - the curves, of BRENIER_TILE_CENTRED

  Input Parameters:
+ c      - number of the curve
. z1     - vector z1, shape [dim]; unit: source
. z2     - vector z2, shape [dim]; unit: source
- centre - the point m, shape [dim]; unit: source

  Cost: O(dim) operations
@*/
void BrenierTileSetCentred(BrenierTileCurves *curves, size_t c, const double z1[], const double z2[],
                           const double centre[]);

/*@
  BrenierTileSectorMiddle - Gives the middle of a sector of a circle

  Not collective

  Input Parameter:
. g - number of the sector

  Returns: the middle; unit: rad

  Cost: O(1)
@*/
double BrenierTileSectorMiddle(int g);

/*@
  BrenierTileSectorLow - Gives the lower end of a sector of a chord, whose length is 1/BRENIER_SECTORS

  Not collective

  Input Parameter:
. g - number of the sector

  Returns: the end; unit: source

  Cost: O(1)
@*/
double BrenierTileSectorLow(int g);

/*@
  BrenierTileSetSectors - Sets planes that bound u from below in the sectors of a chord, rounded so that they stay
  bounds

  Not collective

  Input/Output Parameter:
. curves - the curves

  Input Parameters:
+ c - number of the curve
. a - coefficients a, shape [BRENIER_SECTORS]; unit: source
. b - coefficients b, shape [BRENIER_SECTORS]; unit: source
- h - heights, shape [BRENIER_SECTORS]; unit: source

  Cost: O(1)
@*/
void BrenierTileSetSectors(BrenierTileCurves *curves, size_t c, const double a[], const double b[], const double h[]);

/*@
  BrenierTileSetArcs - Sets planes that bound u from below on arcs that cover a circle, rounded so that they stay bounds

  Not collective

  Input/Output Parameter:
. curves - the curves

  Input Parameters:
+ c   - number of the curve
. n   - number of arcs, BRENIER_SECTORS at most
. arc - cosine and sine of the middle of each arc, and of its half-width, which is below a quarter of a turn, shape
        [4, BRENIER_SECTORS]; unit: 1
. a   - coefficients a, shape [BRENIER_SECTORS], of which n count; unit: source
. b   - coefficients b, shape [BRENIER_SECTORS]; unit: source
- h   - heights, shape [BRENIER_SECTORS]; unit: source

  Cost: O(1)

  Notes: Arcs are widened by more than their directions lose to rounding.
@*/
void BrenierTileSetArcs(BrenierTileCurves *curves, size_t c, int n, const double arc[4][BRENIER_SECTORS],
                        const double a[], const double b[], const double h[]);

/*@
  BrenierTileDirection - Gives the ends of a range of directions

  Not collective

  Input Parameter:
. k - number of the range

  Output Parameters:
+ begin - lower end; unit: rad
- end   - upper end; unit: rad

  Cost: O(1)

  Notes: Ranges overlap a little, as the kernel finds the range of a direction approximately.
@*/
void BrenierTileDirection(int k, double *begin, double *end);

/*@
  BrenierTileSetRadii - Sets the bounds of the first test of a circle

  Not collective

  Input/Output Parameter:
. curves - the curves

  Input Parameters:
+ c         - number of the curve
. centre    - alpha, beta, m, shape [3]; unit: source
. radius    - radii r at height m, shape [BRENIER_DIRECTIONS]; unit: source
- steepness - slopes, at least 1, shape [BRENIER_DIRECTIONS]; they have to hold up to the largest height of a target, or
              to the height where the radius is 0; unit: 1

  Cost: O(1)
@*/
void BrenierTileSetRadii(BrenierTileCurves *curves, size_t c, const float centre[3], const double radius[],
                         const double steepness[]);

/*@
  BrenierTileSetLevel - Sets the bound of the first test of a point or a chord, or a constant bound of a circle

  Not collective

  Input/Output Parameter:
. curves - the curves

  Input Parameters:
+ c     - number of the curve
. level - point, circle: a number below u; chord: value at 0 of a plane below u; unit: source
- slope - chord: slope of that plane; else unused; unit: 1

  Cost: O(1)
@*/
void BrenierTileSetLevel(BrenierTileCurves *curves, size_t c, double level, double slope);

/*@
  BrenierTileTargetsAlloc - Allocates room for packed targets

  Not collective

  Input Parameters:
+ kind     - family of the curves that they are scanned with
. capacity - largest number of targets
- dim      - dimension

  Output Parameter:
. targets - free with `BrenierTileTargetsFree()`, also after -1

  Returns: 0; -1 when memory is out

  Cost: those of `BrenierTileTargetsBytes()`
@*/
int BrenierTileTargetsAlloc(BrenierTileKind kind, size_t capacity, size_t dim, BrenierTileTargets *targets);

/*@
  BrenierTileTargetsPlace - Places packed targets in memory of the caller, which processes may have in common

  Not collective

  Input Parameters:
+ kind   - family of the curves that they are scanned with
. n      - number of targets, which are packed already or will be
. dim    - dimension
- memory - shape [BrenierTileTargetsBytes()], at a multiple of 64; zeros where nothing was packed yet

  Output Parameter:
. targets - free with `BrenierTileTargetsFree()`, which leaves the memory

  Cost: O(1)

  Notes: One process packs them, by `BrenierTileBeginTargets()` and what follows it. Others read them once that has
  ended.
@*/
void BrenierTileTargetsPlace(BrenierTileKind kind, size_t n, size_t dim, void *memory, BrenierTileTargets *targets);

/*@
  BrenierTileTargetsFree - Frees the arrays of packed targets

  Not collective

  Input/Output Parameter:
. targets - the targets

  Cost: O(1)
@*/
void BrenierTileTargetsFree(BrenierTileTargets *targets);

/*@
  BrenierTileSetTargets - Packs targets

  Not collective

  Input/Output Parameter:
. targets - packed targets

  Input Parameters:
+ n      - number of targets, at most the capacity
. stride - distance of two rows in y and in h
. y      - row i, of order 1, begins at y[i * stride], shape [n, stride]; unit: 1
- h      - h[i * stride] is the height of row i, shape [n, stride]; INFINITY lets a target pass every test; unit: source

  Cost: O(n dim) operations
@*/
void BrenierTileSetTargets(BrenierTileTargets *targets, size_t n, size_t stride, const double y[], const double h[]);

/*@
  BrenierTileBeginTargets - Begins to pack targets, one at a time

  Not collective

  Input/Output Parameter:
. targets - packed targets

  Input Parameter:
. n - number of targets, at most the capacity

  Cost: O(dim) operations

  Notes: Each target then gets its coordinates by `BrenierTileSetTarget()` and its height by `BrenierTileSetHeight()`.
@*/
void BrenierTileBeginTargets(BrenierTileTargets *targets, size_t n);

/*@
  BrenierTileSetTarget - Packs the coordinates of one target, and sets what its products may be off

  Not collective

  Input/Output Parameter:
. targets - packed targets, begun

  Input Parameters:
+ i - its place
- y - coordinates, of order 1, shape [dim]; unit: 1

  Cost: O(dim log dim) operations
@*/
void BrenierTileSetTarget(BrenierTileTargets *targets, size_t i, const double y[]);

/*@
  BrenierTileSetHeight - Sets the height of one target, rounded up

  Not collective

  Input/Output Parameter:
. targets - packed targets

  Input Parameters:
+ target - number of the target
- h      - its height; unit: source

  Cost: O(1)
@*/
void BrenierTileSetHeight(BrenierTileTargets *targets, size_t target, double h);

/*@
  BrenierTileTargetsBytes - Gives the memory of packed targets

  Not collective

  Input Parameters:
+ kind - family of the curves that they are scanned with
. n    - number of targets
- dim  - dimension

  Returns: bytes, a multiple of 64

  Cost: O(1)
@*/
size_t BrenierTileTargetsBytes(BrenierTileKind kind, size_t n, size_t dim);

/*@
  BrenierTileScan - Tests curves [first, first + count) against all packed targets

  Not collective

  Input Parameters:
+ curves  - the curves
. first   - first curve, a multiple of the group of the kernel: 6 circles, 4 about points, 12 chords or points
. count   - number of curves
. targets - packed targets
. visit   - called as visit(context, curve, found) for pairs that pass
- context - handed to `visit`

  Cost: 2 dim flops a pair and vector

  Notes: The visitor may raise bounds and lower heights; that counts for the pairs that follow. Scans without a
  common group of curves may run at the same time, with the same targets.
@*/
void BrenierTileScan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *targets,
                     BrenierTileVisitor visit, void *context);

/*@
  BrenierTileAllow - Bounds the allowance of the first test for a target

  Not collective

  Input Parameters:
+ kind - family of the curves
. dim  - dimension
- y    - the target, shape [dim]; unit: 1

  Returns: the allowance

  Cost: O(dim)
@*/
BrenierTileAllowance BrenierTileAllow(BrenierTileKind kind, size_t dim, const double y[]);

/*@
  BrenierTileFirstError - Gives the error that the first test allows for on a curve

  Not collective

  Input Parameters:
+ curves - the curves
. curve  - number of the curve
- most   - allowance of a target, or a larger one

  Returns: the error; unit: source

  Cost: O(1)
@*/
double BrenierTileFirstError(const BrenierTileCurves *curves, size_t curve, BrenierTileAllowance most);

/*@
  BrenierTileError - Bounds the error of a plane that `BrenierTileScan()` found, anywhere on the curve

  Not collective

  Input Parameters:
+ curves  - the curves
. curve   - number of the curve
. targets - packed targets
- target  - number of the target

  Returns: the bound; unit: source

  Cost: O(1)
@*/
double BrenierTileError(const BrenierTileCurves *curves, size_t curve, const BrenierTileTargets *targets,
                        size_t target);

/*@
  BrenierTileSimd - Names the instruction set in use

  Not collective

  Returns: "avx512vnni", "avx512", "avxvnni", "avx2" or "portable"; a constant

  Cost: O(1)

  Notes: The environment variable BRENIER_SIMD selects a lower one.
@*/
const char *BrenierTileSimd(void);

/*@
  BrenierTilePeak - Measures the single-precision multiply-add rate of one core with the instruction set in use

  Not collective

  Input Parameter:
. seconds - about how long to measure; unit: s

  Returns: the rate; unit: flop/s

  Cost: that time
@*/
double BrenierTilePeak(double seconds);

/*@
  BrenierTileRadiusTest - Makes the first test in double precision, for planes of a circle

  Not collective

  Input Parameters:
+ curves - the curves
. c      - number of the curve
. n      - number of planes
. a      - coefficients a, shape [n]; unit: source
. b      - coefficients b, shape [n]; unit: source
- h      - heights, shape [n]; unit: source

  Output Parameter:
. outside - negative where a plane stays below u, shape [n]; unit: source

  Cost: O(n), cheap beside the second test
@*/
void BrenierTileRadiusTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double outside[]);

/*@
  BrenierTileSectorTest - Makes the second test in double precision, for planes of a curve whose sectors are set

  Not collective

  Input Parameters:
+ curves - the curves
. c      - number of the curve
. n      - number of planes
. a      - coefficients a, shape [n]; unit: source
. b      - coefficients b, shape [n]; unit: source
- h      - heights, shape [n]; unit: source

  Output Parameter:
. above - negative where a plane stays below the bound of u in every sector, shape [n]; unit: source

  Cost: O(n BRENIER_SECTORS)
@*/
void BrenierTileSectorTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double above[]);
