/*
  error_bound.h - What single precision and bytes may lose in the products and tests of tile.h, each from above: by
  these every test is certified.
*/
#pragma once

#include <brenier/tile.h>

#include <math.h>

/* Unit roundoff of single precision, and what the tests may lose besides the product (see tile.h). */
static const double brenier_unit_roundoff = 0x1p-24;
static const int    brenier_extra_terms   = 16;

/* What a plane may lose when its three numbers are rounded, and in the tests against it. */
static inline double RoundingOfPlane(double a, double b, double h)
{
  return 16.0 * brenier_unit_roundoff * (fabs(a) + fabs(b) + fabs(h));
}

/* h lowered by that; infinities stay. */
static inline float RoundedBelow(double a, double b, double h)
{
  return isinf(h) ? (float)h : (float)(h - RoundingOfPlane(a, b, h));
}

/* What the product of a target of some length with a curve may be off in single precision, per unit of the curve's
   reach. */
static inline double MarginOfProduct(size_t dim, double length)
{
  return brenier_unit_roundoff * (double)(dim + (size_t)brenier_extra_terms) * length;
}

/* Error of rounding of a curve in 16 bits per unit of `first_norm`, which is larger where that is not enough. */
static inline double Int16Error(size_t dim)
{
  return 0x1p-17 * sqrt((double)dim);
}

/* Of a product in 16 bits: that of the rounded curve and that of the rounded target, and its conversion. */
static inline double MarginOfInt16(size_t dim, double length, double quantisation_error)
{
  return 2.0 * MarginOfProduct(0, length) + length * Int16Error(dim) + quantisation_error;
}

/* Of a product in bytes, that of the rounded vectors is known; the tests after it err as those in single precision,
   whose reach is up to twice the largest length along the curve. */
static inline BrenierTileAllowance AllowBytes(size_t dim, double length, double quantisation_error)
{
  return (BrenierTileAllowance){2.0 * MarginOfProduct(dim, length) + quantisation_error,
                                length * (1.0 + 4.0 * brenier_unit_roundoff)};
}
