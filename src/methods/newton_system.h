/*
  newton_system.h - The linear system of a Newton step on the sampled dual: see newton.h.

    (H + damping diag(B)) p = r,
  H the Hessian of every stride-th curve, its diagonal raised where a cell has few pieces. Where targets have scales
  (scales.h) the system is that of nodes.h. In states: created -> assembled -> released, the last two again and again.
*/
#pragma once

#include <brenier/newton.h>

#include "nodes.h"

typedef struct {
  /* parameters */
  BrenierDual    dual;
  BrenierTargets targets;
  PetscInt64     hessian_curves; /* as in newton.h */
  /* data; vectors are laid out as the targets */
  Vec              residual, base;
  Mat              hessian, damped; /* while assembled */
  KSP              ksp;
  BrenierStepNodes nodes; /* NULL where targets have no scales */
  /* status */
  PetscInt64 stride;       /* of the curves that the Hessian is made from */
  PetscInt64 n_pieces;     /* of all curves, at the masses that it was assembled at */
  PetscReal  height_scale; /* geometric mean of nu_i / H_ii, or that of the nodes; 0 before there is one */
} BrenierNewtonSystem;

/* Makes the solver and vectors like h; options stay the caller's. Collective on the targets' communicator. */
PetscErrorCode BrenierNewtonSystemCreate_Private(BrenierDual dual, BrenierTargets targets,
                                                 const BrenierNewtonOptions *options, Vec h,
                                                 BrenierNewtonSystem *system);

/*@
  BrenierNewtonSystemAssemble_Private - Hessian and residual at the heights evaluated last

  Collective on the targets' communicator

  Input Parameters:
+ system   - the system, without a Hessian
. mass     - masses at these heights
. n_pieces - of all curves there
- damping  - at which it will be tried first: what is chance counts by it where targets have scales

  Output Parameters:
+ system - ready to be solved
- scale  - nu_i / H_ii, within a factor of 30 of its geometric mean

  Notes: one Hessian, 12 bytes a facet and target, twice.
@*/
PetscErrorCode BrenierNewtonSystemAssemble_Private(BrenierNewtonSystem *system, Vec mass, PetscInt64 n_pieces,
                                                   PetscReal damping, Vec diagonal_step);

/* Solves with a damping; *solved is false when the linear solver broke down. Collective on the targets'
   communicator. */
PetscErrorCode BrenierNewtonSystemSolve_Private(BrenierNewtonSystem *system, PetscReal damping, Vec step,
                                                PetscReal *iterations, PetscBool *solved);

/* Mass of a cell of few pieces, whose growth is chance. Of a system assembled. Not collective. */
PetscReal BrenierNewtonSystemFewMass_Private(const BrenierNewtonSystem *system);

/* Frees the matrices, until it is assembled again. Collective on the targets' communicator. */
PetscErrorCode BrenierNewtonSystemRelease_Private(BrenierNewtonSystem *system);

/* Collective on the targets' communicator. */
PetscErrorCode BrenierNewtonSystemDestroy_Private(BrenierNewtonSystem *system);
