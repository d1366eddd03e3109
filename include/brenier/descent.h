/*
  descent.h - Stochastic gradient methods: averaged SGD and Adam, each step on a fresh mini-batch.

  A step draws a mini-batch of points or curves. Their masses w have the mean mu(W_i(h)), so w - nu is an unbiased
  estimate of the gradient of E itself. There is no fixed sample, and so no overfitting.

    asgd   h <- h - rate s (w / nu - 1) / sqrt(step);  the result is the mean of the heights after every step.
           Reference: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992).
    adam   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,  g = w - nu,
           h <- h - rate s m' / (sqrt(v') + 1e-8),  m' and v' divided by 1 - beta^step;  the result is the last h.
           When |g| has not fallen below its least value for `patience` steps, the mini-batch doubles, as in AE-OT
           codes. Reference: Kingma and Ba, ICLR 2015; An et al., AE-OT, ICLR 2020.

  s is the unit of both:
    s = deviation spread n^(-2/dim),  deviation^2 = E|x|^2 / dim,  spread^2 = sum nu |y - centre|^2 / dim.
  Heights scale with the standard deviations of source and targets along an axis. In low dimension the mass of a cell is
  sensitive to much smaller changes, of the order of the square of the distance between neighbours: the factor
  n^(-2/dim). With the default rate, 6,000 targets in 64 dimensions have a step of 0.5 deviation spread: of 0.05, 0.15,
  0.5 and 1.5 the best on codes of images. In the plane the influence of the zero start decays slowly, and Newton is the
  better choice.

  Masses of a mini-batch are counted in integers and added exactly, so every number of ranks gives the same heights, bit
  for bit.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/method.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef enum { BRENIER_DESCENT_POINTS, BRENIER_DESCENT_CURVES } BrenierDescentSample;

/* Names of the samples, in their order, ended by NULL. */
PETSC_EXTERN const char *const BrenierDescentSampleNames[];

/* Record of a step. */
typedef struct {
  PetscInt64 samples; /* points or curves drawn so far */
  PetscInt64 steps;
  PetscInt64 batch;   /* of the last step */
  PetscReal  seconds; /* without those of the monitor */
  PetscReal  rho;     /* of the masses of the last mini-batch: mostly sampling error */
} BrenierDescentState;

/* How a stochastic method proceeds. */
typedef struct {
  /* parameters */
  BrenierDescentSample sample;
  PetscInt64           samples; /* to draw in all; the last mini-batch may go beyond */
  PetscInt64           batch;   /* in a step, at least 1 */
  PetscReal            rate;
  PetscReal            beta1, beta2;      /* adam */
  PetscInt             patience;          /* adam: steps */
  BrenierScanCache     cache;             /* curves: of the targets, borrowed; NULL for none */
  PetscReal            checkpoint_factor; /* samples at a call of the monitor over those at the one before, above 1 */
  /* Called after the first step, at growing numbers of samples and at the end, with the result so far, gauged, which it
     must not change; NULL for none; collective */
  PetscErrorCode (*monitor)(void *context, const BrenierDescentState *state, Vec answer);
  void *context;
} BrenierDescentOptions;

/*@
  BrenierDescentDefaults - Sets default options: points, 100 a target in all; rate 0.7 and mini-batches of 1,024 for
  averaged SGD; rate 0.1, beta1 0.9, beta2 0.5, patience 30 and mini-batches of max(n, 1024) for Adam

  Not collective

  Input Parameters:
+ method    - `BRENIER_METHOD_ASGD` or `BRENIER_METHOD_ADAM`
- n_targets - number of targets

  Output Parameter:
. options - the options, without a monitor

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierDescentDefaults(BrenierMethod method, PetscInt n_targets, BrenierDescentOptions *options);

/*@
  BrenierDescent - Runs averaged SGD or Adam from heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. method  - `BRENIER_METHOD_ASGD` or `BRENIER_METHOD_ADAM`
. seed    - seed of the samples; no other function draws from their streams
- options - how the method proceeds

  Input/Output Parameter:
. h - heights to start from, then the result, gauged, laid out as the targets; unit: source target

  Output Parameter:
. last - record of the last step

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - another method
- `BRENIER_STOPPED`          - a stop was asked for (stop.h) while curves were scanned; errors of the monitor are passed
                               on

  Cost: 2 n_targets dim flops a point, twice that a circle. Points need 12 dim bytes for each target of this rank and 20
  dim for each point of a mini-batch. Every rank receives all points of a mini-batch and finds the highest of its own
  planes
@*/
PETSC_EXTERN PetscErrorCode BrenierDescent(BrenierTargets targets, BrenierSource source, BrenierMethod method,
                                           PetscInt64 seed, const BrenierDescentOptions *options, Vec h,
                                           BrenierDescentState *last);
