/*
  quantiles.h - One dimension: the optimal heights in closed form.

  With targets y_1 < y_2 < ... and cumulated weights F_k, cell k ends at the quantile x_k of the source at F_k, where
  two neighbouring planes meet: h_{k+1} = h_k - x_k (y_{k+1} - y_k). Newton's system there is a path graph whose
  condition grows like n^2, and its iteration was measured to stall from n = 200 on; the formula is exact at any n.
*/
#pragma once

#include <brenier/source.h>
#include <brenier/targets.h>

/* Sets h, gauged. Collective on the targets' communicator. Rank 0 sorts all targets, 24 bytes each. */
PetscErrorCode BrenierQuantileHeights_Private(BrenierTargets targets, BrenierSource source, Vec h);
