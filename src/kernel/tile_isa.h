/* tile_isa.h - Interface of a kernel compiled for one instruction set (isa.c lists them). */
#pragma once

#include <brenier/tile.h>

/* Targets in a panel of packed storage: the packing is the same for every instruction set, so is BRENIER_TILE_ROWS. */
enum { BRENIER_TILE_WIDTH = 32, BRENIER_TILE_ROWS = 12 };

/* Vectors of a curve at most. */
enum { BRENIER_TILE_VECTORS = 3 };

/* Pairs that passed the first test, kept for one curve until there are enough for the second. */
enum { BRENIER_STAGE_FULL = 32, BRENIER_STAGE_CAPACITY = BRENIER_STAGE_FULL + BRENIER_TILE_WIDTH + 16 };

/* Whether curves are circles, about a point or not. */
static inline int BrenierTileIsCircle(BrenierTileKind kind)
{
  return kind == BRENIER_TILE_CIRCLE || kind == BRENIER_TILE_CENTRED;
}

typedef struct BrenierTileStage {
  int32_t n;
  float   a[BRENIER_STAGE_CAPACITY]; /* circle: a; chord, point: p. Products in bytes: written once there are enough */
  float   b[BRENIER_STAGE_CAPACITY]; /* circle: b; chord: y_k */
  float   base[BRENIER_STAGE_CAPACITY]; /* centred: <m, y> */
  int32_t target[BRENIER_STAGE_CAPACITY];
} BrenierTileStage;

/* In shorter vectors the tests are most of the work, and what passes one in bytes costs more than it saves; longer ones
   would lose too much (and have no room on a stack). */
enum { BRENIER_BYTES_LEAST_DIM = 16, BRENIER_BYTES_MOST_DIM = 1024 };

/* Vectors in 16 bits: shorter ones gain less than the conversion of their products costs; in longer ones rounding could
   add too much to the length of a rounded vector. */
enum { BRENIER_INT16_LEAST_DIM = 6, BRENIER_INT16_MOST_DIM = 16384 };

/* Panels in bytes that a group of curves scans one after the other, so that its data stays in the first cache. */
enum { BRENIER_PANELS_OF_BYTES = 8 };

/* The same in 16 bits, where the panels have so many bytes together. */
enum { BRENIER_INT16_AT_ONCE = 16384 };

/* Coordinates of a vector that are multiplied together, in 16 bits and in bytes; floats that a row of bytes is padded
   to. */
enum { BRENIER_PAIR = 2, BRENIER_QUAD = 4, BRENIER_ROW_UNIT = 16 };

/* Radii and steepnesses of a circle in bytes q: unit[0] + q unit[1] is at most the radius, unit[2] + q unit[3] at least
   the steepness. */
typedef struct BrenierByteRadii {
  uint8_t radius[BRENIER_DIRECTIONS], steepness[BRENIER_DIRECTIONS];
  float   unit[4];
} BrenierByteRadii;

typedef struct BrenierTileIsa {
  const char         *name;
  BrenierTileProducts products;       /* the shortest that it has */
  int                 has_byte_radii; /* looks radii up in bytes */
  void (*scan)(const BrenierTileCurves *, size_t first, size_t count, const BrenierTileTargets *, BrenierTileVisitor,
               void *);
  double (*peak)(double seconds);
  const struct BrenierTileIsa *longer; /* for vectors that are too long for its products; NULL: for none */
} BrenierTileIsa;

/* What vectors are rounded to, with the instruction set in use; whether it looks radii up in bytes. */
BrenierTileProducts BrenierTileProductsOf(BrenierTileKind kind, size_t dim);
int                 BrenierTileHasByteRadii(void);

/* Chooses the instruction set again, whatever was chosen before: with in_bytes one whose products are in bytes, as a
   device's are. Nothing may be packed at that time. */
void BrenierTileUseBytes(int in_bytes);

/* Ranges of directions in half a turn, over 2; a little less, so that an estimate of 1 is in the last one. */
enum { BRENIER_QUARTER_TURN = BRENIER_DIRECTIONS / 4 };
static const float brenier_direction_scale = BRENIER_QUARTER_TURN * (1.0f - 0x1p-10f);
