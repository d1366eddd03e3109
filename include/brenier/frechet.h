/*
  frechet.h - Frechet distance of two sets of features: the squared Wasserstein distance of the normal laws that have
  their means and covariances, with its map, and what sampling does to it.

  The quantity is FID where the features are those of an Inception network. Covariances are divided by n - 1, as
  np.cov and the programs that FID is known from do.
*/
#pragma once

#include <petscsys.h>

/* A set of rows, each rank its own contiguous block of them; all count the same. Borrowed. */
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
  BrenierGaussianFit - Mean of rows and their covariance divided by n - 1

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the rows
- rows - at least 2 over all ranks

  Output Parameter:
. gaussian - free with `BrenierGaussianDestroy()`

  Notes: n dim^2 / P flops by BLAS; 8 dim (dim + 1) bytes a rank.
@*/
PETSC_EXTERN PetscErrorCode BrenierGaussianFit(MPI_Comm comm, const BrenierRows *rows, BrenierGaussian *gaussian);
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
  BrenierBuresCompute - Squared Wasserstein distance of two normal laws, and the optimal maps between them

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the work
- pair - two laws of the same dimension, the same on all ranks

  Output Parameters:
+ bures - the distance
- map   - NULL, or room for two: map[0] carries pair[0] to pair[1], map[1] back; free with `BrenierBuresMapDestroy()`

  Errors:
. `PETSC_ERR_NOT_CONVERGED`, `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierEigenSymmetric()`, which solves the eigenproblems

  Notes:
  Covariances may be singular: eigenvalues below dim 2^-52 of the largest count as 0. Where the first law does not vary,
  A is 0: it carries the first law to the projection of the second on the directions in which the first varies, and is
  the optimal map when these hold all of the second. Three eigenproblems of order dim, a fourth where singular values
  are small; some 6 dim^3 / P flops of products; 60 dim^2 bytes a rank.
  Reference: Bhatia, Jain and Lim, "On the Bures-Wasserstein distance", Expo. Math. 37 (2019).
@*/
PETSC_EXTERN PetscErrorCode BrenierBuresCompute(MPI_Comm comm, const BrenierGaussian pair[2], BrenierBures *bures,
                                                BrenierBuresMap map[2]);

/* Writes out A, shape [dim, dim]. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierBuresMapMatrix(const BrenierBuresMap *map, PetscReal matrix[]);
PETSC_EXTERN PetscErrorCode BrenierBuresMapDestroy(BrenierBuresMap *map);

/* What a sample says of the distance between the laws that the rows were drawn from. */
typedef struct {
  BrenierBures bures;        /* of the rows as they are */
  PetscReal    extrapolated; /* without the bias of order 1/n; below 0 by chance where the laws agree */
  PetscReal    error;        /* standard error of `extrapolated` */
  PetscReal    low, high;    /* 95% interval about `extrapolated`, ends at least 0 */
} BrenierFrechet;

/*@
  BrenierFrechetMeasure - Frechet distance of two sets of rows, without bias, with a 95% interval

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that share the rows
. set    - two sets of rows of the same dimension; at least 4 rows each, or 2 with n_splits = 0
. n_splits - times that the sets are halved at random, >= 4; 0 for the distance alone, the other numbers NaN
- seed   - names the halves

  Output Parameters:
+ out - the distance
- map - as in `BrenierBuresCompute()`

  Errors: as `BrenierBuresCompute()`

  Notes:
  The method stands at the head of frechet.c. 2 n_splits + 1 times BrenierBuresCompute(), n_splits + 1 times the
  covariances; 2 n dim^2 / P flops for the linear part of the error. The halves are the same for any number of ranks,
  the numbers agree to rounding.
@*/
PETSC_EXTERN PetscErrorCode BrenierFrechetMeasure(MPI_Comm comm, const BrenierRows set[2], PetscInt n_splits,
                                                  PetscInt64 seed, BrenierFrechet *out, BrenierBuresMap map[2]);
