/*
  exact_order.h - The targets of exact cells in the order of a tree.

  Cells meet cells nearby. In the order of the input these are anywhere: in memory, and on any rank. In the order of a
  tree of boxes (tree.h) they are near in both, so that matrices of the cells are narrow, few of their entries couple
  ranks, and few reads miss the cache.
*/
#pragma once

#include <brenier/targets.h>

typedef struct {
  BrenierTargets targets; /* the targets in that order */
  VecScatter     scatter; /* from vectors of the given targets to vectors of these */
} BrenierExactOrder;

/* n log n operations and 8 (dim + 8) bytes a target on every rank. Collective on the targets' communicator. */
PetscErrorCode BrenierExactOrderCreate_Private(BrenierTargets given, BrenierExactOrder *order);

/* A vector of the given targets as one of the ordered ones, or back; as heights, with the low parts that `from` has.
   Collective. */
PetscErrorCode BrenierExactOrderVec_Private(const BrenierExactOrder *order, ScatterMode mode, Vec from, Vec to);
PetscErrorCode BrenierExactOrderHeights_Private(const BrenierExactOrder *order, ScatterMode mode, Vec from, Vec to);

/* Rows of the ordered targets, shape [n_local, dim], as rows of the given ones; `like` is a vector of these.
   Collective. */
PetscErrorCode BrenierExactOrderRowsBack_Private(const BrenierExactOrder *order, Vec like, const PetscReal from[],
                                                 const BrenierMutablePoints *to);

PetscErrorCode BrenierExactOrderDestroy_Private(BrenierExactOrder *order);
