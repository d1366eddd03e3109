/* dual.c - Implements dual.h: the object, its layout, and what its files share. */
#include "dual_private.h"

/* A chunk's vectors, in double, stay below this, and its curves below BRENIER_CHUNK_CURVES: enough to hide a round of the ring. */
static const size_t brenier_chunk_bytes = (size_t)64 << 20;
enum { BRENIER_CHUNK_CURVES = 4096 };

/* Units of mass over all curves stay below 2^62. */
static const int brenier_total_mass_bits = 62;

static int MassBits(PetscInt64 n_curves)
{
  int bits = brenier_total_mass_bits;

  for (PetscInt64 c = 1; c < n_curves; c *= 2) --bits;
  return bits;
}

static void SetChunks(BrenierDual dual, PetscMPIInt size)
{
  const size_t     per_curve = 2 * (size_t)dual->source.dim * sizeof(PetscReal);
  const PetscInt64 most      = (dual->n_curves + size - 1) / size; // on any rank

  dual->chunk_size = (PetscInt)PetscMax(1, PetscMin((size_t)BRENIER_CHUNK_CURVES, brenier_chunk_bytes / per_curve));
  dual->n_chunks   = (PetscInt)((most + dual->chunk_size - 1) / dual->chunk_size);
}

PetscErrorCode BrenierDualCreate(BrenierTargets targets, const BrenierSource *source, PetscInt64 seed, uint32_t stream,
                                 PetscInt64 n_curves, PetscInt n_batches, BrenierDual *dual)
{
  PetscMPIInt rank, size;
  PetscInt64  end;
  BrenierDual d;

  PetscFunctionBegin;
  PetscCheck(n_curves >= 1 && n_batches >= 1, targets->comm, PETSC_ERR_ARG_OUTOFRANGE, "Need a curve and a batch");
  PetscCall(PetscNew(&d));
  PetscCallMPI(MPI_Comm_rank(targets->comm, &rank));
  PetscCallMPI(MPI_Comm_size(targets->comm, &size));
  d->comm       = targets->comm;
  d->targets    = targets;
  d->source     = *source;
  d->curve_type = BrenierSourceCurveType(source);
  d->measure    = BrenierSourceLineMeasure(source);
  d->seed       = seed;
  d->stream     = stream;
  d->n_curves   = PetscMin(n_curves, BrenierSourceMaxCurves(source));
  d->n_batches  = (PetscInt)PetscMin((PetscInt64)n_batches, d->n_curves);
  d->mass_bits  = MassBits(d->n_curves);
  // 128-bit products: curves times ranks may pass 2^63
  d->first_curve = (PetscInt64)((__int128)d->n_curves * rank / size);
  end            = (PetscInt64)((__int128)d->n_curves * (rank + 1) / size);
  PetscCall(PetscIntCast(end - d->first_curve, &d->n_local));
  SetChunks(d, size);
  PetscCall(PetscCalloc1(d->n_local + 1, &d->pieces.offset));
  PetscCall(PetscMalloc2(d->n_local, &d->potential, d->n_local, &d->square));
  PetscCall(PetscCalloc2((size_t)d->n_batches * targets->n_local, &d->mass_units,
                         (size_t)d->n_batches * targets->n_local, &d->batch_mass));
  *dual = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualDestroy(BrenierDual *dual)
{
  BrenierDual d = *dual;

  PetscFunctionBegin;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierPiecesFree_Private(&d->pieces));
  PetscCall(PetscFree(d->leaf_target));
  PetscCall(PetscFree(d->leaf_height));
  PetscCall(PetscSFDestroy(&d->sf));
  PetscCall(PetscFree2(d->potential, d->square));
  PetscCall(PetscFree2(d->mass_units, d->batch_mass));
  PetscCall(PetscFree(*dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt64 BrenierDualBatchStart_Private(BrenierDual dual, PetscInt b)
{
  return (PetscInt64)((__int128)dual->n_curves * b / dual->n_batches);
}

void BrenierDualDraw_Private(BrenierDual dual, PetscInt c, PetscReal z[], BrenierCurve *curve)
{
  curve->z1 = z;
  curve->z2 = z + dual->source.dim;
  BrenierSourceDrawCurve(&dual->source, dual->seed, dual->stream, dual->first_curve + c, curve);
}

void BrenierDualPlane_Private(BrenierDual dual, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                              PetscReal *b)
{
  const size_t dim = (size_t)dual->source.dim;

  switch (dual->curve_type) {
  case BRENIER_CURVE_CIRCLE:
    *a = BrenierDot(dim, curve->z1, y);
    *b = BrenierDot(dim, curve->z2, y);
    break;
  case BRENIER_CURVE_CHORD:
    *b = y[curve->axis];
    *a = BrenierDot(dim, curve->z1, y) - curve->z1[curve->axis] * *b;
    break;
  case BRENIER_CURVE_LINE:
    *a = 0.0;
    *b = dual->source.scale * y[0];
    break;
  }
}

PetscReal BrenierDualShare_Private(BrenierDual dual, PetscReal t)
{
  return dual->curve_type == BRENIER_CURVE_CIRCLE ? BrenierCircleShare(t) : BrenierLineShare(dual->measure, t);
}

PetscReal BrenierDualPieceEnd_Private(BrenierDual dual, PetscInt c, PetscInt64 p)
{
  if (p + 1 < dual->pieces.offset[c + 1]) return dual->pieces.start[p + 1];
  if (dual->curve_type == BRENIER_CURVE_CIRCLE) return 2.0 * PETSC_PI;
  return dual->measure == BRENIER_LINE_UNIFORM ? 0.5 : INFINITY;
}

static PetscErrorCode Grow(BrenierPieces *pieces, PetscInt64 n)
{
  const size_t capacity = 2 * (size_t)n + 1024;

  PetscFunctionBegin;
  if (n <= pieces->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *pieces->target, &pieces->target));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->a, &pieces->a));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->b, &pieces->b));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->start, &pieces->start));
  pieces->capacity = (PetscInt64)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesAppend_Private(BrenierPieces *pieces, const BrenierEnvelope *envelope,
                                           const PetscInt target[], const PetscReal a[], const PetscReal b[])
{
  PetscFunctionBegin;
  PetscCall(Grow(pieces, pieces->n + (PetscInt64)envelope->n));
  for (size_t p = 0; p < envelope->n; ++p) {
    const int32_t i = envelope->plane[p];

    pieces->target[pieces->n] = target[i];
    pieces->a[pieces->n]      = a[i];
    pieces->b[pieces->n]      = b[i];
    pieces->start[pieces->n]  = envelope->start[p];
    ++pieces->n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesFree_Private(BrenierPieces *pieces)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(pieces->offset));
  PetscCall(PetscFree(pieces->target));
  PetscCall(PetscFree(pieces->a));
  PetscCall(PetscFree(pieces->b));
  PetscCall(PetscFree(pieces->start));
  pieces->n = pieces->capacity = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetCurves(BrenierDual dual, PetscInt64 *first_curve, PetscInt *n_curves)
{
  PetscFunctionBegin;
  *first_curve = dual->first_curve;
  *n_curves    = dual->n_local;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetPieces(BrenierDual dual, PetscInt c, PetscInt *n, PetscInt target[], PetscReal start[],
                                    PetscInt capacity)
{
  const PetscInt64 first = dual->pieces.offset[c];

  PetscFunctionBegin;
  *n = (PetscInt)(dual->pieces.offset[c + 1] - first);
  for (PetscInt p = 0; p < PetscMin(*n, capacity); ++p) {
    target[p] = dual->leaf_target[dual->pieces.target[first + p]];
    start[p]  = dual->pieces.start[first + p];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetWork(BrenierDual dual, BrenierDualWork *work)
{
  PetscFunctionBegin;
  *work = dual->work;
  PetscFunctionReturn(PETSC_SUCCESS);
}
