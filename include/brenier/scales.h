/*
  scales.h - How far apart targets are, and which of them are tight groups: what changes of their heights are measured
  by.

  A facet between y_i and y_j adds its measure over |y_i - y_j| to the Hessian: what height changes a cell's mass by its
  own size goes with the distance to its neighbours. Where distances span decades, no one length serves: of a pair 1e-9
  apart, the difference of the heights counts in 1e-9, and their mean, which moves the cell of both, in their distance
  to others.

  So targets are joined by single linkage, closest first. A set is a group where the distance at which it is joined to
  others is at least 3 times the largest within; a set of more than four nodes is cut in two, again and again. Nodes are
  targets, groups and halves; a node's `apart` is the distance at which it is joined to others, of a half that to the
  other half; and a change of heights is the sum over nodes of one number each, which moves all members alike.

  Targets whose distances are of one kind have no scales: no set stands 30 times as far from others as it is wide, and
  no target's distance to the nearest is beyond a factor of 30 of the median. In less than four dimensions there are
  none, either: near pairs are chance there, and what is there is no hardship. Nor are they looked for where all
  distances would take too long.
*/
#pragma once

#include <petscvec.h>
#include <brenier/targets.h>

/* The same on all ranks; targets before groups in the numbering of nodes, groups after their members. */
typedef struct _p_BrenierScales {
  /* layout */
  PetscInt n, n_nodes; /* targets; targets and groups */
  /* data, owned */
  PetscInt  *parent; /* the group that a node belongs to, -1 for none; shape [n_nodes] */
  PetscReal *apart;  /* in the units of the targets; shape [n_nodes] */
  PetscReal *nu;     /* weights of the nodes; shape [n_nodes] */
  VecScatter to_all;
  Vec        all;
} * BrenierScales;

/*@
  BrenierTargetsScales - The scales of targets

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets

  Output Parameter:
. scales - the targets' own, made at the first call; NULL where they have none

  Notes: n^2/2 distances, on every rank, up to 2e9 multiply-adds; 8 n dim bytes a rank meanwhile.
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsScales(BrenierTargets targets, BrenierScales *scales);

/* The sum over its members, for every node: x laid out as the targets, sum shape [n_nodes], the same for any number of
   ranks. Collective. */
PETSC_EXTERN PetscErrorCode BrenierScalesSum(BrenierScales scales, Vec x, PetscReal sum[]);

/* All entries of x, laid out as the targets, on every rank: shape [n]. Collective. */
PETSC_EXTERN PetscErrorCode BrenierScalesGather(BrenierScales scales, Vec x, PetscReal all[]);

/* Entries of a node and of all groups it is in, added, for targets [first, first + n): node shape [n_nodes], x [n]. Not
   collective. */
PETSC_EXTERN void BrenierScalesSpread(BrenierScales scales, PetscInt first, PetscInt n, const PetscReal node[],
                                      PetscReal x[]);

/* Frees them. Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierScalesDestroy(BrenierScales *scales);
