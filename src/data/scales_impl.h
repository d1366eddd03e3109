/* scales_impl.h - What the files of scales.h share. */
#pragma once

#include <brenier/scales.h>

/* Numbers of groups from those of targets: the sums over their members. x shape [n_nodes]. Not collective. */
PETSC_INTERN void BrenierScalesAddUp_Private(BrenierScales scales, PetscReal x[]);
