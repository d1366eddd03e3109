/*
  iteration_private.h - What an iteration of any method on a sample reports, and when it has got where it should.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/iteration.h>

/* Fills in the residuals, energy, sampling error, empty cells, sample and work of an evaluation. Collective. */
PetscErrorCode BrenierIterationMeasure_Private(BrenierDual dual, BrenierTargets targets, const BrenierDualValue *value,
                                               Vec mass, BrenierIteration *now);

/* l1 and rho of some masses. Collective. */
PetscErrorCode BrenierIterationResidual_Private(BrenierTargets targets, Vec mass, BrenierIteration *now);

/* <nu - w, step>: minus the directional derivative of the energy. Collective. */
PetscErrorCode BrenierIterationSlope_Private(BrenierTargets targets, Vec mass, Vec step, PetscReal *slope);

/* Rounding error of an energy. Not collective. */
PetscReal BrenierIterationRounding_Private(PetscReal energy);

/* Armijo's condition: the energy falls by a twentieth of `promised`, the slope at the start. Where rounding hides the
   fall, `left`, the slope at the end, replaces it: a convex energy has fallen by `left` at least. Not collective. */
PetscBool BrenierIterationFalls_Private(PetscReal before, PetscReal after, PetscReal promised, PetscReal left);

/* Residual of a cell of mass m and weight nu, see newton.h. Not collective. */
PetscReal BrenierResidual_Private(PetscReal m, PetscReal nu);

/* How far beyond its gap an empty cell may be lifted, a part of the height scale (0: unknown, no bound): enough to get
   mass, too little to take the mass of its neighbours. Not collective. */
PetscReal BrenierLiftMost_Private(PetscReal height_scale);

/* Convergence test: the reason to end, 0 to continue. sampling_l1: as in dual.h. Not collective. */
BrenierReason BrenierIterationFinished_Private(const BrenierConvergence *convergence, const BrenierIteration *now,
                                               PetscReal sampling_l1);
