/* measure.c - Implements BrenierMeasureHeights() of run.h. */
#include <brenier/heights.h>
#include <brenier/run.h>

PetscErrorCode BrenierMeasureHeights(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed,
                                     PetscInt64 curves, BrenierHeldOut *held_out)
{
  BrenierReduction r;
  PetscBool        exact = PETSC_FALSE;
  Vec              mass, own; // heights in the coordinates of the reduction

  PetscFunctionBegin;
  PetscCall(BrenierReductionCreate(targets, source, &r));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &own));
  PetscCall(BrenierHeightsCopy(h, own));
  PetscCall(BrenierReductionHeights(r, BRENIER_REDUCTION_IN, own));
  if (curves == 0) PetscCall(BrenierHeldOutMeasureExact(r->targets, r->source, own, mass, held_out, &exact));
  if (curves == 0) curves = BrenierHeldOutDefaultCurves(r->source, targets->n);
  if (!exact)
    PetscCall(BrenierHeldOutMeasure(r->targets, r->source, own,
                                    &(BrenierHeldOutSample){seed, BRENIER_STREAM_CHECK, curves, NULL}, mass, NULL, NULL,
                                    held_out));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&own));
  PetscCall(BrenierReductionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}
