/* tile_targets.c - Targets in the form that the kernel reads. */
#include "error_bound.h"
#include "pack.h"

int BrenierTileTargetsAlloc(BrenierTileKind kind, size_t capacity, size_t dim, BrenierTileTargets *t)
{
  memset(t, 0, sizeof *t);
  t->capacity = PackRoundUp(capacity, BRENIER_TILE_WIDTH);
  t->dim      = dim;
  t->bytes    = BrenierTileUsesBytes(kind, dim);
  t->y        = PackAlloc(t->capacity * (t->bytes ? PackRowWidth(dim) : dim), sizeof(float));
  t->height   = PackAllocZeroed(t->capacity, sizeof(float));
  t->margin   = PackAllocZeroed(t->capacity, sizeof(float));
  if (!t->y || !t->height || !t->margin) return -1;
  if (!t->bytes) return 0;
  t->y_bytes      = PackAlloc(t->capacity * PackDim(1, dim), 1);
  t->y_scale      = PackAllocZeroed(t->capacity, sizeof(float));
  t->first_margin = PackAllocZeroed(t->capacity, sizeof(float));
  t->length       = PackAllocZeroed(t->capacity, sizeof(float));
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
  const int bytes = BrenierTileUsesBytes(kind, dim);

  return n * (bytes ? PackDim(1, dim) + (PackRowWidth(dim) + 5) * sizeof(float) : (dim + 2) * sizeof(float));
}

static void PackTarget(BrenierTileTargets *t, size_t i, const double y[])
{
  float *to = t->y + i / BRENIER_TILE_WIDTH * t->dim * BRENIER_TILE_WIDTH + i % BRENIER_TILE_WIDTH;

  for (size_t k = 0; k < t->dim; ++k) to[k * BRENIER_TILE_WIDTH] = y ? (float)y[k] : 0.0f;
}

/* Target i in bytes, its coordinates from `from` on: 128 more than a signed byte is another sign bit. */
static void PackTargetBlock(BrenierTileTargets *t, size_t i, size_t from, size_t n, const int8_t q[])
{
  const size_t dim = PackDim(1, t->dim), unit = (size_t)BRENIER_TILE_WIDTH * BRENIER_QUAD;
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
  const size_t         width = PackRowWidth(t->dim);
  float               *whole = t->y + i * width;
  double               transformed[BRENIER_BYTES_MOST_DIM], error2 = 0.0;
  float                scale;
  BrenierByteBlock     block;
  BrenierTileAllowance allowance;

  BrenierRoundToSingle(t->dim, y, whole);
  for (size_t k = t->dim; k < width; ++k) whole[k] = 0.0f;
  BrenierHadamard(t->dim, y, transformed);
  scale = BrenierByteScale(t->dim, transformed);
  for (size_t from = 0; from < t->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = PackBlockLength(t->dim, from);

    BrenierRoundToBytes(n, transformed + from, scale, &block);
    PackTargetBlock(t, i, from, n, block.q);
    error2 += BrenierSumOfProducts(n, block.quantisation_error, block.quantisation_error);
  }
  allowance          = AllowBytes(t->dim, length, sqrt(error2));
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
  const size_t n_padded = PackRoundUp(n, BRENIER_TILE_WIDTH);

  t->n = n;
  for (size_t i = 0; i < n_padded; ++i) {
    const double *row    = i < n ? y + i * stride : NULL;
    const double  length = row ? PackLength(t->dim, row) : 0.0;

    if (!row) PackNothing(t, i);
    else if (t->bytes) PackTargetBytes(t, i, length, row);
    else PackTarget(t, i, row);
    t->margin[i] = BrenierRoundedUp(MarginOfProduct(t->dim, length));
    BrenierTileSetHeight(t, i, row ? h[i * stride] : -1.0 / brenier_unit_roundoff);
  }
}

void BrenierTileSetHeight(BrenierTileTargets *t, size_t i, double h)
{
  /* Finite, so that no test meets infinity minus infinity; far above anything else */
  const double highest = 1e37;

  t->height[i] = BrenierRoundedUp(fmin(h, highest) + RoundingOfPlane(0.0, 0.0, fmin(h, highest)));
}
