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

/* Bits to shift a term by, where |terms| <= largest = f 2^exponent with f in [1/2, 1). */
static int Shift(PetscReal largest)
{
  int exponent;

  (void)frexp(largest, &exponent);
  return brenier_sum_bits - exponent;
}

PetscErrorCode BrenierReduceTogether(MPI_Comm comm, PetscInt n_sets, const BrenierTerms set[], PetscReal sum[],
                                     PetscInt n_counts, PetscInt64 count[], PetscInt n_most, PetscReal most[])
{
  PetscInt64 *word;  // of each sum, then the counts
  PetscReal  *large; // largest magnitude of each sum, then the maxima
  PetscMPIInt n_words, n_large;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(BRENIER_SUM_WORDS * n_sets + n_counts, &n_words));
  PetscCall(PetscMPIIntCast(n_sets + n_most, &n_large));
  PetscCall(PetscMalloc2(n_words, &word, n_large, &large));
  for (PetscInt s = 0; s < n_sets; ++s) {
    large[s] = 0.0;
    for (PetscInt i = 0; i < set[s].n; ++i) large[s] = PetscMax(large[s], PetscAbsReal(set[s].x[i]));
  }
  PetscCall(PetscArraycpy(large + n_sets, most, n_most));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, large, n_large, MPIU_REAL, MPI_MAX, comm));
  PetscCall(PetscArraycpy(most, large + n_sets, n_most));
  for (PetscInt s = 0; s < n_sets; ++s)
    SplitWords(SumScaled(set[s].n, set[s].x, Shift(large[s])), &word[BRENIER_SUM_WORDS * s]);
  PetscCall(PetscArraycpy(word + BRENIER_SUM_WORDS * n_sets, count, n_counts));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, word, n_words, MPIU_INT64, MPI_SUM, comm));
  PetscCall(PetscArraycpy(count, word + BRENIER_SUM_WORDS * n_sets, n_counts));
  for (PetscInt s = 0; s < n_sets; ++s)
    sum[s] = ldexp((PetscReal)JoinWords(&word[BRENIER_SUM_WORDS * s]), -Shift(large[s]));
  PetscCall(PetscFree2(word, large));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactSum(MPI_Comm comm, PetscInt n, PetscInt n_sets, const PetscReal x[], PetscReal sum[])
{
  BrenierTerms *set;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n_sets, &set));
  for (PetscInt s = 0; s < n_sets; ++s) set[s] = (BrenierTerms){n, x + (size_t)s * n};
  PetscCall(BrenierReduceTogether(comm, n_sets, set, sum, 0, NULL, 0, NULL));
  PetscCall(PetscFree(set));
  PetscFunctionReturn(PETSC_SUCCESS);
}
