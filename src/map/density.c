/* density.c - Implements density.h. */
#include <brenier/base.h>
#include <brenier/density.h>
#include <brenier/transport.h>

#include "gather.h"
#include "low/triangulation.h"

#include <math.h>
#include <petscblaslapack.h>

const char *const BrenierDensityNames[] = {"cells", "fits", NULL};

/* Numbers of fetched rows that a rank holds at once, of targets and as many of barycentres. */
static const PetscInt64 brenier_fit_at_once = (PetscInt64)1 << 22;

/* ---- cells ---- */

/* The targets of all ranks with their triangulation. */
typedef struct {
  PetscReal           *y, *h, *nu, *volume; /* volume: V_i */
  BrenierTriangulation triangulation;
} Whole;

static PetscErrorCode MakeWhole(BrenierTargets t, Vec h, Whole *w)
{
  const PetscInt     most_dim = 3;
  const PetscScalar *mine;

  PetscFunctionBegin;
  PetscCheck(t->dim <= most_dim, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "volumes of cells are for up to three dimensions, not %" PetscInt_FMT "; take fits", t->dim);
  PetscCall(PetscMalloc3((size_t)t->n * t->dim, &w->y, t->n, &w->h, t->n, &w->nu));
  PetscCall(PetscCalloc1(t->n, &w->volume));
  PetscCall(VecGetArrayRead(h, &mine));
  PetscCall(BrenierGatherRows_Private(t, 1, mine, w->h));
  PetscCall(VecRestoreArrayRead(h, &mine));
  PetscCall(BrenierGatherRows_Private(t, t->dim, t->y, w->y));
  PetscCall(BrenierGatherRows_Private(t, 1, t->nu, w->nu));
  PetscCall(BrenierTriangulationCreate(t->comm, t->dim, t->n, w->y, w->h, &w->triangulation));
  PetscCheck(w->triangulation.n_simplices > 0, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "the %" PetscInt_FMT " targets do not span their %" PetscInt_FMT
             " dimensions, so their law has no density",
             t->n, t->dim);
  for (PetscInt s = 0; s < w->triangulation.n_simplices; ++s)
    for (PetscInt k = 0; k <= t->dim; ++k)
      w->volume[w->triangulation.vertex[s * (t->dim + 1) + k]] +=
          BrenierTriangulationVolume(&w->triangulation, s) / (PetscReal)(t->dim + 1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeWhole(Whole *w)
{
  PetscFunctionBegin;
  PetscCall(BrenierTriangulationFree(&w->triangulation));
  PetscCall(PetscFree(w->volume));
  PetscCall(PetscFree3(w->y, w->h, w->nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDensityByCells(BrenierTargets t, Vec h, PetscInt n, const PetscReal y[], PetscReal log_density[])
{
  BrenierPlaceInside place;
  PetscInt64        *nearest;
  Whole              w = {0};
  Vec                distance;

  PetscFunctionBegin;
  PetscCall(MakeWhole(t, h, &w));
  PetscCall(BrenierTransportNearestHeights(t, NULL, &distance));
  PetscCall(PetscMalloc1(n, &nearest));
  PetscCall(BrenierTransportApply(t, distance, n, y, nearest, NULL, NULL));
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal sum = 0.0;

    BrenierTriangulationLocate(&w.triangulation, (PetscInt)nearest[i], y + (size_t)i * t->dim, &place);
    for (PetscInt k = 0; place.inside && k <= t->dim; ++k)
      sum += place.weight[k] * w.nu[place.vertex[k]] / w.volume[place.vertex[k]];
    log_density[i] = log(sum);
  }
  PetscCall(PetscFree(nearest));
  PetscCall(VecDestroy(&distance));
  PetscCall(FreeWhole(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- fits ---- */

/* Room for one fit. Matrices are symmetric, or stored by columns. */
typedef struct {
  PetscInt   dim, k;
  PetscReal *y, *b;               /* neighbours about their means, shape [k, dim] */
  PetscReal *mean_y, *mean_b;     /* shape [dim] */
  PetscReal *yy, *yb, *symmetric; /* sums of products; yb becomes A^T, symmetric (A + A^T) / 2; shape [dim, dim] */
} Fit;

static PetscErrorCode FitCreate(PetscInt dim, PetscInt k, Fit *f)
{
  const size_t square = (size_t)dim * (size_t)dim;

  PetscFunctionBegin;
  *f = (Fit){.dim = dim};
  PetscCall(PetscMalloc4((size_t)k * dim, &f->y, (size_t)k * dim, &f->b, dim, &f->mean_y, dim, &f->mean_b));
  PetscCall(PetscMalloc3(square, &f->yy, square, &f->yb, square, &f->symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FitDestroy(Fit *f)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(f->y, f->b, f->mean_y, f->mean_b));
  PetscCall(PetscFree3(f->yy, f->yb, f->symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes off the mean. */
static void Centre(PetscInt k, PetscInt dim, PetscReal x[], PetscReal mean[])
{
  for (PetscInt c = 0; c < dim; ++c) {
    mean[c] = 0.0;
    for (PetscInt j = 0; j < k; ++j) mean[c] += x[(size_t)j * dim + c];
    mean[c] /= (PetscReal)PetscMax(k, 1);
    for (PetscInt j = 0; j < k; ++j) x[(size_t)j * dim + c] -= mean[c];
  }
}

/* Neighbours with a known barycentre. */
static PetscErrorCode FitTake(Fit *f, PetscInt k, const PetscReal y[], const PetscReal b[])
{
  const size_t dim = (size_t)f->dim;

  PetscFunctionBegin;
  f->k = 0;
  for (PetscInt j = 0; j < k; ++j) {
    if (isnan(b[(size_t)j * dim])) continue;
    PetscCall(PetscArraycpy(f->y + (size_t)f->k * dim, y + (size_t)j * dim, dim));
    PetscCall(PetscArraycpy(f->b + (size_t)f->k * dim, b + (size_t)j * dim, dim));
    ++f->k;
  }
  Centre(f->k, f->dim, f->y, f->mean_y);
  Centre(f->k, f->dim, f->b, f->mean_b);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A^T by least squares, and log det (A + A^T) / 2; NaN where either matrix is not positive definite. */
static PetscErrorCode FitSolve(Fit *f, PetscReal *log_det)
{
  const PetscScalar one = 1.0, zero = 0.0;
  PetscBLASInt      d, k, info;

  PetscFunctionBegin;
  *log_det = NAN;
  if (f->k <= f->dim) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(f->dim, &d));
  PetscCall(PetscBLASIntCast(f->k, &k));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "T", &d, &d, &k, &one, f->y, &d, f->y, &d, &zero, f->yy, &d));
  PetscCallBLAS("BLASgemm", BLASgemm_("N", "T", &d, &d, &k, &one, f->y, &d, f->b, &d, &zero, f->yb, &d));
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("L", &d, f->yy, &d, &info));
  if (info) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallBLAS("LAPACKpotrs", LAPACKpotrs_("L", &d, &d, f->yy, &d, f->yb, &d, &info));
  for (PetscInt i = 0; i < f->dim; ++i)
    for (PetscInt j = 0; j < f->dim; ++j)
      f->symmetric[i * f->dim + j] = 0.5 * (f->yb[i * f->dim + j] + f->yb[j * f->dim + i]);
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("L", &d, f->symmetric, &d, &info));
  if (info) PetscFunctionReturn(PETSC_SUCCESS);
  *log_det = 0.0;
  for (PetscInt i = 0; i < f->dim; ++i) *log_det += 2.0 * log(f->symmetric[i * (f->dim + 1)]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c + A (y - m), in the place of the mean of the barycentres. */
static void FitValue(Fit *f, const PetscReal y[])
{
  for (PetscInt i = 0; i < f->dim; ++i)
    for (PetscInt j = 0; j < f->dim; ++j) f->mean_b[i] += f->yb[i * f->dim + j] * (y[j] - f->mean_y[j]);
}

/* Points of which the neighbours are known. */
static PetscErrorCode FitGroup(BrenierTargets t, BrenierSource source, const PetscReal barycentre[], PetscInt k,
                               PetscInt n, const PetscReal y[], const PetscInt64 nearest[], PetscReal log_density[])
{
  const size_t dim = (size_t)t->dim, per_point = (size_t)k * dim;
  PetscReal   *yk, *bk, log_det;
  Fit          f;

  PetscFunctionBegin;
  PetscCall(FitCreate(t->dim, k, &f));
  PetscCall(PetscMalloc2((size_t)n * per_point, &yk, (size_t)n * per_point, &bk));
  PetscCall(BrenierTargetsFetch(t, n * k, nearest, yk));
  PetscCall(BrenierTargetsFetchRows(t, n * k, nearest, t->dim, barycentre, bk));
  for (PetscInt i = 0; i < n; ++i) {
    log_density[i] = NAN;
    PetscCall(FitTake(&f, k, yk + (size_t)i * per_point, bk + (size_t)i * per_point));
    PetscCall(FitSolve(&f, &log_det));
    if (isnan(log_det)) continue;
    FitValue(&f, y + (size_t)i * dim);
    PetscCall(BrenierSourceLogDensity(source, f.mean_b, &log_density[i]));
    log_density[i] += log_det;
  }
  PetscCall(PetscFree2(yk, bk));
  PetscCall(FitDestroy(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDensityByFits(BrenierTargets t, BrenierSource source, const PetscReal barycentre[],
                                    PetscInt n_neighbours, PetscInt n, const PetscReal y[], PetscReal log_density[])
{
  const size_t   dim = (size_t)t->dim, k = (size_t)n_neighbours;
  const PetscInt at_once = (PetscInt)PetscMax(1, brenier_fit_at_once / ((PetscInt64)n_neighbours * t->dim));
  PetscInt       most;
  PetscInt64    *nearest;
  Vec            distance;

  PetscFunctionBegin;
  PetscCheck(n_neighbours > t->dim && n_neighbours <= t->n, t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "a fit takes %" PetscInt_FMT " to %" PetscInt_FMT " targets, not %" PetscInt_FMT, t->dim + 1, t->n,
             n_neighbours);
  PetscCall(BrenierTransportNearestHeights(t, NULL, &distance));
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(PetscMalloc1((size_t)PetscMin(n, at_once) * k, &nearest));
  for (PetscInt i = 0; i < most; i += PetscMin(at_once, most - i)) {
    const PetscInt   from = PetscMin(i, n), count = PetscMin(at_once, n - from);
    const PetscReal *at = y + (size_t)from * dim;

    PetscCall(BrenierTransportNearest(t, distance, n_neighbours, count, at, nearest, NULL));
    PetscCall(FitGroup(t, source, barycentre, n_neighbours, count, at, nearest, log_density + from));
  }
  PetscCall(PetscFree(nearest));
  PetscCall(VecDestroy(&distance));
  PetscFunctionReturn(PETSC_SUCCESS);
}
