/*
  piecewise.h - The continuous extension of the map where targets span at most three dimensions.

  The map is constant on cells. Its extension takes the value y_i at the barycentre b_i of W_i and is linear on each
  simplex of a triangulation of the barycentres:
    T(x) = sum_k lambda_k y_(k)   for x = sum_k lambda_k b_(k) in the simplex of b_(0), ..., b_(d).
  So it is continuous, and where y_i = A b_i + c for all i it is x -> A x + c. A point outside the convex hull of the
  barycentres has the value of the nearest point of this hull; so T stays continuous, and in the convex hull of the
  targets.

  The triangulation is the dual of the power diagram, which joins cells that meet, with barycentres for vertices, where
  its simplices cover the convex hull of the barycentres once. Simplices whose orientation in the places of the
  barycentres is not that in the places of the targets are left out before; they lie along the border. Where the others
  overlap or leave gaps, as they usually do in three dimensions, it is the Delaunay triangulation of the barycentres.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef struct _p_BrenierPiecewise *BrenierPiecewise;

/* Which triangulation it is. */
typedef enum { BRENIER_TRIANGULATION_DUAL, BRENIER_TRIANGULATION_DELAUNAY } BrenierTriangulationKind;

/* Their names, in their order. */
PETSC_EXTERN const char *const BrenierTriangulationNames[];

/*@
  BrenierPiecewiseCreate - Makes the piecewise linear extension

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets; borrowed, must outlive the extension
. source     - the source
. h          - heights, laid out as the targets; unit: source target
- barycentre - of this rank's cells, shape [n_local, dim], NaN for unknown, which is left out; unit: source

  Output Parameter:
. piecewise - free with `BrenierPiecewiseDestroy()`

  Errors:
+ `PETSC_ERR_USER_INPUT`      - the targets span more than three dimensions, or fewer than they have under a source
                                x = m + L z
- `PETSC_ERR_FILE_UNEXPECTED` - the barycentres span fewer dimensions than the targets: there are too few cells

  Cost: two convex hulls of n points on one rank; some 16 n dim + 150 n bytes on every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierPiecewiseCreate(BrenierTargets targets, BrenierSource source, Vec h,
                                                   const PetscReal barycentre[], BrenierPiecewise *piecewise);

/*@
  BrenierPiecewiseKind - Tells which triangulation an extension has

  Not collective

  Input Parameter:
. piecewise - the extension

  Returns: the kind

  Cost: O(1)
@*/
PETSC_EXTERN BrenierTriangulationKind BrenierPiecewiseKind(BrenierPiecewise piecewise);

/*@
  BrenierPiecewiseApply - Evaluates the extension at points

  Not collective

  Input Parameters:
+ piecewise - the extension
. n         - number of points
. x         - points, shape [n, dim]; unit: source
- index     - a target near each point, such as that of its cell, shape [n]: where the search begins

  Output Parameter:
. code - T(x), shape [n, dim]; the same for any number of ranks; unit: target

  Errors: none of its own

  Cost: a few simplices a point where index is that of the cell; outside the convex hull O(number of targets)
@*/
PETSC_EXTERN PetscErrorCode BrenierPiecewiseApply(BrenierPiecewise piecewise, PetscInt n, const PetscReal x[],
                                                  const PetscInt64 index[], PetscReal code[]);

/*@
  BrenierPiecewiseDestroy - Frees an extension, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. piecewise - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierPiecewiseDestroy(BrenierPiecewise *piecewise);
