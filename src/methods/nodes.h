/*
  nodes.h - The linear system of a Newton step where targets have scales (scales.h).

  A step p is the sum over nodes of numbers x: p = P x, P the members of each node. So many numbers are more than
  needed, and that is the point: in P'HP every group of targets has a diagonal entry of its own, that of its common
  cell, and what goes by the diagonal goes by each group's own scale: the damping, the preconditioner, the floors, the
  bounds of a step. Of a pair 1e-9 apart the difference of heights is held by what is 1e9 times the hold on their mean;
  a damping by the diagonal of H alone would hold both as tightly, and conjugate gradients would not see the mean.
  Reference: Griebel, Computing 52 (1994); by the diagonal, preconditioning is that of Bramble, Pasciak and Xu, Math.
  Comp. 55 (1990).

  The residual of a node is that of newton.h by its mass and weight; those of its members are scaled to sum to it.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/scales.h>

#include <petscksp.h>

typedef struct _p_BrenierNodesOf *BrenierStepNodes;

struct _p_BrenierNodesOf {
  /* parameters */
  BrenierTargets targets;
  BrenierScales  scales;
  /* layout */
  PetscInt first, n_local; /* nodes here; groups are the last rank's */
  /* data */
  Mat        p, hessian;
  Mat        system, preconditioner; /* P'HP and what is added, in factors; a diagonal matrix */
  Vec        residual, step, base;
  Vec        diagonal, raise, extra; /* of P'HP and what raises it; that, and what raises and damps it */
  Vec        work, members, pull;    /* members, pull: of targets */
  PetscReal *mass, *wanted;          /* masses and residuals of all nodes */
  PetscReal  height_scale;           /* over `apart`: median of weight over diagonal */
};

/* Collective on the targets. */
PetscErrorCode BrenierStepNodesCreate(BrenierTargets targets, BrenierScales scales, PetscReal height_scale,
                                      BrenierStepNodes *nodes);

/* Sets the system at these masses. few: of a node's mass, below which its crossings are chance; damping: at which it
   will be tried, low after steps that came as promised, and then what is chance counts in longer lengths.
   Collective. */
PetscErrorCode BrenierStepNodesSet(BrenierStepNodes nodes, Mat hessian, Vec mass, PetscReal damping, PetscReal few);

/* Solves with a damping for the step, no entry of x beyond what the scales allow. Collective. */
PetscErrorCode BrenierStepNodesSolve(BrenierStepNodes nodes, KSP ksp, PetscReal damping, PetscReal few, Vec step);

/* How far beyond its gap an empty target may be lifted, at these masses; shape [targets here]. Collective. */
PetscErrorCode BrenierStepNodesLiftMost(BrenierStepNodes nodes, Vec mass, PetscReal part, PetscReal most[]);

/* Changes of height of each node that change its mass by its own size, by a Hessian: weight over diagonal of P'HP,
   bounded where that is chance. scale: shape [nodes], the same on all ranks. Collective. */
PetscErrorCode BrenierNodeSteps_Private(BrenierTargets targets, BrenierScales scales, Mat hessian,
                                        PetscReal node_step[]);

PetscErrorCode BrenierStepNodesDestroy(BrenierStepNodes *nodes);
