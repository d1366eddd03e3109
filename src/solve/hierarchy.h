/* hierarchy.h - Heights to start from, by way of fewer targets. */
#pragma once

#include <brenier/solve.h>

/*@
  BrenierHierarchyStart - Heights carried over from clusters of the targets, solved before

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - Gaussian, sphere or cube, in two or more dimensions
- options - seed, and how Newton goes

  Output Parameters:
+ h     - heights, gauged; of few targets those of the Gaussian start
- start - has the levels added

  Notes: levels are clusters of clusters, by a factor of 8 to 32, down to about a hundred. Costs some scans of a
  thousand curves, or of an eighth of the targets, and the clustering.
@*/
PetscErrorCode BrenierHierarchyStart(BrenierTargets targets, BrenierSource source, const BrenierSolveOptions *options,
                                     Vec h, BrenierStart *start);
