/* codes.c - Implements codes.h. */
#include "codes.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>

PetscErrorCode BrenierCoderCreate(PetscInt p, PetscInt d, BrenierCoder *coder)
{
  PetscFunctionBegin;
  coder->p = p;
  coder->d = d;
  PetscCall(PetscMalloc2(p, &coder->mean, (size_t)d * (size_t)p, &coder->component));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCoderDestroy(BrenierCoder *coder)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(coder->mean, coder->component));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierCoderSlab(const BrenierCoder *coder)
{
  return PetscMax(1, (1 << 20) / coder->p);
}

PetscBool BrenierToSingle(size_t count, const PetscReal x[], float y[])
{
  PetscBool fits = PETSC_TRUE;

  for (size_t i = 0; i < count; ++i) {
    if (PetscAbsReal(x[i]) > (PetscReal)FLT_MAX) fits = PETSC_FALSE;
    else y[i] = (float)x[i];
  }
  return fits;
}

PetscErrorCode BrenierSetOrigin(BrenierStore store, const char input[], PetscInt64 bytes, PetscInt64 hash)
{
  char text[17];

  PetscFunctionBegin;
  snprintf(text, sizeof text, "%016" PRIx64, (uint64_t)hash);
  PetscCall(BrenierStoreSetText(store, "/", "software", "brenier"));
  PetscCall(BrenierStoreSetText(store, "/", "version", BRENIER_VERSION));
  PetscCall(BrenierStoreSetText(store, "/", "input", input));
  PetscCall(BrenierStoreSetInt(store, "/", "input_bytes", bytes));
  PetscCall(BrenierStoreSetText(store, "/", "input_xxh3", text));
  PetscFunctionReturn(PETSC_SUCCESS);
}
