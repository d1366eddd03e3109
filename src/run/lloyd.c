/* lloyd.c - Implements lloyd.h: the loop. */
#include "lloyd_impl.h"

#include <brenier/threads.h>

#include <stdio.h>
#include <string.h>

/* Items of a checkpoint, of which the loop has two and the problem three of its own. */
enum { MOST_LLOYD_ITEMS = 61, OWN_ITEMS = 2 };

/* A copy of the targets on another communicator of the same ranks. */
static PetscErrorCode CopyTargets(BrenierTargets from, MPI_Comm comm, BrenierTargets *to)
{
  const size_t n = (size_t)from->n_local, values = n * (size_t)from->dim;
  PetscReal   *y, *nu;
  PetscInt64  *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(values, &y));
  PetscCall(PetscMalloc1(n, &nu));
  PetscCall(PetscMalloc1(n, &row));
  PetscCall(PetscArraycpy(y, from->y, values));
  PetscCall(PetscArraycpy(nu, from->nu, n));
  PetscCall(PetscArraycpy(row, from->row, n));
  PetscCall(BrenierTargetsCreateFromArrays(comm, from->n_local, from->dim, y, nu, row, to));
  (*to)->n_merged   = from->n_merged;
  (*to)->weight_sum = from->weight_sum;
  (*to)->file_bytes = from->file_bytes;
  (*to)->hash       = from->hash;
  PetscCall(PetscStrncpy((*to)->path, from->path, sizeof from->path));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydCreate(BrenierTargets targets, const BrenierLloydOptions *options, BrenierLloyd *lloyd)
{
  BrenierLloyd l;

  PetscFunctionBegin;
  PetscCall(PetscNew(&l));
  l->options = *options;
  l->given   = targets;
  PetscCallMPI(MPI_Comm_dup(targets->comm, &l->quiet));
  PetscCall(BrenierContextCreate(l->quiet));
  PetscCall(BrenierThreadsSet(l->quiet, BrenierThreads(targets->comm)));
  PetscCall(BrenierStopSetup(l->quiet, options->max_time, options->stop_file));
  PetscCall(PetscCommDuplicate(l->quiet, &l->inner, NULL));
  PetscCall(CopyTargets(targets, l->quiet, &l->first));
  *lloyd = l;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Odd, so that it loses no bit. */
static const uint64_t brenier_hash_factor = 0x9e3779b97f4a7c15;

/* Name, parameters and weight of a source. */
static uint64_t HashOfSource(BrenierSource source, PetscReal lambda)
{
  PetscInt64 parameters;
  uint64_t   hash, bits;

  BrenierSourceHash(source, &parameters);
  memcpy(&bits, &lambda, sizeof bits);
  hash = (uint64_t)parameters * brenier_hash_factor + bits;
  for (const char *c = BrenierSourceName(source); *c; ++c) hash = hash * brenier_hash_factor + (unsigned char)*c;
  return hash;
}

PetscErrorCode BrenierLloydSetCheckpoint(BrenierLloyd l, const char path[], PetscReal interval,
                                         const BrenierProblemItem item[], PetscInt n, PetscBool *finished)
{
  const BrenierLloydOptions *o             = &l->options;
  const BrenierProblem       problem       = {.given = l->given, .solved = l->given, .source = o->source[0]};
  BrenierProblemItem all[MOST_LLOYD_ITEMS] = {{.name = "number of sources"}, {.name = "all sources and their weights"}};
  uint64_t           sum                   = 0;

  PetscFunctionBegin;
  PetscCheck(n <= MOST_LLOYD_ITEMS - OWN_ITEMS, l->given->comm, PETSC_ERR_ARG_OUTOFRANGE, "too many items");
  for (PetscInt s = 0; s < o->n_sources; ++s)
    sum = sum * brenier_hash_factor + HashOfSource(o->source[s], o->lambda[s]);
  snprintf(all[0].value, sizeof all->value, "%" PetscInt_FMT, o->n_sources);
  snprintf(all[1].value, sizeof all->value, "%016llx", (unsigned long long)sum);
  for (PetscInt i = 0; i < n; ++i) all[OWN_ITEMS + i] = item[i];
  PetscCall(BrenierProblemFindCheckpoint(&problem, path, interval, all, n + OWN_ITEMS, &l->checkpoint));
  l->interval = interval;
  l->saved    = MPI_Wtime();
  *finished   = (PetscBool)(BrenierCheckpointState(l->checkpoint)->phase == BRENIER_PHASE_FINISHED);
  if (BrenierCheckpointStore(l->checkpoint))
    PetscCall(BrenierLloydLoad_Private(l, BrenierCheckpointStore(l->checkpoint)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydAnswerFinished(BrenierLloyd l, const char path[], const char output[], BrenierExit *outcome)
{
  PetscFunctionBegin;
  PetscCall(BrenierProblemAnswerFinished(l->given->comm, l->checkpoint, path, output, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The points of the next step, and the maps to them. Where the cost does not fall, or a stop comes, the last points
   stay. */
static PetscErrorCode Step(BrenierLloyd l, PetscBool *falls, PetscBool *stopped)
{
  BrenierLloydPoints *now = &l->now, trial = {0};
  const PetscBool     first = (PetscBool)!now->targets;

  PetscFunctionBegin;
  if (first) {
    trial.targets = l->first;
    l->first      = NULL;
  } else {
    trial.step = now->step + 1;
    PetscCall(BrenierTargetsInCoordinates(now->targets, now->targets->dim, now->next, &trial.targets));
    now->next = NULL; // the targets' from here on
  }
  PetscCall(BrenierLloydSolve_Private(l, now, &trial, stopped));
  PetscCheck(*stopped || !first || trial.cost < PETSC_INFINITY, l->given->comm, PETSC_ERR_FP,
             "%s: the solve for the map to the first points failed; try other first points, or -curves",
             l->given->path);
  *falls = (PetscBool)(!*stopped && (first || trial.cost < now->cost));
  if (*falls) {
    PetscCall(BrenierLloydFree_Private(l, now));
    *now = trial;
  } else if (first) PetscCall(BrenierLloydFree_Private(l, &trial));
  else {
    PetscCall(BrenierTargetsTakeCoordinates(trial.targets, &now->next));
    PetscCall(BrenierLloydFree_Private(l, &trial));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydRun(BrenierLloyd l, BrenierLloydReason *reason)
{
  const BrenierLloydOptions *o     = &l->options;
  PetscBool                  falls = PETSC_TRUE, stopped = PETSC_FALSE;

  PetscFunctionBegin;
  while (1) {
    const BrenierLloydPoints *now = &l->now;

    if (now->targets && now->move <= o->move_tol * BrenierDistance(now->cost)) *reason = BRENIER_LLOYD_CONVERGED;
    else if (now->targets && now->step >= o->max_steps) *reason = BRENIER_LLOYD_MAX_STEPS;
    else {
      PetscCall(Step(l, &falls, &stopped));
      if (falls) {
        if (o->monitor) PetscCall(o->monitor(o->context, now));
        PetscCall(BrenierLloydSave_Private(l, PETSC_FALSE));
        continue;
      }
      *reason = stopped ? BRENIER_LLOYD_STOPPED : BRENIER_LLOYD_NO_FALL;
    }
    break;
  }
  if (stopped) PetscCall(BrenierLloydSave_Private(l, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierLloydPoints *BrenierLloydPointsOf(BrenierLloyd l)
{
  return l->now.targets ? &l->now : NULL;
}

const char *BrenierLloydStopText(BrenierLloyd l)
{
  return BrenierStopText(l->quiet, BrenierStopAsked(l->quiet));
}

PetscErrorCode BrenierLloydWrite(BrenierLloyd l, PetscInt s, const char path[], const char status[],
                                 BrenierExit outcome)
{
  BrenierOutcome *o = &l->now.map[s];

  PetscFunctionBegin;
  o->history.n = 0;
  PetscCall(PetscStrncpy(o->about.status, status, sizeof o->about.status));
  PetscCall(BrenierOutcomeWrite(o, path));
  if (l->checkpoint) PetscCall(BrenierCheckpointFinish(l->checkpoint, outcome, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydDestroy(BrenierLloyd *lloyd)
{
  BrenierLloyd l = *lloyd;

  PetscFunctionBegin;
  if (!l) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierCheckpointDestroy(&l->checkpoint));
  PetscCall(BrenierLloydFree_Private(l, &l->now));
  PetscCall(BrenierTargetsDestroy(&l->first));
  PetscCall(PetscCommDestroy(&l->inner));
  PetscCall(BrenierContextDestroy(l->quiet));
  PetscCallMPI(MPI_Comm_free(&l->quiet));
  PetscCall(PetscFree(*lloyd));
  PetscFunctionReturn(PETSC_SUCCESS);
}
