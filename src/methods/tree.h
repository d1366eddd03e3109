/*
  tree.h - Clusters of targets in low dimension: the nodes of a binary tree of boxes.

  The box with the largest width^2 times number of targets is cut in the middle of its widest axis, until there are as
  many boxes as wanted. So an outlier gets a box of its own early, and clusters much tighter than all else are cut last.
*/
#pragma once

#include <brenier/targets.h>

/* Targets order[low] to order[high - 1]. */
typedef struct {
  PetscInt  low, high;
  PetscInt  parent; /* the caller's; both halves of a node have that of the whole */
  PetscReal key;    /* those with a larger one are cut first; below 0 for a single target */
  PetscInt  axis;   /* the widest */
  PetscReal middle; /* where it is cut: at most there to one side, above to the other */
} BrenierTreeNode;

/* All targets, on every rank, and their tree as far as it was cut: the same on all. */
typedef struct {
  PetscInt         n, dim;
  PetscReal       *y, *nu; /* shapes [n, dim] and [n] */
  PetscInt        *order;  /* shape [n] */
  BrenierTreeNode *node;   /* a heap, the largest key first, shape [n_nodes] */
  PetscInt         n_nodes;
} BrenierTree;

/* One node with all targets. Memory 8 (dim + 8) bytes a target on every rank. Collective on the targets'
   communicator. */
PetscErrorCode BrenierTreeCreate_Private(BrenierTargets targets, BrenierTree *tree);

/* Cuts until there are n nodes, or only single targets and equal ones. n log n operations. Not collective. */
void BrenierTreeCut_Private(BrenierTree *tree, PetscInt n);

PetscErrorCode BrenierTreeDestroy_Private(BrenierTree *tree);

/* Clusters of this rank's targets, about n of them: their numbers, shape [n_local], counted from 0. Collective. */
PetscErrorCode BrenierTreeClusters_Private(BrenierTargets targets, PetscInt n, PetscInt cluster[],
                                           PetscInt *n_clusters);
