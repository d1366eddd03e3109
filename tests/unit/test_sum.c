static const char help[] =
    "Checks that sums do not depend on the order or the rank of their terms, and are accurate.\n";

#include <brenier/base.h>

#include <float.h>
#include <math.h>

enum { MAX_TERMS = 4000 };

/* How the terms of a sum are spread over the ranks; every rank knows all of them. */
typedef enum { BLOCKS, REVERSED, CYCLIC, ALL_ON_LAST, SHUFFLED, N_SPREADS } Spread;

static PetscMPIInt OwnerOf(Spread spread, PetscInt i, PetscInt n, PetscMPIInt size)
{
  switch (spread) {
  case BLOCKS:
    return (PetscMPIInt)((PetscInt64)i * size / n);
  case REVERSED:
    return (PetscMPIInt)(size - 1 - (PetscInt64)i * size / n);
  case CYCLIC:
    return (PetscMPIInt)(i % size);
  case ALL_ON_LAST:
    return size - 1;
  default:
    return (PetscMPIInt)((i * 7919 % 104729) % size);
  }
}

/* Bits, so that -0 and a last place count. */
static PetscErrorCode CheckSame(const char what[], PetscReal found, PetscReal wanted)
{
  PetscFunctionBeginUser;
  PetscCheck(!memcmp(&found, &wanted, sizeof found), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %.17g, not %.17g", what,
             (double)found, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This rank's terms of each set, in the order of the spread. */
static PetscInt TakeTerms(Spread spread, PetscMPIInt rank, PetscMPIInt size, PetscInt n, PetscInt n_sets,
                          const PetscReal x[], PetscReal mine[])
{
  PetscInt count = 0, kept = 0;

  for (PetscInt i = 0; i < n; ++i) count += OwnerOf(spread, i, n, size) == rank;
  for (PetscInt s = 0; s < n_sets; ++s)
    for (PetscInt k = 0; k < n; ++k) {
      const PetscInt i = spread == REVERSED ? n - 1 - k : k;

      if (OwnerOf(spread, i, n, size) == rank) mine[kept++] = x[s * n + i];
    }
  return count;
}

/* Sums all sets on all spreads: bit for bit the same as on one rank alone, whose sums are returned. */
static PetscErrorCode SumEverywhere(const char what[], PetscInt n, PetscInt n_sets, const PetscReal x[],
                                    PetscReal alone[])
{
  PetscMPIInt rank, size;
  PetscReal  *mine, *sum;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscMalloc2(n * n_sets, &mine, n_sets, &sum));
  PetscCall(BrenierExactSum(PETSC_COMM_SELF, n, n_sets, x, alone));
  for (Spread spread = BLOCKS; spread < N_SPREADS; ++spread) {
    const PetscInt count = TakeTerms(spread, rank, size, n, n_sets, x, mine);

    PetscCall(BrenierExactSum(PETSC_COMM_WORLD, count, n_sets, mine, sum));
    for (PetscInt s = 0; s < n_sets; ++s) PetscCall(CheckSame(what, sum[s], alone[s]));
  }
  PetscCall(PetscFree2(mine, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Terms that are multiples of max 2^-60: nothing is rounded but the total, which 128-bit integers know. */
static PetscErrorCode TestIntegers(PetscInt n, int scale)
{
  static PetscReal x[MAX_TERMS];
  __int128         total = 0;
  PetscReal        sum;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal        u[2];
    const PetscInt64 most = (PetscInt64)1 << 52;

    BrenierRandomUniform(5, 99, (uint64_t)i, 2, u);
    x[i] = (PetscReal)(PetscInt64)((2.0 * u[0] - 1.0) * (PetscReal)(most >> (int)(u[1] * 50.0)));
    total += (__int128)x[i];
    x[i] = ldexp(x[i], scale);
  }
  PetscCall(SumEverywhere("integers", n, 1, x, &sum));
  PetscCall(CheckSame("integers against 128 bits", sum, ldexp((PetscReal)total, scale)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Terms of any size: the documented bound, against long double. */
static PetscErrorCode TestBound(PetscInt n, PetscReal decades)
{
  static PetscReal x[MAX_TERMS];
  long double      total = 0.0L, largest = 0.0L, bound;
  PetscReal        sum;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal z[2];

    BrenierRandomNormal(6, 99, (uint64_t)i, 2, z);
    x[i] = z[0] * pow(10.0, decades * z[1]);
    total += (long double)x[i];
    largest = PetscMax(largest, fabsl((long double)x[i]));
  }
  // Half a unit 2^-60 max a term, the total's rounding, and what long double itself loses
  bound = (long double)n * largest * 0x1p-61L + fabsl(total) * DBL_EPSILON + (long double)n * largest * LDBL_EPSILON;
  PetscCall(SumEverywhere("any size", n, 1, x, &sum));
  PetscCheck(fabsl((long double)sum - total) <= bound, PETSC_COMM_SELF, PETSC_ERR_PLIB, "sum %.17g, not %.17Lg",
             (double)sum, total);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Short sums whose value is plain. */
static PetscErrorCode CheckFew(const char what[], PetscInt n, const PetscReal x[], PetscReal wanted)
{
  PetscReal sum;

  PetscFunctionBeginUser;
  PetscCall(SumEverywhere(what, n, 1, x, &sum));
  PetscCall(CheckSame(what, sum, wanted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestFew(void)
{
  const PetscReal least = 0x1p-1074, most = DBL_MAX;

  PetscFunctionBeginUser;
  PetscCall(CheckFew("nothing", 0, NULL, 0.0));
  PetscCall(CheckFew("one", 1, (PetscReal[]){-0.1}, -0.1));
  PetscCall(CheckFew("zeros", 4, (PetscReal[]){0.0, -0.0, 0.0, -0.0}, 0.0));
  PetscCall(CheckFew("negative zero", 1, (PetscReal[]){-0.0}, 0.0));
  PetscCall(CheckFew("full cancellation", 4, (PetscReal[]){0.1, 1e10, -0.1, -1e10}, 0.0));
  PetscCall(CheckFew("small beside large", 3, (PetscReal[]){1.0, 0x1p-53, -1.0}, 0x1p-53));
  PetscCall(CheckFew("least unit kept", 3, (PetscReal[]){1.0, 0x1p-59, -1.0}, 0x1p-59));
  PetscCall(CheckFew("rounded once", 3, (PetscReal[]){1.0, 0x1p-53, 0x1p-59}, 1.0 + DBL_EPSILON));
  PetscCall(CheckFew("tie to even", 2, (PetscReal[]){1.0, 0x1p-53}, 1.0));
  PetscCall(CheckFew("subnormals", 5, (PetscReal[]){least, least, 5.0 * least, -3.0 * least, least}, 5.0 * least));
  PetscCall(CheckFew("subnormal left of normals", 3, (PetscReal[]){0x1p-1021, -0x1p-1021, 3.0 * least}, 3.0 * least));
  PetscCall(CheckFew("no overflow on the way", 4, (PetscReal[]){most, most, -most, -most / 2.0}, most / 2.0));
  PetscCall(CheckFew("overflow of the sum", 2, (PetscReal[]){most, most}, INFINITY));
  PetscCall(CheckFew("negative overflow", 2, (PetscReal[]){-most, -most}, -INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets of very different size do not touch each other, however many. */
static PetscErrorCode TestSets(PetscInt n, PetscInt n_sets)
{
  PetscReal *x, *sum, one;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n * n_sets, &x, n_sets, &sum));
  for (PetscInt s = 0; s < n_sets; ++s)
    for (PetscInt i = 0; i < n; ++i) {
      BrenierRandomNormal(7, 99, (uint64_t)(s * n + i), 1, &x[s * n + i]);
      x[s * n + i] *= s % 3 == 0 ? 0.0 : pow(10.0, (PetscReal)(s % 600 - 300));
    }
  PetscCall(SumEverywhere("sets", n, n_sets, x, sum));
  for (PetscInt s = 0; s < n_sets; ++s) {
    PetscCall(BrenierExactSum(PETSC_COMM_SELF, n, 1, x + s * n, &one));
    PetscCall(CheckSame("one of many sets", sum[s], one));
  }
  PetscCall(PetscFree2(x, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets of different lengths, counts and maxima at once are each as if alone. */
static PetscErrorCode TestTogether(void)
{
  enum { FIRST = 5, SECOND = 3 };
  PetscMPIInt        rank, size;
  PetscReal          x[FIRST + SECOND], sum[2], one, most[2];
  const BrenierTerms set[2] = {{FIRST, x}, {SECOND, x + FIRST}};
  PetscInt64         count[2];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  BrenierRandomNormal(9, 99, (uint64_t)rank, FIRST + SECOND, x);
  for (PetscInt i = 0; i < SECOND; ++i) x[FIRST + i] *= 1e200;
  count[0] = rank + 1;
  count[1] = -7;
  most[0]  = -(PetscReal)rank - 2.0;
  most[1]  = (PetscReal)rank;
  PetscCall(BrenierReduceTogether(PETSC_COMM_WORLD, 2, set, sum, 2, count, 2, most));
  for (int s = 0; s < 2; ++s) {
    PetscCall(BrenierExactSum(PETSC_COMM_WORLD, set[s].n, 1, set[s].x, &one));
    PetscCall(CheckSame("a sum together with others", sum[s], one));
  }
  PetscCheck(count[0] == (PetscInt64)size * (size + 1) / 2 && count[1] == -7 * (PetscInt64)size, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "counts %" PetscInt64_FMT " and %" PetscInt64_FMT, count[0], count[1]);
  PetscCheck(most[0] == -2.0 && most[1] == (PetscReal)(size - 1), PETSC_COMM_SELF, PETSC_ERR_PLIB, "maxima %g and %g",
             (double)most[0], (double)most[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestFew());
  for (int scale = -1000; scale <= 900; scale += 190) PetscCall(TestIntegers(MAX_TERMS, scale));
  PetscCall(TestIntegers(1, 0));
  PetscCall(TestIntegers(3, 0));
  for (PetscReal decades = 0.0; decades < 60.0; decades += 3.0) PetscCall(TestBound(MAX_TERMS, decades));
  PetscCall(TestSets(17, 1));
  PetscCall(TestSets(1, 5));
  PetscCall(TestSets(50, 1000));
  PetscCall(TestTogether());
  PetscCall(PetscFinalize());
  return 0;
}
