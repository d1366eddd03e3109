/*
  coarse.h - Steps of averaged SGD for clusters of targets.

  The step of a single target moves none of its neighbours, and a mini-batch says little of one cell. So what spans many
  cells is corrected slowly. The mass of a cluster c,
    w_c = sum of w_i over its members,
  is known far better. After the step of each target, the members of each cluster move together:
    h_i <- h_i - a (w_c - nu_c) / max(nu_c, 1/m),   nu_c = sum of nu_i over its members, m the number of clusters.
  That is the step of averaged.h for the problem of the clusters, on the same curves. Both steps together are the
  two-level form of the additive preconditioner of Bramble, Pasciak and Xu, Math. Comp. 55 (1990).
*/
#pragma once

#include <brenier/targets.h>

typedef struct _p_BrenierCoarse *BrenierCoarse;

/*@
  BrenierCoarseCreate_Private - Makes the clusters, the same for any number of ranks

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets, borrowed
. n_clusters - number of clusters wanted; 0 for none
- seed       - of the choice of the first centres

  Output Parameter:
. coarse - free with `BrenierCoarseDestroy_Private()`; NULL for n_clusters = 0

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); *coarse is NULL then

  Cost: 6 n n_clusters dim flops over all ranks; 4 bytes a target
@*/
PetscErrorCode BrenierCoarseCreate_Private(BrenierTargets targets, PetscInt n_clusters, PetscInt64 seed,
                                           BrenierCoarse *coarse);

/*@
  BrenierCoarseStep_Private - Moves the members of each cluster by its mass

  Collective on the targets' communicator

  Input Parameters:
+ coarse - the clusters; NULL: nothing moves
. step   - a, a height; unit: source target
- mass   - masses at heights h, laid out as the targets

  Input/Output Parameter:
. h - heights; unit: source target

  Errors: none of its own

  Cost: O(n / P + n_clusters), one reduction. Every rank count gives the same bits
@*/
PetscErrorCode BrenierCoarseStep_Private(BrenierCoarse coarse, PetscReal step, Vec mass, Vec h);

/* Frees the clusters, which may be NULL. Collective. */
PetscErrorCode BrenierCoarseDestroy_Private(BrenierCoarse *coarse);
