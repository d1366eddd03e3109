/* bounds.c - Implements bounds.h. */
#include <brenier/compat.h>
#include <brenier/envelope.h>

#include "bounds.h"

#include <math.h>

PetscErrorCode BrenierBoundsReserve_Private(BrenierBounds *bounds, size_t n)
{
  PetscFunctionBegin;
  if (n <= bounds->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierBoundsFree_Private(bounds));
  PetscCall(PetscMalloc4(2 * n, &bounds->a, 2 * n, &bounds->b, 2 * n, &bounds->h, 2 * n + 1, &bounds->at));
  bounds->capacity = 2 * n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBoundsFree_Private(BrenierBounds *bounds)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(bounds->a, bounds->b, bounds->h, bounds->at));
  bounds->capacity = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters as disc k the sinusoid (alpha, beta) with the greatest gamma that leaves it below the pieces. */
static void SetDisc(const BrenierBounds *bounds, size_t n, const PetscReal start[], PetscReal alpha, PetscReal beta,
                    BrenierTileCurves *tile, size_t c, int k)
{
  const float x = (float)alpha, y = (float)beta;
  PetscReal   gamma = PETSC_MAX_REAL;

  for (size_t p = 0; p < n; ++p)
    gamma = PetscMin(gamma, BrenierCircleLeastBetween(bounds->a[p] - x, bounds->b[p] - y, bounds->h[p],
                                                      start[p + 1] - start[p], bounds->at[p], bounds->at[p + 1]));
  BrenierTileSetDisc(tile, c, k, x, y, gamma);
}

/* Discs side by side along the longer axis of u, which its second Fourier coefficient (long_cos, long_sin) tells; the
   first, (alpha, beta), is their middle. */
static void SetDiscs(const BrenierBounds *bounds, size_t n, const PetscReal start[], PetscReal alpha, PetscReal beta,
                     PetscReal long_cos, PetscReal long_sin, BrenierTileCurves *tile, size_t c)
{
  // The second coefficient of spread * |cos t| is 4 / (3 pi) of spread; a little less than that leaves the fewest pairs
  const PetscReal spread = 1.9 * hypot(long_cos, long_sin), axis = 0.5 * atan2(long_sin, long_cos);

  for (size_t p = 0; p <= n; ++p) {
    bounds->at[p][0] = cos(start[p]);
    bounds->at[p][1] = sin(start[p]);
  }
  for (int k = 0; k < BRENIER_DISCS; ++k) {
    const PetscReal along = spread * (2.0 * k / (BRENIER_DISCS - 1) - 1.0);

    SetDisc(bounds, n, start, alpha + along * cos(axis), beta + along * sin(axis), tile, c, k);
  }
}

static void SetCircle(const BrenierBounds *bounds, size_t n, const PetscReal start[], BrenierTileCurves *tile, size_t c)
{
  PetscReal first[2] = {0.0, 0.0}, second[2] = {0.0, 0.0}; // Fourier coefficients of u, from the sectors' middles
  size_t    p = 0;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const PetscReal middle = BrenierTileSectorMiddle(g), x = cos(middle), y = sin(middle);
    PetscReal       u;

    while (p + 1 < n && start[p + 1] <= middle) ++p;
    BrenierTileSetSector(tile, c, g, bounds->a[p], bounds->b[p], bounds->h[p]);
    u = (bounds->a[p] * x + bounds->b[p] * y + bounds->h[p]) * 2.0 / BRENIER_SECTORS;
    first[0] += u * x;
    first[1] += u * y;
    second[0] += u * (x * x - y * y);
    second[1] += u * 2.0 * x * y;
  }
  SetDiscs(bounds, n, start, first[0], first[1], second[0], second[1], tile, c);
}

static void SetChord(const BrenierBounds *bounds, size_t n, const PetscReal start[], BrenierTileCurves *tile, size_t c)
{
  size_t p = 0;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    while (p + 1 < n && start[p + 1] <= BrenierTileSectorLow(g) + 0.5 / BRENIER_SECTORS) ++p;
    BrenierTileSetSector(tile, c, g, bounds->a[p], bounds->b[p], bounds->h[p]);
  }
  for (p = 0; p + 1 < n && start[p + 1] <= 0.0;) ++p;
  BrenierTileSetLevel(tile, c, bounds->a[p] + bounds->h[p], bounds->b[p]);
}

void BrenierBoundsSet_Private(const BrenierBounds *bounds, BrenierCurveType type, size_t n, const PetscReal start[],
                              BrenierTileCurves *tile, size_t c)
{
  if (type == BRENIER_CURVE_CIRCLE) SetCircle(bounds, n, start, tile, c);
  else SetChord(bounds, n, start, tile, c);
  tile->has_sectors[c] = 1;
}
