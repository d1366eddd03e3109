/*
  gaussian.c - The Gaussian start: heights of the linear map that carries the source's covariance to the targets'.

  With Cov = V' diag(w) V and z = (y - m) / unit the quadratic form is unit sum_k (v_k . z)^2 / sqrt(w_k / unit^2), so
  nothing overflows that the heights themselves do not.
*/
#include "moments.h"

#include <brenier/base.h>
#include <brenier/linear.h>

#include <petscblaslapack.h>

/* Directions whose variance is below this fraction of the largest are rounding noise. */
static const PetscReal brenier_flat_direction = 1e-12;

/* Eigenvectors of the targets' covariance (in units^2) over the fourth root of their eigenvalue, flat ones left out. */
static PetscErrorCode GetWhitening(const BrenierWeighted *rows, const PetscReal mean[], PetscReal unit, PetscInt *rank,
                                   PetscReal v[])
{
  const PetscInt dim = rows->y->dim, panel = BrenierPanelColumns(dim);
  const size_t   d = (size_t)dim;
  PetscReal     *a, *w;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(d * d, &a, dim, &w));
  for (PetscInt first = 0; first < dim; first += panel)
    PetscCall(BrenierCovariancePanel(rows, mean, unit, first, PetscMin(panel, dim - first), a + (size_t)first * d));
  PetscCall(BrenierEigenSymmetric(rows->comm, dim, a, w, v));
  *rank = 0;
  while (*rank < dim && w[*rank] > brenier_flat_direction * w[0]) ++*rank;
  for (PetscInt k = 0; k < *rank; ++k) {
    const PetscReal root = PetscSqrtReal(PetscSqrtReal(w[k]));

    for (size_t j = 0; j < d; ++j) v[(size_t)k * d + j] /= root;
  }
  PetscCall(PetscFree2(a, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* square[i] = |V z_i|^2 for the rows y - origin of one slab; z and p are work of shape [n_rows, dim]. */
static PetscErrorCode SquareNorms(const BrenierGaussianForm *form, const BrenierCoordinates *y, PetscInt first,
                                  PetscInt n_rows, const PetscReal origin[], PetscReal z[], PetscReal p[],
                                  PetscReal square[])
{
  const PetscReal one = 1.0, zero = 0.0;
  const PetscInt  rank = form->rank;
  PetscBLASInt    rows, dim, k;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n_rows, &rows));
  PetscCall(PetscBLASIntCast(form->dim, &dim));
  PetscCall(PetscBLASIntCast(rank, &k));
  BrenierCentreRows(y, first, n_rows, NULL, origin, form->unit, z);
  if (k) PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &k, &rows, &dim, &one, form->v, &dim, z, &dim, &zero, p, &k));
  for (PetscInt i = 0; i < n_rows; ++i) {
    square[i] = 0.0;
    for (PetscInt j = 0; j < rank; ++j) square[i] += PetscSqr(p[(size_t)i * (size_t)rank + (size_t)j]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the constant that makes sum nu h vanish, independent of the number of ranks. */
static PetscErrorCode FixGauge(MPI_Comm comm, PetscInt n_local, const PetscReal nu[], PetscReal h[])
{
  PetscReal  average;
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n_local, &term));
  for (PetscInt i = 0; i < n_local; ++i) term[i] = nu[i] * h[i];
  PetscCall(BrenierExactSum(comm, n_local, 1, term, &average));
  for (PetscInt i = 0; i < n_local; ++i) h[i] -= average;
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierGaussianFormCreate(MPI_Comm comm, const BrenierCoordinates *y, const PetscReal nu[],
                                         PetscReal scale, BrenierGaussianForm *form)
{
  const BrenierWeighted rows = {comm, y, nu};
  const size_t          d    = (size_t)y->dim;

  PetscFunctionBegin;
  PetscCheck(scale > 0.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The source's standard deviation must be positive, not %g",
             (double)scale);
  form->dim = y->dim;
  PetscCall(PetscMalloc2(d, &form->mean, d * d, &form->v));
  PetscCall(BrenierMeanAndUnit(&rows, form->mean, &form->unit));
  PetscCall(GetWhitening(&rows, form->mean, form->unit, &form->rank, form->v));
  form->factor = -0.5 * scale * form->unit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierGaussianFormRows(const BrenierGaussianForm *form)
{
  return BrenierSlabRows(form->dim);
}

PetscErrorCode BrenierGaussianFormApply(const BrenierGaussianForm *form, const BrenierCoordinates *x,
                                        const PetscReal origin[], PetscReal value[])
{
  const PetscInt n = x->n, slab = PetscMin(BrenierSlabRows(form->dim), n);
  const size_t   d = (size_t)form->dim;
  PetscReal     *z, *p, *zero;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)slab * d, &z, (size_t)slab * d, &p));
  PetscCall(PetscCalloc1(d, &zero));
  for (PetscInt i = 0; i < n; i += slab)
    PetscCall(SquareNorms(form, x, i, PetscMin(slab, n - i), origin ? origin : zero, z, p, value + i));
  for (PetscInt i = 0; i < n; ++i) value[i] *= form->factor;
  PetscCall(PetscFree(zero));
  PetscCall(PetscFree2(z, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierGaussianFormDestroy(BrenierGaussianForm *form)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(form->mean, form->v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierGaussianStart(MPI_Comm comm, const BrenierCoordinates *y, const PetscReal nu[], PetscReal scale,
                                    PetscReal h[])
{
  BrenierGaussianForm form;

  PetscFunctionBegin;
  PetscCall(BrenierGaussianFormCreate(comm, y, nu, scale, &form));
  PetscCall(BrenierGaussianFormApply(&form, y, form.mean, h));
  PetscCall(FixGauge(comm, y->n, nu, h));
  PetscCall(BrenierGaussianFormDestroy(&form));
  PetscFunctionReturn(PETSC_SUCCESS);
}
