/* tile_avx512vnni.h - What the kernels for AVX-512 with multiplication of integers share. */
#pragma once

#include "tile_avx512.h"

#define Spread(x) ((vint)_mm512_set1_epi32(x))

/* x in the lower half of a vector and y in the upper are summed side by side. */
static inline void SumPair(vfloat x, vfloat y, float *of_x, float *of_y)
{
  const __m512 low  = _mm512_shuffle_f32x4((__m512)x, (__m512)y, 0x44),
               high = _mm512_shuffle_f32x4((__m512)x, (__m512)y, 0xee);
  __m512 sum        = _mm512_add_ps(low, high);

  sum   = _mm512_add_ps(sum, _mm512_shuffle_f32x4(sum, sum, 0xb1));
  sum   = _mm512_add_ps(sum, _mm512_shuffle_ps(sum, sum, 0x4e));
  sum   = _mm512_add_ps(sum, _mm512_shuffle_ps(sum, sum, 0xb1));
  *of_x = _mm512_cvtss_f32(sum);
  *of_y = _mm_cvtss_f32(_mm512_extractf32x4_ps(sum, 2));
}
