/*
  sinks.h - The three results of a scan: pieces, candidate lists, and additions to lists.

  Collective. Heights are normalised, of shape [targets here]. Counts go to the work of the dual.
*/
#pragma once

#include "dual_private.h"

/* The pieces at heights h, by a scan of every curve, and their halo at these heights. */
PetscErrorCode BrenierScanPieces(BrenierDual dual, const PetscReal h[]);

/* Lists of n local curves that are complete for heights from lower to upper. */
PetscErrorCode BrenierScanLists(BrenierDual dual, PetscInt n, const PetscInt curve[], const PetscReal lower[],
                                const PetscReal upper[]);

/* Targets of this rank whose upper heights rose. */
typedef struct {
  PetscInt            n;
  const BrenierLocal *target;
} BrenierRescanned;

/* Adds the targets to the lists of n local curves where they reach l (certificates.c). *too_long: the lists became so
   long that the scan ended early, and all curves are to be scanned again. */
PetscErrorCode BrenierRescanTargets(BrenierDual dual, PetscInt n, const PetscInt curve[],
                                    const BrenierRescanned *rescanned, const PetscReal lower[], const PetscReal upper[],
                                    PetscBool *too_long);
