/*
  tile.c - Implements tile.h but for the kernel itself: packing, rounding, and the choice of instruction set.

  Packed curves: groups of ROWS vectors (a circle gives two), z[group][k][row]; packed targets: panels of WIDTH, y[panel][k][lane].
  In bytes four coordinates stay side by side: z[group][k / 4][row][k % 4]. All are padded with zeros; padded curves have
  level or gamma INFINITY and nothing passes, padded targets are never visited.
*/
#include "bytes.h"
#include "tile_isa.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double brenier_pi = 3.14159265358979323846264338327950288;

/* Unit roundoff of single precision, and what the tests may lose besides the product (see tile.h). */
static const double brenier_unit_roundoff = 0x1p-24;
static const int    brenier_extra_terms   = 16;

/* What is added to the bytes of targets, as the processor multiplies by unsigned ones. */
static const int32_t brenier_byte_shift = 128;

/* The estimate of a reciprocal (AVX2: 12 bits) is the larger part of it. */
static const double brenier_direction_error = 0x1p-10;

float  brenier_sector_cosine[BRENIER_SECTORS], brenier_sector_sine[BRENIER_SECTORS];
double brenier_sector_direction[BRENIER_SECTORS][2];

static size_t RoundUp(size_t n, size_t unit)
{
  return (n + unit - 1) / unit * unit;
}

static void *Alloc(size_t count, size_t size)
{
  const size_t line = 64;

  return aligned_alloc(line, RoundUp(count * size + 1, line));
}

static void *AllocZeroed(size_t count, size_t size)
{
  void *p = Alloc(count, size);

  if (p) memset(p, 0, count * size);
  return p;
}

static const BrenierTileIsa *ChooseIsa(void)
{
#if defined(BRENIER_HAVE_X86_KERNELS)
  const char *wish = getenv("BRENIER_SIMD");
  const int   any  = !wish || !*wish;

  __builtin_cpu_init();
  if ((any || !strncmp(wish, "avx512", strlen("avx512"))) && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512dq")) {
    const int bytes = __builtin_cpu_supports("avx512vnni") && (any || strcmp(wish, "avx512"));

    return bytes ? &brenier_tile_avx512vnni : &brenier_tile_avx512;
  }
  if ((any || strcmp(wish, "portable")) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return &brenier_tile_avx2;
#endif
  return &brenier_tile_portable;
}

static const BrenierTileIsa *Isa(void)
{
  static const BrenierTileIsa *isa;

  if (!isa) isa = ChooseIsa();
  return isa;
}

static int UsesBytes(BrenierTileKind kind, size_t dim)
{
  return Isa()->has_bytes && kind != BRENIER_TILE_CHORD && dim >= BRENIER_BYTES_LEAST_DIM &&
         dim <= BRENIER_BYTES_MOST_DIM;
}

static size_t Vectors(BrenierTileKind kind)
{
  return kind == BRENIER_TILE_CIRCLE ? 2 : 1;
}

static size_t CurvesInGroup(BrenierTileKind kind)
{
  return BRENIER_TILE_ROWS / Vectors(kind);
}

/* Coordinates of a packed vector. */
static size_t PackedDim(int bytes, size_t dim)
{
  return bytes ? RoundUp(dim, BRENIER_QUAD) : dim;
}

static size_t RowWidth(size_t dim)
{
  return RoundUp(dim, BRENIER_ROW_UNIT);
}

/* Packed vectors and stages of as many curves leave half of a 1 MB cache to the targets. */
static size_t CurvesAtOnce(BrenierTileKind kind, size_t dim, size_t n_padded)
{
  const size_t cache  = 512 * 1024;
  const size_t group  = CurvesInGroup(kind);
  const size_t bytes  = BRENIER_TILE_ROWS * dim * sizeof(float) + group * sizeof(BrenierTileStage);
  const size_t groups = cache / bytes, n = (groups < 1 ? 1 : groups > 64 ? 64 : groups) * group;

  return n < n_padded ? n : n_padded;
}

static void FillSectorAngles(void)
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    brenier_sector_direction[g][0] = cos(BrenierTileSectorMiddle(g));
    brenier_sector_direction[g][1] = sin(BrenierTileSectorMiddle(g));
    brenier_sector_cosine[g]       = (float)brenier_sector_direction[g][0];
    brenier_sector_sine[g]         = (float)brenier_sector_direction[g][1];
  }
}

/* Vectors in the form that products are made of. */
static int AllocVectors(BrenierTileCurves *c, size_t n_padded)
{
  const size_t n_rows = n_padded * Vectors(c->kind);

  if (!c->bytes) {
    c->z = AllocZeroed(n_rows * c->dim, sizeof(float));
    return c->z ? 0 : -1;
  }
  c->z           = AllocZeroed(n_rows * RowWidth(c->dim), sizeof(float));
  c->z_bytes     = AllocZeroed(n_rows * PackedDim(1, c->dim), 1);
  c->z_start     = AllocZeroed(n_rows, sizeof(int32_t));
  c->z_scale     = AllocZeroed(n_padded, sizeof(float));
  c->first_reach = AllocZeroed(n_padded, sizeof(float));
  c->lost        = AllocZeroed(n_padded, sizeof(float));
  return c->z && c->z_bytes && c->z_start && c->z_scale && c->first_reach && c->lost ? 0 : -1;
}

int BrenierTileCurvesAlloc(BrenierTileKind kind, size_t n, size_t dim, BrenierTileCurves *c)
{
  const size_t n_padded = RoundUp(n, CurvesInGroup(kind));

  FillSectorAngles();
  memset(c, 0, sizeof *c);
  c->kind        = kind;
  c->n           = n;
  c->dim         = dim;
  c->bytes       = UsesBytes(kind, dim);
  c->reach       = AllocZeroed(n_padded, sizeof(float));
  c->level       = AllocZeroed(n_padded, sizeof(float));
  c->centre      = AllocZeroed(kind == BRENIER_TILE_CIRCLE ? n_padded * 3 : 0, sizeof(float));
  c->radius      = AllocZeroed(kind == BRENIER_TILE_CIRCLE ? n_padded * 2 * BRENIER_DIRECTIONS : 0, sizeof(float));
  c->pivot       = AllocZeroed(n_padded, sizeof(float));
  c->offset      = AllocZeroed(n_padded, sizeof(float));
  c->axis        = AllocZeroed(n_padded, sizeof(int));
  c->sector      = AllocZeroed(kind == BRENIER_TILE_POINT ? 0 : n * 3 * BRENIER_SECTORS, sizeof(float));
  c->has_sectors = AllocZeroed(n, 1);
  c->n_at_once   = CurvesAtOnce(kind, dim, n_padded);
  c->stage       = Alloc(n_padded, sizeof(BrenierTileStage));
  if (AllocVectors(c, n_padded) || !c->reach || !c->level || !c->centre || !c->radius || !c->pivot || !c->offset ||
      !c->axis || !c->sector || !c->has_sectors || !c->stage)
    return -1;
  for (size_t i = 0; i < n_padded; ++i) {
    BrenierTileSetLevel(c, i, INFINITY, 0.0);
    c->stage[i].n = 0;
  }
  return 0;
}

void BrenierTileCurvesFree(BrenierTileCurves *c)
{
  free(c->z);
  free(c->z_bytes);
  free(c->z_start);
  free(c->z_scale);
  free(c->reach);
  free(c->first_reach);
  free(c->lost);
  free(c->level);
  free(c->centre);
  free(c->radius);
  free(c->pivot);
  free(c->offset);
  free(c->axis);
  free(c->sector);
  free(c->has_sectors);
  free(c->stage);
  memset(c, 0, sizeof *c);
}

static double Length(size_t dim, const double z[])
{
  return sqrt(BrenierSumOfProducts(dim, z, z));
}

static void PackVector(BrenierTileCurves *c, size_t row, const double z[])
{
  float *to = c->z + row / BRENIER_TILE_ROWS * c->dim * BRENIER_TILE_ROWS + row % BRENIER_TILE_ROWS;

  for (size_t k = 0; k < c->dim; ++k) to[k * BRENIER_TILE_ROWS] = (float)z[k];
}

BRENIER_WIDE static void ToSingle(size_t n, const double z[], float to[])
{
  for (size_t k = 0; k < n; ++k) to[k] = (float)z[k];
}

static size_t BlockLength(size_t n, size_t from)
{
  return n - from < BRENIER_BYTE_BLOCK ? n - from : BRENIER_BYTE_BLOCK;
}

/* Row `row` of the curves in bytes, its coordinates from `from` on. */
static void PackBytes(BrenierTileCurves *c, size_t row, size_t from, size_t n, const BrenierByteBlock *block)
{
  const size_t dim = PackedDim(1, c->dim), unit = (size_t)BRENIER_TILE_ROWS * BRENIER_QUAD;
  const size_t group = row / BRENIER_TILE_ROWS, lane = row % BRENIER_TILE_ROWS;
  int8_t      *to  = c->z_bytes + group * dim * BRENIER_TILE_ROWS + from / BRENIER_QUAD * unit + lane * BRENIER_QUAD;
  int32_t      sum = 0;

  for (size_t k = 0; k < n; ++k) sum += block->q[k];
  for (size_t k = 0; k < n; k += BRENIER_QUAD, to += unit) memcpy(to, block->q + k, BRENIER_QUAD);
  c->z_start[row] -= brenier_byte_shift * sum;
}

/* Inner products of two vectors x, y with themselves and each other. */
typedef struct {
  double xx, yy, xy;
} Gram;

static void AddToGram(Gram *g, size_t n, const double x[], const double y[])
{
  g->xx += BrenierSumOfProducts(n, x, x);
  g->yy += BrenierSumOfProducts(n, y, y);
  g->xy += BrenierSumOfProducts(n, x, y);
}

/* Largest length of x cos t + y sin t; that of x where y = 0. */
static double LargestLength(const Gram *g)
{
  return sqrt(0.5 * (g->xx + g->yy) + hypot(0.5 * (g->xx - g->yy), g->xy));
}

/* Packs the vectors of curve i, z2 = NULL where there is one, and finds what stays of them and what is lost. */
static void SetBytes(BrenierTileCurves *c, size_t i, const double z1[], const double z2[])
{
  const size_t     row = Vectors(c->kind) * i, width = RowWidth(c->dim);
  Gram             kept = {0.0, 0.0, 0.0}, lost = {0.0, 0.0, 0.0};
  double           x[BRENIER_BYTES_MOST_DIM], y[BRENIER_BYTES_MOST_DIM];
  BrenierByteBlock of_x, of_y;
  float            scale;

  BrenierMix(c->dim, z1, x);
  ToSingle(c->dim, z1, c->z + row * width);
  scale = BrenierByteScale(c->dim, x);
  if (z2) {
    BrenierMix(c->dim, z2, y);
    ToSingle(c->dim, z2, c->z + (row + 1) * width);
    scale = fmaxf(scale, BrenierByteScale(c->dim, y));
  }
  memset(&of_y, 0, sizeof of_y);
  for (size_t v = 0; v < Vectors(c->kind); ++v) c->z_start[row + v] = 0;
  for (size_t from = 0; from < c->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = BlockLength(c->dim, from);

    BrenierRoundToBytes(n, x + from, scale, &of_x);
    PackBytes(c, row, from, n, &of_x);
    if (z2) {
      BrenierRoundToBytes(n, y + from, scale, &of_y);
      PackBytes(c, row + 1, from, n, &of_y);
    }
    AddToGram(&kept, n, of_x.kept, of_y.kept);
    AddToGram(&lost, n, of_x.lost, of_y.lost);
  }
  c->z_scale[i]     = scale;
  c->first_reach[i] = BrenierRoundedUp(LargestLength(&kept));
  c->lost[i]        = BrenierRoundedUp(LargestLength(&lost));
}

void BrenierTileSetCurve(BrenierTileCurves *c, size_t i, const double z1[], const double z2[], int axis)
{
  const int circle = c->kind == BRENIER_TILE_CIRCLE;
  double    reach  = Length(c->dim, z1) + (circle ? Length(c->dim, z2) : 0.0);

  if (c->bytes) SetBytes(c, i, z1, circle ? z2 : NULL);
  else {
    PackVector(c, Vectors(c->kind) * i, z1);
    if (circle) PackVector(c, 2 * i + 1, z2);
  }
  if (c->kind == BRENIER_TILE_CHORD) {
    c->axis[i]   = axis;
    c->offset[i] = (float)z1[axis];
    reach += fabs(z1[axis]) + 1.0;
  }
  c->reach[i]       = BrenierRoundedUp(reach);
  c->has_sectors[i] = 0;
  BrenierTileSetLevel(c, i, -INFINITY, 0.0);
}

double BrenierTileSectorMiddle(int g)
{
  return (g + 0.5) * (2.0 * brenier_pi / BRENIER_SECTORS);
}

double BrenierTileSectorLow(int g)
{
  return -0.5 + (double)g / BRENIER_SECTORS;
}

/* What a plane may lose when its three numbers are rounded, and in the tests against it. */
static double RoundingOfPlane(double a, double b, double h)
{
  return 16.0 * brenier_unit_roundoff * (fabs(a) + fabs(b) + fabs(h));
}

/* h lowered by that; infinities stay. */
static float RoundedBelow(double a, double b, double h)
{
  return isinf(h) ? (float)h : (float)(h - RoundingOfPlane(a, b, h));
}

BRENIER_WIDE static void RoundSectors(const double a[], const double b[], const double h[], float sector[])
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    sector[g]                       = (float)a[g];
    sector[BRENIER_SECTORS + g]     = (float)b[g];
    sector[2 * BRENIER_SECTORS + g] = (float)(h[g] - RoundingOfPlane(a[g], b[g], h[g]));
  }
}

void BrenierTileSetSectors(BrenierTileCurves *c, size_t i, const double a[], const double b[], const double h[])
{
  RoundSectors(a, b, h, c->sector + i * 3 * BRENIER_SECTORS);
  c->has_sectors[i] = 1;
}

/* In order of the first coordinate over the sum of magnitudes, first above, then below (see Direction() in tile_body.h). */
void BrenierTileDirection(int k, double *begin, double *end)
{
  const int    half = BRENIER_DIRECTIONS / 2;
  const double low  = fmax(-1.0, (k % half - half / 2) / (double)brenier_direction_scale - brenier_direction_error);
  const double high = fmin(1.0, (k % half + 1 - half / 2) / (double)brenier_direction_scale + brenier_direction_error);

  *begin = k < half ? atan2(1.0 - fabs(high), high) : -atan2(1.0 - fabs(low), low);
  *end   = k < half ? atan2(1.0 - fabs(low), low) : -atan2(1.0 - fabs(high), high);
}

void BrenierTileSetRadii(BrenierTileCurves *c, size_t i, const float centre[3], const double radius[],
                         const double steepness[])
{
  float       *to   = c->radius + i * 2 * BRENIER_DIRECTIONS;
  const double loss = RoundingOfPlane(centre[0], centre[1], centre[2]);

  memcpy(c->centre + 3 * i, centre, 3 * sizeof *centre);
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    to[k]                      = (float)(radius[k] - loss - RoundingOfPlane(0.0, 0.0, radius[k]));
    to[BRENIER_DIRECTIONS + k] = (float)(steepness[k] * (1.0 + 4.0 * brenier_unit_roundoff));
  }
}

static void SetSameRadius(BrenierTileCurves *c, size_t i, double radius)
{
  float *to = c->radius + i * 2 * BRENIER_DIRECTIONS;

  memset(c->centre + 3 * i, 0, 3 * sizeof(float));
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    to[k]                      = RoundedBelow(0.0, 0.0, radius);
    to[BRENIER_DIRECTIONS + k] = 1.0f;
  }
}

void BrenierTileSetLevel(BrenierTileCurves *c, size_t i, double level, double slope)
{
  if (c->kind == BRENIER_TILE_CIRCLE) SetSameRadius(c, i, level);
  c->level[i] = RoundedBelow(0.0, slope, level);
  c->pivot[i] = (float)slope;
}

int BrenierTileTargetsAlloc(BrenierTileKind kind, size_t capacity, size_t dim, BrenierTileTargets *t)
{
  memset(t, 0, sizeof *t);
  t->capacity = RoundUp(capacity, BRENIER_TILE_WIDTH);
  t->dim      = dim;
  t->bytes    = UsesBytes(kind, dim);
  t->y        = Alloc(t->capacity * (t->bytes ? RowWidth(dim) : dim), sizeof(float));
  t->height   = AllocZeroed(t->capacity, sizeof(float));
  t->margin   = AllocZeroed(t->capacity, sizeof(float));
  if (!t->y || !t->height || !t->margin) return -1;
  if (!t->bytes) return 0;
  t->y_bytes      = Alloc(t->capacity * PackedDim(1, dim), 1);
  t->y_scale      = AllocZeroed(t->capacity, sizeof(float));
  t->first_margin = AllocZeroed(t->capacity, sizeof(float));
  t->length       = AllocZeroed(t->capacity, sizeof(float));
  return t->y_bytes && t->y_scale && t->first_margin && t->length ? 0 : -1;
}

void BrenierTileTargetsFree(BrenierTileTargets *t)
{
  free(t->y);
  free(t->y_bytes);
  free(t->y_scale);
  free(t->height);
  free(t->margin);
  free(t->first_margin);
  free(t->length);
  memset(t, 0, sizeof *t);
}

size_t BrenierTileTargetsBytes(BrenierTileKind kind, size_t n, size_t dim)
{
  const int bytes = UsesBytes(kind, dim);

  return n * (bytes ? PackedDim(1, dim) + (RowWidth(dim) + 5) * sizeof(float) : (dim + 2) * sizeof(float));
}

/* What the product of a target of some length with a curve may be off in single precision, per unit of the curve's reach. */
static double Margin(size_t dim, double length)
{
  return brenier_unit_roundoff * (double)(dim + (size_t)brenier_extra_terms) * length;
}

/* Of a product in bytes, that of the rounded vectors is known; the tests after it err as those in single precision, whose
   reach is up to twice the largest length along the curve. */
static BrenierTileAllowance AllowBytes(size_t dim, double length, double lost)
{
  return (BrenierTileAllowance){2.0 * Margin(dim, length) + lost, length * (1.0 + 4.0 * brenier_unit_roundoff)};
}

BrenierTileAllowance BrenierTileAllow(BrenierTileKind kind, size_t dim, const double y[])
{
  const double length = Length(dim, y);
  double       mixed[BRENIER_BYTES_MOST_DIM];

  if (!UsesBytes(kind, dim)) return (BrenierTileAllowance){Margin(dim, length), 0.0};
  BrenierMix(dim, y, mixed);
  // No coordinate loses more than half a unit (and the rounding of its quotient)
  return AllowBytes(dim, length, 0.5000001 * (double)BrenierByteScale(dim, mixed) * sqrt((double)dim));
}

double BrenierTileFirstError(const BrenierTileCurves *c, size_t i, BrenierTileAllowance most)
{
  // Both are rounded up where the kernel reads them
  const double rounding = 1.0 + 4.0 * brenier_unit_roundoff;

  if (!c->bytes) return rounding * (double)c->reach[i] * most.margin;
  return rounding * ((double)c->first_reach[i] * most.margin + (double)c->lost[i] * most.length);
}

static void PackTarget(BrenierTileTargets *t, size_t i, const double y[])
{
  float *to = t->y + i / BRENIER_TILE_WIDTH * t->dim * BRENIER_TILE_WIDTH + i % BRENIER_TILE_WIDTH;

  for (size_t k = 0; k < t->dim; ++k) to[k * BRENIER_TILE_WIDTH] = y ? (float)y[k] : 0.0f;
}

/* Target i in bytes, its coordinates from `from` on: 128 more than a signed byte is another sign bit. */
static void PackTargetBlock(BrenierTileTargets *t, size_t i, size_t from, size_t n, const int8_t q[])
{
  const size_t dim = PackedDim(1, t->dim), unit = (size_t)BRENIER_TILE_WIDTH * BRENIER_QUAD;
  const size_t panel = i / BRENIER_TILE_WIDTH, lane = i % BRENIER_TILE_WIDTH;
  uint8_t     *to = t->y_bytes + panel * dim * BRENIER_TILE_WIDTH + from / BRENIER_QUAD * unit + lane * BRENIER_QUAD;

  for (size_t k = 0; k < n; k += BRENIER_QUAD, to += unit) {
    uint32_t quad;

    memcpy(&quad, q + k, sizeof quad);
    quad ^= 0x80808080u;
    memcpy(to, &quad, sizeof quad);
  }
}

static void PackTargetBytes(BrenierTileTargets *t, size_t i, double length, const double y[])
{
  const size_t         width = RowWidth(t->dim);
  float               *whole = t->y + i * width;
  double               mixed[BRENIER_BYTES_MOST_DIM], lost2 = 0.0;
  float                scale;
  BrenierByteBlock     block;
  BrenierTileAllowance allowance;

  ToSingle(t->dim, y, whole);
  for (size_t k = t->dim; k < width; ++k) whole[k] = 0.0f;
  BrenierMix(t->dim, y, mixed);
  scale = BrenierByteScale(t->dim, mixed);
  for (size_t from = 0; from < t->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = BlockLength(t->dim, from);

    BrenierRoundToBytes(n, mixed + from, scale, &block);
    PackTargetBlock(t, i, from, n, block.q);
    lost2 += BrenierSumOfProducts(n, block.lost, block.lost);
  }
  allowance          = AllowBytes(t->dim, length, sqrt(lost2));
  t->y_scale[i]      = scale;
  t->first_margin[i] = BrenierRoundedUp(allowance.margin);
  t->length[i]       = BrenierRoundedUp(allowance.length);
}

/* A place that no target takes. */
static void PackNothing(BrenierTileTargets *t, size_t i)
{
  if (!t->bytes) {
    PackTarget(t, i, NULL);
    return;
  }
  t->y_scale[i] = t->first_margin[i] = t->length[i] = 0.0f; // whatever its bytes are
}

void BrenierTileSetTargets(BrenierTileTargets *t, size_t n, size_t stride, const double y[], const double h[])
{
  const size_t n_padded = RoundUp(n, BRENIER_TILE_WIDTH);

  t->n = n;
  for (size_t i = 0; i < n_padded; ++i) {
    const double *row    = i < n ? y + i * stride : NULL;
    const double  length = row ? Length(t->dim, row) : 0.0;

    if (!row) PackNothing(t, i);
    else if (t->bytes) PackTargetBytes(t, i, length, row);
    else PackTarget(t, i, row);
    t->margin[i] = BrenierRoundedUp(Margin(t->dim, length));
    BrenierTileSetHeight(t, i, row ? h[i * stride] : -1.0 / brenier_unit_roundoff);
  }
}

void BrenierTileSetHeight(BrenierTileTargets *t, size_t i, double h)
{
  /* Finite, so that no test meets infinity minus infinity; far above anything else */
  const double highest = 1e37;

  t->height[i] = BrenierRoundedUp(fmin(h, highest) + RoundingOfPlane(0.0, 0.0, fmin(h, highest)));
}

double BrenierTileError(const BrenierTileCurves *curves, size_t curve, const BrenierTileTargets *targets, size_t target)
{
  return (double)curves->reach[curve] * (double)targets->margin[target];
}

const char *BrenierTileSimd(void)
{
  return Isa()->name;
}

double BrenierTilePeak(double seconds)
{
  return Isa()->peak(seconds);
}

void BrenierTileScan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *targets,
                     BrenierTileVisitor visit, void *context)
{
  for (size_t done = 0; done < count; done += curves->n_at_once) {
    const size_t n = count - done < curves->n_at_once ? count - done : curves->n_at_once;

    Isa()->scan(curves, first + done, n, targets, visit, context);
  }
}
