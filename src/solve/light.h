/*
  light.h - Cells too light for a sample.

  Fitted to a sample, a cell that is due less than a piece there touches u on one curve, where it happens to be highest,
  and has about the mass of a piece on any other: a thousand times its weight where that spans decades, which rules rho.
  So while a tolerance asks, a stage is solved for weights of some eight pieces at least, and after the last the cells
  that were raised fall to their own: mass is log-concave in the height (Prekopa), so its slope there tells how far at
  least.
*/
#pragma once

#include "solve_run.h"

/* What a stage puts other weights in the place of. */
typedef struct {
  PetscReal *nu, *of_nodes;
} BrenierOwnWeights;

/* Gives the targets weights that a sample of so many curves can tell. Collective. */
PetscErrorCode BrenierSolveRaiseLight_Private(Solve *s, PetscInt64 curves, BrenierOwnWeights *own);

/* Takes these weights back. Collective. */
PetscErrorCode BrenierSolveRestoreLight_Private(Solve *s, BrenierOwnWeights *own);

/* Lowers the heights of the cells that were raised: to what a sample of `next` curves will ask for, or for 0 their own
   weights. Collective. */
PetscErrorCode BrenierSolveLowerLight_Private(Solve *s, PetscInt64 next);
