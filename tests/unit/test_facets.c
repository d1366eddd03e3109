static const char help[] = "Barycentres, facets, modes and the extension of a box, all of them known in closed form.\n";

#include "problems.h"

#include <brenier/barycentre.h>
#include <brenier/extension.h>
#include <brenier/transport.h>

#include <math.h>
#include <string.h>

/*
  The corners sum_k +-g_k e_k of a box with heights 0 have u(x) = sum_k g_k |x_k|: cells are orthants. So barycentres
  are +-E|x_1| in every coordinate; two cells meet where their signs differ in one, k, with a facet of mass density(0)
  over 2^(d-1) and an unlifted angle of 2 asin(g_k / |g|), which grows with g_k.
*/

enum { DIM = 4, N = 1 << DIM, CURVES = 20000 };

static const PetscReal side[DIM] = {1.0, 1.5, 2.0, 2.5};

static PetscReal Sign(PetscInt i, PetscInt k)
{
  return i >> k & 1 ? 1.0 : -1.0;
}

static PetscErrorCode MakeBox(BrenierTargets *t, Vec *h)
{
  PetscInt    first, n_local;
  PetscReal  *y, *nu;
  PetscInt64 *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, N, &first, &n_local));
  PetscCall(PetscMalloc1(n_local * DIM, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < n_local; ++i) {
    for (PetscInt k = 0; k < DIM; ++k) y[i * DIM + k] = Sign(first + i, k) * side[k];
    nu[i]  = 1.0 / N;
    row[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, DIM, y, nu, row, t));
  PetscCall(BrenierTargetsCreateVec(*t, h));
  PetscCall(VecSet(*h, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal AngleAcross(PetscInt k)
{
  PetscReal square = 0.0;

  for (PetscInt l = 0; l < DIM; ++l) square += side[l] * side[l];
  return 360.0 / PETSC_PI * asin(side[k] / PetscSqrtReal(square));
}

static PetscErrorCode TestAngles(void)
{
  const PetscReal x[] = {1.0, 0.0}, y[] = {0.0, 2.0}, zero[] = {0.0, 0.0}, close[] = {1.0, 1e-9};
  const PetscReal tiny = BrenierAngleBetween(BRENIER_ANGLE_UNLIFTED, 2, x, close);

  PetscFunctionBeginUser;
  PetscCheck(PetscAbsReal(BrenierAngleBetween(BRENIER_ANGLE_UNLIFTED, 2, x, y) - 90.0) < 1e-12, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "a right angle");
  PetscCheck(BrenierAngleBetween(BRENIER_ANGLE_UNLIFTED, 2, x, x) == 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "no angle");
  PetscCheck(BrenierAngleBetween(BRENIER_ANGLE_UNLIFTED, 2, zero, x) == 90.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "zero");
  PetscCheck(PetscAbsReal(BrenierAngleBetween(BRENIER_ANGLE_LIFTED, 2, zero, x) - 45.0) < 1e-12, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "lifted");
  PetscCheck(PetscAbsReal(tiny * PETSC_PI / 180.0 - 1e-9) < 1e-15, PETSC_COMM_SELF, PETSC_ERR_PLIB, "small angles");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A coordinate's mean over a half line, and its density at 0. */
static PetscReal HalfMean(const char type[])
{
  return !strcmp(type, "cube") ? 0.25 : PetscSqrtReal(2.0 / PETSC_PI);
}

static PetscReal DensityAtZero(const char type[])
{
  return !strcmp(type, "cube") ? 1.0 : 1.0 / PetscSqrtReal(2.0 * PETSC_PI);
}

/* The extension of a barycentre is the target; rejection finds nothing singular without a threshold. */
static PetscErrorCode TestExtension(BrenierTargets t, Vec h, const PetscReal barycentre[])
{
  BrenierExtension e = {.n_neighbours = 3, .barycentre = barycentre, .threshold = 180.0};
  PetscReal        code[DIM];
  PetscBool        crosses;
  PetscInt64       index;
  PetscReal        u;
  const PetscInt   n = t->n_local > 0;

  PetscFunctionBeginUser;
  PetscCall(BrenierExtensionApply(&e, t, h, n, barycentre, &(BrenierExtended){&index, &u, code, &crosses}));
  for (PetscInt k = 0; n && k < DIM; ++k)
    PetscCheck(PetscAbsReal(code[k] - t->y[k]) < 1e-12, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g, not %g", (double)code[k],
               (double)t->y[k]);
  PetscCheck(!n || (index == t->first && !crosses), PETSC_COMM_SELF, PETSC_ERR_PLIB, "cell %" PetscInt64_FMT, index);
  // All neighbours lie across: what is left is the target
  e.threshold = 1.0;
  e.projects  = PETSC_TRUE;
  PetscCall(BrenierExtensionApply(&e, t, h, n, barycentre, &(BrenierExtended){&index, &u, code, &crosses}));
  PetscCheck(!n || (crosses && code[0] == t->y[0]), PETSC_COMM_SELF, PETSC_ERR_PLIB, "not projected");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBarycentres(BrenierTargets t, BrenierSource source, Vec h)
{
  const PetscReal wanted = HalfMean(BrenierSourceName(source)) * BrenierSourceScale(source);
  PetscReal      *c;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(t->n_local * DIM, &c));
  PetscCall(BrenierBarycentresMeasure(t, source, h, 1, CURVES, c));
  // Some 10 sqrt(curves / N) independent points a cell: a standard error of a hundredth
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < DIM; ++k)
      PetscCheck(PetscAbsReal(c[i * DIM + k] / wanted - Sign(t->first + i, k)) < 0.06, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "cell %" PetscInt_FMT ": barycentre %g, not %g", t->first + i, (double)c[i * DIM + k],
                 (double)(Sign(t->first + i, k) * wanted));
  PetscCall(TestExtension(t, h, c));
  PetscCall(PetscFree(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestFacets(BrenierTargets t, BrenierSource source, Vec h)
{
  const PetscReal wanted    = DensityAtZero(BrenierSourceName(source)) / BrenierSourceScale(source) / (N / 2);
  PetscReal       mass[DIM] = {0.0}, angle;
  PetscInt        n;
  PetscInt64     *mode, n_modes;
  BrenierFacets   f;

  PetscFunctionBeginUser;
  PetscCall(BrenierFacetsMeasure(t, source, h, BRENIER_ANGLE_UNLIFTED, 1, CURVES, &f));
  for (PetscInt m = 0; m < f.n; ++m) {
    const PetscInt64 differ = f.pair[2 * m] ^ f.pair[2 * m + 1];
    PetscInt         k      = 0;

    while (differ >> k != 1) ++k;
    PetscCheck(differ == 1 << k && f.pair[2 * m] < f.pair[2 * m + 1], PETSC_COMM_SELF, PETSC_ERR_PLIB, "no such facet");
    PetscCheck(PetscAbsReal(f.angle[m] - AngleAcross(k)) < 1e-9, PETSC_COMM_SELF, PETSC_ERR_PLIB, "angle %g, not %g",
               (double)f.angle[m], (double)AngleAcross(k));
    mass[k] += f.mass[m];
  }
  PetscCallMPI(MPI_Allreduce(&f.n, &n, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, mass, DIM, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscCheck(n == DIM * N / 2, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " facets", n);
  for (PetscInt k = 0; k < DIM; ++k)
    PetscCheck(PetscAbsReal(mass[k] / (N / 2) / wanted - 1.0) < 0.1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "mass %g, not %g",
               (double)(mass[k] / (N / 2)), (double)wanted);
  // A quarter of the mass for each axis, and a cut of the axes above the threshold
  for (PetscInt k = 0; k < DIM; ++k) {
    PetscCall(BrenierFacetsQuantile(&f, 0.125 + 0.25 * (PetscReal)k, &angle));
    PetscCheck(PetscAbsReal(angle - AngleAcross(k)) < 1e-9, PETSC_COMM_SELF, PETSC_ERR_PLIB, "quantile %g",
               (double)angle);
    PetscCall(PetscMalloc1(t->n_local, &mode));
    PetscCall(BrenierFacetsModes(t, &f, AngleAcross(k) + 1e-6, mode, &n_modes));
    PetscCheck(n_modes == 1 << (DIM - 1 - k), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " modes", n_modes);
    for (PetscInt i = 0; i < t->n_local; ++i)
      PetscCheck(mode[i] == (t->first + i) >> (k + 1), PETSC_COMM_SELF, PETSC_ERR_PLIB, "mode %" PetscInt64_FMT,
                 mode[i]);
    PetscCall(PetscFree(mode));
  }
  PetscCall(BrenierFacetsDestroy(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In one dimension a barycentre is exact. */
static PetscErrorCode TestLine(void)
{
  enum { TWO = 2 };
  const PetscReal expected[] = {-1.0, 1.0};
  BrenierSource   source;
  BrenierTargets  t;
  PetscReal      *c;
  Vec             h;
  PetscInt        first, n_local;
  PetscReal      *y, *nu;
  PetscInt64     *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, TWO, &first, &n_local));
  PetscCall(PetscMalloc1(n_local, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  for (PetscInt i = 0; i < n_local; ++i) {
    y[i]   = expected[first + i];
    nu[i]  = 0.5;
    row[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, 1, y, nu, row, &t));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecSet(h, 0.0));
  for (int cube = 0; cube < 2; ++cube) {
    const char *const type = cube ? "cube" : "gaussian";

    PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, 1, 3.0, &source));
    PetscCall(PetscMalloc1(n_local, &c));
    PetscCall(BrenierBarycentresMeasure(t, source, h, 1, 1, c));
    for (PetscInt i = 0; i < n_local; ++i)
      PetscCheck(PetscAbsReal(c[i] - expected[first + i] * HalfMean(type) * BrenierSourceScale(source)) < 1e-14,
                 PETSC_COMM_SELF, PETSC_ERR_PLIB, "barycentre %.17g on the line", (double)c[i]);
    PetscCall(PetscFree(c));
    PetscCall(BrenierSourceDestroy(&source));
  }
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  BrenierTargets t;
  Vec            h;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestAngles());
  PetscCall(TestLine());
  PetscCall(MakeBox(&t, &h));
  for (int cube = 0; cube < 2; ++cube) {
    BrenierSource source;

    PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, cube ? "cube" : "gaussian", DIM, 2.0, &source));
    PetscCall(TestBarycentres(t, source, h));
    PetscCall(TestFacets(t, source, h));
    PetscCall(BrenierSourceDestroy(&source));
  }
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscCall(PetscFinalize());
  return 0;
}
