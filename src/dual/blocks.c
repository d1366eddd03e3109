/* blocks.c - Implements blocks.h. */
#include <brenier/compat.h>
#include <brenier/print.h>
#include <brenier/threads.h>
#include "blocks.h"

#include <math.h>
#include <stdlib.h>

enum { BRENIER_BLOCKS_TAG = 7103 };

/* Cache limit for packed targets between scans: packing more costs next to nothing beside its scan. */
static const size_t brenier_scan_cache_bytes = (size_t)128 << 20;

static PetscInt TilesOf(PetscInt n)
{
  return (n + BRENIER_TARGETS_AT_ONCE - 1) / BRENIER_TARGETS_AT_ONCE;
}

static PetscReal *RowsOf(const BrenierBlocks *blocks, PetscMPIInt owner)
{
  return (PetscReal *)blocks->rows.memory + (size_t)blocks->first_row[owner] * blocks->width;
}

/* Layout of the blocks, and what is cached: rows, one copy a node, and packed tiles, one a rank, while they take no
   more than nodes->cache_bytes times the ranks of the smallest node; of the two the tiles rather than the rows. Rows
   without coordinates always are. */
static PetscErrorCode LayOut(BrenierBlocks *blocks, PetscInt n_rows)
{
  const size_t tile_bytes =
      BrenierTileTargetsBytes(blocks->kind, BRENIER_TARGETS_AT_ONCE, (size_t)blocks->targets->dim);
  size_t packed_bytes, row_bytes;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(blocks->size + 1, &blocks->first_row, blocks->size + 1, &blocks->first_tile));
  PetscCallMPI(MPI_Allgather(&n_rows, 1, MPIU_INT, blocks->first_row + 1, 1, MPIU_INT, blocks->nodes->comm));
  for (PetscMPIInt r = 0; r < blocks->size; ++r) {
    blocks->first_tile[r + 1] = blocks->first_tile[r] + TilesOf(blocks->first_row[r + 1]);
    blocks->first_row[r + 1] += blocks->first_row[r];
  }
  packed_bytes         = (size_t)blocks->first_tile[blocks->size] * tile_bytes;
  row_bytes            = (size_t)blocks->first_row[blocks->size] * blocks->width * sizeof(PetscReal);
  blocks->caches_tiles = (PetscBool)(packed_bytes <= blocks->nodes->cache_bytes);
  blocks->caches_rows  = (PetscBool)(blocks->in_place || packed_bytes + row_bytes / (size_t)blocks->nodes->least <=
                                                            blocks->nodes->cache_bytes);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Memory for all rows, on every node or on none. */
static PetscErrorCode ShareRows(BrenierBlocks *blocks, PetscBool *found)
{
  const size_t bytes = (size_t)blocks->first_row[blocks->size] * blocks->width * sizeof(PetscReal);
  int          everywhere;

  PetscFunctionBegin;
  PetscCall(BrenierSharedCreate(blocks->nodes, bytes, &blocks->rows, found));
  everywhere = *found;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_LAND, blocks->nodes->comm));
  *found = (PetscBool)everywhere;
  if (!*found) BrenierSharedFree(&blocks->rows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the cache ---- */

PetscErrorCode BrenierScanCacheCreate(BrenierTargets targets, BrenierScanCache *cache)
{
  PetscFunctionBegin;
  PetscCall(PetscNew(cache));
  (*cache)->targets = targets;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ClearCache(BrenierScanCache cache)
{
  PetscFunctionBegin;
  if (cache->blocks) PetscCall(BrenierBlocksDestroy(cache->blocks));
  PetscCall(PetscFree(cache->blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierScanCacheDestroy(BrenierScanCache *cache)
{
  PetscFunctionBegin;
  if (!*cache) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ClearCache(*cache));
  PetscCall(PetscFree(*cache));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- blocks ---- */

/* Columns that coordinates take in a row, two of single precision in one. */
static size_t CoordinateColumns(BrenierTargets t)
{
  return t->is_single ? ((size_t)t->dim + 1) / 2 : (size_t)t->dim;
}

PetscErrorCode BrenierBlocksCreate(BrenierScanCache cache, BrenierTileKind kind, PetscInt n_rows, BrenierBlocks *blocks)
{
  const BrenierNodes nodes = cache->targets->nodes;
  const MPI_Comm     comm  = nodes->comm;
  PetscBool          found = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(blocks, sizeof *blocks));
  blocks->targets  = cache->targets;
  blocks->nodes    = nodes;
  blocks->kind     = kind;
  blocks->in_place = (PetscBool)(nodes->n == 1);
  blocks->width    = BRENIER_ROW_COLUMNS + (blocks->in_place ? 0 : CoordinateColumns(cache->targets));
  PetscCallMPI(MPI_Comm_rank(comm, &blocks->rank));
  PetscCallMPI(MPI_Comm_size(comm, &blocks->size));
  PetscCall(LayOut(blocks, n_rows));
  if (blocks->caches_rows) PetscCall(ShareRows(blocks, &found));
  if (!found && cache->blocks) { // the same on all ranks; the cache may have taken the missing memory
    PetscCall(ClearCache(cache));
    PetscCall(ShareRows(blocks, &found));
  }
  if (!found && nodes->n < blocks->size) {
    PetscCall(BrenierPrint(comm, "%s", brenier_no_shared_memory));
    PetscCall(PetscFree2(blocks->first_row, blocks->first_tile));
    PetscCall(BrenierNodesSeparate(nodes));
    PetscCall(BrenierBlocksCreate(cache, kind, n_rows, blocks));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(found, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the rows of %" PetscInt_FMT " targets",
             blocks->first_row[blocks->size]);
  blocks->n_tiles = blocks->caches_tiles ? blocks->first_tile[blocks->size] : 1;
  PetscCall(PetscCalloc1(blocks->n_tiles, &blocks->tile));
  if (!blocks->caches_rows) {
    PetscCall(BrenierRingCreate(comm, n_rows, blocks->width, PETSC_FALSE, &blocks->ring));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)blocks->width, MPIU_REAL, &blocks->row_type));
  PetscCallMPI(MPI_Type_commit(&blocks->row_type));
  PetscCall(PetscMalloc1(2 * blocks->size, &blocks->request));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksNumber(BrenierBlocks *blocks, BrenierGlobal first, const BrenierLocal target[])
{
  const PetscInt n = blocks->first_row[blocks->rank + 1] - blocks->first_row[blocks->rank];
  BrenierGlobal *own;
  PetscMPIInt   *count, *begin;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(blocks->first_row[blocks->size], &blocks->global));
  PetscCall(PetscMalloc3(n, &own, blocks->size, &count, blocks->size, &begin));
  for (PetscInt i = 0; i < n; ++i) own[i] = first + target[i];
  for (PetscMPIInt r = 0; r < blocks->size; ++r) {
    begin[r] = (PetscMPIInt)blocks->first_row[r];
    count[r] = (PetscMPIInt)(blocks->first_row[r + 1] - blocks->first_row[r]);
  }
  PetscCallMPI(
      MPI_Allgatherv(own, (PetscMPIInt)n, MPIU_INT, blocks->global, count, begin, MPIU_INT, blocks->nodes->comm));
  PetscCall(PetscFree3(own, count, begin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinates as read, in their precision. */
static PetscErrorCode CopyCoordinates(BrenierTargets t, BrenierLocal i, PetscReal to[])
{
  const size_t at = (size_t)i * (size_t)t->dim;

  PetscFunctionBegin;
  if (t->is_single) PetscCall(PetscMemcpy(to, t->single + at, (size_t)t->dim * sizeof *t->single));
  else PetscCall(PetscArraycpy(to, t->y + at, t->dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksFill(BrenierBlocks *blocks, const BrenierLocal target[], const PetscReal lower[],
                                 const PetscReal upper[])
{
  const BrenierTargets t = blocks->targets;
  const PetscInt       n = blocks->first_row[blocks->rank + 1] - blocks->first_row[blocks->rank];
  PetscReal *row = blocks->caches_rows ? RowsOf(blocks, blocks->rank) : blocks->ring.block[blocks->ring.current];

  PetscFunctionBegin;
  if (blocks->complete) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt k = 0; k < n; ++k, row += blocks->width) {
    const BrenierLocal i = target ? target[k] : k;

    row[BRENIER_ROW_LOWER] = lower ? lower[i] : 0.0;
    row[BRENIER_ROW_UPPER] = upper ? upper[i] : 0.0;
    if (!blocks->in_place) PetscCall(CopyCoordinates(t, i, row + BRENIER_ROW_COLUMNS));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The node whose blocks `from` has in a step. */
static PetscMPIInt NodeOf(const BrenierNodes nodes, PetscMPIInt from, PetscMPIInt step)
{
  return (from - step % nodes->n + nodes->n) % nodes->n;
}

static PetscMPIInt RanksOf(const BrenierNodes nodes, PetscMPIInt node)
{
  return nodes->first[node + 1] - nodes->first[node];
}

/* The rank of a node that sends and receives the k-th block of any node: they take turns. */
static PetscMPIInt Carrier(const BrenierNodes nodes, PetscMPIInt node, PetscMPIInt k)
{
  return nodes->member[nodes->first[node] + k % RanksOf(nodes, node)];
}

/* Starts receiving the blocks of the next step from the node before, and passing those of this step on. */
static PetscErrorCode Pass(BrenierBlocks *blocks)
{
  const BrenierNodes nodes  = blocks->nodes;
  const PetscMPIInt  before = NodeOf(nodes, nodes->here, 1), after = (nodes->here + 1) % nodes->n;

  PetscFunctionBegin;
  for (int sends = 0; sends < 2; ++sends) {
    const PetscMPIInt from = NodeOf(nodes, nodes->here, blocks->step + !sends), other = sends ? after : before;

    for (PetscMPIInt k = 0; k < RanksOf(nodes, from); ++k) {
      const PetscMPIInt owner = nodes->member[nodes->first[from] + k], peer = Carrier(nodes, other, k);
      const PetscMPIInt n       = (PetscMPIInt)(blocks->first_row[owner + 1] - blocks->first_row[owner]);
      MPI_Request      *request = &blocks->request[blocks->n_requests];

      if (Carrier(nodes, nodes->here, k) != blocks->rank) continue;
      if (sends)
        PetscCallMPI(
            MPI_Isend(RowsOf(blocks, owner), n, blocks->row_type, peer, BRENIER_BLOCKS_TAG, nodes->comm, request));
      else
        PetscCallMPI(
            MPI_Irecv(RowsOf(blocks, owner), n, blocks->row_type, peer, BRENIER_BLOCKS_TAG, nodes->comm, request));
      ++blocks->n_requests;
      if (sends) blocks->bytes += (PetscLogDouble)n * (PetscLogDouble)(blocks->width * sizeof(PetscReal));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Waits for the blocks of this node of the ring, and requests those of the next one. */
static PetscErrorCode BeginNode(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  if (blocks->complete) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Waitall((PetscMPIInt)blocks->n_requests, blocks->request, MPI_STATUSES_IGNORE));
  blocks->n_requests = 0;
  PetscCall(BrenierSharedBarrier(blocks->nodes));
  if (blocks->step + 1 < blocks->nodes->n) PetscCall(Pass(blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next cached block: node by node, on each node starting with a different rank, so that ranks do not read the same
   rows at once. */
static PetscErrorCode StepCached(BrenierBlocks *blocks, PetscBool *more, BrenierBlock *block)
{
  const BrenierNodes nodes = blocks->nodes;
  PetscMPIInt        from;

  PetscFunctionBegin;
  *more = (PetscBool)(blocks->step < nodes->n);
  if (!*more) {
    blocks->complete = PETSC_TRUE;
    blocks->step     = 0;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (blocks->at == 0) PetscCall(BeginNode(blocks));
  from         = NodeOf(nodes, nodes->here, blocks->step);
  block->owner = nodes->member[nodes->first[from] + (nodes->rank + blocks->at) % RanksOf(nodes, from)];
  block->n     = blocks->first_row[block->owner + 1] - blocks->first_row[block->owner];
  block->row   = RowsOf(blocks, block->owner);
  if (++blocks->at == RanksOf(nodes, from)) {
    blocks->at = 0;
    ++blocks->step;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets the heights of a tile from its rows, lower rounded down. */
static void SetTileHeights(const BrenierBlocks *blocks, const PetscReal row[], BrenierPackedTile *tile)
{
  for (size_t i = 0; i < tile->targets.n; ++i, row += blocks->width) {
    const PetscReal lower = row[BRENIER_ROW_LOWER];

    BrenierTileSetHeight(&tile->targets, i, row[BRENIER_ROW_UPPER]);
    tile->lower[i] = (float)lower;
    if ((PetscReal)tile->lower[i] > lower) tile->lower[i] = nextafterf(tile->lower[i], -HUGE_VALF);
  }
}

/* Packs rows [first, first + count) of a block; 0, or -1 when memory is out. */
static int Pack(const BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, BrenierPackedTile *tile)
{
  const size_t   dim   = (size_t)blocks->targets->dim;
  const PetscInt count = PetscMin(BRENIER_TARGETS_AT_ONCE, block->n - first);
  const PetscInt room  = blocks->caches_tiles ? count : BRENIER_TARGETS_AT_ONCE;
  PetscReal     *y;

  if (!tile->lower) {
    tile->lower = malloc((size_t)room * sizeof *tile->lower);
    if (!tile->lower || BrenierTileTargetsAlloc(blocks->kind, (size_t)room, dim, &tile->targets)) return -1;
  }
  y = malloc(dim * sizeof *y);
  if (!y) return -1;
  tile->first_row = first;
  BrenierTileBeginTargets(&tile->targets, (size_t)count);
  for (PetscInt i = 0; i < count; ++i)
    BrenierTileSetTarget(&tile->targets, (size_t)i, BrenierBlockPoint(block, first + i, y));
  SetTileHeights(blocks, BrenierBlockHeights(block, first), tile);
  free(y);
  return 0;
}

PetscErrorCode BrenierBlocksTiles(BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, PetscInt *n,
                                  const BrenierPackedTile **tile)
{
  const PetscInt     count  = blocks->caches_tiles ? block->n_tiles - first : 1;
  BrenierPackedTile *packed = &blocks->tile[blocks->caches_tiles ? blocks->first_tile[block->owner] + first : 0];
  int                failed = 0;

  PetscFunctionBegin;
  *n    = count;
  *tile = packed;
#pragma omp parallel for num_threads(BrenierThreads(blocks->nodes->comm)) schedule(dynamic) reduction(| : failed)
  for (PetscInt k = 0; k < count; ++k)
    if (!blocks->caches_tiles || !packed[k].lower)
      failed |= Pack(blocks, block, (first + k) * BRENIER_TARGETS_AT_ONCE, &packed[k]);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for packed targets");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinates in the rows of a block, normalised as they are seen. */
static BrenierCoordinates RowCoordinates(const BrenierBlocks *blocks, const BrenierBlock *block)
{
  BrenierCoordinates y = BrenierTargetsCoordinates(blocks->targets, PETSC_TRUE);

  y.n      = block->n;
  y.stride = blocks->targets->is_single ? 2 * blocks->width : blocks->width;
  y.single = blocks->targets->is_single ? (const float *)(const void *)(block->row + BRENIER_ROW_COLUMNS) : NULL;
  y.value  = block->row + BRENIER_ROW_COLUMNS;
  return y;
}

PetscErrorCode BrenierBlocksStep(BrenierBlocks *blocks, PetscBool *more, BrenierBlock *block)
{
  PetscReal      *row = NULL;
  const PetscInt *range;

  PetscFunctionBegin;
  if (blocks->caches_rows) PetscCall(StepCached(blocks, more, block));
  else {
    PetscCall(BrenierRingStep(&blocks->ring, more, &block->owner, &block->n, &row));
    block->row    = row;
    blocks->bytes = blocks->ring.bytes;
  }
  if (!*more) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscLayoutGetRanges(blocks->targets->layout, &range));
  block->n_tiles  = TilesOf(block->n);
  block->width    = blocks->width;
  block->first    = blocks->first_row[block->owner];
  block->global   = blocks->global ? blocks->global + block->first : NULL;
  block->in_place = blocks->in_place;
  block->origin   = range[block->owner];
  if (blocks->in_place) block->y = BrenierTargetsOfNode(blocks->targets, block->owner);
  else block->y = RowCoordinates(blocks, block);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksDestroy(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < blocks->n_tiles; ++i) {
    BrenierTileTargetsFree(&blocks->tile[i].targets);
    free(blocks->tile[i].lower);
  }
  PetscCall(PetscFree(blocks->tile));
  PetscCall(PetscFree(blocks->global));
  PetscCall(PetscFree2(blocks->first_row, blocks->first_tile));
  PetscCall(PetscFree(blocks->request));
  BrenierSharedFree(&blocks->rows);
  if (blocks->caches_rows) PetscCallMPI(MPI_Type_free(&blocks->row_type));
  else PetscCall(BrenierRingDestroy(&blocks->ring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- from one scan to the next ---- */

PetscErrorCode BrenierBlocksToCache(BrenierScanCache cache, BrenierBlocks *blocks)
{
  const size_t bytes = (size_t)blocks->first_tile[blocks->size] *
                       BrenierTileTargetsBytes(blocks->kind, BRENIER_TARGETS_AT_ONCE, (size_t)blocks->targets->dim);

  PetscFunctionBegin;
  if (blocks->nodes->n > 1 || cache->blocks || !blocks->complete || !blocks->caches_tiles ||
      bytes > brenier_scan_cache_bytes) {
    PetscCall(BrenierBlocksDestroy(blocks));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc1(1, &cache->blocks));
  *cache->blocks = *blocks;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of this rank's targets in the rows, and those of all in the tiles. */
static PetscErrorCode SetHeights(BrenierBlocks *blocks, const PetscReal lower[], const PetscReal upper[])
{
  PetscReal *row = RowsOf(blocks, blocks->rank);

  PetscFunctionBegin;
  PetscCall(BrenierSharedBarrier(blocks->nodes)); // nobody reads the last heights any more
  for (PetscInt i = 0; i < blocks->first_row[blocks->rank + 1] - blocks->first_row[blocks->rank]; ++i) {
    row[(size_t)i * blocks->width + BRENIER_ROW_LOWER] = lower[i];
    row[(size_t)i * blocks->width + BRENIER_ROW_UPPER] = upper[i];
  }
  PetscCall(BrenierSharedBarrier(blocks->nodes));
  for (PetscMPIInt r = 0; r < blocks->size; ++r)
    for (PetscInt t = blocks->first_tile[r]; t < blocks->first_tile[r + 1]; ++t) {
      BrenierPackedTile *tile = &blocks->tile[t];

      if (tile->lower) SetTileHeights(blocks, RowsOf(blocks, r) + (size_t)tile->first_row * blocks->width, tile);
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksFromCache(BrenierScanCache cache, BrenierTileKind kind, const PetscReal lower[],
                                      const PetscReal upper[], BrenierBlocks *blocks, PetscBool *found)
{
  PetscFunctionBegin;
  // Another scan may have separated the nodes since
  *found = (PetscBool)(cache->blocks && cache->blocks->kind == kind && cache->blocks->nodes->n == 1);
  if (!*found) {
    PetscCall(ClearCache(cache));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *blocks = *cache->blocks;
  PetscCall(PetscFree(cache->blocks));
  blocks->bytes = 0.0;
  PetscCall(SetHeights(blocks, lower, upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}
