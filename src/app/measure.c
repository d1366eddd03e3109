/* measure.c - Implements measure.h. */
#include "measure.h"

#include <brenier/base.h>
#include <brenier/reduction.h>

PetscErrorCode BrenierMeasure(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 curves,
                              BrenierHeldOut *held_out)
{
  BrenierReduction r;
  PetscBool        exact = PETSC_FALSE;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierReductionCreate(targets, source, &r));
  PetscCall(VecDuplicate(h, &mass));
  if (curves == 0) PetscCall(BrenierHeldOutMeasureExact(r->targets, r->source, h, mass, held_out, &exact));
  if (curves == 0) curves = BrenierHeldOutDefaultCurves(r->source, targets->n);
  if (!exact)
    PetscCall(BrenierHeldOutMeasure(r->targets, r->source, h,
                                    &(BrenierHeldOutSample){seed, BRENIER_STREAM_CHECK, curves}, mass, NULL, NULL,
                                    held_out));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierReductionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}
