/* tile_bounds.h - The directions of sectors, which the tests share. */
#pragma once

#include <brenier/tile.h>

/* Fills brenier_sector_cosine and what belongs to it (tile_isa.h), with the same numbers every time. */
void BrenierTileFillSectors(void);
