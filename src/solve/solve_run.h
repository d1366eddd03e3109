/*
  solve_run.h - The state of one solve, its safe points and its measurements.

  `state` is what a checkpoint stores: phase, iterations so far, sizes of samples, height scale. `solved` is filled from
  it at the end.
*/
#pragma once

#include <brenier/solve.h>

#include "budget.h"

/* Batches of a sample: they give its sampling error to a fifth. */
enum { BRENIER_SAMPLE_BATCHES = 16 };

/* Largest number of samples, epochs or descents tried for a tolerance. */
enum { BRENIER_RETRIES = 8 };

/* Heights and their held-out measurement; they were fitted to `curves` curves of a sample and one_pass_curves of
   SGD. */
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
  BrenierScanCache     cache; /* for all duals of the solve */
  BrenierDual          dual;
  Vec                  h, diagonal_step, skin;
  Vec                  groups;    /* steps of groups, as in checkpoint.h; NULL unless SGD moves nodes */
  Vec                  line_mass; /* of an epoch, as in checkpoint.h: borrowed from it; NULL without lines */
  Vec                  start;     /* heights at the beginning of an epoch: borrowed from it; NULL where not measured */
  Vec                  mass, mass_error; /* of the last measurement */
  BrenierMutablePoints barycentre;
  PetscBool            lists; /* candidate lists are in use */
  /* status */
  BrenierSolveState state; /* saved at safe points */
  BrenierSolved    *solved;
  Vec               saved;           /* heights of the last safe point */
  Vec               fitted;          /* heights of the last stage, before light cells were lowered: light.c */
  PetscBool         resuming;        /* until the stage or epoch of a checkpoint continues */
  PetscBool         has_measurement; /* held_out is a measurement, not a prediction */
  PetscInt64        measured;        /* number of that measurement, */
  PetscInt64        asked, at_once;  /* curves that it was asked for, and of these at once at most */
  PetscBool         centred;         /* the last measurement computed the barycentres at h */
  PetscReal         pace;            /* seconds a curve of the last measurement; 0 before the first */
  Measurement       best; /* without a checkpoint: the best measurement, for a stop; h NULL before the first */
} Solve;

/* Creates the vectors, laid out as s->h, and chooses whether to use lists; the caller has set the parameters.
   Collective. */
PetscErrorCode BrenierSolveRunCreate_Private(Solve *s);

/* Frees vectors and sample. Collective. */
PetscErrorCode BrenierSolveRunDestroy_Private(Solve *s);

/* Continues from a checkpoint, or else saves the start as the first safe point. Collective. */
PetscErrorCode BrenierSolveRunBegin_Private(Solve *s);

/* Returns to the heights of the last safe point, gauged, and sets the numbers of curves that they are fitted to.
   Collective. */
PetscErrorCode BrenierSolveRunGoBack_Private(Solve *s);

/* The numbers that the choices of budget.h follow from. Not collective. */
BrenierBudget BrenierSolveBudget_Private(BrenierTargets targets, BrenierSource source,
                                         const BrenierSolveOptions *options);

/* Accuracy of h by the last measurement. Not collective. */
BrenierAccuracy BrenierSolveAccuracy_Private(const Solve *s);

/* Curves that h is fitted to: those of the sample, and the one-pass curves of SGD. Not collective. */
PetscInt64 BrenierSolveCurves_Private(const Solve *s);

/* Largest sample that memory holds: by the bytes a curve of the present sample, or by assumed ones without a sample.
   Collective. */
PetscErrorCode BrenierSolveMaxSampleCurves_Private(const Solve *s, PetscInt64 *max_curves);

/* Adds an iteration to the history, and calls the monitor of the user. Collective. */
PetscErrorCode BrenierSolveRecord_Private(const BrenierSolveOptions *options, const BrenierIteration *now);

/* An iteration of a stage or an epoch as one of the whole solve: its iterations, evaluations and seconds are totals.
   Not collective. */
BrenierIteration BrenierSolveTotal_Private(const Solve *s, const BrenierIteration *now);

/* A safe point: saves `answer`, the heights to return to, and the state of a checkpoint, with `mean` and `dual` as in
   BrenierCheckpointSave(). Then stops if that was asked for. Collective. */
PetscErrorCode BrenierSolveSafePoint_Private(Solve *s, BrenierPhase phase, Vec answer, Vec mean, BrenierDual dual);

/* Measures h on fresh curves, of the stream of this attempt. Collective. */
PetscErrorCode BrenierSolveMeasure_Private(Solve *s, uint32_t attempt);

/* The same on so many curves, without a report to the user. Collective. */
PetscErrorCode BrenierSolveMeasureOn_Private(Solve *s, uint32_t attempt, PetscInt64 curves);

/* The same on at most at_once curves at once, of which the bits depend. Collective. */
PetscErrorCode BrenierSolveMeasureAtOnce_Private(Solve *s, uint32_t attempt, PetscInt64 curves, PetscInt64 at_once);

/* Copies a measurement, and its heights where both have some. Collective. */
PetscErrorCode BrenierMeasurementCopy_Private(const Measurement *from, Measurement *to);

/* Sets solved->within_tol by the last measurement. Not collective. */
void BrenierSolveCheckTolerance_Private(Solve *s);

/* Frees the sample, if there is one, after adding up its work. Collective. */
PetscErrorCode BrenierSolveFreeSample_Private(Solve *s);
