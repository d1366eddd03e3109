/* ending.h - How a solve that was asked to stop ends. */
#pragma once

#include "solve_run.h"

/* After a stop without a checkpoint: measures s->h in what time is left, and takes the best that was measured.
   Collective. */
PetscErrorCode BrenierSolveEnd_Private(Solve *s);
