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
  PetscCall(PetscMalloc3(2 * n, &bounds->a, 2 * n, &bounds->b, 2 * n, &bounds->h));
  bounds->capacity = 2 * n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBoundsFree_Private(BrenierBounds *bounds)
{
  PetscFunctionBegin;
  PetscCall(PetscFree3(bounds->a, bounds->b, bounds->h));
  bounds->capacity = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Least value of the envelope of a circle. */
static PetscReal LeastOnCircle(const BrenierBounds *bounds, size_t n, const PetscReal start[])
{
  PetscReal least = PETSC_MAX_REAL, at[2][2] = {{cos(start[0]), sin(start[0])}, {0.0, 0.0}};

  for (size_t p = 0; p < n; ++p) {
    PetscReal *at_s = at[p % 2], *at_e = at[(p + 1) % 2];

    at_e[0] = cos(start[p + 1]);
    at_e[1] = sin(start[p + 1]);
    least = PetscMin(least, BrenierCircleLeastBetween(bounds->a[p], bounds->b[p], bounds->h[p], start[p + 1] - start[p],
                                                      at_s, at_e));
  }
  return least;
}

void BrenierBoundsSet_Private(const BrenierBounds *bounds, BrenierCurveType type, size_t n, const PetscReal start[],
                              BrenierTileCurves *tile, size_t c)
{
  const PetscBool circle = (PetscBool)(type == BRENIER_CURVE_CIRCLE);
  size_t          p      = 0;

  for (int g = 0; g < BRENIER_SECTORS; ++g) {
    const PetscReal middle = circle ? BrenierTileSectorMiddle(g) : BrenierTileSectorLow(g) + 0.5 / BRENIER_SECTORS;

    while (p + 1 < n && start[p + 1] <= middle) ++p;
    BrenierTileSetSector(tile, c, g, bounds->a[p], bounds->b[p], bounds->h[p]);
  }
  tile->has_sectors[c] = 1;
  if (circle) {
    BrenierTileSetLevel(tile, c, LeastOnCircle(bounds, n, start), 0.0);
    return;
  }
  for (p = 0; p + 1 < n && start[p + 1] <= 0.0;) ++p;
  BrenierTileSetLevel(tile, c, bounds->a[p] + bounds->h[p], bounds->b[p]);
}
