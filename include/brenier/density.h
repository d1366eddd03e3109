/*
  density.h - The density g of the law that the targets are drawn from, by the Monge-Ampere equation.

  The map T = grad u carries the density f of the source to g, and its inverse is grad u*, u* the Legendre transform of
  u. So
    f(x) = g(T(x)) det D^2 u(x),   g(y) = f(grad u*(y)) det D^2 u*(y).
  Two estimates of g, both of a solve for a sample of g:

  cells: u* is piecewise linear on the regular triangulation of (y, h), and the Laguerre cell W_i, of mass nu_i, is the
  set of its subgradients at y_i. Let V_i be the sum of the volumes of the simplices at y_i over d + 1. Then
    g(y_i) = nu_i / V_i,
  linear on each simplex and 0 outside the convex hull of the targets; its integral is 1. For up to three dimensions.

  fits: grad u*(y_j) is near the barycentre b_j. The linear function c + A (y - m) that is nearest to b_j at the K
  targets nearest to y, m their mean, gives
    g(y) = f(c + A (y - m)) det (A + A^T) / 2.
  It is exact where b_j is a linear function of y_j. For any dimension.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef enum { BRENIER_DENSITY_CELLS, BRENIER_DENSITY_FITS } BrenierDensityKind;

/* Their names, in their order, ended by NULL. */
PETSC_EXTERN const char *const BrenierDensityNames[];

/* Neighbours of a fit where they are not chosen: so many times d + 1. */
#define BRENIER_FIT_TIMES 20

/*@
  BrenierDensityByCells - Estimates the density at points by masses over volumes

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets, which span their one to three dimensions
. h       - heights, laid out as the targets; unit: source target
. n       - number of points on this rank, 0 allowed
- y       - points, shape [n, dim]; unit: target

  Output Parameter:
. log_density - logarithms of the density, shape [n], -infinity outside the convex hull of the targets; the same for any
                number of ranks; unit: 1, of a density in 1/target^dim

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - the targets span fewer dimensions than they have, or more than three

  Cost: a convex hull of all targets on one rank; a walk through the triangulation a point
@*/
PETSC_EXTERN PetscErrorCode BrenierDensityByCells(BrenierTargets targets, Vec h, PetscInt n, const PetscReal y[],
                                                  PetscReal log_density[]);

/*@
  BrenierDensityByFits - Estimates the density at points by linear functions fitted to barycentres

  Collective on the targets' communicator

  Input Parameters:
+ targets      - the targets
. source       - a source with `BrenierSourceHasDensity()`
. barycentre   - of this rank's cells, shape [n_local, dim], NaN for unknown, which is left out; unit: source
. n_neighbours - K, dim + 1 to the number of targets, the same on all ranks
. n            - number of points on this rank, 0 allowed
- y            - points, shape [n, dim]; unit: target

  Output Parameter:
. log_density - logarithms of the density, shape [n]; -infinity where the linear function leaves the source; NaN where
                its matrix is not positive definite; the same for any number of ranks; unit: 1, of a density in
                1/target^dim

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - `n_neighbours` is out of its range
- `BRENIER_STOPPED`          - a stop was asked for (stop.h)

  Cost: that of `BrenierTransportNearest()`; 2 K dim^2 + dim^3 flops a point, and an exchange of 16 K dim bytes
@*/
PETSC_EXTERN PetscErrorCode BrenierDensityByFits(BrenierTargets targets, BrenierSource source,
                                                 const PetscReal barycentre[], PetscInt n_neighbours, PetscInt n,
                                                 const PetscReal y[], PetscReal log_density[]);
