/*
  components.h - Cells in one to three dimensions under a mixture of normal laws, sum_k p_k N(m_k, L_k L_k^T): the sum
  over its components of the cells in the coordinates z of x = m_k + L_k z. Plain C on arrays.

  A half-space <x, a> <= b is <z, L_k^T a> <= b - <m_k, a> there. A facet keeps its measure over |a|, as that is the
  derivative of the mass by b.
*/
#pragma once

#include "cell.h"

typedef struct {
  int     n, dim;
  double  scale;  /* unit of what follows: a length in which all components lie within the domain of cell.h */
  double *weight; /* p_k, shape [n] */
  double *mean;   /* m_k over the scale, shape [n, dim] */
  double *factor; /* lower triangle L_k over the scale, row by row, shape [n, dim, dim] */
} BrenierComponents;

/* Components with factors row by row, shape [factors, dim, width] (0: the identity; 1: one for all; n). Returns 0; 1
   when memory is out or a factor has not rank dim. Free them also then. */
int BrenierComponentsSet(int n, int dim, const double weight[], const double mean[], int factors, int width,
                         const double factor[], BrenierComponents *components);

void BrenierComponentsFree(BrenierComponents *components);

/* As BrenierCellIntegrate(), in units of the scale; also in one dimension. */
int BrenierComponentsIntegrate(const BrenierComponents *components, int k, const double a[], const double b[],
                               BrenierCellWork *work, BrenierCell *cell, double facet[]);
