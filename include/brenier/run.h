/*
  run.h - A whole run: from targets to an outcome in the coordinates of the targets as given.

  A run reduces the targets to their affine hull, chooses between exact cells and curves, finds heights to start from,
  solves, and names the outcome. It prints and logs through the context of the communicator. The program and the public
  face (brenier.h) both solve by a run.

    BrenierRunCreate()         source, reduction, cells; announces the run
    BrenierRunSetCheckpoint()  if there is one: what an earlier run left
    BrenierRunSolve()          heights, outcome, result file
    BrenierRunDestroy()
*/
#pragma once

#include <brenier/base.h>
#include <brenier/checkpoint.h>
#include <brenier/classes.h>
#include <brenier/reduction.h>
#include <brenier/result.h>
#include <brenier/solve.h>

/* How masses are computed: sampled along curves, or exactly from polygons or polyhedra. */
typedef enum { BRENIER_CELLS_CURVES, BRENIER_CELLS_EXACT } BrenierCellKind;

/* Their names, in their order, ended by NULL: the values of -cells. */
PETSC_EXTERN const char *const BrenierCellsNames[];

/* An iteration is cheap with exact cells, and on the circle many are needed. */
#define BRENIER_EXACT_MAX_IT 200

/* Bounds of what may be asked for, and what holds where nothing is said: of options and of brenier.h. */
enum { BRENIER_FEWEST_CURVES = 64 }; /* of a measurement */
#define BRENIER_LEAST_TOLERANCE     1e-12
#define BRENIER_MOST_TOLERANCE      1e6
#define BRENIER_DEFAULT_TOLERANCE   0.1
#define BRENIER_CHECKPOINT_INTERVAL 900 /* s */

/* Of a node's memory, what the sample may take by default: the rest is for targets, matrices and the system. */
#define BRENIER_MEMORY_PERCENT 70

/* Iterations as they come. */
typedef struct {
  BrenierIteration *row;
  PetscInt          n, capacity;
} BrenierIterations;

/* A result in memory, in the coordinates of the targets as given. Vectors are laid out as these. */
typedef struct {
  BrenierTargets       targets;    /* borrowed */
  BrenierResult        about;      /* its source is owned */
  Vec                  h;          /* heights */
  Vec                  mass;       /* masses, held out or exact */
  Vec                  mass_error; /* their standard errors */
  BrenierMutablePoints barycentre; /* of this rank's cells, in the precision of the targets; NaN where unknown */
  BrenierIterations    history;
} BrenierOutcome;

/* What is asked of a run. Texts are borrowed; NULL or "" for none. */
typedef struct {
  BrenierSolveOptions   solve;      /* its monitor, on_measurement and checkpoint are the run's */
  BrenierSource         source;     /* in the targets' dimension; borrowed while the run is created */
  BrenierConditions     conditions; /* the last coordinates of source and targets, where these are pairs */
  const char           *start;      /* result whose heights are the start */
  const BrenierOutcome *start_from; /* or a result in memory, in its place; NULL for none */
  const char           *output;     /* result file to write */
  PetscBool             has_cells;  /* whether `cells` is asked for, or the run chooses */
  BrenierCellKind       cells;      /* then as it is done */
  PetscBool             has_max_it; /* the same for `max_it` */
  PetscInt              max_it;     /* most Newton iterations of a stage */
} BrenierRunOptions;

/* A run on its way. */
typedef struct {
  MPI_Comm          comm;    /* the targets' */
  BrenierRunOptions options; /* as asked for, then as it is done */
  BrenierTargets    given;   /* borrowed */
  BrenierReduction  reduction;
  BrenierTargets targets; /* in the coordinates in which they differ; borrowed from the reduction, as is the source */
  BrenierSource  source;
  const char    *checkpoint; /* its file; NULL for none */
  BrenierStart   start;
  BrenierSolved  solved;
  BrenierOutcome outcome; /* complete when BrenierRunSolve() ends with a result; until then its barycentres have the
                             shape [targets here, rank of the reduction] */
} BrenierRun;

/*@
  BrenierRunOptionsDefaults - Sets the defaults of a run, without a source: Newton, a tolerance of 0.1, seed 1

  Not collective

  Output Parameter:
. options - the options

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierRunOptionsDefaults(BrenierRunOptions *options);

/*@
  BrenierRunMemory - Gives the memory that a rank may use for its sample, from that of a node

  Collective on `comm`

  Input Parameters:
+ comm - the ranks
- gib  - memory of a node for all its ranks; 0 for BRENIER_MEMORY_PERCENT of what there is; unit: 2^30 bytes

  Output Parameter:
. bytes - memory of a rank, the least over the nodes; unit: byte

  Errors: none of its own

  Cost: a communicator of the node, one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierRunMemory(MPI_Comm comm, PetscReal gib, PetscReal *bytes);

/*@
  BrenierRunCreate - Prepares a run and announces it: source, reduction, and whether cells are exact

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the run
- options - what is asked; copied, its texts are borrowed

  Output Parameter:
. run - free with `BrenierRunDestroy()`

  Errors: `PETSC_ERR_USER_INPUT` - exact cells are asked for where there are none; errors of `BrenierReductionCreate()`

  Cost: that of `BrenierReductionCreate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierRunCreate(BrenierTargets targets, const BrenierRunOptions *options,
                                             BrenierRun **run);

/*@
  BrenierRunSetCheckpoint - Makes the checkpoint of a run, and finds what an earlier run of the same problem left

  Collective on the targets' communicator

  Input Parameters:
+ run      - the run
. path     - file of the checkpoint; borrowed
. interval - time between two files; unit: s
. item     - what must be the same for a run to continue, besides the targets, shape [n]; copied
- n        - number of items, at most 61

  Errors: as `BrenierCheckpointCreate()`: `PETSC_ERR_FILE_UNEXPECTED`, `PETSC_ERR_FILE_OPEN`

  Cost: that of `BrenierCheckpointCreate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierRunSetCheckpoint(BrenierRun *run, const char path[], PetscReal interval,
                                                    const BrenierProblemItem item[], PetscInt n);

/* What is solved, as a checkpoint has to know it. All are borrowed. */
typedef struct {
  BrenierTargets given;   /* as given */
  BrenierTargets solved;  /* what the state of the solve is laid out as: those of the reduction, or as given */
  BrenierSource  source;  /* in the dimension of the targets as given */
  BrenierClasses classes; /* one map for each; NULL for one map */
} BrenierProblem;

/*@
  BrenierProblemFindCheckpoint - Makes the checkpoint of a problem, and finds what an earlier run of the same one left

  Collective on the targets' communicator

  Input Parameters:
+ problem  - the problem; its shape, and checksums of targets, weights, labels and source are items of their own
. path     - file of the checkpoint
. interval - time between two files; unit: s
. item     - what else must be the same for a run to continue, shape [n]; copied
- n        - number of items, at most 61

  Output Parameter:
. checkpoint - free with `BrenierCheckpointDestroy()`

  Errors: as `BrenierCheckpointCreate()`: `PETSC_ERR_FILE_UNEXPECTED`, `PETSC_ERR_FILE_OPEN`

  Cost: that of `BrenierCheckpointCreate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierProblemFindCheckpoint(const BrenierProblem *problem, const char path[],
                                                         PetscReal interval, const BrenierProblemItem item[],
                                                         PetscInt n, BrenierCheckpoint *checkpoint);

/*@
  BrenierProblemAnswerFinished - Answers for a checkpoint that says that its solve is finished: prints and logs how

  Collective on `comm`

  Input Parameters:
+ comm       - the checkpoint's communicator
. checkpoint - of phase BRENIER_PHASE_FINISHED
. path       - its file
- output     - the result file of that solve

  Output Parameter:
. outcome - its exit code

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - there is no such result

  Cost: opens the result file
@*/
PETSC_EXTERN PetscErrorCode BrenierProblemAnswerFinished(MPI_Comm comm, BrenierCheckpoint checkpoint, const char path[],
                                                         const char output[], BrenierExit *outcome);

/*@
  BrenierRunSolve - Solves, names the outcome, and writes the result file if one is asked for

  Collective on the targets' communicator

  Input Parameter:
. run - the run

  Output Parameter:
. outcome - exit code: BRENIER_EXIT_DONE, _TOLERANCE or _NUMERICAL with a result; BRENIER_EXIT_STOPPED with a checkpoint
            and without a result. When the checkpoint says that the solve is finished, the code of that, and the result
            is in its file alone: `run->outcome.h` is NULL

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - the start does not fit; the result of a finished solve is gone
. `PETSC_ERR_FILE_OPEN`       - the result cannot be written
- `PETSC_ERR_FP`              - targets on a line whose cells cannot be computed

  Cost: that of `BrenierSolveStart()` and `BrenierSolve()`, or of `BrenierSolveExact()`
@*/
PETSC_EXTERN PetscErrorCode BrenierRunSolve(BrenierRun *run, BrenierExit *outcome);

/*@
  BrenierRunDestroy - Frees a run, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. run - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierRunDestroy(BrenierRun **run);

/*@
  BrenierOutcomeWrite - Writes an outcome as a result file, whole or not at all

  Collective on the targets' communicator

  Input Parameters:
+ outcome - the outcome
- path    - file name

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierResultWrite()`

  Cost: that of `BrenierResultWrite()`
@*/
PETSC_EXTERN PetscErrorCode BrenierOutcomeWrite(const BrenierOutcome *outcome, const char path[]);

/*@
  BrenierOutcomeRead - Reads a result file whole

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the targets
- path - file name

  Output Parameters:
+ targets - free with `BrenierTargetsDestroy()`, after the outcome
- outcome - the result, without its history; free with `BrenierOutcomeDestroy()`

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierResultRead()`

  Cost: each rank reads its rows once; the rows pass by rank 0, which verifies their checksums
@*/
PETSC_EXTERN PetscErrorCode BrenierOutcomeRead(MPI_Comm comm, const char path[], BrenierTargets *targets,
                                               BrenierOutcome *outcome);

/*@
  BrenierOutcomeDestroy - Frees what an outcome owns, and zeroes it

  Collective on the targets' communicator

  Input/Output Parameter:
. outcome - the outcome; may be zeroed already

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierOutcomeDestroy(BrenierOutcome *outcome);

/*@
  BrenierMeasureHeights - Measures heights, in the coordinates in which targets differ: exactly where that can be,
  unless curves are asked for

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source in their dimension
. h       - heights, laid out as the targets; unit: source target
. seed    - names the sample; no solve draws from its stream
- curves  - size of the sample; 0: exact cells, or `BrenierHeldOutDefaultCurves()`

  Output Parameter:
. held_out - the measurement

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Cost: that of `BrenierReductionCreate()` and of `BrenierHeldOutMeasure()` or `BrenierHeldOutMeasureExact()`
@*/
PETSC_EXTERN PetscErrorCode BrenierMeasureHeights(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed,
                                                  PetscInt64 curves, BrenierHeldOut *held_out);

/*@
  BrenierReportHeldOut - Prints and logs a measurement

  Collective on `comm`

  Input Parameters:
+ comm     - whose context prints
. event    - name of the event in the log
- held_out - the measurement

  Errors: none of its own

  Cost: O(1), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierReportHeldOut(MPI_Comm comm, const char event[], const BrenierHeldOut *held_out);
