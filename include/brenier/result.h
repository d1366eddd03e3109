/*
  result.h - The result file, format "brenier-result": targets, weights, heights, their measured error and provenance.

  docs/reference/files.md lists its attributes and datasets.
*/
#pragma once

#include <brenier/held_out.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/* Conditions of points and targets: pairs (x, c) are points (x, sqrt(B) c), so that the squared distance of two pairs
   is |x - x'|^2 + B |c - c'|^2. */
typedef struct {
  PetscInt  columns; /* numbers of a condition; 0 where there are none */
  PetscReal weight;  /* B, above 0; unit: source^2 / condition^2 */
} BrenierConditions;

/* Contents of a result besides targets and vectors. */
typedef struct {
  BrenierSource     source;          /* written: borrowed; read: the caller destroys it */
  PetscInt64        seed, curves;    /* of the sample the heights were fitted to */
  PetscInt64        one_pass_curves; /* of the curves, those of averaged SGD; not read */
  BrenierHeldOut    held_out;
  BrenierConditions conditions;  /* the last coordinates of source and targets, where these are pairs */
  PetscBool         exact;       /* whether masses are those of exact cells; not read */
  char              levels[128]; /* numbers of clusters that were solved before the targets */
  char              status[64];  /* "converged", "tolerance not reached", "iteration limit", ... */
  char              input[PETSC_MAX_PATH_LEN];
  char              options[256]; /* what was asked for, as text; "" for PETSc's options; not read */
  PetscBool         has_label;    /* read: whether this is the map of one class of a result, and its label */
  PetscInt64        label;
  const struct BrenierResultClasses *classes; /* written: what there is beside one map (class_result.h), or NULL */
} BrenierResult;

/* Rows of /history, on rank 0 (others may hold none). */
typedef struct {
  PetscInt         n, n_columns;
  const char      *columns; /* names, comma separated */
  const PetscReal *row;     /* shape [n, n_columns] */
} BrenierHistory;

/*@
  BrenierResultWrite - Writes a result file, whole or not at all

  Collective on the targets' communicator

  Input Parameters:
+ path       - file name
. result     - contents besides targets and vectors
. targets    - the targets
. h          - heights, laid out as the targets; unit: source target
. mass       - cell masses, held out or exact, laid out as the targets; unit: 1
. mass_error - their standard errors, laid out as the targets; unit: 1
. barycentre - barycentres of this rank's cells, written in single precision; NULL where
               `result->classes` has them; unit: source
- history    - iterations

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierStoreCreate()`, `BrenierStoreWriteRows()` and `BrenierStoreCommit()`

  Cost: all rows pass to rank 0, which writes some n (12 dim + 48) bytes and reads them once
@*/
PETSC_EXTERN PetscErrorCode BrenierResultWrite(const char path[], const BrenierResult *result, BrenierTargets targets,
                                               Vec h, Vec mass, Vec mass_error, const BrenierMutablePoints *barycentre,
                                               const BrenierHistory *history);

/*@
  BrenierResultRead - Reads targets, source and heights of a result, to continue or to evaluate its map

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the targets
- path - file name

  Output Parameters:
+ result  - source, conditions, seed, curves, status, rho and its interval; the other numbers are 0; destroy its source
. targets - free with `BrenierTargetsDestroy()`
- h       - heights, laid out as the targets; the caller destroys them; unit: source target

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierStoreOpen()` and `BrenierStoreReadRows()`; shapes that do not fit, a height
                                that is not finite, a weight that is not positive; a map for each of several classes
                                (class_result.h)

  Cost: each rank reads its rows once; the rows pass by rank 0, which verifies their checksums
@*/
PETSC_EXTERN PetscErrorCode BrenierResultRead(MPI_Comm comm, const char path[], BrenierResult *result,
                                              BrenierTargets *targets, Vec *h);

/*@
  BrenierResultReadBarycentres - Reads the barycentres of the cells, if the result has them

  Collective on the targets' communicator

  Input Parameters:
+ path    - the result file
- targets - its targets

  Output Parameters:
+ barycentre - barycentres of this rank's cells, shape [n_local, dim]; unit: source
- found      - whether the file has them, in the shape of the targets

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierStoreOpen()` and `BrenierStoreReadRows()`

  Cost: each rank reads its rows once; the rows pass by rank 0, which verifies their checksum
@*/
PETSC_EXTERN PetscErrorCode BrenierResultReadBarycentres(const char path[], BrenierTargets targets,
                                                         PetscReal barycentre[], PetscBool *found);
