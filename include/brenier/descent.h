/*
  descent.h - First-order stochastic methods on fresh samples, each seen once.

  A step draws a batch of points or curves, whose masses w have the mean mu(W_i(h)), so that w - nu is an unbiased
  estimate of the gradient of E itself; there is no sample to fit too well.

    asgd   h <- h - rate length (w / nu - 1) / sqrt(step);  the answer is the mean of the heights after every step.
           Reference: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992).
    adam   m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2,  g = w - nu,
           h <- h - rate length m' / (sqrt(v') + 1e-8),  m' and v' divided by 1 - beta^step; the answer is the last h.
           When |g| has not fallen below its least for `patience` steps, the batch doubles: the practice of AE-OT codes.
           Reference: Kingma and Ba, ICLR 2015; An et al., AE-OT, ICLR 2020.

  length is the unit of both:
    length = deviation spread n^(-2/dim),  deviation^2 = E|x|^2 / dim,  spread^2 = sum nu |y - centre|^2 / dim.
  The standard deviations of noise and targets along an axis are what heights scale with; in low dimension a cell's mass
  is sensitive to much less, to the square of the distance between neighbours, which n^(-2/dim) stands for. With the
  default rate, 6,000 targets in 64 dimensions take half of deviation spread: of 0.05, 0.15, 0.5 and 1.5 the best, on
  codes of images. In the plane the zero start is slow to forget, and Newton the better choice.

  Masses of a batch are counted in integers and added exactly, so every rank count gives the same heights, bit for bit.
*/
#pragma once

#include <brenier/method.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef enum { BRENIER_DESCENT_POINTS, BRENIER_DESCENT_CURVES } BrenierDescentSample;

/* Names of the samples, in their order, ended by NULL. */
PETSC_EXTERN const char *const BrenierDescentSampleNames[];

/* What is known after a step. */
typedef struct {
  PetscInt64 samples; /* points or curves seen */
  PetscInt64 steps;
  PetscInt64 batch;   /* of the last step */
  PetscReal  seconds; /* without those of the monitor */
  PetscReal  rho;     /* of the last batch's masses: in sample, mostly noise */
} BrenierDescentState;

typedef struct {
  /* parameters */
  BrenierDescentSample sample;
  PetscInt64           samples; /* to see in all; the last batch may go beyond */
  PetscInt64           batch;   /* in a step, at least 1 */
  PetscReal            rate;
  PetscReal            beta1, beta2;      /* adam */
  PetscInt             patience;          /* adam: steps */
  PetscReal            checkpoint_factor; /* samples of a checkpoint over those of the one before, above 1 */
  /* Called after the first step, at checkpoints and at the end with the answer so far, gauged, which it must not
     change; NULL for none; collective */
  PetscErrorCode (*monitor)(void *context, const BrenierDescentState *state, Vec answer);
  void *context;
} BrenierDescentOptions;

/* Defaults of a method, `BRENIER_METHOD_ASGD` or `BRENIER_METHOD_ADAM`, for n targets. Not collective. */
PETSC_EXTERN void BrenierDescentDefaults(BrenierMethod method, PetscInt n_targets, BrenierDescentOptions *options);

/*@
  BrenierDescent - Stochastic descent from heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. method  - `BRENIER_METHOD_ASGD` or `BRENIER_METHOD_ADAM`
. seed    - seed of the samples, which no other stream uses
. options - see above
- h       - heights to start from

  Output Parameters:
+ h    - the answer, gauged (sum nu h = 0)
- last - what is known at the end

  Errors: `PETSC_ERR_ARG_OUTOFRANGE` - another method

  Notes: 2 n_targets dim flops a point, twice that a circle. Points need 12 dim bytes for each target of this rank and
  20 dim for each point of a batch; every rank sees all points of a batch and finds the best of its own targets.
@*/
PETSC_EXTERN PetscErrorCode BrenierDescent(BrenierTargets targets, BrenierSource source, BrenierMethod method,
                                           PetscInt64 seed, const BrenierDescentOptions *options, Vec h,
                                           BrenierDescentState *last);
