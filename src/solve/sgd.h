/* passes.h - Passes over fresh curves (pass.h) and measurements, where no larger sample fits into memory, or would
   pay. */
#pragma once

#include "solve_run.h"

/* Passes until the tolerance is met; none where Newton's sample is to meet it. Collective. */
PetscErrorCode BrenierSolveSgd_Private(Solve *s);
