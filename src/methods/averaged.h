/*
  averaged.h - Averaged SGD: one step on a mini-batch of fresh curves, and the mean of the iterates.

  A step draws a mini-batch of curves, evaluates their masses w at h, and frees them:
    h_i <- h_i - a_i (w_i - nu_i) / max(nu_i, least),   a_i = step, or min(step sqrt(n nu_i), most) d_i,
  d_i the diagonal step. w - nu is an unbiased estimate of the gradient of the energy itself, so no sample is
  over-fitted. Where targets have scales (scales.h), each node moves by its own mass, weight and distance, and its
  members move with it. The answer is a mean of the iterates. BrenierStepRule and BrenierMeanRule say which steps and
  which weights: those of the warm-up, of the epochs (solve/sgd_epoch.h), or of asgd (descent.h). Reference: Polyak and
  Juditsky, SIAM J. Control Optim. 30 (1992).
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/scales.h>

/* A mini-batch: the first `curves` curves of a stream. */
typedef struct {
  BrenierTargets   targets;
  BrenierSource    source;
  PetscInt64       seed;
  uint32_t         stream;
  PetscInt64       curves;
  BrenierScanCache cache; /* of the targets; NULL for none */
} BrenierFreshCurves;

/* Called with the evaluated mini-batch, before it is freed. Collective. */
typedef PetscErrorCode (*BrenierFreshMonitor)(void *context, BrenierDual dual, const BrenierDualValue *value, Vec mass);

/*@
  BrenierFreshMasses_Private - Masses at heights h by curves that are drawn for it

  Collective on the targets' communicator

  Input Parameters:
+ fresh   - the curves
. h       - heights
. monitor - called when they are evaluated; NULL for none
- context - for `monitor`

  Output Parameters:
+ mass - masses
- work - has that of this rank added, but for what it held, after a stop, too; NULL for none

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); the curves are freed as always

  Notes: 4 n dim flops a circle. Memory as BrenierDualEvaluate(). Every rank count gives the same bits.
@*/
PetscErrorCode BrenierFreshMasses_Private(const BrenierFreshCurves *fresh, Vec h, BrenierFreshMonitor monitor,
                                          void *context, Vec mass, BrenierDualWork *work);

/* The step size. */
typedef struct {
  PetscReal        step;          /* a height, or in parts of diagonal_step; of a node, in parts of its distance */
  PetscReal        least;         /* lower bound of the weight that w_i - nu_i is divided by; 0 for none */
  Vec              diagonal_step; /* d_i = nu_i / H_ii; NULL for none */
  PetscReal        most;          /* largest step, in parts of diagonal_step */
  BrenierScales    scales;        /* NULL where targets have none */
  const PetscReal *node_step;     /* diagonal steps of all nodes; NULL to use their distances */
} BrenierStepRule;

/* Makes a step of h by the masses. *largest, unless NULL, gets the largest change of a height. Collective on the
   targets' communicator. */
PetscErrorCode BrenierAveragedStep_Private(BrenierTargets targets, const BrenierStepRule *rule, Vec mass, Vec h,
                                           PetscReal *largest);

/* How an iterate enters the mean. */
typedef struct {
  enum {
    BRENIER_MEAN_RUNNING, /* mean <- mean + part (h - mean) / whole */
    BRENIER_MEAN_SUM      /* mean <- whole mean + part h */
  } type;
  PetscReal part, whole;
} BrenierMeanRule;

/* Updates the mean by an iterate. Not collective. */
PetscErrorCode BrenierAverage_Private(const BrenierMeanRule *rule, Vec h, Vec mean);
