/* tile_portable.c - The kernel in GCC vector types of 16 bytes, for any machine. */
#include "tile_generic.h"

#define ISA_NAME  "portable"
#define ISA_TABLE brenier_tile_portable

#include "tile_body.h"
