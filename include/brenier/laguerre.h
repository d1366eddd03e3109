/*
  laguerre.h - Exact Laguerre cells in up to three dimensions: masses, facets and moments at given heights.

  Let N(i) be the neighbours of target i in the power diagram of (y_j, h_j) (src/low/neighbours.h). Then
    W_i = { x : <x, y_j - y_i> <= h_i - h_j, j in N(i) }
  is a polygon or polyhedron. Its mass, its first two moments and the measures of its facets are computed to rounding
  under the Gaussian, the uniform law of the cube, and that of the circle (src/low/cell.h). In one dimension cells are
  intervals of a coordinate of a sphere (src/low/interval.h). So the energy
    E(h) = sum_i <y_i, int_{W_i} x dmu> + h_i w_i - nu_i h_i,
  its gradient w - nu and its Hessian H_ij = - mu_{d-1}(W_i cap W_j) / |y_i - y_j| are exact. Nothing here is sampled.
  Where heights have low parts (heights.h), h_i - h_j has as many right digits as any double, however small it is.

  If a neighbour is missing, two cells overlap and the masses sum to more than 1. So the excess over 1 bounds the error
  of every mass. Every rank holds all targets and heights, which is possible in such low dimension. One rank finds the
  neighbours; cells are distributed over ranks and threads. Masses are the same for any number of either.

  References: Kitagawa, Merigot and Thibert, J. Eur. Math. Soc. 21 (2019); Merigot, Comput. Graph. Forum 30 (2011).
*/
#pragma once

#include <petscmat.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef struct _p_BrenierLaguerre *BrenierLaguerre;

/* Results of an evaluation besides the masses. */
typedef struct {
  PetscReal  energy;  /* E(h); unit source target */
  PetscReal  excess;  /* sum of the masses - 1 */
  PetscInt64 n_empty; /* cells without mass, or with less than a billionth of their weight */
  PetscInt64 n_facets;
  PetscBool  sound; /* whether neighbours were found and the masses sum to 1; else masses are not to be used */
} BrenierLaguerreValue;

/*@
  BrenierLaguerreKnows - Tells whether exact cells of a source can be computed for a number of targets

  Not collective

  Input Parameters:
+ source    - the source
- n_targets - number of targets

  Returns: true for a source with exact integrals in its dimension, up to 4,000,000 targets in two dimensions and
  500,000 in three

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierLaguerreKnows(BrenierSource source, PetscInt n_targets);

/*@
  BrenierLaguerreCreate - Prepares exact cells

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets, in three dimensions at most; borrowed, must outlive the cells
- source  - a source of which `BrenierLaguerreKnows()` the cells

  Output Parameter:
. laguerre - free with `BrenierLaguerreDestroy()`

  Errors: `PETSC_ERR_ARG_OUTOFRANGE` - the cells of the source are not known

  Cost: 8 n (dim + 2) bytes on every rank; some 150 (plane) or 500 (space) bytes a target over all ranks
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreCreate(BrenierTargets targets, BrenierSource source,
                                                  BrenierLaguerre *laguerre);

/*@
  BrenierLaguerreEvaluate - Computes all cells at heights h

  Collective on the targets' communicator

  Input Parameters:
+ laguerre - the cells; stores facets and moments until the next evaluation
- h        - heights, finite, with low parts or without, laid out as the targets; unit: source target

  Output Parameters:
+ mass  - cell masses, laid out as the targets; 0 when they are not sound; unit: 1
- value - the other results, the same on all ranks; a hull that fails is an outcome, not an error

  Errors: `PETSC_ERR_SUP` - more facets than 32-bit indices hold

  Cost: a convex hull of n points on one rank; O(n / P) integrals; 8 n bytes of heights, or 16 n, go to every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreEvaluate(BrenierLaguerre laguerre, Vec h, Vec mass,
                                                    BrenierLaguerreValue *value);

/*@
  BrenierLaguerreAt - Makes cells and evaluates them at heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the cells
. source  - the source
- h       - heights, finite, laid out as the targets; unit: source target

  Output Parameters:
+ mass     - cell masses, laid out as the targets, or NULL; unit: 1
. energy   - E(h); unit: source target
- laguerre - free with `BrenierLaguerreDestroy()`; NULL when the cells of the source are not known, or not sound

  Errors: `PETSC_ERR_SUP` - more facets than 32-bit indices hold

  Cost: that of `BrenierLaguerreCreate()` and `BrenierLaguerreEvaluate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreAt(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                              PetscReal *energy, BrenierLaguerre *laguerre);

/*@
  BrenierLaguerreReuse - Sets whether evaluations try the neighbours of the last hull before they compute a new one

  Not collective; all ranks have to set alike

  Input Parameters:
+ laguerre - the cells
- reuses   - true to try them

  Cost: O(1)

  Notes: A new hull is computed when masses do not sum to 1 within 2e-14 with the old neighbours, or when a target had
  none. Near a solution that saves the hulls. A cell that is missed then has a mass below 2e-14.
@*/
PETSC_EXTERN void BrenierLaguerreReuse(BrenierLaguerre laguerre, PetscBool reuses);

/*@
  BrenierLaguerreHessian - Assembles the Hessian of E at the heights of the last evaluation

  Collective on the targets' communicator

  Input Parameter:
. laguerre - the cells, evaluated and sound

  Output Parameter:
. hessian - MATAIJ, rows laid out as the targets, symmetric, rows summing to zero, in units of 1/(source target); rows
            of empty cells are zero; the caller destroys it

  Errors: none of its own

  Cost: O(facets) operations; a transpose of the matrix
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreHessian(BrenierLaguerre laguerre, Mat *hessian);

/*@
  BrenierLaguerreBarycentres - Gives the barycentres of this rank's cells

  Not collective

  Input Parameter:
. laguerre - the cells, evaluated and sound

  Output Parameter:
. barycentre - barycentres, shape [n_local, dim]; NaN for cells without mass; unit: source

  Errors: none of its own

  Cost: O(n_local dim)
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreBarycentres(BrenierLaguerre laguerre, PetscReal barycentre[]);

/*@
  BrenierLaguerrePower - Gives the exponent p of the mass of a cell that is about to vanish, w ~ (h - h_0)^p

  Not collective

  Input Parameter:
. laguerre - the cells

  Returns: the dimension; 1/2 on the circle, which a plane touches at one point first; unit: 1

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierLaguerrePower(BrenierLaguerre laguerre);

/*@
  BrenierLaguerreSecondMoments - Gives int x x^T dmu over each of this rank's cells

  Not collective

  Input Parameter:
. laguerre - the cells, evaluated and sound

  Returns: second moments, shape [n_local, 6]: xx, xy, yy or xx, xy, xz, yy, yz, zz; borrowed until the next evaluation;
  unit: source^2

  Cost: O(1)
@*/
PETSC_EXTERN const PetscReal *BrenierLaguerreSecondMoments(BrenierLaguerre laguerre);

/*@
  BrenierLaguerreLift - Computes the gaps of empty cells, and the rise beyond them that gives the cells a wanted mass

  Collective on the targets' communicator

  Input Parameters:
+ laguerre - the cells, evaluated and sound
. mass     - the masses of that evaluation, laid out as the targets; unit: 1
- part     - mass that a raised cell is to have, in parts of its weight, above 0; unit: 1

  Output Parameters:
+ gap     - least u - f_i of each empty cell, 0 of the others, laid out as the targets; unit: source target
. beyond  - rise beyond the gap that gives a cell about that mass, if it is raised alone, laid out as the targets; unit:
            source target
. host    - of an empty cell the nearest target about where its plane touches u, -1 of the others, shape [n_local]
- n_empty - number of empty cells

  Errors: none of its own

  Cost: O(empty cells times vertices near them), spread over the ranks; 8 n bytes on every rank

  Notes: Raising every plane by its gap lowers the energy by sum nu_i gap_i.
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreLift(BrenierLaguerre laguerre, Vec mass, PetscReal part, Vec gap, Vec beyond,
                                                PetscInt host[], PetscInt64 *n_empty);

/*@
  BrenierLaguerreDestroy - Frees cells, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. laguerre - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreDestroy(BrenierLaguerre *laguerre);
