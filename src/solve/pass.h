/*
  pass.h - A pass over fresh curves, each seen once: where no larger sample fits into memory, or would pay.

  Step t of averaged descent (averaged.h) on B curves of its own:
    h <- h - a_t scale (w / nu - 1),   a_t = rate sqrt(n nu B / K) / sqrt(W / B + t), at most brenier_pass_most,
  scale_i the change of height that changes the mass of i by its own size. sqrt(n nu), 1 for equal weights: the lighter
  a cell, the noisier is w / nu, by 1 / (n nu) in square, and with the steps of others it would sway without end. Where
  targets have scales (scales.h), each node moves by its own mass, weight and scale, and its members with it: a step by
  the diagonal of H alone would move a tight group as a whole by next to nothing. K / C
  is the sampling part of chi2 of C curves, W = K / chi2 the curves that the heights were worth when the pass began:
  what a start good to rho deserves is a step so short that h sways about the solution by a power of the expected error,
  a_t K / B ~ sqrt(K / (W + B t)), not more. The answer is the mean of start and iterates, the start weighed by W curves
  and each iterate by B, which forgets nothing that the start knew. Reference: Polyak and Juditsky, SIAM J. Control
  Optim. 30 (1992).
*/
#pragma once

#include <brenier/solve.h>

/* Heights and what belongs to them; vectors are the caller's, laid out as the targets. */
typedef struct BrenierPass {
  /* parameters */
  BrenierTargets targets;
  BrenierSource  source;
  PetscInt64     seed;
  Vec            diagonal_step;
  PetscReal     *node_step; /* the same of all nodes, where targets have scales: owned; else NULL */
  /* data */
  Vec              h, mean; /* the iterate, and the answer so far, not gauged */
  BrenierDualWork *work;    /* of this rank: that of each step is added, but for what it held */
  /* status */
  BrenierPassState now;
  /* Called after each step, with `last` of the pass so far: a safe point; an error ends the pass; collective */
  PetscErrorCode (*monitor)(void *context, const struct BrenierPass *pass, const BrenierIteration *last);
  void *context;
} BrenierPass;

/*@
  BrenierPassRun_Private - Goes on with a pass from the step where it is

  Collective on the targets' communicator

  Input Parameter:
. pass - see above; mean is what h was when the pass began

  Output Parameter:
. pass - at its end, the answer in mean, gauged

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Notes: 4 n dim flops a circle. Memory as BrenierDualEvaluate() for the curves of a step. Every rank count gives the
  same bits from the same start.
@*/
PetscErrorCode BrenierPassRun_Private(BrenierPass *pass);
