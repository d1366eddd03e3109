/* box_muller.c - Implements box_muller.h. Branch-free, so that loops are vectorised. */
#include "box_muller.h"

#include "pi.h"
#include "wide.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* log u for 0 < u < 1, normal. */
static inline __attribute__((always_inline)) double Log(double u)
{
  static const uint64_t fraction = ((uint64_t)1 << 52) - 1, half = (uint64_t)1022 << 52;
  static const double   whole = 0x1p52, log_2 = 0.693147180559945309417232121458;
  uint64_t              bits, mantissa, exponent;
  double                m, e, s, square, series = 1.0 / 21.0;

  memcpy(&bits, &u, sizeof bits);
  mantissa = (bits & fraction) | half;                     // in [1/2, 1)
  exponent = (bits >> 52) | ((uint64_t)(1023 + 52) << 52); // 2^52 + its number
  memcpy(&m, &mantissa, sizeof m);
  memcpy(&e, &exponent, sizeof e);
  e -= whole + 1022.0;
  e      = m < 0.707106781186547524 ? e - 1.0 : e;
  m      = m < 0.707106781186547524 ? m + m : m;
  s      = (m - 1.0) / (m + 1.0);
  square = s * s;
  for (int k = 19; k > 0; k -= 2) series = series * square + 1.0 / k;
  return e * log_2 + 2.0 * s * series;
}

/* cos 2 pi v and sin 2 pi v for 0 < v < 1. */
static inline __attribute__((always_inline)) void Circle(double v, double *x, double *y)
{
  static const double round  = 0x1.8p52;
  const double        two_pi = 2.0 * brenier_pi;
  const double        q      = 4.0 * v + round - round; // quarters, to the nearest
  const double        t = two_pi * (v - 0.25 * q), square = t * t;
  const double        turned = q == 1.0 || q == 3.0 ? 1.0 : 0.0;
  double              c = 1.0, s = 1.0, along, across;

  for (int k = 16; k > 0; k -= 2) c = 1.0 - c * square * (1.0 / (k * (k - 1)));
  for (int k = 16; k > 0; k -= 2) s = 1.0 - s * square * (1.0 / (k * (k + 1)));
  s *= t;
  along  = turned != 0.0 ? s : c;
  across = turned != 0.0 ? c : s;
  *x     = q == 1.0 || q == 2.0 ? -along : along;
  *y     = q == 2.0 || q == 3.0 ? -across : across;
}

BRENIER_WIDE void BrenierBoxMuller(size_t n, const double u[], const double v[], double x[])
{
  for (size_t i = 0; i < n; ++i) {
    const double radius = sqrt(-2.0 * Log(u[i]));
    double       cosine, sine;

    Circle(v[i], &cosine, &sine);
    x[2 * i]     = radius * cosine;
    x[2 * i + 1] = radius * sine;
  }
}
