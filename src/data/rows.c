/* rows.c - Implements rows.h by point-to-point messages, one for each rank that holds a part of a slab. */
#include "rows.h"

#include <brenier/compat.h>

static const PetscInt64 brenier_slab_bytes = 64 << 20;

/* Where everybody's rows begin; `begin` has one entry more than there are ranks. Known on all ranks. */
static PetscErrorCode RowOffsets(MPI_Comm comm, PetscInt64 n_local, PetscInt64 **begin)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc1(size + 1, begin));
  (*begin)[0] = 0;
  PetscCallMPI(MPI_Allgather(&n_local, 1, MPIU_INT64, *begin + 1, 1, MPIU_INT64, comm));
  for (PetscMPIInt r = 0; r < size; ++r) (*begin)[r + 1] += (*begin)[r];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows that slab [first, last) shares with rank r. */
static PetscInt64 Overlap(const PetscInt64 begin[], PetscMPIInt r, PetscInt64 first, PetscInt64 last, PetscInt64 *start)
{
  const PetscInt64 end = PetscMin(begin[r + 1], last);

  *start = PetscMax(begin[r], first);
  return PetscMax(end - *start, 0);
}

/* Rank 0 receives the parts of slab [first, last); its own part is copied. */
static PetscErrorCode FillSlab(MPI_Comm comm, PetscMPIInt tag, const PetscInt64 begin[], PetscInt64 first,
                               PetscInt64 last, size_t row_bytes, const char *mine, char *slab)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  for (PetscMPIInt r = 0; r < size && begin[r] < last; ++r) {
    PetscInt64       start;
    const PetscInt64 n = Overlap(begin, r, first, last, &start);

    if (n == 0) continue;
    if (r == 0) PetscCall(PetscMemcpy(slab, mine + (size_t)start * row_bytes, (size_t)n * row_bytes));
    else
      PetscCallMPI(MPI_Recv(slab + (size_t)(start - first) * row_bytes, (PetscMPIInt)((size_t)n * row_bytes), MPI_BYTE,
                            r, tag, comm, MPI_STATUS_IGNORE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another rank sends its part of slab [first, last). */
static PetscErrorCode SendPart(MPI_Comm comm, PetscMPIInt tag, PetscMPIInt rank, const PetscInt64 begin[],
                               PetscInt64 first, PetscInt64 last, size_t row_bytes, const char *mine)
{
  PetscInt64       start;
  const PetscInt64 n = Overlap(begin, rank, first, last, &start);

  PetscFunctionBegin;
  if (n > 0)
    PetscCallMPI(MPI_Send(mine + (size_t)(start - begin[rank]) * row_bytes, (PetscMPIInt)((size_t)n * row_bytes),
                          MPI_BYTE, 0, tag, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRowsToRoot(MPI_Comm comm, PetscInt64 n_local, size_t row_bytes, const void *rows,
                                 BrenierRowSink sink, void *context)
{
  MPI_Comm    inner;
  PetscMPIInt rank, size, tag;
  PetscInt64 *begin;
  PetscInt64  at_once, n;
  char       *slab = NULL;

  PetscFunctionBegin;
  // A slab of one row must still fit in one message
  PetscCheck(row_bytes <= PETSC_MPI_INT_MAX, comm, PETSC_ERR_ARG_OUTOFRANGE, "Rows of %zu bytes are too long",
             row_bytes);
  PetscCall(PetscCommDuplicate(comm, &inner, &tag));
  PetscCallMPI(MPI_Comm_rank(inner, &rank));
  PetscCallMPI(MPI_Comm_size(inner, &size));
  PetscCall(RowOffsets(inner, n_local, &begin));
  n       = begin[size];
  at_once = PetscMax(brenier_slab_bytes / (PetscInt64)row_bytes, 1);
  if (rank == 0) PetscCall(PetscMalloc1((size_t)PetscMin(at_once, n) * row_bytes, &slab));
  for (PetscInt64 first = 0; first < n; first += at_once) {
    const PetscInt64 last = PetscMin(first + at_once, n);

    if (rank == 0) {
      PetscCall(FillSlab(inner, tag, begin, first, last, row_bytes, (const char *)rows, slab));
      sink(context, first, last - first, slab);
    } else PetscCall(SendPart(inner, tag, rank, begin, first, last, row_bytes, (const char *)rows));
  }
  PetscCall(PetscFree(slab));
  PetscCall(PetscFree(begin));
  PetscCall(PetscCommDestroy(&inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}
