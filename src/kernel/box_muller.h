/*
  box_muller.h - Normal numbers from uniform ones, vectorised, the same bits on every processor.

  (u, v) in (0, 1)^2 gives sqrt(-2 log u) (cos 2 pi v, sin 2 pi v) (Box and Muller 1958). The logarithm and the circle
  are own code for two reasons: a library's differ in the last bit between processors and versions, and so would
  samples; and one number after the other they took a tenth of a scan.

    log u = e log 2 + 2 artanh((m - 1)/(m + 1)),  u = m 2^e, sqrt(1/2) <= m < sqrt 2
    2 pi v = q pi/2 + t, |t| <= pi/4: Taylor's series of sin t and cos t, turned by q quarters

  Every step that reduces the argument is exact; what is left is a few units in the last place.
*/
#pragma once

#include <stddef.h>

/* x: shape [n, 2]. */
void BrenierBoxMuller(size_t n, const double u[], const double v[], double x[]);
