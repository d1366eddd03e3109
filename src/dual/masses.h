/*
  masses.h - Masses of the cells, by batches of the sample, and how far the batches differ.

  Every rank sums the shares of its pieces in integer units, so that masses are the same for any number of ranks; units
  at the ends of a curve are exact, so they sum to the whole.
*/
#pragma once

#include <brenier/dual.h>
#include "halo.h"
#include "pieces.h"
#include "sample.h"

typedef struct {
  PetscInt64 *units; /* shape [batches, targets here] */
  PetscReal  *share; /* the same as shares of each batch */
} BrenierMasses;

/* Not collective; n_local: targets of this rank. */
PetscErrorCode BrenierMassesCreate(PetscInt n_batches, PetscInt n_local, BrenierMasses *masses);

/* Masses in units from the pieces. Collective. O(pieces). */
PetscErrorCode BrenierMassesSum(BrenierMasses *masses, const BrenierSample *sample, const BrenierCurves *curves,
                                const BrenierPieces *pieces, const BrenierHalo *halo, PetscInt n_local);

/* Masses over all batches, shape [targets here], and how many are 0; shares of the batches; and terms of the sampling
   errors, shape [2, targets here]: those of chi2, those of L1. */
void BrenierMassesFinish(BrenierMasses *masses, const BrenierSample *sample, BrenierTargets targets, PetscScalar mass[],
                         PetscReal spread[], PetscInt64 *n_empty);

/* Units of mass of target i over all batches. */
PetscInt64 BrenierMassesOf(const BrenierMasses *masses, PetscInt n_batches, PetscInt n_local, BrenierLocal i);

PetscErrorCode BrenierMassesFree(BrenierMasses *masses);
