/*
  tile_body.h - The kernel of tile.h for one instruction set; included once by each tile_<isa>.c, which defines

    LANES         floats in a vector
    STRIPS        vectors that a product keeps at once across a panel (register budget: ROWS/SPLIT * STRIPS + STRIPS + 1)
    SPLIT         the group's rows are done in this many parts
    vfloat        vector of LANES floats (a GCC vector type)
    Larger(x, y)  the larger of each lane
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

/* Keeps the pairs of a mask: lanes `mask` of (a, b, height), targets counted from `target`. */
static inline void Keep(BrenierTileStage *stage, unsigned mask, vfloat a, vfloat b, vfloat height, int32_t target)
{
  static const vint lane = LANE_NUMBERS;

  if (!mask) return;
  Pack(stage->a + stage->n, a, mask);
  Pack(stage->b + stage->n, b, mask);
  Pack(stage->height + stage->n, height, mask);
  PackInt(stage->target + stage->n, lane + target, mask);
  stage->n += __builtin_popcount(mask);
}

/* Largest value over the sectors of what the targets [j, j + LANES) of a stage are above the lower bound of u. */
static inline vfloat AboveOnCircle(const float *sector, const BrenierTileStage *stage, int j)
{
  static const float half_width = 3.14159265358979f / BRENIER_SECTORS;
  const float        cos_w = cosf(half_width), sin_w = sinf(half_width) * (1.0f + 0x1p-20f);
  const vfloat       a = Load(stage->a + j), b = Load(stage->b + j), h = Load(stage->height + j);
  vfloat             above = h - FLT_MAX;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const vfloat da = a - sector[g], db = b - sector[BRENIER_SECTORS + g];
    const vfloat P = da * brenier_sector_cosine[g] + db * brenier_sector_sine[g];
    const vfloat Q = Magnitude(db * brenier_sector_cosine[g] - da * brenier_sector_sine[g]);

    above = Larger(above, Larger(P, P * cos_w) + Q * sin_w + (h - sector[2 * BRENIER_SECTORS + g]));
  }
  return above;
}

static inline vfloat AboveOnChord(const float *sector, float offset, const BrenierTileStage *stage, int j)
{
  const vfloat slope = Load(stage->b + j), h = Load(stage->height + j);
  const vfloat a     = Load(stage->a + j) - offset * slope;
  vfloat       above = h - FLT_MAX;

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
  const float  *sector = curves->sector + c * 3 * BRENIER_SECTORS;
  const float   offset = curves->offset[c]; // 0 but for a chord
  const int32_t n      = stage->n;
  int32_t       target[BRENIER_STAGE_CAPACITY];
  float         a[BRENIER_STAGE_CAPACITY], b[BRENIER_STAGE_CAPACITY];
  size_t        n_kept = 0;

  stage->n = 0;
  if (n == 0) return;
  for (int j = 0; j < n; j += LANES) {
    unsigned mask = (unsigned)((1ul << LANES) - 1);

    if (curves->has_sectors[c]) {
      const vfloat above = curves->kind == BRENIER_TILE_CIRCLE ? AboveOnCircle(sector, stage, j)
                                                               : AboveOnChord(sector, offset, stage, j);
      mask               = MaskGE(above, zero);
    }
    for (; mask; mask &= mask - 1) {
      const int i = j + __builtin_ctz(mask);

      if (i >= n || (size_t)stage->target[i] >= t->n) continue;
      target[n_kept] = stage->target[i];
      a[n_kept]      = stage->a[i] - offset * stage->b[i];
      b[n_kept++]    = stage->b[i];
    }
  }
  if (n_kept) visit(context, c, &(BrenierTileFound){n_kept, target, a, b});
}

/* The lanes where planes (a, b, height) lie in no disc of a circle. */
static inline __attribute__((always_inline)) unsigned OutsideDiscs(const float disc[], vfloat a, vfloat b,
                                                                   vfloat height)
{
  unsigned mask = ~0u;

#pragma GCC unroll 4
  for (int k = 0; k < BRENIER_DISCS; ++k) {
    const vfloat da = a - disc[3 * k], db = b - disc[3 * k + 1], radius = Larger(disc[3 * k + 2] - height, zero);

    mask &= MaskGE(da * da + db * db, radius * radius);
  }
  return mask;
}

/* The first test, on the products still in registers; `row` counts from the start of the group. */
static inline __attribute__((always_inline)) void FirstTest(const BrenierTileCurves *curves, size_t c0, int row0,
                                                            const BrenierTileTargets *t, size_t target, const float *y,
                                                            vfloat acc[PART_ROWS][STRIPS], BrenierTileStage *stage)
{
#pragma GCC unroll 4
  for (int s = 0; s < STRIPS; ++s) {
    const vfloat  height = Load(t->height + target + (size_t)s * LANES);
    const vfloat  margin = Load(t->margin + target + (size_t)s * LANES);
    const int32_t first  = (int32_t)target + s * LANES;

    if (curves->kind == BRENIER_TILE_CIRCLE) {
#pragma GCC unroll 12
      for (int r = 0; r < PART_ROWS; r += 2) {
        const size_t c   = c0 + (size_t)(row0 + r) / 2;
        const vfloat top = height + curves->reach[c] * margin, a = acc[r][s], b = acc[r + 1][s];

        Keep(&stage[c], OutsideDiscs(curves->disc + c * 3 * BRENIER_DISCS, a, b, top), a, b, top, first);
      }
    } else {
#pragma GCC unroll 12
      for (int r = 0; r < PART_ROWS; ++r) {
        const size_t c   = c0 + (size_t)(row0 + r);
        const vfloat top = height + curves->reach[c] * margin, p = acc[r][s];
        vfloat       slope = zero, above = p + top - curves->level[c];

        if (curves->kind == BRENIER_TILE_CHORD) {
          slope = Load(y + (size_t)curves->axis[c] * BRENIER_TILE_WIDTH + s * LANES);
          above += 0.5f * Magnitude(slope - curves->pivot[c]) - curves->offset[c] * slope;
        }
        Keep(&stage[c], MaskGE(above, zero), p, slope, top, first);
      }
    }
  }
}

static void Scan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *t,
                 BrenierTileStage *stage, BrenierTileVisitor visit, void *context)
{
  const size_t in_group = curves->kind == BRENIER_TILE_CIRCLE ? BRENIER_TILE_ROWS / 2 : BRENIER_TILE_ROWS;

  stage -= first; // indexed by curve from here on
  for (size_t panel = 0; panel < t->n; panel += BRENIER_TILE_WIDTH)
    for (size_t c0 = first; c0 < first + count; c0 += in_group) {
      const float *z = curves->z + c0 / in_group * curves->dim * BRENIER_TILE_ROWS;

      for (int part = 0; part < BRENIER_TILE_ROWS; part += PART_ROWS)
        for (int strip = 0; strip < BRENIER_TILE_WIDTH; strip += STRIP_WIDTH) {
          const float *y = t->y + panel * t->dim + strip;
          vfloat       acc[PART_ROWS][STRIPS];

          Product(z + part, y, t->dim, acc);
          FirstTest(curves, c0, part, t, panel + (size_t)strip, y, acc, stage);
        }
      for (size_t c = c0; c < c0 + in_group; ++c)
        if (c >= first + count) stage[c].n = 0; // in the last group, but nobody asked for it
        else if (stage[c].n >= BRENIER_STAGE_FULL) Flush(curves, c, t, &stage[c], visit, context);
    }
  for (size_t c = first; c < first + count; ++c) Flush(curves, c, t, &stage[c], visit, context);
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
