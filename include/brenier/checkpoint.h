/*
  checkpoint.h - The state from which a solve continues, in memory and in a file.

  A solve saves its state at its safe points: eight times in each round of the warm-up, after the start, in each stage
  before the first Newton iteration and after each, and in each epoch of averaged SGD before the first step and after
  each. The state lives in memory until the next safe point, so work that is abandoned in between costs nothing but
  itself. It is written when an interval has passed, when the sample has changed and writing takes little time, and when
  the run stops. The file holds the heights, their mean, the scale and the skin of each target, the state of Newton, the
  sample with its candidate lists, the history, and the problem: what must be the same for a run to continue. A run that
  continues on the same number of ranks gives the same bits as one that was never stopped.

  Two generations: the file PATH, and the one before as PATH.1, where PATH is the path that links lead to. The newest
  that is whole is used. docs/howto/restart.md.
*/
#pragma once

#include <brenier/newton.h>
#include <brenier/store.h>

typedef struct _p_BrenierCheckpoint *BrenierCheckpoint;

/* How far a solve is. */
typedef enum {
  BRENIER_PHASE_START,    /* before the warm-up: a run that continues begins anew */
  BRENIER_PHASE_WARM_UP,  /* in the warm-up */
  BRENIER_PHASE_READY,    /* heights to start from are known */
  BRENIER_PHASE_STAGE,    /* in a stage */
  BRENIER_PHASE_SGD,      /* in an epoch of averaged SGD: there is no sample */
  BRENIER_PHASE_FINISHED, /* the result is written; nothing else is stored */
  BRENIER_PHASE_CLASSES   /* between the classes of a solve of many: what the caller writes of those that are done */
} BrenierPhase;

/* Round and step of a warm-up. */
typedef struct {
  PetscInt64 round, step;  /* step is the next of the round */
  PetscReal  height_scale; /* height scale of the round */
} BrenierWarmState;

/* State of an epoch of averaged SGD. */
typedef struct {
  PetscInt64 epoch, step, n_steps; /* number of the epoch, from 0; its next step, and how many it has */
  PetscInt64 first;                /* steps of the epochs before */
  PetscInt64 batch;                /* curves of a mini-batch */
  PetscInt64 before;               /* curves of the epochs before */
  PetscReal  sampling_k;           /* K: K / C is the sampling part of chi2 of C curves */
  PetscReal  effective_curves;     /* C_eff of the heights at the beginning of the epoch */
  PetscBool  of_nodes;             /* whether steps are taken in nodes (scales.h), whose scales are saved */
  PetscBool  of_lines;             /* whether targets have lines (scales.h), whose masses so far are saved */
  PetscReal  efficiency;           /* efficiency: expected growth of C_eff for each curve drawn */
  PetscBool  has_start;            /* whether the heights at the beginning of the epoch were measured, and are saved */
  PetscInt64 start_attempt;        /* number of that measurement; */
  PetscInt64 start_curves;         /* curves that it was asked for, */
  PetscInt64 start_at_once;        /* of these at once at most, */
  PetscReal  start_rho_high;       /* and the upper end of its interval of rho */
} BrenierSgdState;

/* State of a solve besides vectors, sample and history. */
typedef struct {
  BrenierPhase       phase;
  BrenierWarmState   warm;
  BrenierSgdState    sgd;
  PetscReal          height_scale;      /* height scale */
  PetscInt64         attempt, size;     /* number of the measurement, from 0; curves of the stage */
  PetscReal          wanted;            /* curves that the tolerance asks for */
  PetscBool          last, sgd_follows; /* whether this is the last stage; whether averaged SGD follows, or runs */
  PetscInt64         curves;            /* of the sample */
  BrenierIteration   before, newest;    /* at the end of the stage before, and now */
  BrenierNewtonState newton;
} BrenierSolveState;

/* Vectors of the state, laid out as the targets; NULL where a phase has none. */
typedef struct {
  Vec h;             /* heights */
  Vec mean;          /* WARM_UP, SGD: mean of the heights; in the warm-up, of half a round, later ones counted as 0 */
  Vec diagonal_step; /* STAGE, SGD: as in newton.h */
  Vec skin;          /* STAGE: skins of the lists */
  Vec groups;        /* SGD in nodes: entry i is the scale of group i (scales.h) */
  Vec line_mass;     /* SGD with lines: mean of the masses so far, the steps to come counted as 0 */
  Vec start;         /* SGD: heights at the beginning of the epoch where they were measured, as it may be rejected */
} BrenierSolveVectors;

/* One item of the problem, as text: it must be the same for a run to continue. */
typedef struct {
  const char *name; /* as the user knows it: "-tol" */
  char        value[64];
} BrenierProblemItem;

/* Ending of the name of the older generation: ".1". */
PETSC_EXTERN const char BrenierCheckpointOlder[];

/*@
  BrenierCheckpointCreate - Makes a checkpoint, with the state that an earlier run left in its file, if there is one

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets; borrowed
. path     - name of the file
. interval - time between two files; 0 to write at every safe point; unit: s
. problem  - what must be the same for a run to continue, shape [n_items]; copied
- n_items  - number of items

  Output Parameter:
. checkpoint - free with `BrenierCheckpointDestroy()`

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - the checkpoint of another problem (the sentence names what differs), or damaged files of
                                which none can be used
- `PETSC_ERR_FILE_OPEN`       - the path is too long, or no file that is there can be read

  Cost: reads the heights and small data, verifying the file once; the sample is read later

  Notes: It prints what it found, and warns of a damaged file, after which the older generation is tried.
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointCreate(BrenierTargets targets, const char path[], PetscReal interval,
                                                    const BrenierProblemItem problem[], PetscInt n_items,
                                                    BrenierCheckpoint *checkpoint);

/*@
  BrenierCheckpointState - Gives the state that an earlier run left, or that was saved last

  Not collective

  Input Parameter:
. checkpoint - the checkpoint

  Returns: the state, borrowed; its phase is BRENIER_PHASE_START when there is none

  Cost: O(1)
@*/
PETSC_EXTERN const BrenierSolveState *BrenierCheckpointState(BrenierCheckpoint checkpoint);

/*@
  BrenierCheckpointHistory - Gives the history that was saved, the same on all ranks

  Not collective

  Input Parameter:
. checkpoint - the checkpoint

  Output Parameters:
+ n   - number of rows
- row - the rows, shape [n], borrowed until the next row is added

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointHistory(BrenierCheckpoint checkpoint, PetscInt *n,
                                                     const BrenierIteration **row);

/*@
  BrenierCheckpointAddRow - Adds a row to the history, which is saved from the next safe point on

  Not collective

  Input Parameters:
+ checkpoint - the checkpoint
- row        - the row; copied

  Errors: none of its own

  Cost: O(1) on average
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointAddRow(BrenierCheckpoint checkpoint, const BrenierIteration *row);

/*@
  BrenierCheckpointGet - Copies saved vectors into those of `vectors` that are not NULL

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint
- vectors    - vectors of the caller; one that the saved phase does not have stays unchanged

  Errors: none of its own

  Cost: O(n / P), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointGet(BrenierCheckpoint checkpoint, const BrenierSolveVectors *vectors);

/*@
  BrenierCheckpointLoadDual - Makes the dual of the sample that an earlier run left, and closes its file

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint, which found a state of phase BRENIER_PHASE_STAGE
. source     - the source
. seed       - with `stream` names the sample
. stream     - a `BrenierStream`
. n_batches  - number of batches
- lists      - whether the sample has candidate lists

  Output Parameter:
. dual - as of `BrenierDualLoad()`; free with `BrenierDualDestroy()`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierDualLoad()`

  Cost: that of `BrenierDualLoad()`
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointLoadDual(BrenierCheckpoint checkpoint, BrenierSource source,
                                                      PetscInt64 seed, uint32_t stream, PetscInt n_batches,
                                                      PetscBool lists, BrenierDual *dual);

/*@
  BrenierCheckpointSetLevels - Saves the levels of clusters that gave the start, for the result

  Not collective

  Input Parameters:
+ checkpoint - the checkpoint
. n          - number of levels
- level      - their numbers of clusters, shape [n]

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointSetLevels(BrenierCheckpoint checkpoint, PetscInt n,
                                                       const PetscInt level[]);

/*@
  BrenierCheckpointGetLevels - Gives the levels that were saved

  Not collective

  Input Parameters:
+ checkpoint - the checkpoint
- capacity   - largest number wanted

  Output Parameters:
+ n     - number of levels
- level - their numbers of clusters, shape [n]

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointGetLevels(BrenierCheckpoint checkpoint, PetscInt capacity, PetscInt *n,
                                                       PetscInt level[]);

/*@
  BrenierCheckpointSave - A safe point: saves the state in memory, and writes the file when that is due

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint
. state      - the state; copied
. vectors    - its vectors; copied
- dual       - the sample, evaluated at h; borrowed until the next call; NULL before the first stage and in an epoch

  Errors: `PETSC_ERR_FILE_OPEN` - another run has taken the file

  Cost: copies of the vectors and of the lists that changed; a reduction and a broadcast; when due, the cost of
  `BrenierCheckpointWrite()`

  Notes: A failure to write (full disk) is a warning. The older file still exists, and the solve goes on.
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointSave(BrenierCheckpoint checkpoint, const BrenierSolveState *state,
                                                  const BrenierSolveVectors *vectors, BrenierDual dual);

/*@
  BrenierCheckpointWrite - Writes the saved state now

  Collective on the targets' communicator

  Input Parameter:
. checkpoint - the checkpoint

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierStoreCreate()`, `BrenierStoreWriteRows()` and `BrenierStoreCommit()`, or
  another run has taken the file

  Cost: all vectors and lists pass to rank 0, 8 bytes a target and vector and 8 a candidate; rank 0 reads them once
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointWrite(BrenierCheckpoint checkpoint);

/*@
  BrenierCheckpointSaveClasses - Writes the classes that are done, in the caller's layout

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint; it is in BRENIER_PHASE_CLASSES from here on
. bytes      - size of what is written, about; unit: byte
. write      - called as write(context, store), the store being open for writing; collective as this function
- context    - handed to `write`

  Errors: `PETSC_ERR_FILE_OPEN` - another run has taken the file

  Cost: that of `write`; the file is read once

  Notes: A failure to write (full disk) is a warning, as of `BrenierCheckpointSave()`.
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointSaveClasses(BrenierCheckpoint checkpoint, PetscInt64             bytes,
                                                         PetscErrorCode (*write)(void *, BrenierStore), void *context);

/*@
  BrenierCheckpointStore - Gives the file that an earlier run left in BRENIER_PHASE_CLASSES, open for reading

  Not collective

  Input Parameter:
. checkpoint - the checkpoint

  Returns: the store, borrowed until the checkpoint is saved or destroyed; NULL when there is none

  Cost: O(1)
@*/
PETSC_EXTERN BrenierStore BrenierCheckpointStore(BrenierCheckpoint checkpoint);

/*@
  BrenierCheckpointFinish - Replaces the file by a small one with the outcome of the solve, and removes the older one

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - the checkpoint
. exit_code  - exit code of the program
- status     - status of the solve, as in the result

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierCheckpointWrite()`

  Cost: one small file
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointFinish(BrenierCheckpoint checkpoint, PetscInt64 exit_code,
                                                    const char status[]);

/*@
  BrenierCheckpointOutcome - Gives the outcome of a finished solve

  Not collective

  Input Parameter:
. checkpoint - the checkpoint, whose state has the phase BRENIER_PHASE_FINISHED

  Output Parameter:
. exit_code - exit code of the program

  Returns: status of the solve, borrowed

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierCheckpointOutcome(BrenierCheckpoint checkpoint, PetscInt64 *exit_code);

/*@
  BrenierCheckpointDestroy - Frees a checkpoint, which may be NULL; the file stays

  Collective on the targets' communicator

  Input/Output Parameter:
. checkpoint - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierCheckpointDestroy(BrenierCheckpoint *checkpoint);
