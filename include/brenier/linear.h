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

  Notes: bitwise the same for any number of ranks is not promised, agreement to rounding is. n_local dim^2 flops by
  BLAS.
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

/* The quadratic form of the Gaussian start, x -> -(scale/2) x' Cov^(-1/2) x; every rank holds it, 8 dim (dim + 1)
   bytes. */
typedef struct {
  PetscInt   dim, rank;
  PetscReal  unit, factor; /* the form is factor |V x / unit|^2 */
  PetscReal *mean, *v;     /* of the targets, shape [dim]; V, shape [rank, dim]; owned */
} BrenierGaussianForm;

/*@
  BrenierGaussianFormCreate - The quadratic form of `BrenierGaussianStart()`

  Collective on `comm`; input as there

  Output Parameter:
. form - free with `BrenierGaussianFormDestroy()`
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFormCreate(MPI_Comm comm, PetscInt n_local, PetscInt dim,
                                                      const PetscReal y[], const PetscReal nu[], PetscReal scale,
                                                      BrenierGaussianForm *form);

/* Values of the form at the rows x - origin, shape [n, dim]; origin NULL for 0. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierGaussianFormApply(const BrenierGaussianForm *form, PetscInt n, const PetscReal x[],
                                                     const PetscReal origin[], PetscReal value[]);
PETSC_EXTERN PetscErrorCode BrenierGaussianFormDestroy(BrenierGaussianForm *form);

/* What principal components are written to: arrays of the caller. */
typedef struct {
  PetscReal *mean;      /* shape [p], the same on all ranks */
  PetscReal *component; /* shape [d, p], orthonormal rows, by descending variance; signs as in BrenierEigenSymmetric();
                           the same on all ranks. Among equal variances any basis may come out */
  PetscReal *variance;  /* of all p, shape [p], descending, at least 0: mean squares, divided by n and not by n - 1 */
} BrenierPrincipal;

/*@
  BrenierPrincipalComponents - The directions in which distributed data vary most

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks that share the data
. n_local - rows on this rank
. p       - features, the length of a row
. x       - data, shape [n_local, p]; every row counts the same
- d       - components wanted, 1 <= d <= p

  Output Parameters:
+ out   - see above
- check - how good the eigendecomposition is

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - p > 30,000: the p x p covariance is too large
- `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`

  Notes: made for tall data, n >= p; n < p works, at the cost of order p. Variances below some 1e-16 of the largest are
  rounding noise. n p^2 / P flops for the covariance (BLAS) and O(p^3 / P); a rank holds its rows, some 60 p^2 / P
  bytes, 64 MB (or 64 columns of the covariance, if that is more) and 8 p d bytes.

.seealso: `BrenierPrincipalEncode()`, `BrenierPrincipalDecode()`
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalComponents(MPI_Comm comm, PetscInt n_local, PetscInt p, const PetscReal x[],
                                                       PetscInt d, const BrenierPrincipal *out,
                                                       BrenierEigenCheck *check);

/*@
  BrenierPrincipalEncode - Codes of data rows: code_k = <component_k, x - mean>

  Not collective

  Input Parameters:
+ n_rows       - rows, 0 allowed
. n_features   - p
. n_components - d
. mean         - shape [p]
. component    - shape [d, p], orthonormal rows
- x            - data, shape [n_rows, p]

  Output Parameter:
. code - shape [n_rows, d]

  Notes: allocates a copy of x, so a caller with many rows passes them in slabs. 2 n_rows p d flops by BLAS.
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalEncode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                                   const PetscReal mean[], const PetscReal component[],
                                                   const PetscReal x[], PetscReal code[]);

/*@
  BrenierPrincipalDecode - The data rows nearest to given codes: x = mean + sum_k code_k component_k

  Not collective; parameters as in `BrenierPrincipalEncode()`, with code shape [n_rows, d] given and x [n_rows, p] made
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalDecode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                                   const PetscReal mean[], const PetscReal component[],
                                                   const PetscReal code[], PetscReal x[]);
