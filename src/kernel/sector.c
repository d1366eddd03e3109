/* sector.c - The two tests of tile.h in double precision. */
#include "pi.h"
#include "tile_isa.h"
#include "wide.h"

#include <math.h>

/* above = larger of above and what each plane reaches over `plane` of the bound in a sector: cosine and sine of its
   middle and its half-width. */
BRENIER_WIDE static void CircleSector(size_t n, const double a[], const double b[], const double h[],
                                      const double plane[3], const double arc[4], double above[])
{
  const double A = plane[0], B = plane[1], H = plane[2];
  const double cosine = arc[0], sine = arc[1], cos_w = arc[2], sin_w = arc[3];

  for (size_t i = 0; i < n; ++i) {
    const double da = a[i] - A, db = b[i] - B;
    const double P = da * cosine + db * sine, Q = fabs(db * cosine - da * sine);
    const double reach = (P > P * cos_w ? P : P * cos_w) + Q * sin_w + (h[i] - H);

    above[i] = reach > above[i] ? reach : above[i];
  }
}

BRENIER_WIDE static void ChordSector(size_t n, const double a[], const double b[], const double h[],
                                     const double plane[3], double low, double above[])
{
  const double high = low + 1.0 / BRENIER_SECTORS;
  const double A = plane[0], B = plane[1], H = plane[2];

  for (size_t i = 0; i < n; ++i) {
    const double da = a[i] - A + (h[i] - H), db = b[i] - B;
    const double reach = da + (db > 0.0 ? high : low) * db;

    above[i] = reach > above[i] ? reach : above[i];
  }
}

void BrenierTileSectorTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double above[])
{
  const int    circle = BrenierTileIsCircle(curves->kind);
  const float *sector = curves->sector + c * 3 * BRENIER_SECTORS;
  const float *arc    = curves->arc + (circle ? c * 4 * BRENIER_SECTORS : 0);

  for (size_t i = 0; i < n; ++i) above[i] = -HUGE_VAL;
  for (int g = 0; g < curves->n_sectors[c]; ++g) {
    const double plane[3] = {sector[g], sector[BRENIER_SECTORS + g], sector[2 * BRENIER_SECTORS + g]};

    if (circle) {
      const double here[4] = {arc[g], arc[BRENIER_SECTORS + g], arc[2 * BRENIER_SECTORS + g],
                              arc[3 * BRENIER_SECTORS + g]};

      CircleSector(n, a, b, h, plane, here, above);
    } else ChordSector(n, a, b, h, plane, BrenierTileSectorLow(g), above);
  }
}

BRENIER_WIDE static void OutsideRadii(size_t n, const double a[], const double b[], const double h[],
                                      const float centre[], const float radius[], double outside[])
{
  enum { HALF = BRENIER_DIRECTIONS / 2, QUARTER = HALF / 2 };
  const double scale = (double)brenier_direction_scale;

  for (size_t i = 0; i < n; ++i) {
    const double x = a[i] - (double)centre[0], y = b[i] - (double)centre[1], below = (double)centre[2] - h[i];
    const double sum = fabs(x) + fabs(y), p = x / (sum > 0.0 ? sum : 1.0);
    const int    direction = (int)(p * scale + QUARTER) + (y < 0.0 ? HALF : 0);
    const double steep     = (double)radius[BRENIER_DIRECTIONS + direction] * below;

    outside[i] = sqrt(x * x + y * y) - (double)radius[direction] - (steep < below ? steep : below);
  }
}

void BrenierTileRadiusTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double outside[])
{
  OutsideRadii(n, a, b, h, curves->centre + 3 * c, curves->radius + c * 2 * BRENIER_DIRECTIONS, outside);
}
