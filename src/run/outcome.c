/* outcome.c - Implements the outcome of run.h: to a file, and back. */
#include <brenier/run.h>
#include <brenier/store.h>

#include <math.h>

const char *const BrenierCellsNames[] = {"curves", "exact", NULL};

PetscErrorCode BrenierOutcomeWrite(const BrenierOutcome *o, const char path[])
{
  BrenierHistory table = {.n_columns = BRENIER_ITERATION_COLUMNS, .columns = BrenierIterationNames};
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(o->targets->comm, &rank));
  table.n   = rank == 0 ? o->history.n : 0;
  table.row = (const PetscReal *)o->history.row;
  PetscCall(BrenierResultWrite(path, &o->about, o->targets, o->h, o->mass, o->mass_error, &o->barycentre, &table));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A held-out number by the letter of its type. */
#define GET_i                          BrenierStoreGetInt
#define GET_r                          BrenierStoreGetReal
#define READ(type, name, member, text) PetscCall(GET_##type(store, "/", #name, &measured->member));

/* What BrenierResultRead() leaves out: numbers, masses and their errors. */
static PetscErrorCode ReadRest(BrenierTargets t, const char path[], BrenierOutcome *o)
{
  BrenierHeldOut *measured = &o->about.held_out;
  BrenierStore    store;
  char            cells[16];
  PetscScalar    *mass, *error;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(t->comm, path, "brenier-result", &store));
  BRENIER_HELD_OUT_NUMBERS(READ)
  PetscCall(BrenierStoreGetInt(store, "/", "held_out_curves", &measured->curves));
  PetscCall(BrenierStoreGetText(store, "/", "cells", sizeof cells, cells));
  PetscCall(PetscSNPrintf(o->about.options, sizeof o->about.options, "read from %s", path));
  o->about.exact = (PetscBool)(cells[0] == BrenierCellsNames[BRENIER_CELLS_EXACT][0]);
  PetscCall(VecGetArrayWrite(o->mass, &mass));
  PetscCall(VecGetArrayWrite(o->mass_error, &error));
  PetscCall(BrenierStoreReadRows(store, "/mass", BRENIER_F8, t->first, t->n_local, mass));
  PetscCall(BrenierStoreReadRows(store, "/mass_error", BRENIER_F8, t->first, t->n_local, error));
  PetscCall(VecRestoreArrayWrite(o->mass, &mass));
  PetscCall(VecRestoreArrayWrite(o->mass_error, &error));
  PetscCall(BrenierStoreDestroy(&store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOutcomeRead(MPI_Comm comm, const char path[], BrenierTargets *targets, BrenierOutcome *o)
{
  BrenierTargets t;
  PetscBool      found;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(o, sizeof *o));
  PetscCall(BrenierResultRead(comm, path, &o->about, targets, &o->h));
  PetscCall(BrenierTargetsWiden(*targets));
  t          = *targets;
  o->targets = t;
  PetscCall(VecDuplicate(o->h, &o->mass));
  PetscCall(VecDuplicate(o->h, &o->mass_error));
  o->barycentre.dim = t->dim;
  PetscCall(PetscMalloc1((size_t)t->n_local * t->dim, &o->barycentre.value));
  PetscCall(ReadRest(t, path, o));
  PetscCall(BrenierResultReadBarycentres(path, t, o->barycentre.value, &found));
  for (size_t i = 0; !found && i < (size_t)t->n_local * t->dim; ++i) o->barycentre.value[i] = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOutcomeDestroy(BrenierOutcome *o)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(o->history.row));
  PetscCall(PetscFree(o->barycentre.value));
  PetscCall(PetscFree(o->barycentre.single));
  PetscCall(VecDestroy(&o->h));
  PetscCall(VecDestroy(&o->mass));
  PetscCall(VecDestroy(&o->mass_error));
  PetscCall(BrenierSourceDestroy(&o->about.source));
  PetscCall(PetscMemzero(o, sizeof *o));
  PetscFunctionReturn(PETSC_SUCCESS);
}
