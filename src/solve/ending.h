/* ending.h - How a solve that was asked to stop ends. */
#pragma once

#include "solve_run.h"

/* After a stop without a checkpoint: measures s->h in the remaining time, and returns the best measured heights in
   s->h. Collective. */
PetscErrorCode BrenierSolveEnd_Private(Solve *s);
