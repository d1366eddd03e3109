/* certificates.h - Brings lists up to date with new heights, and walks them. certificates.c has the mathematics. */
#pragma once

#include "dual_private.h"

/* Replaces the pieces by those at heights h (normalised, of the local targets; `shift` is their mean by nu), scanning
   what the lists do not cover. Collective. O(candidates), and of a scan what is needed of it. */
PetscErrorCode BrenierWalkLists(BrenierDual dual, const PetscReal h[], PetscReal shift);
