/*
  laguerre.h - Exact Laguerre cells in two and three dimensions: masses, facets and moments at given heights.

  With N(i) the neighbours of target i in the power diagram of (y_j, h_j) (src/low/neighbours.h),
    W_i = { x : <x, y_j - y_i> <= h_i - h_j, j in N(i) }
  is a polygon or polyhedron, and its mass, its first two moments and the measures of its facets under the Gaussian, the
  uniform law of the cube or that of the circle are known to rounding (src/low/cell.h). So are the energy
    E(h) = sum_i <y_i, int_{W_i} x dmu> + h_i w_i - nu_i h_i,
  its gradient w - nu and its Hessian H_ij = - mu_{d-1}(W_i cap W_j) / |y_i - y_j|: nothing here is sampled.

  A neighbour that is missing makes two cells overlap, and their masses sum to more than 1, whichever it is: the excess
  bounds the error of every mass. Targets and heights are on every rank, which suits dimensions as low as these; one
  rank finds the neighbours; cells are spread over ranks and threads. The same masses for any number of either.

  References: Kitagawa, Merigot and Thibert, J. Eur. Math. Soc. 21 (2019); Merigot, Comput. Graph. Forum 30 (2011).
*/
#pragma once

#include <petscmat.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef struct _p_BrenierLaguerre *BrenierLaguerre;

/* What one evaluation says besides the masses. */
typedef struct {
  PetscReal  energy;  /* E(h) */
  PetscReal  excess;  /* sum of the masses - 1 */
  PetscInt64 n_empty; /* cells without mass, or with less than a billionth of their weight */
  PetscInt64 n_facets;
  PetscBool  sound; /* neighbours were found and the masses sum to 1: else they are not to be used */
} BrenierLaguerreValue;

/* Whether cells are known exactly for a source as targets of some number see it. Not collective. */
PETSC_EXTERN PetscBool BrenierLaguerreKnows(BrenierSource source, PetscInt n_targets);

/*@
  BrenierLaguerreCreate - Prepares exact cells

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets, in two or three dimensions; borrowed, must outlive the cells
- source  - a source that BrenierLaguerreKnows()

  Output Parameter:
. laguerre - free with `BrenierLaguerreDestroy()`

  Notes: memory 8 n (dim + 1) bytes on every rank, some 150 (plane) or 500 (space) bytes a target over all ranks.
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreCreate(BrenierTargets targets, BrenierSource source,
                                                  BrenierLaguerre *laguerre);

/*@
  BrenierLaguerreEvaluate - All cells at heights h

  Collective on the targets' communicator

  Input Parameters:
+ laguerre - the cells; keeps facets and moments until the next evaluation
- h        - heights, finite, laid out as the targets

  Output Parameters:
+ mass  - cell masses, same layout
- value - see above, the same on all ranks. A hull that fails is an outcome, not an error
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreEvaluate(BrenierLaguerre laguerre, Vec h, Vec mass,
                                                    BrenierLaguerreValue *value);

/* Cells at heights h, evaluated: NULL where they are not known for the source (above) or not sound. `mass` may be NULL;
   `energy` is E(h). Collective; the caller destroys them. */
PETSC_EXTERN PetscErrorCode BrenierLaguerreAt(BrenierTargets targets, BrenierSource source, Vec h, Vec mass,
                                              PetscReal *energy, BrenierLaguerre *laguerre);

/* Whether evaluations try the neighbours of the last hull first, and take a new one only when masses do not sum to 1 to
   rounding with them, or some target had none: near a solution that saves the hulls. What is missed then is lighter
   than 2e-14. Not collective. */
PETSC_EXTERN void BrenierLaguerreReuse(BrenierLaguerre laguerre, PetscBool reuses);

/* The Hessian at the heights of the last evaluation: MATAIJ laid out as the targets, symmetric, rows summing to zero;
   those of empty cells are zero. The caller destroys it. Collective. */
PETSC_EXTERN PetscErrorCode BrenierLaguerreHessian(BrenierLaguerre laguerre, Mat *hessian);

/* Barycentres of this rank's cells, shape [n_local, dim]; NaN for cells without mass. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierLaguerreBarycentres(BrenierLaguerre laguerre, PetscReal barycentre[]);

/* p in w ~ (h - h_0)^p, the mass of a cell that is about to vanish: the dimension; 1/2 on the circle, where a plane
   within u touches it at one point first. Not collective. */
PETSC_EXTERN PetscReal BrenierLaguerrePower(BrenierLaguerre laguerre);

/* int x x^T dmu over this rank's cells, shape [n_local, 6]: xx, xy, yy or xx, xy, xz, yy, yz, zz. Borrowed. Not
   collective. */
PETSC_EXTERN const PetscReal *BrenierLaguerreSecondMoments(BrenierLaguerre laguerre);

/*@
  BrenierLaguerreLift - How far the planes of empty cells are below u, and what it takes for these to have mass

  Collective on the targets' communicator

  Input Parameters:
+ laguerre - evaluated
. mass     - the masses that evaluation returned
- part     - of its weight, what a raised cell is to have, above 0

  Output Parameters:
+ gap     - least u - f_i of each empty target, 0 of the others; laid out as the targets
. beyond  - what gives it about that mass, if it is raised alone, on top of the gap
. host    - for each of this rank's targets, -1, or of an empty one the nearest target about where it touches, shape
          [n_local]
- n_empty - number of empty cells

  Notes: raising every plane by its gap lowers the energy by sum nu_i gap_i. Cost is the number of empty cells times
  that of vertices near them.
@*/
PETSC_EXTERN PetscErrorCode BrenierLaguerreLift(BrenierLaguerre laguerre, Vec mass, PetscReal part, Vec gap, Vec beyond,
                                                PetscInt host[], PetscInt64 *n_empty);

/* Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierLaguerreDestroy(BrenierLaguerre *laguerre);
