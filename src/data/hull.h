/* hull.h - Private to reduction.c: the directions in which targets differ. */
#pragma once

#include <brenier/source.h>
#include <brenier/targets.h>

/*
  BrenierHullFind_Private - Finds an orthonormal basis of the differences of targets, or, where the source is not
  invariant under rotations, the axes along which they differ

  Collective on the targets' communicator. *basis: its vectors one after the other, shape [*rank, dim], the same on all
  ranks and freed by the caller; NULL where *rank is dim. *rank is 0 where no two targets differ.

  Cost: 2 m^2 d flops on one rank, m = min(n - 1, d), three times that for a basis; 4 n d r flops over all ranks where
  differences are dependent, r = *rank
*/
PetscErrorCode BrenierHullFind_Private(BrenierTargets targets, BrenierSymmetry symmetry, PetscInt *rank,
                                       PetscReal **basis);
