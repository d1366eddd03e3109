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
