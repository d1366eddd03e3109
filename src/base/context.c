/* context.c - Implements context.h: an attribute of the communicator, counted by the communicators that share it. */
#include "context_impl.h"

#include <brenier/compat.h>
#include <brenier/context.h>

#include <stdlib.h>
#include <unistd.h>

/* The name of the attribute; one for a process, as MPI has it. */
static int brenier_context_key = MPI_KEYVAL_INVALID;

static void Release(BrenierContext *context)
{
  if (--context->references > 0) return;
  if (context->log.descriptor >= 0) close(context->log.descriptor);
  if (context->device && context->close_device) context->close_device(context->device);
  free(context);
}

/* A duplicate shares the context. */
static int CopyAttribute(MPI_Comm comm, int key, void *extra, void *value, void *copy, int *does)
{
  (void)comm, (void)key, (void)extra;
  ++((BrenierContext *)value)->references;
  *(void **)copy = value;
  *does          = 1;
  return MPI_SUCCESS;
}

static int DeleteAttribute(MPI_Comm comm, int key, void *value, void *extra)
{
  (void)comm, (void)key, (void)extra;
  Release(value);
  return MPI_SUCCESS;
}

static PetscErrorCode FreeKey(void)
{
  PetscFunctionBegin;
  if (brenier_context_key != MPI_KEYVAL_INVALID) PetscCallMPI(MPI_Comm_free_keyval(&brenier_context_key));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierContext *BrenierContextGet_Private(MPI_Comm comm)
{
  void *context;
  int   found = 0;

  if (brenier_context_key == MPI_KEYVAL_INVALID) return NULL;
  if (MPI_Comm_get_attr(comm, brenier_context_key, (void *)&context, &found)) return NULL;
  return found ? context : NULL;
}

PetscErrorCode BrenierContextNeed_Private(MPI_Comm comm, BrenierContext **context)
{
  PetscFunctionBegin;
  *context = BrenierContextGet_Private(comm);
  PetscCheck(*context, comm, PETSC_ERR_ARG_WRONGSTATE, "the communicator has no context; call BrenierContextCreate()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Attaches a context, or removes it for NULL. MPI frees the former one. */
static PetscErrorCode Attach(MPI_Comm comm, BrenierContext *context)
{
  PetscFunctionBegin;
  if (context) {
    ++context->references;
    PetscCallMPI(MPI_Comm_set_attr(comm, brenier_context_key, context));
  } else if (BrenierContextGet_Private(comm)) PetscCallMPI(MPI_Comm_delete_attr(comm, brenier_context_key));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same for a communicator and the duplicate of it that PETSc has, maybe for long, for its objects. */
static PetscErrorCode AttachToBoth(MPI_Comm comm, BrenierContext *context)
{
  MPI_Comm inner;

  PetscFunctionBegin;
  PetscCall(Attach(comm, context));
  PetscCall(PetscCommDuplicate(comm, &inner, NULL));
  if (inner != comm) PetscCall(Attach(inner, context));
  PetscCall(PetscCommDestroy(&inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierContextCreate(MPI_Comm comm)
{
  BrenierContext *context;

  PetscFunctionBegin;
  if (brenier_context_key == MPI_KEYVAL_INVALID) {
    PetscCallMPI(MPI_Comm_create_keyval(CopyAttribute, DeleteAttribute, &brenier_context_key, NULL));
    PetscCall(PetscRegisterFinalize(FreeKey));
  }
  context = calloc(1, sizeof *context); // may outlive PETSc
  PetscCheck(context, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for a context");
  context->threads        = 1;
  context->log.descriptor = -1;
  PetscCall(AttachToBoth(comm, context));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierContextDestroy(MPI_Comm comm)
{
  PetscFunctionBegin;
  if (BrenierContextGet_Private(comm)) PetscCall(AttachToBoth(comm, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
