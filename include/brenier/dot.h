/*
  dot.h - Inner products in double, the same bits on every machine, as the order of the sum is fixed. Plain C.
*/
#pragma once

#include <stddef.h>

/* Inner product in double, in an order fixed for all machines and any alignment: eight partial sums, then a tree. */
double BrenierDot(size_t dim, const double x[], const double y[]);

/* <x1, y> and <x2, y>, the same numbers as BrenierDot() gives, with one pass over y. */
void BrenierDotPair(size_t dim, const double x1[], const double x2[], const double y[], double *dot1, double *dot2);
