/* measure.h - The held-out error of given heights. */
#pragma once

#include <brenier/held_out.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/* Measures heights in the coordinates in which targets differ: on so many curves, or for 0 exactly where that can be
   and else on the default number. Collective on the targets' communicator. */
PetscErrorCode BrenierMeasure(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 curves,
                              BrenierHeldOut *held_out);
