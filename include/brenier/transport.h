/*
  transport.h - The transport map T(x) = y_i, i the target whose plane <x,y_i> + h_i is highest at x.

  Points are split over the ranks as the caller likes. Ranks of a node read the targets where they are; those of other
  nodes travel. A certified filter in single precision (tile.h) leaves few targets a point. These are compared in
  double, and ties go to the lowest index. Results are bitwise the same for any number of ranks and any grouping of the
  points.
*/
#pragma once

#include <petscvec.h>
#include <brenier/targets.h>

/*@
  BrenierTransportApply - Finds the cell of each point, and so T(x)

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. h       - heights, laid out as the targets; unit: source target
. n       - number of points on this rank, 0 allowed
- x       - points, shape [n, dim]; unit: source

  Output Parameters:
+ index     - global index of the target, shape [n]
. potential - u(x), shape [n], or NULL; unit: source target
- code      - T(x), shape [n, dim], or NULL; unit: target

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); some points are not done then

  Cost: 2 n_targets dim flops a point; memory of the packed targets (at most 512 MiB a rank; on several nodes rows of
  the others beside them) and 100 bytes a point beyond the output
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportApply(BrenierTargets targets, Vec h, PetscInt n, const PetscReal x[],
                                                  PetscInt64 index[], PetscReal potential[], PetscReal code[]);

/*@
  BrenierTransportNearestHeights - Gives heights with which the cell of a point is that of its nearest target

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
- origin  - from which targets and points are seen, shape [dim], or NULL for 0; unit: target

  Output Parameter:
. h - -|y_i - origin|^2 / 2, laid out as the targets: the higher plane i at x - origin, the nearer y_i is to x; the
      caller destroys it; unit: target^2

  Errors: none of its own

  Cost: 2 n dim / P flops
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportNearestHeights(BrenierTargets targets, const PetscReal origin[], Vec *h);

/*@
  BrenierTransportCells - Finds the cell of each point, of points in any precision

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. h       - heights, laid out as the targets; unit: source target
- x       - points of this rank, 0 allowed; unit: source

  Output Parameter:
. index - global index of the target, shape [x->n]

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); some points are not done then

  Cost: as `BrenierTransportApply()`, and one group of points in double
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportCells(BrenierTargets targets, Vec h, const BrenierCoordinates *x,
                                                  PetscInt64 index[]);

/*@
  BrenierTransportNearest - Finds the targets whose planes are highest at each point

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. h       - heights, laid out as the targets; unit: source target
. keep    - number of targets wanted of a point, the same on all ranks; 1 to the number of targets
. n       - number of points on this rank, 0 allowed
- x       - points, shape [n, dim]; unit: source

  Output Parameters:
+ index - global indices, highest plane first, ties to the lowest index, shape [n, keep]
- value - <x,y> + h of each, shape [n, keep], or NULL; value[0] of a point is u(x); unit: source target

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - `keep` is below 1 or above the number of targets
- `BRENIER_STOPPED`          - a stop was asked for (stop.h); some points are not done then

  Cost: 2 n_targets dim flops a point. The larger `keep`, the more targets pass the filter

  Notes: A stop takes effect between groups of 8,192 points of a rank.
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportNearest(BrenierTargets targets, Vec h, PetscInt keep, PetscInt n,
                                                    const PetscReal x[], PetscInt64 index[], PetscReal value[]);

/*
  For many small batches of points at heights that change between them. The targets stay on their ranks and are packed
  once; the points of a batch go to every rank. Each rank finds the highest of its own planes; one reduction finds the
  highest of all.
*/
typedef struct _p_BrenierTransport *BrenierTransport;

/*@
  BrenierTransportCreate - Packs the targets for repeated batches of points

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the transport
- n       - number of points over all ranks that are treated together; larger batches are cut

  Output Parameter:
. transport - free with `BrenierTransportDestroy()`; set its heights before the first batch

  Errors: `PETSC_ERR_MEM` - no memory for packed targets or points

  Cost: 12 n_local dim bytes for the targets, 12 n dim for the points
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportCreate(BrenierTargets targets, PetscInt n, BrenierTransport *transport);

/*@
  BrenierTransportSetHeights - Sets the heights for the batches that follow

  Collective on the targets' communicator

  Input Parameters:
+ transport - the transport
- h         - heights, finite, laid out as the targets; unit: source target

  Errors: none of its own

  Cost: O(n_local), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportSetHeights(BrenierTransport transport, Vec h);

/*@
  BrenierTransportCount - Counts the points of a batch that fall into each cell

  Collective on the targets' communicator

  Input Parameters:
+ transport - the transport
. n         - number of points on this rank, 0 allowed
- x         - points, shape [n, dim]; unit: source

  Output Parameter:
. count - number of points in the cells of this rank's targets, shape [n_local]; the same for any number of ranks and
          any distribution of the points, and equal to the counts by `BrenierTransportApply()`

  Errors: none of its own

  Cost: 2 n_targets dim flops a point over all ranks. Every rank receives 8 dim bytes a point and reduces 12
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportCount(BrenierTransport transport, PetscInt n, const PetscReal x[],
                                                  PetscInt64 count[]);

/*@
  BrenierTransportDestroy - Frees a transport, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. transport - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierTransportDestroy(BrenierTransport *transport);
