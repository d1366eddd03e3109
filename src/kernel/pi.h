/* pi.h - The number, once for kernels and cells. */
#pragma once

static const double brenier_pi = 3.14159265358979323846264338327950288;
