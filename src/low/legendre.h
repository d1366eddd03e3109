/* legendre.h - Gauss-Legendre rules on [0, 1] for integrands that behave like exp(s x). */
#pragma once

typedef struct {
  int           n;
  double        longest; // largest |s| that it is good for
  const double *x, *w;
} BrenierRule;

/* The rule for an interval over which the exponent changes by length, and into how many pieces to cut it, most at
   most. */
const BrenierRule *BrenierLegendre(double length, int most, int *pieces);
