/*
  interval.h - Cells in one dimension under laws that are cos^p t dt / c in an angle t,

    c = sqrt(pi) Gamma((p+1)/2) / Gamma(p/2+1):

  a coordinate of a uniform point of the unit sphere of R^m, m >= 2: x = sin t and p = m - 2, the density
  (1 - x^2)^((m-3)/2) / c on [-1, 1]; and Student's law of nu degrees of freedom: x = sqrt(nu) tan t and p = nu - 1.
  Plain C on arrays.
*/
#pragma once

#include "cell.h"

/* A law: x = sin t where `tail` is 0, else x = tail tan t, which needs power > 1. */
typedef struct {
  double power, tail;
} BrenierIntervalLaw;

/* W = { x : x a_j <= b_j, j < k } within [-1, 1], or within the line: its cell, shape of moments as in cell.h, the
   density at its ends in facet[j], and the ends themselves, a large number for an infinite one. Never NaN for finite
   input. */
void BrenierIntervalIntegrate(BrenierIntervalLaw law, int k, const double a[], const double b[], BrenierCell *cell,
                              double facet[], double end[2]);
