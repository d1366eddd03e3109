/*
  tile_body.h - The kernel of tile.h for one instruction set; included once by each tile_<isa>.c, which defines

    LANES         floats in a vector
    STRIPS        vectors that a product keeps at once across a panel (register budget: ROWS/SPLIT * STRIPS + STRIPS + 1)
    SPLIT         the group's rows are done in this many parts
    vfloat        vector of LANES floats (a GCC vector type)
    Larger(x, y), Smaller(x, y)  the larger and the smaller of each lane
    Reciprocal(x)  to 11 bits at least
    Lookup(table, index)  entries of a table of BRENIER_DIRECTIONS numbers, by the low bits of the index
    MaskGE(x, y)  bit mask of the lanes where x >= y
    Pack(to, x, mask), PackInt(...)  stores the lanes of a mask side by side (may write a whole vector); optional
    ISA_NAME      the name of the table
*/
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

/* Keeps the pairs of a mask: lanes `mask` of (a, b) and of their targets. Says whether the stage is full. */
static inline unsigned Keep(BrenierTileStage *stage, unsigned mask, vfloat a, vfloat b, vint target)
{
  Pack(stage->a + stage->n, a, mask);
  Pack(stage->b + stage->n, b, mask);
  PackInt(stage->target + stage->n, target, mask);
  stage->n += __builtin_popcount(mask);
  return stage->n >= BRENIER_STAGE_FULL;
}

/* Largest value over the sectors of what planes (a, b, h) are above the lower bound of u. */
static inline vfloat AboveOnCircle(const float *sector, vfloat a, vfloat b, vfloat h)
{
  static const float half_width = 3.14159265358979f / BRENIER_SECTORS;
  const float        cos_w = cosf(half_width), sin_w = sinf(half_width) * (1.0f + 0x1p-20f);
  vfloat             above = h - FLT_MAX;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const vfloat da = a - sector[g], db = b - sector[BRENIER_SECTORS + g];
    const vfloat P = da * brenier_sector_cosine[g] + db * brenier_sector_sine[g];
    const vfloat Q = Magnitude(db * brenier_sector_cosine[g] - da * brenier_sector_sine[g]);

    above = Larger(above, Larger(P, P * cos_w) + Q * sin_w + (h - sector[2 * BRENIER_SECTORS + g]));
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

/* The second test for all pairs of a stage; what is left, without the padding of the last panel, goes to the visitor. */
static void Flush(const BrenierTileCurves *curves, size_t c, const BrenierTileTargets *t, BrenierTileStage *stage,
                  BrenierTileVisitor visit, void *context)
{
  const float *sector = curves->sector + c * 3 * BRENIER_SECTORS;
  const float  offset = curves->offset[c], reach = curves->reach[c]; // offset: 0 but for a chord
  const int    circle = curves->kind == BRENIER_TILE_CIRCLE;
  int32_t      n      = stage->n;
  float        height[BRENIER_STAGE_CAPACITY];

  // Targets ascend, so the padding comes last
  while (n > 0 && (size_t)stage->target[n - 1] >= t->n) --n;
  for (int32_t i = 0; i < n; ++i) height[i] = t->height[stage->target[i]] + reach * t->margin[stage->target[i]];
  stage->n = 0; // what is kept takes the place of what has been tested
  for (int j = 0; j < n; j += LANES) {
    const vfloat b = Load(stage->b + j), a = Load(stage->a + j) - offset * b, h = Load(height + j);
    unsigned     mask = (unsigned)(n - j < LANES ? (1ul << (n - j)) - 1 : (1ul << LANES) - 1);
    vint         target;

    memcpy(&target, stage->target + j, sizeof target);
    if (curves->has_sectors[c]) {
      const vfloat above = circle ? AboveOnCircle(sector, a, b, h) : AboveOnChord(sector, a, b, h);

      mask &= MaskGE(above, zero);
    }
    Pack(height + stage->n, h, mask);
    Keep(stage, mask, a, b, target);
  }
  n        = stage->n;
  stage->n = 0;
  if (n > 0) visit(context, c, &(BrenierTileFound){(size_t)n, stage->target, stage->a, stage->b, height});
}

/* Heights of the targets [target, target + LANES) plus what their products with curve c may be off. */
static inline __attribute__((always_inline)) vfloat Top(const BrenierTileCurves *curves, size_t c,
                                                        const BrenierTileTargets *t, size_t target)
{
  return Load(t->height + target) + curves->reach[c] * Load(t->margin + target);
}

/* Which range of directions (x, y) lies in: by x over |x| + |y|, and by the sign of y. Any range where both are 0. */
static inline __attribute__((always_inline)) vint Direction(vfloat x, vfloat y)
{
  enum { HALF = BRENIER_DIRECTIONS / 2, SIGN_TO_HALF = 31 - 4 };
  const vfloat p = x * Reciprocal(Magnitude(x) + Magnitude(y));

  return __builtin_convertvector(p * brenier_direction_scale + (float)(HALF / 2), vint) |
         (((vint)y >> SIGN_TO_HALF) & HALF);
}

/* The lanes whose planes (a, b) are outside of the radii of circle c, for all strips of the row; these come side by side, as
   what belongs to the circle would not stay in registers from one strip to the next. */
static inline __attribute__((always_inline)) void OutsideRadii(const BrenierTileCurves *curves, size_t c,
                                                               const BrenierTileTargets *t, size_t target,
                                                               const vfloat a[STRIPS], const vfloat b[STRIPS],
                                                               unsigned mask[STRIPS])
{
  const float *centre = curves->centre + 3 * c, *radius = curves->radius + c * 2 * BRENIER_DIRECTIONS;

#pragma GCC unroll 4
  for (int s = 0; s < STRIPS; ++s) {
    const vfloat da = a[s] - centre[0], db = b[s] - centre[1];
    const vfloat below     = centre[2] - Top(curves, c, t, target + (size_t)s * LANES);
    const vint   direction = Direction(da, db);
    const vfloat steep     = Lookup(radius + BRENIER_DIRECTIONS, direction);
    const vfloat r         = Lookup(radius, direction) + Smaller(steep * below, below);

    mask[s] = MaskGE(da * da + db * db, r * Magnitude(r)); // all are outside of a negative radius
  }
}

/* The first test of circles, on the products still in registers; `row` counts from the start of the group. Returns the rows
   whose stage is full, as bits. All pairs are tested before the first is kept: which are cannot be foreseen, and a wrong
   guess would throw away tests begun. */
static inline __attribute__((always_inline)) unsigned TestCircles(const BrenierTileCurves *curves, size_t c0, int row0,
                                                                  const BrenierTileTargets *t, size_t target,
                                                                  vfloat            acc[PART_ROWS][STRIPS],
                                                                  BrenierTileStage *stage)
{
  static const vint lane = LANE_NUMBERS;
  unsigned          mask[PART_ROWS / 2][STRIPS], any = 0, full = 0;

#pragma GCC unroll 6
  for (int r = 0; r < PART_ROWS / 2; ++r) {
    OutsideRadii(curves, c0 + (size_t)(row0 / 2 + r), t, target, acc[2 * r], acc[2 * r + 1], mask[r]);
#pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) any |= mask[r][s];
  }
  if (!any) return 0;
#pragma GCC unroll 6
  for (int r = 0; r < PART_ROWS / 2; ++r)
#pragma GCC unroll 4
    for (int s = 0; s < STRIPS; ++s) {
      const int curve = row0 / 2 + r;

      if (!mask[r][s]) continue;
      full |= Keep(&stage[c0 + (size_t)curve], mask[r][s], acc[2 * r][s], acc[2 * r + 1][s],
                   lane + (int32_t)target + s * LANES)
              << curve;
    }
  return full;
}

/* The same of chords and points. */
static inline __attribute__((always_inline)) unsigned TestLines(const BrenierTileCurves *curves, size_t c0, int row0,
                                                                const BrenierTileTargets *t, size_t target,
                                                                const float *y, vfloat acc[PART_ROWS][STRIPS],
                                                                BrenierTileStage *stage)
{
  static const vint lane = LANE_NUMBERS;
  unsigned          full = 0;

#pragma GCC unroll 4
  for (int s = 0; s < STRIPS; ++s)
#pragma GCC unroll 12
    for (int r = 0; r < PART_ROWS; ++r) {
      const size_t c   = c0 + (size_t)(row0 + r);
      const vfloat top = Top(curves, c, t, target + (size_t)s * LANES), p = acc[r][s];
      vfloat       slope = zero, above = p + top - curves->level[c];
      unsigned     mask;

      if (curves->kind == BRENIER_TILE_CHORD) {
        slope = Load(y + (size_t)curves->axis[c] * BRENIER_TILE_WIDTH + s * LANES);
        above += 0.5f * Magnitude(slope - curves->pivot[c]) - curves->offset[c] * slope;
      }
      mask = MaskGE(above, zero);
      if (mask) full |= Keep(&stage[c], mask, p, slope, lane + (int32_t)target + s * LANES) << (row0 + r);
    }
  return full;
}

static void Scan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *t,
                 BrenierTileStage *stage, BrenierTileVisitor visit, void *context)
{
  const int    circles  = curves->kind == BRENIER_TILE_CIRCLE;
  const size_t in_group = circles ? BRENIER_TILE_ROWS / 2 : BRENIER_TILE_ROWS;

  for (size_t panel = 0; panel < t->n; panel += BRENIER_TILE_WIDTH)
    for (size_t c0 = first; c0 < first + count; c0 += in_group) {
      const float *z    = curves->z + c0 / in_group * curves->dim * BRENIER_TILE_ROWS;
      unsigned     full = 0;

      for (int part = 0; part < BRENIER_TILE_ROWS; part += PART_ROWS)
        for (int strip = 0; strip < BRENIER_TILE_WIDTH; strip += STRIP_WIDTH) {
          const float *y = t->y + panel * t->dim + strip;
          vfloat       acc[PART_ROWS][STRIPS];

          Product(z + part, y, t->dim, acc);
          full |= circles ? TestCircles(curves, c0, part, t, panel + (size_t)strip, acc, stage)
                          : TestLines(curves, c0, part, t, panel + (size_t)strip, y, acc, stage);
        }
      for (; full; full &= full - 1) {
        const size_t c = c0 + (size_t)__builtin_ctz(full);

        if (c < first + count) Flush(curves, c, t, &stage[c], visit, context);
        else stage[c].n = 0; // in the last group, but nobody asked for it
      }
    }
  for (size_t c = first; c < first + count; ++c) Flush(curves, c, t, &stage[c], visit, context);
  for (size_t c = first + count; c % in_group; ++c) stage[c].n = 0;
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

const BrenierTileIsa ISA_TABLE = {ISA_NAME, Scan, Peak};
