/* gather.c - Implements gather.h. */
#include <brenier/compat.h>

#include "gather.h"

PetscErrorCode BrenierGatherRows_Private(BrenierTargets t, PetscInt width, const PetscReal mine[], PetscReal all[])
{
  PetscMPIInt  size, here, *count, *offset;
  MPI_Datatype row;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(PetscMPIIntCast(t->n_local, &here));
  PetscCall(PetscMalloc2(size, &count, size, &offset));
  for (PetscMPIInt r = 0; r < size; ++r) {
    offset[r] = (PetscMPIInt)t->layout->range[r];
    count[r]  = (PetscMPIInt)(t->layout->range[r + 1] - t->layout->range[r]);
  }
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)width, MPIU_REAL, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(MPI_Allgatherv(mine, here, row, all, count, offset, row, t->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree2(count, offset));
  PetscFunctionReturn(PETSC_SUCCESS);
}
