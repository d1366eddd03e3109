/* tile_avx512.c - The kernel for AVX-512. */
#include "tile_avx512.h"

#define ISA_NAME  "avx512"
#define ISA_TABLE brenier_tile_avx512

#include "tile_body.h"
