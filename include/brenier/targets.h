/*
  targets.h - The weighted targets, checked, without duplicates, in contiguous blocks over the ranks.

  The solver works with normalised targets y' = (y - centre) / unit. centre is the mean of the targets, unit a power of
  two near their root-mean-square distance from it. Both are the same for any number of ranks. A translation of the
  targets changes no cell, a scaling scales the heights, and products in single precision are most accurate around the
  centre.

  Functions take and give heights in the units of the targets as they were read, not in normalised ones.

  The ranks of a node have their coordinates in memory that all of them can read. Where there is none, every rank counts
  as a node of its own.
*/
#pragma once

#include <petscvec.h>
#include <brenier/array.h>
#include <brenier/coordinates.h>

/* Largest size of a coordinate: its square must be a number with room to spare. */
#define BRENIER_LARGEST_COORDINATE 1e100

typedef struct _p_BrenierTargets  *BrenierTargets;
typedef struct _p_BrenierNodeRows *BrenierNodeRows;

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
  PetscReal      *y;         /* as read, shape [n_local, dim]; NULL where there is: */
  float          *single;    /* the same in single precision, where the input has no more (BRENIER_ARRAY_TARGETS) */
  PetscBool       is_single; /* which of the two it is; a rank without targets may have neither */
  PetscBool       borrows_y; /* y is the caller's, who frees it */
  BrenierNodeRows node_rows; /* coordinates of all ranks of the node, these among them; NULL: each has its own */
  PetscReal      *nu;        /* weights, shape [n_local], positive, summing to 1 over the ranks */
  PetscInt64     *row;       /* row of the input each target came from (the first, of duplicates), shape [n_local] */
  PetscReal      *centre;    /* shape [dim] */
  PetscReal       unit;
  PetscReal dropped; /* |p|^2 of reduction.h, the part of |y|^2 that a reduction drops, the same for all; else 0 */
  /* where the source is x = m + L z, and these are the y' = L^T y of given targets y (reduction.h); else NULL and 0 */
  PetscReal *square; /* |y|^2 - 2 <m, y - mean of y>, in the place of |y'|^2 and `dropped`, shape [n_local]; owned */
  PetscReal  shift;  /* what the energy of the given targets is above that of these: <m, mean of y> */
  /* made when asked for, owned; see scales.h */
  struct _p_BrenierScales *scales;     /* NULL where there are none */
  PetscBool                has_scales; /* whether BrenierTargetsScales() was called */
  /* status and provenance */
  PetscInt64 n_merged;   /* input rows that were duplicates of earlier ones */
  PetscReal  weight_sum; /* of the weights as given; 1 without weights */
  char       path[PETSC_MAX_PATH_LEN];
  PetscInt64 file_bytes, hash;
};

/*@
  BrenierTargetsCheckInput - Refuses points and weights that cannot be targets, by their rows

  Collective on the points' communicator

  Input Parameters:
+ points  - the points
- weights - their weights, or NULL for equal ones

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - weights of another number of rows; a weight that is not positive; a coordinate
  beyond `BRENIER_LARGEST_COORDINATE`

  Cost: O(n dim / P) operations; two reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCheckInput(const BrenierArray *points, const BrenierArray *weights);

/*@
  BrenierTargetsCreate - Makes targets from points and weights

  Collective on the points' communicator

  Input Parameters:
+ points  - the points; their values become those of the targets, and `points` has none afterwards
- weights - array of the same number of rows, or NULL for equal weights; not changed

  Output Parameter:
. targets - free with `BrenierTargetsDestroy()`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - weights of another number of rows; a weight that is not positive, or below 1e-18
  of their sum; a sum beyond the range of a double; a coordinate beyond `BRENIER_LARGEST_COORDINATE`; targets that all
  lie within 1e-100 of their centre

  Cost: O(n dim / P) operations; one exchange of 32 bytes a point; two reductions for every 16 axes

  Notes: Weights are divided by their sum. Points that are equal in every coordinate (-0 equals 0) are merged into the
  first of them, and their weights are added. Equal points are found by 128-bit hashes (XXH3), so two different points
  are merged with probability below n^2 2^-129. A notice is printed when points were merged, and when weights did not
  sum to 1.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreate(BrenierArray *points, const BrenierArray *weights,
                                                 BrenierTargets *targets);

/*@
  BrenierTargetsCreateFromArrays - Makes targets from rows already checked, as those of a result file

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks
. n_local - rows on this rank, 0 allowed
. dim     - dimension
. y       - coordinates, shape [n_local, dim], allocated by PetscMalloc; owned by the targets from here on; unit: target
. nu      - weights, shape [n_local], positive, summing to 1 over the ranks; owned as y is, not changed; unit: 1
- row     - row of the input that each target came from, shape [n_local]; owned as y is

  Output Parameter:
. targets - free with `BrenierTargetsDestroy()`

  Errors: none of its own

  Cost: O(n dim / P) operations; two reductions for every 16 axes

  Notes: Nothing is checked or merged.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreateFromArrays(MPI_Comm comm, PetscInt n_local, PetscInt dim, PetscReal *y,
                                                           PetscReal *nu, PetscInt64 *row, BrenierTargets *targets);

/*@
  BrenierTargetsCreateFromPoints - `BrenierTargetsCreateFromArrays()` of points in either precision

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks
. n_local - as there; so are nu and row
. y       - the points, whose array the targets own from here on; single is NULL on all ranks or on none; unit: target
. nu      - weights; unit: 1
- row     - rows of the input

  Output Parameter:
. targets - free with `BrenierTargetsDestroy()`

  Errors: none of its own

  Cost: as there

  Notes: Of points in single precision only `BrenierTargetsCoordinates()` can be read, not y.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreateFromPoints(MPI_Comm comm, PetscInt n_local,
                                                           const BrenierMutablePoints *y, PetscReal *nu,
                                                           PetscInt64 *row, BrenierTargets *targets);

/*@
  BrenierTargetsCopyCoordinates - Copies the coordinates of this rank's targets

  Not collective

  Input Parameter:
. targets - the targets, in any precision

  Output Parameter:
. y - shape [n_local, dim]; unit: target

  Errors: none of its own

  Cost: O(n dim / P)
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCopyCoordinates(BrenierTargets targets, PetscReal y[]);

/*@
  BrenierTargetsWiden - Keeps coordinates in double precision from here on, for whom reads y itself

  Collective on the targets' communicator

  Input/Output Parameter:
. targets - as they are, if their coordinates are in double precision

  Errors: none of its own

  Cost: 8 bytes a coordinate, and 4 more until it ends
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsWiden(BrenierTargets targets);

/*@
  BrenierTargetsInCoordinates - Makes targets with the weights, rows and origin of others, in other coordinates

  Collective on the targets' communicator

  Input Parameters:
+ given - the others
. dim   - number of the coordinates
- y     - coordinates, shape [n_local, dim]; of PetscMalloc1(), then the targets'; unit: any

  Output Parameter:
. targets - free with `BrenierTargetsDestroy()`

  Errors: none of its own

  Cost: that of `BrenierTargetsCreateFromArrays()`; 16 bytes a target are copied
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsInCoordinates(BrenierTargets given, PetscInt dim, PetscReal *y,
                                                        BrenierTargets *targets);

/*@
  BrenierTargetsCreateVec - Makes a vector with one entry for each target, all 0

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Output Parameter:
. v - laid out as the targets; the caller destroys it; unit: the caller's

  Errors: none of its own

  Cost: 8 bytes a target of this rank
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsCreateVec(BrenierTargets targets, Vec *v);

/*@
  BrenierTargetsGauge - Subtracts from the heights the constant that makes sum nu_i h_i = 0

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Input/Output Parameter:
. h - heights, laid out as the targets; the same to the bit for any number of ranks; unit: source target

  Errors: none of its own

  Cost: O(n / P) operations, two reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsGauge(BrenierTargets targets, Vec h);

/*@
  BrenierTargetsHash - Hashes coordinates, weights and input rows of all targets by XXH3

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Output Parameter:
. hash - the hash, the same for any number of ranks

  Errors: none of its own

  Cost: O(n dim / P) operations, one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsHash(BrenierTargets targets, PetscInt64 *hash);

/*@
  BrenierTargetsCoordinates - Gives the coordinates of this rank's targets, one target at a time

  Not collective

  Input Parameters:
+ targets    - the targets
- normalised - as y' = (y - centre) / unit, else as read

  Returns: the coordinates, borrowed from the targets; unit: target, or 1

  Cost: O(1)
@*/
PETSC_EXTERN BrenierCoordinates BrenierTargetsCoordinates(BrenierTargets targets, PetscBool normalised);

/*@
  BrenierTargetsOfNode - Gives the coordinates of another rank's targets, normalised, where all ranks are on one node

  Not collective

  Input Parameters:
+ targets - the targets, on one node
- rank    - a rank of the targets' communicator

  Returns: the coordinates y' = (y - centre) / unit, borrowed from the targets; unit: 1

  Cost: O(1)
@*/
PETSC_EXTERN BrenierCoordinates BrenierTargetsOfNode(BrenierTargets targets, PetscMPIInt rank);

/*@
  BrenierTargetsTakeCoordinates - Takes the coordinates away from targets in double precision, to be destroyed

  Not collective

  Input Parameter:
. targets - the targets; they have no coordinates afterwards

  Output Parameter:
. y - coordinates as read, shape [n_local, dim]; the caller frees them; unit: target

  Errors: none of its own

  Cost: O(1); a copy where they are shared or borrowed
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsTakeCoordinates(BrenierTargets targets, PetscReal **y);

/*@
  BrenierTargetsFetch - Brings the coordinates of chosen targets from their owners

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - number chosen on this rank, 0 allowed
- index   - their global indices, shape [n]; repeats allowed

  Output Parameter:
. y - coordinates as read, shape [n, dim]; unit: target

  Errors: none of its own

  Cost: one exchange of 8 dim bytes for each target chosen
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsFetch(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                PetscReal y[]);

/*@
  BrenierTargetsFetchRows - Brings chosen rows of any array that is laid out as the targets from their owners

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - number of rows wanted on this rank, 0 allowed
. index   - global targets they belong to, repeats allowed, shape [n]
. width   - length of a row, the same on all ranks
- rows    - rows of this rank's targets, shape [n_local, width]; unit: the caller's

  Output Parameter:
. fetched - the rows wanted, shape [n, width]; unit: the same

  Errors: none of its own

  Cost: one exchange of 8 width bytes for each row wanted
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsFetchRows(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                    PetscInt width, const PetscReal rows[], PetscReal fetched[]);

/*@
  BrenierTargetsFetchWhole - Brings one 64-bit integer of each chosen target, such as a label, from its owner

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - number of integers wanted on this rank, 0 allowed
. index   - global targets they belong to, repeats allowed, shape [n]
- whole   - integers of this rank's targets, shape [n_local]

  Output Parameter:
. fetched - the integers wanted, shape [n]

  Errors: none of its own

  Cost: one exchange of 8 bytes for each integer wanted
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsFetchWhole(BrenierTargets targets, PetscInt n, const PetscInt64 index[],
                                                     const PetscInt64 whole[], PetscInt64 fetched[]);

/*@
  BrenierTargetsSecondMoment - Gives sum nu_i |y_i|^2, dropped coordinates (reduction.h) included

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Output Parameter:
. moment - the second moment, the same to the bit for any number of ranks; unit: target^2

  Errors: none of its own

  Cost: 2 n dim / P flops, two reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsSecondMoment(BrenierTargets targets, PetscReal *moment);

/*@
  BrenierTargetsMoved - Discards what was made of the coordinates; to be called after y was written to

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Errors: none of its own

  Cost: O(1)

  Notes: The scales (scales.h) are discarded. centre and unit stay. Duals and caches of dual.h must not be used any
  more. Coordinates that are borrowed must not be written to.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsMoved(BrenierTargets targets);

/*@
  BrenierTargetsDestroy - Frees targets, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. targets - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsDestroy(BrenierTargets *targets);
