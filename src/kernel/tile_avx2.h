/* tile_avx2.h - What the kernels for 256-bit vectors share: 6 rows by 2 vectors fill 12 of the 16 registers. */
#pragma once

#include "tile_isa.h"

#include <immintrin.h>

typedef float vfloat __attribute__((vector_size(32)));

#define LANES  8
#define STRIPS 2
#define SPLIT  2
#define LANE_NUMBERS                                                                                                   \
  {                                                                                                                    \
    0, 1, 2, 3, 4, 5, 6, 7                                                                                             \
  }
#define Larger(x, y)  ((vfloat)_mm256_max_ps((__m256)(x), (__m256)(y)))
#define Smaller(x, y) ((vfloat)_mm256_min_ps((__m256)(x), (__m256)(y)))
#define Reciprocal(x) ((vfloat)_mm256_rcp_ps((__m256)(x)))
#define MaskGE(x, y)  ((unsigned)_mm256_movemask_ps(_mm256_cmp_ps((__m256)(x), (__m256)(y), _CMP_GE_OQ)))
#define Spread(x)     ((vint)_mm256_set1_epi32(x))

/* Gathers take longer than all of the rest of a test; a shuffle looks up sixteen bytes. */
static inline vfloat LookupByteOf(const uint8_t table[], __m256i index, __m256 sign)
{
  const __m256i front = _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)table));
  const __m256i back  = _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)(table + 16)));
  const __m256i first = _mm256_or_si256(index, _mm256_set1_epi32((int)0x80808000)); // zeros in the other bytes
  const __m256  found = _mm256_blendv_ps(_mm256_castsi256_ps(_mm256_shuffle_epi8(front, first)),
                                         _mm256_castsi256_ps(_mm256_shuffle_epi8(back, first)), sign);

  return (vfloat)_mm256_cvtepi32_ps(_mm256_castps_si256(found));
}

/* Which lanes of four a mask has, side by side. */
static const int32_t places_of_four[16][4] = {{0},    {0},       {1},       {0, 1},      {2},    {0, 2},
                                              {1, 2}, {0, 1, 2}, {3},       {0, 3},      {1, 3}, {0, 1, 3},
                                              {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}};

static inline __m128i PlacesOfFour(unsigned mask)
{
  return _mm_loadu_si128((const __m128i *)(const void *)places_of_four[mask]);
}

static inline void PackFloats(float to[], __m256 x, unsigned mask)
{
  const unsigned low = mask & 15, high = mask >> 4;

  _mm_storeu_ps(to, _mm_permutevar_ps(_mm256_castps256_ps128(x), PlacesOfFour(low)));
  _mm_storeu_ps(to + __builtin_popcount(low), _mm_permutevar_ps(_mm256_extractf128_ps(x, 1), PlacesOfFour(high)));
}

#define Pack(to, x, mask)    PackFloats(to, (__m256)(x), mask)
#define PackInt(to, x, mask) PackFloats((float *)(void *)(to), (__m256)(x), mask)

#define LookupByte(table, index, sign) LookupByteOf(table, (__m256i)(index), (__m256)(sign))

/* The sums of x and of y, side by side. */
static inline void SumPair(vfloat x, vfloat y, float *of_x, float *of_y)
{
  const __m256 halves = _mm256_add_ps(_mm256_permute2f128_ps((__m256)x, (__m256)y, 0x20),
                                      _mm256_permute2f128_ps((__m256)x, (__m256)y, 0x31));
  __m256       sum    = _mm256_add_ps(halves, _mm256_shuffle_ps(halves, halves, 0x4e));

  sum   = _mm256_add_ps(sum, _mm256_shuffle_ps(sum, sum, 0xb1));
  *of_x = _mm256_cvtss_f32(sum);
  *of_y = _mm_cvtss_f32(_mm256_extractf128_ps(sum, 1));
}
