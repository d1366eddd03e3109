/*
  moments.h - Mean and covariance of distributed rows, in slabs of rows and panels of columns, free of overflow.

  Rows are centred first and divided by a power of two near their largest deviation (the unit), which is exact; so the
  covariance in units^2 has entries of at most 4, whatever the scale of the data, and no cancellation.
*/
#pragma once

#include <brenier/coordinates.h>

/* Rows in a slab, so that a slab of them takes some 4 MB. */
PetscInt BrenierSlabRows(PetscInt dim);

/* Columns in a panel, so that a panel of the covariance takes some 64 MB; all of them up to dim = 2,896. */
PetscInt BrenierPanelColumns(PetscInt dim);

/* z = (y - mean) / unit for `rows` points from the first on, each times the square root of its weight; nu may be NULL
   for ones. Not collective. */
void BrenierCentreRows(const BrenierCoordinates *y, PetscInt first, PetscInt rows, const PetscReal nu[],
                       const PetscReal mean[], PetscReal unit, PetscReal z[]);

/* Points of the ranks of comm and their weights, shape [y->n]; borrowed. */
typedef struct {
  MPI_Comm                  comm;
  const BrenierCoordinates *y;
  const PetscReal          *nu;
} BrenierWeighted;

/* Mean and unit of weighted points, the same on all ranks. Collective on the points' comm. */
PetscErrorCode BrenierMeanAndUnit(const BrenierWeighted *all, PetscReal mean[], PetscReal *unit);

/* Columns [first, first + count) of the covariance in units^2, shape [count, dim]; entries above the diagonal are
   finite, but mean nothing. The same on all ranks. Collective on the rows' comm. */
PetscErrorCode BrenierCovariancePanel(const BrenierWeighted *all, const PetscReal mean[], PetscReal unit,
                                      PetscInt first, PetscInt count, PetscReal panel[]);
