/* length.c - Implements length.h. */
#include "length.h"

#include <brenier/base.h>

#include "averaged.h"

/* Curves that tell the length scale: thousands of pieces. */
static const PetscInt64 brenier_length_curves = 1024;

static PetscErrorCode ReadHeightScale(void *length, BrenierDual dual, const BrenierDualValue *value, Vec mass)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  (void)value, (void)mass;
  ierr = BrenierDualLength(dual, length);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierLengthScale_Private(BrenierTargets t, BrenierSource source, PetscInt64 seed, Vec h, Vec mass,
                                          PetscReal *length)
{
  const BrenierFreshCurves fresh = {t, source, seed, BRENIER_STREAM_LENGTH, brenier_length_curves};

  PetscFunctionBegin;
  PetscCall(BrenierFreshMasses_Private(&fresh, h, ReadHeightScale, length, mass, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
