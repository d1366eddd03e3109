/*
  extension.h - The map between the targets: from a point and the barycentres of the cells around it.

  The transport map is onto the targets. Its extension gives a point x a weighted mean of the K targets whose planes
  are highest at x, y_(1) first, with weights inversely proportional to the distance of x from the barycentres of their
  cells:
    T(x) = sum_k lambda_k y_(k),   lambda_k = (1 / |x - c_(k)|) / sum_l (1 / |x - c_(l)|).
  At a barycentre it is the target itself. Cells without a known barycentre are left out; when all are, T(x) = y_(1).

  Codes between modes are wrong codes. A point crosses the singular set when the angle between y_(1) and another of its
  K targets is above a threshold (facets.h). Then those targets are left out as well, which brings the point back to
  the mode of its own cell; or the caller leaves out the point.

  References: Lei et al., Engineering 6 (2020); An et al., ICLR 2020, "AE-OT: a new generative model based on extended
  semi-discrete optimal transport".
*/
#pragma once

#include <brenier/facets.h>

typedef struct {
  PetscInt         n_neighbours; /* K, at least 1 */
  const PetscReal *barycentre;   /* of this rank's cells, shape [n_local, dim], NaN for unknown; needed for K > 1 */
  PetscBool        projects;     /* leaves out targets across the singular set */
  BrenierAngle     convention;
  PetscReal        threshold; /* degrees; 180 and above: nothing is singular */
} BrenierExtension;

/* Where points go; arrays of the caller. */
typedef struct {
  PetscInt64 *index;   /* cell of each point, shape [n] */
  PetscReal  *u;       /* u(x), shape [n], or NULL */
  PetscReal  *code;    /* T(x), shape [n, dim]; for K = 1 the target */
  PetscBool  *crosses; /* whether the point crosses the singular set, shape [n], or NULL */
} BrenierExtended;

/*@
  BrenierExtensionApply - Extended codes of points

  Collective on the targets' communicator

  Input Parameters:
+ extension - see above, the same on all ranks but for the barycentres
. targets   - the targets
. h         - heights
. n         - number of points on this rank, 0 allowed
- x         - points, shape [n, dim]

  Output Parameter:
. out - see above

  Notes: as `BrenierTransportNearest()`, then 16 K dim bytes a point in groups of a bounded size. Bitwise the same for
  any number of ranks and any grouping of the points.
@*/
PETSC_EXTERN PetscErrorCode BrenierExtensionApply(const BrenierExtension *extension, BrenierTargets targets, Vec h,
                                                  PetscInt n, const PetscReal x[], const BrenierExtended *out);
