/*
  dot.h - Inner products in double, and vectors before them: the same bits on every machine, as the order of a sum is
  fixed. Plain C.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

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

/*@
  BrenierAddMultiple - Adds a multiple of a vector: y += scale x

  Not collective

  Input Parameters:
+ dim   - length of the vectors
. scale - what x is multiplied by; unit: any
- x     - shape [dim]; unit: any

  Input/Output Parameter:
. y - shape [dim]; unit: that of x times that of scale

  Cost: 2 dim flops
@*/
void BrenierAddMultiple(size_t dim, double scale, const double x[], double y[]);

/*@
  BrenierCombine - Gives a linear combination of two vectors: to = a x + b y

  Not collective

  Input Parameters:
+ dim - length of the vectors
. a   - what x is multiplied by; unit: any
. x   - shape [dim]; unit: any
. b   - what y is multiplied by; unit: any
- y   - shape [dim]; unit: such that both terms have the same

  Output Parameter:
. to - shape [dim]; unit: that of a times that of x

  Cost: 3 dim flops
@*/
void BrenierCombine(size_t dim, double a, const double x[], double b, const double y[], double to[]);

/*@
  BrenierAddRounded - Adds multiples of numbers to integers, each rounded to the nearest: sum += round(scale x)

  Not collective

  Input Parameters:
+ dim   - length of the vectors
. scale - what x is multiplied by; unit: any
- x     - shape [dim], of at most 2^62 / scale in magnitude; unit: any

  Input/Output Parameter:
. sum - shape [dim]; unit: that of x times that of scale

  Cost: 2 dim operations
@*/
void BrenierAddRounded(size_t dim, double scale, const double x[], int64_t sum[]);

/*@
  BrenierCentre, BrenierCentreSingle - Subtracts a vector and scales the difference, of a vector in double or in single
  precision

  Not collective

  Input Parameters:
+ dim    - length of the vectors
. x      - shape [dim]; unit: any
. origin - what is subtracted, shape [dim]; unit: that of x
- scale  - what the difference is multiplied by; unit: any

  Output Parameter:
. y - (x - origin) scale, shape [dim]; unit: that of x times that of scale

  Cost: 2 dim flops
@*/
void BrenierCentre(size_t dim, const double x[], const double origin[], double scale, double y[]);
void BrenierCentreSingle(size_t dim, const float x[], const double origin[], double scale, double y[]);
