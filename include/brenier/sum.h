/*
  sum.h - Sums over ranks that do not depend on the order of their terms, and so not on the number of ranks.

  Every term is rounded to a multiple of max|x| 2^-60, the maximum over all ranks, which is exact. The multiples are
  added as 128-bit integers, exactly. The total is rounded once. With N terms the error is below N max|x| 2^-61 plus one
  rounding: not above that of a sum in double once N exceeds a few hundred, and always the same.
*/
#pragma once

#include <petscsys.h>

/*@
  BrenierExactSum - Order-independent sums of several sets of distributed terms

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that hold terms
. n      - number of terms on this rank in each set, at least 0
. n_sets - number of sums wanted, the same on all ranks
- x      - terms, shape [n_sets, n], finite, fewer than 2^62 over all ranks; unit: any

  Output Parameter:
. sum - the sums, shape [n_sets], bitwise the same on all ranks and for any distribution of the terms; unit: that of x

  Errors: none of its own

  Cost: O(n n_sets) operations; two reductions of 8 and 24 bytes a set
@*/
PETSC_EXTERN PetscErrorCode BrenierExactSum(MPI_Comm comm, PetscInt n, PetscInt n_sets, const PetscReal x[],
                                            PetscReal sum[]);

/* Terms of one sum on this rank: x[0] to x[n - 1]. */
typedef struct {
  PetscInt         n;
  const PetscReal *x;
} BrenierTerms;

/*@
  BrenierReduceTogether - Order-independent sums, counts and maxima in two reductions, however many there are

  Collective on `comm`

  Input Parameters:
+ comm     - the ranks that hold terms
. n_sets   - number of sums wanted, the same on all ranks
. set      - shape [n_sets]: terms of each sum as for BrenierExactSum(), any number on each rank; unit: any
. n_counts - number of counts, the same on all ranks, at least 0
- n_most   - number of maxima, the same on all ranks, at least 0

  Input/Output Parameters:
+ count - shape [n_counts]: of this rank, then their sums; unit: any
- most  - shape [n_most]: of this rank, then the largest of all ranks; unit: any

  Output Parameter:
. sum - the sums, shape [n_sets], bitwise those of BrenierExactSum(); unit: that of the terms

  Errors: none of its own

  Cost: O(terms) operations; two reductions, of 8 bytes a sum and a maximum, and of 24 a sum and 8 a count
@*/
PETSC_EXTERN PetscErrorCode BrenierReduceTogether(MPI_Comm comm, PetscInt n_sets, const BrenierTerms set[],
                                                  PetscReal sum[], PetscInt n_counts, PetscInt64 count[],
                                                  PetscInt n_most, PetscReal most[]);
