/* tile_curves.c - Curves in the form that the kernel reads. */
#include "error_bound.h"
#include "pack.h"

/* Offset of the bytes of targets, as the processor multiplies by unsigned ones. */
static const int32_t brenier_byte_shift = 128;

static size_t CurvesInGroup(BrenierTileKind kind)
{
  return BRENIER_TILE_ROWS / PackVectors(kind);
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

/* Vectors in the form that products are made of. */
static int AllocVectors(BrenierTileCurves *c, size_t n_padded)
{
  const size_t n_rows = n_padded * PackVectors(c->kind);

  if (c->products == BRENIER_PRODUCTS_SINGLE) {
    c->z = PackAllocZeroed(n_rows * c->dim, sizeof(float));
    return c->z ? 0 : -1;
  }
  c->z          = PackAllocZeroed(n_rows * PackRowWidth(c->dim), sizeof(float));
  c->z_scale    = PackAllocZeroed(n_padded, sizeof(float));
  c->first_norm = PackAllocZeroed(n_padded, sizeof(float));
  if (!c->z || !c->z_scale || !c->first_norm) return -1;
  if (c->products == BRENIER_PRODUCTS_INT16) {
    c->z_int16 = PackAllocZeroed(n_rows * PackDim(c->products, c->dim), sizeof(int16_t));
    return c->z_int16 ? 0 : -1;
  }
  c->z_bytes            = PackAllocZeroed(n_rows * PackDim(c->products, c->dim), 1);
  c->z_start            = PackAllocZeroed(n_rows, sizeof(int32_t));
  c->quantisation_error = PackAllocZeroed(n_padded, sizeof(float));
  return c->z_bytes && c->z_start && c->quantisation_error ? 0 : -1;
}

int BrenierTileCurvesAlloc(BrenierTileKind kind, size_t n, size_t dim, BrenierTileCurves *c)
{
  const size_t n_padded = PackRoundUp(n, CurvesInGroup(kind));

  memset(c, 0, sizeof *c);
  c->kind      = kind;
  c->n         = n;
  c->dim       = dim;
  c->products  = BrenierTileProductsOf(kind, dim);
  c->norm      = PackAllocZeroed(n_padded, sizeof(float));
  c->level     = PackAllocZeroed(n_padded, sizeof(float));
  c->centre    = PackAllocZeroed(BrenierTileIsCircle(kind) ? n_padded * 3 : 0, sizeof(float));
  c->radius    = PackAllocZeroed(BrenierTileIsCircle(kind) ? n_padded * 2 * BRENIER_DIRECTIONS : 0, sizeof(float));
  c->pivot     = PackAllocZeroed(n_padded, sizeof(float));
  c->offset    = PackAllocZeroed(n_padded, sizeof(float));
  c->axis      = PackAllocZeroed(n_padded, sizeof(int));
  c->sector    = PackAllocZeroed(kind == BRENIER_TILE_POINT ? 0 : n * 3 * BRENIER_SECTORS, sizeof(float));
  c->arc       = PackAllocZeroed(BrenierTileIsCircle(kind) ? n * 4 * BRENIER_SECTORS : 0, sizeof(float));
  c->n_sectors = PackAllocZeroed(n, sizeof(int));
  c->n_at_once = CurvesAtOnce(kind, dim, n_padded);
  c->stage     = PackAlloc(n_padded, sizeof(BrenierTileStage));
  if (BrenierTileIsCircle(kind) && BrenierTileHasByteRadii()) {
    c->byte_radii = PackAllocZeroed(n_padded, sizeof *c->byte_radii);
    if (!c->byte_radii) return -1;
  }
  if (AllocVectors(c, n_padded) || !c->norm || !c->level || !c->centre || !c->radius || !c->pivot || !c->offset ||
      !c->axis || !c->sector || !c->arc || !c->n_sectors || !c->stage)
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
  free(c->z_int16);
  free(c->z_bytes);
  free(c->z_start);
  free(c->z_scale);
  free(c->norm);
  free(c->first_norm);
  free(c->quantisation_error);
  free(c->level);
  free(c->centre);
  free(c->radius);
  free(c->byte_radii);
  free(c->pivot);
  free(c->offset);
  free(c->axis);
  free(c->sector);
  free(c->arc);
  free(c->n_sectors);
  free(c->stage);
  memset(c, 0, sizeof *c);
}

static void PackVector(BrenierTileCurves *c, size_t row, const double z[])
{
  float *to = c->z + row / BRENIER_TILE_ROWS * c->dim * BRENIER_TILE_ROWS + row % BRENIER_TILE_ROWS;

  for (size_t k = 0; k < c->dim; ++k) to[k * BRENIER_TILE_ROWS] = (float)z[k];
}

/* Row `row` of the curves in bytes, its coordinates from `from` on. */
static void PackBytes(BrenierTileCurves *c, size_t row, size_t from, size_t n, const BrenierByteBlock *block)
{
  const size_t dim = PackDim(c->products, c->dim), unit = (size_t)BRENIER_TILE_ROWS * BRENIER_QUAD;
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

/* Packs the vectors of curve i in bytes; sets the norm of the quantised vectors and of the quantisation error. */
static void SetBytes(BrenierTileCurves *c, size_t i, const double *const z[])
{
  const size_t     n_vectors = PackVectors(c->kind), row = n_vectors * i, width = PackRowWidth(c->dim);
  Gram             quantised = {0.0, 0.0, 0.0}, quantisation_error         = {0.0, 0.0, 0.0};
  double           x[BRENIER_TILE_VECTORS][BRENIER_BYTES_MOST_DIM], centre = 0.0, centre_error = 0.0;
  BrenierByteBlock of[BRENIER_TILE_VECTORS];
  float            scale = 0.0f;

  memset(of, 0, sizeof of);
  for (size_t v = 0; v < n_vectors; ++v) {
    BrenierHadamard(c->dim, z[v], x[v]);
    BrenierRoundToSingle(c->dim, z[v], c->z + (row + v) * width);
    scale               = fmaxf(scale, BrenierByteScale(c->dim, x[v]));
    c->z_start[row + v] = 0;
  }
  for (size_t from = 0; from < c->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = PackBlockLength(c->dim, from);

    for (size_t v = 0; v < n_vectors; ++v) {
      BrenierRoundToBytes(n, x[v] + from, scale, &of[v]);
      PackBytes(c, row + v, from, n, &of[v]);
    }
    AddToGram(&quantised, n, of[0].quantised, of[1].quantised);
    AddToGram(&quantisation_error, n, of[0].quantisation_error, of[1].quantisation_error);
    if (n_vectors < BRENIER_TILE_VECTORS) continue;
    centre += BrenierSumOfProducts(n, of[2].quantised, of[2].quantised);
    centre_error += BrenierSumOfProducts(n, of[2].quantisation_error, of[2].quantisation_error);
  }
  c->z_scale[i]            = scale;
  c->first_norm[i]         = BrenierRoundedUp(LargestLength(&quantised) + sqrt(centre));
  c->quantisation_error[i] = BrenierRoundedUp(LargestLength(&quantisation_error) + sqrt(centre_error));
}

/* Row `row` of the curves in 16 bits, its coordinates from `from` on, an even number. */
static void PackInt16(BrenierTileCurves *c, size_t row, size_t from, size_t n, const int16_t q[])
{
  const size_t dim = PackDim(c->products, c->dim), unit = (size_t)BRENIER_TILE_ROWS * BRENIER_PAIR;
  const size_t group = row / BRENIER_TILE_ROWS, lane = row % BRENIER_TILE_ROWS;
  int16_t     *to = c->z_int16 + group * dim * BRENIER_TILE_ROWS + from / BRENIER_PAIR * unit + lane * BRENIER_PAIR;

  for (size_t k = 0; k < n; k += BRENIER_PAIR, to += unit) memcpy(to, q + k, BRENIER_PAIR * sizeof *to);
}

/* Packs the vectors of curve i in 16 bits; sets the norm of the quantised vectors, or that which belongs to the
   quantisation error. */
static void SetInt16(BrenierTileCurves *c, size_t i, const double *const z[])
{
  const size_t n_vectors = PackVectors(c->kind), row = n_vectors * i;
  Gram         quantised = {0.0, 0.0, 0.0}, quantisation_error = {0.0, 0.0, 0.0};
  double       rounded[BRENIER_TILE_VECTORS][BRENIER_BYTE_BLOCK] = {{0.0}};
  double       error[BRENIER_TILE_VECTORS][BRENIER_BYTE_BLOCK] = {{0.0}}, centre = 0.0, centre_error = 0.0;
  float        scale = 0.0f;

  for (size_t v = 0; v < n_vectors; ++v) {
    BrenierRoundToSingle(c->dim, z[v], c->z + (row + v) * PackRowWidth(c->dim));
    scale = fmaxf(scale, BrenierInt16Scale(c->dim, z[v], PackLength(c->dim, z[v])));
  }
  for (size_t from = 0; from < c->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = PackBlockLength(c->dim, from);

    for (size_t v = 0; v < n_vectors; ++v) {
      int16_t q[BRENIER_BYTE_BLOCK + BRENIER_PAIR];

      q[n] = 0;
      BrenierRoundToInt16(n, z[v] + from, scale, q, rounded[v], error[v]);
      PackInt16(c, row + v, from, n, q);
    }
    AddToGram(&quantised, n, rounded[0], rounded[1]);
    AddToGram(&quantisation_error, n, error[0], error[1]);
    if (n_vectors < BRENIER_TILE_VECTORS) continue;
    centre += BrenierSumOfProducts(n, rounded[2], rounded[2]);
    centre_error += BrenierSumOfProducts(n, error[2], error[2]);
  }
  c->z_scale[i] = scale;
  c->first_norm[i] =
      BrenierRoundedUp(fmax(LargestLength(&quantised) + sqrt(centre),
                            (LargestLength(&quantisation_error) + sqrt(centre_error)) / Int16Error(c->dim)));
}

/* Sets a curve by its vectors. */
static void SetVectors(BrenierTileCurves *c, size_t i, const double *const z[], double reach)
{
  const size_t n_vectors = PackVectors(c->kind);

  for (size_t v = 0; v < n_vectors; ++v) reach += PackLength(c->dim, z[v]);
  if (c->products == BRENIER_PRODUCTS_INT16) SetInt16(c, i, z);
  else if (c->products == BRENIER_PRODUCTS_BYTES) SetBytes(c, i, z);
  else
    for (size_t v = 0; v < n_vectors; ++v) PackVector(c, n_vectors * i + v, z[v]);
  c->norm[i]      = BrenierRoundedUp(reach);
  c->n_sectors[i] = 0;
  BrenierTileSetLevel(c, i, -INFINITY, 0.0);
}

void BrenierTileSetCurve(BrenierTileCurves *c, size_t i, const double z1[], const double z2[], int axis)
{
  const double *const z[BRENIER_TILE_VECTORS] = {z1, z2, NULL};
  const int           chord                   = c->kind == BRENIER_TILE_CHORD;

  if (chord) {
    c->axis[i]   = axis;
    c->offset[i] = (float)z1[axis];
  }
  SetVectors(c, i, z, chord ? fabs(z1[axis]) + 1.0 : 0.0);
}

void BrenierTileSetCentred(BrenierTileCurves *c, size_t i, const double z1[], const double z2[], const double centre[])
{
  const double *const z[BRENIER_TILE_VECTORS] = {z1, z2, centre};

  SetVectors(c, i, z, 0.0);
}
