/*
  barycentre.h - Barycentres of the Laguerre cells, c_i = int over W_i of x dmu / mu(W_i), on a sample of their own.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/*@
  BrenierBarycentresMeasure - Barycentres on fresh curves

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets
. source   - the source
. h        - heights
. seed     - names the sample; its stream is this function's own
- n_curves - size of the sample; 0: exact where laguerre.h knows the cells, else as many as a held-out sample has

  Output Parameter:
. barycentre - of this rank's cells, shape [n_local, dim], in the units of the source; NaN where no curve met the cell;
               bitwise the same for any number of ranks

  Notes: one scan, and the moments of `BrenierDualBarycentres()`.
@*/
PETSC_EXTERN PetscErrorCode BrenierBarycentresMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                      PetscInt64 seed, PetscInt64 n_curves, PetscReal barycentre[]);
