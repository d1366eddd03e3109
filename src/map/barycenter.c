/* barycenter.c - Implements barycenter.h. */
#include <brenier/barycenter.h>
#include <brenier/base.h>
#include <brenier/dual.h>

PetscErrorCode BrenierBarycentersMeasure(BrenierTargets t, const BrenierSource *source, Vec h, PetscInt64 seed,
                                         PetscInt64 n_curves, PetscReal barycenter[])
{
  BrenierDual      dual;
  BrenierDualValue value;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_BARYCENTER, n_curves, 1, &dual));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualBarycenters(dual, barycenter));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}
