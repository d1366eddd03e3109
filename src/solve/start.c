/* start.c - Implements BrenierSolveStart() of solve.h: levels of clusters and the warm-up, for a cube by way of the Gaussian. */
#include <brenier/base.h>

#include "hierarchy.h"
#include "solve_private.h"

/* Curves of the warm-up, in parts of those that the tolerance takes, before Newton and before passes at once; and a target, at
   most. */
static const PetscReal brenier_warm_part = 0.5, brenier_warm_part_alone = 1.0, brenier_warm_most = 2.0;

/* In fewer dimensions <x,y> is far from Gaussian for a uniform x, and a chord crosses many facets: it needs no circles. */
static const PetscInt brenier_circle_dim = 5;

/* The circles' solution is only a start for the cube: its own L1 error there is some 0.1. */
static const PetscReal brenier_start_residual = 0.05;

/* Curves of the warm-up a target, as asked for, or by default a part of those that the tolerance takes. */
static PetscReal WarmUpCurves(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                              PetscReal part)
{
  if (options->warm_up >= 0.0) return options->warm_up;
  return PetscMin(part * BrenierExpectedCurves_Private(source, t->n, options) / t->n, brenier_warm_most);
}

/* Levels of clusters, unless a checkpoint was made after them, and the warm-up. */
static PetscErrorCode LevelsAndWarmUp(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                      PetscReal part, Vec h, BrenierStart *start)
{
  BrenierCheckpoint checkpoint = options->checkpoint;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_WARM_UP) {
    PetscCall(BrenierCheckpointGetLevels(checkpoint, BRENIER_MAX_LEVELS, &start->n_levels, start->level));
  } else {
    PetscCall(BrenierHierarchyStart(t, source, options, h, start));
    if (checkpoint) PetscCall(BrenierCheckpointSetLevels(checkpoint, start->n_levels, start->level));
  }
  PetscCall(
      BrenierWarmUp(t, source, options->seed, WarmUpCurves(t, source, options, part), checkpoint, h, &start->length));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What Newton's iterations on circles are told to, and the heights of the last safe point. */
typedef struct {
  const BrenierSolveOptions *options;
  Vec                        h, kept;
} CubeStart;

/* Iterations of the start are part of the history. */
static PetscErrorCode MonitorStart(void *context, const BrenierIteration *now)
{
  const CubeStart *cube = context;

  PetscFunctionBegin;
  PetscCall(BrenierSolveTell_Private(cube->options, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KeepCube(void *context, const BrenierNewtonState *state)
{
  CubeStart *cube = context;

  PetscFunctionBegin;
  (void)state;
  PetscCall(VecCopy(cube->h, cube->kept));
  PetscCall(BrenierStopHere(PetscObjectComm((PetscObject)cube->h)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Circles for the Gaussian of the cube's covariance. */
static PetscErrorCode StartCube(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                Vec h, BrenierStart *start)
{
  const PetscReal      deviation = BrenierSourceDeviation(source);
  CubeStart            cube      = {.options = options, .h = h};
  BrenierNewtonOptions newton    = options->newton;
  BrenierSource        gaussian;
  BrenierDual          dual;
  BrenierIteration     last;
  BrenierNewtonReason  reason;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  PetscCall(BrenierSourceCreate(BRENIER_SOURCE_GAUSSIAN, t->dim, deviation, &gaussian));
  newton.residual   = PetscMax(newton.residual, brenier_start_residual);
  newton.monitor    = MonitorStart;
  newton.safe_point = KeepCube;
  newton.context    = &cube;
  PetscCall(BrenierPrint(t->comm, "start: great circles for the Gaussian of the cube's covariance"));
  PetscCall(LevelsAndWarmUp(t, &gaussian, options, brenier_warm_part, h, start));
  PetscCall(BrenierDualCreate(t, &gaussian, options->seed, BRENIER_STREAM_START,
                              2 * BrenierFirstCurves_Private(&gaussian, t->n), BRENIER_NOISE_BATCHES, &dual));
  PetscCall(VecDuplicate(h, &cube.kept));
  PetscCall(VecCopy(h, cube.kept));
  ierr = BrenierNewton(dual, t, &newton, h, &last, &reason);
  if (ierr == BRENIER_STOPPED) PetscCall(VecCopy(cube.kept, h));
  PetscCall(VecDestroy(&cube.kept));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveStart(BrenierTargets t, const BrenierSource *source, const BrenierSolveOptions *options,
                                 Vec h, BrenierStart *start)
{
  const PetscBool at_once = BrenierPassesAtOnce_Private(t, source, options);

  PetscFunctionBegin;
  PetscCall(PetscMemzero(start, sizeof *start));
  if (!options->checkpoint) BrenierSolveReserve_Private(t, PETSC_INFINITY);
  if (!BrenierMethodFixesSample(options->method)) {
    PetscCall(VecZeroEntries(h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_CHORD && t->dim >= brenier_circle_dim) {
    PetscCall(StartCube(t, source, options, h, start));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(LevelsAndWarmUp(t, source, options, at_once ? brenier_warm_part_alone : brenier_warm_part, h, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}
