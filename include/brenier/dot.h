/*
  dot.h - Inner products in double: the same bits on every machine, as the order of the sum is fixed. Plain C.
*/
#pragma once

#include <stddef.h>

/*@
  BrenierDot - Inner product, in an order that is fixed for all machines and any alignment: eight partial sums, then a
  tree

  Not collective

  Input Parameters:
+ dim - length of the vectors
. x   - shape [dim]; unit: any
- y   - shape [dim]; unit: any

  Returns: <x, y>; unit: that of x times that of y

  Cost: 2 dim flops
@*/
double BrenierDot(size_t dim, const double x[], const double y[]);

/*@
  BrenierDotPair - Two inner products in one pass over y, with the same bits as `BrenierDot()` gives

  Not collective

  Input Parameters:
+ dim - length of the vectors
. x1  - shape [dim]; unit: any
. x2  - shape [dim]; unit: any
- y   - shape [dim]; unit: any

  Output Parameters:
+ dot1 - <x1, y>; unit: that of x1 times that of y
- dot2 - <x2, y>; unit: that of x2 times that of y

  Cost: 4 dim flops
@*/
void BrenierDotPair(size_t dim, const double x1[], const double x2[], const double y[], double *dot1, double *dot2);
