/* tile_generic.h - What the kernels in GCC vector types of 16 bytes share, for any machine. */
#pragma once

#include "tile_isa.h"

typedef float vfloat __attribute__((vector_size(16)));

typedef int32_t vbits __attribute__((vector_size(16)));

static inline vfloat Larger(vfloat x, vfloat y)
{
  const vbits greater = x > y;

  return (vfloat)(((vbits)x & greater) | ((vbits)y & ~greater));
}

static inline vfloat Smaller(vfloat x, vfloat y)
{
  const vbits less = x < y;

  return (vfloat)(((vbits)x & less) | ((vbits)y & ~less));
}

static inline vfloat Lookup(const float table[], vbits index)
{
  vfloat v = {0};

  for (int l = 0; l < 4; ++l) v[l] = table[index[l] & (BRENIER_DIRECTIONS - 1)];
  return v;
}

#define Reciprocal(x) (1.0f / (x))

#define LANES  4
#define STRIPS 2
#define SPLIT  2
#define LANE_NUMBERS                                                                                                   \
  {                                                                                                                    \
    0, 1, 2, 3                                                                                                         \
  }

#define MaskGE(x, y)                                                                                                   \
  ((unsigned)((((x)[0] >= (y)[0])) | (((x)[1] >= (y)[1]) << 1) | (((x)[2] >= (y)[2]) << 2) | (((x)[3] >= (y)[3]) << 3)))
