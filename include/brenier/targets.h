/*
  targets.h - The weighted targets, checked, without duplicates, in contiguous blocks over the ranks.

  Inside, the solver works with y' = (y - centre) / unit: translating targets changes no cell, scaling them scales the
  heights, and products in single precision are most accurate around the centre. centre is the mean of the targets,
  unit a power of two near their root-mean-square distance from it; both are the same for any number of ranks.
*/
#pragma once

#include <petscvec.h>
#include <brenier/array.h>

typedef struct _p_BrenierTargets *BrenierTargets;

struct _p_BrenierTargets {
  /* layout */
  MPI_Comm                comm;
  PetscLayout             layout; /* rows over the ranks */
  PetscInt                n;      /* targets over all ranks, after merging duplicates */
  PetscInt                dim;
  PetscInt                first;   /* global index of this rank's first target */
  PetscInt                n_local; /* 0 allowed */
  struct _p_BrenierNodes *nodes;   /* ranks that share memory */
  /* data, owned */
  PetscReal  *y;      /* as read, shape [n_local, dim] */
  PetscReal  *nu;     /* weights, shape [n_local], positive, summing to 1 over the ranks */
  PetscInt64 *row;    /* row of the input each target came from (the first, of duplicates), shape [n_local] */
  PetscReal  *centre; /* shape [dim] */
  PetscReal   unit;
  PetscReal   dropped; /* what |y|^2 has from coordinates that are not here, one number for all: reduction.h; else 0 */
  /* made when asked for, owned; see scales.h */
  struct _p_BrenierScales *scales;     /* NULL where there are none */
  PetscBool                has_scales; /* whether they were looked for */
  /* status and provenance */
  PetscInt64 n_merged;   /* input rows that were duplicates of earlier ones */
  PetscReal  weight_sum; /* of the weights as given; 1 without weights */
  char       path[PETSC_MAX_PATH_LEN];
  PetscInt64 file_bytes, hash;
};

/*@
  BrenierTargetsCreate - Makes targets from points and weights

  Collective on the points' communicator

  Input Parameters:
+ points  - the points; their values become the targets' and `points->value` is NULL afterwards
- weights - array of the same number of rows, or NULL for equal weights; not changed

  Output Parameter:
. targets - free with `BrenierTargetsDestroy()`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - weights of another length, zero or negative (the first row is named)

  Notes:
  Weights are divided by their sum. Points equal in every coordinate (-0 equals 0) are merged into the first of them,
  weights added; they are found by 128-bit hashes (XXH3), so two different points are merged with probability below
  n^2 2^-129. Prints a notice for either. O(n dim) work, one exchange of 32 bytes a point.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreate(BrenierArray *points, const BrenierArray *weights,
                                                 BrenierTargets *targets);

/*@
  BrenierTargetsCreateFromArrays - Makes targets from rows already checked, as those of a result file

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks
. n_local - rows on this rank
. dim     - dimension
. y       - shape [n_local, dim], allocated by PetscMalloc; owned by the targets from here on
. nu      - weights, the same; kept as they are
- row     - input rows, the same
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreateFromArrays(MPI_Comm comm, PetscInt n_local, PetscInt dim, PetscReal *y,
                                                           PetscReal *nu, PetscInt64 *row, BrenierTargets *targets);

/* A vector laid out as the targets are. Collective on the targets. */
PETSC_EXTERN PetscErrorCode BrenierTargetsCreateVec(BrenierTargets targets, Vec *v);

/* Subtracts from h the constant that makes sum nu h = 0, the same to the bit for any number of ranks. Collective. */
PETSC_EXTERN PetscErrorCode BrenierTargetsGauge(BrenierTargets targets, Vec h);

/* A hash (XXH3) of coordinates, weights and input rows of all targets, the same for any number of ranks. Collective. */
PETSC_EXTERN PetscErrorCode BrenierTargetsHash(BrenierTargets targets, PetscInt64 *hash);

/* y' = (y - centre) / unit of this rank's targets, shape [n_local, dim]. Not collective. */
PETSC_EXTERN void BrenierTargetsNormalised(BrenierTargets targets, PetscReal y[]);

/*@
  BrenierTargetsFetch - Brings the coordinates of chosen targets from their owners

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - number chosen on this rank, 0 allowed
- index   - their global indices, shape [n]

  Output Parameter:
. y - coordinates as read, shape [n, dim]
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsFetch(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                PetscReal y[]);

/*@
  BrenierTargetsFetchRows - As `BrenierTargetsFetch()`, for any rows that belong to targets

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - number of rows wanted on this rank, 0 allowed
. index   - global targets they belong to, repeats allowed, shape [n]
. width   - length of a row, the same on all ranks
- rows    - of this rank's targets, shape [n_local, width]

  Output Parameter:
. fetched - shape [n, width]
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsFetchRows(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                    PetscInt width, const PetscReal rows[], PetscReal fetched[]);

/* As BrenierTargetsFetchRows(), one 64-bit integer for each target, such as a label. Collective. */
PETSC_EXTERN PetscErrorCode BrenierTargetsFetchWhole(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                     const PetscInt64 whole[], PetscInt64 fetched[]);

/* sum nu |y|^2 in the input's units, dropped coordinates included. Collective. */
PETSC_EXTERN PetscErrorCode BrenierTargetsSecondMoment(BrenierTargets targets, PetscReal *moment);

/* To be called after y was written to: scans keep what they make of the targets. Collective. */
PETSC_EXTERN PetscErrorCode BrenierTargetsMoved(BrenierTargets targets);

/* Frees the targets. Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierTargetsDestroy(BrenierTargets *targets);
