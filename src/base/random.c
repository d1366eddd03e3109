/* random.c - Implements random.h on pairs of uniform numbers. */
#include <brenier/random.h>

#include "kernel/box_muller.h"
#include "kernel/uniform.h"

#include <string.h>

/* Blocks of two numbers at once. */
enum { BLOCKS = 64 };

void BrenierRandomUniform(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  double u[BLOCKS], v[BLOCKS];

  for (size_t first = 0; first < count; first += 2 * BLOCKS) {
    const size_t n = count - first < 2 * BLOCKS ? count - first : 2 * BLOCKS;

    BrenierUniformPairs(seed, stream, index, (uint32_t)(first / 2), (n + 1) / 2, u, v);
    for (size_t i = 0; i < n; ++i) x[first + i] = i % 2 ? v[i / 2] : u[i / 2];
  }
}

void BrenierRandomNormal(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  double u[BLOCKS], v[BLOCKS], pair[2 * BLOCKS];

  for (size_t first = 0; first < count; first += 2 * BLOCKS) {
    const size_t n = count - first < 2 * BLOCKS ? count - first : 2 * BLOCKS, n_blocks = (n + 1) / 2;

    BrenierUniformPairs(seed, stream, index, (uint32_t)(first / 2), n_blocks, u, v);
    BrenierBoxMuller(n_blocks, u, v, pair);
    memcpy(x + first, pair, n * sizeof *x);
  }
}
