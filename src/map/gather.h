/* gather.h - Rows of the targets of all ranks on every rank, where dimensions are few. */
#pragma once

#include <brenier/targets.h>

/* `all` gets the rows of all ranks, in the order of the targets, shape [n, width]; mine: shape [n_local, width].
   Collective on the targets' communicator. */
PETSC_INTERN PetscErrorCode BrenierGatherRows_Private(BrenierTargets t, PetscInt width, const PetscReal mine[],
                                                      PetscReal all[]);
