/* tile_avx512vnni.c - The kernel for AVX-512 with multiplication of bytes. */
#include "tile_avx512.h"

#define DotBytes(sum, y, z) ((vint)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(y), (__m512i)(z)))
#define Spread(x)           ((vint)_mm512_set1_epi32(x))
#define Sum(x)              _mm512_reduce_add_ps((__m512)(x))

#define ISA_NAME  "avx512vnni"
#define ISA_TABLE brenier_tile_avx512vnni

#include "tile_body.h"
