/*
  isa.c - Instruction sets: which kernels there are, which of them this processor runs, and what needs one.

  One more is a file tile_<isa>.c, a line in src/CMakeLists.txt that says how it is compiled, and a row here.
*/
#include "tile_isa.h"

#include <stdlib.h>
#include <string.h>

#if defined(BRENIER_HAVE_X86_KERNELS)
  #include <cpuid.h>

  #define HAS(feature) __builtin_cpu_supports(feature)
  #if !defined(BRENIER_HAS_AVXVNNI) // the test of the integer twin says 1
    #define BRENIER_HAS_AVXVNNI HasAvxVnni()

/* clang 14 does not know it by name. */
static inline int HasAvxVnni(void)
{
  enum { LEAF = 7, SUBLEAF = 1, BIT = 4 };
  unsigned a, b, c, d;

  if (!__get_cpuid_count(LEAF, 0, &a, &b, &c, &d) || a < SUBLEAF) return 0;
  __cpuid_count(LEAF, SUBLEAF, a, b, c, d);
  return (int)(a >> BIT & 1);
}

  #endif
  #define X86_KERNELS(ROW)                                                                                             \
    ROW(avx512vnni, HAS("avx512f") && HAS("avx512dq") && HAS("avx512vnni"))                                            \
    ROW(avx512, HAS("avx512f") && HAS("avx512dq"))                                                                     \
    ROW(avxvnni, HAS("avx2") && HAS("fma") && BRENIER_HAS_AVXVNNI)                                                     \
    ROW(avx2, HAS("avx2") && HAS("fma"))
#else
  #define X86_KERNELS(ROW)
#endif

/* The fastest first. The last two run everywhere; the last is for those who ask for it by name. */
#define KERNELS(ROW) X86_KERNELS(ROW) ROW(portable, 1) ROW(bytes, 1)

#define DECLARE(isa, runs) extern const BrenierTileIsa brenier_tile_##isa;
KERNELS(DECLARE)

#define ADDRESS(isa, runs) &brenier_tile_##isa,
#define RUNS(isa, runs)    (runs) != 0,

/* The first that the processor runs, from the one that BRENIER_SIMD names on; an unknown name changes nothing. With
   `in_bytes` the first of these that multiplies bytes. (The processor's features have been looked up before main()
   began.) */
static const BrenierTileIsa *ChooseIsa(int in_bytes)
{
  const BrenierTileIsa *const isa[]  = {KERNELS(ADDRESS)};
  const int                   runs[] = {KERNELS(RUNS)};
  const size_t                n      = sizeof isa / sizeof isa[0];
  const char                 *wish   = getenv("BRENIER_SIMD");
  size_t                      i      = 0;

  while (wish && i < n && strcmp(wish, isa[i]->name)) ++i;
  if (i == n) i = 0;
  while (!runs[i] || (in_bytes && isa[i]->products != BRENIER_PRODUCTS_BYTES)) ++i;
  return isa[i];
}

/* That of the process: what is packed is packed for it. Devices know bytes and single precision alone. */
static const BrenierTileIsa *brenier_isa;
static int                   brenier_none_longer;

static const BrenierTileIsa *Isa(void)
{
  if (!brenier_isa) brenier_isa = ChooseIsa(0);
  return brenier_isa;
}

void BrenierTileUseBytes(int in_bytes)
{
  brenier_isa         = ChooseIsa(in_bytes);
  brenier_none_longer = in_bytes;
}

/* That of vectors that are too long for one, or NULL. */
static const BrenierTileIsa *Longer(const BrenierTileIsa *isa)
{
  return brenier_none_longer ? NULL : isa->longer;
}

/* That with these products; single precision is any one's. */
static const BrenierTileIsa *IsaWith(BrenierTileProducts products)
{
  const BrenierTileIsa *isa = Isa();

  while (products != BRENIER_PRODUCTS_SINGLE && isa->products != products && Longer(isa)) isa = Longer(isa);
  return isa;
}

BrenierTileProducts BrenierTileProductsOf(BrenierTileKind kind, size_t dim)
{
  static const size_t   least[] = {0, BRENIER_INT16_LEAST_DIM, BRENIER_BYTES_LEAST_DIM};
  static const size_t   most[]  = {0, BRENIER_INT16_MOST_DIM, BRENIER_BYTES_MOST_DIM};
  const BrenierTileIsa *isa     = Isa();

  while (isa && dim > most[isa->products]) isa = Longer(isa);
  return isa && kind != BRENIER_TILE_CHORD && dim >= least[isa->products] ? isa->products : BRENIER_PRODUCTS_SINGLE;
}

int BrenierTileHasByteRadii(void)
{
  return Isa()->has_byte_radii;
}

const char *BrenierTileSimd(void)
{
  return Isa()->name;
}

double BrenierTilePeak(double seconds)
{
  return Isa()->peak(seconds);
}

void BrenierTileScan(const BrenierTileCurves *curves, size_t first, size_t count, const BrenierTileTargets *targets,
                     BrenierTileVisitor visit, void *context)
{
  const BrenierTileIsa *isa = IsaWith(curves->products);

  for (size_t done = 0; done < count; done += curves->n_at_once) {
    const size_t n = count - done < curves->n_at_once ? count - done : curves->n_at_once;

    isa->scan(curves, first + done, n, targets, visit, context);
  }
}
