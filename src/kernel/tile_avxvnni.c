/* tile_avxvnni.c - The kernel for AVX2 with multiplication of bytes. */
#include "tile_avx2.h"

#if defined(__AVXVNNI__)
  #define DotBytes(sum, y, z) ((vint)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(y), (__m256i)(z)))
#else
/* The integer twin, for the test of this file on a processor without: the same sums, of even and of odd bytes. */
static inline __m256i DotBytesOf(__m256i sum, __m256i y, __m256i z)
{
  const __m256i even =
      _mm256_madd_epi16(_mm256_and_si256(y, _mm256_set1_epi16(0xff)), _mm256_srai_epi16(_mm256_slli_epi16(z, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(y, 8), _mm256_srai_epi16(z, 8));

  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}
  #define DotBytes(sum, y, z) ((vint)DotBytesOf((__m256i)(sum), (__m256i)(y), (__m256i)(z)))
#endif

#define ISA_NAME   "avxvnni"
#define ISA_TABLE  brenier_tile_avxvnni
#define ISA_LONGER &brenier_tile_avx2

extern const BrenierTileIsa brenier_tile_avx2;

#include "tile_body.h"
