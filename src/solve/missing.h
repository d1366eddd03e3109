/*
  missing.h - After the last measurement: cells that it found empty, and not by chance, get mass.

  On a fresh sample of the size of the measurement's an empty cell is lifted by its gap (dual.h), and one that has too
  little or too much by its logarithm, as its mass behaves like an exponential of its height, with its own entry of the
  Hessian; all others stay. The heights are measured again, and are kept when fewer cells are missing and rho is as good
  or within the tolerance.
*/
#pragma once

#include "solve_run.h"

/* Gives mass to cells that the last measurement found missing, and measures again; what was before stays when that is
   no better. Collective. */
PetscErrorCode BrenierSolveFillMissing_Private(Solve *s);
