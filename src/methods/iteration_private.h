/*
  iteration_private.h - What an iteration of any method on a sample reports, and when it has got where it should.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/iteration.h>

/* Fills in what an evaluation tells: residuals, energy, noise, empty cells, sample and work. Collective. */
PetscErrorCode BrenierIterationMeasure_Private(BrenierDual dual, BrenierTargets targets, const BrenierDualValue *value,
                                               Vec mass, BrenierIteration *now);

/* l1 and rho of some masses. Collective. */
PetscErrorCode BrenierIterationResidual_Private(BrenierTargets targets, Vec mass, BrenierIteration *now);

/* <nu - mass, step>: how fast the energy falls along a step, at some masses. Collective. */
PetscErrorCode BrenierIterationSlope_Private(BrenierTargets targets, Vec mass, Vec step, PetscReal *slope);

/* Differences of energies below this say nothing. Not collective. */
PetscReal BrenierIterationRounding_Private(PetscReal energy);

/* Whether the energy falls enough from `before` to `after`: by a twentieth of what its slope `promised`, or, as it is
   convex, where it still slopes that much by `left` at the end of the step and rounding hides the fall. Not
   collective. */
PetscBool BrenierIterationFalls_Private(PetscReal before, PetscReal after, PetscReal promised, PetscReal left);

/* Residual of a cell of mass m and weight nu, see newton.h. Not collective. */
PetscReal BrenierResidual_Private(PetscReal m, PetscReal nu);

/* How far beyond its gap an empty cell may be lifted where that length is known, 0 for unknown: so that it is a start
   and not its neighbours' mass. Not collective. */
PetscReal BrenierLiftMost_Private(PetscReal height_scale);

/* Why to end here; 0 to go on. sampling_l1: as in dual.h. Not collective. */
BrenierReason BrenierIterationFinished_Private(const BrenierConvergence *convergence, const BrenierIteration *now,
                                               PetscReal sampling_l1);
