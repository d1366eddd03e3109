/*
  iteration.h - What an iteration of any method on a sample reports, and when it has got where it should.
*/
#pragma once

#include <brenier/newton.h>

/* Fills in what an evaluation tells: residuals, energy, noise, empty cells, sample and work. Collective. */
PetscErrorCode BrenierIterationMeasure_Private(BrenierDual dual, BrenierTargets targets, const BrenierDualValue *value,
                                               Vec mass, BrenierIteration *now);

/* Why to end here; 0 to go on. Not collective. */
BrenierNewtonReason BrenierIterationFinished_Private(const BrenierNewtonOptions *options, const BrenierIteration *now);
