/* solve_options.h - What the command line of brenier solve asks for. */
#pragma once

#include "command.h"

#include <brenier/run.h>

/* As read, then as it is done. */
typedef struct {
  BrenierPath         output, weights, start, classes;
  BrenierPath         checkpoint, stop_file;
  PetscReal           interval, max_time; /* seconds */
  PetscInt            source, method, sample, cells, device;
  PetscInt64          max_it, threads;
  BrenierPath         source_mean, source_factor, source_low, source_high; /* numbers or places */
  PetscReal           source_dof;
  PetscReal           memory; /* GiB a node; 0: a part of what there is */
  PetscBool           has_cells, has_max_it;
  BrenierSolveOptions solve;
} SolveRequest;

extern const BrenierOption BrenierSolveTable[];

/* Reads and checks the options of solve, those of PETSc's linear solver too, and sets the threads. Collective on the
   world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveRequestRead(SolveRequest *request);

/* The same as a run wants it; its texts are the request's, the source is borrowed. Not collective. */
void BrenierSolveRequestRun(const SolveRequest *request, BrenierSource source, BrenierRunOptions *options);

/* Finds the checkpoint of an earlier run of the same problem, if one is asked for. Collective on the world; errors as
   BrenierRunSetCheckpoint(). */
PetscErrorCode BrenierSolveRequestCheckpoint(SolveRequest *request, BrenierRun *run);

/* The same of a run with one map for each class: in request->solve.checkpoint, which is the caller's to destroy; NULL
   when none is asked for. Collective on the world; errors as BrenierProblemFindCheckpoint(). */
PetscErrorCode BrenierSolveRequestClassesCheckpoint(SolveRequest *request, BrenierTargets input, BrenierSource source,
                                                    BrenierClasses classes);
