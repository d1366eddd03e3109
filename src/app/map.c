/* map.c - brenier map: where given points go, and the potentials there. */
#include "app.h"

#include <brenier/array.h>
#include <brenier/envelope.h>
#include <brenier/result.h>
#include <brenier/store.h>
#include <brenier/transport.h>

static const BrenierOption map_options[] = {
    {"-o", "FILE", "output file (needed): /index, /code, /potential u(x), /phi = |x|^2/2 - u(x)"}, {NULL, NULL, NULL}};

static PetscErrorCode WriteMap(const char path[], const BrenierArray *x, PetscInt64 index[], PetscReal u[],
                               const PetscReal code[])
{
  /* index, potential and phi beside the code */
  const PetscInt64 bytes = (PetscInt64)x->n * (x->dim + 3) * 8 + (1 << 20);
  PetscReal       *phi;
  BrenierStore     store;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(x->n_local, &phi));
  for (PetscInt i = 0; i < x->n_local; ++i) {
    const PetscReal *xi = x->value + (size_t)i * x->dim;

    phi[i] = 0.5 * BrenierDot((size_t)x->dim, xi, xi) - u[i];
  }
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, path, bytes, "brenier-map", &store));
  PetscCall(BrenierStoreWriteRows(store, "/index", BRENIER_I8, x->n_local, 0, index, "target, counted from 0"));
  PetscCall(BrenierStoreWriteRows(store, "/code", BRENIER_F8, x->n_local, x->dim, code, "same as the targets"));
  PetscCall(
      BrenierStoreWriteRows(store, "/potential", BRENIER_F8, x->n_local, 0, u, "source length times target length"));
  PetscCall(BrenierStoreWriteRows(store, "/phi", BRENIER_F8, x->n_local, 0, phi, "source length times target length"));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(PetscFree(phi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunMap(const char *const argument[], BrenierExit *outcome)
{
  char           output[PETSC_MAX_PATH_LEN];
  BrenierTargets targets;
  BrenierResult  result;
  BrenierArray   x;
  PetscInt64    *index;
  PetscReal     *u, *code;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(BrenierOptionText("-o", PETSC_TRUE, sizeof output, output, NULL));
  PetscCall(BrenierCheckOutput(output));
  PetscCall(BrenierResultRead(PETSC_COMM_WORLD, argument[0], &result, &targets, &h));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[1], BRENIER_ARRAY_POINTS, &x));
  PetscCheck(x.dim == targets->dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: points of dimension %" PetscInt_FMT ", but %s transports dimension %" PetscInt_FMT, argument[1],
             x.dim, argument[0], targets->dim);
  PetscCall(PetscMalloc3(x.n_local, &index, x.n_local, &u, (size_t)x.n_local * x.dim, &code));
  PetscCall(BrenierTransportApply(targets, h, x.n_local, x.value, index, u, code));
  PetscCall(WriteMap(output, &x, index, u, code));
  PetscCall(BrenierSay("mapped %" PetscInt_FMT " point%s; output in %s", x.n, BrenierPlural(x.n), output));
  PetscCall(BrenierLogEvent("map", "i points", (PetscInt64)x.n, "s output", output, NULL));
  PetscCall(PetscFree3(index, u, code));
  PetscCall(BrenierArrayDestroy(&x));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierTargetsDestroy(&targets));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_map = {
    "map", "RESULT.h5 POINTS", 2, "maps given source points to targets", map_options, RunMap, PETSC_FALSE, PETSC_FALSE};
