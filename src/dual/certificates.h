/* certificates.h - Evaluation by candidate lists: updates them for new heights and walks their envelopes.
   certificates.c has the mathematics. */
#pragma once

#include "dual_private.h"

/* Replaces the pieces by those at heights h, normalised, of the local targets; shift = sum nu h. Scans what the
   certificates require. Collective. O(candidates) beside the scans. */
PetscErrorCode BrenierWalkLists(BrenierDual dual, const PetscReal h[], PetscReal shift);
