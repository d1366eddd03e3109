/*
  transport.h - The transport map T(x) = y_i, i the target whose plane <x,y_i> + h_i is highest at x.

  Points are split over the ranks as the caller likes; targets travel round a ring. A certified filter in single
  precision leaves few targets a point, which are compared in double, ties to the lowest index: bitwise the same for
  any number of ranks and any grouping of the points.
*/
#pragma once

#include <petscvec.h>
#include <brenier/targets.h>

/*@
  BrenierTransportApply - Finds the cell of each point

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. h       - heights, laid out as the targets
. n       - number of points on this rank, 0 allowed
- x       - points, shape [n, dim]

  Output Parameters:
+ index     - global index of the target, shape [n]
. potential - u(x), shape [n], or NULL
- code      - T(x), shape [n, dim], or NULL

  Notes: 2 n_targets dim flops a point; memory of two blocks of targets and 100 bytes a point beyond the output.
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportApply(BrenierTargets targets, Vec h, PetscInt n, const PetscReal x[],
                                                  PetscInt64 index[], PetscReal potential[], PetscReal code[]);
