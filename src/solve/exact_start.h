/* exact_start.h - Start heights for exact cells from a hierarchy of clusters. */
#pragma once

#include <brenier/laguerre.h>
#include <brenier/solve.h>

/* Solves for one set of targets with exact cells, to a rough tolerance, from heights h. Collective. */
typedef PetscErrorCode (*BrenierExactSolver)(void *context, BrenierTargets targets, BrenierLaguerre laguerre, Vec h);

/*@
  BrenierExactStart_Private - Solves for clusters of the targets, and prolongs their heights to the targets

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - a source whose cells are known exactly
. solve   - solves for the clusters of a level
- context - for `solve`

  Output Parameters:
+ h     - heights, gauged
- start - gets the levels

  Notes: n log n operations besides the levels, on every rank.
@*/
PetscErrorCode BrenierExactStart_Private(BrenierTargets targets, BrenierSource source, BrenierExactSolver solve,
                                         void *context, Vec h, BrenierStart *start);
