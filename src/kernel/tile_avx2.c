/* tile_avx2.c - The kernel for AVX2 and FMA: 6 rows by 2 vectors fill 12 of the 16 registers. */
#include "tile_isa.h"

#include <immintrin.h>

typedef float vfloat __attribute__((vector_size(32)));

#define LANES  8
#define STRIPS 2
#define SPLIT  2
#define LANE_NUMBERS                                                                                                   \
  {                                                                                                                    \
    0, 1, 2, 3, 4, 5, 6, 7                                                                                             \
  }
#define Larger(x, y)         ((vfloat)_mm256_max_ps((__m256)(x), (__m256)(y)))
#define Smaller(x, y)        ((vfloat)_mm256_min_ps((__m256)(x), (__m256)(y)))
#define Reciprocal(x)        ((vfloat)_mm256_rcp_ps((__m256)(x)))
#define Lookup(table, index) ((vfloat)_mm256_i32gather_ps(table, (__m256i)((index) & (BRENIER_DIRECTIONS - 1)), 4))
#define MaskGE(x, y)         ((unsigned)_mm256_movemask_ps(_mm256_cmp_ps((__m256)(x), (__m256)(y), _CMP_GE_OQ)))

#define ISA_NAME  "avx2"
#define ISA_TABLE brenier_tile_avx2

#include "tile_body.h"
