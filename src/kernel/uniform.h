/* uniform.h - Pairs of uniform numbers of Random123's Philox4x32-10, many at once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* u and v in (0, 1) of the 128-bit blocks [first, first + n) of the sequence (seed, stream, index): odd multiples of
   2^-54 from the top 53 bits of either half, so that a logarithm is safe. Shapes [n]; the same bits on every
   processor. */
void BrenierUniformPairs(uint64_t seed, uint32_t stream, uint64_t index, uint32_t first, size_t n, double u[],
                         double v[]);
