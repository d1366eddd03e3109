/* hierarchy.h - Start heights from a hierarchy of clusters. */
#pragma once

#include <brenier/solve.h>

/*@
  BrenierHierarchyStart - Solves for clusters of the targets, and prolongs their heights to the targets

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - Gaussian, sphere or cube, in two or more dimensions
- options - seed, and the options of Newton

  Output Parameters:
+ h     - heights, gauged; those of the Gaussian start for few targets
- start - gets the levels

  Notes: each level has 8 to 32 times fewer clusters than the one before, down to about a hundred. Costs the clustering,
  and the solves of the levels.
@*/
PetscErrorCode BrenierHierarchyStart(BrenierTargets targets, BrenierSource source, const BrenierSolveOptions *options,
                                     Vec h, BrenierStart *start);
