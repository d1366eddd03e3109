/* solve_options.h - What the command line of brenier solve asks for. */
#pragma once

#include "command.h"

#include <brenier/classes.h>
#include <brenier/solve.h>

/* Values of -cells. */
typedef enum { BRENIER_CELLS_CURVES, BRENIER_CELLS_EXACT } BrenierCellKind;

extern const char *const BrenierCellsNames[];

/* As read, then as it is done. */
typedef struct {
  BrenierPath         output, weights, start, classes;
  BrenierPath         checkpoint, stop_file;
  PetscReal           interval, max_time; /* seconds */
  PetscInt            source, method, sample, cells;
  PetscInt64          max_it, threads;
  PetscReal           memory; /* GiB a node; 0: a part of what there is */
  PetscBool           has_cells, has_max_it;
  BrenierSolveOptions solve;
} SolveRequest;

extern const BrenierOption BrenierSolveTable[];

/* Reads and checks the options of solve, those of PETSc's linear solver too, and sets the threads. Collective on the
   world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveRequestRead(SolveRequest *request);

/* Chooses between exact cells, which serve where there are any unless curves are asked for in one way or another, and
   curves; sets what depends on it. Collective on the targets' communicator; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveRequestCells(SolveRequest *request, BrenierTargets targets, BrenierSource source);

/* Finds the checkpoint of an earlier run of the same problem, if one is asked for. `targets` are those of the input,
   `reduced` those that are solved for, `classes` those of the input or NULL. Collective on the world; errors as
   BrenierCheckpointCreate(). */
PetscErrorCode BrenierSolveRequestCheckpoint(SolveRequest *request, BrenierTargets targets, BrenierTargets reduced,
                                             BrenierClasses classes);
