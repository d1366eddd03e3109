/*
  scan.c - Every curve meets every target, chunk by chunk of curves, block by block of targets.

  Each curve of a chunk keeps a candidate list: targets the filter let through, with their planes in double. When a
  list is full, the envelope of its planes bounds u from below (u only grows when more targets come), the bounds sharpen
  the filter, and the list is thinned by them. A curve scanned before starts from the bounds that its last pieces give at
  the new heights. At the end of a round the envelope of each list is exact.
*/
#include "dual_private.h"
#include "bounds.h"
#include "data/ring.h"

enum { BRENIER_LIST_START = 96, BRENIER_TARGETS_AT_ONCE = 4096 };

typedef struct {
  PetscInt   n, limit; /* at `limit` the list is thinned */
  PetscInt   capacity;
  PetscInt  *target; /* global */
  PetscReal *a, *b, *h;
} CandidateList;

typedef struct {
  /* parameters */
  BrenierDual dual;
  PetscInt    first, n; /* local curves of the chunk */
  /* data */
  PetscReal         *z;     /* vectors in double, shape [n, 2, dim] */
  BrenierCurve      *curve; /* shape [n] */
  CandidateList     *list;  /* shape [n] */
  BrenierTileCurves  tile;
  BrenierTileTargets targets;
  /* work */
  BrenierEnvelope  envelope;
  BrenierBounds    bounds;
  PetscReal       *above; /* see ThinList() */
  PetscInt         above_capacity;
  const PetscReal *row;        /* targets being scanned: rows of dim coordinates and the height */
  PetscInt         row_target; /* global index of the first */
  PetscErrorCode   ierr;       /* first failure inside a visit */
} Chunk;

static PetscErrorCode ReserveList(CandidateList *list, PetscInt n)
{
  const size_t capacity = (size_t)PetscMax(2 * list->capacity, PetscMax(n, BRENIER_LIST_START));

  PetscFunctionBegin;
  if (n <= list->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *list->target, &list->target));
  PetscCall(PetscRealloc(capacity * sizeof *list->a, &list->a));
  PetscCall(PetscRealloc(capacity * sizeof *list->b, &list->b));
  PetscCall(PetscRealloc(capacity * sizeof *list->h, &list->h));
  list->capacity = (PetscInt)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeList(CandidateList *list)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(list->target));
  PetscCall(PetscFree(list->a));
  PetscCall(PetscFree(list->b));
  PetscCall(PetscFree(list->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Envelope(BrenierDual dual, PetscInt k, const PetscReal a[], const PetscReal b[],
                               const PetscReal h[], BrenierEnvelope *envelope)
{
  const int failed = dual->curve_type == BRENIER_CURVE_CIRCLE
                         ? BrenierCircleEnvelope((size_t)k, a, b, h, envelope)
                         : BrenierLineEnvelope((size_t)k, a, b, h, dual->measure, envelope);

  PetscFunctionBegin;
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for an envelope of %" PetscInt_FMT " planes", k);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters what the envelope just walked tells about u along curve c of the chunk. */
static PetscErrorCode SetBounds(Chunk *chunk, PetscInt c, const PetscReal a[], const PetscReal b[], const PetscReal h[])
{
  const BrenierEnvelope *e = &chunk->envelope;

  PetscFunctionBegin;
  PetscCall(BrenierBoundsReserve_Private(&chunk->bounds, e->n));
  for (size_t p = 0; p < e->n; ++p) {
    chunk->bounds.a[p] = a[e->plane[p]];
    chunk->bounds.b[p] = b[e->plane[p]];
    chunk->bounds.h[p] = h[e->plane[p]];
  }
  BrenierBoundsSet_Private(&chunk->bounds, chunk->dual->curve_type, e->n, e->start, &chunk->tile, (size_t)c);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bounds u by the list of curve c, and drops from the list what the bounds rule out. */
static PetscErrorCode ThinList(Chunk *chunk, PetscInt c)
{
  CandidateList *list = &chunk->list[c];
  PetscInt       kept = 0;

  PetscFunctionBegin;
  PetscCall(Envelope(chunk->dual, list->n, list->a, list->b, list->h, &chunk->envelope));
  PetscCall(SetBounds(chunk, c, list->a, list->b, list->h));
  if (list->n > chunk->above_capacity) {
    chunk->above_capacity = list->capacity;
    PetscCall(PetscRealloc((size_t)chunk->above_capacity * sizeof *chunk->above, &chunk->above));
  }
  BrenierTileSectorTest(&chunk->tile, (size_t)c, (size_t)list->n, list->a, list->b, list->h, chunk->above);
  for (PetscInt i = 0; i < list->n; ++i) {
    if (chunk->above[i] < 0.0) continue;
    list->target[kept] = list->target[i];
    list->a[kept]      = list->a[i];
    list->b[kept]      = list->b[i];
    list->h[kept++]    = list->h[i];
  }
  list->n     = kept;
  list->limit = PetscMax(2 * kept, BRENIER_LIST_START);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddCandidates(Chunk *chunk, PetscInt c, PetscInt count, const int32_t target[])
{
  const PetscInt stride = chunk->dual->source.dim + 1;
  CandidateList *list   = &chunk->list[c];

  PetscFunctionBegin;
  PetscCall(ReserveList(list, list->n + count));
  for (PetscInt i = 0; i < count; ++i) {
    const PetscReal *row = chunk->row + (size_t)target[i] * stride;

    list->target[list->n] = chunk->row_target + target[i];
    list->h[list->n]      = row[stride - 1];
    BrenierDualPlane_Private(chunk->dual, &chunk->curve[c], row, &list->a[list->n], &list->b[list->n]);
    ++list->n;
  }
  if (list->n >= list->limit) PetscCall(ThinList(chunk, c));
  chunk->dual->work.n_visits += count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Visit(void *context, size_t c, size_t count, const int32_t target[])
{
  Chunk *chunk = context;

  if (!chunk->ierr) chunk->ierr = AddCandidates(chunk, (PetscInt)c, (PetscInt)count, target);
}

/* Bounds from the pieces that the last evaluation found on curve c, at the new heights of their targets. */
static PetscErrorCode WarmBounds(Chunk *chunk, PetscInt c, const PetscReal leaf_height[], PetscReal **h,
                                 PetscInt *capacity)
{
  const BrenierPieces *pieces = &chunk->dual->pieces;
  const PetscInt64     first  = pieces->offset[chunk->first + c];
  const PetscInt       k      = (PetscInt)(pieces->offset[chunk->first + c + 1] - first);

  PetscFunctionBegin;
  if (k > *capacity) {
    *capacity = 2 * k;
    PetscCall(PetscRealloc((size_t)*capacity * sizeof **h, h));
  }
  for (PetscInt p = 0; p < k; ++p) (*h)[p] = leaf_height[pieces->target[first + p]];
  PetscCall(Envelope(chunk->dual, k, pieces->a + first, pieces->b + first, *h, &chunk->envelope));
  PetscCall(SetBounds(chunk, c, pieces->a + first, pieces->b + first, *h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateChunk(BrenierDual dual, Chunk *chunk)
{
  static const BrenierTileKind kind[] = {BRENIER_TILE_CIRCLE, BRENIER_TILE_CHORD, BRENIER_TILE_CHORD};
  const size_t                 dim = (size_t)dual->source.dim, n = (size_t)dual->chunk_size;
  int                          failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(chunk, sizeof *chunk));
  chunk->dual = dual;
  PetscCall(PetscMalloc1(2 * dim * n, &chunk->z));
  PetscCall(PetscCalloc2(n, &chunk->curve, n, &chunk->list));
  failed = BrenierTileCurvesAlloc(kind[dual->curve_type], n, dim, &chunk->tile);
  failed = BrenierTileTargetsAlloc(BRENIER_TARGETS_AT_ONCE, dim, &chunk->targets) || failed;
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a chunk of %zu curves", n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyChunk(Chunk *chunk)
{
  PetscFunctionBegin;
  for (PetscInt c = 0; c < chunk->dual->chunk_size; ++c) PetscCall(FreeList(&chunk->list[c]));
  PetscCall(PetscFree(chunk->z));
  PetscCall(PetscFree2(chunk->curve, chunk->list));
  PetscCall(PetscFree(chunk->above));
  BrenierTileCurvesFree(&chunk->tile);
  BrenierTileTargetsFree(&chunk->targets);
  BrenierEnvelopeFree(&chunk->envelope);
  PetscCall(BrenierBoundsFree_Private(&chunk->bounds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws the curves of chunk number i. leaf_height: new heights of the leaves, NULL without earlier pieces. */
static PetscErrorCode BeginChunk(Chunk *chunk, PetscInt i, const PetscReal leaf_height[])
{
  BrenierDual dual     = chunk->dual;
  PetscReal  *h        = NULL;
  PetscInt    capacity = 0;

  PetscFunctionBegin;
  chunk->first = PetscMin(i * dual->chunk_size, dual->n_local);
  chunk->n     = PetscMin(dual->chunk_size, dual->n_local - chunk->first);
  for (PetscInt c = 0; c < chunk->n; ++c) {
    BrenierCurve *curve = &chunk->curve[c];

    BrenierDualDraw_Private(dual, chunk->first + c, chunk->z + (size_t)c * 2 * dual->source.dim, curve);
    dual->square[chunk->first + c] = BrenierCurveSecondMoment(&dual->source, curve);
    BrenierTileSetCurve(&chunk->tile, (size_t)c, curve->z1, curve->z2, (int)curve->axis);
    chunk->list[c].n     = 0;
    chunk->list[c].limit = dual->curve_type == BRENIER_CURVE_LINE ? PETSC_MAX_INT : BRENIER_LIST_START;
    if (leaf_height && dual->curve_type != BRENIER_CURVE_LINE)
      PetscCall(WarmBounds(chunk, c, leaf_height, &h, &capacity));
  }
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meets the curves of the chunk with one block of targets. */
static PetscErrorCode ScanBlock(Chunk *chunk, PetscInt first_target, PetscInt n, const PetscReal row[])
{
  const size_t stride = (size_t)chunk->dual->source.dim + 1, at_once = BrenierTileCurvesAtOnce(&chunk->tile);
  const int    vectors = chunk->dual->curve_type == BRENIER_CURVE_CIRCLE ? 2 : 1;

  PetscFunctionBegin;
  for (PetscInt t = 0; t < n; t += BRENIER_TARGETS_AT_ONCE) {
    const PetscInt count = PetscMin(BRENIER_TARGETS_AT_ONCE, n - t);

    chunk->row        = row + (size_t)t * stride;
    chunk->row_target = first_target + t;
    BrenierTileSetTargets(&chunk->targets, (size_t)count, stride, chunk->row, chunk->row + stride - 1);
    for (size_t c = 0; c < (size_t)chunk->n; c += at_once)
      BrenierTileScan(&chunk->tile, c, PetscMin(at_once, (size_t)chunk->n - c), &chunk->targets, Visit, chunk);
    PetscCall(chunk->ierr);
  }
  chunk->dual->work.flops += 2.0 * vectors * chunk->dual->source.dim * (PetscLogDouble)n * chunk->n;
  PetscCall(PetscLogFlops(2.0 * vectors * chunk->dual->source.dim * (PetscLogDouble)n * chunk->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By ascending target, so that ties do not depend on the ranks; lists are short. */
static void SortList(CandidateList *list)
{
  for (PetscInt i = 1; i < list->n; ++i) {
    const PetscInt  target = list->target[i];
    const PetscReal a = list->a[i], b = list->b[i], h = list->h[i];
    PetscInt        j = i;

    for (; j > 0 && list->target[j - 1] > target; --j) {
      list->target[j] = list->target[j - 1];
      list->a[j]      = list->a[j - 1];
      list->b[j]      = list->b[j - 1];
      list->h[j]      = list->h[j - 1];
    }
    list->target[j] = target;
    list->a[j]      = a;
    list->b[j]      = b;
    list->h[j]      = h;
  }
}

static void SwapCandidates(CandidateList *list, PetscInt i, PetscInt j)
{
  const PetscInt  target = list->target[i];
  const PetscReal a = list->a[i], b = list->b[i], h = list->h[i];

  list->target[i] = list->target[j];
  list->a[i]      = list->a[j];
  list->b[i]      = list->b[j];
  list->h[i]      = list->h[j];
  list->target[j] = target;
  list->a[j]      = a;
  list->b[j]      = b;
  list->h[j]      = h;
}

/* The same on a line, where every target is listed once: each goes to the place of its index. Different targets may be
   parallel lines there, when normalising rounds them to the same number. */
static void SortFullList(CandidateList *list)
{
  for (PetscInt i = 0; i < list->n; ++i)
    while (list->target[i] != i) SwapCandidates(list, i, list->target[i]);
}

/* int u along the curve whose envelope was walked last. */
static PetscReal IntegratePotential(const Chunk *chunk, const CandidateList *list)
{
  const BrenierEnvelope *e   = &chunk->envelope;
  PetscReal              sum = 0.0;

  for (size_t p = 0; p < e->n; ++p) {
    const int32_t   i = e->plane[p];
    const PetscReal s = e->start[p], t = e->start[p + 1];

    sum += chunk->dual->curve_type == BRENIER_CURVE_CIRCLE
               ? BrenierCircleIntegral(list->a[i], list->b[i], list->h[i], s, t)
               : BrenierLineIntegral(chunk->dual->measure, list->a[i], list->b[i], list->h[i], s, t);
  }
  return sum;
}

/* Walks the exact envelopes of the chunk and appends their pieces. */
static PetscErrorCode EndChunk(Chunk *chunk, BrenierPieces *pieces)
{
  PetscFunctionBegin;
  for (PetscInt c = 0; c < chunk->n; ++c) {
    CandidateList *list = &chunk->list[c];

    if (chunk->dual->curve_type == BRENIER_CURVE_LINE) SortFullList(list);
    else SortList(list);
    PetscCall(Envelope(chunk->dual, list->n, list->a, list->b, list->h, &chunk->envelope));
    PetscCall(BrenierPiecesAppend_Private(pieces, &chunk->envelope, list->target, list->a, list->b));
    pieces->offset[chunk->first + c + 1]     = pieces->n;
    chunk->dual->potential[chunk->first + c] = IntegratePotential(chunk, list);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillOwnBlock(BrenierDual dual, const PetscReal y[], const PetscReal h[], PetscReal block[])
{
  const PetscInt dim = dual->source.dim;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < dual->targets->n_local; ++i) {
    PetscCall(PetscArraycpy(block + (size_t)i * (dim + 1), y + (size_t)i * dim, dim));
    block[(size_t)i * (dim + 1) + dim] = h[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* New heights of the leaves of the last evaluation; NULL when there was none. */
static PetscErrorCode LeafHeights(BrenierDual dual, const PetscReal h[], PetscReal **leaf_height)
{
  PetscFunctionBegin;
  *leaf_height = NULL;
  if (!dual->sf) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(dual->n_leaves, leaf_height));
  PetscCall(PetscSFBcastBegin(dual->sf, MPIU_REAL, h, *leaf_height, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(dual->sf, MPIU_REAL, h, *leaf_height, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ScanChunk(Chunk *chunk, BrenierRing *ring, const PetscReal y[], const PetscReal h[])
{
  const PetscInt *first = chunk->dual->targets->layout->range;
  PetscBool       more;
  PetscMPIInt     owner;
  PetscInt        n;
  PetscReal      *row;

  PetscFunctionBegin;
  PetscCall(FillOwnBlock(chunk->dual, y, h, ring->block[ring->current]));
  while (PETSC_TRUE) {
    PetscCall(BrenierRingStep(ring, &more, &owner, &n, &row));
    if (!more) break;
    PetscCall(ScanBlock(chunk, first[owner], n, row));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualScan_Private(BrenierDual dual, const PetscReal h[])
{
  BrenierRing    ring;
  Chunk          chunk;
  BrenierPieces  found = {0};
  PetscReal     *leaf_height, *y;
  PetscLogDouble t0, t1, t2;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)dual->targets->n_local * dual->source.dim, &y));
  BrenierTargetsNormalised(dual->targets, y);
  PetscCall(LeafHeights(dual, h, &leaf_height));
  PetscCall(PetscCalloc1(dual->n_local + 1, &found.offset));
  PetscCall(CreateChunk(dual, &chunk));
  PetscCall(BrenierRingCreate(dual->comm, dual->targets->n_local, (size_t)dual->source.dim + 1, PETSC_FALSE, &ring));
  for (PetscInt i = 0; i < dual->n_chunks; ++i) {
    PetscCall(PetscTime(&t0));
    PetscCall(BeginChunk(&chunk, i, leaf_height));
    PetscCall(ScanChunk(&chunk, &ring, y, h));
    PetscCall(PetscTime(&t1));
    PetscCall(EndChunk(&chunk, &found));
    PetscCall(PetscTime(&t2));
    dual->work.scan_seconds += t1 - t0;
    dual->work.envelope_seconds += t2 - t1;
  }
  PetscCall(BrenierRingDestroy(&ring));
  PetscCall(DestroyChunk(&chunk));
  PetscCall(PetscFree(leaf_height));
  PetscCall(PetscFree(y));
  PetscCall(BrenierPiecesFree_Private(&dual->pieces));
  dual->pieces = found;
  PetscFunctionReturn(PETSC_SUCCESS);
}
