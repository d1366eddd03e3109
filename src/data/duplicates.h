/* duplicates.h - Private to targets.c: finding equal rows over all ranks. */
#pragma once

#include <petscis.h>

/*
  BrenierMergeDuplicates_Private - Drops rows that equal an earlier row of any rank and adds their weights to it

  Collective on `comm`. layout: rows as they are now. On return *n_local, y, nu and row hold what is left, in order;
  *n_merged counts what was dropped over all ranks. Sums of weights are taken in row order.
*/
PetscErrorCode BrenierMergeDuplicates_Private(MPI_Comm comm, PetscLayout layout, PetscInt dim, PetscInt *n_local,
                                              PetscReal y[], PetscReal nu[], PetscInt64 row[], PetscInt64 *n_merged);
