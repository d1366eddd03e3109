/* tile_bounds.c - Bounds of u along a curve in the form of tile.h: a level, radii, a plane for each sector; rounded so
   that they stay below u. */
#include "error_bound.h"
#include "pi.h"
#include "tile_isa.h"
#include "wide.h"

#include <float.h>
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

/* Numbers of a table in bytes, in units of 1/255 of their range; at most the numbers, or at least. Numbers that are all
   the same may be infinite. */
BRENIER_WIDE static void SetBytes(const float table[], int at_least, uint8_t q[], float unit[2])
{
  const double most_of_byte = 255.0;
  float        low = table[0], high = table[0];
  double       rounding, per_unit;

  for (int k = 1; k < BRENIER_DIRECTIONS; ++k) {
    low  = table[k] < low ? table[k] : low;
    high = table[k] > high ? table[k] : high;
  }
  memset(q, 0, BRENIER_DIRECTIONS);
  unit[0] = at_least ? high : low;
  unit[1] = 0.0f;
  if (!(high > low) || !(high - low < FLT_MAX)) return;
  rounding = 8.0 * brenier_unit_roundoff * (fabs((double)low) + fabs((double)high));
  unit[0]  = (float)((double)low + (at_least ? rounding : -rounding));
  unit[1]  = (float)(((double)high - (double)low + rounding) / most_of_byte);
  per_unit = 1.0 / (double)unit[1];
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    const double above = ((double)table[k] - (double)low) * per_unit; // below most_of_byte

    q[k] = (uint8_t)(at_least ? above + 1.0 : above);
  }
}

static void SetByteRadii(BrenierTileCurves *c, size_t i)
{
  const float *radius = c->radius + i * 2 * BRENIER_DIRECTIONS;

  if (!c->byte_radii) return;
  SetBytes(radius, 0, c->byte_radii[i].radius, c->byte_radii[i].unit);
  SetBytes(radius + BRENIER_DIRECTIONS, 1, c->byte_radii[i].steepness, c->byte_radii[i].unit + 2);
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
  SetByteRadii(c, i);
}

static void SetSameRadius(BrenierTileCurves *c, size_t i, double radius)
{
  float *to = c->radius + i * 2 * BRENIER_DIRECTIONS;

  memset(c->centre + 3 * i, 0, 3 * sizeof(float));
  for (int k = 0; k < BRENIER_DIRECTIONS; ++k) {
    to[k]                      = RoundedBelow(0.0, 0.0, radius);
    to[BRENIER_DIRECTIONS + k] = 1.0f;
  }
  SetByteRadii(c, i);
}

void BrenierTileSetLevel(BrenierTileCurves *c, size_t i, double level, double slope)
{
  if (BrenierTileIsCircle(c->kind)) SetSameRadius(c, i, level);
  c->level[i] = RoundedBelow(0.0, slope, level);
  c->pivot[i] = (float)slope;
}
