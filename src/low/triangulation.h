/*
  triangulation.h - Regular triangulations of points in one to three dimensions, and which simplex a point is in.

  The lower convex hull of the points (p_i, -h_i) projects on a triangulation of the convex hull of the p_i, the regular
  triangulation of (p, h): the dual of the power diagram of the planes <x, p_i> + h_i. Points strictly above that hull
  are no vertices of it. With h_i = -|p_i|^2 / 2 it is the Delaunay triangulation. References: Aurenhammer, SIAM J.
  Comput. 16 (1987); Edelsbrunner, Geometry and Topology for Mesh Generation (2001).

  The hull is Qhull's, as in neighbours.h. A simplex is found by a walk: from a simplex to the one across the facet
  beyond which the point lies farthest. In a regular triangulation such a walk ends (Devillers, Pion and Teillaud,
  Int. J. Found. Comput. Sci. 13 (2002)); where it is too long, all simplices are searched.
*/
#pragma once

#include <petscsys.h>

enum { BRENIER_MOST_CORNERS = 4 };

typedef struct {
  PetscInt         dim, n, n_simplices;
  const PetscReal *point;  /* shape [n, dim]; borrowed */
  PetscInt        *vertex; /* shape [n_simplices, dim + 1] */
  PetscInt *across; /* simplex beyond the facet without vertex k, -1 at the border; shape [n_simplices, dim + 1] */
  PetscInt *of;     /* a simplex that has the point, -1 for none; shape [n] */
} BrenierTriangulation;

/* A point as a mean of vertices. */
typedef struct {
  PetscInt  vertex[BRENIER_MOST_CORNERS]; /* the first dim + 1 */
  PetscReal weight[BRENIER_MOST_CORNERS]; /* not negative, of sum 1 */
  PetscBool inside; /* whether it is the point itself; else it is the nearest point of the border */
} BrenierPlaceInside;

/*@
  BrenierTriangulationCreate - Makes the regular triangulation of points with heights

  Collective on `comm`: rank 0 finds it, all get it

  Input Parameters:
+ comm - the ranks
. dim  - dimension, 1 to 3
. n    - number of points
. p    - points, shape [n, dim], the same on all ranks; borrowed
- h    - heights, shape [n], the same on all ranks; NULL for the Delaunay triangulation

  Output Parameter:
. t - free with `BrenierTriangulationFree()`; without simplices where the points do not span the dimensions

  Cost: that of `BrenierNeighboursFind()`; some 150 bytes a point on every rank
@*/
PetscErrorCode BrenierTriangulationCreate(MPI_Comm comm, PetscInt dim, PetscInt n, const PetscReal p[],
                                          const PetscReal h[], BrenierTriangulation *t);

PetscErrorCode BrenierTriangulationFree(BrenierTriangulation *t);

/* Moves the points to q, shape [n, dim], borrowed, and keeps the simplices that keep their orientation. */
PetscErrorCode BrenierTriangulationMove(const PetscReal q[], BrenierTriangulation *t);

/* Volume of simplex s, not negative; and of all of them. */
PetscReal BrenierTriangulationVolume(const BrenierTriangulation *t, PetscInt s);
PetscReal BrenierTriangulationSize(const BrenierTriangulation *t);

/* Finds where x is, beginning at the simplex of point `near`, or anywhere if it has none. Outside the convex hull of
   the points: the nearest point of its border. Not collective. The same for any number of ranks. */
void BrenierTriangulationLocate(const BrenierTriangulation *t, PetscInt near, const PetscReal x[],
                                BrenierPlaceInside *place);
