/* tile_targets.c - Targets in the form that the kernel reads. */
#include "error_bound.h"
#include "pack.h"

/* Memory that arrays are placed in, one after the other. */
typedef struct {
  char  *memory; /* NULL: only the bytes are of interest */
  size_t bytes;
} Room;

/* The next n floats, or as many other numbers as fill their bytes. Panels are whole, so each array begins with a line
   of the cache. There is a line between two arrays: else entry i of all of them would be in the same set. */
static void *Take(Room *room, size_t n)
{
  const size_t line = 64;
  void        *here = room->memory ? room->memory + room->bytes : NULL;

  room->bytes += n * sizeof(float) + line;
  return here;
}

/* Places the arrays of n targets; returns their bytes. */
static size_t PlaceArrays(BrenierTileKind kind, size_t n, size_t dim, void *memory, BrenierTileTargets *t)
{
  const BrenierTileProducts products = BrenierTileProductsOf(kind, dim);
  const size_t              capacity = PackRoundUp(n, BRENIER_TILE_WIDTH), packed = PackDim(products, dim);
  Room                      room = {memory, 0};

  *t        = (BrenierTileTargets){.capacity = capacity, .dim = dim, .products = products, .n = n};
  t->y      = Take(&room, capacity * (products == BRENIER_PRODUCTS_SINGLE ? dim : PackRowWidth(dim)));
  t->height = Take(&room, capacity);
  t->margin = Take(&room, capacity);
  if (products == BRENIER_PRODUCTS_SINGLE) return room.bytes;
  t->y_scale      = Take(&room, capacity);
  t->first_margin = Take(&room, capacity);
  if (products == BRENIER_PRODUCTS_INT16) {
    t->y_int16 = Take(&room, capacity * packed / BRENIER_PAIR);
    return room.bytes;
  }
  t->length  = Take(&room, capacity);
  t->y_bytes = Take(&room, capacity * packed / BRENIER_QUAD);
  return room.bytes;
}

size_t BrenierTileTargetsBytes(BrenierTileKind kind, size_t n, size_t dim)
{
  BrenierTileTargets none;

  return PlaceArrays(kind, n, dim, NULL, &none);
}

void BrenierTileTargetsPlace(BrenierTileKind kind, size_t n, size_t dim, void *memory, BrenierTileTargets *t)
{
  (void)PlaceArrays(kind, n, dim, memory, t);
}

int BrenierTileTargetsAlloc(BrenierTileKind kind, size_t capacity, size_t dim, BrenierTileTargets *t)
{
  void *memory = PackAllocZeroed(BrenierTileTargetsBytes(kind, capacity, dim), 1);

  memset(t, 0, sizeof *t);
  if (!memory) return -1;
  BrenierTileTargetsPlace(kind, capacity, dim, memory, t);
  t->memory = memory;
  t->n      = 0;
  return 0;
}

/* A copy on a device is of what was packed before. */
static void DropCopy(BrenierTileTargets *t)
{
  if (t->copy) t->drop(t->copy);
  t->copy = NULL;
}

void BrenierTileTargetsFree(BrenierTileTargets *t)
{
  DropCopy(t);
  free(t->memory);
  memset(t, 0, sizeof *t);
}

static void PackTarget(BrenierTileTargets *t, size_t i, const double y[])
{
  float *to = t->y + i / BRENIER_TILE_WIDTH * t->dim * BRENIER_TILE_WIDTH + i % BRENIER_TILE_WIDTH;

  for (size_t k = 0; k < t->dim; ++k) to[k * BRENIER_TILE_WIDTH] = y ? (float)y[k] : 0.0f;
}

/* Target i in bytes, its coordinates from `from` on: 128 more than a signed byte is another sign bit. */
static void PackTargetBlock(BrenierTileTargets *t, size_t i, size_t from, size_t n, const int8_t q[])
{
  const size_t dim = PackDim(t->products, t->dim), unit = (size_t)BRENIER_TILE_WIDTH * BRENIER_QUAD;
  const size_t panel = i / BRENIER_TILE_WIDTH, lane = i % BRENIER_TILE_WIDTH;
  uint8_t     *to = t->y_bytes + panel * dim * BRENIER_TILE_WIDTH + from / BRENIER_QUAD * unit + lane * BRENIER_QUAD;

  for (size_t k = 0; k < n; k += BRENIER_QUAD, to += unit) {
    uint32_t quad;

    memcpy(&quad, q + k, sizeof quad);
    quad ^= 0x80808080u;
    memcpy(to, &quad, sizeof quad);
  }
}

/* The row of target i in single precision. */
static void PackRow(BrenierTileTargets *t, size_t i, const double y[])
{
  const size_t width = PackRowWidth(t->dim);
  float       *row   = t->y + i * width;

  BrenierRoundToSingle(t->dim, y, row);
  for (size_t k = t->dim; k < width; ++k) row[k] = 0.0f;
}

static void PackTargetBytes(BrenierTileTargets *t, size_t i, double length, const double y[])
{
  double               transformed[BRENIER_BYTES_MOST_DIM], error2 = 0.0;
  float                scale;
  BrenierByteBlock     block;
  BrenierTileAllowance allowance;

  PackRow(t, i, y);
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

/* Packs target i in 16 bits. */
static void PackTargetInt16(BrenierTileTargets *t, size_t i, double length, const double y[])
{
  const size_t dim = PackDim(t->products, t->dim), unit = (size_t)BRENIER_TILE_WIDTH * BRENIER_PAIR;
  const size_t panel = i / BRENIER_TILE_WIDTH, lane = i % BRENIER_TILE_WIDTH;
  const float  scale = BrenierInt16Scale(t->dim, y, length);
  int16_t     *to    = t->y_int16 + panel * dim * BRENIER_TILE_WIDTH + lane * BRENIER_PAIR;
  double       rounded[BRENIER_BYTE_BLOCK], error[BRENIER_BYTE_BLOCK], error2 = 0.0;

  for (size_t from = 0; from < t->dim; from += BRENIER_BYTE_BLOCK) {
    const size_t n = PackBlockLength(t->dim, from);
    int16_t      q[BRENIER_BYTE_BLOCK + BRENIER_PAIR];

    q[n] = 0;
    BrenierRoundToInt16(n, y + from, scale, q, rounded, error);
    for (size_t k = 0; k < n; k += BRENIER_PAIR, to += unit) memcpy(to, q + k, BRENIER_PAIR * sizeof *to);
    error2 += BrenierSumOfProducts(n, error, error);
  }
  PackRow(t, i, y);
  t->y_scale[i]      = scale;
  t->first_margin[i] = BrenierRoundedUp(MarginOfInt16(t->dim, length, sqrt(error2)));
}

void BrenierTileSetTarget(BrenierTileTargets *t, size_t i, const double y[])
{
  const double length = PackLength(t->dim, y);

  if (t->products == BRENIER_PRODUCTS_INT16) PackTargetInt16(t, i, length, y);
  else if (t->products == BRENIER_PRODUCTS_BYTES) PackTargetBytes(t, i, length, y);
  else PackTarget(t, i, y);
  t->margin[i] = BrenierRoundedUp(MarginOfProduct(t->dim, length));
}

/* A place that no target takes: integers there may be anything, of the unit 0. */
static void PackNothing(BrenierTileTargets *t, size_t i)
{
  t->margin[i] = 0.0f;
  if (t->products == BRENIER_PRODUCTS_SINGLE) PackTarget(t, i, NULL);
  else t->y_scale[i] = t->first_margin[i] = 0.0f;
  if (t->products == BRENIER_PRODUCTS_BYTES) t->length[i] = 0.0f;
}

void BrenierTileBeginTargets(BrenierTileTargets *t, size_t n)
{
  const size_t n_padded = PackRoundUp(n, BRENIER_TILE_WIDTH);

  DropCopy(t);
  t->n = n;
  for (size_t i = n; i < n_padded; ++i) {
    PackNothing(t, i);
    BrenierTileSetHeight(t, i, -1.0 / brenier_unit_roundoff);
  }
}

void BrenierTileSetTargets(BrenierTileTargets *t, size_t n, size_t stride, const double y[], const double h[])
{
  BrenierTileBeginTargets(t, n);
  for (size_t i = 0; i < n; ++i) {
    BrenierTileSetTarget(t, i, y + i * stride);
    BrenierTileSetHeight(t, i, h[i * stride]);
  }
}

void BrenierTileSetHeight(BrenierTileTargets *t, size_t i, double h)
{
  /* Finite, so that no test meets infinity minus infinity; far above anything else */
  const double highest = 1e37;

  t->height[i] = BrenierRoundedUp(fmin(h, highest) + RoundingOfPlane(0.0, 0.0, fmin(h, highest)));
}
