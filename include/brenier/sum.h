/*
  sum.h - Sums over ranks that do not depend on the order of their terms, so not on the number of ranks.

  Every term is rounded to a multiple of max|x| 2^-60 (max over all ranks: exact), the multiples are added as 128-bit
  integers, exactly, and the total is rounded once. With N terms the error is below N max|x| 2^-61 plus one rounding:
  never worse than naive summation in double once N exceeds a few hundred, and always the same.
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
- x      - terms, shape [n_sets, n], finite

  Output Parameter:
. sum - the sums, shape [n_sets], bitwise the same on all ranks and for any distribution of the terms

  Notes:
  Two reductions whatever `n_sets`. Fewer than 2^62 terms over all ranks.
@*/
PETSC_EXTERN PetscErrorCode BrenierExactSum(MPI_Comm comm, PetscInt n, PetscInt n_sets, const PetscReal x[],
                                            PetscReal sum[]);
