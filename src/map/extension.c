/* extension.c - Implements extension.h. */
#include <brenier/base.h>
#include <brenier/extension.h>
#include <brenier/transport.h>

#include <math.h>

/* Numbers of fetched rows that a rank holds at once: 64 MB of targets and as much of barycentres. */
static const PetscInt64 brenier_fetched_at_once = (PetscInt64)1 << 23;

/* A point with its K nearest targets and their barycentres, shape [K, dim] each. */
typedef struct {
  const PetscReal *x, *y, *barycentre;
} Neighbourhood;

/* 1 / |x - c|; 0 for an unknown barycentre. It dominates all others where x equals c. */
static PetscReal InverseDistance(PetscInt dim, const PetscReal x[], const PetscReal c[])
{
  PetscReal square = 0.0;

  if (isnan(c[0])) return 0.0;
  for (PetscInt k = 0; k < dim; ++k) square += PetscSqr(x[k] - c[k]);
  return 1.0 / PetscSqrtReal(PetscMax(square, PETSC_MACHINE_EPSILON * PETSC_MACHINE_EPSILON));
}

/* The code of a point; whether it crosses the singular set. */
static PetscBool MixTargets(const BrenierExtension *e, PetscInt dim, const Neighbourhood *around, PetscReal code[])
{
  PetscBool crosses = PETSC_FALSE;
  PetscReal sum     = 0.0;

  for (PetscInt l = 0; l < dim; ++l) code[l] = 0.0;
  for (PetscInt k = 0; k < e->n_neighbours; ++k) {
    const PetscReal *y     = around->y + (size_t)k * (size_t)dim;
    const PetscReal  w     = InverseDistance(dim, around->x, around->barycentre + (size_t)k * (size_t)dim);
    const PetscBool across = (PetscBool)(k > 0 && BrenierAngleBetween(e->convention, dim, around->y, y) > e->threshold);

    crosses = (PetscBool)(crosses || across);
    if (across && e->projects) continue;
    sum += w;
    for (PetscInt l = 0; l < dim; ++l) code[l] += w * y[l];
  }
  for (PetscInt l = 0; l < dim; ++l) code[l] = sum > 0.0 ? code[l] / sum : around->y[l];
  return crosses;
}

static PetscErrorCode MixGroup(const BrenierExtension *e, BrenierTargets t, PetscInt n, const PetscReal x[],
                               const PetscInt64 index[], PetscReal code[], PetscBool crosses[])
{
  const size_t   dim = (size_t)t->dim, per_point = (size_t)e->n_neighbours * dim;
  const PetscInt rows = n * e->n_neighbours;
  PetscReal     *y, *c;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)n * per_point, &y, (size_t)n * per_point, &c));
  PetscCall(BrenierTargetsFetch(t, rows, index, y));
  PetscCall(BrenierTargetsFetchRows(t, rows, index, t->dim, e->barycentre, c));
  for (PetscInt i = 0; i < n; ++i) {
    const Neighbourhood around  = {x + (size_t)i * dim, y + (size_t)i * per_point, c + (size_t)i * per_point};
    const PetscBool     crossed = MixTargets(e, t->dim, &around, code + (size_t)i * dim);

    if (crosses) crosses[i] = crossed;
  }
  PetscCall(PetscFree2(y, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Extension of points whose neighbours are known. */
static PetscErrorCode MixAll(const BrenierExtension *e, BrenierTargets t, PetscInt n, const PetscReal x[],
                             const PetscInt64 nearest[], PetscReal code[], PetscBool crosses[])
{
  const PetscInt at_once =
      (PetscInt)PetscMax(1, brenier_fetched_at_once / ((PetscInt64)e->n_neighbours * (PetscInt64)t->dim));
  PetscInt most;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  for (PetscInt i = 0; i < most; i += PetscMin(at_once, most - i)) {
    const PetscInt from = PetscMin(i, n), count = PetscMin(at_once, n - from);

    PetscCall(MixGroup(e, t, count, x + (size_t)from * (size_t)t->dim, nearest + (size_t)from * (size_t)e->n_neighbours,
                       code + (size_t)from * (size_t)t->dim, crosses ? crosses + from : NULL));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtensionApply(const BrenierExtension *e, BrenierTargets t, Vec h, PetscInt n,
                                     const PetscReal x[], const BrenierExtended *out)
{
  const size_t keep = (size_t)e->n_neighbours;
  PetscInt64  *nearest;
  PetscReal   *value;

  PetscFunctionBegin;
  if (keep == 1) {
    if (out->crosses) PetscCall(PetscArrayzero(out->crosses, n));
    PetscCall(BrenierTransportNearest(t, h, 1, n, x, out->index, out->u));
    if (e->piecewise) PetscCall(BrenierPiecewiseApply(e->piecewise, n, x, out->index, out->code));
    else PetscCall(BrenierTargetsFetch(t, n, out->index, out->code));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc2((size_t)n * keep, &nearest, (size_t)n * keep, &value));
  PetscCall(BrenierTransportNearest(t, h, e->n_neighbours, n, x, nearest, value));
  for (PetscInt i = 0; i < n; ++i) {
    out->index[i] = nearest[(size_t)i * keep];
    if (out->u) out->u[i] = value[(size_t)i * keep];
  }
  PetscCall(MixAll(e, t, n, x, nearest, out->code, out->crosses));
  PetscCall(PetscFree2(nearest, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
