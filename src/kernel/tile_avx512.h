/* tile_avx512.h - What the kernels for AVX-512 share: 12 rows by 2 vectors fill 24 of the 32 registers. */
#pragma once

#include "tile_isa.h"

#include <immintrin.h>

typedef float vfloat __attribute__((vector_size(64)));

#define LANES  16
#define STRIPS 2
#define SPLIT  1
#define LANE_NUMBERS                                                                                                   \
  {                                                                                                                    \
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15                                                               \
  }
#define Larger(x, y)  ((vfloat)_mm512_max_ps((__m512)(x), (__m512)(y)))
#define MaskGE(x, y)  ((unsigned)_mm512_cmp_ps_mask((__m512)(x), (__m512)(y), _CMP_GE_OQ))
#define Smaller(x, y) ((vfloat)_mm512_min_ps((__m512)(x), (__m512)(y)))
#define Reciprocal(x) ((vfloat)_mm512_rcp14_ps((__m512)(x)))
#define Lookup(table, index)                                                                                           \
  ((vfloat)_mm512_permutex2var_ps(_mm512_load_ps(table), (__m512i)(index), _mm512_load_ps((table) + 16)))
// Compressing into a register and storing it whole is much faster than a compressing store
#define Pack(to, x, mask)    _mm512_storeu_ps(to, _mm512_maskz_compress_ps((__mmask16)(mask), (__m512)(x)))
#define PackInt(to, x, mask) _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)(mask), (__m512i)(x)))
