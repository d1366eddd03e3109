/*
  light.h - Cells too light for a sample.

  A cell with less than one expected piece in the sample cannot be fitted: after the fit it touches u on the one curve
  where it is highest, and on other curves it has about the mass of a piece. That may be a thousand times its weight,
  and such cells then dominate rho. So while there is a tolerance, a stage raises the weights to at least some eight
  expected pieces. Before the next stage and before a measurement the heights of these cells are lowered to what their
  own weights ask. Mass is log-concave in the height (Prekopa), so log w falls at least as fast below as its slope at
  the raised height says.
*/
#pragma once

#include "solve_run.h"

/* The own weights, while a stage has raised ones. */
typedef struct {
  PetscReal *nu, *of_nodes;
} BrenierOwnWeights;

/* Raises the weights of the targets to what a sample of so many curves resolves. Collective. */
PetscErrorCode BrenierSolveRaiseLight_Private(Solve *s, PetscInt64 curves, BrenierOwnWeights *own);

/* Restores the own weights. Collective. */
PetscErrorCode BrenierSolveRestoreLight_Private(Solve *s, BrenierOwnWeights *own);

/* Lowers the heights of the cells with raised weights: to the weights of a sample of `next` curves, or for 0 to their
   own. Collective. */
PetscErrorCode BrenierSolveLowerLight_Private(Solve *s, PetscInt64 next);
