/*
  frechet.h - Frechet distance of two sets of features: the squared Wasserstein distance of the normal laws with their
  means and covariances, its optimal map, its bias and its sampling error.

  With features of an Inception network the distance is known as FID. Covariances are divided by n - 1, as in np.cov and
  in the programs that compute FID.

  On this page `target` is the unit of the features.
*/
#pragma once

#include <petscsys.h>

/* A set of rows of equal weight. Each rank has a contiguous block of them. Borrowed. */
typedef struct {
  PetscInt         n, first, n_local, dim;
  const PetscReal *x; /* shape [n_local, dim] */
} BrenierRows;

/* Mean and covariance, the same on all ranks. */
typedef struct {
  PetscInt   dim;
  PetscReal *mean, *covariance; /* owned, shapes [dim] and [dim, dim] */
} BrenierGaussian;

/*@
  BrenierGaussianFit - Computes the mean of rows and their covariance, divided by n - 1

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the rows
- rows - the rows, at least 2 over all ranks

  Output Parameter:
. gaussian - free with `BrenierGaussianDestroy()`

  Errors: none of its own

  Cost: n dim^2 / P flops by BLAS; 8 dim (dim + 1) bytes on every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFit(MPI_Comm comm, const BrenierRows *rows, BrenierGaussian *gaussian);

/*@
  BrenierGaussianDestroy - Frees the arrays of a mean and covariance

  Not collective

  Input/Output Parameter:
. gaussian - the mean and covariance

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianDestroy(BrenierGaussian *gaussian);

/* W2^2 of two normal laws and its parts. */
typedef struct {
  PetscReal value;     /* mean_part + trace[0] + trace[1] - 2 root */
  PetscReal mean_part; /* |m - m'|^2 */
  PetscReal trace[2];  /* of the covariances */
  PetscReal root;      /* trace of (S^(1/2) S' S^(1/2))^(1/2) */
  PetscInt  rank[2];   /* of the covariances */
} BrenierBures;

/* An optimal map x -> m' + A (x - m) with A = sum_k factor_k row_k row_k', symmetric; the same on all ranks. */
typedef struct {
  PetscInt   dim, n_terms;
  PetscReal *row, *factor;       /* owned, shapes [n_terms, dim] and [n_terms] */
  PetscReal *mean, *target_mean; /* m and m', owned, shape [dim] */
} BrenierBuresMap;

/*@
  BrenierBuresCompute - Computes the squared Wasserstein distance of two normal laws, and the optimal maps between them

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the work
- pair - two laws of the same dimension, the same on all ranks

  Output Parameters:
+ bures - the distance and its parts
- map   - NULL, or room for two: map[0] carries pair[0] to pair[1], map[1] back; free with `BrenierBuresMapDestroy()`

  Errors:
+ `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`
- `PETSC_ERR_FILE_UNEXPECTED` - dim > 30,000

  Cost: three eigenproblems of order dim, a fourth when singular values are small; some 6 dim^3 / P flops of products;
  60 dim^2 bytes on every rank

  Notes: Covariances may be singular: eigenvalues below dim 2^-52 of the largest count as 0. In directions in which the
  first law does not vary, A is 0. The map then carries the first law to the projection of the second on the directions
  in which the first varies. It is optimal when the second law does not vary in the others.

  Reference: Bhatia, Jain and Lim, "On the Bures-Wasserstein distance", Expo. Math. 37 (2019).
@*/
PETSC_EXTERN PetscErrorCode BrenierBuresCompute(MPI_Comm comm, const BrenierGaussian pair[2], BrenierBures *bures,
                                                BrenierBuresMap map[2]);

/*@
  BrenierBuresMapMatrix - Writes out the matrix A of a map

  Not collective

  Input Parameter:
. map - the map

  Output Parameter:
. matrix - A, shape [dim, dim]; unit: 1

  Errors: none of its own

  Cost: 2 n_terms dim^2 flops by BLAS
@*/
PETSC_EXTERN PetscErrorCode BrenierBuresMapMatrix(const BrenierBuresMap *map, PetscReal matrix[]);

/*@
  BrenierBuresMapDestroy - Frees the arrays of a map

  Not collective

  Input/Output Parameter:
. map - the map

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierBuresMapDestroy(BrenierBuresMap *map);

/* Estimates of the distance between the laws that the rows were drawn from. */
typedef struct {
  BrenierBures bures;        /* of the rows as they are */
  PetscReal    extrapolated; /* without the bias of order 1/n; may be below 0 by chance when the laws agree */
  PetscReal    error;        /* standard error of `extrapolated` */
  PetscReal    low, high;    /* 95% interval about `extrapolated`, ends at least 0 */
} BrenierFrechet;

/*@
  BrenierFrechetMeasure - Estimates the Frechet distance of two sets of rows, without bias, with a 95% interval

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that share the rows
. set    - two sets of rows of the same dimension; at least 4 rows each, or 2 with n_splits = 0
. n_splits - how often the sets are halved at random, at least 4; 0 for the distance alone, the other numbers NaN
- seed   - names the halves

  Output Parameters:
+ out - the estimates
- map - NULL, or room for two, as in `BrenierBuresCompute()`

  Errors:
+ `PETSC_ERR_NOT_CONVERGED`   - as `BrenierEigenSymmetric()`
- `PETSC_ERR_FILE_UNEXPECTED` - dim > 30,000

  Cost: 2 n_splits + 1 times `BrenierBuresCompute()`, n_splits + 1 times the covariances, and 2 n dim^2 / P flops for
  the linear part of the error

  Notes: The head of src/linear/frechet.c explains the method. The halves are the same for any number of ranks; the
  numbers agree to rounding.
@*/
PETSC_EXTERN PetscErrorCode BrenierFrechetMeasure(MPI_Comm comm, const BrenierRows set[2], PetscInt n_splits,
                                                  PetscInt64 seed, BrenierFrechet *out, BrenierBuresMap map[2]);
