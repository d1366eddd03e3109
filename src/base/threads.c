/* threads.c - Implements threads.h. */
#include "context_impl.h"

#include <brenier/compat.h>
#include <brenier/threads.h>

PetscErrorCode BrenierThreadsSet(MPI_Comm comm, PetscInt n)
{
  BrenierContext *context;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  context->threads = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierThreads(MPI_Comm comm)
{
  const BrenierContext *context = BrenierContextGet_Private(comm);

  return context ? context->threads : 1;
}
