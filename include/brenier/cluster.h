/*
  cluster.h - Weighted clusters of targets: the levels of the hierarchy.

  A few steps of Lloyd's algorithm. Every target goes to its nearest centre, argmax_c <y,c> - |c|^2/2; that is the scan
  of transport.h with the centres as targets. Each centre then moves to the weighted mean of its members. The first
  centres are targets chosen at random: the targets, in the order of the input, are cut into n_clusters equal parts, and
  one is drawn from each. Means are sums of integers, so clusters do not depend on the number of ranks.

  Reference: Lloyd, IEEE Trans. Inform. Theory 28 (1982).
*/
#pragma once

#include <brenier/targets.h>

/*@
  BrenierCluster - Makes clusters of targets, which are targets themselves

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. n_clusters - number of clusters wanted, 1 to n
. n_steps    - number of steps, at least 1
- seed       - of the choice of the first centres

  Output Parameters:
+ clusters - weighted means of the members, with their weights; fewer than wanted when some have no member; free with
             `BrenierTargetsDestroy()`
- parent   - global index of the cluster of each of this rank's targets, shape [n_local]

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); there are no clusters then

  Cost: 2 n n_clusters dim flops a step over all ranks; two copies of the coordinates of the targets
@*/
PETSC_EXTERN PetscErrorCode BrenierCluster(BrenierTargets targets, PetscInt n_clusters, PetscInt n_steps,
                                           PetscInt64 seed, BrenierTargets *clusters, PetscInt64 parent[]);
