/*
  lloyd.h - Lloyd's algorithm with optimal transport: n points with given weights that approximate one measure, or the
  Wasserstein barycentre of several.

  Let mu_s be sources with weights lambda_s, sum lambda_s = 1. Points Y = (y_i) with weights nu_i have the cost
    F(Y) = sum_s lambda_s W2^2(mu_s, sum_i nu_i delta_{y_i}) / 2.
  One step solves for the transport map of each source to the points. Let b_i^s be the barycentre of cell i of map s.
  The step moves each point to the mean of its barycentres,
    y_i' = sum_s lambda_s b_i^s.
  The cells of the old maps carry mu_s to the new points as well, at the cost F(Y) - sum_i nu_i |y_i - y_i'|^2 / 2. The
  optimal cost is not above it, so
    F(Y') <= F(Y) - move^2 / 2,   move^2 = sum_i nu_i |y_i - y_i'|^2.
  The gradient of F is nu_i (y_i - y_i'), so points that no step moves are a critical point of F, though not always the
  least one.

  With one source this is quantisation with given weights (de Goes, Breeden, Ostromoukhov and Desbrun, ACM Trans. Graph.
  31 (2012)); with several it is the free-support barycentre (Claici, Chien and Solomon, ICML 2018).

  Where cells are not exact, all steps use one sample of C curves. F is that of the sample. It falls at every step until
  the moves reach the residual of the solves. A step after which F has not fallen is rejected, and the loop ends.

    BrenierLloydCreate()         the first points
    BrenierLloydSetCheckpoint()  if there is one: what an earlier run left
    BrenierLloydRun()            the steps
    BrenierLloydWrite()          the result file
    BrenierLloydDestroy()
*/
#pragma once

#include <brenier/run.h>

/* Points and the maps to them. */
typedef struct {
  BrenierTargets  targets; /* the points; owned */
  BrenierOutcome *map;     /* of each source, shape [n_sources] */
  PetscInt64      step;    /* number of steps that led here */
  PetscReal       cost;    /* F */
  PetscReal       move;    /* root-mean-square distance to the points of the next step */
  PetscReal       rho;     /* largest held-out rho of the maps */
  PetscReal      *next;    /* the points of the next step, shape [n_local, dim] */
} BrenierLloydPoints;

/* Why a loop ended. */
typedef enum {
  BRENIER_LLOYD_CONVERGED, /* the move is below its tolerance */
  BRENIER_LLOYD_NO_FALL,   /* F does not fall any more */
  BRENIER_LLOYD_MAX_STEPS,
  BRENIER_LLOYD_STOPPED
} BrenierLloydReason;

/* What is asked of a loop. Sources and texts are borrowed. */
typedef struct {
  BrenierRunOptions    run; /* of each solve; its source, start, output and tolerance are the loop's */
  PetscInt             n_sources;
  const BrenierSource *source;    /* in the dimension of the points, shape [n_sources] */
  const PetscReal     *lambda;    /* their weights, positive, with sum 1, shape [n_sources] */
  PetscReal            move_tol;  /* ends when move <= move_tol sqrt(2 F) */
  PetscInt64           max_steps; /* most steps */
  PetscReal            max_time;  /* 0: no limit; unit: s */
  const char          *stop_file; /* "" for none */
  PetscErrorCode (*monitor)(void *context, const BrenierLloydPoints *); /* called after each step; NULL for none */
  void *context;                                                        /* handed to it */
} BrenierLloydOptions;

typedef struct _p_BrenierLloyd *BrenierLloyd;

/*@
  BrenierLloydCreate - Prepares a loop

  Collective on the targets' communicator

  Input Parameters:
+ targets - the first points, with their weights; borrowed, must outlive the loop
- options - what is asked; copied, its arrays and texts are borrowed

  Output Parameter:
. lloyd - free with `BrenierLloydDestroy()`

  Errors: none of its own

  Cost: copies of the targets

  Notes: The solves run on a duplicate of the communicator, whose context prints and logs nothing.
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydCreate(BrenierTargets targets, const BrenierLloydOptions *options,
                                               BrenierLloyd *lloyd);

/*@
  BrenierLloydSetCheckpoint - Makes the checkpoint of a loop, and finds what an earlier run of the same loop left

  Collective on the targets' communicator

  Input Parameters:
+ lloyd    - the loop
. path     - file of the checkpoint
. interval - time between two files; unit: s
. item     - what must be the same for a run to continue, besides points and sources, shape [n]; copied
- n        - number of items, at most 59

  Output Parameter:
. finished - whether the earlier run came to its end: `BrenierLloydAnswerFinished()` answers then

  Errors: as `BrenierProblemFindCheckpoint()`, and `PETSC_ERR_FILE_UNEXPECTED` for a state that does not fit

  Cost: that of `BrenierProblemFindCheckpoint()`; reads the points and maps of the last step

  Notes: The file holds a step as a whole. What a stop cuts short of the next step is done again.
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydSetCheckpoint(BrenierLloyd lloyd, const char path[], PetscReal interval,
                                                      const BrenierProblemItem item[], PetscInt n, PetscBool *finished);

/*@
  BrenierLloydAnswerFinished - Answers for a checkpoint that says that its loop is finished: prints and logs how

  Collective on the targets' communicator

  Input Parameters:
+ lloyd  - the loop, whose checkpoint is finished
. path   - its file
- output - the result file of that loop

  Output Parameter:
. outcome - its exit code

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - there is no such result

  Cost: opens the result file
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydAnswerFinished(BrenierLloyd lloyd, const char path[], const char output[],
                                                       BrenierExit *outcome);

/*@
  BrenierLloydRun - Makes steps until the points hardly move, the cost does not fall, or a limit is reached

  Collective on the targets' communicator

  Input Parameter:
. lloyd - the loop

  Output Parameter:
. reason - why it ended; after BRENIER_LLOYD_STOPPED the checkpoint, if there is one, is written

  Errors:
+ `PETSC_ERR_USER_INPUT` - as `BrenierRunCreate()`
- `PETSC_ERR_FP`         - as `BrenierRunSolve()`; the map to the first points could not be found

  Cost: a `BrenierRunSolve()` for each step and source, from the heights of the step before
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydRun(BrenierLloyd lloyd, BrenierLloydReason *reason);

/*@
  BrenierLloydPointsOf - Gives the points of the last step

  Not collective

  Input Parameter:
. lloyd - the loop

  Returns: the points and maps, borrowed; NULL when a stop came before the first maps

  Cost: O(1)
@*/
PETSC_EXTERN const BrenierLloydPoints *BrenierLloydPointsOf(BrenierLloyd lloyd);

/*@
  BrenierLloydStopText - Says who asked to stop

  Not collective

  Input Parameter:
. lloyd - the loop, which ended with BRENIER_LLOYD_STOPPED

  Returns: words that follow "stopped: "

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierLloydStopText(BrenierLloyd lloyd);

/*@
  BrenierLloydWrite - Writes the last points, and the map of one source to them, as a result file; ends the checkpoint

  Collective on the targets' communicator

  Input Parameters:
+ lloyd  - the loop
. s      - number of the source
. path   - file name
. status - status of the result
- outcome - exit code, for the checkpoint

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierResultWrite()`

  Cost: that of `BrenierResultWrite()`

  Notes: The history of the result is empty, as each step had its own.
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydWrite(BrenierLloyd lloyd, PetscInt s, const char path[], const char status[],
                                              BrenierExit outcome);

/*@
  BrenierLloydDestroy - Frees a loop, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. lloyd - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierLloydDestroy(BrenierLloyd *lloyd);
