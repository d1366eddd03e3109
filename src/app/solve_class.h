/* solve_class.h - The solve of one class: targets in, heights and their error out. */
#pragma once

#include "solve_options.h"

#include <brenier/class_result.h>
#include <brenier/reduction.h>

/* A class on its way. */
typedef struct {
  PetscReal           weight_sum; /* of its weights as given */
  BrenierTargets      given;      /* `row` counts within the class */
  BrenierSource       whole;      /* in the dimension of the targets */
  BrenierReduction    reduction;
  BrenierSolveOptions options;
  BrenierStart        start;
  BrenierSolved       solved;
  Vec                 h, mass, mass_error; /* laid out as `given` */
  PetscReal          *barycentre;          /* in the dimension of the targets, shape [n_local, dim] */
} ClassSolve;

/* Solves a class as brenier solve does a problem. `points` gives its values away; `weights` may be NULL. Collective on
   the communicator of the points; errors as of the solve. */
PetscErrorCode BrenierClassSolve(const SolveRequest *request, BrenierArray *points, const BrenierArray *weights,
                                 PetscInt64 seed, ClassSolve *solve);

/* Frees what is in it. Collective. */
PetscErrorCode BrenierClassSolveDestroy(ClassSolve *solve);
