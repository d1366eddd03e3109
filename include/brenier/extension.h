/*
  extension.h - An extension of the transport map with values between the targets.

  The transport map takes values in the set of targets. Its extension gives a point x a weighted mean of the K targets
  whose planes are highest at x, y_(1) first. The weights are inversely proportional to the distances of x from the
  barycentres b_(k) of their cells:
    T(x) = sum_k lambda_k y_(k),   lambda_k = (1 / |x - b_(k)|) / sum_l (1 / |x - b_(l)|).
  At a barycentre it is the target itself. Cells without a known barycentre are left out; if all are, T(x) = y_(1).

  A mean of targets from two modes belongs to neither. A point crosses the singular set when the angle between y_(1) and
  another of its K targets is above a threshold (facets.h). Then those targets are left out as well, so that T(x) stays
  in the mode of y_(1); or the caller leaves out the point.

  References: Lei et al., Engineering 6 (2020); An et al., ICLR 2020, "AE-OT: a new generative model based on extended
  semi-discrete optimal transport".
*/
#pragma once

#include <brenier/facets.h>
#include <brenier/piecewise.h>

/* Number K of targets of a mean where nothing is said. */
#define BRENIER_NEIGHBOURS 3

/* How to extend the map. */
typedef struct {
  PetscInt         n_neighbours; /* K, at least 1 */
  BrenierPiecewise piecewise;    /* in the place of a mean of K targets, where it is not NULL; then K = 1; borrowed */
  const PetscReal *barycentre;   /* of this rank's cells, shape [n_local, dim], NaN for unknown; needed for K > 1 */
  PetscBool        projects;     /* whether targets across the singular set are left out */
  BrenierAngle     convention;
  PetscReal        threshold; /* degrees; 180 and above: nothing is singular */
} BrenierExtension;

/* Values at points; arrays of the caller. */
typedef struct {
  PetscInt64 *index;   /* cell of each point, shape [n] */
  PetscReal  *u;       /* u(x), shape [n], or NULL */
  PetscReal  *code;    /* T(x), shape [n, dim]; for K = 1 the target */
  PetscBool  *crosses; /* whether the point crosses the singular set, shape [n], or NULL */
} BrenierExtended;

/*@
  BrenierExtensionApply - Evaluates the extended map at points

  Collective on the targets' communicator

  Input Parameters:
+ extension - how to extend the map, the same on all ranks but for the barycentres
. targets   - the targets
. h         - heights, laid out as the targets; unit: source target
. n         - number of points on this rank, 0 allowed
- x         - points, shape [n, dim]; unit: source

  Output Parameter:
. out - the values

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - K is below 1 or above the number of targets
- `BRENIER_STOPPED`          - a stop was asked for (stop.h); some points are not done then

  Cost: that of `BrenierTransportNearest()`; then an exchange of 16 K dim bytes a point, in groups of a bounded size

  Notes: Bitwise the same for any number of ranks and any grouping of the points.
@*/
PETSC_EXTERN PetscErrorCode BrenierExtensionApply(const BrenierExtension *extension, BrenierTargets targets, Vec h,
                                                  PetscInt n, const PetscReal x[], const BrenierExtended *out);
