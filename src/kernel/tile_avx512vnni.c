/* tile_avx512vnni.c - The kernel for AVX-512 with multiplication of bytes. */
#include "tile_avx512vnni.h"

#define DotBytes(sum, y, z) ((vint)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(y), (__m512i)(z)))

#define ISA_NAME   "avx512vnni"
#define ISA_TABLE  brenier_tile_avx512vnni
#define ISA_LONGER &brenier_tile_avx512int16

extern const BrenierTileIsa brenier_tile_avx512int16;

#include "tile_body.h"
