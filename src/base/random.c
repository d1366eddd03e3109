/* random.c - Implements random.h on Random123's Philox4x32-10. */
#include <brenier/random.h>

#include "kernel/box_muller.h"

#include <Random123/philox.h>
#include <string.h>

/* The two 64-bit words of block `block` of the sequence (seed, stream, index). */
static void RandomBlock(uint64_t seed, uint32_t stream, uint64_t index, uint32_t block, uint64_t word[2])
{
  const philox4x32_key_t key     = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  const philox4x32_ctr_t counter = {{block, stream, (uint32_t)index, (uint32_t)(index >> 32)}};
  const philox4x32_ctr_t r       = philox4x32(counter, key);

  word[0] = ((uint64_t)r.v[1] << 32) | r.v[0];
  word[1] = ((uint64_t)r.v[3] << 32) | r.v[2];
}

/* Odd multiples of 2^-54 from the top 53 bits: neither 0 nor 1 can occur, so a logarithm is safe. */
static double UnitInterval(uint64_t word)
{
  return ((double)(word >> 11) + 0.5) * 0x1p-53;
}

void BrenierRandomUniform(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  uint64_t word[2];

  for (size_t i = 0; i < count; ++i) {
    if (i % 2 == 0) RandomBlock(seed, stream, index, (uint32_t)(i / 2), word);
    x[i] = UnitInterval(word[i % 2]);
  }
}

void BrenierRandomNormal(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  enum { BLOCKS = 64 };
  double u[BLOCKS], v[BLOCKS], pair[2 * BLOCKS];

  for (size_t first = 0; first < count; first += 2 * BLOCKS) {
    const size_t n = count - first < 2 * BLOCKS ? count - first : 2 * BLOCKS, n_blocks = (n + 1) / 2;

    for (size_t i = 0; i < n_blocks; ++i) {
      uint64_t word[2];

      RandomBlock(seed, stream, index, (uint32_t)(first / 2 + i), word);
      u[i] = UnitInterval(word[0]);
      v[i] = UnitInterval(word[1]);
    }
    BrenierBoxMuller(n_blocks, u, v, pair);
    memcpy(x + first, pair, n * sizeof *x);
  }
}
