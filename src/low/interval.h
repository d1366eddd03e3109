/*
  interval.h - Cells in one dimension under the law of one coordinate of a point of the unit sphere of R^m, m >= 2:

    density (1 - x^2)^((m-3)/2) / c on [-1, 1],   c = sqrt(pi) Gamma((m-1)/2) / Gamma(m/2);

  with x = sin t that is cos^(m-2) t dt / c, smooth whatever m. Plain C on arrays.
*/
#pragma once

#include "cell.h"

/* W = { x : x a_j <= b_j, j < k } within [-1, 1]: its cell, shape of moments as in cell.h, the density at its ends in
   facet[j], and the ends themselves. Never NaN for finite input. */
void BrenierIntervalIntegrate(int ambient, int k, const double a[], const double b[], BrenierCell *cell, double facet[],
                              double end[2]);
