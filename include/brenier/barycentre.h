/*
  barycentre.h - Barycentres of the Laguerre cells: c_i = int over W_i of x dmu / mu(W_i), points of the source space.

  Along a curve the first moment of a piece [s, e] is known in closed form,
    great circle  (z1 (sin e - sin s) + z2 (cos s - cos e)) / 2 pi;
    chord         (e - s) z, but (e^2 - s^2) / 2 along the axis;
    line          the same in one dimension, or density(s) - density(e) times the scale for the Gaussian,
  so a barycentre is the sum of the moments of its pieces over the sum of their shares: an average over arcs, not points.
*/
#pragma once

#include <petscvec.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/*@
  BrenierBarycentresMeasure - Barycentres on a sample of curves

  Collective on the targets' communicator

  Input Parameters:
+ targets  - the targets
. source   - the source
. h        - heights
. seed     - names the sample; its stream is this function's own
- n_curves - size of the sample

  Output Parameter:
. barycentre - of this rank's cells, shape [n_local, dim], in the units of the source; NaN where no curve met the cell;
               bitwise the same for any number of ranks

  Notes: one scan. Memory 8 dim bytes for every different cell that this rank's curves meet. Moments are added as
  integers: with C curves a moment is rounded to C 2^-58 or better.
@*/
PETSC_EXTERN PetscErrorCode BrenierBarycentresMeasure(BrenierTargets targets, const BrenierSource *source, Vec h,
                                                      PetscInt64 seed, PetscInt64 n_curves, PetscReal barycentre[]);
