/* solve_run.h - A run of brenier solve on its way from the command line to the result. */
#pragma once

#include "solve_options.h"

#include <brenier/reduction.h>

/* Iterations as they come. */
typedef struct {
  BrenierIteration *row;
  PetscInt          n, capacity;
} SolveHistory;

typedef struct {
  SolveRequest     request;
  BrenierTargets   given; /* as read */
  BrenierReduction reduction;
  BrenierTargets   targets; /* in the coordinates in which they differ; borrowed from the reduction, as is the source */
  BrenierSource    whole;   /* in the dimension of the targets as read */
  BrenierSource    source;  /* as the reduction's */
  PetscBool        exact;   /* cells */
  BrenierSolved    solved;
  SolveHistory     history;
  BrenierStart     start;
  PetscReal       *barycentre; /* of the cells, shape [targets here, rank] */
  Vec              h, mass, mass_error;
} SolveRun;
