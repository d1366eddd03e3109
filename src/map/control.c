/* control.c - Implements control.h. */
#include "control.h"

#include <brenier/base.h>

#include <math.h>
#include <petscblaslapack.h>

/* Dimensions up to which rank 0 finds a root of the covariance in a moment; targets that it is made of, at least and
   for each dimension. */
enum { MOST_CONTROL_DIM = 512, LEAST_TARGETS = 2048, TARGETS_A_DIM = 4 };

/* Spread of a form, in parts of its mean, and 1 - correlation^2 of both, from which on they say something. */
static const PetscReal brenier_control_spread = 1e-9, brenier_control_alone = 1e-6;

/* Bits of the largest entry of the matrix that are kept. */
static const int brenier_control_bits = 16;

/* Degrees of freedom of Student's law up to which the squares of quadratic forms have no variance: slopes that are
   fitted to such forms make intervals too short. */
static const PetscReal brenier_control_dof = 8.0;

/* Batches from which on enough are left to fit two slopes to. */
static const PetscInt brenier_control_batches = 16;

/* ---- the matrix ---- */

/* Normalised targets, evenly spaced among all, on rank 0; their number. */
static PetscErrorCode FetchTargets(BrenierTargets t, PetscInt *n, PetscReal **y)
{
  const PetscInt wanted = PetscMin(t->n, PetscMax(LEAST_TARGETS, TARGETS_A_DIM * t->dim));
  PetscInt64    *index;
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  *n = rank == 0 ? wanted : 0;
  PetscCall(PetscMalloc1(*n, &index));
  PetscCall(PetscMalloc1((size_t)*n * (size_t)t->dim, y));
  for (PetscInt i = 0; i < *n; ++i) index[i] = (PetscInt64)((__int128)t->n * i / wanted);
  PetscCall(BrenierTargetsFetch(t, *n, index, *y));
  for (PetscInt i = 0; i < *n; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) {
      PetscReal *x = &(*y)[(size_t)i * (size_t)t->dim + (size_t)k];

      *x = (*x - t->centre[k]) / t->unit;
    }
  PetscCall(PetscFree(index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The root of y' y / n. Rows of v are eigenvectors. */
static PetscErrorCode Root(PetscInt n, PetscInt dim, const PetscReal y[], PetscReal root[])
{
  const size_t    d     = (size_t)dim;
  const PetscReal share = 1.0 / (PetscReal)n, zero = 0.0, one = 1.0;
  PetscBLASInt    order, rows, info, length;
  PetscReal      *v, *w, *work;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(dim, &order));
  PetscCall(PetscBLASIntCast(n, &rows));
  PetscCall(PetscBLASIntCast(8 * dim, &length));
  PetscCall(PetscMalloc3(d * d, &v, d, &w, 8 * d, &work));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "T", &order, &order, &rows, &share, y, &order, y, &order, &zero, v, &order));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &order, v, &order, w, work, &length, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's syev ends with %d", (int)info);
  for (size_t k = 0; k < d; ++k) {
    const PetscReal fourth = PetscSqrtReal(PetscSqrtReal(PetscMax(w[k], 0.0)));

    for (size_t j = 0; j < d; ++j) v[k * d + j] *= fourth;
  }
  PetscCallBLAS("BLASgemm",
                BLASgemm_("N", "T", &order, &order, &order, &one, v, &order, v, &order, &zero, root, &order));
  PetscCall(PetscFree3(v, w, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Leaves out what the rounding of BLAS changes, which depends on its threads: any matrix serves. */
static void RoundOff(size_t n, PetscReal a[])
{
  PetscReal largest = 0.0, unit;
  int       exponent;

  for (size_t i = 0; i < n; ++i) largest = PetscMax(largest, PetscAbsReal(a[i]));
  (void)frexp(largest, &exponent);
  unit = ldexp(1.0, exponent - brenier_control_bits);
  for (size_t i = 0; i < n; ++i) a[i] = unit * rint(a[i] / unit);
}

/* The matrix on all ranks, the same for any number of them, as rank 0 alone makes it. */
static PetscErrorCode MakeMatrix(BrenierTargets t, PetscReal a[])
{
  PetscInt    n = 0;
  PetscReal  *y;
  PetscMPIInt count;

  PetscFunctionBegin;
  PetscCall(FetchTargets(t, &n, &y));
  if (n) {
    PetscCall(Root(n, t->dim, y, a));
    RoundOff((size_t)t->dim * (size_t)t->dim, a);
  }
  PetscCall(PetscFree(y));
  PetscCall(PetscMPIIntCast(t->dim * t->dim, &count));
  PetscCallMPI(MPI_Bcast(a, count, MPIU_REAL, 0, t->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* E x_k^2 of one coordinate of the law that circles are drawn of, which may be that of z where x = m + L z. */
static PetscErrorCode Variance(MPI_Comm comm, BrenierSource source, PetscReal *variance)
{
  const PetscInt                ambient = BrenierSourceAmbient(source);
  const BrenierSourceParameters p       = {.scale = BrenierSourceScale(source), .dof = BrenierSourceDof(source)};
  BrenierSource                 law;

  PetscFunctionBegin;
  PetscCall(BrenierSourceCreateWith(comm, BrenierSourceName(source), ambient, &p, &law));
  *variance = BrenierSourceSecondMoment(law) / (PetscReal)ambient;
  PetscCall(BrenierSourceDestroy(&law));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the means of quadratic forms of x are known, and forms tell enough of the energy. */
static PetscBool IsKnown(BrenierSource source, PetscInt dim)
{
  const PetscReal dof = BrenierSourceDof(source);

  return (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE &&
                     BrenierSourceSymmetry(source) == BRENIER_SYMMETRY_ROTATIONS && dim <= MOST_CONTROL_DIM &&
                     (dof == 0.0 || dof > brenier_control_dof));
}

PetscErrorCode BrenierControlCreate(BrenierTargets t, BrenierSource source, BrenierDual dual, PetscInt n_batches,
                                    BrenierControl *control)
{
  const size_t d = (size_t)t->dim, B = (size_t)n_batches;
  PetscReal   *a, variance = 0.0, trace = 0.0;

  PetscFunctionBegin;
  *control = (BrenierControl){0};
  if (!IsKnown(source, t->dim) || n_batches < brenier_control_batches || n_batches > BRENIER_CONTROL_BATCHES)
    PetscFunctionReturn(PETSC_SUCCESS);
  control->n = n_batches;
  PetscCall(PetscMalloc1(BRENIER_QUADRATICS * B, &control->mean));
  PetscCall(PetscMalloc1(d * d, &a));
  PetscCall(MakeMatrix(t, a));
  PetscCall(Variance(t->comm, source, &variance));
  PetscCall(BrenierDualQuadratics(dual, a, control->mean));
  for (size_t k = 0; k < d; ++k) trace += a[k * d + k];
  for (size_t b = 0; b < B; ++b) {
    control->mean[b] -= variance * (PetscReal)d;
    control->mean[B + b] -= variance * trace;
    if (trace > 0.0) control->mean[B + b] *= (PetscReal)d / trace;
  }
  for (size_t i = 0; i < BRENIER_QUADRATICS * B; ++i) control->mean[i] /= variance * (PetscReal)d;
  PetscCall(PetscFree(a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierControlDestroy(BrenierControl *control)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(control->mean));
  *control = (BrenierControl){0};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the slopes ---- */

/* Sum over batches other than `without` of (p - mean)(q - mean). */
static PetscReal Product(PetscInt n, PetscInt without, const PetscReal p[], const PetscReal q[])
{
  PetscReal mean_p = 0.0, mean_q = 0.0, sum = 0.0;

  for (PetscInt b = 0; b < n; ++b) {
    if (b == without) continue;
    mean_p += p[b] / (PetscReal)(n - 1);
    mean_q += q[b] / (PetscReal)(n - 1);
  }
  for (PetscInt b = 0; b < n; ++b)
    if (b != without) sum += (p[b] - mean_p) * (q[b] - mean_q);
  return sum;
}

/* What a fit to the other batches explains of batch b. */
static PetscReal Explained(const BrenierControl *c, PetscInt b, const PetscReal x[])
{
  const PetscInt   n      = c->n;
  const PetscReal *first  = c->mean;     // |x|^2
  const PetscReal *second = c->mean + n; // x' A x
  const PetscReal  least  = (PetscReal)n * PetscSqr(brenier_control_spread);
  const PetscReal  one = Product(n, b, first, first), two = Product(n, b, second, second);
  const PetscReal  both = Product(n, b, first, second), x1 = Product(n, b, first, x), x2 = Product(n, b, second, x);
  const PetscReal  determinant = one * two - both * both;

  if (two < least) return one < least ? 0.0 : x1 / one * first[b];
  if (one < least || determinant < brenier_control_alone * one * two) return x2 / two * second[b];
  return ((x1 * two - x2 * both) * first[b] + (x2 * one - x1 * both) * second[b]) / determinant;
}

PetscReal BrenierControlSubtract(const BrenierControl *c, PetscReal x[])
{
  PetscReal part[BRENIER_CONTROL_BATCHES], mean = 0.0;

  for (PetscInt b = 0; b < c->n; ++b) part[b] = Explained(c, b, x);
  for (PetscInt b = 0; b < c->n; ++b) {
    x[b] -= part[b];
    mean += part[b] / (PetscReal)c->n;
  }
  return mean;
}
