/*
  solve.h - From targets to heights on a sample of a fixed size: where to start, then Newton.

  Start. Gaussian and sphere: the heights that transport the Gaussian of the source's covariance to the Gaussian of
  the targets' (linear.h). Cube: those heights first solve, by great circles, for the Gaussian with the cube's covariance I/12;
  in high dimension <x,y> is nearly Gaussian for a uniform x, and a chord crosses less than one facet, so circles get
  nearer in fewer and cheaper iterations than chords from the quadratic.
*/
#pragma once

#include <brenier/newton.h>

typedef struct {
  PetscInt64           curves; /* size of the sample */
  PetscInt64           seed;
  BrenierNewtonOptions newton;
} BrenierSolveOptions;

/* Size of the sample by default: 4 circles, or 16 chords, a target; at least 4,096. Not collective. */
PETSC_EXTERN PetscInt64 BrenierSolveDefaultCurves(const BrenierSource *source, PetscInt n_targets);

/*@
  BrenierSolveStart - Heights to start from

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
- options - for the cube: size and seed of the circles' sample, and how Newton goes

  Output Parameter:
. h - heights, gauged
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveStart(BrenierTargets targets, const BrenierSource *source,
                                              const BrenierSolveOptions *options, Vec h);

/*@
  BrenierSolve - Newton on the sample

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. options - see above
- h       - heights to start from

  Output Parameters:
+ h      - heights reached
. last   - what is known of them in sample
. reason - why it ended
- work   - work done by this rank
@*/
PETSC_EXTERN PetscErrorCode BrenierSolve(BrenierTargets targets, const BrenierSource *source,
                                         const BrenierSolveOptions *options, Vec h, BrenierIteration *last,
                                         BrenierNewtonReason *reason, BrenierDualWork *work);
