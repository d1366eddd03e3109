/* rows.h - Private to src/data: distributed rows, brought to rank 0 in order and in slabs of bounded size. */
#pragma once

#include <petscsys.h>

/* Takes rows [first, first + n) on rank 0, in order; cannot fail: a sink notes its own faults. */
typedef void (*BrenierRowSink)(void *context, PetscInt64 first, PetscInt64 n, const void *rows);

/*
  BrenierRowsToRoot - Calls `sink` on rank 0 with all rows in rank order

  Collective on `comm`. Slabs have the same rows for any number of ranks (the last is shorter); at most 64 MB or one
  row. A rank sends a slab's part when it comes to it: rank 0 holds one slab, the others nothing besides their rows.
*/
PetscErrorCode BrenierRowsToRoot(MPI_Comm comm, PetscInt64 n_local, size_t row_bytes, const void *rows,
                                 BrenierRowSink sink, void *context);
