/* nearest.c - Implements nearest.h. */
#include <brenier/compat.h>
#include <brenier/dot.h>

#include "nearest.h"

PetscErrorCode BrenierNearestHeights_Private(BrenierTargets t, Vec *h)
{
  PetscScalar *v;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(t, h));
  PetscCall(VecGetArrayWrite(*h, &v));
  for (PetscInt i = 0; i < t->n_local; ++i)
    v[i] = -0.5 * BrenierDot((size_t)t->dim, t->y + (size_t)i * t->dim, t->y + (size_t)i * t->dim);
  PetscCall(VecRestoreArrayWrite(*h, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}
