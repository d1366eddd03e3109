/* height_scale.h - The height scale: the change of a height that changes its mass by about 100%. */
#pragma once

#include <brenier/dual.h>

/* BrenierDualHeightScale() at heights h, from 1024 curves of their own stream; `mass` is work, `cache` that of the
   targets or NULL. Errors: `BRENIER_STOPPED`. 4 n dim flops a circle. Collective on the targets' communicator. */
PetscErrorCode BrenierHeightScale_Private(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                          BrenierScanCache cache, Vec h, Vec mass, PetscReal *height_scale);
