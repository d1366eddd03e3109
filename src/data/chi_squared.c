/*
  chi_squared.c - Implements chi_squared.h: Newton's method for the incomplete gamma function.

  Half of a chi-squared number of 2 a degrees of freedom has the gamma law of shape a: density x^(a-1) e^-x / Gamma(a).
  The density of s = log x is log-concave, so log P and log Q, of the masses below and above, are concave functions of
  s, and Newton's method for log P(s) = log u, or for log Q(s) = log (1 - u), passes the root at most once. (Press et
  al., Numerical Recipes, section 6.2, has the series and the continued fraction.)
*/
#include "chi_squared.h"

#include <math.h>

static const double brenier_series_end = 1e-17, brenier_step_end = 1e-15;

/* Shape below which the start is a bound of the root, and else the middle. */
static const double brenier_small_shape = 30.0;

/* x^a e^-x / Gamma(a). */
static double Term(double a, double x)
{
  return exp(a * log(x) - x - lgamma(a));
}

/* P(a, x) over the term above, where x is below a + 1. */
static double BelowByTerm(double a, double x)
{
  double term = 1.0 / a, sum = term;

  for (double n = a + 1.0; term > brenier_series_end * sum; n += 1.0) {
    term *= x / n;
    sum += term;
  }
  return sum;
}

/* Q(a, x) over the term above, where x is a + 1 or more: Lentz's method. */
static double AboveByTerm(double a, double x)
{
  double b = x + 1.0 - a, c = 1e300, d = 1.0 / b, fraction = d, factor = 0.0;

  for (int i = 1; i < 100000 && fabs(factor - 1.0) > brenier_series_end * 10.0; ++i) {
    const double an = -i * (i - a);

    b += 2.0;
    d      = 1.0 / (an * d + b);
    c      = b + an / c;
    factor = c * d;
    fraction *= factor;
  }
  return fraction;
}

/* Masses below and above x, each accurate where it is the smaller one; the derivative of the first by log x. */
static double Masses(double a, double x, double *below, double *above)
{
  const double term = Term(a, x);

  if (x < a + 1.0) {
    *below = term * BelowByTerm(a, x);
    *above = 1.0 - *below;
  } else {
    *above = term * AboveByTerm(a, x);
    *below = 1.0 - *above;
  }
  return term;
}

double BrenierChiSquaredQuantile_Private(double dof, double u)
{
  const int    max_it = 200;
  const double a = 0.5 * dof, longest = fmin(1.0, 2.0 / sqrt(a)); // of a step: some standard deviations of s
  double       s = log(a);

  // P <= x^a / Gamma(a + 1): not above the root
  if (u < 0.5 && a < brenier_small_shape) s = fmin(s, (log(u) + lgamma(a + 1.0)) / a);

  for (int it = 0; it < max_it; ++it) {
    double       below, above;
    const double slope = Masses(a, exp(s), &below, &above);
    const double step  = u < 0.5 ? below / slope * log(u / below) : above / slope * log(above / fmax(1.0 - u, 0x1p-54));

    s += fmax(fmin(step, longest), -longest);
    if (fabs(step) <= brenier_step_end * (1.0 + fabs(s))) break;
  }
  return 2.0 * exp(s);
}
