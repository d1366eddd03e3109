/*
  tile_body.h - The kernel of tile.h for one instruction set; included once by each tile_<isa>.c, which defines

    LANES         floats in a vector
    STRIPS        vectors that a product keeps at once across a panel (registers: ROWS/SPLIT * STRIPS + STRIPS + 1)
    SPLIT         the group's rows are done in this many parts
    vfloat        vector of LANES floats (a GCC vector type)
    Larger(x, y), Smaller(x, y)  the larger and the smaller of each lane
    Reciprocal(x)  to 11 bits at least
    Lookup(table, index)  entries of a table of BRENIER_DIRECTIONS numbers, by the low bits of the index
    LookupByte(table, index, sign)  instead of it: entries of a table of BRENIER_DIRECTIONS bytes, by the low four bits
                  of the index, which has no others, and the sign of `sign`
    MaskGE(x, y)  bit mask of the lanes where x >= y
    Pack(to, x, mask), PackInt(...)  stores the lanes of a mask side by side (may write a whole vector); optional
    ISA_NAME      the name of the table
    ISA_LONGER    the table for vectors too long for its products; optional: without it these are in single precision
    DotBytes(sum, y, z)  sum of 32-bit integers plus the products of four unsigned bytes each of y with four
                  signed ones of z; or
    DotInt16(sum, y, z)  sum of 32-bit integers plus the products of two signed integers each of 16 bits. Both are
                  optional: without them products are in single precision, and nothing more is needed
    Spread(x)     an integer in all lanes
    SumPair(x, y, of_x, of_y)  sums over the lanes
*/
#include "pi.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { PART_ROWS = BRENIER_TILE_ROWS / SPLIT, STRIP_WIDTH = LANES * STRIPS };

#if !defined(Pack)
  #define Pack(to, x, mask)                                                                                            \
    do {                                                                                                               \
      int n_ = 0;                                                                                                      \
      for (unsigned m_ = (mask); m_; m_ &= m_ - 1) (to)[n_++] = (x)[__builtin_ctz(m_)];                                \
    } while (0)
  #define PackInt(to, x, mask) Pack(to, (x), mask)
#endif

static const vfloat zero;

typedef int32_t vint __attribute__((vector_size(sizeof(vfloat))));

static inline vfloat Load(const float *x)
{
  vfloat v;

  memcpy(&v, x, sizeof v);
  return v;
}

static inline vfloat Magnitude(vfloat x)
{
  return (vfloat)((vint)x & 0x7fffffff);
}

/* acc[row][strip] = sum over k of z[k][row] y[k][strip]. */
static inline __attribute__((always_inline)) void Product(const float *z, const float *y, size_t dim,
                                                          vfloat acc[PART_ROWS][STRIPS])
{
  for (int r = 0; r < PART_ROWS; ++r)
    for (int s = 0; s < STRIPS; ++s) acc[r][s] = zero;
  for (size_t k = 0; k < dim; ++k) {
    vfloat strip[STRIPS];

    for (int s = 0; s < STRIPS; ++s) strip[s] = Load(y + s * LANES);
#pragma GCC unroll 12
    for (int r = 0; r < PART_ROWS; ++r)
#pragma GCC unroll 4
      for (int s = 0; s < STRIPS; ++s) acc[r][s] += z[r] * strip[s];
    z += BRENIER_TILE_ROWS;
    y += BRENIER_TILE_WIDTH;
  }
}

#if defined(DotBytes)
  #define DotIntegers DotBytes
  #define PRODUCTS    BRENIER_PRODUCTS_BYTES
  #define IN_BYTES    1
  #define TOGETHER    BRENIER_QUAD
#elif defined(DotInt16)
  #define DotIntegers DotInt16
  #define PRODUCTS    BRENIER_PRODUCTS_INT16
  #define IN_BYTES    0
  #define TOGETHER    BRENIER_PAIR
#else
  #define PRODUCTS BRENIER_PRODUCTS_SINGLE
#endif

#if defined(DotIntegers)
/* The same of integers, so many together as fill 32 bits, which z and y are counted in; as the bits of integers. What
   to begin with is start[row], or 0 for start = NULL. */
static inline __attribute__((always_inline)) void ProductIntegers(const char *z, const char *y, size_t n_together,
                                                                  const int32_t *start, vfloat sum[PART_ROWS][STRIPS])
{
  enum { SIZE = sizeof(int32_t) };
  vint acc[PART_ROWS][STRIPS];

  for (int r = 0; r < PART_ROWS; ++r)
    for (int s = 0; s < STRIPS; ++s) acc[r][s] = Spread(start ? start[r] : 0);
  for (size_t k = 0; k < n_together; ++k) {
    vint strip[STRIPS];

  #pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) strip[s] = (vint)Load((const float *)(const void *)y + s * LANES);
  #pragma GCC unroll 12
    for (int r = 0; r < PART_ROWS; ++r) {
      int32_t here;

      memcpy(&here, z + r * SIZE, SIZE);
  #pragma GCC unroll 4
      for (int s = 0; s < STRIPS; ++s) acc[r][s] = DotIntegers(acc[r][s], strip[s], Spread(here));
    }
    z += BRENIER_TILE_ROWS * SIZE;
    y += BRENIER_TILE_WIDTH * SIZE;
  }
  #pragma GCC unroll 12
  for (int r = 0; r < PART_ROWS; ++r)
  #pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) sum[r][s] = (vfloat)acc[r][s];
}
#endif

#if defined(DotIntegers)
/* One product in single precision of rows of floats. */
static float ProductOfRow(const float *z, const float *y, size_t width)
{
  vfloat sum = zero;
  float  whole, again;

  for (size_t k = 0; k < width; k += LANES) sum += Load(y + k) * Load(z + k);
  SumPair(sum, sum, &whole, &again);
  return whole;
}

/* Single precision for n targets of the stage of curve c, which were found in integers. Rows are visited in no order
   that the hardware would guess. */
static void ProductOfStage(const BrenierTileCurves *curves, size_t c, const BrenierTileTargets *t,
                           BrenierTileStage *stage, int32_t n)
{
  enum { AHEAD = 8, LINE = 16 };
  const size_t width = (t->dim + BRENIER_ROW_UNIT - 1) / BRENIER_ROW_UNIT * BRENIER_ROW_UNIT;
  const int    both = BrenierTileIsCircle(curves->kind), centred = curves->kind == BRENIER_TILE_CENTRED;
  const float *z1 = curves->z + (centred ? 3 * c : both ? 2 * c : c) * width, *z2 = both ? z1 + width : z1;
  const float *z3 = centred ? z2 + width : z1;

  for (int32_t i = 0; i < n; ++i) {
    const float *y = t->y + (size_t)stage->target[i] * width;
    vfloat       a = zero, b = zero;

    for (size_t k = 0; i + AHEAD < n && k < width; k += LINE)
      __builtin_prefetch(t->y + (size_t)stage->target[i + AHEAD] * width + k);
    for (size_t k = 0; k < width; k += LANES) {
      a += Load(y + k) * Load(z1 + k);
      b += Load(y + k) * Load(z2 + k);
    }
    SumPair(a, b, &stage->a[i], &stage->b[i]);
    if (!both) stage->b[i] = 0.0f;
    if (centred) stage->base[i] = ProductOfRow(z3, y, width);
  }
}
#endif

/* Keeps the targets of a mask. Says whether the stage is full. */
static inline unsigned StoreTargets(BrenierTileStage *stage, unsigned mask, vint target)
{
  PackInt(stage->target + stage->n, target, mask);
  stage->n += __builtin_popcount(mask);
  return stage->n >= BRENIER_STAGE_FULL;
}

/* Keeps the pairs of a mask: lanes `mask` of (a, b) and of their targets. */
static inline unsigned Store(BrenierTileStage *stage, unsigned mask, vfloat a, vfloat b, vint target)
{
  Pack(stage->a + stage->n, a, mask);
  Pack(stage->b + stage->n, b, mask);
  return StoreTargets(stage, mask, target);
}

/* Largest value over the sectors of what planes (a, b, h) are above the lower bound of u. */
static inline vfloat AboveOnCircle(const float *sector, const float *arc, int n, vfloat a, vfloat b, vfloat h)
{
  const float *cosine = arc, *sine = cosine + BRENIER_SECTORS;
  const float *cos_w = sine + BRENIER_SECTORS, *sin_w = cos_w + BRENIER_SECTORS;
  vfloat       above = h - FLT_MAX;

  for (int g = 0; g < n; ++g) {
    const vfloat da = a - sector[g], db = b - sector[BRENIER_SECTORS + g];
    const vfloat P = da * cosine[g] + db * sine[g];
    const vfloat Q = Magnitude(db * cosine[g] - da * sine[g]);

    above = Larger(above, Larger(P, P * cos_w[g]) + Q * sin_w[g] + (h - sector[2 * BRENIER_SECTORS + g]));
  }
  return above;
}

/* The same on a chord; a: values at its centre. */
static inline vfloat AboveOnChord(const float *sector, vfloat a, vfloat slope, vfloat h)
{
  vfloat above = h - FLT_MAX;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const float  low = -0.5f + (float)g / BRENIER_SECTORS, high = low + 1.0f / BRENIER_SECTORS;
    const vfloat da = a - sector[g] + (h - sector[2 * BRENIER_SECTORS + g]);
    const vfloat db = slope - sector[BRENIER_SECTORS + g];

    above = Larger(above, Larger(da + low * db, da + high * db));
  }
  return above;
}

/* Heights of the targets [target, target + LANES) plus what their products with curve c may be off. */
static inline __attribute__((always_inline)) vfloat
Top(const BrenierTileCurves *curves, size_t c, const BrenierTileTargets *t, size_t target, BrenierTileProducts products)
{
  if (products == BRENIER_PRODUCTS_INT16)
    return Load(t->height + target) + curves->first_norm[c] * Load(t->first_margin + target);
  if (products == BRENIER_PRODUCTS_SINGLE) return Load(t->height + target) + curves->norm[c] * Load(t->margin + target);
  return Load(t->height + target) + curves->first_norm[c] * Load(t->first_margin + target) +
         curves->quantisation_error[c] * Load(t->length + target);
}

/* The products of curve c with the targets [target, target + LANES), which may be integers. */
static inline __attribute__((always_inline)) vfloat Value(const BrenierTileCurves *curves, size_t c,
                                                          const BrenierTileTargets *t, size_t target, vfloat product,
                                                          BrenierTileProducts products)
{
  if (products == BRENIER_PRODUCTS_SINGLE) return product;
  return __builtin_convertvector((vint)product, vfloat) * (Load(t->y_scale + target) * curves->z_scale[c]);
}

/* Which range of directions (x, y) lies in, in a half of the circle: by x over |x| + |y|. The sign of y says in which
   half. Where both are 0, any range, or the least integer. */
static inline __attribute__((always_inline)) vint Direction(vfloat x, vfloat y)
{
  const vfloat p = x * Reciprocal(Magnitude(x) + Magnitude(y));

  return __builtin_convertvector(p * brenier_direction_scale + (float)BRENIER_QUARTER_TURN, vint);
}

/* Radii of circle c and their steepnesses, in the directions (x, y). */
static inline __attribute__((always_inline)) void RadiiAt(const BrenierTileCurves *curves, size_t c, vfloat x, vfloat y,
                                                          vfloat *radius, vfloat *steepness)
{
  const vint direction = Direction(x, y);
#if defined(LookupByte)
  const BrenierByteRadii *radii = &curves->byte_radii[c];

  *radius    = LookupByte(radii->radius, direction, y) * radii->unit[1] + radii->unit[0];
  *steepness = LookupByte(radii->steepness, direction, y) * radii->unit[3] + radii->unit[2];
#else
  enum { HALF = BRENIER_DIRECTIONS / 2, SIGN_TO_HALF = 31 - 4 };
  const float *radii   = curves->radius + c * 2 * BRENIER_DIRECTIONS;
  const vint   in_half = direction | (((vint)y >> SIGN_TO_HALF) & HALF);

  *radius    = Lookup(radii, in_half);
  *steepness = Lookup(radii + BRENIER_DIRECTIONS, in_half);
#endif
}

/* The lanes whose planes (a, b, top) are outside of the radii of circle c. */
static inline __attribute__((always_inline)) unsigned OutsideRadii(const BrenierTileCurves *curves, size_t c, vfloat a,
                                                                   vfloat b, vfloat top)
{
  const float *centre = curves->centre + 3 * c;
  const vfloat da = a - centre[0], db = b - centre[1], below = centre[2] - top;
  vfloat       radius, steepness;

  RadiiAt(curves, c, da, db, &radius, &steepness);
  radius += Smaller(steepness * below, below);
  return MaskGE(da * da + db * db, radius * Magnitude(radius)); // all are outside of a negative radius
}

/* Which of the planes (a, b, h) of a stage pass: a at the centre of a chord; `again`: the first test as well. */
static inline unsigned PassStage(const BrenierTileCurves *curves, size_t c, unsigned mask, int again, vfloat a,
                                 vfloat b, vfloat h)
{
  const float *sector = curves->sector + c * 3 * BRENIER_SECTORS;
  const int    circle = BrenierTileIsCircle(curves->kind);

  if (again) mask &= circle ? OutsideRadii(curves, c, a, b, h) : MaskGE(a + h, zero + curves->level[c]);
  if (mask && curves->n_sectors[c])
    mask &= MaskGE(circle ? AboveOnCircle(sector, curves->arc + c * 4 * BRENIER_SECTORS, curves->n_sectors[c], a, b, h)
                          : AboveOnChord(sector, a, b, h),
                   zero);
  return mask;
}

/* The second test for n pairs of a stage, whose targets have these heights; keeps those that pass. */
static void TestStage(const BrenierTileCurves *curves, size_t c, int again, BrenierTileStage *stage, int32_t n,
                      float height[])
{
  const float offset  = again ? 0.0f : curves->offset[c]; // not 0 for chords alone, which are tested once
  const int   centred = curves->kind == BRENIER_TILE_CENTRED;

  stage->n = 0; // pairs that pass overwrite tested ones
  for (int j = 0; j < n; j += LANES) {
    const vfloat   b = Load(stage->b + j), a = Load(stage->a + j), h = Load(height + j);
    const unsigned all  = (unsigned)(n - j < LANES ? (1ul << (n - j)) - 1 : (1ul << LANES) - 1);
    const unsigned mask = PassStage(curves, c, all, again, a - offset * b, b, h);
    vint           target;

    memcpy(&target, stage->target + j, sizeof target);
    Pack(height + stage->n, h, mask);
    if (centred) Pack(stage->base + stage->n, Load(stage->base + j), mask);
    Store(stage, mask, a - offset * b, b, target);
  }
}

/* Adds what circles about a point add to the heights of the first n pairs of a stage. */
static void AddBase(const BrenierTileStage *stage, int32_t n, float height[])
{
  for (int32_t i = 0; i < n; ++i) height[i] += stage->base[i];
}

/* The second test for all pairs of a stage; in integers once more in single precision, with the first test, for the
   pairs that are left. Pairs that pass go to the visitor, without the padding of the last panel. */
static void Flush(const BrenierTileCurves *curves, size_t c, const BrenierTileTargets *t, BrenierTileStage *stage,
                  BrenierTileVisitor visit, void *context)
{
  const int   single = curves->products == BRENIER_PRODUCTS_SINGLE, centred = curves->kind == BRENIER_TILE_CENTRED;
  const float reach = curves->norm[c];
  int32_t     n     = stage->n;
  float       height[BRENIER_STAGE_CAPACITY];

  // Targets ascend, so the padding comes last
  while (n > 0 && (size_t)stage->target[n - 1] >= t->n) --n;
  if (curves->products == BRENIER_PRODUCTS_INT16) {
    for (int32_t i = 0; i < n; ++i)
      height[i] = t->height[stage->target[i]] + curves->first_norm[c] * t->first_margin[stage->target[i]];
    if (centred) AddBase(stage, n, height);
    TestStage(curves, c, 0, stage, n, height);
    n = stage->n;
  }
#if defined(DotIntegers)
  if (!single) ProductOfStage(curves, c, t, stage, n);
#endif
  for (int32_t i = 0; i < n; ++i) height[i] = t->height[stage->target[i]] + reach * t->margin[stage->target[i]];
  if (centred) AddBase(stage, n, height);
  TestStage(curves, c, !single, stage, n, height);
  n        = stage->n;
  stage->n = 0;
  if (n > 0)
    visit(context, c,
          &(BrenierTileFound){(size_t)n, stage->target, stage->a, stage->b, centred ? stage->base : NULL, height});
}

/* The first test of circles, on the products still in registers; `row` counts from the start of the group. Returns the
   rows whose stage is full, as bits. All pairs are tested before the first is kept: which are cannot be foreseen, and a
   wrong guess would throw away tests begun. */
static inline __attribute__((always_inline)) unsigned TestCircles(const BrenierTileCurves *curves, size_t c0, int row0,
                                                                  const BrenierTileTargets *t, size_t target,
                                                                  vfloat              acc[PART_ROWS][STRIPS],
                                                                  BrenierTileProducts products, int vectors)
{
  static const vint lane = LANE_NUMBERS;
  unsigned          mask[PART_ROWS / 2][STRIPS], any = 0, full = 0;

#pragma GCC unroll 6
  for (int r = 0; r < PART_ROWS / vectors; ++r)
#pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) { // side by side: what belongs to the circle would not stay in registers
      const size_t c  = c0 + (size_t)(row0 / vectors + r);
      const size_t at = target + (size_t)s * LANES;
      const vfloat a  = Value(curves, c, t, at, acc[vectors * r][s], products),
                   b  = Value(curves, c, t, at, acc[vectors * r + 1][s], products);
      vfloat top      = Top(curves, c, t, at, products);

      if (vectors == BRENIER_TILE_VECTORS) top += Value(curves, c, t, at, acc[vectors * r + 2][s], products);
      mask[r][s] = OutsideRadii(curves, c, a, b, top);
      any |= mask[r][s];
    }
  if (!any) return 0;
#pragma GCC unroll 6
  for (int r = 0; r < PART_ROWS / vectors; ++r)
#pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) {
      const int         curve = row0 / vectors + r;
      const size_t      c = c0 + (size_t)curve, at = target + (size_t)s * LANES;
      BrenierTileStage *stage = &curves->stage[c];
      const vint        here  = lane + (int32_t)at;

      // To keep nothing is cheaper than to guess wrong whether there is anything, where little is kept of a pair
      if (products == BRENIER_PRODUCTS_BYTES) full |= StoreTargets(stage, mask[r][s], here) << curve;
      else if (mask[r][s]) {
        if (vectors == BRENIER_TILE_VECTORS)
          Pack(stage->base + stage->n, Value(curves, c, t, at, acc[vectors * r + 2][s], products), mask[r][s]);
        full |= Store(stage, mask[r][s], Value(curves, c, t, at, acc[vectors * r][s], products),
                      Value(curves, c, t, at, acc[vectors * r + 1][s], products), here)
                << curve;
      }
    }
  return full;
}

/* The same of chords and points. */
static inline __attribute__((always_inline)) unsigned TestLines(const BrenierTileCurves *curves, size_t c0, int row0,
                                                                const BrenierTileTargets *t, size_t target,
                                                                const float *y, vfloat acc[PART_ROWS][STRIPS],
                                                                BrenierTileProducts products)
{
  static const vint lane = LANE_NUMBERS;
  unsigned          full = 0;

#pragma GCC unroll 4
  for (int s = 0; s < STRIPS; ++s)
#pragma GCC unroll 12
    for (int r = 0; r < PART_ROWS; ++r) {
      const size_t c   = c0 + (size_t)(row0 + r);
      const size_t at  = target + (size_t)s * LANES;
      const vfloat top = Top(curves, c, t, at, products), p = Value(curves, c, t, at, acc[r][s], products);
      const vint   here  = lane + (int32_t)at;
      vfloat       slope = zero, above = p + top - curves->level[c];
      unsigned     mask;

      if (products == BRENIER_PRODUCTS_SINGLE && curves->kind == BRENIER_TILE_CHORD) {
        slope = Load(y + (size_t)curves->axis[c] * BRENIER_TILE_WIDTH + s * LANES);
        above += 0.5f * Magnitude(slope - curves->pivot[c]) - curves->offset[c] * slope;
      }
      mask = MaskGE(above, zero);
      if (!mask) continue;
      full |= (products == BRENIER_PRODUCTS_BYTES ? StoreTargets(&curves->stage[c], mask, here)
                                                  : Store(&curves->stage[c], mask, p, slope, here))
              << (row0 + r);
    }
  return full;
}

/* Vectors of a curve. */
static inline int VectorsOf(const BrenierTileCurves *curves)
{
  return curves->kind == BRENIER_TILE_CIRCLE ? 2 : curves->kind == BRENIER_TILE_CENTRED ? BRENIER_TILE_VECTORS : 1;
}

/* The first test of the products of a panel, by the kind of the curves. */
#define TestPanel(curves, c0, row0, t, target, y, acc, products)                                                       \
  ((curves)->kind == BRENIER_TILE_CIRCLE    ? TestCircles(curves, c0, row0, t, target, acc, products, 2)               \
   : (curves)->kind == BRENIER_TILE_CENTRED ? TestCircles(curves, c0, row0, t, target, acc, products, 3)               \
                                            : TestLines(curves, c0, row0, t, target, y, acc, products))

/* Scans the group of curves from c0 on with a panel of targets. Returns the curves whose stage is full, as bits. */
static inline __attribute__((always_inline)) unsigned ScanPanel(const BrenierTileCurves *curves, size_t c0,
                                                                const BrenierTileTargets *t, size_t panel)
{
  const float *z    = curves->z + (size_t)VectorsOf(curves) * c0 * curves->dim;
  unsigned     full = 0;

  for (int part = 0; part < BRENIER_TILE_ROWS; part += PART_ROWS)
    for (int strip = 0; strip < BRENIER_TILE_WIDTH; strip += STRIP_WIDTH) {
      const float *y = t->y + panel * t->dim + strip;
      vfloat       acc[PART_ROWS][STRIPS];

      Product(z + part, y, t->dim, acc);
      full |= TestPanel(curves, c0, part, t, panel + (size_t)strip, y, acc, BRENIER_PRODUCTS_SINGLE);
    }
  return full;
}

#if defined(DotIntegers)
/* The same with products in integers. */
static inline __attribute__((always_inline)) unsigned ScanPanelIntegers(const BrenierTileCurves *curves, size_t c0,
                                                                        const BrenierTileTargets *t, size_t panel)
{
  enum { SIZE = sizeof(int32_t) };
  const size_t row = (size_t)VectorsOf(curves) * c0, n_together = (t->dim + TOGETHER - 1) / TOGETHER;
  const char  *z    = IN_BYTES ? (const char *)curves->z_bytes : (const char *)curves->z_int16;
  const char  *y    = IN_BYTES ? (const char *)t->y_bytes : (const char *)t->y_int16;
  unsigned     full = 0;

  z += row * n_together * SIZE;
  y += panel * n_together * SIZE;
  for (int part = 0; part < BRENIER_TILE_ROWS; part += PART_ROWS)
    for (int strip = 0; strip < BRENIER_TILE_WIDTH; strip += STRIP_WIDTH) {
      const size_t at = panel + (size_t)strip;
      vfloat       acc[PART_ROWS][STRIPS];

      ProductIntegers(z + part * SIZE, y + strip * SIZE, n_together, IN_BYTES ? curves->z_start + row + part : NULL,
                      acc);
      full |= TestPanel(curves, c0, part, t, at, NULL, acc, PRODUCTS);
    }
  return full;
}
#endif

#if defined(DotIntegers) && SPLIT > 1
enum { IN_LINE = BRENIER_PANELS_OF_BYTES * BRENIER_TILE_WIDTH };

/* The first test of circle c with targets [from, from + n), whose products are given, and the second one whenever
   its stage is full. What belongs to the circle stays in registers. */
static void TestCircleLine(const BrenierTileCurves *curves, size_t c, const BrenierTileTargets *t, size_t from,
                           size_t n, float (*product)[IN_LINE], BrenierTileVisitor visit, void *context)
{
  static const vint lane    = LANE_NUMBERS;
  const int         centred = curves->kind == BRENIER_TILE_CENTRED;
  const float      *a = product[0], *b = product[1], *base = centred ? product[2] : a;
  BrenierTileStage *stage = &curves->stage[c];
  uint64_t          found = 0; // a bit for each vector
  unsigned          mask[IN_LINE / LANES];

  for (size_t v = 0; v * LANES < n; ++v) {
    const size_t at   = from + v * LANES;
    const vfloat at_a = Value(curves, c, t, at, Load(a + v * LANES), PRODUCTS);
    const vfloat at_b = Value(curves, c, t, at, Load(b + v * LANES), PRODUCTS);

    vfloat top = Top(curves, c, t, at, PRODUCTS);

    if (centred) top += Value(curves, c, t, at, Load(base + v * LANES), PRODUCTS);
    mask[v] = OutsideRadii(curves, c, at_a, at_b, top);
    found |= (uint64_t)(mask[v] != 0) << v;
  }
  for (; found; found &= found - 1) {
    const int    v    = __builtin_ctzll(found);
    const size_t at   = from + (size_t)v * LANES;
    const vint   here = lane + (int32_t)at;
    unsigned     full;

    if (IN_BYTES) full = StoreTargets(stage, mask[v], here);
    else {
      if (centred) Pack(stage->base + stage->n, Value(curves, c, t, at, Load(base + v * LANES), PRODUCTS), mask[v]);
      full = Store(stage, mask[v], Value(curves, c, t, at, Load(a + v * LANES), PRODUCTS),
                   Value(curves, c, t, at, Load(b + v * LANES), PRODUCTS), here);
    }
    if (full) Flush(curves, c, t, stage, visit, context);
  }
}

/* Scans a group of circles with targets [from, end), IN_LINE at most. Products are written to the first cache: tests of
   one circle after the other need fewer registers than those of several side by side. */
static void ScanLine(const BrenierTileCurves *curves, size_t c0, size_t last, const BrenierTileTargets *t, size_t from,
                     size_t end, BrenierTileVisitor visit, void *context)
{
  enum { SIZE = sizeof(int32_t) };
  const int    vectors    = VectorsOf(curves);
  const size_t n_together = (t->dim + TOGETHER - 1) / TOGETHER, n = end - from;
  const char  *z = (IN_BYTES ? (const char *)curves->z_bytes : (const char *)curves->z_int16) +
                  (size_t)vectors * c0 * n_together * SIZE;
  const char *y = IN_BYTES ? (const char *)t->y_bytes : (const char *)t->y_int16;
  float       line[PART_ROWS][IN_LINE];

  for (int part = 0; part < BRENIER_TILE_ROWS; part += PART_ROWS) {
    for (size_t at = 0; at < n; at += STRIP_WIDTH) {
      const size_t panel = (from + at) / BRENIER_TILE_WIDTH * BRENIER_TILE_WIDTH;
      vfloat       acc[PART_ROWS][STRIPS];

      ProductIntegers(z + part * SIZE, y + (panel * n_together + (from + at - panel)) * SIZE, n_together,
                      IN_BYTES ? curves->z_start + (size_t)vectors * c0 + part : NULL, acc);
  #pragma GCC unroll 12
      for (int r = 0; r < PART_ROWS; ++r)
  #pragma GCC unroll 4
        for (int s = 0; s < STRIPS; ++s) memcpy(&line[r][at + (size_t)s * LANES], &acc[r][s], sizeof acc[r][s]);
    }
    for (int r = 0; r < PART_ROWS; r += vectors) {
      const size_t c = c0 + (size_t)((part + r) / vectors);

      if (c < last) TestCircleLine(curves, c, t, from, n, line + r, visit, context);
    }
  }
}
#endif

/* Scans a group of curves with targets [panel, end), for those curves that are before `last`. */
static void ScanGroup(const BrenierTileCurves *curves, size_t c0, size_t last, const BrenierTileTargets *t,
                      size_t panel, size_t end, BrenierTileVisitor visit, void *context)
{
#if defined(DotIntegers) && SPLIT > 1
  if (curves->products == PRODUCTS && BrenierTileIsCircle(curves->kind)) {
    ScanLine(curves, c0, last, t, panel, end, visit, context);
    return;
  }
#endif
  for (; panel < end; panel += BRENIER_TILE_WIDTH) {
#if defined(DotIntegers)
    unsigned full =
        curves->products == PRODUCTS ? ScanPanelIntegers(curves, c0, t, panel) : ScanPanel(curves, c0, t, panel);
#else
    unsigned full = ScanPanel(curves, c0, t, panel);
#endif

    for (; full; full &= full - 1) {
      const size_t c = c0 + (size_t)__builtin_ctz(full);

      if (c < last) Flush(curves, c, t, &curves->stage[c], visit, context);
      else curves->stage[c].n = 0; // in the last group, but nobody asked for it
    }
  }
}

/* Panels that a group of curves scans one after the other. */
static size_t PanelsAtOnce(const BrenierTileCurves *curves)
{
  const size_t n = BRENIER_INT16_AT_ONCE / (BRENIER_TILE_WIDTH * curves->dim * sizeof(int16_t));

  if (curves->products == BRENIER_PRODUCTS_BYTES) return BRENIER_PANELS_OF_BYTES;
  if (curves->products == BRENIER_PRODUCTS_SINGLE || n < 1) return 1;
  return n < BRENIER_PANELS_OF_BYTES ? n : BRENIER_PANELS_OF_BYTES;
}

static void Scan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *t,
                 BrenierTileVisitor visit, void *context)
{
  const size_t in_group = (size_t)(BRENIER_TILE_ROWS / VectorsOf(curves));
  const size_t at_once  = PanelsAtOnce(curves) * BRENIER_TILE_WIDTH;

  for (size_t panel = 0; panel < t->n; panel += at_once) {
    const size_t left = (t->n - panel + BRENIER_TILE_WIDTH - 1) / BRENIER_TILE_WIDTH * BRENIER_TILE_WIDTH;
    const size_t end  = panel + (left < at_once ? left : at_once);

    for (size_t c0 = first; c0 < first + count; c0 += in_group)
      ScanGroup(curves, c0, first + count, t, panel, end, visit, context);
  }
  for (size_t c = first; c < first + count; ++c) Flush(curves, c, t, &curves->stage[c], visit, context);
  for (size_t c = first + count; c % in_group; ++c) curves->stage[c].n = 0;
}

static double Now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Multiply-adds on registers alone, enough chains to hide their latency. */
static double Peak(double seconds)
{
  enum { CHAINS = PART_ROWS * STRIPS, ROUNDS = 100000 };
  const float  factor[2] = {0.999f, 0.001f};
  const double start     = Now();
  double       flops = 0.0, best = 0.0;

  while (Now() - start < seconds) {
    const double   from = Now();
    vfloat         acc[CHAINS];
    vfloat         sum = {0};
    volatile float keep;

    for (int i = 0; i < CHAINS; ++i) acc[i] = sum + (float)i;
    for (int round = 0; round < ROUNDS; ++round) {
#pragma GCC unroll 24
      for (int i = 0; i < CHAINS; ++i) acc[i] = acc[i] * factor[0] + factor[1];
    }
    for (int i = 0; i < CHAINS; ++i) sum += acc[i];
    keep = sum[0];
    (void)keep;
    flops = 2.0 * LANES * CHAINS * ROUNDS / (Now() - from);
    if (flops > best) best = flops;
  }
  return best;
}

#if defined(LookupByte)
enum { HAS_BYTE_RADII = 1 };
#else
enum { HAS_BYTE_RADII = 0 };
#endif

#if !defined(ISA_LONGER)
  #define ISA_LONGER NULL
#endif

const BrenierTileIsa ISA_TABLE = {ISA_NAME, PRODUCTS, HAS_BYTE_RADII, Scan, Peak, ISA_LONGER};
