/* exponential.h - The exponential function of many arguments at once, the same on every machine. */
#pragma once

/* y[i] = e^x[i] for x[i] < 700. */
void BrenierExponentials(int n, const double x[], double y[]);
