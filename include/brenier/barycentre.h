/*
  barycentre.h - Barycentres of the Laguerre cells, b_i = int over W_i of x dmu / mu(W_i), on a sample of their own.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/*@
  BrenierBarycentresMeasure - Computes barycentres of the cells, exactly or on fresh curves

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets
. source   - the source
. h        - heights, laid out as the targets; unit: source target
. seed     - names the sample; no other function draws from its stream
- n_curves - size of the sample. 0: exact cells where laguerre.h knows them, else as many curves as a held-out sample
             has by default

  Output Parameter:
. barycentre - barycentres of this rank's cells, shape [n_local, dim], bitwise the same for any number of ranks; NaN
               where no curve met the cell; unit: source

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Cost: one scan, and the moments of `BrenierDualBarycentres()`
@*/
PETSC_EXTERN PetscErrorCode BrenierBarycentresMeasure(BrenierTargets targets, BrenierSource source, Vec h,
                                                      PetscInt64 seed, PetscInt64 n_curves, PetscReal barycentre[]);
