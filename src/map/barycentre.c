/* barycentre.c - Implements barycentre.h. */
#include <brenier/barycentre.h>
#include <brenier/base.h>
#include <brenier/dual.h>

PetscErrorCode BrenierBarycentresMeasure(BrenierTargets t, const BrenierSource *source, Vec h, PetscInt64 seed,
                                         PetscInt64 n_curves, PetscReal barycentre[])
{
  BrenierDual      dual;
  BrenierDualValue value;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_BARYCENTRE, n_curves, 1, &dual));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualBarycentres(dual, barycentre));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}
