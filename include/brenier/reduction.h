/*
  reduction.h - Solving in the affine hull of the targets: reduced targets and the source projected on their space.

  A cell of target y_i is { x : <x, y_j - y_i> <= h_i - h_j for all j }: only differences of targets count. Let V be the
  directions in the affine hull of the targets, r its dimension, Q in R^(d x r) an orthonormal basis of V. Then
    y_i = Q y'_i + p,   y'_i = Q^T y_i,   p orthogonal to V and the same for all targets,
    <x, y_i> + h_i = <Q^T x, y'_i> + <x, p> + h_i,
  so cells and masses are those of the targets y'_i in R^r under the law of Q^T x, with the same heights. For the
  Gaussian of R^d that law is the Gaussian of R^r; for the sphere it is a projection of the sphere (source.h). The cube
  is not invariant under rotations: its Q consists of the axes along which targets differ. In each case x - Q Q^T x has
  mean zero given Q^T x, so the barycentres in R^d are Q b'. |y_i|^2 = |y'_i|^2 + |p|^2 and E|x|^2 count all dimensions,
  so W2 is that of R^d.

  A source x = m + L z (`BrenierSourceIsAffine()`) is solved for as z, with the targets L^T y_i in the place of y_i, as
    <x, y_i> + h_i = <z, L^T y_i> + h_i + <m, y_i>:
  heights differ by <m, y_i>, of which the mean over the targets is taken off, and points of z become points of x.

  The rank is numerical. A direction counts when some target leaves the span found so far by more than 1e-12 of the
  range of the targets along an axis, or by more than eight roundings of the largest coordinate of that axis. Let delta
  be the part of y_j - y_i that is dropped: the facet of two cells tilts by |delta| / |y'_j - y'_i|, and masses change
  by the square of that.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/targets.h>

typedef struct _p_BrenierReduction *BrenierReduction;

struct _p_BrenierReduction {
  PetscInt       dim;     /* d, of the targets as given */
  PetscInt       rank;    /* r, at least 1; d when nothing was dropped */
  PetscReal     *basis;   /* columns of Q one after the other, shape [r, d]; NULL when nothing was dropped */
  PetscReal     *row;     /* work, of some points, shape [.., r] */
  BrenierTargets whole;   /* borrowed */
  BrenierTargets pulled;  /* L^T y; the whole targets themselves where x = z */
  BrenierTargets targets; /* y'; those pulled when nothing was dropped. On the same ranks, row by row */
  PetscReal     *pairing; /* <m, y - mean of y>, shape [targets here]; NULL where x = z */
  BrenierSource  given;   /* of x; a reference */
  BrenierSource  source;  /* of z, projected; owned */
};

/* To the heights of the reduced targets, or back to those of the given ones. */
typedef enum { BRENIER_REDUCTION_IN, BRENIER_REDUCTION_OUT } BrenierReductionWay;

/*@
  BrenierReductionCreate - Finds the affine hull of the targets and their coordinates in it

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the reduction
- source  - the source in their dimension

  Output Parameter:
. reduction - free with `BrenierReductionDestroy()`; its rank r is the same for any number of processes

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - the factor of the source makes different targets the same

  Cost: 2 m^2 d flops, three times that where r < d, and 8 m d bytes on one rank, m = min(n - 1, d), where that many
  differences of targets are independent; else 4 n d r flops, r reductions and broadcasts, and 8 n d bytes over all
  ranks. Where r < d, 2 n d r flops for the coordinates and 8 d r bytes on every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierReductionCreate(BrenierTargets targets, BrenierSource source,
                                                   BrenierReduction *reduction);

/*@
  BrenierReductionProject - Projects targets on the space of the reduced targets: y' = Q^T y; Q^T L^T y where
  x = m + L z

  Not collective

  Input Parameters:
+ reduction - the reduction
. n         - number of targets
- y         - targets, shape [n, d]; unit: any

  Output Parameter:
. projected - projected targets, shape [n, r]; unit: the same, times source where x = m + L z

  Cost: 2 n d r flops, and 2 n d^2 for L
@*/
PETSC_EXTERN void BrenierReductionProject(BrenierReduction reduction, PetscInt n, const PetscReal y[],
                                          PetscReal projected[]);

/*@
  BrenierReductionLift - Puts points of the reduced space back into R^d: Q x', m + L Q x' where x = m + L z

  Not collective

  Input Parameters:
+ reduction - the reduction
. n         - number of points
- projected - points, shape [n, r]; unit: any

  Output Parameter:
. x - points, shape [n, d]; may be the array of `projected`; a row of NaN gives a row of NaN; unit: the same

  Cost: 2 n d r flops, and 2 n d^2 for L
@*/
PETSC_EXTERN void BrenierReductionLift(BrenierReduction reduction, PetscInt n, const PetscReal projected[],
                                       PetscReal x[]);

/*@
  BrenierReductionLiftInPlace - Puts points of the reduced space back into R^d, in memory that has room for them

  Not collective

  Input Parameters:
+ reduction - the reduction
- n         - number of points

  Input/Output Parameter:
. points - shape [n, rank of the reduction] before, [n, dim] after; unit: source

  Errors: none of its own

  Cost: 2 n dim rank flops
@*/
PETSC_EXTERN PetscErrorCode BrenierReductionLiftInPlace(BrenierReduction reduction, PetscInt n,
                                                        const BrenierMutablePoints *points);

/*@
  BrenierReductionHeights - Changes heights of the given targets into those of the reduced ones, or back

  Not collective

  Input Parameters:
+ reduction - the reduction
- way       - to the reduced targets, or from them

  Input/Output Parameter:
. h - heights, laid out as the targets; they keep their gauge; unit: source target

  Errors: none of its own

  Cost: O(n / P); nothing where x = z
@*/
PETSC_EXTERN PetscErrorCode BrenierReductionHeights(BrenierReduction reduction, BrenierReductionWay way, Vec h);

/*@
  BrenierReductionDestroy - Frees a reduction, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. reduction - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierReductionDestroy(BrenierReduction *reduction);
