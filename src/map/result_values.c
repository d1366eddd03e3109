/* result_values.c - Implements result_impl.h. */
#include "result_impl.h"

#include <brenier/base.h>

PetscErrorCode BrenierResultCheckValues_Private(MPI_Comm comm, const char path[], PetscInt n, PetscInt64 first,
                                                const PetscInt64 file_row[], const PetscReal nu[], const PetscReal h[])
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i)
    if (!(nu[i] > 0.0) || PetscIsInfOrNanReal(h[i]))
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                      "%s: target %" PetscInt64_FMT " has weight %g and height %g; the file is damaged, solve again",
                      path, file_row ? file_row[i] : first + i, (double)nu[i], (double)h[i]);
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}
