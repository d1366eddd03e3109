/*
  reduction.h - Targets in as many coordinates as a source can tell apart.

  A cell of target y_i is { x : <x, y_j - y_i> <= h_i - h_j for all j }: only differences of targets count. Let V be the
  directions in the affine hull of the targets, r its dimension, Q in R^(d x r) an orthonormal basis of V. Then
    y_i = Q y'_i + p,   y'_i = Q^T y_i,   p orthogonal to V and the same for all targets,
    <x, y_i> + h_i = <Q^T x, y'_i> + <x, p> + h_i,
  so cells and masses are those of the targets y'_i in R^r under the law of Q^T x, with the same heights. That law is
  the Gaussian of R^r for the Gaussian of R^d, and of the sphere a projection (source.h). The cube is not invariant
  under rotations: there Q consists of the axes along which targets differ. In either case x - Q Q^T x has mean zero
  given Q^T x, so barycentres are Q b', and |y_i|^2 = |y'_i|^2 + |p|^2, E|x|^2 keeps all its dimensions: W2 is that of
  R^d.

  The rank is numerical: a direction counts when some target leaves the span found so far by more than 1e-12 of the
  range of the targets along an axis, or eight roundings of the largest coordinate of that axis, whichever is more. What
  is left out tilts the border of two cells by the left out part of y_j - y_i over |y'_j - y'_i|, and changes masses by
  the square of that.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/targets.h>

typedef struct _p_BrenierReduction *BrenierReduction;

struct _p_BrenierReduction {
  PetscInt       dim;     /* d, of the targets as given */
  PetscInt       rank;    /* r, at least 1; d when nothing was dropped */
  PetscReal     *basis;   /* columns of Q one after the other, shape [r, d]; NULL when nothing was dropped */
  BrenierTargets whole;   /* borrowed */
  BrenierTargets targets; /* y'; the whole targets themselves when nothing was dropped. On the same ranks, row by row */
  BrenierSource  source;  /* as they see it; owned */
};

/*@
  BrenierReductionCreate - Finds the affine hull of the targets and their coordinates in it

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets; borrowed, must outlive the reduction
- source  - the source in their dimension

  Output Parameter:
. reduction - free with `BrenierReductionDestroy()`; same rank for any number of ranks

  Notes: n d operations when d + 16 targets span everything, 4 n d r when not. Memory 8 n d bytes more in that case.
@*/
PETSC_EXTERN PetscErrorCode BrenierReductionCreate(BrenierTargets targets, BrenierSource source,
                                                   BrenierReduction *reduction);

/* x' = Q^T x of n points, shapes [n, d] and [n, r]. Not collective. */
PETSC_EXTERN void BrenierReductionProject(BrenierReduction reduction, PetscInt n, const PetscReal x[],
                                          PetscReal projected[]);

/* Q x' of n points, shapes [n, r] and [n, d]; not a number stays so. Not collective. */
PETSC_EXTERN void BrenierReductionLift(BrenierReduction reduction, PetscInt n, const PetscReal projected[],
                                       PetscReal x[]);

/* Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierReductionDestroy(BrenierReduction *reduction);
