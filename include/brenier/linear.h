/*
  linear.h - Dense linear algebra by ScaLAPACK: symmetric eigenproblems, principal components, the Gaussian start.

  Eigenproblems go to pdsyev (order up to 512) or pdsyevr on the largest nearly square process grid that leaves every
  process at least one block; every result is checked by its residual |A V - V diag(w)| and its orthogonality
  |V' V - I| before it is used, and what pdsyevr gets wrong is solved again by pdsyev.
*/
#pragma once

#include <petscsys.h>

/* How good a computed eigendecomposition is, in Frobenius norms. */
typedef struct {
  PetscReal residual;      /* |A V - V diag(w)| / |A| */
  PetscReal orthogonality; /* |V' V - I| */
} BrenierEigenCheck;

/*@
  BrenierEigenSymmetric - All eigenvalues and eigenvectors of a symmetric matrix known to every rank

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the work
. n    - order
- a    - the matrix, shape [n, n], the same on all ranks, not changed; only a[j][i] with i >= j is read

  Output Parameters:
+ w - eigenvalues, shape [n], descending
- v - eigenvectors, shape [n, n]: row k belongs to w[k]; its entry of largest magnitude (the first of them, within
      1e-6) is positive, so the sign does not depend on the number of ranks; the same on all ranks

  Errors:
+ `PETSC_ERR_NOT_CONVERGED`   - info != 0, NaN or Inf in the matrix, or a residual above n 1e-13 |A| or loss of
                                orthogonality above n 1e-13: the sentence gives the numbers
- `PETSC_ERR_FILE_UNEXPECTED` - n > 30,000

  Notes: n = 1 works. O(n^3 / P) flops; every rank holds a and v, 16 n^2 bytes, and some 60 n^2 / P bytes of work.
@*/
PETSC_EXTERN PetscErrorCode BrenierEigenSymmetric(MPI_Comm comm, PetscInt n, const PetscReal a[], PetscReal w[],
                                                  PetscReal v[]);

/*@
  BrenierMoments - Weighted mean and covariance of distributed points

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks that share the points
. n_local - points on this rank
. dim     - dimension
. y       - points, shape [n_local, dim]
- nu      - their weights, shape [n_local], summing to 1 over all ranks

  Output Parameters:
+ mean       - shape [dim], the same on all ranks
- covariance - shape [dim, dim]: sum of nu (y - mean)(y - mean)', the same on all ranks

  Notes: bitwise the same for any number of ranks is not promised, agreement to rounding is. n_local dim^2 flops by BLAS.
@*/
PETSC_EXTERN PetscErrorCode BrenierMoments(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                           const PetscReal nu[], PetscReal mean[], PetscReal covariance[]);

/*@
  BrenierGaussianStart - Heights that transport N(0, scale^2 I) to the Gaussian with the targets' mean and covariance

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks that share the targets
. n_local - targets on this rank
. dim     - dimension
. y       - targets, shape [n_local, dim]
. nu      - weights, shape [n_local], summing to 1 over all ranks
- scale   - standard deviation of the source along each axis, > 0

  Output Parameter:
. h - heights, shape [n_local]: h = -(scale/2) (y - m)' Cov^(-1/2) (y - m) + constant with sum nu h = 0; directions in
      which the targets do not vary (eigenvalue below 1e-12 of the largest) contribute nothing

  Notes: T(x) = m + Cov^(1/2) x / scale is the Brenier map between the two Gaussians, its conjugate potential is -h.
  Reference: Bhatia, Jain and Lim, "On the Bures-Wasserstein distance", Expo. Math. 37 (2019).
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianStart(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                                 const PetscReal nu[], PetscReal scale, PetscReal h[]);
