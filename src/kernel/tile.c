/*
  tile.c - Implements tile.h but for the kernel itself: packing, rounding, and the choice of instruction set.

  Packed curves: groups of ROWS vectors (a circle gives two), z[group][k][row]; packed targets: panels of WIDTH, y[panel][k][lane].
  Both are padded with zeros; padded curves have level or gamma INFINITY and nothing passes, padded targets are never
  visited.
*/
#include "tile_isa.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double brenier_pi = 3.14159265358979323846264338327950288;

/* Unit roundoff of single precision, and what the tests may lose besides the product (see tile.h). */
static const double brenier_unit_roundoff = 0x1p-24;
static const int    brenier_extra_terms   = 16;

/* The estimate of a reciprocal (AVX2: 12 bits) is the larger part of it. */
static const double brenier_direction_error = 0x1p-10;

float  brenier_sector_cosine[BRENIER_SECTORS], brenier_sector_sine[BRENIER_SECTORS];
double brenier_sector_direction[BRENIER_SECTORS][2];

static size_t RoundUp(size_t n, size_t unit)
{
  return (n + unit - 1) / unit * unit;
}

static void *AllocZeroed(size_t count, size_t size)
{
  const size_t line  = 64;
  const size_t bytes = RoundUp(count * size + 1, line);
  void        *p     = aligned_alloc(line, bytes);

  if (p) memset(p, 0, bytes);
  return p;
}

static float RoundedUp(double x)
{
  const float f = (float)x;

  return (double)f < x ? nextafterf(f, INFINITY) : f;
}

static size_t CurvesInGroup(BrenierTileKind kind)
{
  return kind == BRENIER_TILE_CIRCLE ? BRENIER_TILE_ROWS / 2 : BRENIER_TILE_ROWS;
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

int BrenierTileCurvesAlloc(BrenierTileKind kind, size_t n, size_t dim, BrenierTileCurves *c)
{
  const size_t n_padded = RoundUp(n, CurvesInGroup(kind));
  const size_t n_groups = n_padded / CurvesInGroup(kind);

  FillSectorAngles();
  memset(c, 0, sizeof *c);
  c->kind        = kind;
  c->n           = n;
  c->dim         = dim;
  c->z           = AllocZeroed(n_groups * dim * BRENIER_TILE_ROWS, sizeof(float));
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
  c->stage       = AllocZeroed(n_padded, sizeof(BrenierTileStage));
  if (!c->z || !c->reach || !c->level || !c->centre || !c->radius || !c->pivot || !c->offset || !c->axis ||
      !c->sector || !c->has_sectors || !c->stage)
    return -1;
  for (size_t i = 0; i < n_padded; ++i) BrenierTileSetLevel(c, i, INFINITY, 0.0);
  return 0;
}

void BrenierTileCurvesFree(BrenierTileCurves *c)
{
  free(c->z);
  free(c->reach);
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
  double sum = 0.0;

  for (size_t k = 0; k < dim; ++k) sum += z[k] * z[k];
  return sqrt(sum);
}

static void PackVector(BrenierTileCurves *c, size_t row, const double z[])
{
  float *to = c->z + row / BRENIER_TILE_ROWS * c->dim * BRENIER_TILE_ROWS + row % BRENIER_TILE_ROWS;

  for (size_t k = 0; k < c->dim; ++k) to[k * BRENIER_TILE_ROWS] = (float)z[k];
}

void BrenierTileSetCurve(BrenierTileCurves *c, size_t i, const double z1[], const double z2[], int axis)
{
  double reach = Length(c->dim, z1);

  if (c->kind == BRENIER_TILE_CIRCLE) {
    PackVector(c, 2 * i, z1);
    PackVector(c, 2 * i + 1, z2);
    reach += Length(c->dim, z2);
  } else PackVector(c, i, z1);
  if (c->kind == BRENIER_TILE_CHORD) {
    c->axis[i]   = axis;
    c->offset[i] = (float)z1[axis];
    reach += fabs(z1[axis]) + 1.0;
  }
  c->reach[i]       = RoundedUp(reach);
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

int BrenierTileTargetsAlloc(size_t capacity, size_t dim, BrenierTileTargets *t)
{
  memset(t, 0, sizeof *t);
  t->capacity = RoundUp(capacity, BRENIER_TILE_WIDTH);
  t->dim      = dim;
  t->y        = AllocZeroed(t->capacity * dim, sizeof(float));
  t->height   = AllocZeroed(t->capacity, sizeof(float));
  t->margin   = AllocZeroed(t->capacity, sizeof(float));
  return t->y && t->height && t->margin ? 0 : -1;
}

void BrenierTileTargetsFree(BrenierTileTargets *t)
{
  free(t->y);
  free(t->height);
  free(t->margin);
  memset(t, 0, sizeof *t);
}

void BrenierTileSetTargets(BrenierTileTargets *t, size_t n, size_t stride, const double y[], const double h[])
{
  const size_t n_padded = RoundUp(n, BRENIER_TILE_WIDTH);

  t->n = n;
  for (size_t i = 0; i < n_padded; ++i) {
    float *to = t->y + i / BRENIER_TILE_WIDTH * t->dim * BRENIER_TILE_WIDTH + i % BRENIER_TILE_WIDTH;

    for (size_t k = 0; k < t->dim; ++k) to[k * BRENIER_TILE_WIDTH] = i < n ? (float)y[i * stride + k] : 0.0f;
    t->margin[i] = i < n ? RoundedUp(BrenierTileMargin(t->dim, Length(t->dim, y + i * stride))) : 0.0f;
    BrenierTileSetHeight(t, i, i < n ? h[i * stride] : -1.0 / brenier_unit_roundoff);
  }
}

void BrenierTileSetHeight(BrenierTileTargets *t, size_t i, double h)
{
  /* Finite, so that no test meets infinity minus infinity; far above anything else */
  const double highest = 1e37;

  t->height[i] = RoundedUp(fmin(h, highest) + RoundingOfPlane(0.0, 0.0, fmin(h, highest)));
}

double BrenierTileMargin(size_t dim, double length)
{
  return brenier_unit_roundoff * (double)(dim + (size_t)brenier_extra_terms) * length;
}

double BrenierTileError(const BrenierTileCurves *curves, size_t curve, const BrenierTileTargets *targets, size_t target)
{
  return (double)curves->reach[curve] * (double)targets->margin[target];
}

static const BrenierTileIsa *ChooseIsa(void)
{
#if defined(BRENIER_HAVE_X86_KERNELS)
  const char *wish = getenv("BRENIER_SIMD");
  const int   any  = !wish || !*wish;

  __builtin_cpu_init();
  if ((any || !strcmp(wish, "avx512")) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &brenier_tile_avx512;
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

    Isa()->scan(curves, first + done, n, targets, curves->stage, visit, context);
  }
}
