/*
  facets.h - Facets between neighbouring Laguerre cells, how far the map jumps across them, and the modes they part.

  The map is constant on a cell, and jumps from y_i to y_j across the facet of cells i and j. The facet's mass is
  mu_{d-1}(W_i cap W_j) = -H_ij |y_i - y_j|, H the Hessian of the energy: what the source's density integrates to over
  it. How far the map jumps is told by an angle, by one of two conventions:
    lifted     between (y_i, -1) and (y_j, -1), the normals of the two planes in the graph of u;
    unlifted   between y_i and y_j as seen from the origin of the targets; 90 degrees when one of them is 0.
  Neither is free of units: the lifted angle changes when targets are scaled, both when they are translated.

  A facet is singular when its angle is above a threshold, given as an angle or as the quantile q of the angles, each
  facet counted with its mass: the least angle a with mass(angle <= a) >= q mass(all). Cut at the singular facets, the
  graph of neighbours falls into components: the modes.

  Reference: Lei et al., Engineering 6 (2020), "A geometric understanding of deep learning"; An et al., ICLR 2020.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

typedef enum { BRENIER_ANGLE_LIFTED, BRENIER_ANGLE_UNLIFTED } BrenierAngle;

/* Names of the conventions, in their order, ended by NULL: the values of -angle. */
PETSC_EXTERN const char *const BrenierAngleNames[];

/* Angle between two targets of shape [dim], in degrees, 0 to 180; symmetric to the bit, accurate near 0. Not
   collective. */
PETSC_EXTERN PetscReal BrenierAngleBetween(BrenierAngle convention, PetscInt dim, const PetscReal y[],
                                           const PetscReal z[]);

/* Facets of this rank, each pair once, on the rank of its first target. */
typedef struct {
  MPI_Comm    comm;
  PetscInt    n;
  PetscInt64 *pair;  /* global targets i < j, ascending, shape [n, 2] */
  PetscReal  *angle; /* degrees, shape [n] */
  PetscReal  *mass;  /* in one over source length, shape [n] */
} BrenierFacets;

/*@
  BrenierFacetsMeasure - Finds the facets that a sample of curves crosses, with their angles and masses

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. source     - the source
. h          - heights
. convention - of the angle
. seed       - names the sample; its stream is this function's own
- n_curves   - size of the sample; facets that no curve crosses are missing, each with a mass of some 1 / n_curves. 0:
               exact facets where laguerre.h knows them, else as many curves as a held-out sample has

  Output Parameter:
. facets - free with `BrenierFacetsDestroy()`; the masses agree to rounding for any number of ranks, the rest to the bit

  Notes: one scan and one Hessian; 8 dim bytes for each different neighbour of this rank's targets.
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                 BrenierAngle convention, PetscInt64 seed, PetscInt64 n_curves,
                                                 BrenierFacets *facets);

/* The quantile of the angles, 0 <= q <= 1, weighted by facet mass; 0 when there are no facets. Collective. */
PETSC_EXTERN PetscErrorCode BrenierFacetsQuantile(const BrenierFacets *facets, PetscReal q, PetscReal *angle);

/*@
  BrenierFacetsModes - Components of the targets when facets above a threshold are cut

  Collective on the targets' communicator

  Input Parameters:
+ targets   - the targets
. facets    - all facets
- threshold - degrees

  Output Parameters:
+ mode    - of this rank's targets, shape [n_local]; modes are counted from 0 in the order of their lowest target. A
            target without facets is a mode of its own
- n_modes - over all ranks

  Notes: labels travel along facets until nothing changes, all of a rank at once: as many rounds as a mode crosses
  ranks.
@*/
PETSC_EXTERN PetscErrorCode BrenierFacetsModes(BrenierTargets targets, const BrenierFacets *facets, PetscReal threshold,
                                               PetscInt64 mode[], PetscInt64 *n_modes);

/* Not collective. */
PETSC_EXTERN PetscErrorCode BrenierFacetsDestroy(BrenierFacets *facets);
