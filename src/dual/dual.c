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

static void SetChunkSize(BrenierDual dual)
{
  const size_t per_curve = 2 * (size_t)dual->targets->dim * sizeof(PetscReal);

  dual->chunk_size = (PetscInt)PetscMax(1, PetscMin((size_t)BRENIER_CHUNK_CURVES, brenier_chunk_bytes / per_curve));
}

/* Appends curves [n_curves, n) of the sample, this rank's share of them at its end. */
static PetscErrorCode AddSegment(BrenierDual dual, PetscInt64 n)
{
  const PetscInt64 length = n - dual->n_curves;
  BrenierSegment  *s      = &dual->segment[dual->n_segments];
  PetscMPIInt      rank, size;
  PetscInt64       end;

  PetscFunctionBegin;
  PetscCheck(dual->n_segments < BRENIER_MAX_SEGMENTS, dual->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "The sample grew too often");
  PetscCallMPI(MPI_Comm_rank(dual->comm, &rank));
  PetscCallMPI(MPI_Comm_size(dual->comm, &size));
  s->begin = dual->n_curves;
  s->end   = n;
  // 128-bit products: curves times ranks may pass 2^63
  s->first = s->begin + (PetscInt64)((__int128)length * rank / size);
  end      = s->begin + (PetscInt64)((__int128)length * (rank + 1) / size);
  s->local = dual->n_local;
  PetscCall(PetscIntCast(dual->n_local + (end - s->first), &dual->n_local));
  ++dual->n_segments;
  dual->n_curves  = n;
  dual->mass_bits = MassBits(n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualCreate(BrenierTargets targets, BrenierSource source, PetscInt64 seed, uint32_t stream,
                                 PetscInt64 n_curves, PetscInt n_batches, BrenierDual *dual)
{
  BrenierDual d;

  PetscFunctionBegin;
  PetscCheck(n_curves >= 1 && n_batches >= 1, targets->comm, PETSC_ERR_ARG_OUTOFRANGE, "Need a curve and a batch");
  PetscCall(PetscNew(&d));
  d->comm       = targets->comm;
  d->targets    = targets;
  d->source     = BrenierSourceReference(source);
  d->curve_type = BrenierSourceCurveType(source);
  d->measure    = BrenierSourceLineMeasure(source);
  d->seed       = seed;
  d->stream     = stream;
  n_curves      = PetscMin(n_curves, BrenierSourceMaxCurves(source));
  d->n_batches  = (PetscInt)PetscMin((PetscInt64)n_batches, n_curves);
  SetChunkSize(d);
  PetscCall(AddSegment(d, n_curves));
  PetscCall(PetscCalloc1(d->n_local + 1, &d->pieces.offset));
  PetscCall(PetscMalloc1(d->n_local, &d->potential));
  PetscCall(PetscMalloc1(d->n_local, &d->square));
  PetscCall(PetscCalloc2((size_t)d->n_batches * targets->n_local, &d->mass_units,
                         (size_t)d->n_batches * targets->n_local, &d->batch_mass));
  *dual = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSetSlack(BrenierDual dual, Vec slack)
{
  const PetscInt     n = dual->targets->n_local;
  const PetscScalar *s;

  PetscFunctionBegin;
  if (dual->curve_type == BRENIER_CURVE_LINE) PetscFunctionReturn(PETSC_SUCCESS);
  if (!dual->keeps_lists) {
    dual->keeps_lists = PETSC_TRUE;
    PetscCall(PetscMalloc1(n, &dual->slack));
    PetscCall(PetscMalloc1(n, &dual->cap));
    for (PetscInt i = 0; i < n; ++i) dual->cap[i] = -PETSC_INFINITY;
    PetscCall(BrenierListsReserve_Private(&dual->lists, 0, dual->n_local));
  }
  PetscCall(VecGetArrayRead(slack, &s));
  for (PetscInt i = 0; i < n; ++i) dual->slack[i] = s[i] / dual->targets->unit;
  PetscCall(VecRestoreArrayRead(slack, &s));
  dual->renewed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGrow(BrenierDual dual, PetscInt64 n_curves)
{
  const PetscInt old = dual->n_local;

  PetscFunctionBegin;
  n_curves = PetscMin(n_curves, BrenierSourceMaxCurves(dual->source));
  if (n_curves <= dual->n_curves) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(AddSegment(dual, n_curves));
  PetscCall(PetscRealloc((size_t)dual->n_local * sizeof *dual->potential, &dual->potential));
  PetscCall(PetscRealloc((size_t)dual->n_local * sizeof *dual->square, &dual->square));
  PetscCall(PetscRealloc(((size_t)dual->n_local + 1) * sizeof *dual->pieces.offset, &dual->pieces.offset));
  for (PetscInt c = old; c < dual->n_local; ++c) dual->pieces.offset[c + 1] = dual->pieces.offset[old];
  if (dual->keeps_lists) PetscCall(BrenierListsReserve_Private(&dual->lists, old, dual->n_local));
  dual->renewed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool BrenierDualKeepsLists(BrenierDual dual)
{
  return dual->keeps_lists;
}

PetscErrorCode BrenierDualTrustLists(BrenierDual dual, PetscBool trusting)
{
  PetscFunctionBegin;
  dual->trusting = trusting;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualRepeats(BrenierDual dual, PetscBool repeating)
{
  PetscFunctionBegin;
  dual->repeating = repeating;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSetVerify(BrenierDual dual, PetscBool verify)
{
  PetscFunctionBegin;
  dual->verify = verify;
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
  PetscCall(BrenierListsFree_Private(&d->lists));
  PetscCall(BrenierMarkFree_Private(&d->mark));
  PetscCall(PetscFree(d->slack));
  PetscCall(PetscFree(d->cap));
  PetscCall(PetscFree(d->potential));
  PetscCall(PetscFree(d->square));
  PetscCall(PetscFree2(d->mass_units, d->batch_mass));
  PetscCall(BrenierSourceDestroy(&d->source));
  PetscCall(PetscFree(*dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First curve of batch b of a segment, b = 0 .. n_batches; global. */
static PetscInt64 BatchStart(BrenierDual dual, const BrenierSegment *s, PetscInt b)
{
  return s->begin + (PetscInt64)((__int128)(s->end - s->begin) * b / dual->n_batches);
}

void BrenierDualBatch_Private(BrenierDual dual, PetscInt b, PetscInt segment, PetscInt *from, PetscInt *to)
{
  const BrenierSegment *s     = &dual->segment[segment];
  const PetscInt        after = segment + 1 < dual->n_segments ? s[1].local : dual->n_local;

  *from = (PetscInt)PetscMin(s->local + PetscMax(BatchStart(dual, s, b) - s->first, 0), after);
  *to   = (PetscInt)PetscMin(s->local + PetscMax(BatchStart(dual, s, b + 1) - s->first, 0), after);
}

PetscInt64 BrenierDualBatchSize_Private(BrenierDual dual, PetscInt b)
{
  PetscInt64 size = 0;

  for (PetscInt s = 0; s < dual->n_segments; ++s)
    size += BatchStart(dual, &dual->segment[s], b + 1) - BatchStart(dual, &dual->segment[s], b);
  return size;
}

PetscInt64 BrenierDualCurveIndex_Private(BrenierDual dual, PetscInt c)
{
  const BrenierSegment *s = &dual->segment[dual->n_segments - 1];

  while (s->local > c) --s;
  return s->first + (c - s->local);
}

void BrenierDualDraw_Private(BrenierDual dual, PetscInt c, PetscReal z[], BrenierCurve *curve)
{
  curve->z1 = z;
  curve->z2 = z + dual->targets->dim;
  BrenierSourceDrawCurve(dual->source, dual->seed, dual->stream, BrenierDualCurveIndex_Private(dual, c), curve);
}

void BrenierDualPlane_Private(BrenierDual dual, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                              PetscReal *b)
{
  const size_t dim = (size_t)dual->targets->dim;

  switch (dual->curve_type) {
  case BRENIER_CURVE_CIRCLE:
    BrenierDotPair(dim, curve->z1, curve->z2, y, a, b);
    break;
  case BRENIER_CURVE_CHORD:
    *b = y[curve->axis];
    *a = BrenierDot(dim, curve->z1, y) - curve->z1[curve->axis] * *b;
    break;
  case BRENIER_CURVE_LINE:
    *a = 0.0;
    *b = curve->z1[0] * y[0];
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

int BrenierDualEnvelope_Private(BrenierDual dual, PetscInt k, const PetscReal a[], const PetscReal b[],
                                const PetscReal h[], BrenierEnvelope *envelope)
{
  return dual->curve_type == BRENIER_CURVE_CIRCLE ? BrenierCircleEnvelope((size_t)k, a, b, h, envelope)
                                                  : BrenierLineEnvelope((size_t)k, a, b, h, dual->measure, envelope);
}

PetscReal BrenierDualIntegral_Private(BrenierDual dual, const BrenierEnvelope *e, const PetscReal a[],
                                      const PetscReal b[], const PetscReal h[])
{
  PetscReal sum = 0.0;

  for (size_t p = 0; p < e->n; ++p) {
    const int32_t   i = e->plane[p];
    const PetscReal s = e->start[p], t = e->start[p + 1];

    sum += dual->curve_type == BRENIER_CURVE_CIRCLE ? BrenierCircleIntegral(a[i], b[i], h[i], s, t)
                                                    : BrenierLineIntegral(dual->measure, a[i], b[i], h[i], s, t);
  }
  return sum;
}

PetscErrorCode BrenierDualEnter_Private(PetscInt c, const BrenierEnvelope *envelope, const PetscInt target[],
                                        const PetscReal a[], const PetscReal b[], BrenierPieces *pieces)
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
  pieces->offset[c + 1] = pieces->n;
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
  *first_curve = dual->segment[0].first;
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

PetscInt64 BrenierDualCurves(BrenierDual dual)
{
  return dual->n_curves;
}
