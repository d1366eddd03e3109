/* nearest.c - Implements nearest.h. */
#include <brenier/compat.h>
#include <brenier/dot.h>

#include "nearest.h"

PetscErrorCode BrenierNearestHeights_Private(BrenierTargets t, Vec *h)
{
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *work;
  PetscScalar             *v;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(t, h));
  PetscCall(PetscMalloc1(t->dim, &work));
  PetscCall(VecGetArrayWrite(*h, &v));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = BrenierPoint(&points, i, work);

    v[i] = -0.5 * BrenierDot((size_t)t->dim, y, y);
  }
  PetscCall(VecRestoreArrayWrite(*h, &v));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}
