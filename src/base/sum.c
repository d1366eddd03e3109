/* sum.c - Implements sum.h. */
#include <brenier/compat.h>
#include <brenier/sum.h>

#include <math.h>

/* Bits kept of the largest term: its multiple fits a 64-bit integer and 2^62 terms fit in 128 bits. */
static const int brenier_sum_bits = 60;

/* A 128-bit integer as three summable words: value = low + 2^40 mid + 2^80 high, low and mid below 2^40. Each word may
   be added over 2^23 ranks without overflow. */
enum { BRENIER_SUM_WORDS = 3, BRENIER_SUM_WORD_BITS = 40 };

static void SplitWords(__int128 total, PetscInt64 word[])
{
  const __int128 mask = ((__int128)1 << BRENIER_SUM_WORD_BITS) - 1;

  word[0] = (PetscInt64)(total & mask);
  word[1] = (PetscInt64)((total >> BRENIER_SUM_WORD_BITS) & mask);
  word[2] = (PetscInt64)(total >> (2 * BRENIER_SUM_WORD_BITS));
}

/* sum over i of x_i 2^shift, each term rounded to an integer. Two factors, since one may be no finite number; what the
   first one rounds among the least numbers rounds to 0 in the end. */
static __int128 SumScaled(PetscInt n, const PetscReal x[], int shift)
{
  const PetscReal first = ldexp(1.0, shift / 2), second = ldexp(1.0, shift - shift / 2);
  __int128        total = 0;

  for (PetscInt i = 0; i < n; ++i) total += llrint(x[i] * first * second);
  return total;
}

static __int128 JoinWords(const PetscInt64 word[])
{
  const __int128 unit = (__int128)1 << BRENIER_SUM_WORD_BITS;

  return word[0] + word[1] * unit + word[2] * unit * unit;
}

PetscErrorCode BrenierExactSum(MPI_Comm comm, PetscInt n, PetscInt n_sets, const PetscReal x[], PetscReal sum[])
{
  PetscInt64 *word;
  PetscMPIInt n_words;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(BRENIER_SUM_WORDS * n_sets, &n_words));
  PetscCall(PetscMalloc1(n_words, &word));
  for (PetscInt s = 0; s < n_sets; ++s) {
    sum[s] = 0.0;
    for (PetscInt i = 0; i < n; ++i) sum[s] = PetscMax(sum[s], PetscAbsReal(x[(size_t)s * n + i]));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, (PetscMPIInt)n_sets, MPIU_REAL, MPI_MAX, comm));
  for (PetscInt s = 0; s < n_sets; ++s) {
    int exponent;

    // sum[s] still holds the largest magnitude; frexp gives max = f 2^exponent with f in [1/2, 1)
    (void)frexp(sum[s], &exponent);
    SplitWords(SumScaled(n, x + (size_t)s * n, brenier_sum_bits - exponent), &word[BRENIER_SUM_WORDS * s]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, word, n_words, MPIU_INT64, MPI_SUM, comm));
  for (PetscInt s = 0; s < n_sets; ++s) {
    int exponent;

    (void)frexp(sum[s], &exponent);
    sum[s] = ldexp((PetscReal)JoinWords(&word[BRENIER_SUM_WORDS * s]), exponent - brenier_sum_bits);
  }
  PetscCall(PetscFree(word));
  PetscFunctionReturn(PETSC_SUCCESS);
}
