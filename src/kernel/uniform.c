/* uniform.c - Implements uniform.h. One loop over blocks, without arrays in it, which a compiler makes vectors of. */
#include "uniform.h"

#include "wide.h"

#include <Random123/philox.h>

static inline __attribute__((always_inline)) double UnitInterval(uint32_t low, uint32_t high)
{
  return ((double)(((uint64_t)high << 32 | low) >> 11) + 0.5) * 0x1p-53;
}

BRENIER_WIDE void BrenierUniformPairs(uint64_t seed, uint32_t stream, uint64_t index, uint32_t first, size_t n,
                                      double u[], double v[])
{
  const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};

  for (size_t i = 0; i < n; ++i) {
    const philox4x32_ctr_t counter = {{first + (uint32_t)i, stream, (uint32_t)index, (uint32_t)(index >> 32)}};
    const philox4x32_ctr_t r       = philox4x32(counter, key);

    u[i] = UnitInterval(r.v[0], r.v[1]);
    v[i] = UnitInterval(r.v[2], r.v[3]);
  }
}
