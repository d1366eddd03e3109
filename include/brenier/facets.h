/*
  facets.h - Facets between Laguerre cells, the jump of the map across them, and the modes that singular facets
  separate.

  The map is constant on a cell, and jumps from y_i to y_j across the facet of cells i and j. The mass of the facet is
  the integral of the density of the source over it, mu_{d-1}(W_i cap W_j) = -H_ij |y_i - y_j|, H the Hessian of E. The
  jump is measured by an angle, in one of two conventions:
    lifted     between (y_i, -1) and (y_j, -1), the normals of the two planes in the graph of u;
    unlifted   between y_i and y_j as seen from the origin of the targets; 90 degrees when one of them is 0.
  Neither is free of units: the lifted angle changes when targets are scaled, both change when they are translated.

  A facet is singular when its angle is above a threshold. The threshold is an angle, or the quantile q of the angles
  weighted by mass: the least angle a with mass(angle <= a) >= q mass(all). Modes are the connected components of the
  graph whose edges are the facets that are not singular.

  Reference: Lei et al., Engineering 6 (2020), "A geometric understanding of deep learning"; An et al., ICLR 2020.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef enum { BRENIER_ANGLE_LIFTED, BRENIER_ANGLE_UNLIFTED } BrenierAngle;

/* Names of the conventions, in their order, ended by NULL: the values of -angle. */
PETSC_EXTERN const char *const BrenierAngleNames[];

/*@
  BrenierAngleBetween - Gives the angle between two targets

  Not collective

  Input Parameters:
+ convention - of the angle
. dim        - dimension
. y          - a target, shape [dim]; unit: target
- z          - a target, shape [dim]; unit: target

  Returns: the angle, 0 to 180; symmetric to the bit, accurate near 0; unit: degree

  Cost: O(dim) operations
@*/
PETSC_EXTERN PetscReal BrenierAngleBetween(BrenierAngle convention, PetscInt dim, const PetscReal y[],
                                           const PetscReal z[]);

/* Facets of this rank. Each pair of cells appears once, on the rank of its first target. */
typedef struct {
  MPI_Comm    comm;
  PetscInt    n;
  PetscInt64 *pair;  /* global targets i < j, ascending, shape [n, 2] */
  PetscReal  *angle; /* degrees, shape [n] */
  PetscReal  *mass;  /* unit 1/source, shape [n] */
} BrenierFacets;

/*@
  BrenierFacetsMeasure - Finds the facets that a sample of curves crosses, with their angles and masses

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. source     - the source
. h          - heights, laid out as the targets; unit: source target
. convention - of the angle
. seed       - names the sample; no other function draws from its stream
- n_curves   - size of the sample. 0: exact facets where laguerre.h knows them, else as many curves as a held-out sample
               has by default

  Output Parameter:
. facets - free with `BrenierFacetsDestroy()`; the masses agree to rounding for any number of ranks, the rest to the bit

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Cost: one scan and one Hessian (dual.h); 8 dim bytes for each different neighbour of this rank's targets

  Notes: Facets that no curve crosses are missing; their masses are of the order of 1 / n_curves.
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                 BrenierAngle convention, PetscInt64 seed, PetscInt64 n_curves,
                                                 BrenierFacets *facets);

/*@
  BrenierFacetsQuantile - Gives a quantile of the angles, weighted by the masses of the facets

  Collective on the facets' communicator

  Input Parameters:
+ facets - the facets
- q      - order of the quantile, 0 to 1; unit: 1

  Output Parameter:
. angle - the quantile; 0 when there are no facets; unit: degree

  Errors: none of its own

  Cost: a bisection to the last bit, some 60 steps with three or four reductions each
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsQuantile(const BrenierFacets *facets, PetscReal q, PetscReal *angle);

/*@
  BrenierFacetsModes - Finds the modes: connected components of the targets without the facets above a threshold

  Collective on the targets' communicator

  Input Parameters:
+ targets   - the targets
. facets    - all facets
- threshold - largest angle that is not singular; unit: degree

  Output Parameters:
+ mode    - modes of this rank's targets, shape [n_local], numbered from 0 in the order of their lowest targets; a
            target without facets is a mode of its own
- n_modes - number of modes over all ranks

  Errors: none of its own

  Cost: as many exchanges of one integer a facet as a mode crosses ranks

  Notes: Labels travel along facets, within a rank as far as they go, until no label changes.
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsModes(BrenierTargets targets, const BrenierFacets *facets, PetscReal threshold,
                                               PetscInt64 mode[], PetscInt64 *n_modes);

/*@
  BrenierFacetsDestroy - Frees the arrays of facets

  Not collective

  Input/Output Parameter:
. facets - the facets

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsDestroy(BrenierFacets *facets);
