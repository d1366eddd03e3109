/* duplicates.h - Private to targets.c: finding equal rows over all ranks. */
#pragma once

#include <brenier/coordinates.h>
#include <petscis.h>

/*
  BrenierMergeDuplicates_Private - Removes rows that equal an earlier row of any rank, and adds their weights to that
  row

  Collective on `comm`. layout: of the rows before. On return *n_local, y, nu and row are those of the remaining rows,
  in order; *n_merged is the number of removed rows of all ranks. Weights are summed in the order of the rows.
*/
PetscErrorCode BrenierMergeDuplicates_Private(MPI_Comm comm, PetscLayout layout, const BrenierMutablePoints *y,
                                              PetscInt *n_local, PetscReal nu[], PetscInt64 row[],
                                              PetscInt64 *n_merged);
