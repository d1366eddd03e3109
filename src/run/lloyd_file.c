/* lloyd_file.c - A step of lloyd.h to a checkpoint and back: its points, and for each source the group /map_S. */
#include "lloyd_impl.h"

#include <stdio.h>

enum { NAME_LENGTH = 64 };

/* A number of the measurement by the letter of its type. */
#define SET_i                           BrenierStoreSetInt
#define SET_r                           BrenierStoreSetReal
#define GET_i                           BrenierStoreGetInt
#define GET_r                           BrenierStoreGetReal
#define WRITE(type, name, member, text) PetscCall(SET_##type(store, group, #name, o->member));
#define READ(type, name, member, text)  PetscCall(GET_##type(store, group, #name, &o->member));

/* Numbers of a map, as in a result. */
static PetscErrorCode WriteNumbers(BrenierStore store, const char group[], const BrenierResult *about)
{
  const BrenierHeldOut *o = &about->held_out;

  PetscFunctionBegin;
  PetscCall(BrenierStoreAddGroup(store, group));
  BRENIER_HELD_OUT_NUMBERS(WRITE)
  PetscCall(BrenierStoreSetInt(store, group, "held_out_curves", o->curves));
  PetscCall(BrenierStoreSetInt(store, group, "seed", about->seed));
  PetscCall(BrenierStoreSetInt(store, group, "curves", about->curves));
  PetscCall(BrenierStoreSetInt(store, group, "one_pass_curves", about->one_pass_curves));
  PetscCall(BrenierStoreSetInt(store, group, "exact", about->exact));
  PetscCall(BrenierStoreSetText(store, group, "levels", about->levels));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadNumbers(BrenierStore store, const char group[], BrenierResult *about)
{
  BrenierHeldOut *o = &about->held_out;
  PetscInt64      exact;

  PetscFunctionBegin;
  BRENIER_HELD_OUT_NUMBERS(READ)
  PetscCall(BrenierStoreGetInt(store, group, "held_out_curves", &o->curves));
  PetscCall(BrenierStoreGetInt(store, group, "seed", &about->seed));
  PetscCall(BrenierStoreGetInt(store, group, "curves", &about->curves));
  PetscCall(BrenierStoreGetInt(store, group, "one_pass_curves", &about->one_pass_curves));
  PetscCall(BrenierStoreGetInt(store, group, "exact", &exact));
  PetscCall(BrenierStoreGetText(store, group, "levels", sizeof about->levels, about->levels));
  about->exact = (PetscBool)exact;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors of a map and the names of their datasets. */
enum { N_LLOYD_VECTORS = 3 };

static void VectorsOf(const BrenierOutcome *o, Vec v[N_LLOYD_VECTORS])
{
  v[0] = o->h;
  v[1] = o->mass;
  v[2] = o->mass_error;
}

static void NameOf(PetscInt s, const char what[], char name[NAME_LENGTH])
{
  snprintf(name, NAME_LENGTH, "/map_%" PetscInt_FMT "%s", s, what);
}

static const char *const vector_name[N_LLOYD_VECTORS] = {"/heights", "/mass", "/mass_error"};

static PetscErrorCode WriteStep(void *context, BrenierStore store)
{
  const struct _p_BrenierLloyd *l = context;
  const BrenierTargets          t = l->now.targets;
  Vec                           v[N_LLOYD_VECTORS];
  char                          name[NAME_LENGTH];

  PetscFunctionBegin;
  PetscCall(BrenierStoreSetInt(store, "/", "loop_step", l->now.step));
  PetscCall(BrenierStoreSetReal(store, "/", "loop_cost", l->now.cost));
  PetscCall(BrenierStoreSetReal(store, "/", "loop_rho", l->now.rho));
  PetscCall(BrenierStoreWriteRows(store, "/points", BRENIER_F8, t->n_local, t->dim, t->y, "source"));
  for (PetscInt s = 0; s < l->options.n_sources; ++s) {
    NameOf(s, "", name);
    PetscCall(WriteNumbers(store, name, &l->now.map[s].about));
    VectorsOf(&l->now.map[s], v);
    for (int i = 0; i < N_LLOYD_VECTORS; ++i) {
      NameOf(s, vector_name[i], name);
      PetscCall(BrenierStoreWriteVec(store, name, v[i], "as in a result"));
    }
    NameOf(s, "/barycenter", name);
    PetscCall(BrenierStoreWriteRows(store, name, BRENIER_F8, t->n_local, t->dim, l->now.map[s].barycentre.value,
                                    "as in a result"));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydSave_Private(BrenierLloyd l, PetscBool must)
{
  const PetscInt m   = l->options.n_sources;
  int            due = MPI_Wtime() - l->saved >= l->interval;
  PetscInt64     row;

  PetscFunctionBegin;
  if (!l->checkpoint || !l->now.targets) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Bcast(&due, 1, MPI_INT, 0, l->quiet));
  if (!due && !must) PetscFunctionReturn(PETSC_SUCCESS);
  row = 8 * (PetscInt64)((m + 1) * l->now.targets->dim + N_LLOYD_VECTORS * m);
  PetscCall(BrenierCheckpointSaveClasses(l->checkpoint, l->now.targets->n * row + (1 << 20), WriteStep, l));
  l->saved = MPI_Wtime();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The map of source s. */
static PetscErrorCode ReadMap(BrenierLloyd l, BrenierStore store, PetscInt s, BrenierOutcome *o)
{
  const BrenierTargets t = l->now.targets;
  Vec                  v[N_LLOYD_VECTORS];
  PetscScalar         *value;
  char                 name[NAME_LENGTH];

  PetscFunctionBegin;
  o->targets      = t;
  o->about.source = BrenierSourceReference(l->options.source[s]);
  NameOf(s, "", name);
  PetscCall(ReadNumbers(store, name, &o->about));
  PetscCall(BrenierTargetsCreateVec(t, &o->h));
  PetscCall(VecDuplicate(o->h, &o->mass));
  PetscCall(VecDuplicate(o->h, &o->mass_error));
  VectorsOf(o, v);
  for (int i = 0; i < N_LLOYD_VECTORS; ++i) {
    NameOf(s, vector_name[i], name);
    PetscCall(VecGetArrayWrite(v[i], &value));
    PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, t->first, t->n_local, value));
    PetscCall(VecRestoreArrayWrite(v[i], &value));
  }
  NameOf(s, "/barycenter", name);
  o->barycentre.dim = t->dim;
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim + 1, &o->barycentre.value));
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, t->first, t->n_local, o->barycentre.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydLoad_Private(BrenierLloyd l, BrenierStore store)
{
  BrenierLloydPoints  *now = &l->now;
  const BrenierTargets t   = l->first;
  PetscReal           *y;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim, &y));
  PetscCall(BrenierStoreReadRows(store, "/points", BRENIER_F8, t->first, t->n_local, y));
  PetscCall(BrenierTargetsInCoordinates(t, t->dim, y, &now->targets));
  PetscCall(BrenierTargetsDestroy(&l->first));
  PetscCall(BrenierLloydAllocate_Private(l, now));
  PetscCall(BrenierStoreGetInt(store, "/", "loop_step", &now->step));
  PetscCall(BrenierStoreGetReal(store, "/", "loop_cost", &now->cost));
  PetscCall(BrenierStoreGetReal(store, "/", "loop_rho", &now->rho));
  for (PetscInt s = 0; s < l->options.n_sources; ++s) PetscCall(ReadMap(l, store, s, &now->map[s]));
  PetscCall(BrenierLloydNext_Private(l, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}
