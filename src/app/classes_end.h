/* classes_end.h - A run of brenier solve -classes, and how it ends: with a result, or with a checkpoint. */
#pragma once

#include "class_rows.h"
#include "solve_options.h"

#include <brenier/class_result.h>

typedef struct {
  SolveRequest  *request;
  BrenierClasses classes;
  BrenierSource  source;
  ClassRows      rows;
  /* of the classes, shape [n_classes] */
  PetscMPIInt        *owner;
  PetscBool          *done;
  BrenierClassRecord *record; /* weight: sum of the weights as given, until the result is written */
  PetscReal          *cost;   /* n_k^2 d */
  /* what is said of those that are done, on rank 0 */
  PetscInt           n_told;
  PetscReal          cost_told, cost_before, cost_all; /* before: done by an earlier run */
  BrenierClassRecord worst;
  double             begun, said; /* by MPI_Wtime() */
  /* status */
  PetscInt          n_saved; /* classes in the checkpoint */
  BrenierStopReason stopped;
  PetscReal         seconds;
} ClassesRun;

/* Writes the result, or says that the run ends with its checkpoint. Collective on the world; errors as
   BrenierResultWrite(). */
PetscErrorCode BrenierClassesConclude(ClassesRun *run, BrenierExit *outcome);
