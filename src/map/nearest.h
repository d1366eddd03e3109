/* nearest.h - Nearest targets by the search for highest planes. */
#pragma once

#include <petscvec.h>
#include <brenier/targets.h>

/* Heights -|y_i|^2 / 2, laid out as the targets: the higher plane i at y, the nearer y_i is to y. The caller destroys
   them. Collective on the targets' communicator. */
PETSC_INTERN PetscErrorCode BrenierNearestHeights_Private(BrenierTargets t, Vec *h);
