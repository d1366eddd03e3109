/* mixture.c - Implements mixture.h. */
#include "mixture.h"

#include <brenier/base.h>
#include <brenier/compat.h>
#include <brenier/dot.h>

#include <petscblaslapack.h>

#include <float.h>

/* LAPACK's estimate of a reciprocal condition number, which PETSc does not declare; its last argument is the length of
   the first. */
void dgecon_(const char *norm, const PetscBLASInt *n, const double *a, const PetscBLASInt *lda, const double *a_norm,
             double *rcond, double *work, PetscBLASInt *whole, PetscBLASInt *info, size_t norm_length);

/* Weights whose sum is 1 but for this were meant to. */
static const PetscReal brenier_weight_excess = 1e-6;

/* A factor whose reciprocal condition number is below this is singular. */
static const PetscReal brenier_least_rcond = 1e-13;

static PetscErrorCode Allocate(PetscInt n, PetscInt dim, PetscInt width, PetscInt factors, BrenierMixture **mixture)
{
  BrenierMixture *m;

  PetscFunctionBegin;
  PetscCall(PetscNew(&m));
  m->n       = n;
  m->dim     = dim;
  m->width   = width;
  m->factors = factors;
  m->owners  = 1;
  PetscCall(PetscMalloc4(n, &m->weight, n, &m->below, (size_t)n * (size_t)dim, &m->mean,
                         (size_t)factors * (size_t)dim * (size_t)width, &m->factor));
  *mixture = m;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureDestroy(BrenierMixture **mixture)
{
  BrenierMixture *m = *mixture;

  PetscFunctionBegin;
  if (m && --m->owners == 0) {
    PetscCall(PetscFree4(m->weight, m->below, m->mean, m->factor));
    PetscCall(PetscFree(m));
  }
  *mixture = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckFinite(MPI_Comm comm, const char what[], size_t n, const PetscReal x[])
{
  PetscFunctionBegin;
  for (size_t i = 0; i < n; ++i)
    PetscCheck(!PetscIsInfOrNanReal(x[i]), comm, PETSC_ERR_USER_INPUT, "the %s of the mixture have a %g in them", what,
               (double)x[i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weights over their sum, unless that was done before, and their partial sums. */
static PetscErrorCode SetWeights(MPI_Comm comm, const PetscReal weight[], PetscBool is_standard, BrenierMixture *m)
{
  PetscReal sum = 0.0, below = 0.0;
  char      number[BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  for (PetscInt k = 0; k < m->n; ++k) {
    PetscCheck(weight[k] >= 0.0, comm, PETSC_ERR_USER_INPUT,
               "weight %" PetscInt_FMT " of the mixture is %s; weights are 0 or more", k,
               BrenierNumber(weight[k], number));
    sum += weight[k];
  }
  PetscCheck(PetscAbsReal(sum - 1.0) <= brenier_weight_excess, comm, PETSC_ERR_USER_INPUT,
             "the weights of the mixture sum to %s, not to 1; divide them by their sum", BrenierNumber(sum, number));
  for (PetscInt k = 0; k < m->n; ++k) {
    m->weight[k] = is_standard ? weight[k] : weight[k] / sum;
    below += m->weight[k];
    m->below[k] = below;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(MPI_Comm comm, const BrenierMixtureParameters *given, BrenierMixture *m)
{
  const size_t n_mean   = (size_t)m->n * (size_t)m->dim;
  const size_t n_factor = (size_t)m->factors * (size_t)m->dim * (size_t)m->width;

  PetscFunctionBegin;
  PetscCall(CheckFinite(comm, "weights", (size_t)m->n, given->weight));
  PetscCall(CheckFinite(comm, "means", n_mean, given->mean));
  PetscCall(CheckFinite(comm, "factors", n_factor, given->factor));
  PetscCall(SetWeights(comm, given->weight, given->is_standard, m));
  PetscCall(PetscArraycpy(m->mean, given->mean, n_mean));
  PetscCall(PetscArraycpy(m->factor, given->factor, n_factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureCreate(MPI_Comm comm, PetscInt dim, const BrenierMixtureParameters *given,
                                    BrenierMixture **mixture)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(given->n >= 1, comm, PETSC_ERR_USER_INPUT, "a mixture has one component or more, not %" PetscInt_FMT,
             given->n);
  PetscCall(Allocate(given->n, dim, given->factors ? given->width : dim, given->factors, mixture));
  ierr = Fill(comm, given, *mixture);
  if (ierr) PetscCall(BrenierMixtureDestroy(mixture));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Replaces the n columns b_k by A^-1 b_k; a: the square matrix row by row, lost. Says how far A is from singular. */
static PetscErrorCode Solve(PetscInt dim, PetscReal a[], PetscInt n, PetscReal b[], PetscReal *rcond)
{
  PetscBLASInt d, columns, info, *pivot, *whole;
  PetscReal   *work, norm = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(dim, &d));
  PetscCall(PetscBLASIntCast(n, &columns));
  PetscCall(PetscMalloc3(dim, &pivot, dim, &whole, 4 * (size_t)dim, &work));
  for (PetscInt i = 0; i < dim; ++i) { // row by row it is A^T, whose 1-norm is the largest sum of a row of A
    PetscReal sum = 0.0;

    for (PetscInt k = 0; k < dim; ++k) sum += PetscAbsReal(a[i * dim + k]);
    norm = PetscMax(norm, sum);
  }
  *rcond = 0.0;
  PetscCallBLAS("LAPACKgetrf", LAPACKgetrf_(&d, &d, a, &d, pivot, &info));
  if (!info) PetscCallBLAS("dgecon", dgecon_("1", &d, a, &d, &norm, rcond, work, whole, &info, 1));
  if (!info && *rcond > brenier_least_rcond)
    PetscCallBLAS("LAPACKgetrs", LAPACKgetrs_("T", &d, &columns, a, &d, pivot, b, &d, &info));
  PetscCall(PetscFree3(pivot, whole, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckFactor(MPI_Comm comm, PetscReal rcond, PetscInt k)
{
  char number[BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  PetscCheck(rcond > brenier_least_rcond, comm, PETSC_ERR_USER_INPUT,
             "factor %" PetscInt_FMT
             " of the mixture is singular (its reciprocal condition number is %s); give factors "
             "of full rank",
             k, BrenierNumber(rcond, number));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes a factor that all components share out of their means. */
static PetscErrorCode TakeFactor(MPI_Comm comm, BrenierMixture *m, PetscReal factor[])
{
  const size_t square = (size_t)m->dim * (size_t)m->dim;
  PetscReal   *a, rcond;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(square, &a));
  PetscCall(PetscArraycpy(factor, m->factor, square));
  PetscCall(PetscArraycpy(a, m->factor, square));
  PetscCall(Solve(m->dim, a, m->n, m->mean, &rcond));
  PetscCall(PetscFree(a));
  PetscCall(CheckFactor(comm, rcond, 0));
  m->factors = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses square factors that are singular. */
static PetscErrorCode CheckFactors(MPI_Comm comm, const BrenierMixture *m)
{
  const size_t square = (size_t)m->dim * (size_t)m->dim;
  PetscReal   *a, rcond;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(square, &a));
  for (PetscInt k = 0; k < m->factors; ++k) {
    PetscCall(PetscArraycpy(a, m->factor + (size_t)k * square, square));
    PetscCall(Solve(m->dim, a, 0, NULL, &rcond));
    if (rcond <= brenier_least_rcond) PetscCall(PetscFree(a));
    PetscCall(CheckFactor(comm, rcond, k));
  }
  PetscCall(PetscFree(a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureStandardise(MPI_Comm comm, BrenierMixture *m, PetscReal mean[], PetscReal factor[],
                                         PetscBool *has_factor)
{
  PetscFunctionBegin;
  *has_factor = PETSC_FALSE;
  for (PetscInt l = 0; l < m->dim; ++l) {
    mean[l] = 0.0;
    for (PetscInt k = 0; k < m->n; ++k) mean[l] += m->weight[k] * m->mean[(size_t)k * m->dim + l];
    for (PetscInt k = 0; k < m->n; ++k) m->mean[(size_t)k * m->dim + l] -= mean[l];
  }
  if (m->factors == 0 || m->width != m->dim) PetscFunctionReturn(PETSC_SUCCESS);
  if (m->factors == 1) {
    PetscCall(TakeFactor(comm, m, factor));
    *has_factor = PETSC_TRUE;
  } else PetscCall(CheckFactors(comm, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* to = Q from, for `width` columns; Q = NULL: the first rows. */
static PetscErrorCode ProjectRows(PetscInt rank, PetscInt dim, const PetscReal basis[], PetscInt width,
                                  const PetscReal from[], PetscReal to[])
{
  const PetscReal one = 1.0, zero = 0.0;
  PetscBLASInt    r, d, w;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(rank, &r));
  PetscCall(PetscBLASIntCast(dim, &d));
  PetscCall(PetscBLASIntCast(width, &w));
  // Row by row these are transposes: to' = from' Q'
  if (basis) PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &w, &r, &d, &one, from, &w, basis, &d, &zero, to, &w));
  else PetscCall(PetscArraycpy(to, from, (size_t)rank * (size_t)width));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureProject(const BrenierMixture *m, PetscInt rank, const PetscReal basis[],
                                     BrenierMixture **projected)
{
  BrenierMixture *p;

  PetscFunctionBegin;
  PetscCall(Allocate(m->n, rank, m->factors ? m->width : rank, m->factors, &p));
  PetscCall(PetscArraycpy(p->weight, m->weight, m->n));
  PetscCall(PetscArraycpy(p->below, m->below, m->n));
  for (PetscInt k = 0; k < m->n; ++k)
    PetscCall(ProjectRows(rank, m->dim, basis, 1, m->mean + (size_t)k * m->dim, p->mean + (size_t)k * rank));
  for (PetscInt k = 0; k < m->factors; ++k)
    PetscCall(ProjectRows(rank, m->dim, basis, m->width, m->factor + (size_t)k * m->dim * m->width,
                          p->factor + (size_t)k * rank * m->width));
  *projected = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierMixtureComponent(const BrenierMixture *m, PetscReal u)
{
  PetscInt low = 0, high = m->n - 1;

  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (u < m->below[middle]) high = middle;
    else low = middle + 1;
  }
  while (low > 0 && m->weight[low] == 0.0) --low; // rounding of the last sum
  return low;
}

void BrenierMixtureApply(const BrenierMixture *m, PetscInt k, const PetscReal z[], PetscReal x[])
{
  const PetscReal *factor = m->factor + (m->factors > 1 ? (size_t)k : 0) * (size_t)m->dim * (size_t)m->width;

  for (PetscInt i = 0; i < m->dim; ++i)
    x[i] = m->factors ? BrenierDot((size_t)m->width, factor + (size_t)i * m->width, z) : z[i];
}

PetscReal BrenierMixtureSecondMoment(const BrenierMixture *m)
{
  const size_t n   = (size_t)m->dim * (size_t)m->width;
  PetscReal    sum = 0.0;

  for (PetscInt k = 0; k < m->n; ++k) {
    const PetscReal *mean   = m->mean + (size_t)k * m->dim;
    const PetscReal *factor = m->factor + (m->factors > 1 ? (size_t)k : 0) * n;

    sum += m->weight[k] *
           (BrenierDot((size_t)m->dim, mean, mean) + (m->factors ? BrenierDot(n, factor, factor) : (PetscReal)m->dim));
  }
  return sum;
}

void BrenierMixtureReach(const BrenierMixture *m, PetscReal *mean, PetscReal *row)
{
  *mean = 0.0;
  *row  = m->factors ? 0.0 : 1.0;
  for (size_t i = 0; i < (size_t)m->n * (size_t)m->dim; ++i) *mean = PetscMax(*mean, PetscAbsReal(m->mean[i]));
  for (size_t i = 0; i < (size_t)m->factors * (size_t)m->dim; ++i) {
    PetscReal sum = 0.0;

    for (PetscInt k = 0; k < m->width; ++k) sum += PetscAbsReal(m->factor[i * (size_t)m->width + (size_t)k]);
    *row = PetscMax(*row, sum);
  }
}
