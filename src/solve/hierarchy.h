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

  Output Parameter:
. h - heights, gauged; of few targets those of the Gaussian start

  Notes: levels are clusters of clusters, by a factor of 8, down to about a hundred. Some scans of an eighth of the targets with as
  many curves, and the clustering: n^2 dim / 4 flops a step.
@*/
PetscErrorCode BrenierHierarchyStart(BrenierTargets targets, const BrenierSource *source,
                                     const BrenierSolveOptions *options, Vec h);
