/* ring.c - Implements ring.h. */
#include <brenier/compat.h>

#include "ring.h"

enum { BRENIER_RING_TAG = 17 };

PetscErrorCode BrenierRingCreate(MPI_Comm comm, PetscInt n_rows, size_t width, PetscBool changes, BrenierRing *ring)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(ring, sizeof *ring));
  ring->comm    = comm;
  ring->width   = width;
  ring->changes = changes;
  ring->step    = -1;
  PetscCallMPI(MPI_Comm_rank(comm, &ring->rank));
  PetscCallMPI(MPI_Comm_size(comm, &ring->size));
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)width, MPIU_REAL, &ring->row_type));
  PetscCallMPI(MPI_Type_commit(&ring->row_type));
  PetscCall(PetscMalloc1(ring->size, &ring->n_rows));
  PetscCallMPI(MPI_Allgather(&n_rows, 1, MPIU_INT, ring->n_rows, 1, MPIU_INT, comm));
  for (PetscMPIInt r = 0; r < ring->size; ++r) ring->max_rows = PetscMax(ring->max_rows, ring->n_rows[r]);
  for (int i = 0; i < (ring->size > 1 ? 2 : 1); ++i)
    PetscCall(PetscMalloc1((size_t)ring->max_rows * width, &ring->block[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rank whose block is held in a step. */
static PetscMPIInt Owner(const BrenierRing *ring, PetscMPIInt step)
{
  return (ring->rank - step % ring->size + ring->size) % ring->size;
}

/* Starts passing the current block on and receiving the one of the next step. */
static PetscErrorCode Pass(BrenierRing *ring)
{
  const PetscMPIInt next = (ring->rank + 1) % ring->size, last = (ring->rank + ring->size - 1) % ring->size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Irecv(ring->block[!ring->current], (PetscMPIInt)ring->n_rows[Owner(ring, ring->step + 1)],
                         ring->row_type, last, BRENIER_RING_TAG, ring->comm, &ring->request[0]));
  PetscCallMPI(MPI_Isend(ring->block[ring->current], (PetscMPIInt)ring->n_rows[Owner(ring, ring->step)], ring->row_type,
                         next, BRENIER_RING_TAG, ring->comm, &ring->request[1]));
  ring->bytes +=
      (PetscLogDouble)ring->n_rows[Owner(ring, ring->step)] * (PetscLogDouble)(ring->width * sizeof(PetscReal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Arrive(BrenierRing *ring)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Waitall(2, ring->request, MPI_STATUSES_IGNORE));
  ring->current = !ring->current;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRingStep(BrenierRing *ring, PetscBool *more, PetscMPIInt *owner, PetscInt *n, PetscReal **row)
{
  const PetscBool worked = (PetscBool)(ring->step >= 0);
  const PetscBool passes = (PetscBool)(ring->size > 1 && (ring->changes || ring->step < ring->size - 1));

  PetscFunctionBegin;
  if (worked && passes) {
    if (ring->changes) PetscCall(Pass(ring));
    PetscCall(Arrive(ring));
  }
  ++ring->step;
  *more = (PetscBool)(ring->step < ring->size);
  if (!*more) {
    ring->step = -1;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *owner = Owner(ring, ring->step);
  *n     = ring->n_rows[*owner];
  *row   = ring->block[ring->current];
  if (ring->size > 1 && !ring->changes && ring->step < ring->size - 1) PetscCall(Pass(ring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRingDestroy(BrenierRing *ring)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(ring->n_rows));
  PetscCall(PetscFree(ring->block[0]));
  PetscCall(PetscFree(ring->block[1]));
  if (ring->size) PetscCallMPI(MPI_Type_free(&ring->row_type));
  PetscFunctionReturn(PETSC_SUCCESS);
}
