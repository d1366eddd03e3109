static const char help[] =
    "Checks the generator against published vectors and a plain twin, its law, and that sequences are independent.\n";

#include <brenier/base.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

/*
  Statistical checks allow six standard deviations: a right generator fails one of them with probability below 2e-9 for
  normal sums, and the whole set, some 70 of them, below 1e-6 with the slower tails of higher moments. Seeds are fixed,
  so a pass stays a pass.
*/
static const double brenier_deviations = 6.0;

enum { N_DRAWS = 1 << 20, N_BINS = 256 };

/* Philox4x32-10 as published (Salmon et al., SC 2011), one round a line. */
static void Philox(const uint32_t counter[4], const uint32_t key[2], uint32_t r[4])
{
  uint32_t k0 = key[0], k1 = key[1];

  for (int i = 0; i < 4; ++i) r[i] = counter[i];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * r[0], p1 = (uint64_t)0xCD9E8D57u * r[2];
    const uint32_t x[4] = {(uint32_t)(p1 >> 32) ^ r[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ r[3] ^ k1,
                           (uint32_t)p0};

    for (int i = 0; i < 4; ++i) r[i] = x[i];
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

/* A word pair's number as the header states it. */
static double UniformOf(uint32_t low, uint32_t high)
{
  return ((double)((((uint64_t)high << 32) | low) >> 11) + 0.5) * 0x1p-53;
}

typedef struct {
  uint32_t counter[4], key[2], output[4];
} KnownAnswer;

/* Random123's kat_vectors for philox4x32-10. */
static const KnownAnswer known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                                    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                     {0xffffffff, 0xffffffff},
                                     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                                    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                     {0xa4093822, 0x299f31d0},
                                     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

/* The first vector is block 0 of a sequence; those of the other two lie too far on: the twin stands for them. */
static PetscErrorCode TestKnownAnswers(void)
{
  double x[2];

  PetscFunctionBeginUser;
  for (size_t v = 0; v < sizeof known / sizeof known[0]; ++v) {
    uint32_t r[4];

    Philox(known[v].counter, known[v].key, r);
    for (int i = 0; i < 4; ++i)
      PetscCheck(r[i] == known[v].output[i], PETSC_COMM_SELF, PETSC_ERR_PLIB, "twin, vector %zu", v);
  }
  BrenierRandomUniform(0, 0, 0, 2, x);
  PetscCheck(x[0] == UniformOf(0x6627e8d5, 0xe169c58d) && x[1] == UniformOf(0xbc57ac4c, 0x9b00dbd8), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "known answer: %.17g %.17g", x[0], x[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both public functions against the twin; every word of the counter and the key must count. */
static PetscErrorCode CheckAgainstTwin(uint64_t seed, uint32_t stream, uint64_t index)
{
  enum { COUNT = 37 };
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  double         x[COUNT], z[COUNT];

  PetscFunctionBeginUser;
  BrenierRandomUniform(seed, stream, index, COUNT, x);
  BrenierRandomNormal(seed, stream, index, COUNT, z);
  for (uint32_t i = 0; i < COUNT; ++i) {
    const uint32_t counter[4] = {i / 2, stream, (uint32_t)index, (uint32_t)(index >> 32)};
    uint32_t       r[4];
    double         u0, u1, normal;

    Philox(counter, key, r);
    u0     = UniformOf(r[0], r[1]);
    u1     = UniformOf(r[2], r[3]);
    normal = sqrt(-2.0 * log(u0)) * (i % 2 ? sin(2.0 * PETSC_PI * u1) : cos(2.0 * PETSC_PI * u1));
    PetscCheck(x[i] == (i % 2 ? u1 : u0), PETSC_COMM_SELF, PETSC_ERR_PLIB, "uniform %u: %.17g", i, x[i]);
    PetscCheck(fabs(z[i] - normal) <= 1e-14, PETSC_COMM_SELF, PETSC_ERR_PLIB, "normal %u: %.17g, not %.17g", i, z[i],
               normal);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTwin(void)
{
  PetscFunctionBeginUser;
  PetscCall(CheckAgainstTwin(0, 0, 0));
  for (int bit = 0; bit < 64; ++bit) {
    PetscCall(CheckAgainstTwin((uint64_t)1 << bit, 0, 0));
    PetscCall(CheckAgainstTwin(0, (uint32_t)1 << bit % 32, 0));
    PetscCall(CheckAgainstTwin(0, 0, (uint64_t)1 << bit));
  }
  PetscCall(CheckAgainstTwin(UINT64_MAX, UINT32_MAX, UINT64_MAX));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shorter sequence is a prefix of a longer one; nothing is written beyond `count`. */
static PetscErrorCode TestPrefix(void)
{
  enum { LONGEST = 65 };
  double all[2][LONGEST], x[LONGEST + 1];

  PetscFunctionBeginUser;
  BrenierRandomUniform(3, 4, 5, LONGEST, all[0]);
  BrenierRandomNormal(3, 4, 5, LONGEST, all[1]);
  for (size_t count = 0; count <= LONGEST; ++count)
    for (int normal = 0; normal < 2; ++normal) {
      x[count] = -77.0;
      (normal ? BrenierRandomNormal : BrenierRandomUniform)(3, 4, 5, count, x);
      for (size_t i = 0; i < count; ++i)
        PetscCheck(x[i] == all[normal][i], PETSC_COMM_SELF, PETSC_ERR_PLIB, "%zu of %zu: %.17g", i, count, x[i]);
      PetscCheck(x[count] == -77.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "wrote beyond %zu", count);
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fowler, Noll and Vo's hash of the bits of x, smallest first. */
static uint64_t HashOfBits(size_t n, const double x[])
{
  uint64_t hash = 0xcbf29ce484222325u;

  for (size_t i = 0; i < n; ++i) {
    uint64_t bits;

    memcpy(&bits, &x[i], sizeof bits);
    for (int k = 0; k < 8; ++k, bits >>= 8) hash = (hash ^ (bits & 255)) * 0x100000001b3u;
  }
  return hash;
}

/* Normal numbers have the same bits on every processor, with every compiler, vectorised or not: a sample is named by
   its seed. The number is what the first machine had. */
static PetscErrorCode TestSameBits(double x[])
{
  const uint64_t wanted = 0xe63ad9a5e0175a2a;
  uint64_t       hash;

  PetscFunctionBeginUser;
  BrenierRandomNormal(1, BRENIER_STREAM_SOLVE, 2, N_DRAWS, x);
  hash = HashOfBits(N_DRAWS, x);
  PetscCheck(hash == wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other bits: hash %" PRIx64 ", not %" PRIx64, hash,
             wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A mean of n independent terms of the given expectation and variance. */
static PetscErrorCode CheckMean(const char what[], double sum, double n, double expectation, double variance)
{
  const double off = (sum / n - expectation) / sqrt(variance / n);

  PetscFunctionBeginUser;
  PetscCheck(fabs(off) < brenier_deviations, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %.6g, %.1f standard deviations off",
             what, sum / n, off);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Many short sequences, as curves draw them, not one long one. */
static void DrawMany(void (*draw)(uint64_t, uint32_t, uint64_t, size_t, double[]), uint64_t seed, uint32_t stream,
                     double x[])
{
  enum { LENGTH = 64 };

  for (uint64_t k = 0; k < N_DRAWS / LENGTH; ++k) draw(seed, stream, k, LENGTH, x + k * LENGTH);
}

static PetscErrorCode TestUniformLaw(double x[])
{
  double sum[3] = {0.0}, bin[N_BINS] = {0.0}, chi2 = 0.0;

  PetscFunctionBeginUser;
  DrawMany(BrenierRandomUniform, 11, BRENIER_STREAM_SOLVE, x);
  for (int i = 0; i < N_DRAWS; ++i) {
    PetscCheck(x[i] > 0.0 && x[i] < 1.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "outside (0, 1): %.17g", x[i]);
    for (int m = 0; m < 3; ++m) sum[m] += pow(x[i], m + 1);
    bin[(int)(x[i] * N_BINS)] += 1.0;
  }
  for (int m = 1; m <= 3; ++m)
    PetscCall(CheckMean("moment of the uniform", sum[m - 1], N_DRAWS, 1.0 / (m + 1),
                        1.0 / (2 * m + 1) - 1.0 / ((m + 1) * (m + 1))));
  for (int b = 0; b < N_BINS; ++b) chi2 += pow(bin[b] - (double)N_DRAWS / N_BINS, 2) / ((double)N_DRAWS / N_BINS);
  // Chi-square with 255 degrees of freedom: mean 255, standard deviation 22.6; beyond 436 with probability below 1e-11
  PetscCheck(chi2 < 436.0 && chi2 > 120.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "chi-square of the bins: %g", chi2);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestNormalLaw(double x[])
{
  /* Moments 0, 1, 0, 3, 0, 15 of a standard normal number, and the variances of its powers */
  static const double moment[] = {0.0, 1.0, 0.0, 3.0, 0.0, 15.0};
  static const double spread[] = {1.0, 2.0, 15.0, 96.0, 945.0, 10170.0};
  static const double beyond[] = {0.5, 1.0, 2.0, 3.0, 4.0};
  double              sum[6] = {0.0}, tail[2][5] = {{0.0}};

  PetscFunctionBeginUser;
  DrawMany(BrenierRandomNormal, 12, BRENIER_STREAM_SOLVE, x);
  for (int i = 0; i < N_DRAWS; ++i) {
    PetscCheck(fabs(x[i]) < 8.7, PETSC_COMM_SELF, PETSC_ERR_PLIB, "too large: %.17g", x[i]);
    for (int m = 0; m < 6; ++m) sum[m] += pow(x[i], m + 1);
    for (int t = 0; t < 5; ++t) tail[x[i] > 0.0][t] += fabs(x[i]) > beyond[t];
  }
  for (int m = 0; m < 6; ++m) PetscCall(CheckMean("moment of the normal", sum[m], N_DRAWS, moment[m], spread[m]));
  for (int t = 0; t < 5; ++t)
    for (int side = 0; side < 2; ++side) {
      const double p = 0.5 * erfc(beyond[t] / sqrt(2.0));

      PetscCall(CheckMean("tail of the normal", tail[side][t], N_DRAWS, p, p * (1.0 - p)));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products of two sequences, of their squares, and of each with the other's neighbour. */
static PetscErrorCode CheckIndependent(const char what[], int n, const double x[], const double y[])
{
  double sum[4] = {0.0};

  PetscFunctionBeginUser;
  for (int i = 0; i + 1 < n; ++i) {
    PetscCheck(x[i] != y[i], PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: draw %d is the same", what, i);
    sum[0] += x[i] * y[i];
    sum[1] += (x[i] * x[i] - 1.0) * (y[i] * y[i] - 1.0);
    sum[2] += x[i] * y[i + 1];
    sum[3] += x[i + 1] * y[i];
  }
  for (int k = 0; k < 4; ++k) PetscCall(CheckMean(what, sum[k], n - 1, 0.0, k == 1 ? 4.0 : 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestIndependence(double x[], double y[])
{
  PetscFunctionBeginUser;
  DrawMany(BrenierRandomNormal, 1, BRENIER_STREAM_SOLVE, x);
  for (uint32_t stream = BRENIER_STREAM_CHECK; stream <= BRENIER_STREAM_REPORT; ++stream) {
    DrawMany(BrenierRandomNormal, 1, stream, y);
    PetscCall(CheckIndependent("streams", N_DRAWS, x, y));
  }
  DrawMany(BrenierRandomNormal, 2, BRENIER_STREAM_SOLVE, y);
  PetscCall(CheckIndependent("neighbouring seeds", N_DRAWS, x, y));
  DrawMany(BrenierRandomNormal, ((uint64_t)1 << 32) + 1, BRENIER_STREAM_SOLVE, y);
  PetscCall(CheckIndependent("seeds 2^32 apart", N_DRAWS, x, y));
  // Sequences k and k + 1, and neighbours within a sequence
  PetscCall(PetscArraycpy(y, x + 64, N_DRAWS - 64));
  PetscCall(PetscArraycpy(y + N_DRAWS - 64, x, 64));
  PetscCall(CheckIndependent("neighbouring sequences", N_DRAWS, x, y));
  for (int i = 0; i < N_DRAWS / 2; ++i) {
    y[i]               = x[2 * i];
    y[N_DRAWS / 2 + i] = x[2 * i + 1];
  }
  PetscCall(CheckIndependent("the two normals of a pair", N_DRAWS / 2, y, y + N_DRAWS / 2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  double *x, *y;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMalloc2(N_DRAWS, &x, N_DRAWS, &y));
  PetscCall(TestKnownAnswers());
  PetscCall(TestTwin());
  PetscCall(TestPrefix());
  PetscCall(TestSameBits(x));
  PetscCall(TestUniformLaw(x));
  PetscCall(TestNormalLaw(x));
  PetscCall(TestIndependence(x, y));
  PetscCall(PetscFree2(x, y));
  PetscCall(PetscFinalize());
  return 0;
}
