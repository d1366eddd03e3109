/* start.c - Implements start.h. */
#include "start.h"
#include "progress.h"

#include <math.h>
#include <string.h>

/* Another result, to start from. Its targets and barycentres are changed. */
typedef struct {
  const char       *name; /* what messages call it */
  BrenierTargets    targets;
  BrenierSource     source;
  BrenierConditions conditions;
  Vec               h;
  PetscReal        *barycentre; /* shape [its targets here, dim]; NaN where unknown */
} Other;

static PetscErrorCode ReadOther(MPI_Comm comm, const char path[], Other *other)
{
  BrenierResult about;
  PetscBool     found;

  PetscFunctionBegin;
  other->name = path;
  PetscCall(BrenierResultRead(comm, path, &about, &other->targets, &other->h));
  PetscCall(BrenierTargetsWiden(other->targets));
  other->source     = about.source;
  other->conditions = about.conditions;
  PetscCall(PetscMalloc1((size_t)other->targets->n_local * other->targets->dim, &other->barycentre));
  PetscCall(BrenierResultReadBarycentres(path, other->targets, other->barycentre, &found));
  for (size_t i = 0; !found && i < (size_t)other->targets->n_local * other->targets->dim; ++i)
    other->barycentre[i] = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CopyOther(const BrenierOutcome *o, Other *other)
{
  const BrenierTargets t        = o->targets;
  const size_t         n_values = (size_t)t->n_local * (size_t)t->dim;
  PetscReal           *y;

  PetscFunctionBegin;
  other->name       = "start";
  other->source     = BrenierSourceReference(o->about.source);
  other->conditions = o->about.conditions;
  PetscCall(PetscMalloc1(n_values, &y));
  PetscCall(PetscMalloc1(n_values, &other->barycentre));
  PetscCall(BrenierTargetsCopyCoordinates(t, y));
  PetscCall(PetscArraycpy(other->barycentre, o->barycentre.value, n_values));
  PetscCall(BrenierTargetsInCoordinates(t, t->dim, y, &other->targets));
  PetscCall(VecDuplicate(o->h, &other->h));
  PetscCall(VecCopy(o->h, other->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds <m, y_i> to heights, where the source is x = m + L z. */
static PetscErrorCode ShiftOther(BrenierReduction reduction, Other *other)
{
  const BrenierTargets before = other->targets;
  PetscReal           *projected, pairing;
  PetscScalar         *height;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(before->dim, &projected));
  PetscCall(VecGetArray(other->h, &height));
  for (PetscInt i = 0; i < before->n_local; ++i) {
    BrenierSourcePullBack(reduction->given, before->y + (size_t)i * (size_t)before->dim, projected, &pairing);
    height[i] += pairing;
  }
  PetscCall(VecRestoreArray(other->h, &height));
  PetscCall(PetscFree(projected));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes targets and barycentres to the coordinates of this run's. Where the source is x = m + L z, z of a barycentre is
   not known, as L may be singular. */
static PetscErrorCode ProjectOther(BrenierReduction reduction, Other *other)
{
  const PetscBool affine = BrenierSourceIsAffine(reduction->given);
  const PetscInt  n = other->targets->n_local, rank = reduction->rank;
  BrenierTargets  projected;
  PetscReal      *y, *b;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * rank, &y));
  PetscCall(PetscMalloc1((size_t)n * rank, &b));
  BrenierReductionProject(reduction, n, other->targets->y, y);
  if (!affine) BrenierReductionProject(reduction, n, other->barycentre, b);
  for (size_t i = 0; affine && i < (size_t)n * (size_t)rank; ++i) b[i] = NAN;
  PetscCall(BrenierTargetsInCoordinates(other->targets, rank, y, &projected));
  PetscCall(BrenierTargetsDestroy(&other->targets));
  PetscCall(PetscFree(other->barycentre));
  other->targets    = projected;
  other->barycentre = b;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Conditions scale coordinates, so that those of the start are to be of this run's weight. */
static PetscErrorCode CheckConditions(const BrenierRun *run, const Other *other)
{
  const BrenierConditions *here = &run->options.conditions, *there = &other->conditions;
  char                     number[2][BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  PetscCheck(here->columns == there->columns, run->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its conditions have %" PetscInt_FMT " columns, the given ones %" PetscInt_FMT
             " (0: none); leave out -start or give it a result with conditions like these",
             other->name, there->columns, here->columns);
  PetscCheck(here->weight == there->weight, run->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its conditions have the weight %s, the given ones %s; leave out -start or give -condition_weight %s",
             other->name, BrenierNumber(there->weight, number[0]), BrenierNumber(here->weight, number[1]),
             BrenierNumber(there->weight, number[0]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of another result: of the same targets, of targets that moved, or of others of their kind. */
static PetscErrorCode WarmStart(const BrenierRun *run, Vec h, BrenierStart *start)
{
  const BrenierOutcome *outcome = run->options.start_from;
  const BrenierTargets  given   = run->given;
  Other                 other   = {0};

  PetscFunctionBegin;
  PetscCall(outcome ? CopyOther(outcome, &other) : ReadOther(run->comm, run->options.start, &other));
  PetscCall(CheckConditions(run, &other));
  PetscCheck(other.targets->dim == given->dim, run->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its targets have dimension %" PetscInt_FMT ", the given ones %" PetscInt_FMT
             "; leave out -start or give it a result for targets of this dimension",
             other.name, other.targets->dim, given->dim);
  PetscCheck(!strcmp(BrenierSourceName(other.source), BrenierSourceName(run->source)), run->comm,
             PETSC_ERR_FILE_UNEXPECTED, "%s: its source is %s, not %s; leave out -start or give -source %s", other.name,
             BrenierSourceName(other.source), BrenierSourceName(run->source), BrenierSourceName(other.source));
  if (BrenierSourceIsAffine(run->outcome.about.source)) PetscCall(ShiftOther(run->reduction, &other));
  if (run->targets != given) PetscCall(ProjectOther(run->reduction, &other));
  PetscCall(BrenierSolveRestart(run->targets, run->source, &run->options.solve, other.targets, other.h,
                                other.barycentre, h, start));
  PetscCall(PetscFree(other.barycentre));
  PetscCall(VecDestroy(&other.h));
  PetscCall(BrenierSourceDestroy(&other.source));
  PetscCall(BrenierTargetsDestroy(&other.targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool BrenierRunHasStart_Private(const BrenierRun *run)
{
  return (PetscBool)(run->options.start_from || (run->options.start && run->options.start[0]));
}

PetscErrorCode BrenierRunFindStart_Private(BrenierRun *run)
{
  const BrenierRunOptions *r          = &run->options;
  BrenierCheckpoint        checkpoint = r->solve.checkpoint;
  const BrenierIteration  *row;
  PetscInt                 n;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase > BRENIER_PHASE_WARM_UP) {
    run->start.height_scale = BrenierCheckpointState(checkpoint)->height_scale;
    PetscCall(BrenierCheckpointGetLevels(checkpoint, BRENIER_MAX_LEVELS, &run->start.n_levels, run->start.level));
    PetscCall(BrenierCheckpointGet(checkpoint, &(BrenierSolveVectors){.h = run->outcome.h}));
    PetscCall(BrenierCheckpointHistory(checkpoint, &n, &row));
    for (PetscInt i = 0; i < n; ++i)
      PetscCall(BrenierRunAddIteration_Private(run->comm, &run->outcome.history, &row[i]));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (BrenierRunHasStart_Private(run)) ierr = WarmStart(run, run->outcome.h, &run->start);
  else ierr = BrenierSolveStart(run->targets, run->source, &r->solve, run->outcome.h, &run->start);
  if (ierr == BRENIER_STOPPED && !checkpoint) ierr = PETSC_SUCCESS; // the solve measures what there is
  if (ierr == BRENIER_STOPPED) {
    run->solved.stopped = BrenierStopAsked(run->comm);
    PetscCall(BrenierCheckpointWrite(checkpoint));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ierr);
  if (checkpoint) PetscCall(BrenierCheckpointSetLevels(checkpoint, run->start.n_levels, run->start.level));
  PetscFunctionReturn(PETSC_SUCCESS);
}
