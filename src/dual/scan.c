/*
  scan.c - Curves meet targets, chunk by chunk of curves, block by block of targets.

  Each curve of a chunk keeps a candidate list: targets the filter let through. A target has two heights: low, at which it
  bounds u from below, and cap, at which it is filtered; both are its height when only the pieces at that height are
  wanted. The planes that come bound u at low (which only grows when more targets come), the bounds sharpen the filter, and
  a list that is full is thinned by them. A curve with pieces starts from the bounds that these give at the new heights. At
  the end of a round a list is all that the bounds leave.

  Planes come as the kernel's product has them, in single precision, with low and cap moved apart by the error of that
  product, so that they bound and are filtered as the true planes would. Most are dropped again before their block of
  targets leaves; those that are not get their planes in double then, low and cap as they are.
*/
#include "dual_private.h"
#include "blocks.h"
#include "bounds.h"

#include <math.h>

enum { BRENIER_LIST_START = 256 };

/* Candidates that make it worth while to raise the bounds by them. */
enum { BRENIER_RAISE_BY = 8 };

typedef struct {
  PetscInt   n, limit; /* at `limit` the list is thinned */
  PetscInt   n_exact;  /* the first that many have their planes in double, ... */
  PetscInt   n_bounds; /* ... that many have raised the bounds */
  PetscInt   capacity;
  PetscInt  *target; /* global; row of the block for those that are not exact */
  PetscReal *a, *b, *low, *cap;
} CandidateList;

typedef struct {
  /* parameters */
  BrenierDual     dual;
  BrenierScanMode mode;
  const PetscInt *index; /* local curves of the chunk, shape [n] */
  PetscInt        n;
  BrenierHeights  heights; /* of the targets that come, at cap */
  /* data */
  PetscReal        *z;      /* vectors in double, shape [n, 2, dim] */
  BrenierCurve     *curve;  /* shape [n] */
  CandidateList    *list;   /* shape [n] */
  BrenierBounds    *bounds; /* shape [n] */
  BrenierTileCurves tile;
  /* work */
  BrenierEnvelope          envelope;
  CandidateList            scratch;
  PetscInt                *run;       /* see SortList() */
  PetscReal               *above;     /* see DropCandidates() */
  float                   *anchor;    /* see StoreList() */
  PetscReal               *piece_low; /* of the pieces of one curve */
  PetscInt                 work_capacity;
  BrenierBlock             block;        /* targets being scanned, ... */
  const BrenierPackedTile *tile_at_hand; /* ... a tile of them at a time */
  PetscErrorCode           ierr;         /* first failure inside a visit */
} Chunk;

static PetscErrorCode ReserveList(CandidateList *list, PetscInt n)
{
  const size_t capacity = (size_t)PetscMax(2 * list->capacity, PetscMax(n, BRENIER_LIST_START));

  PetscFunctionBegin;
  if (n <= list->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *list->target, &list->target));
  PetscCall(PetscRealloc(capacity * sizeof *list->a, &list->a));
  PetscCall(PetscRealloc(capacity * sizeof *list->b, &list->b));
  PetscCall(PetscRealloc(capacity * sizeof *list->low, &list->low));
  PetscCall(PetscRealloc(capacity * sizeof *list->cap, &list->cap));
  list->capacity = (PetscInt)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeList(CandidateList *list)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(list->target));
  PetscCall(PetscFree(list->a));
  PetscCall(PetscFree(list->b));
  PetscCall(PetscFree(list->low));
  PetscCall(PetscFree(list->cap));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for what is worked out for each of n candidates or pieces. */
static PetscErrorCode ReserveWork(Chunk *chunk, PetscInt n)
{
  const size_t capacity = 2 * (size_t)n;

  PetscFunctionBegin;
  if (n <= chunk->work_capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *chunk->run, &chunk->run));
  PetscCall(PetscRealloc(capacity * sizeof *chunk->above, &chunk->above));
  PetscCall(PetscRealloc(capacity * sizeof *chunk->anchor, &chunk->anchor));
  PetscCall(PetscRealloc(capacity * sizeof *chunk->piece_low, &chunk->piece_low));
  chunk->work_capacity = (PetscInt)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void CopyCandidate(const CandidateList *from, PetscInt i, CandidateList *to, PetscInt j)
{
  to->target[j] = from->target[i];
  to->a[j]      = from->a[i];
  to->b[j]      = from->b[i];
  to->low[j]    = from->low[i];
  to->cap[j]    = from->cap[i];
}

/* Bounds u along curve c of the chunk by more planes below it. */
static void RaiseBounds(Chunk *chunk, PetscInt c, PetscInt n, const PetscReal a[], const PetscReal b[],
                        const PetscReal low[])
{
  const BrenierCurveType type = chunk->dual->curve_type;

  if (BrenierBoundsRaise_Private(type, n, a, b, low, &chunk->bounds[c], NULL))
    BrenierBoundsEnter_Private(type, &chunk->bounds[c], chunk->heights, &chunk->tile, (size_t)c);
}

/* Bounds u along curve c by the candidates that have not done so yet, where lists are thinned. */
static void RaiseByCandidates(Chunk *chunk, PetscInt c)
{
  CandidateList *list  = &chunk->list[c];
  const PetscInt first = list->n_bounds;

  if (list->limit == PETSC_MAX_INT) return;
  RaiseBounds(chunk, c, list->n - first, list->a + first, list->b + first, list->low + first);
  list->n_bounds = list->n;
}

/* Drops the candidates whose chunk->above is negative. */
static void KeepAbove(const Chunk *chunk, CandidateList *list)
{
  PetscInt kept = 0, kept_exact = 0;

  for (PetscInt i = 0; i < list->n; ++i) {
    if (i == list->n_exact) kept_exact = kept;
    if (chunk->above[i] >= 0.0) CopyCandidate(list, i, list, kept++);
  }
  list->n_exact = list->n_exact < list->n ? kept_exact : kept;
  list->n = list->n_bounds = kept;
}

/* Drops from the list of curve c what the bounds rule out. */
static PetscErrorCode DropCandidates(Chunk *chunk, PetscInt c)
{
  CandidateList *list = &chunk->list[c];

  PetscFunctionBegin;
  RaiseByCandidates(chunk, c);
  PetscCall(ReserveWork(chunk, list->n));
  if (chunk->tile.kind == BRENIER_TILE_CIRCLE) {
    BrenierTileRadiusTest(&chunk->tile, (size_t)c, (size_t)list->n, list->a, list->b, list->cap, chunk->above);
    KeepAbove(chunk, list);
  }
  BrenierTileSectorTest(&chunk->tile, (size_t)c, (size_t)list->n, list->a, list->b, list->cap, chunk->above);
  KeepAbove(chunk, list);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Drops from a sorted list what stays below the envelope at low everywhere. All bounds before were below that envelope, so
   what is left does not depend on the order in which the targets came. */
static PetscErrorCode DropBelowEnvelope(Chunk *chunk, CandidateList *list)
{
  const BrenierEnvelope *e    = &chunk->envelope;
  const BrenierCurveType type = chunk->dual->curve_type;
  PetscReal              at_s[2], at_e[2] = {1.0, 0.0};

  PetscFunctionBegin;
  PetscCall(ReserveWork(chunk, list->n));
  PetscCall(BrenierDualEnvelope_Private(chunk->dual, list->n, list->a, list->b, list->low, &chunk->envelope));
  for (PetscInt i = 0; i < list->n; ++i) chunk->above[i] = -PETSC_MAX_REAL;
  for (size_t p = 0; p < e->n; ++p) {
    const int32_t k = e->plane[p];

    PetscCall(PetscArraycpy(at_s, at_e, 2));
    at_e[0] = cos(e->start[p + 1]);
    at_e[1] = sin(e->start[p + 1]);
    BrenierBoundsReach_Private(type, list->n, list->a, list->b, list->cap, list->a[k], list->b[k], list->low[k],
                               e->start[p], e->start[p + 1], at_s, at_e, chunk->above);
  }
  KeepAbove(chunk, list);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Row of the block being scanned. */
static inline const PetscReal *RowAt(const Chunk *chunk, PetscInt i)
{
  return chunk->block.row + (size_t)i * (size_t)(chunk->dual->source.dim + BRENIER_ROW_COLUMNS);
}

static inline void Prefetch(const PetscReal row[], PetscInt n)
{
  const PetscInt line = 64 / (PetscInt)sizeof *row;

  for (PetscInt k = 0; k < n; k += line) __builtin_prefetch(row + k);
}

/* Planes in double of the candidates of curve c that came from the block, which is about to leave. */
static PetscErrorCode MakeExact(Chunk *chunk, PetscInt c)
{
  const PetscInt dim = chunk->dual->source.dim, ahead = 3;
  CandidateList *list = &chunk->list[c];

  PetscFunctionBegin;
  for (PetscInt i = list->n_exact; i < list->n; ++i) {
    const PetscReal *row = RowAt(chunk, list->target[i]);

    // Rows are visited in no order that the hardware would guess
    if (i + ahead < list->n) Prefetch(RowAt(chunk, list->target[i + ahead]), dim + BRENIER_ROW_COLUMNS);
    list->target[i] = (PetscInt)row[dim + BRENIER_ROW_TARGET];
    list->low[i]    = row[dim + BRENIER_ROW_LOW];
    list->cap[i]    = row[dim + BRENIER_ROW_CAP];
    BrenierDualPlane_Private(chunk->dual, &chunk->curve[c], row, &list->a[i], &list->b[i]);
  }
  list->n_exact = list->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddCandidates(Chunk *chunk, PetscInt c, const BrenierTileFound *found)
{
  const BrenierPackedTile *tile  = chunk->tile_at_hand;
  const PetscInt           count = (PetscInt)found->n;
  CandidateList           *list  = &chunk->list[c];

  PetscFunctionBegin;
  PetscCall(ReserveList(list, list->n + count));
  for (PetscInt i = 0; i < count; ++i, ++list->n) {
    const int32_t at = found->target[i];

    list->target[list->n] = tile->first_row + at;
    list->a[list->n]      = (PetscReal)found->a[i];
    list->b[list->n]      = (PetscReal)found->b[i];
    list->low[list->n] =
        (PetscReal)tile->low[at] - BrenierTileError(&chunk->tile, (size_t)c, &tile->targets, (size_t)at);
    list->cap[list->n] = (PetscReal)found->height[i];
  }
  chunk->dual->work.n_visits += count;
  if (list->limit == PETSC_MAX_INT) PetscFunctionReturn(PETSC_SUCCESS);
  if (list->n - list->n_bounds >= BRENIER_RAISE_BY) RaiseByCandidates(chunk, c);
  if (list->n >= list->limit) {
    PetscCall(DropCandidates(chunk, c));
    list->limit = PetscMax(2 * list->n, BRENIER_LIST_START);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Visit(void *context, size_t c, const BrenierTileFound *found)
{
  Chunk *chunk = context;

  if (!chunk->ierr) chunk->ierr = AddCandidates(chunk, (PetscInt)c, found);
}

/* Bounds from the pieces that the last evaluation found on curve c, at the new heights of their targets. */
static PetscErrorCode BoundsFromPieces(Chunk *chunk, PetscInt c, const PetscReal leaf_low[])
{
  const BrenierPieces *pieces = &chunk->dual->pieces;
  const PetscInt64     first  = pieces->offset[chunk->index[c]];
  const PetscInt       k      = (PetscInt)(pieces->offset[chunk->index[c] + 1] - first);

  PetscFunctionBegin;
  PetscCall(ReserveWork(chunk, k));
  for (PetscInt p = 0; p < k; ++p) chunk->piece_low[p] = leaf_low[pieces->target[first + p]];
  RaiseBounds(chunk, c, k, pieces->a + first, pieces->b + first, chunk->piece_low);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bounds from the anchors of the list that curve c has, those that its list was made by. */
static PetscErrorCode BoundsFromAnchors(Chunk *chunk, PetscInt c)
{
  const BrenierLists *lists  = &chunk->dual->lists;
  const PetscInt64    first  = lists->offset[chunk->index[c]];
  CandidateList      *anchor = &chunk->scratch;

  PetscFunctionBegin;
  PetscCall(ReserveList(anchor, lists->n[chunk->index[c]]));
  anchor->n = 0;
  for (PetscInt64 i = first; i < first + lists->n[chunk->index[c]]; ++i)
    if (lists->low[i] > -HUGE_VALF) {
      anchor->a[anchor->n]     = lists->a[i];
      anchor->b[anchor->n]     = lists->b[i];
      anchor->low[anchor->n++] = (PetscReal)lists->low[i];
    }
  RaiseBounds(chunk, c, anchor->n, anchor->a, anchor->b, anchor->low);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateChunk(BrenierDual dual, BrenierScanMode mode, Chunk *chunk)
{
  static const BrenierTileKind kind[] = {BRENIER_TILE_CIRCLE, BRENIER_TILE_CHORD, BRENIER_TILE_CHORD};
  const size_t                 dim = (size_t)dual->source.dim, n = (size_t)dual->chunk_size;
  int                          failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(chunk, sizeof *chunk));
  chunk->dual = dual;
  chunk->mode = mode;
  PetscCall(PetscMalloc1(2 * dim * n, &chunk->z));
  PetscCall(PetscCalloc3(n, &chunk->curve, n, &chunk->list, n, &chunk->bounds));
  failed = BrenierTileCurvesAlloc(kind[dual->curve_type], n, dim, &chunk->tile);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a chunk of %zu curves", n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyChunk(Chunk *chunk)
{
  PetscFunctionBegin;
  for (PetscInt c = 0; c < chunk->dual->chunk_size; ++c) PetscCall(FreeList(&chunk->list[c]));
  PetscCall(PetscFree(chunk->z));
  PetscCall(PetscFree3(chunk->curve, chunk->list, chunk->bounds));
  PetscCall(FreeList(&chunk->scratch));
  PetscCall(PetscFree(chunk->run));
  PetscCall(PetscFree(chunk->above));
  PetscCall(PetscFree(chunk->anchor));
  PetscCall(PetscFree(chunk->piece_low));
  BrenierTileCurvesFree(&chunk->tile);
  BrenierEnvelopeFree(&chunk->envelope);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws n local curves. leaf_low: new heights of the leaves, NULL without earlier pieces. */
static PetscErrorCode BeginChunk(Chunk *chunk, PetscInt n, const PetscInt index[], const PetscReal leaf_low[])
{
  BrenierDual     dual  = chunk->dual;
  const PetscBool whole = (PetscBool)(dual->curve_type == BRENIER_CURVE_LINE); // lists all targets

  PetscFunctionBegin;
  chunk->index = index;
  chunk->n     = n;
  for (PetscInt c = 0; c < n; ++c) {
    BrenierCurve *curve = &chunk->curve[c];

    BrenierDualDraw_Private(dual, index[c], chunk->z + (size_t)c * 2 * dual->source.dim, curve);
    dual->square[index[c]] = BrenierCurveSecondMoment(&dual->source, curve);
    BrenierTileSetCurve(&chunk->tile, (size_t)c, curve->z1, curve->z2, (int)curve->axis);
    BrenierBoundsClear_Private(&chunk->bounds[c]);
    chunk->list[c].n        = 0;
    chunk->list[c].n_exact  = 0;
    chunk->list[c].n_bounds = 0;
    chunk->list[c].limit    = whole || chunk->mode == BRENIER_SCAN_MORE ? PETSC_MAX_INT : BRENIER_LIST_START;
    if (chunk->mode == BRENIER_SCAN_MORE) PetscCall(BoundsFromAnchors(chunk, c));
    else if (leaf_low && !whole) PetscCall(BoundsFromPieces(chunk, c, leaf_low));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meets curves [first, first + n) of the chunk with the block at hand, and makes their candidates exact. */
static PetscErrorCode ScanCurves(Chunk *chunk, BrenierBlocks *blocks, PetscInt first, PetscInt n)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < chunk->block.n_tiles; ++k) {
    PetscCall(BrenierBlocksTile(blocks, &chunk->block, k, &chunk->tile_at_hand));
    BrenierTileScan(&chunk->tile, (size_t)first, (size_t)n, &chunk->tile_at_hand->targets, Visit, chunk);
    PetscCall(chunk->ierr);
  }
  for (PetscInt c = first; c < first + n; ++c) {
    if (chunk->list[c].n == chunk->list[c].n_exact) continue;
    if (chunk->list[c].limit < PETSC_MAX_INT) PetscCall(DropCandidates(chunk, c));
    PetscCall(MakeExact(chunk, c));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meets the curves of the chunk with the block at hand: few at a time, so that their lists stay in cache, unless targets
   would have to be packed anew each time. */
static PetscErrorCode ScanBlock(Chunk *chunk, BrenierBlocks *blocks)
{
  const int            vectors = chunk->dual->curve_type == BRENIER_CURVE_CIRCLE ? 2 : 1;
  const PetscInt       at_once = blocks->keeps_tiles ? (PetscInt)chunk->tile.n_at_once : chunk->n;
  const PetscLogDouble flops =
      2.0 * vectors * (PetscLogDouble)chunk->dual->source.dim * (PetscLogDouble)chunk->block.n * chunk->n;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < chunk->n; c += at_once)
    PetscCall(ScanCurves(chunk, blocks, c, PetscMin(at_once, chunk->n - c)));
  chunk->dual->work.flops += flops;
  PetscCall(PetscLogFlops(flops));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By ascending target, so that ties do not depend on the ranks. Targets come in ascending runs, one a block and none
   overlapping another, so the runs are put in order. */
static PetscErrorCode SortList(Chunk *chunk, CandidateList *list)
{
  CandidateList *sorted = &chunk->scratch;
  PetscInt       n_runs = 0, n = 0;

  PetscFunctionBegin;
  PetscCall(ReserveList(sorted, list->n));
  PetscCall(ReserveWork(chunk, list->n));
  for (PetscInt i = 0; i < list->n; ++i) {
    PetscInt r = n_runs;

    if (i > 0 && list->target[i - 1] < list->target[i]) continue;
    for (; r > 0 && list->target[chunk->run[r - 1]] > list->target[i]; --r) chunk->run[r] = chunk->run[r - 1];
    chunk->run[r] = i;
    ++n_runs;
  }
  if (n_runs < 2) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt r = 0; r < n_runs; ++r) {
    PetscInt i = chunk->run[r];

    do CopyCandidate(list, i, sorted, n++);
    while (++i < list->n && list->target[i - 1] < list->target[i]);
  }
  sorted->n        = list->n;
  sorted->n_exact  = list->n_exact;
  sorted->n_bounds = list->n_bounds;
  sorted->limit    = list->limit;
  {
    const CandidateList unsorted = *list;

    *list          = *sorted;
    chunk->scratch = unsorted;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pieces of curve c of the chunk. */
static PetscErrorCode EnterPieces(Chunk *chunk, PetscInt c, BrenierPieces *pieces)
{
  const CandidateList *list = &chunk->list[c];

  PetscFunctionBegin;
  PetscCall(BrenierDualEnvelope_Private(chunk->dual, list->n, list->a, list->b, list->low, &chunk->envelope));
  PetscCall(BrenierDualEnter_Private(chunk->dual, chunk->index[c], &chunk->envelope, list->target, list->a, list->b,
                                     list->low, pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the list of curve c of the chunk, the planes that bound its sectors as its anchors. */
static PetscErrorCode StoreList(Chunk *chunk, PetscInt c)
{
  const CandidateList *list = &chunk->list[c];
  PetscInt             chosen[BRENIER_SECTORS];
  BrenierBounds        bounds;

  PetscFunctionBegin;
  // Highest somewhere at low, so they are still listed
  BrenierBoundsClear_Private(&bounds);
  BrenierBoundsRaise_Private(chunk->dual->curve_type, list->n, list->a, list->b, list->low, &bounds, chosen);
  PetscCall(ReserveWork(chunk, list->n));
  for (PetscInt i = 0; i < list->n; ++i) chunk->anchor[i] = -HUGE_VALF;
  for (int g = 0; g < BRENIER_SECTORS; ++g)
    chunk->anchor[chosen[g]] = (float)list->low[chosen[g]]; // exact: it was rounded before the scan
  if (chunk->dual->lists.n[chunk->index[c]] < 0) chunk->dual->work.n_fresh += list->n;
  PetscCall(BrenierListsSet_Private(&chunk->dual->lists, chunk->index[c], list->n, list->target, list->a, list->b,
                                    chunk->anchor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Merges what curve c of the chunk has found with the list that it has, both ascending. */
static PetscErrorCode AddToList(Chunk *chunk, PetscInt c)
{
  BrenierLists        *lists = &chunk->dual->lists;
  const CandidateList *more  = &chunk->list[c];
  CandidateList       *both  = &chunk->scratch;
  const PetscInt64     first = lists->offset[chunk->index[c]];
  const PetscInt       n     = lists->n[chunk->index[c]];
  PetscInt             i = 0, k = 0;

  PetscFunctionBegin;
  both->n = 0;
  if (more->n == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReserveList(both, n + more->n));
  PetscCall(ReserveWork(chunk, n + more->n));
  while (i < n || k < more->n) {
    const PetscBool old = (PetscBool)(k == more->n || (i < n && lists->target[first + i] <= more->target[k]));

    if (old) {
      if (k < more->n && lists->target[first + i] == more->target[k]) ++k;
      both->target[both->n]  = lists->target[first + i];
      both->a[both->n]       = lists->a[first + i];
      both->b[both->n]       = lists->b[first + i];
      chunk->anchor[both->n] = lists->low[first + i++];
    } else {
      CopyCandidate(more, k++, both, both->n);
      chunk->anchor[both->n] = -HUGE_VALF;
    }
    ++both->n;
  }
  if (both->n > n)
    PetscCall(BrenierListsSet_Private(lists, chunk->index[c], both->n, both->target, both->a, both->b, chunk->anchor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes of the chunk's candidates what the mode asks for. */
static PetscErrorCode EndChunk(Chunk *chunk, BrenierPieces *pieces)
{
  PetscFunctionBegin;
  for (PetscInt c = 0; c < chunk->n; ++c) {
    CandidateList *list = &chunk->list[c];

    if (chunk->mode != BRENIER_SCAN_PIECES) PetscCall(DropCandidates(chunk, c));
    PetscCall(SortList(chunk, list));
    switch (chunk->mode) {
    case BRENIER_SCAN_PIECES:
      PetscCall(EnterPieces(chunk, c, pieces));
      break;
    case BRENIER_SCAN_LISTS:
      PetscCall(DropBelowEnvelope(chunk, list));
      PetscCall(StoreList(chunk, c));
      break;
    case BRENIER_SCAN_MORE:
      PetscCall(AddToList(chunk, c));
      break;
    }
  }
  if (chunk->mode != BRENIER_SCAN_PIECES) PetscCall(BrenierListsCompact_Private(chunk->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of the chosen targets: normalised coordinates and columns. */
static PetscErrorCode FillOwnBlock(BrenierDual dual, PetscInt n, const PetscInt target[], const PetscReal y[],
                                   const PetscReal low[], const PetscReal cap[], PetscReal block[])
{
  const size_t dim = (size_t)dual->source.dim;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal *row = block + (size_t)i * (dim + BRENIER_ROW_COLUMNS);

    PetscCall(PetscArraycpy(row, y + (size_t)target[i] * dim, dim));
    row[dim + BRENIER_ROW_LOW]    = low[target[i]];
    row[dim + BRENIER_ROW_CAP]    = cap[target[i]];
    row[dim + BRENIER_ROW_TARGET] = (PetscReal)(dual->targets->first + target[i]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meets the curves of the chunk with all targets. */
static PetscErrorCode ScanRound(Chunk *chunk, BrenierBlocks *blocks)
{
  PetscBool more;

  PetscFunctionBegin;
  while (PETSC_TRUE) {
    PetscCall(BrenierBlocksStep(blocks, &more, &chunk->block));
    if (!more) break;
    PetscCall(ScanBlock(chunk, blocks));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean and largest of the chosen targets' caps and their largest margin, the same for any number of ranks. */
static PetscErrorCode FindHeights(BrenierDual dual, PetscInt n, const PetscInt target[], const PetscReal y[],
                                  const PetscReal cap[], BrenierHeights *heights)
{
  const size_t dim   = (size_t)dual->source.dim;
  PetscInt64   count = n;
  PetscReal   *chosen, most[2] = {-PETSC_MAX_REAL, 0.0};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &chosen));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal *row = y + (size_t)target[i] * dim;

    chosen[i] = cap[target[i]];
    most[0]   = PetscMax(most[0], chosen[i]);
    most[1]   = PetscMax(most[1], BrenierTileMargin(dim, PetscSqrtReal(BrenierDot(dim, row, row))));
  }
  PetscCall(BrenierExactSum(dual->comm, n, 1, chosen, &heights->middle));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 2, MPIU_REAL, MPI_MAX, dual->comm));
  heights->middle /= PetscMax((PetscReal)count, 1.0);
  heights->highest = most[0];
  heights->margin  = most[1];
  PetscCall(PetscFree(chosen));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualScan_Private(BrenierDual dual, BrenierScanMode mode, PetscInt n_curves,
                                       const PetscInt curve[], PetscInt n_targets, const PetscInt target[],
                                       const PetscReal low[], const PetscReal cap[], BrenierPieces *pieces)
{
  BrenierBlocks   blocks;
  Chunk           chunk;
  PetscReal      *leaf_low = NULL, *y, *own;
  PetscLogDouble  t0, t1;
  PetscInt        most = n_curves; // on any rank
  PetscErrorCode  stop = PETSC_SUCCESS;
  BrenierProgress progress;

  PetscFunctionBegin;
  dual->crowded = PETSC_FALSE;
  PetscCall(BrenierProgressBegin(&progress, mode == BRENIER_SCAN_MORE ? "scan of risen targets" : "scan of curves"));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, dual->comm));
  PetscCall(PetscTime(&t0));
  PetscCall(PetscMalloc1((size_t)dual->targets->n_local * dual->source.dim, &y));
  BrenierTargetsNormalised(dual->targets, y);
  if (dual->sf) {
    PetscCall(PetscMalloc1(dual->n_leaves, &leaf_low));
    PetscCall(BrenierDualToLeaves_Private(dual, low, leaf_low));
  }
  PetscCall(CreateChunk(dual, mode, &chunk));
  PetscCall(FindHeights(dual, n_targets, target, y, cap, &chunk.heights));
  PetscCall(BrenierBlocksCreate(&dual->targets->nodes, n_targets, (size_t)dual->source.dim, &blocks));
  for (PetscInt first = 0; first < most; first += dual->chunk_size) {
    const PetscInt from = PetscMin(first, n_curves);

    stop = BrenierStopHere(dual->comm);
    if (stop) break;
    PetscCall(BeginChunk(&chunk, PetscMin(dual->chunk_size, n_curves - from), curve + from, leaf_low));
    own = BrenierBlocksOwn(&blocks);
    if (own) PetscCall(FillOwnBlock(dual, n_targets, target, y, low, cap, own));
    PetscCall(ScanRound(&chunk, &blocks));
    PetscCall(EndChunk(&chunk, pieces));
    if (mode == BRENIER_SCAN_MORE) PetscCall(BrenierListsCrowded_Private(dual, &dual->crowded));
    if (dual->crowded) break;
    PetscCall(BrenierProgressTell(&progress, (PetscReal)first + dual->chunk_size, (PetscReal)most));
  }
  dual->work.ring_bytes += blocks.bytes;
  PetscCall(BrenierBlocksDestroy(&blocks));
  PetscCall(DestroyChunk(&chunk));
  PetscCall(PetscFree(leaf_low));
  PetscCall(PetscFree(y));
  PetscCall(PetscTime(&t1));
  dual->work.scan_seconds += t1 - t0;
  if (mode != BRENIER_SCAN_MORE) dual->work.n_scanned += n_curves;
  else dual->work.n_risen += n_targets;
  PetscFunctionReturn(stop);
}
