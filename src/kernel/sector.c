/* sector.c - The second test of tile.h in double precision. */
#include "tile_isa.h"
#include "wide.h"

#include <math.h>

/* above = larger of above and what each plane reaches over the bound (A, B, H) in the sector around an angle. */
BRENIER_WIDE static void CircleSector(size_t n, const double a[], const double b[], const double h[], double A,
                                      double B, double H, double cosine, double sine, double above[])
{
  const double half_width = 3.14159265358979323846 / BRENIER_SECTORS;
  const double cos_w = cos(half_width), sin_w = sin(half_width);

  for (size_t i = 0; i < n; ++i) {
    const double da = a[i] - A, db = b[i] - B;
    const double P = da * cosine + db * sine, Q = fabs(db * cosine - da * sine);
    const double reach = (P > P * cos_w ? P : P * cos_w) + Q * sin_w + (h[i] - H);

    above[i] = reach > above[i] ? reach : above[i];
  }
}

BRENIER_WIDE static void ChordSector(size_t n, const double a[], const double b[], const double h[], double A, double B,
                                     double H, double low, double above[])
{
  const double high = low + 1.0 / BRENIER_SECTORS;

  for (size_t i = 0; i < n; ++i) {
    const double da = a[i] - A + (h[i] - H), db = b[i] - B;
    const double reach = da + (db > 0.0 ? high : low) * db;

    above[i] = reach > above[i] ? reach : above[i];
  }
}

void BrenierTileSectorTest(const BrenierTileCurves *curves, size_t c, size_t n, const double a[], const double b[],
                           const double h[], double above[])
{
  const float *sector = curves->sector + c * 3 * BRENIER_SECTORS;

  for (size_t i = 0; i < n; ++i) above[i] = -HUGE_VAL;
  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const double A = sector[g], B = sector[BRENIER_SECTORS + g], H = sector[2 * BRENIER_SECTORS + g];

    if (curves->kind == BRENIER_TILE_CIRCLE)
      CircleSector(n, a, b, h, A, B, H, brenier_sector_direction[g][0], brenier_sector_direction[g][1], above);
    else ChordSector(n, a, b, h, A, B, H, BrenierTileSectorLow(g), above);
  }
}
