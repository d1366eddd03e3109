/*
  bytes.h - Quantisation of vectors to integers: x = s q + v, with q of at most 127 in magnitude, or 32,767.

  The quantisation error v is at most s / 2 in each coordinate, and s is proportional to the largest coordinate. So both
  vectors of a product in bytes are first transformed by the same orthogonal matrix, which makes their coordinates
  similar in size and leaves inner products unchanged. In 16 bits s is large enough that |x| <= 46,000 s too. The
  results are the same on every processor.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The least float that is not below x. */
float BrenierRoundedUp(double x);

/* to = x, each coordinate rounded to the nearest. Shapes [n]. */
void BrenierRoundToSingle(size_t n, const double x[], float to[]);

/* sum x_k y_k. */
double BrenierSumOfProducts(size_t n, const double x[], const double y[]);

/* The orthogonal transform, of parts of up to 64 coordinates; up to 7 coordinates at the end are not transformed. */
void BrenierHadamard(size_t dim, const double x[], double to[]);

/* The unit s in which a vector is rounded, 0 for that of zeros. */
float BrenierByteScale(size_t n, const double x[]);

/* A block of a vector in bytes: q, s q and v. */
enum { BRENIER_BYTE_BLOCK = 64 };

typedef struct {
  int8_t q[BRENIER_BYTE_BLOCK];
  double quantised[BRENIER_BYTE_BLOCK], quantisation_error[BRENIER_BYTE_BLOCK];
} BrenierByteBlock;

/* The same in 16 bits; length: |x|, the larger one of several vectors. */
float BrenierInt16Scale(size_t n, const double x[], double length);

/* q, and s q and v where they go; shapes [n]. */
void BrenierRoundToInt16(size_t n, const double x[], float scale, int16_t q[], double quantised[],
                         double quantisation_error[]);

/* n: up to BRENIER_BYTE_BLOCK; zeros follow in q up to a multiple of BRENIER_QUAD. */
void BrenierRoundToBytes(size_t n, const double x[], float scale, BrenierByteBlock *block);
