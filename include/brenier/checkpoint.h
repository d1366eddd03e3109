/*
  checkpoint.h - What a solve continues from, in memory and in a file.

  A solve is kept at its safe points: eight times in each round of the warm-up, after the start, in each stage before
  the first Newton iteration and after each, and in each pass over fresh curves before the first step and after each.
  What is kept lives in memory, beside the running solve, until the next safe point, so that work abandoned in between
  costs nothing but itself. It is written when an interval has passed, when the sample has changed and that costs
  little, and when the run stops. The file holds heights, their mean, scale and slack of each target, Newton's state,
  the sample with its candidate lists, the history, and the problem: what must be the same for the run to continue.
  Continued on the same number of ranks, a run gives the same bits as one that was never stopped, but where that takes a
  pass back.

  Two generations: the file PATH, and the one before as PATH.1, where PATH is what links lead to. The newest that is
  whole is taken. docs/restart.md.
*/
#pragma once

#include <brenier/newton.h>

typedef struct _p_BrenierCheckpoint *BrenierCheckpoint;

/* How far a solve is. */
typedef enum {
  BRENIER_PHASE_START,   /* before the warm-up: a run that continues begins anew */
  BRENIER_PHASE_WARM_UP, /* in the warm-up */
  BRENIER_PHASE_READY,   /* heights to start from are known */
  BRENIER_PHASE_STAGE,   /* in a stage */
  BRENIER_PHASE_SGD,     /* in a pass over fresh curves: no sample is kept */
  BRENIER_PHASE_FINISHED /* the result is written; nothing else is stored */
} BrenierPhase;

/* Where in its rounds and steps a warm-up is. */
typedef struct {
  PetscInt64 round, step;  /* the next step of the round */
  PetscReal  height_scale; /* of the round */
} BrenierWarmState;

/* Where in its steps a pass over fresh curves is. */
typedef struct {
  PetscInt64 epoch, step, n_steps; /* the how-manieth pass, from 0; its next step and their number */
  PetscInt64 first;                /* steps of the passes before */
  PetscInt64 batch;                /* curves of a step */
  PetscInt64 before;               /* curves of the passes before */
  PetscReal  sampling_k;           /* K: K / C is the sampling part of chi2 of C curves */
  PetscReal  effective_curves;     /* curves that the heights at the beginning of the pass are worth */
  PetscBool  of_nodes;             /* steps go by nodes (scales.h), whose scales are kept */
  PetscReal  efficiency;           /* worth that a curve of a pass adds, as expected */
} BrenierSgdState;

/* What a solve continues from, besides vectors, sample and history; the files of src/solve/ say what the fields
   mean. */
typedef struct {
  BrenierPhase       phase;
  BrenierWarmState   warm;
  BrenierSgdState    sgd;
  PetscReal          height_scale;
  PetscInt64         attempt, size;
  PetscReal          wanted;
  PetscBool          last, sgd_follows; /* the last stage; passes follow, or it is in one */
  PetscInt64         curves;
  BrenierIteration   before, newest;
  BrenierNewtonState newton;
} BrenierSolveState;

/* Vectors of what a solve continues from, laid out as the targets; NULL where a phase has none. */
typedef struct {
  Vec h;    /* heights */
  Vec mean; /* WARM_UP, PASS: of heights so far; in the warm-up of half a round's, as if those to come were 0 */
  Vec diagonal_step; /* STAGE, PASS: as in newton.h */
  Vec skin;          /* STAGE: of the lists */
  Vec groups;        /* PASS of nodes: the scale of group i behind the targets (scales.h) as entry i */
} BrenierSolveVectors;

/* One thing that must be the same for a run to continue, as text. */
typedef struct {
  const char *name; /* as the user knows it: "-tol" */
  char        value[64];
} BrenierProblemItem;

/* What the name of the generation before ends with: ".1". */
PETSC_EXTERN const char BrenierCheckpointOlder[];

/*@
  BrenierCheckpointCreate - Finds what an earlier run left at `path`, if anything

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets; borrowed
. path     - name of the file
. interval - seconds between two checkpoints; 0 for one at every safe point
. problem  - what must be the same, shape [n_items]; copied
- n_items  - their number

  Output Parameter:
. checkpoint - free with `BrenierCheckpointDestroy()`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - a checkpoint of another problem (the sentence names what differs), or files of
  which none can be read

  Notes: says on standard output what it found, and warns of a damaged file that is passed over.
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointCreate(BrenierTargets targets, const char path[], PetscReal interval,
                                                    const BrenierProblemItem problem[], PetscInt n_items,
                                                    BrenierCheckpoint *checkpoint);

/* What the earlier run left: phase BRENIER_PHASE_START without one. Borrowed. Not collective. */
PETSC_EXTERN const BrenierSolveState *BrenierCheckpointState(BrenierCheckpoint checkpoint);

/* Rows of the history kept, the same on all ranks. Borrowed until the next row. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointHistory(BrenierCheckpoint checkpoint, PetscInt *n,
                                                     const BrenierIteration **row);

/* Adds a row to the history; it is kept from the next safe point on. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointAddRow(BrenierCheckpoint checkpoint, const BrenierIteration *row);

/* Copies what is kept into those of the vectors that are not NULL; one that the phase does not have stays as it is.
   Collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointGet(BrenierCheckpoint checkpoint, const BrenierSolveVectors *vectors);

/* The sample kept; lists: whether it has candidate lists. Arguments as BrenierDualCreate(). Collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointLoadDual(BrenierCheckpoint checkpoint, BrenierSource source,
                                                      PetscInt64 seed, uint32_t stream, PetscInt n_batches,
                                                      PetscBool lists, BrenierDual *dual);

/* Levels of the hierarchy that the start was made by, for the result: kept and given back. At most `capacity` are
   given. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointSetLevels(BrenierCheckpoint checkpoint, PetscInt n,
                                                       const PetscInt level[]);
PETSC_EXTERN PetscErrorCode BrenierCheckpointGetLevels(BrenierCheckpoint checkpoint, PetscInt capacity, PetscInt *n,
                                                       PetscInt level[]);

/*@
  BrenierCheckpointSave - A safe point: keeps the state, and writes it when that is due

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint
. state      - see above
. vectors    - see above; copied
- dual       - the sample, evaluated at h; borrowed until the next call; NULL before the first stage and in a pass

  Errors: `PETSC_ERR_FILE_OPEN` - the file belongs to another run by now

  Notes: a failure to write, as of a full disk, is a warning: the older file is there still, and the solve goes on.
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointSave(BrenierCheckpoint checkpoint, const BrenierSolveState *state,
                                                  const BrenierSolveVectors *vectors, BrenierDual dual);

/* Writes what is kept, now. Collective. Errors: as BrenierStoreCreate() and what follows it. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointWrite(BrenierCheckpoint checkpoint);

/* Leaves a small file that says the solve is finished, with its outcome, and removes the older one. Collective. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointFinish(BrenierCheckpoint checkpoint, PetscInt64 exit_code,
                                                    const char status[]);

/* Of a finished solve: its exit code and status. Borrowed. Not collective. */
PETSC_EXTERN const char *BrenierCheckpointOutcome(BrenierCheckpoint checkpoint, PetscInt64 *exit_code);

/* Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierCheckpointDestroy(BrenierCheckpoint *checkpoint);
