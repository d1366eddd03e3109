/* exact.h - Newton's method on exact cells, in two and three dimensions. */
#pragma once

#include <brenier/laguerre.h>
#include <brenier/newton.h>

/*@
  BrenierExactNewton_Private - Finds the heights at which exact cells have their weights

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets
. laguerre - their cells
. options  - max_it, residual, l1_part (as an L1 residual that is enough; 0: to rounding), linear_rtol, monitor,
             safe_point, certify (a hull for every evaluation, so that an iteration depends on its heights alone),
             resume (not NULL: h is what a safe point saw)
- h        - heights to start from

  Output Parameters:
+ h      - heights reached, gauged: of those seen the ones of least energy
. mass   - their masses
. last   - what is known of them
- reason - why it ended; BRENIER_REASON_UNSOUND when cells could not be computed

  Errors: `BRENIER_STOPPED` - a stop was asked for; h and mass are those of the last iteration
@*/
PetscErrorCode BrenierExactNewton_Private(BrenierTargets targets, BrenierLaguerre laguerre,
                                          const BrenierNewtonOptions *options, Vec h, Vec mass, BrenierIteration *last,
                                          BrenierReason *reason);
