/*
  linear.h - Dense linear algebra by ScaLAPACK: symmetric eigenproblems, principal components, the Gaussian start.

  Eigenproblems are solved by pdsyev (order up to 512) or pdsyevr, on the largest nearly square process grid that leaves
  every process at least one block. Every result is checked by its residual |A V - V diag(w)| and its orthogonality
  |V' V - I| before it is used. If pdsyevr fails the check, pdsyev solves the problem again.
*/
#pragma once

#include <brenier/coordinates.h>

/* Errors of a computed eigendecomposition, in Frobenius norms. */
typedef struct {
  PetscReal residual;      /* |A V - V diag(w)| / |A| */
  PetscReal orthogonality; /* |V' V - I| */
} BrenierEigenCheck;

/*@
  BrenierEigenSymmetric - Computes all eigenvalues and eigenvectors of a symmetric matrix that every rank holds

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the work
. n    - order, at least 1
- a    - the matrix, shape [n, n], the same on all ranks; only a[j][i] with i >= j is read; unit: any

  Output Parameters:
+ w - eigenvalues, shape [n], descending; unit: that of a
- v - eigenvectors, shape [n, n], the same on all ranks: row k belongs to w[k]; its entry of largest magnitude (the
      first of them, within 1e-6) is positive, so the sign does not depend on the number of ranks; unit: 1

  Errors:
+ `PETSC_ERR_NOT_CONVERGED`   - ScaLAPACK failed; NaN or Inf in the matrix; a residual above n 1e-13 |A|, or an error of
                                orthogonality above n 1e-13: the sentence gives the numbers
- `PETSC_ERR_FILE_UNEXPECTED` - n > 30,000

  Cost: O(n^3 / P) flops; every rank holds a and v, 16 n^2 bytes, and some 60 n^2 / P bytes of work
@*/
PETSC_EXTERN PetscErrorCode BrenierEigenSymmetric(MPI_Comm comm, PetscInt n, const PetscReal a[], PetscReal w[],
                                                  PetscReal v[]);

/*@
  BrenierMoments - Computes the weighted mean and covariance of distributed points

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks that share the points
. n_local - points on this rank
. dim     - dimension
. y       - points, shape [n_local, dim]; unit: target
- nu      - their weights, shape [n_local], summing to 1 over all ranks; unit: 1

  Output Parameters:
+ mean       - the mean, shape [dim], the same on all ranks; unit: target
- covariance - sum of nu (y - mean)(y - mean)', shape [dim, dim], the same on all ranks; unit: target^2

  Errors: none of its own

  Cost: n_local dim^2 flops by BLAS; reductions of 8 dim^2 bytes

  Notes: Results agree to rounding for different numbers of ranks, not to the bit.
@*/
PETSC_EXTERN PetscErrorCode BrenierMoments(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                           const PetscReal nu[], PetscReal mean[], PetscReal covariance[]);

/*@
  BrenierGaussianStart - Computes the heights that transport N(0, scale^2 I) to the Gaussian with the mean and
  covariance of the targets

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that share the targets
. y     - targets of this rank; unit: target
. nu    - weights, shape [y->n], summing to 1 over all ranks; unit: 1
- scale - standard deviation of the source along each axis, above 0; unit: source

  Output Parameter:
. h - heights -(scale/2) (y - m)' Cov^(-1/2) (y - m) + constant with sum nu h = 0, shape [y->n]; unit: source target

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE`  - scale is not positive
. `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`
- `PETSC_ERR_FILE_UNEXPECTED` - dim > 30,000, and as many points

  Cost: that of `BrenierGaussianFormCreate()`, and 2 n_local dim^2 flops for the heights

  Notes: T(x) = m + Cov^(1/2) x / scale is the Brenier map between the two Gaussians; its conjugate potential is -h.
  Directions in which the targets do not vary (eigenvalue below 1e-12 of the largest) contribute nothing.

  Reference: Bhatia, Jain and Lim, "On the Bures-Wasserstein distance", Expo. Math. 37 (2019).
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianStart(MPI_Comm comm, const BrenierCoordinates *y, const PetscReal nu[],
                                                 PetscReal scale, PetscReal h[]);

/* The quadratic form of the Gaussian start, x -> -(scale/2) x' Cov^(-1/2) x; every rank holds it, 8 dim (dim + 1)
   bytes. */
typedef struct {
  PetscInt   dim, rank;
  PetscReal  unit, factor; /* the form is factor |V x / unit|^2 */
  PetscReal *mean, *v;     /* of the targets, shape [dim]; V, shape [rank, dim]; owned */
} BrenierGaussianForm;

/*@
  BrenierGaussianFormCreate - Computes the quadratic form of `BrenierGaussianStart()`

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that share the targets
. y     - targets of this rank; unit: target
. nu    - weights, shape [y->n], summing to 1 over all ranks; unit: 1
- scale - standard deviation of the source along each axis, above 0; unit: source

  Output Parameter:
. form - free with `BrenierGaussianFormDestroy()`

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE`  - scale is not positive
. `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`
- `PETSC_ERR_FILE_UNEXPECTED` - dim > 30,000, and as many points

  Cost: n_local dim^2 flops for the covariance, one eigenproblem of order dim; of fewer points than coordinates 4 n^2
  dim flops on every rank, n points of all ranks, and an eigenproblem of order n. 8 dim (dim + 1) bytes on every rank,
  while it runs twice that
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFormCreate(MPI_Comm comm, const BrenierCoordinates *y, const PetscReal nu[],
                                                      PetscReal scale, BrenierGaussianForm *form);

/*@
  BrenierGaussianFormApply - Evaluates the form at rows x - origin

  Not collective

  Input Parameters:
+ form   - the form
. x      - rows; unit: target
- origin - shape [dim], or NULL for 0; unit: target

  Output Parameter:
. value - values of the form, shape [x->n]; unit: source target

  Errors: none of its own

  Cost: 2 n dim^2 flops by BLAS
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFormApply(const BrenierGaussianForm *form, const BrenierCoordinates *x,
                                                     const PetscReal origin[], PetscReal value[]);

/*@
  BrenierGaussianFormRows - Gives how many rows `BrenierGaussianFormApply()` takes at once

  Not collective

  Input Parameter:
. form - the form

  Returns: the number; rows given by multiples of it get the same bits as all rows given together; unit: rows

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt BrenierGaussianFormRows(const BrenierGaussianForm *form);

/*@
  BrenierGaussianFormDestroy - Frees the arrays of a form

  Not collective

  Input/Output Parameter:
. form - the form

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFormDestroy(BrenierGaussianForm *form);

/* Principal components: arrays of the caller. */
typedef struct {
  PetscReal *mean;      /* shape [p], the same on all ranks */
  PetscReal *component; /* shape [d, p], orthonormal rows, by descending variance; signs as in BrenierEigenSymmetric();
                           the same on all ranks. Among equal variances any basis may come out */
  PetscReal *variance;  /* of all p, shape [p], descending, at least 0: mean squares, divided by n and not by n - 1 */
} BrenierPrincipal;

/*@
  BrenierPrincipalComponents - Computes the directions in which distributed data vary most

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks that share the data
. n_local - rows on this rank
. p       - features, the length of a row
. x       - data, shape [n_local, p]; all rows have the same weight; unit: any
- d       - components wanted, 1 to p

  Output Parameters:
+ out   - the components
- check - errors of the eigendecomposition

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE`  - d is below 1 or above p
. `PETSC_ERR_FILE_UNEXPECTED` - p > 30,000: the p x p covariance is too large
- `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`

  Cost: n p^2 / P flops for the covariance (BLAS) and O(p^3 / P); a rank holds its rows, some 60 p^2 / P bytes, 64 MB
  (or 64 columns of the covariance, if that is more) and 8 p d bytes

  Notes: It is made for tall data, n >= p; n < p works, at the cost of order p. Variances below some 1e-16 of the
  largest are rounding errors.
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalComponents(MPI_Comm comm, PetscInt n_local, PetscInt p, const PetscReal x[],
                                                       PetscInt d, const BrenierPrincipal *out,
                                                       BrenierEigenCheck *check);

/*@
  BrenierPrincipalEncode - Computes the codes of data rows: code_k = <component_k, x - mean>

  Not collective

  Input Parameters:
+ n_rows       - rows, 0 allowed
. n_features   - p
. n_components - d
. mean         - mean of the data, shape [p]; unit: that of the data
. component    - components, orthonormal rows, shape [d, p]; unit: 1
- x            - data, shape [n_rows, p]; unit: any

  Output Parameter:
. code - codes, shape [n_rows, d]; unit: that of the data

  Errors: none of its own

  Cost: 2 n_rows p d flops by BLAS; a copy of x, so a caller with many rows passes them in slabs
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalEncode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                                   const PetscReal mean[], const PetscReal component[],
                                                   const PetscReal x[], PetscReal code[]);

/*@
  BrenierPrincipalDecode - Computes the data rows of codes: x = mean + sum_k code_k component_k

  Not collective

  Input Parameters:
+ n_rows       - rows, 0 allowed
. n_features   - p
. n_components - d
. mean         - mean of the data, shape [p]; unit: that of the data
. component    - components, orthonormal rows, shape [d, p]; unit: 1
- code         - codes, shape [n_rows, d]; unit: that of the data

  Output Parameter:
. x - data, shape [n_rows, p]; unit: that of the codes

  Errors: none of its own

  Cost: 2 n_rows p d flops by BLAS
@*/
PETSC_EXTERN PetscErrorCode BrenierPrincipalDecode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                                   const PetscReal mean[], const PetscReal component[],
                                                   const PetscReal code[], PetscReal x[]);
