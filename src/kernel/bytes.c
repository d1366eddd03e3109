/* bytes.c - Implements bytes.h. */
#include "bytes.h"
#include "tile_isa.h"
#include "wide.h"

#include <math.h>
#include <string.h>

/* Largest magnitude of a byte, of 16 bits, and of a vector in these: the square of the last, and of a little more that
   rounding adds, is below 2^31. */
static const double brenier_byte_most = 127.0, brenier_int16_most = 32767.0, brenier_int16_length = 46000.0;

float BrenierRoundedUp(double x)
{
  const float f = (float)x;

  return (double)f < x ? nextafterf(f, INFINITY) : f;
}

/* Sums side by side, added at the end: the same on every processor. */
BRENIER_WIDE double BrenierSumOfProducts(size_t n, const double x[], const double y[])
{
  enum { SUMS = 8 };
  double sum[SUMS] = {0.0};
  size_t k         = 0;

  for (; k + SUMS <= n; k += SUMS)
    for (size_t i = 0; i < SUMS; ++i) sum[i] += x[k + i] * y[k + i];
  for (size_t i = 0; k < n; ++k, ++i) sum[i] += x[k] * y[k];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

BRENIER_WIDE void BrenierRoundToSingle(size_t n, const double z[], float to[])
{
  for (size_t k = 0; k < n; ++k) to[k] = (float)z[k];
}

/* A part of up to HADAMARD * HADAMARD coordinates gets random signs and a Walsh-Hadamard transform, so that no
   coordinate is much larger than the others. Fewer than HADAMARD coordinates stay as they are. */
enum { BRENIER_HADAMARD = 8 };

/* Bit k: whether coordinate k of a part changes its sign. */
#define BRENIER_HADAMARD_SIGNS 0x9e3779b97f4a7c15u

#define SIGN(k)  ((BRENIER_HADAMARD_SIGNS >> (k)) & 1 ? -1.0 : 1.0)
#define SIGNS(k) SIGN(k), SIGN(k + 1), SIGN(k + 2), SIGN(k + 3), SIGN(k + 4), SIGN(k + 5), SIGN(k + 6), SIGN(k + 7)
static const double brenier_hadamard_sign[BRENIER_HADAMARD * BRENIER_HADAMARD] = {
    SIGNS(0), SIGNS(8), SIGNS(16), SIGNS(24), SIGNS(32), SIGNS(40), SIGNS(48), SIGNS(56)};
#undef SIGNS
#undef SIGN

typedef double Four __attribute__((vector_size(4 * sizeof(double))));

#ifdef __clang__
  #define EXCHANGED(four, ...) __builtin_shufflevector(four, four, __VA_ARGS__)
#else
typedef int64_t FourOrder __attribute__((vector_size(sizeof(Four))));
  #define EXCHANGED(four, ...) __builtin_shuffle(four, (FourOrder){__VA_ARGS__})
#endif

/* A part of n_rows rows of HADAMARD coordinates, n_rows a power of two. The vectors are written out: from plain loops
   GCC 12 makes wrong ones for AVX2, and slow ones. */
__attribute__((always_inline)) static inline void TransformRows(size_t n_rows, const double x[], double to[])
{
  const size_t n     = n_rows * BRENIER_HADAMARD / 4;
  const double scale = 1.0 / sqrt((double)(n_rows * BRENIER_HADAMARD));
  Four         part[BRENIER_HADAMARD * BRENIER_HADAMARD / 4], four, sign;

  for (size_t k = 0; k < n; ++k) {
    memcpy(&four, x + 4 * k, sizeof four);
    memcpy(&sign, brenier_hadamard_sign + 4 * k, sizeof sign);
    four *= scale * sign;
    four    = EXCHANGED(four, 1, 0, 3, 2) + four * (Four){1, -1, 1, -1};
    part[k] = EXCHANGED(four, 2, 3, 0, 1) + four * (Four){1, 1, -1, -1};
  }
  for (size_t half = 1; half < n; half *= 2)
    for (size_t first = 0; first < n; first += 2 * half)
      for (size_t k = first; k < first + half; ++k) {
        four           = part[k] - part[k + half];
        part[k]        = part[k] + part[k + half];
        part[k + half] = four;
      }
  memcpy(to, part, n * sizeof part[0]);
}

/* Loops of lengths that the compiler knows. */
BRENIER_WIDE static void HadamardPart(size_t n_rows, const double x[], double to[])
{
  if (n_rows == 8) TransformRows(8, x, to);
  else if (n_rows == 4) TransformRows(4, x, to);
  else if (n_rows == 2) TransformRows(2, x, to);
  else TransformRows(1, x, to);
}

void BrenierHadamard(size_t dim, const double x[], double to[])
{
  size_t k = 0, n_rows = BRENIER_HADAMARD;

  for (; n_rows > 0; n_rows /= 2)
    for (; k + n_rows * BRENIER_HADAMARD <= dim; k += n_rows * BRENIER_HADAMARD) HadamardPart(n_rows, x + k, to + k);
  for (; k < dim; ++k) to[k] = x[k];
}

/* Largest magnitude. */
BRENIER_WIDE static double Most(size_t n, const double z[])
{
  enum { LANES = 8 };
  double lane[LANES] = {0.0}, most = 0.0;
  size_t k = 0;

  for (; k + LANES <= n; k += LANES)
    for (size_t i = 0; i < LANES; ++i) lane[i] = fabs(z[k + i]) > lane[i] ? fabs(z[k + i]) : lane[i];
  for (; k < n; ++k) most = fabs(z[k]) > most ? fabs(z[k]) : most;
  for (size_t i = 0; i < LANES; ++i) most = lane[i] > most ? lane[i] : most;
  return most;
}

float BrenierByteScale(size_t n, const double z[])
{
  return BrenierRoundedUp(Most(n, z) / brenier_byte_most);
}

BRENIER_WIDE void BrenierRoundToBytes(size_t n, const double z[], float scale, BrenierByteBlock *block)
{
  const double unit = (double)scale, per_unit = scale > 0.0f ? 1.0 / unit : 0.0;

  for (size_t k = 0; k < n; ++k) {
    const int q = (int)(z[k] * per_unit + (z[k] < 0.0 ? -0.5 : 0.5));

    block->q[k]                  = (int8_t)q;
    block->quantised[k]          = unit * q;
    block->quantisation_error[k] = z[k] - unit * q;
  }
  for (size_t k = n; k % BRENIER_QUAD; ++k) block->q[k] = 0;
}

float BrenierInt16Scale(size_t n, const double x[], double length)
{
  return BrenierRoundedUp(fmax(Most(n, x) / brenier_int16_most, length / brenier_int16_length));
}

BRENIER_WIDE void BrenierRoundToInt16(size_t n, const double x[], float scale, int16_t q[], double quantised[],
                                      double quantisation_error[])
{
  const double unit = (double)scale, per_unit = scale > 0.0f ? 1.0 / unit : 0.0;

  for (size_t k = 0; k < n; ++k) {
    const int here = (int)(x[k] * per_unit + (x[k] < 0.0 ? -0.5 : 0.5));

    q[k]                  = (int16_t)here;
    quantised[k]          = unit * here;
    quantisation_error[k] = x[k] - unit * here;
  }
}
