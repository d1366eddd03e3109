/*
  cell.h - Laguerre cells in dimension 2 and 3, exactly: the mass of a convex polygon or polyhedron under the source
  measure, its moments, and the measure of each of its facets. Plain C on arrays, without MPI and without PETSc.

  The Hessian of the dual is -facet_j / |a_j| off the diagonal when a_j = y_j - y_i.
*/
#pragma once

typedef enum {
  BRENIER_LAW_GAUSSIAN, // N(0, I)
  BRENIER_LAW_CUBE,     // uniform on [-1/2, 1/2]^dim
  BRENIER_LAW_CIRCLE    // uniform on the unit circle, dim = 2 only
} BrenierLaw;

/* Buffers that grow with the largest cell met; one for each thread. */
typedef struct BrenierCellWork BrenierCellWork;

typedef struct {
  double mass;      // mu(W)
  double moment[3]; // int_W x dmu
  double second[6]; // int_W x_a x_b dmu: xx, xy, yy in 2-D; xx, xy, xz, yy, yz, zz in 3-D
} BrenierCell;

/* NULL when out of memory. */
BrenierCellWork *BrenierCellWorkCreate(void);

/* NULL is accepted. */
void BrenierCellWorkDestroy(BrenierCellWork *work);

/*
  BrenierCellIntegrate - Integrates over W = { x : <x, a_j> <= b_j for all j < k }.

  law, dim  the source measure and its dimension, 2 or 3
  k, a, b   the constraints; a is [k * dim]. a_j = 0 is no constraint for b_j >= 0 and leaves nothing otherwise
  work      keeps the cell for BrenierCellVertices()
  cell      all zero for a cell without mass; what the dimension does not have is zero
  facet     [k]: the integral of the density over W cap { <x, a_j> = b_j }, a length or an area; of constraints that
            coincide only the first has it. For the circle each end point x(t) of an arc on line j counts
            |a_j| / (2 pi |d/dt <x(t), a_j>|)

  Returns 0, or nonzero when out of memory or when there is no such law. Never NaN for finite input.
*/
int BrenierCellIntegrate(BrenierLaw law, int dim, int k, const double a[], const double b[], BrenierCellWork *work,
                         BrenierCell *cell, double facet[]);

/*
  BrenierCellVertices - The vertices of the cell that BrenierCellIntegrate() met last, each with the constraints active
  at it, to find where a plane first touches. In 2-D in their order along the border, active_v = the edge before, the
  edge after, -1; in 3-D once for every facet that has it; on the circle the end points of the arcs.

  x       [n * dim], borrowed from work until its next use
  active  [n * 3], -1 for the border of the domain and for none

  Returns 0, or nonzero when out of memory.
*/
int BrenierCellVertices(const BrenierCellWork *work, int *n, const double **x, const int **active);
