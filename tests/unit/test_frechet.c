static const char help[] =
    "Checks the distance and the map of normal laws against closed forms, and what is said of samples.\n";

#include <brenier/base.h>
#include <brenier/frechet.h>

#include <math.h>

static const PetscReal tolerance = 1e-12;

static PetscErrorCode CheckClose(const char what[], PetscReal found, PetscReal wanted, PetscReal bound)
{
  PetscFunctionBeginUser;
  PetscCheck(PetscAbsReal(found - wanted) <= bound, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %.17g, not %.17g", what,
             (double)found, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column j of a reflection, which is symmetric and orthogonal: entry i. */
static PetscReal Reflection(PetscInt dim, PetscInt i, PetscInt j)
{
  const PetscReal square = (PetscReal)(dim * (dim + 1) * (2 * dim + 1)) / 6.0;

  return (i == j ? 1.0 : 0.0) - 2.0 * (PetscReal)((i + 1) * (j + 1)) / square;
}

/* A law of standard deviations sigma_k along the columns of one reflection, about the mean (shift, shift, ...). */
static PetscErrorCode MakeLaw(PetscInt dim, PetscReal (*sigma)(PetscInt, PetscInt), PetscReal scale, PetscReal shift,
                              BrenierGaussian *g)
{
  PetscFunctionBeginUser;
  g->dim = dim;
  PetscCall(PetscMalloc2(dim, &g->mean, dim * dim, &g->covariance));
  for (PetscInt i = 0; i < dim; ++i) {
    g->mean[i] = shift;
    for (PetscInt j = 0; j < dim; ++j) {
      g->covariance[i * dim + j] = 0.0;
      for (PetscInt k = 0; k < dim; ++k)
        g->covariance[i * dim + j] += PetscSqr(scale * sigma(dim, k)) * Reflection(dim, i, k) * Reflection(dim, j, k);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Rising(PetscInt dim, PetscInt k)
{
  return 0.5 + (PetscReal)k / (PetscReal)dim;
}

static PetscReal Falling(PetscInt dim, PetscInt k)
{
  return 2.0 - (PetscReal)k / (PetscReal)dim;
}

/* Six orders of magnitude, of which the last is lost in the square. */
static PetscReal Graded(PetscInt dim, PetscInt k)
{
  return pow(10.0, -6.0 * (PetscReal)k / (PetscReal)dim);
}

static PetscReal FirstThird(PetscInt dim, PetscInt k)
{
  return k < (dim + 2) / 3 ? 1.0 + (PetscReal)k : 0.0;
}

static PetscReal LastTwoThirds(PetscInt dim, PetscInt k)
{
  return k < dim / 3 ? 0.0 : 2.0;
}

static PetscReal Zero(PetscInt dim, PetscInt k)
{
  (void)dim, (void)k;
  return 0.0;
}

/* In one eigenbasis the distance is that of the standard deviations, and the map multiplies by their quotients. */
static PetscErrorCode TestCommute(PetscInt dim, PetscReal (*first)(PetscInt, PetscInt),
                                  PetscReal (*second)(PetscInt, PetscInt), PetscReal scale)
{
  PetscReal       wanted = 4.0 * scale * scale * (PetscReal)dim, size = wanted;
  PetscReal      *matrix;
  BrenierGaussian pair[2];
  BrenierBures    bures;
  BrenierBuresMap map[2];

  PetscFunctionBeginUser;
  PetscCall(MakeLaw(dim, first, scale, 3.0 * scale, &pair[0]));
  PetscCall(MakeLaw(dim, second, scale, scale, &pair[1]));
  PetscCall(BrenierBuresCompute(PETSC_COMM_WORLD, pair, &bures, map));
  for (PetscInt k = 0; k < dim; ++k) {
    wanted += PetscSqr(scale * (first(dim, k) - second(dim, k)));
    size += PetscSqr(scale * first(dim, k)) + PetscSqr(scale * second(dim, k));
  }
  PetscCall(CheckClose("distance", bures.value, wanted, tolerance * (PetscReal)dim * size));
  PetscCall(PetscMalloc1(dim * dim, &matrix));
  PetscCall(BrenierBuresMapMatrix(&map[0], matrix));
  for (PetscInt i = 0; i < dim; ++i)
    for (PetscInt j = 0; j < dim; ++j) {
      PetscReal entry = 0.0;

      for (PetscInt k = 0; k < dim; ++k)
        if (first(dim, k) > 0.0)
          entry += second(dim, k) / first(dim, k) * Reflection(dim, i, k) * Reflection(dim, j, k);
      PetscCall(CheckClose("map", matrix[i * dim + j], entry, first == Graded ? 1e-4 : 1e3 * tolerance));
    }
  PetscCall(PetscFree(matrix));
  for (int s = 0; s < 2; ++s) {
    PetscCall(BrenierBuresMapDestroy(&map[s]));
    PetscCall(BrenierGaussianDestroy(&pair[s]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestClosedForms(void)
{
  const PetscInt dims[] = {1, 2, 7, 65};

  PetscFunctionBeginUser;
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; ++i) {
    PetscCall(TestCommute(dims[i], Rising, Falling, 1.0));
    PetscCall(TestCommute(dims[i], Rising, Falling, 1e-60));
    PetscCall(TestCommute(dims[i], Rising, Falling, 1e60));
    PetscCall(TestCommute(dims[i], Graded, Graded, 1.0));
    PetscCall(TestCommute(dims[i], FirstThird, LastTwoThirds, 1.0));
    PetscCall(TestCommute(dims[i], LastTwoThirds, FirstThird, 1.0));
    PetscCall(TestCommute(dims[i], FirstThird, Rising, 1.0));
    PetscCall(TestCommute(dims[i], Rising, Zero, 1.0));
    PetscCall(TestCommute(dims[i], Zero, Zero, 1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of N(shift, scale^2 I): any rank can make any of them. */
static PetscErrorCode MakeRows(uint64_t set, PetscInt n, PetscInt dim, PetscReal scale, PetscReal shift,
                               BrenierRows *rows)
{
  PetscMPIInt rank, size;
  PetscReal  *x;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  // Rank 0 holds no row when there are several ranks
  *rows = (BrenierRows){n, size == 1 ? 0 : n * PetscMax(rank - 1, 0) / (size - 1), n, dim, NULL};
  if (size > 1) rows->n_local = rank == 0 ? 0 : n * rank / (size - 1) - rows->first;
  PetscCall(PetscMalloc1(rows->n_local * dim, &x));
  for (PetscInt i = 0; i < rows->n_local; ++i)
    BrenierRandomNormal(set, 99, (uint64_t)(rows->first + i), (size_t)dim, x + i * dim);
  for (PetscInt i = 0; i < rows->n_local * dim; ++i) x[i] = shift + scale * x[i];
  rows->x = x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Measures, and frees what it can. */
static PetscErrorCode Measure(const BrenierRows set[2], PetscInt splits, PetscInt64 seed, BrenierFrechet *f)
{
  BrenierBuresMap map[2];

  PetscFunctionBeginUser;
  PetscCall(BrenierFrechetMeasure(PETSC_COMM_WORLD, set, splits, seed, f, map));
  for (int s = 0; s < 2; ++s) PetscCall(BrenierBuresMapDestroy(&map[s]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n = 2000 rows in 10 dimensions: the bias shows, and goes. The seed makes other halves, and little difference. */
static PetscErrorCode TestInterval(PetscReal scale, PetscReal shift)
{
  const PetscInt  dim = 10, n = 2000;
  const PetscReal wanted = (PetscReal)dim * (PetscSqr(scale - 1.0) + PetscSqr(shift));
  BrenierRows     set[2];
  BrenierFrechet  f, other;

  PetscFunctionBeginUser;
  PetscCall(MakeRows(1, n, dim, 1.0, 0.0, &set[0]));
  PetscCall(MakeRows(2, n, dim, scale, shift, &set[1]));
  PetscCall(Measure(set, 8, 1, &f));
  PetscCall(Measure(set, 8, 2, &other));
  PetscCheck(f.low <= wanted && wanted <= f.high, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g is not in %g to %g",
             (double)wanted, (double)f.low, (double)f.high);
  PetscCheck(f.bures.value > f.extrapolated && f.high - f.low < 0.1 + 0.2 * wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%g, %g, %g to %g", (double)f.bures.value, (double)f.extrapolated, (double)f.low, (double)f.high);
  PetscCall(CheckClose("distance", other.bures.value, f.bures.value, tolerance));
  PetscCall(CheckClose("without bias", other.extrapolated, f.extrapolated, f.error));
  PetscCheck(other.extrapolated != f.extrapolated, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the seed changes nothing");
  for (int s = 0; s < 2; ++s) PetscCall(PetscFree(set[s].x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the error of the distance is made of, where it is known: in one dimension, both variances v, means 0 and a, the
   distance is a^2, of variance 4 a^2 (v / n + v / n'). */
static PetscErrorCode TestError(void)
{
  const PetscInt n = 20000;
  BrenierRows    set[2];
  BrenierFrechet f;

  PetscFunctionBeginUser;
  PetscCall(MakeRows(3, n, 1, 1.0, 0.0, &set[0]));
  PetscCall(MakeRows(4, n, 1, 1.0, 2.0, &set[1]));
  PetscCall(Measure(set, 4, 1, &f));
  PetscCall(CheckClose("standard error", f.error, 4.0 * PetscSqrtReal(2.0 / (PetscReal)n), 0.05 * f.error));
  PetscCall(Measure(set, 0, 1, &f));
  PetscCheck(PetscIsNanReal(f.error) && PetscIsNanReal(f.extrapolated), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "an interval without splits");
  for (int s = 0; s < 2; ++s) PetscCall(PetscFree(set[s].x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestClosedForms());
  PetscCall(TestInterval(1.0, 0.0));
  PetscCall(TestInterval(1.5, 0.3));
  PetscCall(TestError());
  PetscCall(PetscFinalize());
  return 0;
}
