/* source_file.c - Sources in files: implements BrenierSourceSave() and BrenierSourceLoad() of source.h. */
#include "store_impl.h"

#include <brenier/base.h>
#include <brenier/source.h>

PetscErrorCode BrenierSourceSave(BrenierSource source, BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(BrenierStoreSetText(store, "/", "source", BrenierSourceName(source)));
  PetscCall(BrenierStoreSetReal(store, "/", "source_scale", BrenierSourceScale(source)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceLoad(BrenierStore store, PetscInt dim, BrenierSource *source)
{
  char      name[64];
  PetscReal scale;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetText(store, "/", "source", sizeof name, name));
  PetscCall(BrenierStoreGetReal(store, "/", "source_scale", &scale));
  PetscCheck(BrenierSourceLeastDim(name) < PETSC_MAX_INT, store->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: unknown source '%s'; it was written by another version of Brenier", store->path, name);
  PetscCall(BrenierSourceCreate(store->comm, name, dim, scale, source));
  PetscFunctionReturn(PETSC_SUCCESS);
}
