/*
  missing.h - After the last measurement: cells that are missing or wrong (held_out.h) are corrected.

  On a fresh sample half as large as the measurement, an empty cell is lifted by its gap (dual.h). A cell with mass
  moves by log(nu_i / w_i) w_i / H_ii, since its mass is about exponential in its height. All other heights stay. The
  result is measured, and accepted if fewer cells are missing and rho is not larger, or within the tolerance.
*/
#pragma once

#include "solve_run.h"

/* Corrects the cells and measures again; restores heights and measurement if the result is not accepted. Collective. */
PetscErrorCode BrenierSolveFillMissing_Private(Solve *s);
