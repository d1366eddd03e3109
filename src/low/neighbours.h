/*
  neighbours.h - Which Laguerre cells can meet: the edges of a regular triangulation.

  u(x) = max_i <x, y_i> + h_i is the Legendre transform of the largest convex function below the points (y_i, -h_i),
  whose graph is their lower convex hull. Planes i and j meet along a facet of the power diagram exactly when (y_i,
  -h_i) and (y_j, -h_j) span an edge of that hull. Reference: Aurenhammer, SIAM J. Comput. 16 (1987).

  The hull is Qhull's (Barber, Dobkin and Huhdanpaa, ACM Trans. Math. Softw. 22 (1996)), in double precision. Pairs too
  many do no harm: a cell is cut by all of them, exactly (cell.h). Pairs too few leave cells that overlap, whose masses
  sum to more than 1: whoever uses them checks that.
*/
#pragma once

#include <petscsys.h>

/* Neighbours of target i: other[start[i]] to other[start[i + 1] - 1], ascending, i not among them; symmetric. */
typedef struct {
  PetscInt  n;
  PetscInt *start; /* shape [n + 1] */
  PetscInt *other;
} BrenierNeighbours;

/* How they were found. */
typedef enum {
  BRENIER_NEIGHBOURS_HULL,
  BRENIER_NEIGHBOURS_ALL, /* every pair: few targets */
  BRENIER_NEIGHBOURS_NONE /* the hull failed, and targets are too many for every pair */
} BrenierNeighboursKind;

/*@
  BrenierNeighboursFind - Finds the pairs of targets that can meet

  Not collective

  Input Parameters:
+ dim - dimension, 1 to 3
. n   - number of targets
. y   - targets, shape [n, dim]
. h   - heights, shape [n]
- attempt - 0 for the edges of the hull, 1 for neighbours of neighbours too, more for every pair: when fewer were too
  few

  Output Parameters:
+ neighbours - free with `BrenierNeighboursFree()`; nothing when kind is BRENIER_NEIGHBOURS_NONE
- kind       - see above

  Notes: a plane that lies below u has no neighbours, or some that do no harm. Of 10^6 targets in the plane some 15 s
  and 1 GB; of 10^5 in space 6 s.
@*/
PetscErrorCode BrenierNeighboursFind(PetscInt dim, PetscInt n, const PetscReal y[], const PetscReal h[],
                                     PetscInt attempt, BrenierNeighbours *neighbours, BrenierNeighboursKind *kind);

PetscErrorCode BrenierNeighboursFree(BrenierNeighbours *neighbours);
