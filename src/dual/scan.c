/*
  scan.c - A scan: products of curves with targets, chunk by chunk of curves, block by block of targets.

  Of C n pairs (curve, target) only those in which the plane of the target may appear on the curve matter. The scan
  bounds u from below, tests every pair against the bound, and sharpens the bound by the targets that pass (branch and
  bound).

  Each target has two heights: at `lower` its plane bounds u from below, at `upper` >= lower it is tested. For the
  pieces at h both are h_j; for a candidate list with a skin s they are h_j - s_j and h_j + s_j. Write L for the bound
  along a curve:
    for each block of targets, for each target that passes the filter at upper_j against L (tile.h):
      add it to the survivors of the curve; raise L by its plane at lower_j (bounds.h);
      if the list of survivors is full, test all of them again, in double precision.
  L only grows, so what was dropped stays below it. If the sink knows planes below u, L starts from these. The survivors
  at the end are all targets that L does not rule out; the sink decides what becomes of them (sinks.c).

  The kernel gives planes in single precision, with lower and upper moved apart by the error of the product: bounds and
  tests hold for the exact planes. Most survivors are dropped before their block leaves. The others get their planes in
  double precision, and their exact lower and upper, while the block is there.

  Threads share the curves of a chunk and run plain C, as functions of PETSc are not thread-safe. One thread enters the
  results into the dual, curve by curve, in order.
*/
#include "scan.h"
#include "device/device_scan.h"

#include <brenier/base.h>
#include <brenier/device.h>
#include <brenier/threads.h>

#include <math.h>
#include <omp.h>

/* Survivors that are collected before the bounds are raised by them. */
enum { BRENIER_RAISE_BY = 8 };

/* Curves are given to threads in multiples of what the kernel takes together, circles or chords. */
enum { BRENIER_CURVES_UNIT = 12 };

/* A chunk's vectors, in double, stay below this, and its curves below BRENIER_CHUNK_CURVES: enough to hide a round of
   the ring. */
static const size_t brenier_chunk_bytes = (size_t)64 << 20;
enum { BRENIER_CHUNK_CURVES = 4096 };

typedef struct Worker Worker;

/* Curves that are scanned together. Curve jc of the chunk is local curve index[jc]. */
typedef struct {
  /* parameters */
  const BrenierScanInput *input;
  const BrenierScanSink  *sink;
  const BrenierCurves    *curves;
  const PetscInt         *index; /* shape [n] */
  PetscInt                n;
  BrenierHeights          heights; /* of the targets to be scanned, at upper */
  BrenierDevice          *device;  /* that scans, or NULL */
  /* data */
  PetscReal        *z;      /* vectors in double, shape [n, 2, dim] */
  BrenierCurve     *curve;  /* shape [n] */
  BrenierSurvivors *list;   /* shape [n] */
  BrenierBounds    *bounds; /* shape [n] */
  BrenierTileCurves tile;
  BrenierBlock      block; /* targets being scanned */
  /* work */
  PetscInt         n_workers, n_envelopes;
  Worker          *worker;   /* of each thread */
  BrenierEnvelope *envelope; /* of curves that come to their end together, shape [n_envelopes] */
  PetscLogDouble   flops;
} Chunk;

/* One thread's. */
struct Worker {
  Chunk                   *chunk;
  const BrenierPackedTile *tile; /* being scanned */
  BrenierScratch           scratch;
  PetscReal               *y; /* normalised coordinates of a target, shape [dim] */
  PetscInt64               n_visits;
  int                      failed; /* memory was out in a visit */
};

static PetscInt ChunkSize(PetscInt dim)
{
  const size_t per_curve = 2 * (size_t)dim * sizeof(PetscReal);

  return (PetscInt)PetscMax(1, PetscMin((size_t)BRENIER_CHUNK_CURVES, brenier_chunk_bytes / per_curve));
}

/* Bounds u along curve jc of the chunk by more planes below it. */
static void RaiseBounds(Chunk *chunk, PetscInt jc, const BrenierPlanes *below)
{
  const BrenierCurveFamily *family = chunk->curves->family;
  BrenierBounds            *bounds = &chunk->bounds[jc];

  if (BrenierBoundsRaise(family->middles(), below->n, below->a, below->b, below->h, bounds, NULL))
    family->enter(bounds, chunk->heights, &chunk->tile, (size_t)jc);
}

/* Raises the bounds of curve jc by the survivors that have not done so yet, where lists are thinned. */
static void RaiseByCandidates(Chunk *chunk, PetscInt jc)
{
  BrenierSurvivors   *list  = &chunk->list[jc];
  const PetscInt      first = list->n_bounds;
  const BrenierPlanes below = {list->n - first, list->a + first, list->b + first, list->lower + first};

  if (list->limit == PETSC_MAX_INT) return;
  RaiseBounds(chunk, jc, &below);
  list->n_bounds = list->n;
}

/* Drops the survivors of curve jc that the bounds rule out. */
static int DropCandidates(Worker *w, PetscInt jc)
{
  Chunk                  *chunk   = w->chunk;
  BrenierSurvivors       *list    = &chunk->list[jc];
  BrenierTileTest *const *test    = chunk->curves->family->test;
  const size_t            n_tests = sizeof chunk->curves->family->test / sizeof *test;

  RaiseByCandidates(chunk, jc);
  if (BrenierScratchReserve(&w->scratch, list->n)) return -1;
  for (size_t t = 0; t < n_tests && test[t]; ++t) {
    test[t](&chunk->tile, (size_t)jc, (size_t)list->n, list->a, list->b, list->upper, w->scratch.above);
    BrenierSurvivorsKeepAbove(list, w->scratch.above);
  }
  return 0;
}

/* Computes the planes in double precision of the survivors of curve jc from this block. */
static void MakeExact(Worker *w, PetscInt jc)
{
  const Chunk        *chunk = w->chunk;
  const BrenierBlock *block = &chunk->block;
  const PetscInt      ahead = 3;
  BrenierSurvivors   *list  = &chunk->list[jc];

  for (PetscInt i = list->n_exact; i < list->n; ++i) {
    const BrenierBlockRow row    = list->row[i];
    const PetscReal      *height = BrenierBlockHeights(block, row);

    // Rows are visited in no order that the hardware would guess
    if (i + ahead < list->n) BrenierPointPrefetch(&block->y, BrenierBlockPlace(block, list->row[i + ahead]));
    list->global[i] = BrenierBlockGlobal(block, row);
    list->height[i] = height[BRENIER_ROW_LOWER];
    BrenierCurvesPlane(chunk->curves, &chunk->curve[jc], BrenierBlockPoint(block, row, w->y), &list->a[i], &list->b[i],
                       &list->base[i]);
    list->lower[i] = list->height[i] + list->base[i];
    list->upper[i] = height[BRENIER_ROW_UPPER] + list->base[i];
  }
  list->n_exact = list->n;
}

static int AddCandidates(Worker *w, PetscInt jc, const BrenierTileFound *found)
{
  const BrenierTileCurves *curves = &w->chunk->tile;
  const PetscInt           count  = (PetscInt)found->n;
  BrenierSurvivors        *list   = &w->chunk->list[jc];

  if (list->n + count > list->capacity && BrenierSurvivorsReserve(list, list->n + count)) return -1;
  for (PetscInt i = 0; i < count; ++i, ++list->n) {
    const int32_t at = found->target[i];

    list->row[list->n]   = (BrenierBlockRow)(w->tile->first_row + at);
    list->a[list->n]     = (PetscReal)found->a[i];
    list->b[list->n]     = (PetscReal)found->b[i];
    list->base[list->n]  = found->base ? (PetscReal)found->base[i] : 0.0;
    list->lower[list->n] = (PetscReal)w->tile->lower[at] + list->base[list->n] -
                           BrenierTileError(curves, (size_t)jc, &w->tile->targets, (size_t)at);
    list->upper[list->n] = (PetscReal)found->height[i];
  }
  w->n_visits += count;
  if (list->limit == PETSC_MAX_INT) return 0;
  if (list->n - list->n_bounds >= BRENIER_RAISE_BY) RaiseByCandidates(w->chunk, jc);
  if (list->n < list->limit) return 0;
  if (DropCandidates(w, jc)) return -1;
  list->limit = PetscMax(2 * list->n, BRENIER_LIST_START);
  return 0;
}

static void Visit(void *context, size_t jc, const BrenierTileFound *found)
{
  Worker *w = context;

  if (!w->failed) w->failed = AddCandidates(w, (PetscInt)jc, found);
}

/* Room for a chunk of the scan's curves, or of as many as one has at most. */
static PetscErrorCode CreateChunk(const BrenierScanInput *input, const BrenierScanSink *sink, Chunk *chunk)
{
  const size_t dim = (size_t)input->curves->dim;
  const size_t n   = (size_t)PetscMin(PetscMax(input->n_curves, 1), ChunkSize(input->curves->dim));
  int          failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(chunk, sizeof *chunk));
  chunk->input  = input;
  chunk->sink   = sink;
  chunk->curves = input->curves;
  PetscCall(PetscMalloc1(2 * dim * n, &chunk->z));
  PetscCall(PetscCalloc3(n, &chunk->curve, n, &chunk->list, n, &chunk->bounds));
  failed = BrenierTileCurvesAlloc(chunk->curves->family->tile, n, dim, &chunk->tile);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a chunk of %zu curves", n);
  chunk->n_workers   = BrenierThreads(input->targets->comm);
  chunk->n_envelopes = BRENIER_ENVELOPES_AT_ONCE * chunk->n_workers;
  PetscCall(PetscCalloc1(chunk->n_workers, &chunk->worker));
  PetscCall(PetscCalloc1(chunk->n_envelopes, &chunk->envelope));
  for (PetscInt t = 0; t < chunk->n_workers; ++t) {
    chunk->worker[t].chunk = chunk;
    PetscCall(PetscMalloc1(dim, &chunk->worker[t].y));
  }
  if (chunk->curves->family->tile == BRENIER_TILE_CIRCLE) chunk->device = BrenierDeviceOf(input->targets->comm);
  (void)chunk->curves->family->middles(); // tables are filled before threads read them
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyChunk(Chunk *chunk, BrenierScanWork *work)
{
  PetscFunctionBegin;
  work->flops += chunk->flops;
  for (size_t jc = 0; jc < chunk->tile.n; ++jc) BrenierSurvivorsFree(&chunk->list[jc]);
  for (PetscInt t = 0; t < chunk->n_workers; ++t) {
    work->n_visits += chunk->worker[t].n_visits;
    BrenierScratchFree(&chunk->worker[t].scratch);
    PetscCall(PetscFree(chunk->worker[t].y));
  }
  for (PetscInt i = 0; i < chunk->n_envelopes; ++i) BrenierEnvelopeFree(&chunk->envelope[i]);
  PetscCall(PetscFree(chunk->envelope));
  PetscCall(PetscFree(chunk->worker));
  PetscCall(PetscFree(chunk->z));
  PetscCall(PetscFree3(chunk->curve, chunk->list, chunk->bounds));
  BrenierTileCurvesFree(&chunk->tile);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws curve jc of the chunk, and bounds u along it by the planes that the sink knows. */
static int BeginCurve(Worker *w, PetscInt jc)
{
  Chunk                 *chunk = w->chunk;
  const BrenierScanSink *sink  = chunk->sink;
  BrenierCurve          *curve = &chunk->curve[jc];
  BrenierSurvivors      *list  = &chunk->list[jc];
  const PetscBool        whole = (PetscBool)!chunk->curves->family->is_filtered; // lists all targets
  BrenierPlanes          below;

  BrenierSampleFirstDraw(chunk->input->sample, chunk->index[jc], chunk->z + (size_t)jc * 2 * chunk->curves->dim, curve);
  BrenierCurvesSetTile(&chunk->tile, (size_t)jc, curve);
  BrenierBoundsClear(&chunk->bounds[jc]);
  list->n = list->n_exact = list->n_bounds = 0;
  list->limit                              = whole || !sink->thins ? PETSC_MAX_INT : BRENIER_LIST_START;
  if (whole || !sink->below) return 0;
  if (sink->below(sink->context, chunk->index[jc], &w->scratch, &below)) return -1;
  RaiseBounds(chunk, jc, &below);
  return 0;
}

/* Draws n local curves. */
static PetscErrorCode BeginChunk(Chunk *chunk, PetscInt n, const PetscInt index[])
{
  int failed = 0;

  PetscFunctionBegin;
  chunk->index = index;
  chunk->n     = n;
#pragma omp parallel for num_threads(chunk->n_workers) reduction(| : failed)
  for (PetscInt jc = 0; jc < n; ++jc) failed |= BeginCurve(&chunk->worker[omp_get_thread_num()], jc);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the bounds of a curve");
  if (chunk->device) BrenierDeviceBegin(chunk->device, &chunk->tile, (size_t)n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes the survivors of curve jc exact, after the last tile of a block. */
static int EndBlock(Worker *w, PetscInt jc)
{
  BrenierSurvivors *list = &w->chunk->list[jc];

  if (list->n == list->n_exact) return 0;
  if (list->limit < PETSC_MAX_INT && DropCandidates(w, jc)) return -1;
  MakeExact(w, jc);
  return 0;
}

/* Scans curves [first, first + n) of the chunk with tiles of the present block. After the last tile their survivors are
   made exact. */
static int ScanCurves(Worker *w, PetscInt first, PetscInt n, const BrenierPackedTile tile[], PetscInt n_tiles,
                      PetscBool last)
{
  Chunk *chunk = w->chunk;

  for (PetscInt k = 0; k < n_tiles; ++k) {
    w->tile = &tile[k];
    BrenierTileScan(&chunk->tile, (size_t)first, (size_t)n, &tile[k].targets, Visit, w);
    if (w->failed) return -1;
  }
  for (PetscInt jc = first; last && jc < first + n; ++jc)
    if (EndBlock(w, jc)) return -1;
  return 0;
}

/* Curves that a thread scans together: few, so that their lists stay in cache and every thread gets some. */
static PetscInt CurvesAtOnce(const Chunk *chunk)
{
  const PetscInt shares = 4 * chunk->n_workers,
                 units  = (chunk->n / shares + BRENIER_CURVES_UNIT - 1) / BRENIER_CURVES_UNIT;

  if (chunk->n_workers == 1) return (PetscInt)chunk->tile.n_at_once;
  return PetscMin((PetscInt)chunk->tile.n_at_once, PetscMax(units, 1) * BRENIER_CURVES_UNIT);
}

/* What a device found for curve jc in a tile. */
typedef struct {
  Worker                  *worker;
  const BrenierPackedTile *tile; /* all of those scanned */
} OnDevice;

static void VisitOnDevice(void *context, size_t tile, size_t jc, const BrenierTileFound *found)
{
  const OnDevice *on = context;

  on->worker->tile = &on->tile[tile];
  Visit(on->worker, jc, found);
}

/* Scans the curves of the chunk with tiles of the present block, on the device. */
static PetscErrorCode ScanOnDevice(Chunk *chunk, const BrenierPackedTile tile[], PetscInt n_tiles, PetscBool last)
{
  const BrenierTileTargets **targets;
  OnDevice                  *on;
  void                     **context;
  int                        failed = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n_tiles, &targets, chunk->n_workers, &on, chunk->n_workers, &context));
  for (PetscInt k = 0; k < n_tiles; ++k) targets[k] = &tile[k].targets;
  for (PetscInt t = 0; t < chunk->n_workers; ++t) {
    on[t]      = (OnDevice){&chunk->worker[t], tile};
    context[t] = &on[t];
  }
  BrenierDeviceScan(chunk->device, &(BrenierDeviceRound){.n_tiles   = (size_t)n_tiles,
                                                         .tile      = targets,
                                                         .n_threads = (int)chunk->n_workers,
                                                         .context   = context,
                                                         .visit     = VisitOnDevice});
  for (PetscInt t = 0; t < chunk->n_workers; ++t) failed |= chunk->worker[t].failed;
#pragma omp parallel for num_threads(chunk->n_workers) schedule(dynamic) reduction(| : failed)
  for (PetscInt jc = 0; jc < chunk->n; ++jc)
    if (last && !failed) failed |= EndBlock(&chunk->worker[omp_get_thread_num()], jc);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for candidates");
  PetscCall(PetscFree3(targets, on, context));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same on the processor. */
static PetscErrorCode ScanOnProcessor(Chunk *chunk, const BrenierPackedTile tile[], PetscInt n_tiles, PetscBool last)
{
  const PetscInt at_once = CurvesAtOnce(chunk);
  int            failed  = 0;

  PetscFunctionBegin;
#pragma omp parallel for num_threads(chunk->n_workers) schedule(dynamic) reduction(| : failed)
  for (PetscInt jc = 0; jc < chunk->n; jc += at_once)
    failed |=
        ScanCurves(&chunk->worker[omp_get_thread_num()], jc, PetscMin(at_once, chunk->n - jc), tile, n_tiles, last);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for candidates");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scans the curves of the chunk with the present block. */
static PetscErrorCode ScanBlock(Chunk *chunk, BrenierBlocks *blocks)
{
  const int            vectors = chunk->curves->family->n_vectors;
  const PetscLogDouble flops =
      2.0 * vectors * (PetscLogDouble)chunk->curves->dim * (PetscLogDouble)chunk->block.n * (PetscLogDouble)chunk->n;
  PetscInt                 n_tiles;
  const BrenierPackedTile *tile;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < chunk->block.n_tiles; k += n_tiles) {
    PetscCall(BrenierBlocksTiles(blocks, &chunk->block, k, &n_tiles, &tile));
    PetscCall((chunk->device ? ScanOnDevice : ScanOnProcessor)(chunk, tile, n_tiles,
                                                               (PetscBool)(k + n_tiles == chunk->block.n_tiles)));
  }
  chunk->flops += flops;
  PetscCall(PetscLogFlops(flops));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scans the curves of the chunk with all targets. */
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

/* Lets the sink process the survivors of curve jc. */
static int FinishCurve(Worker *w, PetscInt jc, BrenierEnvelope *envelope)
{
  const Chunk           *chunk = w->chunk;
  const BrenierScanSink *sink  = chunk->sink;
  BrenierSurvivors      *list  = &chunk->list[jc];

  if (sink->refines && DropCandidates(w, jc)) return -1;
  if (BrenierSurvivorsSort(list, &w->scratch)) return -1;
  return sink->finish ? sink->finish(sink->context, chunk->index[jc], &w->scratch, list, envelope) : 0;
}

/* Gives the survivors of the chunk to the sink: threads finish several curves, then one thread enters them. */
static PetscErrorCode EndChunk(Chunk *chunk, PetscBool *enough)
{
  const BrenierScanSink *sink   = chunk->sink;
  int                    failed = 0;

  PetscFunctionBegin;
  for (PetscInt first = 0; first < chunk->n; first += chunk->n_envelopes) {
    const PetscInt end = PetscMin(first + chunk->n_envelopes, chunk->n);

#pragma omp parallel for num_threads(chunk->n_workers) schedule(dynamic) reduction(| : failed)
    for (PetscInt jc = first; jc < end; ++jc)
      failed |= FinishCurve(&chunk->worker[omp_get_thread_num()], jc, &chunk->envelope[jc - first]);
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the candidates of a curve");
    for (PetscInt jc = first; jc < end; ++jc)
      PetscCall(sink->enter(sink->context, chunk->index[jc], &chunk->worker[0].scratch, &chunk->list[jc],
                            &chunk->envelope[jc - first]));
  }
  if (sink->end) PetscCall(sink->end(sink->context, enough));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number of selected targets of this rank, and the i-th of them. */
static PetscInt ChosenHere(const BrenierScanInput *input)
{
  return input->chooses ? input->n_targets : input->targets->n_local;
}

static inline BrenierLocal ChosenAt(const BrenierScanInput *input, PetscInt i)
{
  return input->chooses ? input->target[i] : i;
}

/* Mean and largest upper height of the selected targets, the same for any number of ranks; and the largest number of
   curves on a rank. */
static PetscErrorCode FindExtent(const BrenierScanInput *input, BrenierHeights *heights, PetscInt *most_curves)
{
  const PetscInt n       = ChosenHere(input);
  PetscReal      most[2] = {-PETSC_MAX_REAL, (PetscReal)input->n_curves};
  PetscInt64     count   = n;
  PetscReal     *chosen;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &chosen));
  for (PetscInt k = 0; k < n; ++k) {
    chosen[k] = input->upper[ChosenAt(input, k)];
    most[0]   = PetscMax(most[0], chosen[k]);
  }
  PetscCall(
      BrenierReduceTogether(input->targets->comm, 1, &(BrenierTerms){n, chosen}, &heights->middle, 1, &count, 2, most));
  heights->middle /= PetscMax((PetscReal)count, 1.0);
  heights->highest = most[0];
  *most_curves     = (PetscInt)most[1];
  PetscCall(PetscFree(chosen));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Largest error that the first test allows a selected target. */
static PetscErrorCode FindAllowance(const BrenierScanInput *input, BrenierTileAllowance *allowance)
{
  const BrenierCoordinates points  = BrenierTargetsCoordinates(input->targets, PETSC_TRUE);
  const size_t             dim     = (size_t)input->curves->dim;
  const PetscInt           n       = ChosenHere(input);
  PetscReal                most[2] = {0.0, 0.0}, *y;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dim, &y));
  for (PetscInt k = 0; k < n; ++k) {
    const BrenierTileAllowance here =
        BrenierTileAllow(input->curves->family->tile, dim, BrenierPoint(&points, ChosenAt(input, k), y));

    most[0] = PetscMax(most[0], here.margin);
    most[1] = PetscMax(most[1], here.length);
  }
  PetscCall(PetscFree(y));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 2, MPIU_REAL, MPI_MAX, input->targets->comm));
  *allowance = (BrenierTileAllowance){most[0], most[1]};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Targets of a scan: as an earlier scan of all of them has left them, or to be filled in. */
static PetscErrorCode OpenBlocks(const BrenierScanInput *input, BrenierBlocks *blocks)
{
  const BrenierTargets  targets = input->targets;
  const BrenierTileKind kind    = input->curves->family->tile;
  PetscBool             found   = PETSC_FALSE;

  PetscFunctionBegin;
  if (!input->chooses)
    PetscCall(BrenierBlocksFromCache(input->cache, kind, input->lower, input->upper, blocks, &found));
  if (found) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierBlocksCreate(input->cache, kind, ChosenHere(input), blocks));
  if (input->chooses) PetscCall(BrenierBlocksNumber(blocks, targets->first, input->target));
  PetscCall(FindAllowance(input, &blocks->most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CloseBlocks(const BrenierScanInput *input, BrenierBlocks *blocks, BrenierScanWork *work)
{
  PetscFunctionBegin;
  work->ring_bytes = blocks->bytes;
  if (input->chooses) PetscCall(BrenierBlocksDestroy(blocks));
  else PetscCall(BrenierBlocksToCache(input->cache, blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All chunks, one after the other, until the sink has enough; the error of a stop is returned, not raised. most: curves
   on any rank. */
static PetscErrorCode ScanChunks(Chunk *chunk, BrenierBlocks *blocks, PetscInt most, PetscErrorCode *stop,
                                 PetscBool *enough)
{
  const BrenierScanInput *input = chunk->input;
  const MPI_Comm          comm  = input->targets->comm;
  const PetscInt          size  = ChunkSize(input->curves->dim);
  BrenierProgress         progress;

  PetscFunctionBegin;
  PetscCall(BrenierProgressBegin(&progress, comm, input->what));
  for (PetscInt first = 0; first < most && !*enough; first += size) {
    const PetscInt from = PetscMin(first, input->n_curves);

    *stop = BrenierStopHere(comm);
    if (*stop) break;
    PetscCall(BeginChunk(chunk, PetscMin(size, input->n_curves - from), input->curve + from));
    PetscCall(BrenierBlocksFill(blocks, input->chooses ? input->target : NULL, input->lower, input->upper));
    PetscCall(ScanRound(chunk, blocks));
    PetscCall(EndChunk(chunk, enough));
    if (!*enough) PetscCall(BrenierProgressUpdate(&progress, (PetscReal)(first + size), (PetscReal)most));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierScan(const BrenierScanInput *input, const BrenierScanSink *sink, BrenierScanWork *work)
{
  BrenierBlocks  blocks;
  Chunk          chunk;
  PetscInt       most_curves = 0;
  PetscLogDouble t0, t1;
  PetscErrorCode stop = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(work, sizeof *work));
  PetscCall(PetscTime(&t0));
  PetscCall(CreateChunk(input, sink, &chunk));
  PetscCall(OpenBlocks(input, &blocks));
  PetscCall(FindExtent(input, &chunk.heights, &most_curves));
  chunk.heights.most = blocks.most;
  PetscCall(ScanChunks(&chunk, &blocks, most_curves, &stop, &work->enough));
  PetscCall(CloseBlocks(input, &blocks, work));
  PetscCall(DestroyChunk(&chunk, work));
  PetscCall(BrenierDeviceCheck(input->targets->comm));
  PetscCall(PetscTime(&t1));
  work->seconds = t1 - t0;
  PetscFunctionReturn(stop);
}
