/*
  sgd.h - Averaged SGD: epochs (sgd_epoch.h), each ended by a held-out measurement, until the tolerance is met.

  It follows Newton where no larger sample fits into memory, or where a larger sample costs more than fresh curves
  (budget.h).
*/
#pragma once

#include "solve_run.h"

/* Runs epochs until the tolerance is met; none unless s->state.sgd_follows. Collective. */
PetscErrorCode BrenierSolveSgd_Private(Solve *s);
