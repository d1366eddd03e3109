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

/*@
  BrenierTransportNearest - Finds the targets whose planes are highest at each point

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. h       - heights, laid out as the targets
. keep    - how many targets of a point, the same on all ranks; 1 to the number of targets
. n       - number of points on this rank, 0 allowed
- x       - points, shape [n, dim]

  Output Parameters:
+ index - global indices, highest plane first, ties to the lowest index; shape [n, keep]
- value - <x,y> + h of each, shape [n, keep], or NULL; value[0] of a point is u(x)

  Notes: 2 n_targets dim flops a point. The filter passes the more targets the larger `keep`.
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportNearest(BrenierTargets targets, Vec h, PetscInt keep, PetscInt n,
                                                    const PetscReal x[], PetscInt64 index[], PetscReal value[]);

/*
  Many small batches at heights that change between them: the targets stay where they are, packed once, and the points
  of a batch go to every rank. Each rank finds the best of its own targets; one reduction finds the best of all.
*/
typedef struct _p_BrenierTransport *BrenierTransport;

/*@
  BrenierTransportCreate - Packs the targets for repeated batches of points

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the transport
- n       - points over all ranks that are looked up together; larger batches are cut

  Output Parameter:
. transport - free with `BrenierTransportDestroy()`; set its heights before the first batch

  Notes: 12 n_local dim bytes for the targets, 12 n dim for the points.
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportCreate(BrenierTargets targets, PetscInt n, BrenierTransport *transport);

/* Sets the heights, finite, laid out as the targets, in their units. Collective; n_local numbers are changed. */
PETSC_EXTERN PetscErrorCode BrenierTransportSetHeights(BrenierTransport transport, Vec h);

/*@
  BrenierTransportCount - Counts the points of a batch that fall into each cell

  Collective on the targets' communicator

  Input Parameters:
+ transport - the transport
. n         - number of points on this rank, 0 allowed
- x         - points, shape [n, dim]

  Output Parameter:
. count - points in the cells of this rank's targets, shape [n_local]; bitwise the same for any number of ranks and any
          distribution of the points, and equal to what `BrenierTransportApply()` gives

  Notes: 2 n_targets dim flops a point. Every rank receives 8 dim bytes a point and reduces 12.
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportCount(BrenierTransport transport, PetscInt n, const PetscReal x[],
                                                  PetscInt64 count[]);

/* Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierTransportDestroy(BrenierTransport *transport);
