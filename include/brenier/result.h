/*
  result.h - The result file: targets, weights, heights, how good they are, and where they come from.

  docs/files.md lists its attributes and datasets. Format "brenier-result".
*/
#pragma once

#include <brenier/held_out.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/* What a result holds besides the targets and vectors. */
typedef struct {
  BrenierSource  source;          /* written: borrowed; read: the caller destroys it */
  PetscInt64     seed, curves;    /* of the sample the heights were fitted to */
  PetscInt64     one_pass_curves; /* of the curves, those that were seen once and not kept; not read */
  BrenierHeldOut held_out;
  PetscBool      exact;       /* masses are those of exact cells: no curves; not read */
  char           levels[128]; /* numbers of clusters solved before the targets */
  char           status[64];  /* "converged", "tolerance not reached", "iteration limit", ... */
  char           input[PETSC_MAX_PATH_LEN];
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
. result     - see above
. targets    - the targets
. h          - heights
. mass       - held-out masses
. mass_error - their standard errors
. barycentre - of the cells, shape [n_local, dim], written in single precision
- history    - iterations

  Errors: as `BrenierStoreCreate()`, `BrenierStoreWriteRows()`, `BrenierStoreCommit()`
@*/
PETSC_EXTERN PetscErrorCode BrenierResultWrite(const char path[], const BrenierResult *result, BrenierTargets targets,
                                               Vec h, Vec mass, Vec mass_error, const PetscReal barycentre[],
                                               const BrenierHistory *history);

/*@
  BrenierResultRead - Reads what is needed to go on with a result

  Collective on `comm`

  Output Parameters:
+ result  - with rho and its interval, status and seeds; the other held-out figures are 0
. targets - the caller destroys them
- h       - the same

  Errors: as `BrenierStoreOpen()`; `PETSC_ERR_FILE_UNEXPECTED` - shapes that do not fit, heights not finite, weights not
  positive
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
+ barycentre - of this rank's cells, shape [n_local, dim], points of the source space
- found      - whether the file has them
@*/
PETSC_EXTERN PetscErrorCode BrenierResultReadBarycentres(const char path[], BrenierTargets targets,
                                                         PetscReal barycentre[], PetscBool *found);
