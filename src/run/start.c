/* start.c - Implements start.h. */
#include "start.h"
#include "progress.h"

#include <math.h>
#include <string.h>

/* The targets of another result and the barycentres of their cells, in the coordinates of this one's. */
static PetscErrorCode ProjectOther(BrenierReduction reduction, BrenierTargets *before, PetscReal **barycentre)
{
  const PetscInt n = (*before)->n_local, rank = reduction->rank;
  BrenierTargets projected;
  PetscReal     *y, *nu, *b;
  PetscInt64    *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * rank, &y));
  PetscCall(PetscMalloc1((size_t)n * rank, &b));
  PetscCall(PetscMalloc1(n, &nu));
  PetscCall(PetscMalloc1(n, &row));
  BrenierReductionProject(reduction, n, (*before)->y, y);
  BrenierReductionProject(reduction, n, *barycentre, b);
  PetscCall(PetscArraycpy(nu, (*before)->nu, n));
  PetscCall(PetscArraycpy(row, (*before)->row, n));
  PetscCall(BrenierTargetsCreateFromArrays((*before)->comm, n, rank, y, nu, row, &projected));
  PetscCall(BrenierTargetsDestroy(before));
  PetscCall(PetscFree(*barycentre));
  *before     = projected;
  *barycentre = b;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of another result: of the same targets, of targets that moved, or of others of their kind. */
static PetscErrorCode WarmStart(const char path[], const BrenierRun *run, Vec h, BrenierStart *start)
{
  const BrenierTargets given  = run->given;
  BrenierSource        source = run->source;
  BrenierResult        other;
  BrenierTargets       before;
  PetscReal           *barycentre;
  PetscBool            found;
  Vec                  old;

  PetscFunctionBegin;
  PetscCall(BrenierResultRead(run->comm, path, &other, &before, &old));
  PetscCheck(before->dim == given->dim, run->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its targets have dimension %" PetscInt_FMT ", the given ones %" PetscInt_FMT
             "; leave out -start or give it a result for targets of this dimension",
             path, before->dim, given->dim);
  PetscCheck(!strcmp(BrenierSourceName(other.source), BrenierSourceName(source)), run->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its source is %s, not %s; leave out -start or give -source %s", path, BrenierSourceName(other.source),
             BrenierSourceName(source), BrenierSourceName(other.source));
  PetscCall(PetscMalloc1((size_t)before->n_local * before->dim, &barycentre));
  PetscCall(BrenierResultReadBarycentres(path, before, barycentre, &found));
  if (!found)
    for (size_t i = 0; i < (size_t)before->n_local * before->dim; ++i) barycentre[i] = NAN;
  if (run->reduction->basis) PetscCall(ProjectOther(run->reduction, &before, &barycentre));
  PetscCall(BrenierSolveRestart(run->targets, source, &run->options.solve, before, old, barycentre, h, start));
  PetscCall(PetscFree(barycentre));
  PetscCall(VecDestroy(&old));
  PetscCall(BrenierSourceDestroy(&other.source));
  PetscCall(BrenierTargetsDestroy(&before));
  PetscFunctionReturn(PETSC_SUCCESS);
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
  if (r->start && r->start[0]) ierr = WarmStart(r->start, run, run->outcome.h, &run->start);
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
