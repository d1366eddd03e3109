/* tile_avx512int16.c - The kernel for AVX-512 with multiplication of 16 bits: avx512vnni's, of vectors too long for
   bytes. */
#include "tile_avx512vnni.h"

#define DotInt16(sum, y, z) ((vint)_mm512_dpwssd_epi32((__m512i)(sum), (__m512i)(y), (__m512i)(z)))

#define ISA_NAME  "avx512vnni"
#define ISA_TABLE brenier_tile_avx512int16

#include "tile_body.h"
