/*
  solve.h - From targets to heights on a sample of a fixed size: where to start, then Newton.

  Start. Gaussian and sphere: the heights that transport the Gaussian of the source's covariance to the Gaussian of
  the targets' (linear.h). Cube: those heights first solve, by great circles, for the Gaussian with the cube's covariance I/12;
  in high dimension <x,y> is nearly Gaussian for a uniform x, and a chord crosses less than one facet, so circles get
  nearer in fewer and cheaper iterations than chords from the quadratic.

  Warm-up. Averaged stochastic descent on fresh curves, each seen once, before Newton sees the sample:
    h <- h - rate length (w / nu - 1) / sqrt(step),  the heights of the second half averaged,
  length the mass-weighted geometric mean of w_i / H_ii: the change of height that changes a cell's mass by its own
  size. Around tight clusters it shrinks as their cells grow; another round with the new length follows then. It costs some half an
  evaluation a round and saves most of the Newton iterations (docs/solver.md). Reference: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992).
*/
#pragma once

#include <brenier/newton.h>

typedef struct {
  PetscInt64           curves; /* size of the sample */
  PetscInt64           seed;
  PetscReal            warm_up; /* curves of the warm-up, in parts of the number of targets; 0 for none */
  BrenierNewtonOptions newton;
} BrenierSolveOptions;

/* Curves of the warm-up by default: 2 a target. Not collective. */
PETSC_EXTERN PetscReal BrenierSolveDefaultWarmUp(void);

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
  BrenierWarmUp - Averaged stochastic descent from heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source; in one dimension, where nothing is random, this does nothing
. seed    - seed of its curves, which no other stream uses
. warm_up - curves over number of targets
- h       - heights to start from

  Output Parameter:
. h - the averaged heights

  Notes: 4 n^2 dim (warm_up + 1) flops a round, in 128 steps, 1 to 4 rounds; every rank count gives the same heights.
@*/
PETSC_EXTERN PetscErrorCode BrenierWarmUp(BrenierTargets targets, const BrenierSource *source, PetscInt64 seed,
                                          PetscReal warm_up, Vec h);

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
