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

void BrenierCentreRows(PetscInt rows, PetscInt dim, const PetscReal y[], const PetscReal nu[], const PetscReal mean[],
                       PetscReal unit, PetscReal z[])
{
  for (PetscInt i = 0; i < rows; ++i) {
    const PetscReal *from   = y + (size_t)i * (size_t)dim;
    PetscReal       *to     = z + (size_t)i * (size_t)dim;
    const PetscReal  weight = nu ? PetscSqrtReal(nu[i]) : 1.0;

    for (PetscInt k = 0; k < dim; ++k) to[k] = (from[k] - mean[k]) / unit * weight;
  }
}

/* Adds the weighted mean of y - mean to mean. */
static PetscErrorCode ImproveMean(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                  const PetscReal nu[], PetscReal mean[])
{
  PetscReal *shift;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(dim, &shift));
  for (PetscInt i = 0; i < n_local; ++i)
    for (PetscInt k = 0; k < dim; ++k) shift[k] += nu[i] * (y[(size_t)i * (size_t)dim + (size_t)k] - mean[k]);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, shift, (PetscMPIInt)dim, MPIU_REAL, MPI_SUM, comm));
  for (PetscInt k = 0; k < dim; ++k) mean[k] += shift[k];
  PetscCall(PetscFree(shift));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMeanAndUnit(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[],
                                  const PetscReal nu[], PetscReal mean[], PetscReal *unit)
{
  PetscReal largest = 0.0;
  int       power;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(mean, dim));
  PetscCall(ImproveMean(comm, n_local, dim, y, nu, mean));
  // Once more, since weights sum to 1 up to rounding only and the data may lie far from the origin
  PetscCall(ImproveMean(comm, n_local, dim, y, nu, mean));
  for (PetscInt i = 0; i < n_local; ++i)
    for (PetscInt k = 0; k < dim; ++k)
      largest = PetscMax(largest, PetscAbsReal(y[(size_t)i * (size_t)dim + (size_t)k] - mean[k]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, comm));
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
  const PetscInt n_local = all->n_local, dim = all->dim, slab = BrenierSlabRows(dim);
  PetscReal     *z;
  PetscMPIInt    total;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast((PetscInt)count * dim, &total));
  PetscCall(PetscArrayzero(panel, total));
  PetscCall(PetscMalloc1((size_t)PetscMin(slab, n_local) * (size_t)dim, &z));
  for (PetscInt i = 0; i < n_local; i += slab) {
    const PetscInt rows = PetscMin(slab, n_local - i);

    BrenierCentreRows(rows, dim, all->y + (size_t)i * (size_t)dim, all->nu + i, mean, unit, z);
    PetscCall(AddProducts(rows, dim, z, first, count, panel));
  }
  PetscCall(PetscFree(z));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, panel, total, MPIU_REAL, MPI_SUM, all->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMoments(MPI_Comm comm, PetscInt n_local, PetscInt dim, const PetscReal y[], const PetscReal nu[],
                              PetscReal mean[], PetscReal covariance[])
{
  const BrenierWeighted rows  = {comm, n_local, dim, y, nu};
  const PetscInt        panel = BrenierPanelColumns(dim);
  const size_t          d     = (size_t)dim;
  PetscReal             unit;

  PetscFunctionBegin;
  PetscCall(BrenierMeanAndUnit(comm, n_local, dim, y, nu, mean, &unit));
  for (PetscInt first = 0; first < dim; first += panel)
    PetscCall(
        BrenierCovariancePanel(&rows, mean, unit, first, PetscMin(panel, dim - first), covariance + (size_t)first * d));
  for (size_t j = 0; j < d; ++j)
    for (size_t i = j; i < d; ++i) covariance[j * d + i] = covariance[i * d + j] = covariance[j * d + i] * unit * unit;
  PetscFunctionReturn(PETSC_SUCCESS);
}
