/*
  class_rows.h - Rows of targets and of cells, in the order of the input and by classes.

  The input lies over the ranks in contiguous blocks. A rank gets the rows of its classes once, at the beginning; the
  numbers of their cells wait with it until all ranks meet and return them to the order of the input.
*/
#pragma once

#include <brenier/classes.h>
#include <brenier/targets.h>

/* Numbers of the cells of rows, one for each row. */
typedef struct {
  PetscReal *height; /* NaN in a row that is a duplicate of another one, and before its class is done */
  PetscReal *nu, *mass, *mass_error;
  float     *barycentre; /* shape [rows, dim] */
} CellRows;

typedef struct {
  /* parameters */
  BrenierTargets input; /* rows as read, nothing merged; their nu are the weights as given; owned */
  PetscBool      weighted;
  BrenierClasses classes; /* borrowed */
  /* data */
  PetscInt   *begin;            /* of class k in y and weight, -1 where it is not here; shape [n_classes] */
  PetscReal  *y, *weight;       /* rows of the classes here, class after class; NULL on one rank, which has the input */
  CellRows    cells;            /* of the rows of the input here */
  PetscInt    n_away, capacity; /* rows of other ranks that wait to be returned */
  PetscInt64 *away;
  CellRows    waiting;
} ClassRows;

/* Takes targets and weights as read; brings the rows of the classes of this rank, or its part of those of all ranks,
   unless they are done. `weights` may be NULL. Collective on the world. */
PetscErrorCode BrenierClassRowsCreate(BrenierArray *points, const BrenierArray *weights, BrenierClasses classes,
                                      ClassRows *rows);

/* Brings the rows. Collective on the world. */
PetscErrorCode BrenierClassRowsFetch(ClassRows *rows, const PetscMPIInt owner[], const PetscBool done[]);

/* The rows of class k as arrays of `comm`, which is this rank alone or all of them; weights of NULL where there are
   none. `path` names targets and class in messages. Collective on `comm`. */
PetscErrorCode BrenierClassRowsGet(const ClassRows *rows, MPI_Comm comm, PetscInt k, BrenierArray *points,
                                   BrenierArray *weights);

/* The numbers of one cell. */
typedef struct {
  PetscReal        height, nu, mass, mass_error;
  const PetscReal *barycentre; /* shape [dim] */
} OneCell;

/* Puts the numbers of a cell in the place of its row of the input. Not collective. */
PetscErrorCode BrenierClassRowsPut(ClassRows *rows, PetscInt64 row, const OneCell *cell);

/* Returns all that waits to the ranks of the input. Collective on the world. */
PetscErrorCode BrenierClassRowsReturn(ClassRows *rows);

/* Frees what is in it. Collective on the world. */
PetscErrorCode BrenierClassRowsDestroy(ClassRows *rows);
