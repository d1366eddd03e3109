/* scales_impl.h - What the files of scales.h share. */
#pragma once

#include <brenier/scales.h>

/* Numbers of groups from those of targets: the sums over their members. x shape [n_nodes]. Not collective. */
PETSC_INTERN void BrenierScalesAddUp_Private(BrenierScales scales, PetscReal x[]);

/* Finds the lines (scales.h) of finished nodes, the same on all ranks. y: all targets, shape [n, dim]. Not
   collective. */
PETSC_INTERN PetscErrorCode BrenierScalesFindLines_Private(BrenierScales scales, PetscInt dim, const PetscReal y[]);
