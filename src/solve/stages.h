/* stages.h - Newton, or a method of minimise.h, on a sample that grows from stage to stage until the tolerance is
   met. */
#pragma once

#include "solve_run.h"

/* A stage on the first `curves` curves. Collective. */
PetscErrorCode BrenierSolveStage_Private(Solve *s, PetscInt64 curves, PetscBool last);

/* Stages on the way to `wanted` curves, and measurements, until the tolerance is met or there is a reason to stop.
   Collective. */
PetscErrorCode BrenierSolveStages_Private(Solve *s, PetscReal wanted);
