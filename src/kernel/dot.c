/* dot.c - Implements dot.h. Nothing here may be contracted into FMA: results must not depend on the CPU. */
#include <brenier/dot.h>

#include "wide.h"

#include <math.h>
#include <string.h>

enum { DOT_LANES = 8 };

static inline double Tree(const double part[DOT_LANES])
{
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

BRENIER_WIDE double BrenierDot(size_t dim, const double x[], const double y[])
{
  double       part[DOT_LANES] = {0.0};
  const size_t whole           = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) part[l] += x[k + l] * y[k + l];
  for (size_t k = whole; k < dim; ++k) part[k - whole] += x[k] * y[k];
  return Tree(part);
}

/* Half of the partial sums. Compilers make no vectors of eight numbers twice in one loop. */
typedef double Half __attribute__((vector_size(32)));

BRENIER_WIDE void BrenierDotPair(size_t dim, const double x1[], const double x2[], const double y[], double *dot1,
                                 double *dot2)
{
  enum { HALVES = 2, HALF = DOT_LANES / HALVES };
  double       part1[DOT_LANES] = {0.0}, part2[DOT_LANES] = {0.0};
  Half         sum1[HALVES] = {{0.0}}, sum2[HALVES] = {{0.0}};
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
#pragma GCC unroll 2
    for (size_t l = 0; l < HALVES; ++l) {
      Half a, b, c;

      memcpy(&a, x1 + k + l * HALF, sizeof a);
      memcpy(&b, x2 + k + l * HALF, sizeof b);
      memcpy(&c, y + k + l * HALF, sizeof c);
      sum1[l] += a * c;
      sum2[l] += b * c;
    }
  memcpy(part1, sum1, sizeof part1);
  memcpy(part2, sum2, sizeof part2);
  for (size_t k = whole; k < dim; ++k) {
    part1[k - whole] += x1[k] * y[k];
    part2[k - whole] += x2[k] * y[k];
  }
  *dot1 = Tree(part1);
  *dot2 = Tree(part2);
}

/* Eight at a time, which a compiler makes vectors of. */
BRENIER_WIDE void BrenierAddMultiple(size_t dim, double scale, const double x[], double y[])
{
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) y[k + l] += scale * x[k + l];
  for (size_t k = whole; k < dim; ++k) y[k] += scale * x[k];
}

BRENIER_WIDE void BrenierCombine(size_t dim, double a, const double x[], double b, const double y[], double to[])
{
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) to[k + l] = a * x[k + l] + b * y[k + l];
  for (size_t k = whole; k < dim; ++k) to[k] = a * x[k] + b * y[k];
}

BRENIER_WIDE void BrenierAddRounded(size_t dim, double scale, const double x[], int64_t sum[])
{
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) sum[k + l] += llrint(scale * x[k + l]);
  for (size_t k = whole; k < dim; ++k) sum[k] += llrint(scale * x[k]);
}

BRENIER_WIDE void BrenierCentre(size_t dim, const double x[], const double origin[], double scale, double y[])
{
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) y[k + l] = (x[k + l] - origin[k + l]) * scale;
  for (size_t k = whole; k < dim; ++k) y[k] = (x[k] - origin[k]) * scale;
}

BRENIER_WIDE void BrenierCentreSingle(size_t dim, const float x[], const double origin[], double scale, double y[])
{
  const size_t whole = dim - dim % DOT_LANES;

  for (size_t k = 0; k < whole; k += DOT_LANES)
    for (size_t l = 0; l < DOT_LANES; ++l) y[k + l] = ((double)x[k + l] - origin[k + l]) * scale;
  for (size_t k = whole; k < dim; ++k) y[k] = ((double)x[k] - origin[k]) * scale;
}
