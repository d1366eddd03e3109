/*
  ring.h - Rows that visit every rank: in step s, rank r holds the block of rank r - s (mod size).

  Double buffered: while a block is worked on, it is on its way to the next rank already. A block that the ranks change
  as it passes travels after the work, and comes home at the end.
*/
#pragma once

#include <petscsys.h>

typedef struct {
  /* parameters */
  MPI_Comm     comm;
  PetscMPIInt  rank, size;
  size_t       width;   /* numbers in a row */
  PetscBool    changes; /* whether ranks change what passes */
  MPI_Datatype row_type;
  /* layout */
  PetscInt *n_rows; /* of each rank's block, shape [size] */
  PetscInt  max_rows;
  /* data */
  PetscReal *block[2]; /* shape [max_rows, width] */
  /* status */
  int            current;
  PetscMPIInt    step;
  PetscLogDouble bytes; /* sent by this rank so far */
  MPI_Request    request[2];
} BrenierRing;

/* Collective. The caller fills row 0 to n_rows - 1 of ring->block[ring->current] before each round. */
PetscErrorCode BrenierRingCreate(MPI_Comm comm, PetscInt n_rows, size_t width, PetscBool changes, BrenierRing *ring);

/*
  BrenierRingStep - Hands out the next block of a round

  Collective. Returns *more = PETSC_FALSE after the last; otherwise the block's rows, their number and their owner. Call
  it again when done with the block. With `changes`, the own block is back in ring->block[ring->current] at the end of
  the round.
*/
PetscErrorCode BrenierRingStep(BrenierRing *ring, PetscBool *more, PetscMPIInt *owner, PetscInt *n, PetscReal **row);

PetscErrorCode BrenierRingDestroy(BrenierRing *ring);
