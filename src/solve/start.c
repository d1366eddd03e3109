/* start.c - Implements BrenierSolveStart() of solve.h: levels of clusters and the warm-up, for a cube by way of the
   Gaussian. */
#include <brenier/base.h>

#include "hierarchy.h"
#include "solve_run.h"
#include "time_plan.h"

/* L1 residual of the solution on circles: it is only a start for the cube, where its L1 error is some 0.1. */
static const PetscReal brenier_start_residual = 0.05;

/* Levels of clusters, unless a checkpoint was made after them, and the warm-up. */
static PetscErrorCode LevelsAndWarmUp(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options,
                                      PetscBool alone, Vec h, BrenierStart *start)
{
  const BrenierBudget budget     = BrenierSolveBudget_Private(t, source, options);
  BrenierCheckpoint   checkpoint = options->checkpoint;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_WARM_UP) {
    PetscCall(BrenierCheckpointGetLevels(checkpoint, BRENIER_MAX_LEVELS, &start->n_levels, start->level));
  } else {
    PetscCall(BrenierHierarchyStart(t, source, options, h, start));
    if (checkpoint) PetscCall(BrenierCheckpointSetLevels(checkpoint, start->n_levels, start->level));
  }
  PetscCall(BrenierWarmUp(t, source, options->seed, BrenierBudgetWarmUp_Private(&budget, alone), checkpoint, h,
                          &start->height_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Context of Newton on circles: the heights, and those of its last safe point. */
typedef struct {
  const BrenierSolveOptions *options;
  Vec                        h, saved;
} CubeStart;

/* Adds iterations of the start to the history. */
static PetscErrorCode MonitorStart(void *context, const BrenierIteration *now)
{
  const CubeStart *cube = context;

  PetscFunctionBegin;
  PetscCall(BrenierSolveRecord_Private(cube->options, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SaveCube(void *context, const BrenierNewtonState *state)
{
  CubeStart *cube = context;

  PetscFunctionBegin;
  (void)state;
  PetscCall(VecCopy(cube->h, cube->saved));
  PetscCall(BrenierStopHere(PetscObjectComm((PetscObject)cube->h)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Circles for the Gaussian of the cube's covariance. */
static PetscErrorCode StartCube(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options, Vec h,
                                BrenierStart *start)
{
  const PetscReal      deviation = BrenierSourceDeviation(source);
  CubeStart            cube      = {.options = options, .h = h};
  BrenierNewtonOptions newton    = options->newton;
  BrenierSource        gaussian;
  BrenierBudget        circles;
  BrenierDual          dual;
  BrenierIteration     last;
  BrenierReason        reason;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscCall(BrenierSourceCreate(t->comm, "gaussian", t->dim, deviation, &gaussian));
  circles                     = BrenierSolveBudget_Private(t, gaussian, options);
  newton.convergence.residual = PetscMax(newton.convergence.residual, brenier_start_residual);
  newton.monitor              = MonitorStart;
  newton.safe_point           = SaveCube;
  newton.context              = &cube;
  PetscCall(BrenierPrint(t->comm, "start: the same problem for the Gaussian with the covariance of the cube"));
  PetscCall(LevelsAndWarmUp(t, gaussian, options, PETSC_FALSE, h, start));
  PetscCall(BrenierDualCreate(t, gaussian, options->seed, BRENIER_STREAM_START,
                              2 * BrenierBudgetFirstStageCurves_Private(&circles), BRENIER_SAMPLE_BATCHES, &dual));
  PetscCall(VecDuplicate(h, &cube.saved));
  PetscCall(VecCopy(h, cube.saved));
  ierr = BrenierNewton(dual, t, &newton, h, &last, &reason);
  if (ierr == BRENIER_STOPPED) PetscCall(VecCopy(cube.saved, h));
  PetscCall(VecDestroy(&cube.saved));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(BrenierSourceDestroy(&gaussian));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveStart(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options, Vec h,
                                 BrenierStart *start)
{
  const BrenierBudget budget = BrenierSolveBudget_Private(t, source, options);

  PetscFunctionBegin;
  PetscCall(PetscMemzero(start, sizeof *start));
  if (!options->checkpoint) BrenierSolveReserve_Private(t, PETSC_INFINITY);
  if (!BrenierMethodFixesSample(options->method)) {
    PetscCall(VecZeroEntries(h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (BrenierBudgetStartsOnCircles_Private(&budget)) {
    PetscCall(StartCube(t, source, options, h, start));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(LevelsAndWarmUp(t, source, options, BrenierBudgetSkipsNewton_Private(&budget), h, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}
