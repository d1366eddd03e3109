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
  PetscReal  height_scale; /* s, or that of the nodes over their distances; 0 before the first Hessian */
} BrenierNewtonSystem;

/* Creates the solver and vectors laid out as h; borrows the options. Collective on the targets' communicator. */
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
- damping  - of the first trial; where targets have scales the floors depend on it (nodes.h)

  Output Parameters:
+ system - ready to be solved
- diagonal_step - nu_i / H_ii, within a factor of 30 of its geometric mean

  Notes: one Hessian, 12 bytes a facet and target, twice.
@*/
PetscErrorCode BrenierNewtonSystemAssemble_Private(BrenierNewtonSystem *system, Vec mass, PetscInt64 n_pieces,
                                                   PetscReal damping, Vec diagonal_step);

/* Solves with a damping; *solved is false when the linear solver broke down. Collective on the targets'
   communicator. */
PetscErrorCode BrenierNewtonSystemSolve_Private(BrenierNewtonSystem *system, PetscReal damping, Vec step,
                                                PetscReal *iterations, PetscBool *solved);

/* Mass below which a cell has too few pieces for its growth to be reliable. Of an assembled system. Not collective. */
PetscReal BrenierNewtonSystemFewMass_Private(const BrenierNewtonSystem *system);

/* Frees the matrices, until it is assembled again. Collective on the targets' communicator. */
PetscErrorCode BrenierNewtonSystemRelease_Private(BrenierNewtonSystem *system);

/* Collective on the targets' communicator. */
PetscErrorCode BrenierNewtonSystemDestroy_Private(BrenierNewtonSystem *system);
