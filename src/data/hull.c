/*
  hull.c - Implements hull.h.

  Let a_j be the difference of target j to target 0, each axis in units of the range of the targets along it. The rank
  is found in one of two ways.

  1. QR of m = min(n - 1, d) of the differences, on one rank, by LAPACK: |R_kk| is how far a_k is from the span of those
     before it. If all are far, the differences are independent by a wide margin: there are m directions, and where
     m is d or n - 1 there can be no more. The basis is the Q of y_j - y_0, in units of the targets.
  2. Else Gram and Schmidt, over all ranks, with the row that is furthest from the span as pivot, until none is further
     than rounding. In another order a row could come early that is hardly further than that: its direction would be
     wrong, and later rows would seem to have one more.
*/
#include "hull.h"

#include <brenier/base.h>
#include <brenier/dot.h>

#include <float.h>
#include <petscblaslapack.h>

/* What counts as a direction, in parts of the range along each axis, and in roundings of the largest coordinate. */
static const PetscReal brenier_least_part = 1e-12, brenier_roundings = 8.0;

/* Axes whose range is rounding to this part are ignored for the rank. */
static const PetscReal brenier_blurred = 1e-6;

/* How far from the span of those before it each difference is that counts as independent, in parts of the longest. */
static const PetscReal brenier_independent = 1e-6;

/* Targets that Gram and Schmidt try first, beyond the dimension: if they span everything, the others are not needed. */
static const PetscInt brenier_probe = 16;

/* Differences of the targets to one of them, each axis in units of its range, orthogonalised against the directions
   found so far. */
typedef struct {
  MPI_Comm   comm;
  PetscInt   dim;       /* axes that differ */
  PetscInt   n;         /* rows on this rank */
  PetscReal *row;       /* shape [n, dim] */
  PetscReal  tolerance; /* of the largest norm of a row */
} Residuals;

/* The axes of the targets. */
typedef struct {
  PetscReal *low, *high; /* least and largest coordinate, shape [dim] */
  PetscInt  *axis;       /* along which targets differ, shape [n] */
  PetscInt   n;
} Axes;

static PetscErrorCode FindAxes(BrenierTargets t, Axes *a)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_FALSE);

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(t->dim, &a->low, t->dim, &a->high, t->dim, &a->axis));
  for (PetscInt k = 0; k < t->dim; ++k) {
    a->low[k]  = PETSC_MAX_REAL;
    a->high[k] = -PETSC_MAX_REAL;
  }
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) {
      a->low[k]  = PetscMin(a->low[k], BrenierCoordinate(&y, i, k));
      a->high[k] = PetscMax(a->high[k], BrenierCoordinate(&y, i, k));
    }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, a->low, (PetscMPIInt)t->dim, MPIU_REAL, MPI_MIN, t->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, a->high, (PetscMPIInt)t->dim, MPIU_REAL, MPI_MAX, t->comm));
  a->n = 0;
  for (PetscInt k = 0; k < t->dim; ++k)
    if (a->low[k] < a->high[k]) a->axis[a->n++] = k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y - origin along the axes, in_ranges: each in units of its range. row may be y, or before it. */
static void Subtract(const Axes *a, PetscBool in_ranges, const PetscReal y[], const PetscReal origin[], PetscReal row[])
{
  for (PetscInt l = 0; l < a->n; ++l) {
    const PetscInt k = a->axis[l];

    row[l] = (y[k] - origin[k]) / (in_ranges ? a->high[k] - a->low[k] : 1.0);
  }
}

/* Every stride-th target less target 0, axis by axis over its range. */
static PetscErrorCode SetResiduals(BrenierTargets t, const Axes *a, PetscInt stride, Residuals *r)
{
  const BrenierCoordinates y    = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscInt64         zero = 0;
  PetscReal               *origin, *work;
  PetscInt                 first = (stride - t->first % stride) % stride;

  PetscFunctionBegin;
  r->comm = t->comm;
  r->dim  = a->n;
  r->n    = first < t->n_local ? (t->n_local - 1 - first) / stride + 1 : 0;
  PetscCall(PetscMalloc2(t->dim, &origin, t->dim, &work));
  PetscCall(PetscMalloc1((size_t)r->n * r->dim, &r->row));
  PetscCall(BrenierTargetsFetch(t, 1, &zero, origin));
  for (PetscInt i = 0; i < r->n; ++i)
    Subtract(a, PETSC_TRUE, BrenierPoint(&y, first + i * stride, work), origin, r->row + (size_t)i * r->dim);
  PetscCall(PetscFree2(origin, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The largest relative rounding of an axis, added to what always counts as none. */
static PetscReal Tolerance(const Axes *a)
{
  PetscReal rounding = 0.0;

  for (PetscInt l = 0; l < a->n; ++l) {
    const PetscReal low = a->low[a->axis[l]], high = a->high[a->axis[l]];

    rounding = PetscMax(rounding, PetscMax(PetscAbsReal(low), PetscAbsReal(high)) / (high - low));
  }
  return PetscSqrtReal((PetscReal)a->n) * PetscMax(brenier_least_part, brenier_roundings * DBL_EPSILON * rounding);
}

/* Takes direction q out of every row. */
static void Orthogonalise(Residuals *r, const PetscReal q[])
{
  for (PetscInt i = 0; i < r->n; ++i) {
    PetscReal      *row   = r->row + (size_t)i * r->dim;
    const PetscReal along = BrenierDot((size_t)r->dim, row, q);

    BrenierAddMultiple((size_t)r->dim, -along, q, row);
  }
}

/* The longest row of all ranks, the first of several; its square is 0 where there are none. */
static PetscErrorCode Longest(const Residuals *r, PetscReal row[], PetscReal *square)
{
  struct {
    double value;
    int    rank;
  } here              = {0.0, 0}, best;
  PetscInt    longest = -1;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(r->comm, &rank));
  for (PetscInt i = 0; i < r->n; ++i) {
    const PetscReal *x = r->row + (size_t)i * r->dim;
    const PetscReal  s = BrenierDot((size_t)r->dim, x, x);

    if (s > here.value) {
      here.value = s;
      longest    = i;
    }
  }
  here.rank = rank;
  PetscCallMPI(MPI_Allreduce(&here, &best, 1, MPI_DOUBLE_INT, MPI_MAXLOC, r->comm));
  *square = best.value;
  if (best.rank == rank && longest >= 0) PetscCall(PetscArraycpy(row, r->row + (size_t)longest * r->dim, r->dim));
  PetscCallMPI(MPI_Bcast(row, (PetscMPIInt)r->dim, MPIU_REAL, best.rank, r->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes q a unit vector orthogonal to the first n rows of basis: twice is enough. */
static void Orthonormalise(PetscInt n, PetscInt dim, const PetscReal basis[], PetscReal q[])
{
  for (int pass = 0; pass < 2; ++pass) {
    PetscReal norm;

    for (PetscInt l = 0; l < n; ++l) {
      const PetscReal *b     = basis + (size_t)l * dim;
      const PetscReal  along = BrenierDot((size_t)dim, b, q);

      BrenierAddMultiple((size_t)dim, -along, b, q);
    }
    norm = PetscSqrtReal(BrenierDot((size_t)dim, q, q));
    for (PetscInt k = 0; k < dim; ++k) q[k] /= norm;
  }
}

/* Adds directions to the rank ones in basis until no row is longer than the tolerance. */
static PetscErrorCode Span(Residuals *r, PetscReal basis[], PetscInt *rank)
{
  PetscReal square;

  PetscFunctionBegin;
  for (PetscInt l = 0; l < *rank; ++l) Orthogonalise(r, basis + (size_t)l * r->dim);
  while (*rank < r->dim) {
    PetscReal *q = basis + (size_t)*rank * r->dim;

    PetscCall(Longest(r, q, &square));
    if (square <= PetscSqr(r->tolerance)) break;
    Orthonormalise(*rank, r->dim, basis, q);
    Orthogonalise(r, q);
    ++*rank;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Directions that span the differences of targets, in units of the axes' ranges, by Gram and Schmidt. */
static PetscErrorCode FindDirections(BrenierTargets t, const Axes *a, PetscReal basis[], PetscInt *rank)
{
  const PetscInt stride = PetscMax(t->n / (a->n + brenier_probe), 1);
  Residuals      r      = {.tolerance = Tolerance(a)};

  PetscFunctionBegin;
  *rank = 0;
  PetscCall(SetResiduals(t, a, stride, &r));
  PetscCall(Span(&r, basis, rank));
  PetscCall(PetscFree(r.row));
  if (*rank == a->n || stride == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SetResiduals(t, a, 1, &r));
  PetscCall(Span(&r, basis, rank));
  PetscCall(PetscFree(r.row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* QR of m rows of length dim, m <= dim: R in their place, below it what Q is made of, with tau; or Q itself. */
static PetscErrorCode FactorRows(PetscInt m, PetscInt dim, PetscBool make_q, PetscReal rows[])
{
  PetscBLASInt d, columns, width = -1, info = 0;
  PetscReal   *tau, *work, best;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(dim, &d));
  PetscCall(PetscBLASIntCast(m, &columns));
  PetscCall(PetscMalloc1(m, &tau));
  PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&d, &columns, rows, &d, tau, &best, &width, &info));
  width = (PetscBLASInt)best;
  PetscCall(PetscMalloc1(width, &work));
  PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&d, &columns, rows, &d, tau, work, &width, &info));
  if (make_q) PetscCallBLAS("LAPACKorgqr", LAPACKorgqr_(&d, &columns, &columns, rows, &d, tau, work, &width, &info));
  PetscCall(PetscFree(work));
  PetscCall(PetscFree(tau));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* QR of the differences of m targets, evenly spread, to target 0, along the axes, on the first rank; rows: shape [m,
   axes] there, else NULL. R, of axes in units of their ranges; make_q: Q, in units of the targets. */
static PetscErrorCode FactorDifferences(BrenierTargets t, const Axes *a, PetscInt m, PetscBool make_q, PetscReal **rows)
{
  const PetscInt64 stride = (t->n - 1) / m;
  PetscInt64      *index;
  PetscReal       *y;
  PetscInt         n;
  PetscMPIInt      rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  n = rank == 0 ? m + 1 : 0;
  PetscCall(PetscMalloc1(n, &index));
  for (PetscInt j = 0; j < n; ++j) index[j] = j < m ? 1 + j * stride : 0;
  PetscCall(PetscMalloc1((size_t)n * t->dim, &y));
  PetscCall(BrenierTargetsFetch(t, n, index, y));
  PetscCall(PetscFree(index));
  // In place: a row shrinks where axes are left out
  for (PetscInt j = 0; j < n - 1; ++j)
    Subtract(a, (PetscBool)!make_q, y + (size_t)j * t->dim, y + (size_t)m * t->dim, y + (size_t)j * a->n);
  if (n > 0) PetscCall(FactorRows(m, a->n, make_q, y));
  *rows = y;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the m factored rows are far from the span of those before them, and further than rounding: |a_k|^2 is the sum
   over column k of R. */
static PetscBool AreIndependent(PetscInt m, PetscInt dim, PetscReal tolerance, const PetscReal factored[])
{
  PetscReal least = PETSC_MAX_REAL, longest = 0.0;

  for (PetscInt k = 0; k < m; ++k) {
    const PetscReal *column = factored + (size_t)k * dim;

    least   = PetscMin(least, PetscAbsReal(column[k]));
    longest = PetscMax(longest, BrenierDot((size_t)k + 1, column, column));
  }
  return (PetscBool)(least > PetscMax(brenier_independent * PetscSqrtReal(longest), tolerance));
}

/* Whether m of the differences are independent by a wide margin. */
static PetscErrorCode FindIndependent(BrenierTargets t, const Axes *a, PetscInt m, PetscBool *found)
{
  PetscReal *rows = NULL;

  PetscFunctionBegin;
  PetscCall(FactorDifferences(t, a, m, PETSC_FALSE, &rows));
  *found = (PetscBool)(rows && AreIndependent(m, a->n, Tolerance(a), rows));
  PetscCallMPI(MPI_Bcast(found, 1, MPIU_BOOL, 0, t->comm));
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An orthonormal basis of all n - 1 differences, which are independent. Shape [n - 1, dim], zeros so far. */
static PetscErrorCode SetIndependentBasis(BrenierTargets t, const Axes *a, PetscReal basis[])
{
  const PetscInt m    = (PetscInt)t->n - 1;
  PetscReal     *rows = NULL;

  PetscFunctionBegin;
  PetscCall(FactorDifferences(t, a, m, PETSC_TRUE, &rows));
  for (PetscInt l = 0; l < m; ++l) {
    PetscReal *q = basis + (size_t)l * t->dim;

    for (PetscInt k = 0; rows && k < a->n; ++k) q[a->axis[k]] = rows[(size_t)l * a->n + k];
    PetscCallMPI(MPI_Bcast(q, (PetscMPIInt)t->dim, MPIU_REAL, 0, t->comm));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Axes as vectors of the basis, which is zeros so far. */
static void SetAxes(PetscInt dim, const Axes *a, PetscReal basis[])
{
  for (PetscInt l = 0; l < a->n; ++l) basis[(size_t)l * dim + a->axis[l]] = 1.0;
}

/* Directions as orthonormal vectors of the basis, back in the units of the targets. */
static void SetDirections(PetscInt dim, const Axes *a, PetscInt rank, const PetscReal direction[], PetscReal basis[])
{
  for (PetscInt l = 0; l < rank; ++l) {
    PetscReal *q = basis + (size_t)l * dim;

    for (PetscInt m = 0; m < a->n; ++m) {
      const PetscInt k = a->axis[m];

      q[k] = direction[(size_t)l * a->n + m] * (a->high[k] - a->low[k]);
    }
    Orthonormalise(l, dim, basis, q);
  }
}

/* The basis by Gram and Schmidt; NULL where all axes are needed. */
static PetscErrorCode SetDependentBasis(BrenierTargets t, const Axes *a, PetscInt *rank, PetscReal **basis)
{
  PetscReal *direction;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)a->n * a->n, &direction));
  PetscCall(FindDirections(t, a, direction, rank));
  if (*rank > 0 && *rank < a->n) {
    PetscCall(PetscCalloc1((size_t)*rank * t->dim, basis));
    SetDirections(t->dim, a, *rank, direction, *basis);
  }
  PetscCall(PetscFree(direction));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The basis where the source is invariant under rotations; NULL where all axes are needed. */
static PetscErrorCode FindBasis(BrenierTargets t, const Axes *a, PetscInt *rank, PetscReal **basis)
{
  const PetscInt m           = (PetscInt)PetscMin(t->n - 1, a->n);
  PetscBool      independent = PETSC_FALSE;

  PetscFunctionBegin;
  *rank = a->n;
  if (Tolerance(a) > brenier_blurred) PetscFunctionReturn(PETSC_SUCCESS);
  if (m > 0) PetscCall(FindIndependent(t, a, m, &independent));
  if (!independent) PetscCall(SetDependentBasis(t, a, rank, basis));
  else if (m < a->n) {
    *rank = m;
    PetscCall(PetscCalloc1((size_t)m * t->dim, basis));
    PetscCall(SetIndependentBasis(t, a, *basis));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHullFind_Private(BrenierTargets t, BrenierSymmetry symmetry, PetscInt *rank, PetscReal **basis)
{
  Axes a;

  PetscFunctionBegin;
  *basis = NULL;
  PetscCall(FindAxes(t, &a));
  *rank = a.n;
  if (symmetry >= BRENIER_SYMMETRY_ROTATIONS) PetscCall(FindBasis(t, &a, rank, basis));
  if (*rank > 0 && *rank < t->dim && !*basis) {
    PetscCall(PetscCalloc1((size_t)*rank * t->dim, basis));
    SetAxes(t->dim, &a, *basis);
  }
  PetscCall(PetscFree3(a.low, a.high, a.axis));
  PetscFunctionReturn(PETSC_SUCCESS);
}
