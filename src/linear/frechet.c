/*
  frechet.c - The Frechet distance of samples: its sampling error by influence functions, its bias by halves.

  The distance F is a smooth function of means and covariances, so with n rows in each set it comes out as

      F_n = F + L_n + Q_n,

  L_n linear in the empirical measures and Q_n quadratic. The derivative of a squared Wasserstein distance by one of its
  measures is twice the Kantorovich potential, and here this is known: x in the first set adds

      psi(x) = |z|^2 - z' A z + 2 <m - m', z>,   z = x - m,

  centred, with A the optimal map's matrix. Means over the sets give L_n, and the variance of psi over n that of L_n,
  without any eigenproblem (limit law: Rippl, Munk and Sturm, J. Multivariate Anal. 151 (2016)).

  The mean of Q_n is the bias: positive, of order d^2 / n, not small for d = 2,048. It is doubled when n is halved. So
  both sets are halved at random, and with F_1, F_2 the distances of the halves

      2 F_n - (F_1 + F_2) / 2

  has lost it (Chong and Forsyth, CVPR 2020, extrapolate the same way), while its linear part is still L_n, halves
  averaging to the whole. Of its quadratic part only products of rows from different halves remain, and their variance
  is that of (Q_1 - Q_2) / 2, which the halves show when their own linear parts are taken off. Several splits give that
  variance as many degrees of freedom; where the linear part dominates they do not matter, and near F = 0, where the
  linear part vanishes, they are all there is.

  All this needs halves with several times more rows than features; with fewer, bias has no expansion in 1/n.
*/
#include "moments.h"

#include <brenier/base.h>
#include <brenier/frechet.h>
#include <brenier/linear.h>

#include <math.h>
#include <petscblaslapack.h>

/* 97.5% quantile of the normal law. */
static const PetscReal brenier_normal = 1.959963984540054;

/* ---- moments ---- */

PetscErrorCode BrenierGaussianFit(MPI_Comm comm, const BrenierRows *rows, BrenierGaussian *g)
{
  const size_t d = (size_t)rows->dim;
  PetscReal   *nu;

  PetscFunctionBegin;
  g->dim = rows->dim;
  PetscCall(PetscMalloc2(d, &g->mean, d * d, &g->covariance));
  PetscCall(PetscMalloc1(rows->n_local, &nu));
  for (PetscInt i = 0; i < rows->n_local; ++i) nu[i] = 1.0 / (PetscReal)rows->n;
  PetscCall(BrenierMoments(comm, rows->n_local, rows->dim, rows->x, nu, g->mean, g->covariance));
  for (size_t k = 0; k < d * d; ++k) g->covariance[k] *= (PetscReal)rows->n / (PetscReal)(rows->n - 1);
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierGaussianDestroy(BrenierGaussian *g)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(g->mean, g->covariance));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- linear part ---- */

/* psi of a slab of rows, not centred; z and p are work of shapes [n_rows, dim] and [n_rows, n_terms]. */
static PetscErrorCode InfluenceOfSlab(PetscInt n_rows, const PetscReal x[], const BrenierGaussian *own,
                                      const PetscReal other_mean[], const BrenierBuresMap *map, PetscReal z[],
                                      PetscReal p[], PetscReal psi[])
{
  const BrenierCoordinates points = BrenierCoordinatesOf(n_rows, own->dim, x);
  const PetscReal          one = 1.0, zero = 0.0;
  PetscBLASInt             rows, dim, terms;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n_rows, &rows));
  PetscCall(PetscBLASIntCast(own->dim, &dim));
  PetscCall(PetscBLASIntCast(map->n_terms, &terms));
  BrenierCentreRows(&points, 0, n_rows, NULL, own->mean, 1.0, z);
  if (terms)
    PetscCallBLAS("BLASgemm",
                  BLASgemm_("T", "N", &terms, &rows, &dim, &one, map->row, &dim, z, &dim, &zero, p, &terms));
  for (PetscInt i = 0; i < n_rows; ++i) {
    const PetscReal *z_i = z + (size_t)i * (size_t)dim, *p_i = p + (size_t)i * (size_t)terms;

    psi[i] = 0.0;
    for (PetscInt k = 0; k < dim; ++k) psi[i] += z_i[k] * (z_i[k] + 2.0 * (own->mean[k] - other_mean[k]));
    for (PetscInt k = 0; k < terms; ++k) psi[i] -= map->factor[k] * PetscSqr(p_i[k]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* psi of this rank's rows, centred over all ranks, and its variance. */
static PetscErrorCode Influence(MPI_Comm comm, const BrenierRows *rows, const BrenierGaussian *own,
                                const PetscReal other_mean[], const BrenierBuresMap *map, PetscReal psi[],
                                PetscReal *variance)
{
  const PetscInt slab = PetscMin(BrenierSlabRows(rows->dim), rows->n_local);
  PetscReal      mean = 0.0;
  PetscReal     *z, *p;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)slab * (size_t)rows->dim, &z, (size_t)slab * (size_t)map->n_terms, &p));
  for (PetscInt i = 0; i < rows->n_local; i += slab)
    PetscCall(InfluenceOfSlab(PetscMin(slab, rows->n_local - i), rows->x + (size_t)i * (size_t)rows->dim, own,
                              other_mean, map, z, p, psi + i));
  PetscCall(PetscFree2(z, p));
  for (PetscInt i = 0; i < rows->n_local; ++i) mean += psi[i] / (PetscReal)rows->n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &mean, 1, MPIU_REAL, MPI_SUM, comm));
  *variance = 0.0;
  for (PetscInt i = 0; i < rows->n_local; ++i) {
    psi[i] -= mean;
    *variance += PetscSqr(psi[i]) / (PetscReal)(rows->n - 1);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, variance, 1, MPIU_REAL, MPI_SUM, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- halves ---- */

/* Marks n / 2 of the rows, any set of so many as likely as any other (Knuth, The Art of Computer Programming 2,
   algorithm S). Every rank draws for all rows and keeps what concerns its own. `name` tells the splits apart. */
static void ChooseHalf(const BrenierRows *rows, PetscInt64 seed, uint64_t name, PetscBool chosen[])
{
  PetscInt  wanted = rows->n / 2;
  PetscReal u;

  for (PetscInt i = 0; i < rows->n; ++i) {
    PetscBool take;

    BrenierRandomUniform((uint64_t)seed, BRENIER_STREAM_HALVES, name << 40 | (uint64_t)i, 1, &u);
    take = (PetscBool)(u * (PetscReal)(rows->n - i) < (PetscReal)wanted);
    wanted -= take;
    if (i >= rows->first && i < rows->first + rows->n_local) chosen[i - rows->first] = take;
  }
}

/* The law of the rows that are marked as `half`, and the mean of psi over them. */
static PetscErrorCode FitHalf(MPI_Comm comm, const BrenierRows *rows, const PetscBool chosen[], PetscBool half,
                              const PetscReal psi[], BrenierGaussian *g, PetscReal *linear)
{
  const size_t d    = (size_t)rows->dim;
  BrenierRows  some = {half ? rows->n / 2 : rows->n - rows->n / 2, 0, 0, rows->dim, NULL};
  PetscReal   *x;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)rows->n_local * d, &x));
  *linear = 0.0;
  for (PetscInt i = 0; i < rows->n_local; ++i)
    if (chosen[i] == half) {
      PetscCall(PetscArraycpy(x + (size_t)some.n_local * d, rows->x + (size_t)i * d, d));
      *linear += psi[i] / (PetscReal)some.n;
      ++some.n_local;
    }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, linear, 1, MPIU_REAL, MPI_SUM, comm));
  some.x = x;
  PetscCall(BrenierGaussianFit(comm, &some, g));
  PetscCall(PetscFree(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Distances of the two pairs of halves, and the linear parts of these. */
static PetscErrorCode MeasureHalves(MPI_Comm comm, const BrenierRows set[2], PetscInt split, PetscInt64 seed,
                                    PetscReal *const psi[2], PetscReal value[2], PetscReal linear[2])
{
  PetscBool      *chosen[2];
  BrenierGaussian pair[2];
  BrenierBures    bures;

  PetscFunctionBegin;
  for (int s = 0; s < 2; ++s) {
    PetscCall(PetscMalloc1(set[s].n_local, &chosen[s]));
    ChooseHalf(&set[s], seed, (uint64_t)(2 * split + s), chosen[s]);
  }
  for (int h = 0; h < 2; ++h) {
    linear[h] = 0.0;
    for (int s = 0; s < 2; ++s) {
      PetscReal part;

      PetscCall(FitHalf(comm, &set[s], chosen[s], (PetscBool)h, psi[s], &pair[s], &part));
      linear[h] += part;
    }
    PetscCall(BrenierBuresCompute(comm, pair, &bures, NULL));
    value[h] = bures.value;
    for (int s = 0; s < 2; ++s) PetscCall(BrenierGaussianDestroy(&pair[s]));
  }
  for (int s = 0; s < 2; ++s) PetscCall(PetscFree(chosen[s]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 97.5% quantile of Student's law, to 1% from 4 degrees of freedom on (Abramowitz and Stegun 26.7.5). */
static PetscReal StudentQuantile(PetscReal freedom)
{
  const PetscReal z = brenier_normal, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;

  return z + (z3 + z) / (4.0 * freedom) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * PetscSqr(freedom)) +
         (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom * PetscSqr(freedom));
}

/* The interval from the variances of the linear and of the quadratic part, the latter known with n_splits degrees of
   freedom (Welch and Satterthwaite). */
static void MakeInterval(PetscReal linear, PetscReal quadratic, PetscInt n_splits, BrenierFrechet *out)
{
  const PetscReal variance = linear + quadratic;
  PetscReal       half     = brenier_normal;

  if (quadratic > 0.0) half = StudentQuantile((PetscReal)n_splits * PetscSqr(variance / quadratic));
  out->error = PetscSqrtReal(variance);
  out->low   = PetscMax(0.0, out->extrapolated - half * out->error);
  out->high  = PetscMax(0.0, out->extrapolated + half * out->error);
}

static PetscErrorCode Extrapolate(MPI_Comm comm, const BrenierRows set[2], PetscInt n_splits, PetscInt64 seed,
                                  PetscReal *const psi[2], PetscReal variance, BrenierFrechet *out)
{
  PetscReal       value[2], linear[2], mean = 0.0, square = 0.0;
  BrenierProgress progress;

  PetscFunctionBegin;
  PetscCall(BrenierProgressBegin(&progress, comm, "halves"));
  for (PetscInt k = 0; k < n_splits; ++k) {
    PetscCall(MeasureHalves(comm, set, k, seed, psi, value, linear));
    mean += 0.5 * (value[0] + value[1]) / (PetscReal)n_splits;
    square += PetscSqr(0.5 * ((value[0] - linear[0]) - (value[1] - linear[1]))) / (PetscReal)n_splits;
    PetscCall(BrenierProgressUpdate(&progress, (PetscReal)(k + 1), (PetscReal)n_splits));
  }
  out->extrapolated = 2.0 * out->bures.value - mean;
  MakeInterval(variance, square, n_splits, out);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierFrechetMeasure(MPI_Comm comm, const BrenierRows set[2], PetscInt n_splits, PetscInt64 seed,
                                     BrenierFrechet *out, BrenierBuresMap map[2])
{
  BrenierGaussian pair[2];
  PetscReal      *psi[2], variance[2];

  PetscFunctionBegin;
  out->extrapolated = out->error = out->low = out->high = NAN;
  for (int s = 0; s < 2; ++s) PetscCall(BrenierGaussianFit(comm, &set[s], &pair[s]));
  PetscCall(BrenierBuresCompute(comm, pair, &out->bures, map));
  for (int s = 0; s < 2; ++s) {
    PetscCall(PetscMalloc1(set[s].n_local, &psi[s]));
    PetscCall(Influence(comm, &set[s], &pair[s], pair[1 - s].mean, &map[s], psi[s], &variance[s]));
  }
  for (int s = 0; s < 2; ++s) PetscCall(BrenierGaussianDestroy(&pair[s]));
  if (n_splits)
    PetscCall(Extrapolate(comm, set, n_splits, seed, psi,
                          variance[0] / (PetscReal)set[0].n + variance[1] / (PetscReal)set[1].n, out));
  for (int s = 0; s < 2; ++s) PetscCall(PetscFree(psi[s]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
