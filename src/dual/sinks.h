/*
  sinks.h - The three things that come of a scan: pieces, lists, and additions to lists.

  Collective. Heights are normalised, of shape [targets here]. Counts go to the work of the dual.
*/
#pragma once

#include "dual_private.h"

/* The pieces at heights h, by a scan of every curve, and their halo at these heights. */
PetscErrorCode BrenierScanPieces(BrenierDual dual, const PetscReal h[]);

/* Lists of n local curves that hold for heights from low to cap. */
PetscErrorCode BrenierScanLists(BrenierDual dual, PetscInt n, const PetscInt curve[], const PetscReal lower[],
                                const PetscReal upper[]);

/* Chosen targets of this rank, whose caps rose. */
typedef struct {
  PetscInt            n;
  const BrenierLocal *target;
} BrenierRescanned;

/* Adds the risen targets to the lists of n local curves, where they reach. *crowded: the lists became so long that the
   scan was given up, and all curves are to be scanned again. */
PetscErrorCode BrenierRescanTargets(BrenierDual dual, PetscInt n, const PetscInt curve[],
                                    const BrenierRescanned *rescanned, const PetscReal lower[], const PetscReal upper[],
                                    PetscBool *too_long);
