/*
  exponential.c - e^x for many x at once, without branches: x = k ln 2 + r, the Taylor series of degree 13 in
  |r| <= ln 2 / 2, and k put into the exponent by adding it to the bits. Right to 2 units in the last place.
*/
#include "low/exponential.h"

#include "kernel/wide.h"

#include <stdint.h>
#include <string.h>

/* ln 2 in two parts, the first with 32 bits, so that its products with k are exact. */
static const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
static const double log2_e = 1.44269504088896340736;

/* Adding it rounds to an integer, whose lowest bits are then the sum's. */
static const double round_to_integer = 0x1.8p52;

/* Below, e^x would leave the normal numbers; it is taken as zero. */
static const double lowest = -708.0;

static const double series[] = {1.0,
                                1.0,
                                1.0 / 2.0,
                                1.0 / 6.0,
                                1.0 / 24.0,
                                1.0 / 120.0,
                                1.0 / 720.0,
                                1.0 / 5040.0,
                                1.0 / 40320.0,
                                1.0 / 362880.0,
                                1.0 / 3628800.0,
                                1.0 / 39916800.0,
                                1.0 / 479001600.0,
                                1.0 / 6227020800.0};

BRENIER_WIDE void BrenierExponentials(int n, const double x[], double y[])
{
  for (int i = 0; i < n; ++i) {
    const double at = x[i] > lowest ? x[i] : lowest, shifted = at * log2_e + round_to_integer;
    const double k = shifted - round_to_integer, r = (at - k * ln2_high) - k * ln2_low;
    double       sum = series[13];
    int64_t      bits, power;

    for (int m = 12; m >= 0; --m) sum = sum * r + series[m];
    memcpy(&bits, &sum, sizeof bits);
    memcpy(&power, &shifted, sizeof power);
    bits += (int64_t)((uint64_t)power << 52);
    memcpy(&sum, &bits, sizeof sum);
    y[i] = x[i] > lowest ? sum : 0.0;
  }
}
