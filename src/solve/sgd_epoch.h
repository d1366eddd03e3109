/*
  sgd_epoch.h - An epoch of averaged SGD: steps on fresh curves, which are drawn, used once and forgotten.

  Write K / C for the sampling part of chi2 of C curves. Heights with an error of chi2 have C_eff = K / chi2 effective
  curves. Let C_eff be that of the heights at which the epoch begins. Step t draws a mini-batch of B curves, whose
  masses are w, and sets
    h_i <- h_i - min(a_t sqrt(n nu_i), s) d_i (w_i / nu_i - 1),   a_t = r sqrt(B / K) / sqrt(C_eff / B + t),
  with d_i = nu_i / H_ii the diagonal step, r = brenier_sgd_rate and s = brenier_sgd_step_most. The variance of w_i /
  nu_i is proportional to 1 / nu_i. The factor sqrt(n nu_i) makes up for it; without it light cells would oscillate.
  Steps are so short that the chi2 that one of them adds, about a_t K / B, equals the expected rho, sqrt(K / (C_eff + B
  t)).

  In a large problem the members of each of some hundred clusters move together as well, by the mass of their cluster
  (methods/coarse.h).

  The answer is the mean of the start, with the weight C_eff, and of all iterates, with the weight B each: the mean
  keeps what the start knew. Reference: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992).

  Where targets have scales (scales.h) each node moves by its own mass, weight and step, and its members move with it.
  Nested nodes share an error and all move by it, so s is divided by their overlap.
  Steps by the diagonal of H alone would hardly move a tight group as a whole. Parts of a line do not move by
  themselves: the line keeps its shape during the epoch. At the end the mean gets another shape by the masses of all C
  curves of the epoch (methods/lines.h), C / (C_eff + C) of the way.
*/
#pragma once

#include <brenier/solve.h>

#include "methods/coarse.h"

/* Heights and what belongs to them; vectors are the caller's, laid out as the targets. */
typedef struct BrenierSgdEpoch {
  /* parameters */
  BrenierTargets targets;
  BrenierSource  source;
  PetscInt64     seed;
  Vec            diagonal_step; /* d */
  PetscReal     *node_step;     /* the same of all nodes, where targets have scales: owned; else NULL */
  PetscReal      overlap;       /* sum of the node steps of a target over the largest of them, the mean over targets */
  PetscReal      coarse_step;   /* of clusters, a height */
  /* data */
  BrenierCoarse    coarse;    /* the clusters, borrowed; NULL for none */
  BrenierScanCache cache;     /* of the targets, borrowed */
  Vec              h, mean;   /* the iterate, and the answer so far, not gauged */
  Vec              line_mass; /* mean of w so far, the steps to come counted as 0; NULL where there are no lines */
  BrenierDualWork *work;      /* of this rank: that of each step is added, but for what it held */
  /* status */
  BrenierSgdState now;
  /* Called after each step: a safe point. `last` describes the epoch so far. An error ends the epoch. Collective */
  PetscErrorCode (*monitor)(void *context, const struct BrenierSgdEpoch *epoch, const BrenierIteration *last);
  void *context;
} BrenierSgdEpoch;

/*@
  BrenierSgdEpochRun_Private - Runs an epoch from its next step to its end

  Collective on the targets' communicator

  Input Parameter:
. epoch - see above; mean is what h was when the epoch began

  Output Parameter:
. epoch - at its end; mean is the answer, gauged

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Notes: 4 n dim flops a circle. Memory as BrenierDualEvaluate() for the curves of a step. Every rank count gives the
  same bits from the same start.
@*/
PetscErrorCode BrenierSgdEpochRun_Private(BrenierSgdEpoch *epoch);
