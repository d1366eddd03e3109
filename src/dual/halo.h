/*
  halo.h - The targets that curves of this rank touch, wherever they live: ghosts, in the word of the field.

  A star forest (PetscSF) connects each ghost with the one rank that owns its target; heights come to the ghosts through
  it, and masses go back.
*/
#pragma once

#include <brenier/index.h>
#include <petscsf.h>

typedef struct {
  PetscInt       n;      /* ghosts */
  BrenierGlobal *global; /* ascending; shape [n] */
  PetscReal     *height; /* normalised, shape [n] */
  PetscSF        sf;     /* ghosts to targets; NULL before there are any */
} BrenierHalo;

/*
  BrenierHaloBuild - Makes the halo of n targets, repeats allowed

  Collective on the layout's communicator. global, ghost: shape [n]; the second gets the ghosts' numbers. Replaces what
  was there; heights are undefined afterwards. O(n + targets / 64), one bit a target while it is made.
*/
PetscErrorCode BrenierHaloBuild(BrenierHalo *halo, PetscLayout layout, PetscInt64 n, const BrenierGlobal global[],
                                BrenierGhost ghost[]);

/* Values of the local targets at the ghosts of this rank. Collective. */
PetscErrorCode BrenierHaloGet(const BrenierHalo *halo, const PetscReal value[], PetscReal at_ghost[]);

/* Adds what the ghosts of all ranks have to the local targets' values. Collective. */
PetscErrorCode BrenierHaloAdd(const BrenierHalo *halo, const PetscInt64 at_ghost[], PetscInt64 value[]);

/* Collective. */
PetscErrorCode BrenierHaloFree(BrenierHalo *halo);
