/* error_bound.c - What the tests of tile.h allow for errors, asked from outside: per target, per curve, per pair. */
#include "error_bound.h"

#include "pack.h"

BrenierTileAllowance BrenierTileAllow(BrenierTileKind kind, size_t dim, const double y[])
{
  const double length = PackLength(dim, y);
  double       transformed[BRENIER_BYTES_MOST_DIM];

  // No coordinate loses more than half a unit (and the rounding of its quotient)
  switch (BrenierTileProductsOf(kind, dim)) {
  case BRENIER_PRODUCTS_BYTES:
    BrenierHadamard(dim, y, transformed);
    return AllowBytes(dim, length, 0.5000001 * (double)BrenierByteScale(dim, transformed) * sqrt((double)dim));
  case BRENIER_PRODUCTS_INT16:
    return (BrenierTileAllowance){
        MarginOfInt16(dim, length, 0.5000001 * (double)BrenierInt16Scale(dim, y, length) * sqrt((double)dim)), 0.0};
  default:
    return (BrenierTileAllowance){MarginOfProduct(dim, length), 0.0};
  }
}

double BrenierTileFirstError(const BrenierTileCurves *c, size_t i, BrenierTileAllowance most)
{
  // Both are rounded up where the kernel reads them
  const double rounding = 1.0 + 4.0 * brenier_unit_roundoff;

  if (c->products == BRENIER_PRODUCTS_SINGLE) return rounding * (double)c->norm[i] * most.margin;
  if (c->products == BRENIER_PRODUCTS_INT16) return rounding * (double)c->first_norm[i] * most.margin;
  return rounding * ((double)c->first_norm[i] * most.margin + (double)c->quantisation_error[i] * most.length);
}

double BrenierTileError(const BrenierTileCurves *curves, size_t curve, const BrenierTileTargets *targets, size_t target)
{
  return (double)curves->norm[curve] * (double)targets->margin[target];
}
