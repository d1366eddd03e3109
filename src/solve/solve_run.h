/*
  solve_run.h - The state of one solve, and what its parts ask of it.

  `state` is what a checkpoint keeps, and the one place of what it holds: how far the solve is, the iterations so far,
  the sizes of samples, the length. `solved` is filled from it at the end.
*/
#pragma once

#include <brenier/solve.h>

#include "budget.h"

/* Batches of a sample: enough to tell the sampling error to a fifth. */
enum { BRENIER_SAMPLE_BATCHES = 16 };

/* Samples, passes or descents that a tolerance is tried with. */
enum { BRENIER_RETRIES = 8 };

/* Heights and what was measured of them, fitted to a sample of `curves` and to those streamed. */
typedef struct {
  Vec            h, mass, mass_error;
  BrenierHeldOut held_out;
  PetscInt64     curves, one_pass_curves;
} Measurement;

/* State of a solve. */
typedef struct {
  /* parameters */
  BrenierTargets             targets;
  BrenierSource              source;
  const BrenierSolveOptions *options;
  BrenierBudget              budget;
  /* data */
  BrenierDual dual;
  Vec         h, diagonal_step, skin;
  Vec         groups;           /* scales of groups, as checkpoint.h has them; NULL until a pass goes by nodes */
  Vec         mass, mass_error; /* of the last measurement */
  PetscReal  *barycentre;
  PetscBool   lists; /* whether candidate lists are kept */
  /* status */
  BrenierSolveState state; /* what a safe point keeps */
  BrenierSolved    *solved;
  Vec               saved;           /* heights of the last safe point */
  Vec               fitted;          /* heights of the last stage, while those measured are lower: light.c */
  PetscBool         resuming;        /* until the stage or pass of a checkpoint goes on */
  PetscBool         has_measurement; /* whether held_out was; it may be what a stage lets expect */
  PetscBool         centred;         /* whether the last measurement has left barycentres of h */
  PetscReal         pace;            /* seconds a curve of the last measurement; 0 before there is one */
  Measurement       best; /* without a checkpoint: the best measured so far, for a stop; h NULL before there is one */
} Solve;

/* Makes vectors like s->h, whose parameters the caller has set, and chooses whether lists pay. Collective. */
PetscErrorCode BrenierSolveRunCreate_Private(Solve *s);

/* Frees vectors and sample. Collective. */
PetscErrorCode BrenierSolveRunDestroy_Private(Solve *s);

/* Takes up what a checkpoint found, or else keeps the start: something to go back to. Collective. */
PetscErrorCode BrenierSolveRunBegin_Private(Solve *s);

/* Goes back to the heights of the last safe point, gauged, and counts the curves that they are fitted to.
   Collective. */
PetscErrorCode BrenierSolveRunGoBack_Private(Solve *s);

/* The plain numbers that sizes and methods follow from. Not collective. */
BrenierBudget BrenierSolveBudget_Private(BrenierTargets targets, BrenierSource source,
                                         const BrenierSolveOptions *options);

/* What the last measurement says of the heights. Not collective. */
BrenierAccuracy BrenierSolveAccuracy_Private(const Solve *s);

/* Curves that the heights are fitted to: those of the sample, and those streamed. Not collective. */
PetscInt64 BrenierSolveCurves_Private(const Solve *s);

/* Curves of a sample that fit: by what those at hand take, or what is assumed before there are any. Collective. */
PetscErrorCode BrenierSolveMaxSampleCurves_Private(const Solve *s, PetscInt64 *max_curves);

/* An iteration for the history and for the user's monitor. Collective. */
PetscErrorCode BrenierSolveRecord_Private(const BrenierSolveOptions *options, const BrenierIteration *now);

/* An iteration of a stage or pass as one of the whole solve: iterations, evaluations and seconds are in total. Not
   collective. */
BrenierIteration BrenierSolveTotal_Private(const Solve *s, const BrenierIteration *now);

/* A safe point: keeps `answer`, heights to go back to, and what a checkpoint goes on from, `mean` and `dual` as
   BrenierCheckpointSave() has them; then stops if that was asked for. Collective. */
PetscErrorCode BrenierSolveSafePoint_Private(Solve *s, BrenierPhase phase, Vec answer, Vec mean, BrenierDual dual);

/* Measures h on fresh curves, those of a stream of this attempt. Collective. */
PetscErrorCode BrenierSolveMeasure_Private(Solve *s, uint32_t attempt);

/* The same on so many curves, whatever a tolerance asks, and without a word to the user. Collective. */
PetscErrorCode BrenierSolveMeasureOn_Private(Solve *s, uint32_t attempt, PetscInt64 curves);

/* Copies heights and what was measured of them; no heights where either has none. Collective. */
PetscErrorCode BrenierMeasurementCopy_Private(const Measurement *from, Measurement *to);

/* Whether what was measured is within the tolerance: sets solved->within_tol. Not collective. */
void BrenierSolveCheckTolerance_Private(Solve *s);

/* Frees the sample, if there is one, and notes its work. Collective. */
PetscErrorCode BrenierSolveFreeSample_Private(Solve *s);
