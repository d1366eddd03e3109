/*
  nodes.h - The linear system of a Newton step where targets have scales (scales.h).

  A step is p = P x, with one unknown x_a for each node a and P_ia = 1 where target i is a member of node a. The
  unknowns are redundant on purpose: P'HP has a diagonal entry for every group of targets, that of the union of their
  cells. The damping, the preconditioner, the floors and the bounds of a step go by this diagonal, hence by the scale of
  each group. Example: of a pair 1e-9 apart, H holds the difference of the heights 1e9 times as tightly as their mean. A
  damping by the diagonal of H would hold the mean as tightly as the difference, and conjugate gradients would not move
  it. Reference: Griebel, Computing 52 (1994); by the diagonal, preconditioning is that of Bramble, Pasciak and Xu,
  Math. Comp. 55 (1990).

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
  PetscReal  height_scale;           /* median over the nodes of nu / diagonal / apart */
};

/* Collective on the targets. */
PetscErrorCode BrenierStepNodesCreate(BrenierTargets targets, BrenierScales scales, PetscReal height_scale,
                                      BrenierStepNodes *nodes);

/* Sets the system at these masses. few: mass below which the crossings of a node are unreliable; damping: of the first
   trial. A low damping follows good steps; it widens the height scales of unreliable nodes. Collective. */
PetscErrorCode BrenierStepNodesSet(BrenierStepNodes nodes, Mat hessian, Vec mass, PetscReal damping, PetscReal few);

/* Solves with a damping for the step, no entry of x beyond what the scales allow. Collective. */
PetscErrorCode BrenierStepNodesSolve(BrenierStepNodes nodes, KSP ksp, PetscReal damping, PetscReal few, Vec step);

/* How far beyond its gap an empty target may be lifted, at these masses; shape [targets here]. Collective. */
PetscErrorCode BrenierStepNodesLiftMost(BrenierStepNodes nodes, Vec mass, PetscReal part, PetscReal most[]);

/* Diagonal steps of all nodes: weight over the diagonal of P'HP, bounded where a Hessian entry is unreliable.
   node_step: shape [nodes], the same on all ranks. Collective. */
PetscErrorCode BrenierNodeSteps_Private(BrenierTargets targets, BrenierScales scales, Mat hessian,
                                        PetscReal node_step[]);

PetscErrorCode BrenierStepNodesDestroy(BrenierStepNodes *nodes);
