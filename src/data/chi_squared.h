/* chi_squared.h - Quantiles of the chi-squared law. */
#pragma once

/* x > 0 with mass u, 0 < u < 1, below it under the law of dof > 0 degrees of freedom. Right to some 1e-14 of x. */
double BrenierChiSquaredQuantile_Private(double dof, double u);
