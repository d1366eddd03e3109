/* exact_start.h - Heights to start exact cells from, by way of fewer targets. */
#pragma once

#include <brenier/laguerre.h>
#include <brenier/solve.h>

/* Solves for one set of targets with exact cells, roughly, from heights h; context is the caller's. Collective. */
typedef PetscErrorCode (*BrenierExactSolver)(void *context, BrenierTargets targets, BrenierLaguerre laguerre, Vec h);

/*@
  BrenierExactStart_Private - Heights carried over from clusters of the targets, solved before

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - a source whose cells are known exactly
. solve   - solves for the clusters of a level
- context - for `solve`

  Output Parameters:
+ h     - heights, gauged
- start - has the levels added

  Notes: n log n operations besides the levels, on every rank.
@*/
PetscErrorCode BrenierExactStart_Private(BrenierTargets targets, BrenierSource source, BrenierExactSolver solve,
                                         void *context, Vec h, BrenierStart *start);
