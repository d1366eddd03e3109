/* space.h - Vectors and moments in space. */
#pragma once

#include "low/cell.h"

static inline double Dot(const double x[3], const double y[3])
{
  return x[0] * y[0] + x[1] * y[1] + x[2] * y[2];
}

static inline void Cross(const double x[3], const double y[3], double z[3])
{
  z[0] = x[1] * y[2] - x[2] * y[1];
  z[1] = x[2] * y[0] - x[0] * y[2];
  z[2] = x[0] * y[1] - x[1] * y[0];
}

/* second += weight x x', in the order of cell.h. */
static inline void AddProduct(double weight, const double x[3], const double y[3], double second[6])
{
  for (int i = 0, m = 0; i < 3; ++i)
    for (int j = i; j < 3; ++j) second[m++] += 0.5 * weight * (x[i] * y[j] + x[j] * y[i]);
}

/* Moments from about the point to about the origin. */
static inline void Shift(const double point[3], BrenierCell *cell)
{
  AddProduct(cell->mass, point, point, cell->second);
  AddProduct(2.0, point, cell->moment, cell->second);
  for (int d = 0; d < 3; ++d) cell->moment[d] += cell->mass * point[d];
}
