/* tile_bounds.c - Bounds of u along a curve in the form of tile.h: a level, radii, a plane for each sector; rounded so
   that they stay below u. */
#include "error_bound.h"
#include "pi.h"
#include "tile_isa.h"
#include "wide.h"

#include <string.h>

/* The estimate of a reciprocal (AVX2: 12 bits) is the larger part of it. */
static const double brenier_direction_error = 0x1p-10;

/* What an arc is widened by, in radians: more than the rounding of its directions and of where it begins. */
static const double brenier_arc_loss = 0x1p-20;

double BrenierTileSectorMiddle(int g)
{
  return (g + 0.5) * (2.0 * brenier_pi / BRENIER_SECTORS);
}

double BrenierTileSectorLow(int g)
{
  return -0.5 + (double)g / BRENIER_SECTORS;
}

BRENIER_WIDE static void RoundSectors(const double a[], const double b[], const double h[], float sector[])
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    sector[g]                       = (float)a[g];
    sector[BRENIER_SECTORS + g]     = (float)b[g];
    sector[2 * BRENIER_SECTORS + g] = (float)(h[g] - RoundingOfPlane(a[g], b[g], h[g]));
  }
}

BRENIER_WIDE static void RoundArcs(const double arc[4][BRENIER_SECTORS], float rounded[])
{
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    rounded[g]                       = (float)arc[0][g];
    rounded[BRENIER_SECTORS + g]     = (float)arc[1][g];
    rounded[2 * BRENIER_SECTORS + g] = (float)(arc[2][g] - brenier_arc_loss);
    rounded[3 * BRENIER_SECTORS + g] = (float)(arc[3][g] + brenier_arc_loss);
  }
}

void BrenierTileSetArcs(BrenierTileCurves *c, size_t i, int n, const double arc[4][BRENIER_SECTORS], const double a[],
                        const double b[], const double h[])
{
  RoundSectors(a, b, h, c->sector + i * 3 * BRENIER_SECTORS);
  RoundArcs(arc, c->arc + i * 4 * BRENIER_SECTORS);
  c->n_sectors[i] = n;
}

void BrenierTileSetSectors(BrenierTileCurves *c, size_t i, const double a[], const double b[], const double h[])
{
  RoundSectors(a, b, h, c->sector + i * 3 * BRENIER_SECTORS);
  c->n_sectors[i] = BRENIER_SECTORS;
}

/* In order of the first coordinate over the sum of magnitudes, first above, then below (see Direction() in
   tile_body.h). */
void BrenierTileDirection(int k, double *begin, double *end)
{
  const int    half = BRENIER_DIRECTIONS / 2;
  const double low  = fmax(-1.0, (k % half - half / 2) / (double)brenier_direction_scale - brenier_direction_error);
  const double high = fmin(1.0, (k % half + 1 - half / 2) / (double)brenier_direction_scale + brenier_direction_error);

  *begin = k < half ? atan2(1.0 - fabs(high), high) : -atan2(1.0 - fabs(low), low);
  *end   = k < half ? atan2(1.0 - fabs(low), low) : -atan2(1.0 - fabs(high), high);
}

void BrenierTileSetRadii(BrenierTileCurves *c, size_t i, const float centre[3], const double radius[],
                         const double steepness[])
{
  float       *to   = c->radius + i * 2 * BRENIER_DIRECTIONS;
  const double loss = RoundingOfPlane(centre[0], centre[1], centre[2]);

  memcpy(c->centre + 3 * i, centre, 3 * sizeof *centre);
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    to[k]                      = (float)(radius[k] - loss - RoundingOfPlane(0.0, 0.0, radius[k]));
    to[BRENIER_DIRECTIONS + k] = (float)(steepness[k] * (1.0 + 4.0 * brenier_unit_roundoff));
  }
}

static void SetSameRadius(BrenierTileCurves *c, size_t i, double radius)
{
  float *to = c->radius + i * 2 * BRENIER_DIRECTIONS;

  memset(c->centre + 3 * i, 0, 3 * sizeof(float));
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    to[k]                      = RoundedBelow(0.0, 0.0, radius);
    to[BRENIER_DIRECTIONS + k] = 1.0f;
  }
}

void BrenierTileSetLevel(BrenierTileCurves *c, size_t i, double level, double slope)
{
  if (c->kind == BRENIER_TILE_CIRCLE) SetSameRadius(c, i, level);
  c->level[i] = RoundedBelow(0.0, slope, level);
  c->pivot[i] = (float)slope;
}
