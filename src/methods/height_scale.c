/* height_scale.c - Implements height_scale.h. */
#include "height_scale.h"

#include <brenier/base.h>

#include "averaged.h"

/* They have thousands of pieces. */
static const PetscInt64 brenier_height_scale_curves = 1024;

static PetscErrorCode ReadHeightScale(void *height_scale, BrenierDual dual, const BrenierDualValue *value, Vec mass)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  (void)value, (void)mass;
  ierr = BrenierDualHeightScale(dual, height_scale);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierHeightScale_Private(BrenierTargets t, BrenierSource source, PetscInt64 seed,
                                          BrenierScanCache cache, Vec h, Vec mass, PetscReal *height_scale)
{
  const BrenierFreshCurves fresh = {t, source, seed, BRENIER_STREAM_HEIGHT_SCALE, brenier_height_scale_curves, cache};

  PetscFunctionBegin;
  PetscCall(BrenierFreshMasses_Private(&fresh, h, ReadHeightScale, height_scale, mass, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
