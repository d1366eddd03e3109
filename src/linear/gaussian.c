/*
  gaussian.c - The Gaussian start: heights of the linear map that carries the source's covariance to the targets'.

  With Cov = V' diag(w) V and z = (y - m) / unit the quadratic form is unit sum_k (v_k . z)^2 / sqrt(w_k / unit^2), so
  nothing overflows that the heights themselves do not.

  Let Z have the rows z, each times the square root of its weight: Cov = Z' Z. Where there are fewer points than
  coordinates, Z Z' is smaller. It has the same eigenvalues but for zeros, and its eigenvectors u give v = Z' u /
  sqrt(w) (Golub and Van Loan, Matrix Computations, section 8.6). Nor has it an eigenvalue with many vectors, which
  solvers are slow at.
*/
#include "moments.h"

#include <brenier/array.h>
#include <brenier/base.h>
#include <brenier/linear.h>

#include <petscblaslapack.h>

/* Directions whose variance is below this fraction of the largest are rounding noise. */
static const PetscReal brenier_flat_direction = 1e-12;

/* Points over all ranks. */
static PetscErrorCode CountPoints(const BrenierWeighted *rows, PetscInt64 *n)
{
  PetscFunctionBegin;
  *n = rows->y->n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n, 1, MPIU_INT64, MPI_SUM, rows->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All rows of Z, on all ranks. */
static PetscErrorCode GatherRows(const BrenierWeighted *rows, const PetscReal mean[], PetscReal unit, PetscReal z[])
{
  BrenierArray own = {.comm = rows->comm, .n_local = rows->y->n, .dim = rows->y->dim};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)own.n_local * (size_t)own.dim, &own.value));
  BrenierCentreRows(rows->y, 0, rows->y->n, rows->nu, mean, unit, own.value);
  PetscCall(BrenierArrayGather(&own, z));
  PetscCall(PetscFree(own.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How many of the descending eigenvalues are not flat. */
static PetscInt CountSteep(PetscInt n, const PetscReal w[])
{
  PetscInt rank = 0;

  while (rank < n && w[rank] > brenier_flat_direction * w[0]) ++rank;
  return rank;
}

/* Eigenvectors v of the covariance of n points, fewer than coordinates, each over the fourth root of its eigenvalue. */
static PetscErrorCode WhitenFew(const BrenierWeighted *rows, PetscInt n, const PetscReal mean[], PetscReal unit,
                                PetscInt *rank, PetscReal v[])
{
  const PetscInt  dim = rows->y->dim;
  const PetscReal one = 1.0, zero = 0.0;
  PetscBLASInt    points, d, r;
  PetscReal      *z, *gram, *u, *w;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n, &points));
  PetscCall(PetscBLASIntCast(dim, &d));
  PetscCall(PetscMalloc4((size_t)n * dim, &z, (size_t)n * n, &gram, (size_t)n * n, &u, n, &w));
  PetscCall(GatherRows(rows, mean, unit, z));
  PetscCallBLAS("BLASgemm", BLASgemm_("T", "N", &points, &points, &d, &one, z, &d, z, &d, &zero, gram, &points));
  PetscCall(BrenierEigenSymmetric(rows->comm, n, gram, w, u));
  *rank = CountSteep(n, w);
  for (PetscInt k = 0; k < *rank; ++k) {
    const PetscReal length = PetscPowReal(w[k], 0.75); // that of z' u, times the fourth root

    for (PetscInt i = 0; i < n; ++i) u[(size_t)k * n + i] /= length;
  }
  PetscCall(PetscBLASIntCast(*rank, &r));
  if (r) PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &d, &r, &points, &one, z, &d, u, &points, &zero, v, &d));
  PetscCall(PetscFree4(z, gram, u, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of any number of points. */
static PetscErrorCode WhitenMany(const BrenierWeighted *rows, const PetscReal mean[], PetscReal unit, PetscInt *rank,
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
  *rank = CountSteep(dim, w);
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
  PetscInt64            n;

  PetscFunctionBegin;
  PetscCheck(scale > 0.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The source's standard deviation must be positive, not %g",
             (double)scale);
  form->dim = y->dim;
  PetscCall(PetscMalloc2(d, &form->mean, d * d, &form->v));
  PetscCall(BrenierMeanAndUnit(&rows, form->mean, &form->unit));
  PetscCall(CountPoints(&rows, &n));
  if (n < y->dim) PetscCall(WhitenFew(&rows, (PetscInt)n, form->mean, form->unit, &form->rank, form->v));
  else PetscCall(WhitenMany(&rows, form->mean, form->unit, &form->rank, form->v));
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
