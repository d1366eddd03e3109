/*
  moments.h - Mean and covariance of distributed rows, in slabs of rows and panels of columns, free of overflow.

  Rows are centred first and divided by a power of two near their largest deviation (the unit), which is exact; so the
  covariance in units^2 has entries of at most 4, whatever the scale of the data, and no cancellation.
*/
#pragma once

#include <petscsys.h>

/* Rows in a slab, so that a slab of them takes some 4 MB. */
PetscInt BrenierSlabRows(PetscInt dim);

/* Columns in a panel, so that a panel of the covariance takes some 64 MB; all of them up to dim = 2,896. */
PetscInt BrenierPanelColumns(PetscInt dim);

/* z = (y - mean) / unit, each row times the square root of its weight; nu may be NULL for ones. Not collective. */
void BrenierCentreRows(PetscInt rows, PetscInt dim, const PetscReal y[], const PetscReal nu[], const PetscReal mean[],
                       PetscReal unit, PetscReal z[]);

/* Mean and unit of weighted rows, the same on all ranks. Collective on comm. */
PetscErrorCode BrenierMeanAndUnit(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                  const PetscReal nu[], PetscReal mean[], PetscReal *unit);

/* Rows of the ranks of comm, shape [n_local, dim], and their weights, shape [n_local]; borrowed. */
typedef struct {
  MPI_Comm         comm;
  PetscInt         n_local, dim;
  const PetscReal *y, *nu;
} BrenierWeighted;

/* Columns [first, first + count) of the covariance in units^2, shape [count, dim]; entries above the diagonal are
   finite, but mean nothing. The same on all ranks. Collective on the rows' comm. */
PetscErrorCode BrenierCovariancePanel(const BrenierWeighted *all, const PetscReal mean[], PetscReal unit,
                                      PetscInt first, PetscInt count, PetscReal panel[]);
