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

  Threads share the curves of a chunk. What they run is plain C, as PETSc's functions are not for several threads at once; what
  they found is entered into the dual by one thread, curve by curve, in order.
*/
#include "dual_private.h"
#include "blocks.h"
#include "bounds.h"

#include <brenier/threads.h>

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BRENIER_LIST_START = 256 };

/* Candidates that make it worth while to raise the bounds by them. */
enum { BRENIER_RAISE_BY = 8 };

/* Curves are given to threads in multiples of what the kernel takes together, circles or chords. */
enum { BRENIER_CURVES_UNIT = 12 };

typedef struct {
  PetscInt   n, limit; /* at `limit` the list is thinned */
  PetscInt   n_exact;  /* the first that many have their planes in double, ... */
  PetscInt   n_bounds; /* ... that many have raised the bounds */
  PetscInt   capacity;
  PetscInt  *target; /* global; row of the block for those that are not exact */
  PetscReal *a, *b, *low, *cap;
} CandidateList;

typedef struct Worker Worker;

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
  BrenierBlock      block; /* targets being scanned */
  /* work */
  PetscInt         n_workers, n_envelopes;
  Worker          *worker;   /* of each thread */
  BrenierEnvelope *envelope; /* of curves that come to their end together, shape [n_envelopes] */
} Chunk;

/* One thread's. */
struct Worker {
  Chunk                   *chunk;
  const BrenierPackedTile *tile; /* being scanned */
  CandidateList            scratch;
  PetscInt                *run;       /* see SortList() */
  PetscReal               *above;     /* see DropCandidates() */
  float                   *anchor;    /* see StoreList() */
  PetscReal               *piece_low; /* of the pieces of one curve */
  PetscInt                 work_capacity;
  PetscInt64               n_visits;
  int                      failed; /* memory was out in a visit */
};

/* Makes the array that *array points to hold n entries of some size; 0, or -1 when memory is out. */
static int Resize(void *array, size_t n, size_t size)
{
  void *p;

  memcpy(&p, array, sizeof p);
  p = realloc(p, n * size);
  if (!p) return -1;
  memcpy(array, &p, sizeof p);
  return 0;
}

static int ReserveList(CandidateList *list, PetscInt n)
{
  const size_t capacity = (size_t)PetscMax(2 * list->capacity, PetscMax(n, BRENIER_LIST_START));

  if (n <= list->capacity) return 0;
  if (Resize(&list->target, capacity, sizeof *list->target) || Resize(&list->a, capacity, sizeof *list->a) ||
      Resize(&list->b, capacity, sizeof *list->b) || Resize(&list->low, capacity, sizeof *list->low) ||
      Resize(&list->cap, capacity, sizeof *list->cap))
    return -1;
  list->capacity = (PetscInt)capacity;
  return 0;
}

static void FreeList(CandidateList *list)
{
  free(list->target);
  free(list->a);
  free(list->b);
  free(list->low);
  free(list->cap);
}

/* Room for what is worked out for each of n candidates or pieces. */
static int ReserveWork(Worker *w, PetscInt n)
{
  const size_t capacity = 2 * (size_t)n;

  if (n <= w->work_capacity) return 0;
  if (Resize(&w->run, capacity, sizeof *w->run) || Resize(&w->above, capacity, sizeof *w->above) ||
      Resize(&w->anchor, capacity, sizeof *w->anchor) || Resize(&w->piece_low, capacity, sizeof *w->piece_low))
    return -1;
  w->work_capacity = (PetscInt)capacity;
  return 0;
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

/* Drops the candidates whose `above` is negative. */
static void KeepAbove(const PetscReal above[], CandidateList *list)
{
  PetscInt kept = 0, kept_exact = 0;

  for (PetscInt i = 0; i < list->n; ++i) {
    if (i == list->n_exact) kept_exact = kept;
    if (above[i] >= 0.0) CopyCandidate(list, i, list, kept++);
  }
  list->n_exact = list->n_exact < list->n ? kept_exact : kept;
  list->n = list->n_bounds = kept;
}

/* Drops from the list of curve c what the bounds rule out. */
static int DropCandidates(Worker *w, PetscInt c)
{
  Chunk         *chunk = w->chunk;
  CandidateList *list  = &chunk->list[c];

  RaiseByCandidates(chunk, c);
  if (ReserveWork(w, list->n)) return -1;
  if (chunk->tile.kind == BRENIER_TILE_CIRCLE) {
    BrenierTileRadiusTest(&chunk->tile, (size_t)c, (size_t)list->n, list->a, list->b, list->cap, w->above);
    KeepAbove(w->above, list);
  }
  BrenierTileSectorTest(&chunk->tile, (size_t)c, (size_t)list->n, list->a, list->b, list->cap, w->above);
  KeepAbove(w->above, list);
  return 0;
}

/* Drops from a sorted list what stays below the envelope at low everywhere. All bounds before were below that envelope, so
   what is left does not depend on the order in which the targets came. */
static int DropBelowEnvelope(Worker *w, CandidateList *list, BrenierEnvelope *e)
{
  const BrenierCurveType type = w->chunk->dual->curve_type;
  PetscReal              at_s[2], at_e[2] = {1.0, 0.0};

  if (ReserveWork(w, list->n)) return -1;
  if (BrenierDualEnvelope_Private(w->chunk->dual, list->n, list->a, list->b, list->low, e)) return -1;
  for (PetscInt i = 0; i < list->n; ++i) w->above[i] = -PETSC_MAX_REAL;
  for (size_t p = 0; p < e->n; ++p) {
    const int32_t k = e->plane[p];

    memcpy(at_s, at_e, sizeof at_s);
    at_e[0] = cos(e->start[p + 1]);
    at_e[1] = sin(e->start[p + 1]);
    BrenierBoundsReach_Private(type, list->n, list->a, list->b, list->cap, list->a[k], list->b[k], list->low[k],
                               e->start[p], e->start[p + 1], at_s, at_e, w->above);
  }
  KeepAbove(w->above, list);
  return 0;
}

/* Row of the block being scanned. */
static inline const PetscReal *RowAt(const Chunk *chunk, PetscInt i)
{
  return chunk->block.row + (size_t)i * (size_t)(chunk->dual->targets->dim + BRENIER_ROW_COLUMNS);
}

static inline void Prefetch(const PetscReal row[], PetscInt n)
{
  const PetscInt line = 64 / (PetscInt)sizeof *row;

  for (PetscInt k = 0; k < n; k += line) __builtin_prefetch(row + k);
}

/* Planes in double of the candidates of curve c that came from the block, which is about to leave. */
static void MakeExact(Chunk *chunk, PetscInt c)
{
  const PetscInt dim = chunk->dual->targets->dim, ahead = 3;
  CandidateList *list = &chunk->list[c];

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
}

static int AddCandidates(Worker *w, PetscInt c, const BrenierTileFound *found)
{
  const BrenierTileCurves *curves = &w->chunk->tile;
  const PetscInt           count  = (PetscInt)found->n;
  CandidateList           *list   = &w->chunk->list[c];

  if (ReserveList(list, list->n + count)) return -1;
  for (PetscInt i = 0; i < count; ++i, ++list->n) {
    const int32_t at = found->target[i];

    list->target[list->n] = w->tile->first_row + at;
    list->a[list->n]      = (PetscReal)found->a[i];
    list->b[list->n]      = (PetscReal)found->b[i];
    list->low[list->n] =
        (PetscReal)w->tile->low[at] - BrenierTileError(curves, (size_t)c, &w->tile->targets, (size_t)at);
    list->cap[list->n] = (PetscReal)found->height[i];
  }
  w->n_visits += count;
  if (list->limit == PETSC_MAX_INT) return 0;
  if (list->n - list->n_bounds >= BRENIER_RAISE_BY) RaiseByCandidates(w->chunk, c);
  if (list->n < list->limit) return 0;
  if (DropCandidates(w, c)) return -1;
  list->limit = PetscMax(2 * list->n, BRENIER_LIST_START);
  return 0;
}

static void Visit(void *context, size_t c, const BrenierTileFound *found)
{
  Worker *w = context;

  if (!w->failed) w->failed = AddCandidates(w, (PetscInt)c, found);
}

/* Bounds from the pieces that the last evaluation found on curve c, at the new heights of their targets. */
static int BoundsFromPieces(Worker *w, PetscInt c, const PetscReal leaf_low[])
{
  const Chunk         *chunk  = w->chunk;
  const BrenierPieces *pieces = &chunk->dual->pieces;
  const PetscInt64     first  = pieces->offset[chunk->index[c]];
  const PetscInt       k      = (PetscInt)(pieces->offset[chunk->index[c] + 1] - first);

  if (ReserveWork(w, k)) return -1;
  for (PetscInt p = 0; p < k; ++p) w->piece_low[p] = leaf_low[pieces->target[first + p]];
  RaiseBounds(w->chunk, c, k, pieces->a + first, pieces->b + first, w->piece_low);
  return 0;
}

/* Bounds from the anchors of the list that curve c has, those that its list was made by. */
static int BoundsFromAnchors(Worker *w, PetscInt c)
{
  const PetscInt      curve  = w->chunk->index[c];
  const BrenierLists *lists  = &w->chunk->dual->lists;
  const PetscInt64    first  = lists->offset[curve];
  CandidateList      *anchor = &w->scratch;

  if (ReserveList(anchor, lists->n[curve])) return -1;
  anchor->n = 0;
  for (PetscInt64 i = first; i < first + lists->n[curve]; ++i)
    if (lists->low[i] > -HUGE_VALF) {
      anchor->a[anchor->n]     = lists->a[i];
      anchor->b[anchor->n]     = lists->b[i];
      anchor->low[anchor->n++] = (PetscReal)lists->low[i];
    }
  RaiseBounds(w->chunk, c, anchor->n, anchor->a, anchor->b, anchor->low);
  return 0;
}

/* Room for a chunk of n_curves curves, or of as many as one has at most. */
static PetscErrorCode CreateChunk(BrenierDual dual, BrenierScanMode mode, PetscInt n_curves, Chunk *chunk)
{
  static const BrenierTileKind kind[] = {BRENIER_TILE_CIRCLE, BRENIER_TILE_CHORD, BRENIER_TILE_CHORD};
  const size_t                 dim    = (size_t)dual->targets->dim;
  const size_t                 n      = (size_t)PetscMin(PetscMax(n_curves, 1), dual->chunk_size);
  int                          failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(chunk, sizeof *chunk));
  chunk->dual = dual;
  chunk->mode = mode;
  PetscCall(PetscMalloc1(2 * dim * n, &chunk->z));
  PetscCall(PetscCalloc3(n, &chunk->curve, n, &chunk->list, n, &chunk->bounds));
  failed = BrenierTileCurvesAlloc(kind[dual->curve_type], n, dim, &chunk->tile);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a chunk of %zu curves", n);
  chunk->n_workers   = BrenierThreads(dual->comm);
  chunk->n_envelopes = BRENIER_ENVELOPES_AT_ONCE * chunk->n_workers;
  PetscCall(PetscCalloc1(chunk->n_workers, &chunk->worker));
  PetscCall(PetscCalloc1(chunk->n_envelopes, &chunk->envelope));
  for (PetscInt t = 0; t < chunk->n_workers; ++t) chunk->worker[t].chunk = chunk;
  BrenierBoundsPrepare_Private();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void FreeWorker(Worker *w)
{
  FreeList(&w->scratch);
  free(w->run);
  free(w->above);
  free(w->anchor);
  free(w->piece_low);
}

static PetscErrorCode DestroyChunk(Chunk *chunk)
{
  PetscFunctionBegin;
  for (size_t c = 0; c < chunk->tile.n; ++c) FreeList(&chunk->list[c]);
  for (PetscInt t = 0; t < chunk->n_workers; ++t) {
    chunk->dual->work.n_visits += chunk->worker[t].n_visits;
    FreeWorker(&chunk->worker[t]);
  }
  for (PetscInt i = 0; i < chunk->n_envelopes; ++i) BrenierEnvelopeFree(&chunk->envelope[i]);
  PetscCall(PetscFree(chunk->envelope));
  PetscCall(PetscFree(chunk->worker));
  PetscCall(PetscFree(chunk->z));
  PetscCall(PetscFree3(chunk->curve, chunk->list, chunk->bounds));
  BrenierTileCurvesFree(&chunk->tile);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws curve c of the chunk. */
static int BeginCurve(Worker *w, PetscInt c, const PetscReal leaf_low[])
{
  Chunk          *chunk = w->chunk;
  BrenierDual     dual  = chunk->dual;
  BrenierCurve   *curve = &chunk->curve[c];
  CandidateList  *list  = &chunk->list[c];
  const PetscBool whole = (PetscBool)(dual->curve_type == BRENIER_CURVE_LINE); // lists all targets

  BrenierDualDraw_Private(dual, chunk->index[c], chunk->z + (size_t)c * 2 * dual->targets->dim, curve);
  dual->square[chunk->index[c]] = BrenierCurveSecondMoment(dual->source, curve);
  BrenierTileSetCurve(&chunk->tile, (size_t)c, curve->z1, curve->z2, (int)curve->axis);
  BrenierBoundsClear_Private(&chunk->bounds[c]);
  list->n = list->n_exact = list->n_bounds = 0;
  list->limit = whole || chunk->mode == BRENIER_SCAN_MORE ? PETSC_MAX_INT : BRENIER_LIST_START;
  if (chunk->mode == BRENIER_SCAN_MORE) return BoundsFromAnchors(w, c);
  return leaf_low && !whole ? BoundsFromPieces(w, c, leaf_low) : 0;
}

/* Draws n local curves. leaf_low: new heights of the leaves, NULL without earlier pieces. */
static PetscErrorCode BeginChunk(Chunk *chunk, PetscInt n, const PetscInt index[], const PetscReal leaf_low[])
{
  int failed = 0;

  PetscFunctionBegin;
  chunk->index = index;
  chunk->n     = n;
#pragma omp parallel for num_threads(chunk->n_workers) reduction(| : failed)
  for (PetscInt c = 0; c < n; ++c) failed |= BeginCurve(&chunk->worker[omp_get_thread_num()], c, leaf_low);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the bounds of a curve");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meets curves [first, first + n) of the chunk with tiles of the block at hand, and makes their candidates exact when these are
   the last. */
static int ScanCurves(Worker *w, PetscInt first, PetscInt n, const BrenierPackedTile tile[], PetscInt n_tiles,
                      PetscBool last)
{
  Chunk *chunk = w->chunk;

  for (PetscInt k = 0; k < n_tiles; ++k) {
    w->tile = &tile[k];
    BrenierTileScan(&chunk->tile, (size_t)first, (size_t)n, &tile[k].targets, Visit, w);
    if (w->failed) return -1;
  }
  for (PetscInt c = first; last && c < first + n; ++c) {
    if (chunk->list[c].n == chunk->list[c].n_exact) continue;
    if (chunk->list[c].limit < PETSC_MAX_INT && DropCandidates(w, c)) return -1;
    MakeExact(chunk, c);
  }
  return 0;
}

/* Curves that meet targets one after the other: few, so that their lists stay in cache, and so that each thread gets some. */
static PetscInt CurvesAtOnce(const Chunk *chunk)
{
  const PetscInt shares = 4 * chunk->n_workers,
                 units  = (chunk->n / shares + BRENIER_CURVES_UNIT - 1) / BRENIER_CURVES_UNIT;

  if (chunk->n_workers == 1) return (PetscInt)chunk->tile.n_at_once;
  return PetscMin((PetscInt)chunk->tile.n_at_once, PetscMax(units, 1) * BRENIER_CURVES_UNIT);
}

/* Meets the curves of the chunk with the block at hand. */
static PetscErrorCode ScanBlock(Chunk *chunk, BrenierBlocks *blocks)
{
  const int            vectors = chunk->dual->curve_type == BRENIER_CURVE_CIRCLE ? 2 : 1;
  const PetscInt       at_once = CurvesAtOnce(chunk);
  const PetscLogDouble flops =
      2.0 * vectors * (PetscLogDouble)chunk->dual->targets->dim * (PetscLogDouble)chunk->block.n * chunk->n;
  PetscInt                 n_tiles;
  int                      failed = 0;
  const BrenierPackedTile *tile;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < chunk->block.n_tiles; k += n_tiles) {
    PetscCall(BrenierBlocksTiles(blocks, &chunk->block, k, &n_tiles, &tile));
#pragma omp parallel for num_threads(chunk->n_workers) schedule(dynamic) reduction(| : failed)
    for (PetscInt c = 0; c < chunk->n; c += at_once)
      failed |= ScanCurves(&chunk->worker[omp_get_thread_num()], c, PetscMin(at_once, chunk->n - c), tile, n_tiles,
                           (PetscBool)(k + n_tiles == chunk->block.n_tiles));
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for candidates");
  }
  chunk->dual->work.flops += flops;
  PetscCall(PetscLogFlops(flops));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By ascending target, so that ties do not depend on the ranks. Targets come in ascending runs, one a block and none
   overlapping another, so the runs are put in order. */
static int SortList(Worker *w, CandidateList *list)
{
  CandidateList *sorted = &w->scratch;
  PetscInt       n_runs = 0, n = 0;

  if (ReserveList(sorted, list->n) || ReserveWork(w, list->n)) return -1;
  for (PetscInt i = 0; i < list->n; ++i) {
    PetscInt r = n_runs;

    if (i > 0 && list->target[i - 1] < list->target[i]) continue;
    for (; r > 0 && list->target[w->run[r - 1]] > list->target[i]; --r) w->run[r] = w->run[r - 1];
    w->run[r] = i;
    ++n_runs;
  }
  if (n_runs < 2) return 0;
  for (PetscInt r = 0; r < n_runs; ++r) {
    PetscInt i = w->run[r];

    do CopyCandidate(list, i, sorted, n++);
    while (++i < list->n && list->target[i - 1] < list->target[i]);
  }
  sorted->n        = list->n;
  sorted->n_exact  = list->n_exact;
  sorted->n_bounds = list->n_bounds;
  sorted->limit    = list->limit;
  {
    const CandidateList unsorted = *list;

    *list      = *sorted;
    w->scratch = unsorted;
  }
  return 0;
}

/* Finds the planes of a list that bound its curve's sectors, its anchors; the low of all others becomes -INFINITY. */
static void ChooseAnchors(BrenierCurveType type, CandidateList *list)
{
  PetscInt      chosen[BRENIER_SECTORS];
  PetscReal     low[BRENIER_SECTORS];
  BrenierBounds bounds;

  // Highest somewhere at low, so they are still listed
  BrenierBoundsClear_Private(&bounds);
  BrenierBoundsRaise_Private(type, list->n, list->a, list->b, list->low, &bounds, chosen);
  for (int g = 0; g < BRENIER_SECTORS; ++g) low[g] = list->low[chosen[g]];
  for (PetscInt i = 0; i < list->n; ++i) list->low[i] = -HUGE_VAL;
  for (int g = 0; g < BRENIER_SECTORS; ++g) list->low[chosen[g]] = low[g];
}

/* Makes of the candidates of curve c, for itself, what the mode asks for. */
static int FinishCurve(Worker *w, PetscInt c, BrenierEnvelope *envelope)
{
  const Chunk   *chunk = w->chunk;
  BrenierDual    dual  = chunk->dual;
  CandidateList *list  = &chunk->list[c];

  if (chunk->mode != BRENIER_SCAN_PIECES && DropCandidates(w, c)) return -1;
  if (SortList(w, list)) return -1;
  switch (chunk->mode) {
  case BRENIER_SCAN_PIECES:
    if (BrenierDualEnvelope_Private(dual, list->n, list->a, list->b, list->low, envelope)) return -1;
    dual->potential[chunk->index[c]] = BrenierDualIntegral_Private(dual, envelope, list->a, list->b, list->low);
    return 0;
  case BRENIER_SCAN_LISTS:
    if (DropBelowEnvelope(w, list, envelope)) return -1;
    ChooseAnchors(dual->curve_type, list);
    return 0;
  case BRENIER_SCAN_MORE:
    return 0;
  }
  return 0;
}

/* Keeps the list of curve c of the chunk. */
static PetscErrorCode StoreList(Worker *w, PetscInt c)
{
  BrenierDual          dual  = w->chunk->dual;
  const PetscInt       curve = w->chunk->index[c];
  const CandidateList *list  = &w->chunk->list[c];

  PetscFunctionBegin;
  PetscCheck(!ReserveWork(w, list->n), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a list");
  for (PetscInt i = 0; i < list->n; ++i) w->anchor[i] = (float)list->low[i]; // exact: rounded before the scan
  if (dual->lists.n[curve] < 0) dual->work.n_fresh += list->n;
  PetscCall(BrenierListsSet_Private(&dual->lists, curve, list->n, list->target, list->a, list->b, w->anchor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Merges what curve c of the chunk has found with the list that it has, both ascending. */
static PetscErrorCode AddToList(Worker *w, PetscInt c)
{
  const PetscInt       curve = w->chunk->index[c];
  BrenierLists        *lists = &w->chunk->dual->lists;
  const CandidateList *more  = &w->chunk->list[c];
  CandidateList       *both  = &w->scratch;
  const PetscInt64     first = lists->offset[curve];
  const PetscInt       n     = lists->n[curve];
  PetscInt             i = 0, k = 0;

  PetscFunctionBegin;
  both->n = 0;
  if (more->n == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!ReserveList(both, n + more->n) && !ReserveWork(w, n + more->n), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for a list of %" PetscInt_FMT " candidates", n + more->n);
  while (i < n || k < more->n) {
    const PetscBool old = (PetscBool)(k == more->n || (i < n && lists->target[first + i] <= more->target[k]));

    if (old) {
      if (k < more->n && lists->target[first + i] == more->target[k]) ++k;
      both->target[both->n] = lists->target[first + i];
      both->a[both->n]      = lists->a[first + i];
      both->b[both->n]      = lists->b[first + i];
      w->anchor[both->n]    = lists->low[first + i++];
    } else {
      CopyCandidate(more, k++, both, both->n);
      w->anchor[both->n] = -HUGE_VALF;
    }
    ++both->n;
  }
  if (both->n > n) PetscCall(BrenierListsSet_Private(lists, curve, both->n, both->target, both->a, both->b, w->anchor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters what was made of curve c of the chunk into the dual. */
static PetscErrorCode EnterCurve(Chunk *chunk, PetscInt c, const BrenierEnvelope *envelope, BrenierPieces *pieces)
{
  const CandidateList *list = &chunk->list[c];

  PetscFunctionBegin;
  switch (chunk->mode) {
  case BRENIER_SCAN_PIECES:
    PetscCall(BrenierDualEnter_Private(chunk->index[c], envelope, list->target, list->a, list->b, pieces));
    break;
  case BRENIER_SCAN_LISTS:
    PetscCall(StoreList(&chunk->worker[0], c));
    break;
  case BRENIER_SCAN_MORE:
    PetscCall(AddToList(&chunk->worker[0], c));
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes of the chunk's candidates what the mode asks for. */
static PetscErrorCode EndChunk(Chunk *chunk, BrenierPieces *pieces)
{
  int failed = 0;

  PetscFunctionBegin;
  for (PetscInt first = 0; first < chunk->n; first += chunk->n_envelopes) {
    const PetscInt end = PetscMin(first + chunk->n_envelopes, chunk->n);

#pragma omp parallel for num_threads(chunk->n_workers) schedule(dynamic) reduction(| : failed)
    for (PetscInt c = first; c < end; ++c)
      failed |= FinishCurve(&chunk->worker[omp_get_thread_num()], c, &chunk->envelope[c - first]);
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the candidates of a curve");
    for (PetscInt c = first; c < end; ++c) PetscCall(EnterCurve(chunk, c, &chunk->envelope[c - first], pieces));
  }
  if (chunk->mode != BRENIER_SCAN_PIECES) PetscCall(BrenierListsCompact_Private(chunk->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of the chosen targets: normalised coordinates and columns. */
static PetscErrorCode FillOwnBlock(BrenierDual dual, PetscInt n, const PetscInt target[], const PetscReal y[],
                                   const PetscReal low[], const PetscReal cap[], PetscReal block[])
{
  const size_t dim = (size_t)dual->targets->dim;

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

/* Mean and largest of the chosen targets' caps, the same for any number of ranks. */
static PetscErrorCode FindHeights(BrenierDual dual, PetscInt n, const PetscInt target[], const PetscReal cap[],
                                  BrenierHeights *heights)
{
  PetscInt64 count = n;
  PetscReal *chosen;

  PetscFunctionBegin;
  heights->highest = -PETSC_MAX_REAL;
  PetscCall(PetscMalloc1(n, &chosen));
  for (PetscInt i = 0; i < n; ++i) {
    chosen[i]        = cap[target[i]];
    heights->highest = PetscMax(heights->highest, chosen[i]);
  }
  PetscCall(BrenierExactSum(dual->comm, n, 1, chosen, &heights->middle));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &heights->highest, 1, MPIU_REAL, MPI_MAX, dual->comm));
  heights->middle /= PetscMax((PetscReal)count, 1.0);
  PetscCall(PetscFree(chosen));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The most that the chosen targets are allowed. */
static PetscErrorCode FindAllowance(BrenierDual dual, BrenierTileKind kind, PetscInt n, const PetscInt target[],
                                    const PetscReal y[], BrenierTileAllowance *allowance)
{
  const size_t dim     = (size_t)dual->targets->dim;
  PetscReal    most[2] = {0.0, 0.0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    const BrenierTileAllowance here = BrenierTileAllow(kind, dim, y + (size_t)target[i] * dim);

    most[0] = PetscMax(most[0], here.margin);
    most[1] = PetscMax(most[1], here.length);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 2, MPIU_REAL, MPI_MAX, dual->comm));
  *allowance = (BrenierTileAllowance){most[0], most[1]};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Targets of a scan: as an earlier scan of all of them has left them, or to be filled in from *y, which is the caller's. */
static PetscErrorCode OpenBlocks(BrenierDual dual, BrenierScanMode mode, BrenierTileKind kind, PetscInt n,
                                 const PetscInt target[], const PetscReal low[], const PetscReal cap[], PetscReal **y,
                                 BrenierBlocks *blocks)
{
  BrenierNodes *nodes = &dual->targets->nodes;
  PetscBool     found = PETSC_FALSE;

  PetscFunctionBegin;
  *y = NULL;
  PetscAssert(mode == BRENIER_SCAN_MORE || n == dual->targets->n_local, PETSC_COMM_SELF, PETSC_ERR_PLIB,
              "not all targets");
  if (mode != BRENIER_SCAN_MORE) PetscCall(BrenierBlocksTake(*nodes, kind, low, cap, blocks, &found));
  if (found) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)dual->targets->n_local * dual->targets->dim, y));
  BrenierTargetsNormalised(dual->targets, *y);
  PetscCall(BrenierBlocksCreate(nodes, kind, n, (size_t)dual->targets->dim, blocks));
  PetscCall(FindAllowance(dual, kind, n, target, *y, &blocks->most));
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
  PetscCall(BrenierProgressBegin(&progress, dual->comm,
                                 mode == BRENIER_SCAN_MORE ? "scan of risen targets" : "scan of curves"));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, dual->comm));
  PetscCall(PetscTime(&t0));
  if (dual->sf) {
    PetscCall(PetscMalloc1(dual->n_leaves, &leaf_low));
    PetscCall(BrenierDualToLeaves_Private(dual, low, leaf_low));
  }
  PetscCall(CreateChunk(dual, mode, n_curves, &chunk));
  PetscCall(OpenBlocks(dual, mode, chunk.tile.kind, n_targets, target, low, cap, &y, &blocks));
  PetscCall(FindHeights(dual, n_targets, target, cap, &chunk.heights));
  chunk.heights.most = blocks.most;
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
  if (mode == BRENIER_SCAN_MORE) PetscCall(BrenierBlocksDestroy(&blocks));
  else PetscCall(BrenierBlocksKeep(dual->targets->nodes, &blocks));
  PetscCall(DestroyChunk(&chunk));
  PetscCall(PetscFree(leaf_low));
  PetscCall(PetscFree(y));
  PetscCall(PetscTime(&t1));
  dual->work.scan_seconds += t1 - t0;
  if (mode != BRENIER_SCAN_MORE) dual->work.n_scanned += dual->repeating ? 0 : n_curves;
  else dual->work.n_risen += n_targets;
  PetscFunctionReturn(stop);
}
