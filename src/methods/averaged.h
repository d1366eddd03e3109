/*
  averaged.h - Averaged stochastic descent: masses of fresh curves, a step by them, and a mean of the heights.

  A step draws curves of its own, whose masses w at heights h estimate those of all curves, and forgets them:
    h_i <- h_i - a_i (w_i - nu_i) / max(nu_i, least),   a_i = length, or min(length sqrt(n nu_i), most) scale_i.
  w - nu is an unbiased estimate of the gradient of the energy itself: there is no sample to fit too well. Where targets
  have scales (scales.h), each node moves by its own mass, weight and distance, and its members with it. The answer is a
  mean of the heights, which no single step rules. Who calls says by a BrenierStepRule and a BrenierMeanRule what
  lengths and weights are: warm-up, passes over fresh curves, and asgd of descent.h. Reference: Polyak and Juditsky,
  SIAM J. Control Optim. 30 (1992).
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/scales.h>

/* Curves that are seen once: the first `curves` of a stream. */
typedef struct {
  BrenierTargets targets;
  BrenierSource  source;
  PetscInt64     seed;
  uint32_t       stream;
  PetscInt64     curves;
} BrenierFreshCurves;

/* Sees the curves at their masses, before they are forgotten. Collective. */
typedef PetscErrorCode (*BrenierFreshMonitor)(void *context, BrenierDual dual, const BrenierDualValue *value, Vec mass);

/*@
  BrenierFreshMasses_Private - Masses at heights h by curves that are drawn for it

  Collective on the targets' communicator

  Input Parameters:
+ fresh   - the curves
. h       - heights
. look    - sees them evaluated; NULL for none
- context - for `look`

  Output Parameters:
+ mass - masses
- work - has that of this rank added, but for what it held, after a stop, too; NULL for none

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); the curves are freed as always

  Notes: 4 n dim flops a circle. Memory as BrenierDualEvaluate(). Every rank count gives the same bits.
@*/
PetscErrorCode BrenierFreshMasses_Private(const BrenierFreshCurves *fresh, Vec h, BrenierFreshMonitor monitor,
                                          void *context, Vec mass, BrenierDualWork *work);

/* How long a step is. */
typedef struct {
  PetscReal        step;          /* a height, or in parts of `scale`; of a node, in parts of its distance */
  PetscReal        least;         /* weight that an error counts in parts of, at least; 0 for the own weights */
  Vec              diagonal_step; /* changes of height that change a mass by its own size; NULL for none */
  PetscReal        most;          /* part of `scale` at most */
  BrenierScales    scales;        /* NULL where targets have none */
  const PetscReal *node_step;     /* the same as `scale` of all nodes; NULL for distances in its place */
} BrenierStepRule;

/* A step of h by masses; *largest, unless it is NULL, is the largest change of a height. Collective on the targets'
   communicator. */
PetscErrorCode BrenierAveragedStep_Private(BrenierTargets targets, const BrenierStepRule *rule, Vec mass, Vec h,
                                           PetscReal *largest);

/* What the heights after a step are to their mean. */
typedef struct {
  enum {
    BRENIER_MEAN_RUNNING, /* mean <- mean + part (h - mean) / whole */
    BRENIER_MEAN_SUM      /* mean <- whole mean + part h */
  } type;
  PetscReal part, whole;
} BrenierMeanRule;

/* Adds heights to a mean. Not collective. */
PetscErrorCode BrenierAverage_Private(const BrenierMeanRule *rule, Vec h, Vec mean);
