/*
  cluster.h - Weighted clusters of targets: the levels of the hierarchy.

  A few steps of Lloyd's algorithm: every target goes to its nearest centre, argmax_c <y,c> - |c|^2/2, which is the scan
  of transport.h with the centres as targets; a centre moves to the weighted mean of what it got. Centres begin at
  targets chosen at random, one in each of as many equal parts of the input's order. Means are sums of integers, so
  clusters do not depend on the number of ranks. Reference: Lloyd, IEEE Trans. Inform. Theory 28 (1982).
*/
#pragma once

#include <brenier/targets.h>

/*@
  BrenierCluster - Clusters of targets, as targets themselves

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. n_clusters - number of clusters wanted, 1 to n
. n_steps    - assignments, at least 1
- seed       - of the choice of the first centres

  Output Parameters:
+ clusters - the weighted means of the members, with their weights; fewer than wanted when some got no member
- parent   - global index of each target's cluster, shape [n_local]

  Notes: 2 n n_clusters dim flops a step; two copies of the targets' coordinates.
@*/
PETSC_EXTERN PetscErrorCode BrenierCluster(BrenierTargets targets, PetscInt n_clusters, PetscInt n_steps,
                                           PetscInt64 seed, BrenierTargets *clusters, PetscInt64 parent[]);
