/*
  pack.h - The packed storage of tile.h, which is the same for every instruction set, and whether it is in bytes.

  Packed curves: groups of ROWS vectors (a circle gives two, one about a point three), z[group][k][row]; packed
  targets: panels of WIDTH, y[panel][k][lane]. In integers so many coordinates as fill 32 bits stay side by side, four
  bytes for instance: z[group][k / 4][row][k % 4]. All are padded with zeros; padded curves have level or gamma INFINITY
  and nothing passes, padded targets are never visited.
*/
#pragma once

#include "bytes.h"
#include "tile_isa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline size_t PackRoundUp(size_t n, size_t unit)
{
  return (n + unit - 1) / unit * unit;
}

/* Memory that begins with a line of the cache. */
static inline void *PackAlloc(size_t count, size_t size)
{
  const size_t line = 64;

  return aligned_alloc(line, PackRoundUp(count * size + 1, line));
}

static inline void *PackAllocZeroed(size_t count, size_t size)
{
  void *p = PackAlloc(count, size);

  if (p) memset(p, 0, count * size);
  return p;
}

/* Vectors of a curve. */
static inline size_t PackVectors(BrenierTileKind kind)
{
  return kind == BRENIER_TILE_CIRCLE ? 2 : kind == BRENIER_TILE_CENTRED ? 3 : 1;
}

/* Coordinates of a packed vector. */
static inline size_t PackDim(BrenierTileProducts products, size_t dim)
{
  static const size_t together[] = {1, BRENIER_PAIR, BRENIER_QUAD};

  return PackRoundUp(dim, together[products]);
}

/* Floats of a row, where products are in bytes. */
static inline size_t PackRowWidth(size_t dim)
{
  return PackRoundUp(dim, BRENIER_ROW_UNIT);
}

/* Coordinates from `from` on that are rounded at once. */
static inline size_t PackBlockLength(size_t n, size_t from)
{
  return n - from < BRENIER_BYTE_BLOCK ? n - from : BRENIER_BYTE_BLOCK;
}

static inline double PackLength(size_t dim, const double z[])
{
  return sqrt(BrenierSumOfProducts(dim, z, z));
}
