/* solve_private.h - What the files of a solve share: its state, and what one calls of another. */
#pragma once

#include <brenier/solve.h>

/* Batches of a sample: enough to tell the sampling error to a fifth. */
enum { BRENIER_NOISE_BATCHES = 16 };

/* Samples, passes or descents that a tolerance is tried with. */
enum { BRENIER_RETRIES = 8 };

/* Heights and what was measured of them; curves are those that they are fitted to. */
typedef struct {
  Vec            h, mass, mass_error;
  BrenierHeldOut held_out;
  PetscInt64     curves, streamed;
} Measured;

/* State of a solve. */
typedef struct {
  /* parameters */
  BrenierTargets             targets;
  BrenierSource              source;
  const BrenierSolveOptions *options;
  /* data */
  BrenierDual dual;
  Vec         h, scale, slack;
  Vec         mass, mass_error; /* of the last measurement */
  PetscReal  *barycentre;
  PetscReal   length;
  PetscBool   lists; /* whether candidate lists are kept */
  /* status */
  BrenierIteration  before; /* totals of the stages that ended */
  BrenierSolved    *solved;
  BrenierSolveState state;    /* what a safe point keeps: where in the stages and measurements this is */
  Vec               kept;     /* heights of the last safe point */
  Vec               fitted;   /* heights of the last stage, while those measured are lower: light.c */
  PetscBool         resuming; /* until the stage or pass of a checkpoint goes on */
  PetscBool         measured; /* whether held_out was; it may be what a stage lets expect */
  PetscBool         centred;  /* whether the last measurement has left barycentres of h */
  PetscReal         pace;     /* seconds a curve of the last measurement; 0 before there is one */
  Measured          best; /* without a checkpoint: the best measured so far, for a stop; h NULL before there is one */
} Solve;

/* An iteration for the history and for the user's monitor. In solve.c. Collective. */
PetscErrorCode BrenierSolveTell_Private(const BrenierSolveOptions *options, const BrenierIteration *now);

/* An iteration of a stage or pass as one of the whole solve: iterations, evaluations and seconds are in total. */
BrenierIteration BrenierSolveTotal_Private(const Solve *s, const BrenierIteration *now);

/* A safe point: keeps `answer`, heights to go back to, and what a checkpoint goes on from, `slack` and `dual` as
   BrenierCheckpointKeep() has them; then stops if that was asked for. In solve.c. Collective. */
PetscErrorCode BrenierSolveKeep_Private(Solve *s, BrenierPhase phase, Vec answer, Vec slack, BrenierDual dual);

/* Measures h on fresh curves, those of a stream of this attempt. In solve.c. Collective. */
PetscErrorCode BrenierSolveMeasure_Private(Solve *s, uint32_t attempt);

/* The same on so many curves, whatever a tolerance asks, and without a word to the user. In solve.c. Collective. */
PetscErrorCode BrenierSolveMeasureOn_Private(Solve *s, uint32_t attempt, PetscInt64 curves);

/* Copies heights and what was measured of them; no heights where either has none. In solve.c. Collective. */
PetscErrorCode BrenierMeasuredCopy_Private(const Measured *from, Measured *to);

/* Keeps in hand, of a time limit, what the result's writing takes and `seconds` of measuring, or a part of the limit when
   that is less. In ending.c. Not collective: rank 0's clock counts. */
void BrenierSolveReserve_Private(BrenierTargets targets, PetscReal seconds);

/* The same by the rate of what the solve has scanned. */
void BrenierSolvePlanEnd_Private(const Solve *s);

/* BRENIER_STOPPED when there is no checkpoint and a measurement on so many curves would not end within the time limit: the stop
   is then asked for. In ending.c. Collective. */
PetscErrorCode BrenierSolveFitsTime_Private(const Solve *s, PetscInt64 curves);

/* Curves, `most` at most, that the time left lets a scan have; 64 at least. In ending.c. Collective. */
PetscErrorCode BrenierSolveCurvesInTime_Private(const Solve *s, PetscInt64 most, PetscInt64 *curves);

/* After a stop without a checkpoint: measures s->h in what time is left, and takes the best that was measured. In ending.c.
   Collective. */
PetscErrorCode BrenierSolveEnd_Private(Solve *s);

/* Gives mass to cells that the last measurement found missing, and measures again; what was before stays when that is no
   better. In missing.c. Collective. */
PetscErrorCode BrenierSolveFillMissing_Private(Solve *s);

/* Whether what was measured is within the tolerance: sets solved->within_tol. In solve.c. Not collective. */
void BrenierSolveJudge_Private(Solve *s);

/* Frees the sample, if there is one, and notes its work. In solve.c. Collective. */
PetscErrorCode BrenierSolveFreeSample_Private(Solve *s);

/* Newton, or another method of minimise.h, on the first `curves` curves. In stages.c. Collective. */
PetscErrorCode BrenierSolveStage_Private(Solve *s, PetscInt64 curves, PetscBool last);

/* What a stage puts other weights in the place of. */
typedef struct {
  PetscReal *nu, *of_nodes;
} BrenierOwnWeights;

/* Gives the targets weights that a sample of so many curves can tell, takes them back, and lowers the heights of the cells that were
   raised: to what a sample of `next` curves will ask for, or for 0 their own weights. In light.c. Collective. */
PetscErrorCode BrenierSolveRaiseLight_Private(Solve *s, PetscInt64 curves, BrenierOwnWeights *own);
PetscErrorCode BrenierSolveRestoreLight_Private(Solve *s, BrenierOwnWeights *own);
PetscErrorCode BrenierSolveLowerLight_Private(Solve *s, PetscInt64 next);

/* Stages on the way to `wanted` curves, and measurements, until the tolerance is met or there is a reason to stop. In
   stages.c. Collective. */
PetscErrorCode BrenierSolveStages_Private(Solve *s, PetscReal wanted);

/* Passes over fresh curves, and measurements, until the tolerance is met; none where Newton's sample is to meet it. In
   passes.c. Collective. */
PetscErrorCode BrenierSolvePasses_Private(Solve *s);

/* Curves of a first stage. All from here on in size.c. Not collective, unless said otherwise. */
PetscInt64 BrenierFirstCurves_Private(BrenierSource source, PetscInt n_targets);

/* Curves that the tolerance, or the user, will take, before anything is measured. */
PetscReal BrenierExpectedCurves_Private(BrenierSource source, PetscInt n_targets, const BrenierSolveOptions *options);

/* Curves that the tolerance asks for, by the sampling error of the stage that ended; and after a measurement above it. */
PetscReal BrenierSolveAskedCurves_Private(const Solve *s);
PetscReal BrenierSolveRetryCurves_Private(const Solve *s);

/* Whether passes to the tolerance pay from the warm-up on, without a stage of Newton: whatever else the solve finds out. */
PetscBool BrenierPassesAtOnce_Private(BrenierTargets targets, BrenierSource source, const BrenierSolveOptions *options);

/* Whether passes pay from the stage that ended on, with `wanted` curves to come to. */
PetscBool BrenierSolvePassesPay_Private(const Solve *s, PetscReal wanted);

/* What a measurement of the stage that ended would have found, as held_out, for a pass to be planned by. */
void BrenierSolveExpect_Private(Solve *s);

/* Size of the next stage on the way to `wanted` curves: equal growth from stage to stage, and what fits. Sets
   passes of what comes out. Collective. */
PetscErrorCode BrenierSolveNextCurves_Private(Solve *s, PetscReal wanted, PetscInt64 *next);

/* Curves of a stage's Hessian. */
PetscInt64 BrenierSolveHessianCurves_Private(const Solve *s);

/* Curves of a held-out sample whose interval is narrow enough to tell whether the tolerance is met. */
PetscInt64 BrenierSolveCheckCurves_Private(const Solve *s);

/* Steps of the next pass, and curves of each: by what held_out says the heights are worth. Collective. */
PetscErrorCode BrenierSolvePlanPass_Private(const Solve *s, BrenierPassState *pass);

/* Samples of a descent, points or curves, twice as many at each attempt: a perfect use of the first would meet the tolerance. */
PetscInt64 BrenierSolveDescentSize_Private(const Solve *s, uint32_t attempt);

/* Whether memory holds a sample that is of use to Newton. Collective. */
PetscErrorCode BrenierSolveSampleFits_Private(const Solve *s, PetscReal wanted, PetscBool *fits);

/* Curves that fit when they are seen once and forgotten: without lists. Collective. */
PetscErrorCode BrenierSolveFreshFit_Private(const Solve *s, PetscInt64 *fit);
