/*
  principal.c - Principal components: eigenvectors of the covariance, and the linear auto-encoder they make.

  The covariance is made panel by panel and stays dealt to the process grid, so a rank holds one panel and its share of
  the matrix. Reference: Jolliffe, Principal Component Analysis, 2nd ed. (2002).
*/
#include "moments.h"
#include "scalapack.h"

#include <brenier/base.h>

/* Covariance in units^2 of equally weighted rows, on the grid. */
static PetscErrorCode FillCovariance(BrenierBlockMatrix *matrix, const BrenierWeighted *rows, const PetscReal mean[],
                                     PetscReal unit)
{
  const PetscInt p = rows->y->dim, columns = BrenierPanelColumns(p);
  PetscReal     *panel;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)columns * (size_t)p, &panel));
  for (PetscInt first = 0; first < p; first += columns) {
    const PetscInt count = PetscMin(columns, p - first);

    PetscCall(BrenierCovariancePanel(rows, mean, unit, first, count, panel));
    BrenierBlockMatrixSetColumns(matrix, first, count, panel);
  }
  PetscCall(PetscFree(panel));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPrincipalComponents(MPI_Comm comm, PetscInt n_local, PetscInt p, const PetscReal x[], PetscInt d,
                                          const BrenierPrincipal *out, BrenierEigenCheck *check)
{
  PetscInt64               n      = n_local;
  const BrenierCoordinates points = BrenierCoordinatesOf(n_local, p, x);
  PetscReal                unit;
  PetscReal               *nu;
  BrenierBlockMatrix       matrix;

  PetscFunctionBegin;
  PetscCheck(1 <= d && d <= p, comm, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PetscInt_FMT " principal components of %" PetscInt_FMT " features", d, p);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPIU_INT64, MPI_SUM, comm));
  PetscCall(BrenierBlockMatrixCreate(comm, p, &matrix));
  PetscCall(PetscMalloc1(n_local, &nu));
  for (PetscInt i = 0; i < n_local; ++i) nu[i] = 1.0 / (PetscReal)n;
  PetscCall(BrenierMeanAndUnit(&(BrenierWeighted){comm, &points, nu}, out->mean, &unit));
  PetscCall(FillCovariance(&matrix, &(BrenierWeighted){matrix.comm, &points, nu}, out->mean, unit));
  PetscCall(PetscFree(nu));
  PetscCall(BrenierBlockMatrixEigen(&matrix, d, out->variance, out->component, check));
  PetscCall(BrenierBlockMatrixDestroy(&matrix));
  // Rounding makes the variance of a flat direction slightly negative
  for (PetscInt k = 0; k < p; ++k) out->variance[k] = PetscMax(0.0, out->variance[k]) * unit * unit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPrincipalEncode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                      const PetscReal mean[], const PetscReal component[], const PetscReal x[],
                                      PetscReal code[])
{
  const BrenierCoordinates points = BrenierCoordinatesOf(n_rows, n_features, x);
  const PetscReal          one = 1.0, zero = 0.0;
  PetscBLASInt             rows, p, d;
  PetscReal               *z;

  PetscFunctionBegin;
  if (!n_rows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(n_rows, &rows));
  PetscCall(PetscBLASIntCast(n_features, &p));
  PetscCall(PetscBLASIntCast(n_components, &d));
  PetscCall(PetscMalloc1((size_t)n_rows * (size_t)n_features, &z));
  BrenierCentreRows(&points, 0, n_rows, NULL, mean, 1.0, z);
  PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &d, &rows, &p, &one, component, &p, z, &p, &zero, code, &d));
  PetscCall(PetscFree(z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPrincipalDecode(PetscInt n_rows, PetscInt n_features, PetscInt n_components,
                                      const PetscReal mean[], const PetscReal component[], const PetscReal code[],
                                      PetscReal x[])
{
  const PetscReal one = 1.0;
  PetscBLASInt    rows, p, d;

  PetscFunctionBegin;
  if (!n_rows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(n_rows, &rows));
  PetscCall(PetscBLASIntCast(n_features, &p));
  PetscCall(PetscBLASIntCast(n_components, &d));
  for (PetscInt i = 0; i < n_rows; ++i) PetscCall(PetscArraycpy(x + (size_t)i * (size_t)n_features, mean, n_features));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &p, &rows, &d, &one, component, &p, code, &d, &one, x, &p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
