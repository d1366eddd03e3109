/*
  bytes.h - Vectors in bytes: x = s q + v, q whole numbers of at most 127 in magnitude.

  What is lost, v, is at most s / 2 a coordinate, and s goes by the largest coordinate; so vectors are turned before, by
  an orthogonal transform that makes their coordinates alike: inner products stay what they are. Same results on every
  processor.
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

/* The transform, in parts of up to 64 coordinates; fewer than 8 at the end stay as they are. */
void BrenierHadamard(size_t dim, const double x[], double to[]);

/* The unit s in which a vector is rounded, 0 for that of zeros. */
float BrenierByteScale(size_t n, const double x[]);

/* Part of a vector in bytes: what stays of it, s q, and what is lost. */
enum { BRENIER_BYTE_BLOCK = 64 };

typedef struct {
  int8_t q[BRENIER_BYTE_BLOCK];
  double quantised[BRENIER_BYTE_BLOCK], quantisation_error[BRENIER_BYTE_BLOCK];
} BrenierByteBlock;

/* n: up to BRENIER_BYTE_BLOCK; zeros follow in q up to a multiple of BRENIER_QUAD. */
void BrenierRoundToBytes(size_t n, const double x[], float scale, BrenierByteBlock *block);
