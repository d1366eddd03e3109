/*
  moments.c - Implements moments.h and the public BrenierMoments(): two passes, mean and then centred products by BLAS.

  Reference: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", Am. Stat. 37 (1983).
*/
#include "moments.h"

#include <brenier/base.h>
#include <brenier/linear.h>

#include <math.h>
#include <petscblaslapack.h>

PetscInt BrenierSlabRows(PetscInt dim)
{
  return PetscMax(16, (1 << 19) / dim);
}

PetscInt BrenierPanelColumns(PetscInt dim)
{
  return PetscMin(dim, PetscMax(64, (1 << 23) / dim));
}

void BrenierCentreRows(const BrenierCoordinates *y, PetscInt first, PetscInt rows, const PetscReal nu[],
                       const PetscReal mean[], PetscReal unit, PetscReal z[])
{
  for (PetscInt i = 0; i < rows; ++i) {
    PetscReal       *to     = z + (size_t)i * (size_t)y->dim;
    const PetscReal *from   = BrenierPoint(y, first + i, to);
    const PetscReal  weight = nu ? PetscSqrtReal(nu[first + i]) : 1.0;

    for (PetscInt k = 0; k < y->dim; ++k) to[k] = (from[k] - mean[k]) / unit * weight;
  }
}

/* Adds the weighted mean of y - mean to mean. */
static PetscErrorCode ImproveMean(const BrenierWeighted *all, PetscReal mean[])
{
  const PetscInt dim = all->y->dim;
  PetscReal     *shift, *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dim, &work));
  PetscCall(PetscCalloc1(dim, &shift));
  for (PetscInt i = 0; i < all->y->n; ++i) {
    const PetscReal *y = BrenierPoint(all->y, i, work);

    for (PetscInt k = 0; k < dim; ++k) shift[k] += all->nu[i] * (y[k] - mean[k]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, shift, (PetscMPIInt)dim, MPIU_REAL, MPI_SUM, all->comm));
  for (PetscInt k = 0; k < dim; ++k) mean[k] += shift[k];
  PetscCall(PetscFree(shift));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMeanAndUnit(const BrenierWeighted *all, PetscReal mean[], PetscReal *unit)
{
  const PetscInt dim     = all->y->dim;
  PetscReal      largest = 0.0, *work;
  int            power;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(mean, dim));
  PetscCall(ImproveMean(all, mean));
  // Once more, since weights sum to 1 up to rounding only and the data may lie far from the origin
  PetscCall(ImproveMean(all, mean));
  PetscCall(PetscMalloc1(dim, &work));
  for (PetscInt i = 0; i < all->y->n; ++i) {
    const PetscReal *y = BrenierPoint(all->y, i, work);

    for (PetscInt k = 0; k < dim; ++k) largest = PetscMax(largest, PetscAbsReal(y[k] - mean[k]));
  }
  PetscCall(PetscFree(work));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, all->comm));
  frexp(largest, &power);
  *unit = largest > 0.0 ? ldexp(1.0, PetscMin(PetscMax(power, -1000), 1000)) : 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds this slab's products z' z to the lower part of a panel: the square on the diagonal, then what lies below it. */
static PetscErrorCode AddProducts(PetscInt n_rows, PetscInt n_dim, const PetscReal z[], PetscInt first, PetscInt n_cols,
                                  PetscReal panel[])
{
  const PetscReal one   = 1.0;
  const PetscInt  after = first + n_cols;
  PetscBLASInt    rows, dim, cols, below;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n_rows, &rows));
  PetscCall(PetscBLASIntCast(n_dim, &dim));
  PetscCall(PetscBLASIntCast(n_cols, &cols));
  PetscCall(PetscBLASIntCast(n_dim - after, &below));
  PetscCallBLAS("BLASsyrk", BLASsyrk_("L", "N", &cols, &rows, &one, z + first, &dim, &one, panel + first, &dim));
  if (below)
    PetscCallBLAS("BLASgemm", BLASgemm_("N", "T", &below, &cols, &rows, &one, z + after, &dim, z + first, &dim, &one,
                                        panel + after, &dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCovariancePanel(const BrenierWeighted *all, const PetscReal mean[], PetscReal unit,
                                      PetscInt first, PetscInt count, PetscReal panel[])
{
  const PetscInt n_local = all->y->n, dim = all->y->dim, slab = BrenierSlabRows(dim);
  PetscReal     *z;
  PetscMPIInt    total;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast((PetscInt)count * dim, &total));
  PetscCall(PetscArrayzero(panel, total));
  PetscCall(PetscMalloc1((size_t)PetscMin(slab, n_local) * (size_t)dim, &z));
  for (PetscInt i = 0; i < n_local; i += slab) {
    const PetscInt rows = PetscMin(slab, n_local - i);

    BrenierCentreRows(all->y, i, rows, all->nu, mean, unit, z);
    PetscCall(AddProducts(rows, dim, z, first, count, panel));
  }
  PetscCall(PetscFree(z));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, panel, total, MPIU_REAL, MPI_SUM, all->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMoments(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[], const PetscReal nu[],
                              PetscReal mean[], PetscReal covariance[])
{
  const BrenierCoordinates points = BrenierCoordinatesOf(n_local, dim, y);
  const BrenierWeighted    rows   = {comm, &points, nu};
  const PetscInt           panel  = BrenierPanelColumns(dim);
  const size_t             d      = (size_t)dim;
  PetscReal                unit;

  PetscFunctionBegin;
  PetscCall(BrenierMeanAndUnit(&rows, mean, &unit));
  for (PetscInt first = 0; first < dim; first += panel)
    PetscCall(
        BrenierCovariancePanel(&rows, mean, unit, first, PetscMin(panel, dim - first), covariance + (size_t)first * d));
  for (size_t j = 0; j < d; ++j)
    for (size_t i = j; i < d; ++i) covariance[j * d + i] = covariance[i * d + j] = covariance[j * d + i] * unit * unit;
  PetscFunctionReturn(PETSC_SUCCESS);
}
