/* tile_avx2.c - The kernel for AVX2 and FMA. */
#include "tile_avx2.h"

#define DotInt16(sum, y, z) ((vint)_mm256_add_epi32((__m256i)(sum), _mm256_madd_epi16((__m256i)(y), (__m256i)(z))))

#define ISA_NAME  "avx2"
#define ISA_TABLE brenier_tile_avx2

#include "tile_body.h"
