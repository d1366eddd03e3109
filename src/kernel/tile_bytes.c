/* tile_bytes.c - The kernel with products in bytes, in GCC vector types of 16 bytes, for any machine. What it reads is
   packed as a device reads it (src/device), so the processor can scan what a device leaves. */
#include "tile_generic.h"

#define Spread(x) ((vint){0} + (x))

/* Byte k of each lane of y, unsigned, times that of z, signed. */
#define ProductOfByte(y, z, k) ((((y) >> (8 * (k))) & 0xff) * (((z) << (24 - 8 * (k))) >> 24))

#define DotBytes(sum, y, z)                                                                                            \
  ((sum) + ProductOfByte(y, z, 0) + ProductOfByte(y, z, 1) + ProductOfByte(y, z, 2) + ProductOfByte(y, z, 3))

static inline void SumPair(vfloat x, vfloat y, float *of_x, float *of_y)
{
  *of_x = (x[0] + x[1]) + (x[2] + x[3]);
  *of_y = (y[0] + y[1]) + (y[2] + y[3]);
}

#define ISA_NAME  "bytes"
#define ISA_TABLE brenier_tile_bytes

#include "tile_body.h"
