/* height_scale.h - The unit of heights of the methods on curves. */
#pragma once

#include <brenier/source.h>
#include <brenier/targets.h>

/* What height changes a typical mass by its own size at heights h, from a sample of 1024 curves; `mass` is work.
   Errors: `BRENIER_STOPPED`. 4 n dim flops a circle. Collective on the targets' communicator. */
PetscErrorCode BrenierHeightScale_Private(BrenierTargets targets, BrenierSource source, PetscInt64 seed, Vec h,
                                          Vec mass, PetscReal *height_scale);
