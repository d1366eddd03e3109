static const char help[] = "Checks the map of points against the best of all planes in double precision.\n";

#include "problems.h"

#include <brenier/dot.h>
#include <brenier/transport.h>

#include <float.h>
#include <math.h>

/* More than a group of points and more than a tile of targets take part once each; see the calls. */

enum { POINT_SEED = 31 };

/* Where points lie. */
typedef enum { GAUSSIAN_POINTS, FAR_POINTS, LATTICE_POINTS, SAME_POINT, N_KINDS } PointKind;

static void MakePoint(PointKind kind, PetscInt i, PetscInt dim, PetscReal x[])
{
  BrenierRandomNormal(POINT_SEED, 85, kind == SAME_POINT ? 0 : (uint64_t)i, (size_t)dim, x);
  for (PetscInt k = 0; k < dim; ++k) {
    if (kind == FAR_POINTS) x[k] *= 1e4;
    if (kind == LATTICE_POINTS) x[k] = floor(2.0 * x[k]);
  }
}

/* Highest plane at x in the arithmetic that defines it: normalised targets, ties to the lowest index. */
static PetscInt Best(BrenierTargets t, const PetscReal y[], const PetscReal h[], const PetscReal x[], PetscReal *u)
{
  PetscInt  best = 0;
  PetscReal most = -INFINITY;

  for (PetscInt i = 0; i < t->n; ++i) {
    const PetscReal value = BrenierDot((size_t)t->dim, x, y + i * t->dim) + h[i] / t->unit;

    if (value > most) {
      most = value;
      best = i;
    }
  }
  *u = most * t->unit + BrenierDot((size_t)t->dim, x, t->centre);
  return best;
}

/* max <x,y_i> + h_i with the targets as they are, and the size of its terms. */
static long double Potential(BrenierTargets t, const PetscReal raw[], const PetscReal h[], const PetscReal x[],
                             long double *size)
{
  long double most = -LDBL_MAX;

  *size = 0.0L;
  for (PetscInt i = 0; i < t->n; ++i) {
    long double value = (long double)h[i], terms = fabsl((long double)h[i]);

    for (PetscInt k = 0; k < t->dim; ++k) {
      value += (long double)x[k] * (long double)raw[i * t->dim + k];
      terms += fabsl((long double)x[k] * (long double)raw[i * t->dim + k]);
    }
    most  = PetscMax(most, value);
    *size = PetscMax(*size, terms);
  }
  return most;
}

/* Counts of a batch, at other heights first, against the indices that Apply gives; a transport of small groups. */
static PetscErrorCode CheckCounts(BrenierTargets t, Vec height, PetscInt n, const PetscReal x[],
                                  const PetscInt64 index[])
{
  BrenierTransport transport;
  PetscInt64      *count, *wanted;
  Vec              other;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(t->n_local, &count));
  PetscCall(PetscCalloc1(t->n, &wanted));
  for (PetscInt i = 0; i < n; ++i) ++wanted[index[i]];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, wanted, (PetscMPIInt)t->n, MPIU_INT64, MPI_SUM, t->comm));
  PetscCall(BrenierTransportCreate(t, 31, &transport));
  PetscCall(VecDuplicate(height, &other));
  PetscCall(BrenierTransportSetHeights(transport, other));
  PetscCall(BrenierTransportCount(transport, n, x, count));
  PetscCall(BrenierTransportSetHeights(transport, height));
  PetscCall(BrenierTransportCount(transport, n, x, count));
  for (PetscInt i = 0; i < t->n_local; ++i)
    PetscCheck(count[i] == wanted[t->first + i], PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "target %" PetscInt_FMT ": %" PetscInt64_FMT " points, not %" PetscInt64_FMT, t->first + i, count[i],
               wanted[t->first + i]);
  PetscCall(VecDestroy(&other));
  PetscCall(BrenierTransportDestroy(&transport));
  PetscCall(PetscFree(wanted));
  PetscCall(PetscFree(count));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckPoints(BrenierTargets t, Vec height, PointKind kind, PetscInt first, PetscInt n)
{
  const PetscInt dim = t->dim;
  PetscReal     *y, *raw, *h, *x, *potential, *code;
  PetscInt64    *index;

  PetscFunctionBeginUser;
  PetscCall(GatherTargets(t, PETSC_TRUE, &y));
  PetscCall(GatherTargets(t, PETSC_FALSE, &raw));
  PetscCall(GatherVec(t, height, &h));
  PetscCall(PetscMalloc4(n * dim, &x, n, &potential, n * dim, &code, n, &index));
  for (PetscInt i = 0; i < n; ++i) MakePoint(kind, first + i, dim, x + i * dim);
  PetscCall(BrenierTransportApply(t, height, n, x, index, potential, code));
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal      u;
    long double    size;
    const PetscInt best = Best(t, y, h, x + i * dim, &u);

    PetscCheck(index[i] == best, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "point %" PetscInt_FMT ": target %" PetscInt64_FMT ", not %" PetscInt_FMT, first + i, index[i], best);
    PetscCheck(potential[i] == u, PETSC_COMM_SELF, PETSC_ERR_PLIB, "u = %.17g, not %.17g", (double)potential[i],
               (double)u);
    PetscCheck(!memcmp(code + i * dim, raw + best * dim, (size_t)dim * sizeof *code), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "T(x) is not target %" PetscInt_FMT, best);
    if (i >= 50) continue;
    u = (PetscReal)Potential(t, raw, h, x + i * dim, &size);
    PetscCheck(PetscAbsReal(potential[i] - u) <= (PetscReal)size * DBL_EPSILON * (PetscReal)(dim + 8), PETSC_COMM_SELF,
               PETSC_ERR_PLIB, "u = %.17g, not %.17g", (double)potential[i], (double)u);
  }
  // Nothing but the index asked for
  PetscCall(PetscArrayzero(index, n));
  PetscCall(BrenierTransportApply(t, height, n, x, index, NULL, NULL));
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal u;

    PetscCheck(index[i] == Best(t, y, h, x + i * dim, &u), PETSC_COMM_SELF, PETSC_ERR_PLIB, "index without the rest");
  }
  PetscCall(CheckCounts(t, height, n, x, index));
  PetscCall(PetscFree4(x, potential, code, index));
  PetscCall(PetscFree(y));
  PetscCall(PetscFree(raw));
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The best few of a point, against the values of all targets: none that is left out is higher, and ties by index. */
static PetscErrorCode CheckNearest(BrenierTargets t, Vec height, PetscInt first, PetscInt n)
{
  const PetscInt dim = t->dim, keep = PetscMin(t->n, 5);
  PetscReal     *x, *y, *h, *value;
  PetscInt64    *index;

  PetscFunctionBeginUser;
  PetscCall(GatherTargets(t, PETSC_TRUE, &y));
  PetscCall(GatherVec(t, height, &h));
  PetscCall(PetscMalloc3(n * dim, &x, n * keep, &index, n * keep, &value));
  for (PetscInt i = 0; i < n; ++i) MakePoint(GAUSSIAN_POINTS, first + i, dim, x + i * dim);
  PetscCall(BrenierTransportNearest(t, height, keep, n, x, index, value));
  for (PetscInt i = 0; i < n; ++i)
    for (PetscInt k = 0; k < keep; ++k) {
      const PetscInt  j      = (PetscInt)index[i * keep + k];
      const PetscReal v      = BrenierDot((size_t)dim, x + i * dim, y + j * dim) + h[j] / t->unit;
      PetscInt        higher = 0;

      for (PetscInt l = 0; l < t->n; ++l) {
        const PetscReal other = BrenierDot((size_t)dim, x + i * dim, y + l * dim) + h[l] / t->unit;

        higher += other > v || (other == v && l < j);
      }
      PetscCheck(higher == k, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "target %" PetscInt_FMT " is number %" PetscInt_FMT ", not %" PetscInt_FMT, j, higher, k);
      PetscCheck(value[i * keep + k] == v * t->unit + BrenierDot((size_t)dim, x + i * dim, t->centre), PETSC_COMM_SELF,
                 PETSC_ERR_PLIB, "value of target %" PetscInt_FMT, j);
    }
  PetscCall(PetscFree3(x, index, value));
  PetscCall(PetscFree(y));
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points in uneven blocks: none on rank 0, and all of them on the last rank alone. */
static PetscErrorCode TestApply(Cloud cloud, PetscInt n, PetscInt dim, PetscReal scale, PetscReal shift,
                                PetscReal curvature, PetscReal noise, PetscInt n_points)
{
  PetscMPIInt    rank, size;
  PetscInt       first, n_local;
  BrenierTargets t;
  Vec            h;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(MakeTargets(PETSC_COMM_WORLD, cloud, 3, n, dim, scale, shift, &t));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(SetHeights(t, curvature, noise, 1, h));
  PetscCall(SplitRows(PETSC_COMM_WORLD, n_points, &first, &n_local));
  for (PointKind kind = GAUSSIAN_POINTS; kind < N_KINDS; ++kind) PetscCall(CheckPoints(t, h, kind, first, n_local));
  PetscCall(CheckPoints(t, h, GAUSSIAN_POINTS, 0, rank == size - 1 ? PetscMin(n_points, 100) : 0));
  PetscCall(CheckPoints(t, h, GAUSSIAN_POINTS, 0, 0));
  PetscCall(CheckNearest(t, h, first, PetscMin(n_local, 40)));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  static const PetscInt dims[] = {1, 2, 7, 64};

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  for (Cloud cloud = CLOUD_NORMAL; cloud < N_CLOUDS; ++cloud)
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; ++d) {
      PetscCall(TestApply(cloud, 300, dims[d], 1.0, 0.0, 1.0, 0.1, 101));
      PetscCall(TestApply(cloud, 300, dims[d], 100.0, 1e3, 0.0, 0.0, 37));
    }
  for (PetscInt n = 1; n <= 6; ++n) PetscCall(TestApply(CLOUD_NORMAL, n, 3, 1.0, 0.0, 1.0, 0.1, n % 4));
  PetscCall(TestApply(CLOUD_NORMAL, 9000, 3, 1.0, 0.0, 1.0, 0.01, 50));
  PetscCall(TestApply(CLOUD_COPIES, 60, 2, 1.0, 0.0, 1.0, 0.01, 5 * 8192 + 5));
  PetscCall(PetscFinalize());
  return 0;
}
