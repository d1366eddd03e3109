static const char help[] =
    "Checks eigenproblems of known spectra, moments, principal components and the Gaussian start.\n";

#include <brenier/base.h>
#include <brenier/linear.h>

#include <math.h>

static const PetscReal tolerance = 1e-12;

/* Number k of test data: any rank can make any of them. */
static PetscReal TestNormal(PetscInt set, PetscInt row, PetscInt column)
{
  PetscReal x[64];

  BrenierRandomNormal((uint64_t)set, 99, (uint64_t)row * 64 + (uint64_t)column / 64, (size_t)(column % 64) + 1, x);
  return x[column % 64];
}

/* Uneven on purpose: with several ranks, rank 0 holds no row. */
static PetscErrorCode SplitRows(PetscInt n, PetscInt *first, PetscInt *n_local)
{
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  *first   = size == 1 ? 0 : n * PetscMax(rank - 1, 0) / (size - 1);
  *n_local = size == 1 ? n : (rank == 0 ? 0 : n * rank / (size - 1) - *first);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckClose(const char what[], PetscReal found, PetscReal wanted, PetscReal bound)
{
  PetscFunctionBeginUser;
  PetscCheck(PetscAbsReal(found - wanted) <= bound, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %.17g, not %.17g", what,
             (double)found, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

enum { MAX_ORDER = 784 };

/* Spectra that have broken eigensolvers; descending, times a scale. */
typedef enum { SIMPLE, REPEATED, IDENTITY, LOW_RANK, GRADED, ZERO, N_SPECTRA } Spectrum;

static PetscReal EigenvalueOf(Spectrum spectrum, PetscInt n, PetscInt k)
{
  switch (spectrum) {
  case SIMPLE:
    return (PetscReal)(n - k) - 0.5 * (PetscReal)n;
  case REPEATED:
    return k < n / 3 ? 2.0 : (k < n / 2 ? 1.0 : -1.0);
  case IDENTITY:
    return 1.0;
  case LOW_RANK:
    return k < 3 ? (PetscReal)(3 - k) : 0.0;
  case GRADED:
    return pow(10.0, -16.0 * (PetscReal)k / (PetscReal)n);
  default:
    return 0.0;
  }
}

/* Column j of a fixed orthogonal matrix, the product of two reflections, so that A is dense. */
static void ApplyReflections(PetscInt n, const PetscReal u[2][MAX_ORDER], PetscReal x[])
{
  for (int r = 0; r < 2; ++r) {
    PetscReal product = 0.0;

    for (PetscInt i = 0; i < n; ++i) product += u[r][i] * x[i];
    for (PetscInt i = 0; i < n; ++i) x[i] -= 2.0 * product * u[r][i];
  }
}

static PetscErrorCode MakeMatrix(Spectrum spectrum, PetscReal scale, PetscInt n, PetscReal a[])
{
  PetscReal  u[2][MAX_ORDER];
  PetscReal *q;

  PetscFunctionBeginUser;
  for (int r = 0; r < 2; ++r) {
    PetscReal norm = 0.0;

    for (PetscInt i = 0; i < n; ++i) {
      u[r][i] = TestNormal(r, n, i);
      norm += u[r][i] * u[r][i];
    }
    for (PetscInt i = 0; i < n; ++i) u[r][i] /= PetscSqrtReal(norm);
  }
  PetscCall(PetscCalloc1(n * n, &q));
  PetscCall(PetscArrayzero(a, n * n));
  for (PetscInt k = 0; k < n; ++k) {
    const PetscReal value  = scale * EigenvalueOf(spectrum, n, k);
    PetscReal      *column = q + k * n;

    column[k] = 1.0;
    ApplyReflections(n, u, column);
    for (PetscInt i = 0; i < n; ++i)
      for (PetscInt j = 0; j < n; ++j) a[i * n + j] += value * (column[i] * column[j]);
  }
  PetscCall(PetscFree(q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |A v - w v| and |v' v - 1| of every pair by plain loops, and orthogonality to the next vector. */
static PetscErrorCode CheckPairs(PetscInt n, const PetscReal a[], PetscReal scale, const PetscReal w[],
                                 const PetscReal v[])
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < n; ++k) {
    const PetscReal *x = v + k * n, *next = v + (k + 1 < n ? k + 1 : 0) * n;
    PetscReal        residual = 0.0, product = 0.0, norm = 0.0, largest = 0.0;

    for (PetscInt i = 0; i < n; ++i) {
      PetscReal ax = -w[k] * x[i];

      for (PetscInt j = 0; j < n; ++j) ax += a[i * n + j] * x[j];
      residual = PetscMax(residual, PetscAbsReal(ax / scale));
      product += x[i] * next[i];
      norm += x[i] * x[i];
      if (PetscAbsReal(x[i]) > PetscAbsReal(largest) * (1.0 + 1e-6)) largest = x[i];
    }
    PetscCall(CheckClose("residual", residual, 0.0, tolerance * (PetscReal)n));
    PetscCall(CheckClose("norm", norm, 1.0, tolerance));
    if (n > 1) PetscCall(CheckClose("orthogonality", product, 0.0, tolerance));
    PetscCheck(largest > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "sign of vector %" PetscInt_FMT, k);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEigen(PetscInt n, Spectrum spectrum, PetscReal scale)
{
  PetscReal *a, *w, *v;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(n * n, &a, n, &w, n * n, &v));
  PetscCall(MakeMatrix(spectrum, scale, n, a));
  PetscCall(BrenierEigenSymmetric(PETSC_COMM_WORLD, n, a, w, v));
  for (PetscInt k = 0; k < n; ++k)
    PetscCall(CheckClose("eigenvalue", w[k] / scale, EigenvalueOf(spectrum, n, k), tolerance * (PetscReal)n));
  PetscCall(CheckPairs(n, a, scale, w, v));
  PetscCall(PetscFree3(a, w, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEigenProblems(void)
{
  const PetscInt order[] = {1, 2, 30, 64, 65, 100, 128, 130, 257};

  PetscFunctionBeginUser;
  for (size_t i = 0; i < sizeof order / sizeof order[0]; ++i)
    for (int s = 0; s < N_SPECTRA; ++s) PetscCall(TestEigen(order[i], (Spectrum)s, 1.0));
  // Where pdsyevr fails with info = 0
  PetscCall(TestEigen(MAX_ORDER, REPEATED, 1.0));
  PetscCall(TestEigen(130, SIMPLE, 1e-290));
  PetscCall(TestEigen(130, SIMPLE, 1e290));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sums over ranks are made in one order, whichever rank comes first: late ranks change no bit. */
static PetscErrorCode TestRepeats(void)
{
  enum { ORDER = 257, TIMES = 12, MOST_LATE = 3000 };
  PetscReal  *a, *w[2], *v[2];
  PetscBool   same = PETSC_TRUE;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMalloc5(ORDER * ORDER, &a, ORDER, &w[0], ORDER * ORDER, &v[0], ORDER, &w[1], ORDER * ORDER, &v[1]));
  PetscCall(MakeMatrix(SIMPLE, 1.0, ORDER, a));
  for (PetscInt i = 0; i < TIMES; ++i) {
    const PetscInt at = i > 0;
    PetscReal      late;

    BrenierRandomUniform(1, (uint32_t)rank, (uint64_t)i, 1, &late);
    PetscCall(PetscSleep(late * MOST_LATE * 1e-6));
    PetscCall(BrenierEigenSymmetric(PETSC_COMM_WORLD, ORDER, a, w[at], v[at]));
    if (i > 0) PetscCall(PetscArraycmp(w[0], w[1], ORDER, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other eigenvalues the %" PetscInt_FMT ". time", i + 1);
    if (i > 0) PetscCall(PetscArraycmp(v[0], v[1], ORDER * ORDER, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other eigenvectors the %" PetscInt_FMT ". time", i + 1);
  }
  PetscCall(PetscFree5(a, w[0], v[0], w[1], v[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefusesNaN(void)
{
  const PetscReal a[4] = {1.0, NAN, NAN, 1.0};
  PetscReal       w[2], v[4];
  PetscErrorCode  ierr;

  PetscFunctionBeginUser;
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = BrenierEigenSymmetric(PETSC_COMM_WORLD, 2, a, w, v);
  PetscCall(PetscPopErrorHandler());
  PetscCheck(ierr == PETSC_ERR_NOT_CONVERGED, PETSC_COMM_SELF, PETSC_ERR_PLIB, "accepted a NaN");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Unequal weights that sum to 1. */
static PetscReal TestWeight(PetscInt n, PetscInt i)
{
  return 2.0 * (PetscReal)(i + 1) / ((PetscReal)n * (PetscReal)(n + 1));
}

/* n correlated points about `offset`; with rank < dim the later coordinates are copies of the earlier ones. */
static PetscReal TestPoint(PetscInt rank, PetscReal offset, PetscReal scale, PetscInt i, PetscInt k)
{
  const PetscInt  c = k % rank;
  const PetscReal x = TestNormal(7, i, c), previous = c ? TestNormal(7, i, c - 1) : 0.0;

  return offset + scale * (x / (PetscReal)(1 + c) + 0.5 * previous);
}

/* This rank's rows of n points, and their weights. */
static PetscErrorCode MakePoints(PetscInt n, PetscInt dim, PetscInt rank, PetscReal offset, PetscReal scale,
                                 PetscInt *n_local, PetscReal **y, PetscReal **nu)
{
  PetscInt first;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(n, &first, n_local));
  PetscCall(PetscMalloc1(*n_local * dim, y));
  PetscCall(PetscMalloc1(*n_local, nu));
  for (PetscInt i = 0; i < *n_local; ++i) {
    (*nu)[i] = TestWeight(n, first + i);
    for (PetscInt k = 0; k < dim; ++k) (*y)[i * dim + k] = TestPoint(rank, offset, scale, first + i, k);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The slow twin of BrenierMoments(): its definition, entry by entry, in long double. */
static PetscReal TwinCovariance(PetscInt n, PetscInt rank, PetscReal offset, PetscReal scale, PetscInt j, PetscInt k,
                                PetscReal *mean)
{
  long double m_j = 0.0L, m_k = 0.0L, sum = 0.0L;

  for (PetscInt i = 0; i < n; ++i) {
    m_j += (long double)TestWeight(n, i) * (long double)TestPoint(rank, offset, scale, i, j);
    m_k += (long double)TestWeight(n, i) * (long double)TestPoint(rank, offset, scale, i, k);
  }
  for (PetscInt i = 0; i < n; ++i)
    sum += (long double)TestWeight(n, i) * ((long double)TestPoint(rank, offset, scale, i, j) - m_j) *
           ((long double)TestPoint(rank, offset, scale, i, k) - m_k);
  *mean = (PetscReal)m_j;
  return (PetscReal)sum;
}

static PetscErrorCode TestMoments(PetscInt n, PetscInt dim, PetscInt rank, PetscReal offset, PetscReal scale)
{
  PetscInt   n_local;
  PetscReal *y, *nu, *mean, *covariance;
  // What the data themselves are rounded to, squared out
  const PetscReal bound = tolerance * (scale + PetscAbsReal(offset));

  PetscFunctionBeginUser;
  PetscCall(MakePoints(n, dim, rank, offset, scale, &n_local, &y, &nu));
  PetscCall(PetscMalloc2(dim, &mean, dim * dim, &covariance));
  PetscCall(BrenierMoments(PETSC_COMM_WORLD, n_local, dim, y, nu, mean, covariance));
  for (PetscInt j = 0; j < dim; ++j)
    for (PetscInt k = 0; k < dim; ++k) {
      PetscReal       m;
      const PetscReal c = TwinCovariance(n, rank, offset, scale, j, k, &m);

      PetscCall(CheckClose("mean", mean[j], m, bound));
      PetscCall(CheckClose("covariance", covariance[j * dim + k], c, scale * bound));
      PetscCheck(covariance[j * dim + k] == covariance[k * dim + j], PETSC_COMM_SELF, PETSC_ERR_PLIB, "not symmetric");
    }
  PetscCall(PetscFree2(mean, covariance));
  PetscCall(PetscFree(y));
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More columns than a panel has: two points, so that every entry has a closed form. */
static PetscErrorCode TestMomentsInPanels(PetscInt dim)
{
  const PetscReal nu[2] = {0.25, 0.75};
  PetscMPIInt     rank;
  PetscReal      *y, *mean, *covariance;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMalloc3(2 * dim, &y, dim, &mean, dim * dim, &covariance));
  for (PetscInt k = 0; k < dim; ++k) {
    y[k]       = 1.0;
    y[dim + k] = 1.0 + (PetscReal)(k + 1) / (PetscReal)dim;
  }
  PetscCall(BrenierMoments(PETSC_COMM_WORLD, rank == 0 ? 2 : 0, dim, y, nu, mean, covariance));
  for (PetscInt j = 0; j < dim; ++j)
    for (PetscInt k = 0; k < dim; ++k)
      PetscCall(
          CheckClose("entry", covariance[j * dim + k], 0.1875 * (y[dim + j] - y[j]) * (y[dim + k] - y[k]), tolerance));
  PetscCall(PetscFree3(y, mean, covariance));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Components against the moments they diagonalise: V Cov V' = diag(variance), and its trace. */
static PetscErrorCode TestPrincipal(PetscInt n, PetscInt p, PetscInt d, PetscInt rank, PetscReal offset)
{
  PetscInt          n_local;
  PetscReal        *x, *nu, *mean, *component, *variance, *covariance, *other, total = 0.0;
  BrenierEigenCheck check;

  PetscFunctionBeginUser;
  PetscCall(MakePoints(n, p, rank, offset, 1.0, &n_local, &x, &nu));
  PetscCall(PetscMalloc5(p, &mean, d * p, &component, p, &variance, p * p, &covariance, p, &other));
  PetscCall(BrenierPrincipalComponents(PETSC_COMM_WORLD, n_local, p, x, d,
                                       &(BrenierPrincipal){mean, component, variance}, &check));
  for (PetscInt i = 0; i < n_local; ++i) nu[i] = 1.0 / (PetscReal)n;
  PetscCall(BrenierMoments(PETSC_COMM_WORLD, n_local, p, x, nu, other, covariance));
  for (PetscInt k = 0; k < p; ++k) {
    PetscCall(CheckClose("mean", mean[k], other[k], tolerance * (1.0 + PetscAbsReal(offset))));
    PetscCheck(variance[k] >= 0.0 && (k == 0 || variance[k] <= variance[k - 1]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "variances are not descending");
    total += covariance[k * p + k] - variance[k];
  }
  PetscCall(CheckClose("trace", total, 0.0, tolerance * (PetscReal)p));
  for (PetscInt j = 0; j < d; ++j)
    for (PetscInt k = 0; k < d; ++k) {
      PetscReal form = 0.0, product = 0.0;

      for (PetscInt i = 0; i < p; ++i) {
        product += component[j * p + i] * component[k * p + i];
        for (PetscInt l = 0; l < p; ++l) form += component[j * p + i] * covariance[i * p + l] * component[k * p + l];
      }
      PetscCall(CheckClose("orthonormality", product, j == k ? 1.0 : 0.0, tolerance));
      PetscCall(CheckClose("variance", form, j == k ? variance[j] : 0.0, tolerance * (PetscReal)p));
    }
  PetscCall(PetscFree5(mean, component, variance, covariance, other));
  PetscCall(PetscFree(x));
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encoding undoes decoding; decoding undoes encoding where all variance is kept. */
static PetscErrorCode TestCoder(void)
{
  const PetscReal mean[3] = {1.0, -2.0, 1e3}, component[6] = {0.6, 0.0, 0.8, 0.8, 0.0, -0.6},
                  code[4] = {1.0, 2.0, -3.0, 4.0};
  PetscReal x[6], again[4];

  PetscFunctionBeginUser;
  PetscCall(BrenierPrincipalDecode(2, 3, 2, mean, component, code, x));
  PetscCall(CheckClose("decoded", x[0], 1.0 + 0.6 + 1.6, tolerance));
  PetscCall(CheckClose("decoded", x[4], -2.0, tolerance));
  PetscCall(BrenierPrincipalEncode(2, 3, 2, mean, component, x, again));
  for (int i = 0; i < 4; ++i) PetscCall(CheckClose("code", again[i], code[i], 1e3 * tolerance));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sum nu h = 0, and h_i + (scale/2) form_i is the same for all i. */
static PetscErrorCode CheckHeights(PetscInt n_local, const PetscReal nu[], const PetscReal h[], const PetscReal form[],
                                   PetscReal scale, PetscReal bound)
{
  PetscReal sum[2] = {0.0};

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n_local; ++i) {
    sum[0] += nu[i] * h[i];
    sum[1] += nu[i] * (h[i] + 0.5 * scale * form[i]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(CheckClose("gauge", sum[0], 0.0, bound));
  for (PetscInt i = 0; i < n_local; ++i) PetscCall(CheckClose("height", h[i], sum[1] - 0.5 * scale * form[i], bound));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StartOf(PetscInt n_local, PetscInt dim, const PetscReal y[], const PetscReal nu[],
                              PetscReal scale, PetscReal h[])
{
  const BrenierCoordinates points = BrenierCoordinatesOf(n_local, dim, y);

  PetscFunctionBeginUser;
  PetscCall(BrenierGaussianStart(PETSC_COMM_WORLD, &points, nu, scale, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Diagonal covariance, known exactly: the points +-sigma_k e_k about a mean, 2 rank of them, equal weights. Then
  Cov_kk = sigma_k^2 / rank and the form of a point is sqrt(rank) sigma_k.
*/
static PetscErrorCode TestStartDiagonal(PetscInt dim, PetscInt rank, PetscReal offset, PetscReal size, PetscReal scale)
{
  PetscInt   first, n_local;
  PetscReal *y, *nu, *h, *form;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(2 * rank, &first, &n_local));
  PetscCall(PetscMalloc4(n_local * dim, &y, n_local, &nu, n_local, &h, n_local, &form));
  for (PetscInt i = 0; i < n_local; ++i) {
    const PetscInt  k     = (first + i) / 2;
    const PetscReal sigma = size * (1.0 + (PetscReal)k);

    for (PetscInt j = 0; j < dim; ++j) y[i * dim + j] = offset;
    y[i * dim + k] += (first + i) % 2 ? sigma : -sigma;
    nu[i]   = 0.5 / (PetscReal)rank;
    form[i] = PetscSqrtReal((PetscReal)rank) * sigma;
  }
  PetscCall(StartOf(n_local, dim, y, nu, scale, h));
  PetscCall(CheckHeights(n_local, nu, h, form, scale,
                         tolerance * scale * (PetscReal)(dim * dim) * (size + PetscAbsReal(offset))));
  PetscCall(PetscFree4(y, nu, h, form));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On a line every set of points has a closed form: (y - m)^2 / sigma; here in dim copies, which is rank 1. */
static PetscErrorCode TestStartLine(PetscInt n, PetscInt dim, PetscReal offset, PetscReal size)
{
  PetscInt   n_local;
  PetscReal  mean, variance;
  PetscReal *y, *nu, *h, *form;

  PetscFunctionBeginUser;
  PetscCall(MakePoints(n, dim, 1, offset, size, &n_local, &y, &nu));
  PetscCall(PetscMalloc2(n_local, &h, n_local, &form));
  variance = TwinCovariance(n, 1, offset, size, 0, 0, &mean);
  for (PetscInt i = 0; i < n_local; ++i)
    form[i] =
        variance > 0.0 ? PetscSqrtReal((PetscReal)dim) * PetscSqr(y[i * dim] - mean) / PetscSqrtReal(variance) : 0.0;
  PetscCall(StartOf(n_local, dim, y, nu, 1.0, h));
  PetscCall(
      CheckHeights(n_local, nu, h, form, 1.0, 100.0 * tolerance * (PetscReal)dim * (size + PetscAbsReal(offset))));
  PetscCall(PetscFree2(h, form));
  PetscCall(PetscFree(y));
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestGaussianStart(void)
{
  PetscFunctionBeginUser;
  PetscCall(TestStartDiagonal(1, 1, 0.0, 1.0, 1.0));
  PetscCall(TestStartDiagonal(5, 5, 0.0, 1.0, PetscSqrtReal(1.0 / 12.0)));
  PetscCall(TestStartDiagonal(64, 64, 3.0, 0.1, 1.0));
  PetscCall(TestStartDiagonal(30, 4, -2.0, 1.0, 1.0));
  PetscCall(TestStartDiagonal(100, 70, 1e6, 1.0, 1.0));
  PetscCall(TestStartDiagonal(100, 20, 1e6, 1.0, 1.0));
  PetscCall(TestStartDiagonal(40, 3, 0.0, 1e-200, 1.0));
  PetscCall(TestStartDiagonal(40, 3, 0.0, 1e200, 1.0));
  PetscCall(TestStartDiagonal(8, 8, 0.0, 1e-200, 1.0));
  PetscCall(TestStartDiagonal(8, 8, 0.0, 1e200, 1.0));
  PetscCall(TestStartLine(1, 1, 5.0, 1.0));
  PetscCall(TestStartLine(1, 40, 5.0, 1.0));
  PetscCall(TestStartLine(2, 3, 0.0, 1.0));
  PetscCall(TestStartLine(200, 1, 0.0, 1.0));
  PetscCall(TestStartLine(200, 7, 1e3, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestEigenProblems());
  PetscCall(TestRepeats());
  PetscCall(TestRefusesNaN());
  PetscCall(TestMoments(200, 5, 5, 0.0, 1.0));
  PetscCall(TestMoments(200, 6, 2, 1e6, 1.0));
  PetscCall(TestMoments(3, 9, 9, -1e-100, 1e-100));
  PetscCall(TestMoments(1, 1, 1, 2.0, 1.0));
  PetscCall(TestMomentsInPanels(3000));
  PetscCall(TestPrincipal(300, 20, 7, 20, 2.0));
  PetscCall(TestPrincipal(200, 70, 70, 5, 1e3));
  PetscCall(TestPrincipal(4, 90, 3, 90, 0.0));
  PetscCall(TestPrincipal(5, 1, 1, 1, 0.0));
  PetscCall(TestCoder());
  PetscCall(TestGaussianStart());
  PetscCall(PetscFinalize());
  return 0;
}
