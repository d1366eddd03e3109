/* blocks.c - Implements blocks.h. */
#include <brenier/compat.h>
#include <brenier/print.h>
#include <brenier/threads.h>
#include "blocks.h"

#include <math.h>
#include <stdlib.h>

enum { BRENIER_HEIGHTS_TAG = 7103, BRENIER_COORDINATES_TAG };

static PetscInt TilesOf(PetscInt n)
{
  return (n + BRENIER_TARGETS_AT_ONCE - 1) / BRENIER_TARGETS_AT_ONCE;
}

static PetscReal *RowsOf(const BrenierBlocks *blocks, PetscMPIInt owner)
{
  return (PetscReal *)blocks->rows.memory + (size_t)blocks->first_row[owner] * blocks->width;
}

/* Coordinates of the same rows. */
static PetscReal *CoordinatesOf(const BrenierBlocks *blocks, PetscMPIInt owner)
{
  return (PetscReal *)blocks->coordinates.memory + (size_t)blocks->first_row[owner] * blocks->columns;
}

/* Targets of tile k of a rank's block. */
static PetscInt TileLength(const BrenierBlocks *blocks, PetscMPIInt owner, PetscInt k)
{
  const PetscInt n = blocks->first_row[owner + 1] - blocks->first_row[owner];

  return PetscMin(BRENIER_TARGETS_AT_ONCE, n - k * BRENIER_TARGETS_AT_ONCE);
}

/* Bytes of a tile of n targets: packed, and their lower heights. */
static size_t TileBytes(const BrenierBlocks *blocks, PetscInt n)
{
  const size_t line = 64;

  return BrenierTileTargetsBytes(blocks->kind, (size_t)n, (size_t)blocks->targets->dim) +
         ((size_t)n * sizeof(float) / line + 1) * line;
}

static size_t AllTileBytes(const BrenierBlocks *blocks)
{
  size_t sum = 0;

  for (PetscMPIInt r = 0; r < blocks->size; ++r)
    for (PetscInt k = 0; k < blocks->first_tile[r + 1] - blocks->first_tile[r]; ++k)
      sum += TileBytes(blocks, TileLength(blocks, r, k));
  return sum;
}

/* Layout of the blocks, and what is cached: packed tiles, and coordinates of other nodes, up to the limit of the node.
   Rows of heights alone always are. */
static PetscErrorCode LayOut(BrenierBlocks *blocks, PetscInt n_rows)
{
  const size_t limit = blocks->nodes->cache_bytes * (size_t)PetscMax(blocks->nodes->least, 2);
  size_t       coordinate_bytes;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(blocks->size + 1, &blocks->first_row, blocks->size + 1, &blocks->first_tile));
  PetscCallMPI(MPI_Allgather(&n_rows, 1, MPIU_INT, blocks->first_row + 1, 1, MPIU_INT, blocks->nodes->comm));
  for (PetscMPIInt r = 0; r < blocks->size; ++r) {
    blocks->first_tile[r + 1] = blocks->first_tile[r] + TilesOf(blocks->first_row[r + 1]);
    blocks->first_row[r + 1] += blocks->first_row[r];
  }
  coordinate_bytes     = (size_t)blocks->first_row[blocks->size] * blocks->columns * sizeof(PetscReal);
  blocks->caches_tiles = (PetscBool)(AllTileBytes(blocks) + coordinate_bytes <= limit);
  blocks->caches_rows  = (PetscBool)(blocks->in_place || blocks->caches_tiles);
  if (blocks->caches_rows) blocks->width = BRENIER_ROW_COLUMNS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Places the tiles in the memory of the node. */
static void PlaceTiles(BrenierBlocks *blocks)
{
  const size_t dim = (size_t)blocks->targets->dim;
  char        *at  = blocks->packed.memory;

  for (PetscMPIInt r = 0; r < blocks->size; ++r)
    for (PetscInt k = 0; k < blocks->first_tile[r + 1] - blocks->first_tile[r]; ++k) {
      const PetscInt     n    = TileLength(blocks, r, k);
      BrenierPackedTile *tile = &blocks->tile[blocks->first_tile[r] + k];

      BrenierTileTargetsPlace(blocks->kind, (size_t)n, dim, at, &tile->targets);
      tile->lower     = (float *)(void *)(at + BrenierTileTargetsBytes(blocks->kind, (size_t)n, dim));
      tile->first_row = k * BRENIER_TARGETS_AT_ONCE;
      at += TileBytes(blocks, n);
    }
}

/* Memory of each node, on every node or on none. */
static PetscErrorCode ShareEverywhere(BrenierNodes nodes, size_t bytes, BrenierShared *shared, PetscBool *found)
{
  int everywhere;

  PetscFunctionBegin;
  PetscCall(BrenierSharedCreate(nodes, bytes, shared, found));
  everywhere = *found;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_LAND, nodes->comm));
  *found = (PetscBool)everywhere;
  if (!*found) BrenierSharedFree(shared);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Memory for all rows that are cached. */
static PetscErrorCode ShareRows(BrenierBlocks *blocks, PetscBool *found)
{
  const size_t n = (size_t)blocks->first_row[blocks->size];

  PetscFunctionBegin;
  PetscCall(ShareEverywhere(blocks->nodes, n * blocks->width * sizeof(PetscReal), &blocks->rows, found));
  if (*found && !blocks->in_place)
    PetscCall(ShareEverywhere(blocks->nodes, n * blocks->columns * sizeof(PetscReal), &blocks->coordinates, found));
  if (!*found) BrenierSharedFree(&blocks->rows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Memory for all tiles, one copy a node: then its ranks divide the packing among them. Where there is none, each rank
   has a copy, if its limit allows. */
static PetscErrorCode ShareTiles(BrenierBlocks *blocks)
{
  const size_t bytes = AllTileBytes(blocks);

  PetscFunctionBegin;
  if (!blocks->caches_tiles || blocks->n_nodes == blocks->size || bytes < blocks->nodes->share_bytes)
    PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ShareEverywhere(blocks->nodes, bytes, &blocks->packed, &blocks->shares_tiles));
  if (!blocks->shares_tiles) blocks->caches_tiles = (PetscBool)(bytes <= blocks->nodes->cache_bytes);
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
  blocks->n_nodes  = nodes->n;
  blocks->in_place = (PetscBool)(nodes->n == 1);
  blocks->columns  = blocks->in_place ? 0 : CoordinateColumns(cache->targets);
  blocks->width    = BRENIER_ROW_COLUMNS + blocks->columns;
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
  if (!blocks->caches_rows) {
    PetscCall(BrenierRingCreate(comm, n_rows, blocks->width, PETSC_FALSE, &blocks->ring));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)blocks->width, MPIU_REAL, &blocks->row_type));
  PetscCallMPI(MPI_Type_commit(&blocks->row_type));
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)blocks->columns, MPIU_REAL, &blocks->coordinates_type));
  PetscCallMPI(MPI_Type_commit(&blocks->coordinates_type));
  PetscCall(PetscMalloc1(4 * blocks->size, &blocks->request));
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
  const BrenierTargets t      = blocks->targets;
  const PetscInt       n      = blocks->first_row[blocks->rank + 1] - blocks->first_row[blocks->rank];
  const PetscBool      cached = blocks->caches_rows;
  PetscReal           *row    = cached ? RowsOf(blocks, blocks->rank) : blocks->ring.block[blocks->ring.current];

  PetscFunctionBegin;
  if (blocks->complete) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt k = 0; k < n; ++k, row += blocks->width) {
    const BrenierLocal i  = target ? target[k] : k;
    PetscReal         *to = row + BRENIER_ROW_COLUMNS;

    row[BRENIER_ROW_LOWER] = lower ? lower[i] : 0.0;
    row[BRENIER_ROW_UPPER] = upper ? upper[i] : 0.0;
    if (blocks->in_place) continue;
    if (cached) to = CoordinatesOf(blocks, blocks->rank) + (size_t)k * blocks->columns;
    PetscCall(CopyCoordinates(t, i, to));
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

/* The node of a rank. */
static PetscMPIInt NodeOfRank(const BrenierNodes nodes, PetscMPIInt rank)
{
  for (PetscMPIInt m = 0; m < nodes->n; ++m)
    for (PetscMPIInt k = nodes->first[m]; k < nodes->first[m + 1]; ++k)
      if (nodes->member[k] == rank) return m;
  return -1;
}

/* The rank of a node that sends and receives the k-th block of any node: they take turns. */
static PetscMPIInt Carrier(const BrenierNodes nodes, PetscMPIInt node, PetscMPIInt k)
{
  return nodes->member[nodes->first[node] + k % RanksOf(nodes, node)];
}

/* Starts sending rows of a block to another rank, or receiving them: heights, or coordinates. */
static PetscErrorCode Start(BrenierBlocks *blocks, PetscBool sends, PetscMPIInt owner, PetscMPIInt peer, int tag)
{
  const PetscBool    heights = (PetscBool)(tag == BRENIER_HEIGHTS_TAG);
  const PetscMPIInt  n       = (PetscMPIInt)(blocks->first_row[owner + 1] - blocks->first_row[owner]);
  const MPI_Datatype type    = heights ? blocks->row_type : blocks->coordinates_type;
  PetscReal         *row     = heights ? RowsOf(blocks, owner) : CoordinatesOf(blocks, owner);
  MPI_Request       *request = &blocks->request[blocks->n_requests++];

  PetscFunctionBegin;
  if (sends) PetscCallMPI(MPI_Isend(row, n, type, peer, tag, blocks->nodes->comm, request));
  else PetscCallMPI(MPI_Irecv(row, n, type, peer, tag, blocks->nodes->comm, request));
  if (sends)
    blocks->bytes +=
        (PetscLogDouble)n * (PetscLogDouble)(heights ? blocks->width : blocks->columns) * sizeof(PetscReal);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Starts receiving the blocks of the next step from the node before, and passing those of this step on: heights, and
   coordinates that are not there yet. */
static PetscErrorCode Pass(BrenierBlocks *blocks)
{
  const BrenierNodes nodes  = blocks->nodes;
  const PetscMPIInt  before = NodeOf(nodes, nodes->here, 1), after = (nodes->here + 1) % nodes->n;

  PetscFunctionBegin;
  for (int sends = 0; sends < 2; ++sends) {
    const PetscMPIInt from = NodeOf(nodes, nodes->here, blocks->step + !sends), other = sends ? after : before;

    for (PetscMPIInt k = 0; k < RanksOf(nodes, from); ++k) {
      const PetscMPIInt owner = nodes->member[nodes->first[from] + k], peer = Carrier(nodes, other, k);

      if (Carrier(nodes, nodes->here, k) != blocks->rank) continue;
      PetscCall(Start(blocks, (PetscBool)sends, owner, peer, BRENIER_HEIGHTS_TAG));
      if (!blocks->complete) PetscCall(Start(blocks, (PetscBool)sends, owner, peer, BRENIER_COORDINATES_TAG));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Waits for what Pass() started. */
static PetscErrorCode Arrive(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Waitall((PetscMPIInt)blocks->n_requests, blocks->request, MPI_STATUSES_IGNORE));
  blocks->n_requests = 0;
  PetscCall(BrenierSharedBarrier(blocks->nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Waits for the blocks of this node of the ring, and requests those of the next one. */
static PetscErrorCode BeginNode(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  if (blocks->complete) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Arrive(blocks));
  if (blocks->step + 1 < blocks->nodes->n) PetscCall(Pass(blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The owner of the next cached block: node by node, on each node starting with a different rank, so that ranks do not
   read the same rows at once. */
static PetscErrorCode StepCached(BrenierBlocks *blocks, PetscBool *more, PetscMPIInt *owner)
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
  from   = NodeOf(nodes, nodes->here, blocks->step);
  *owner = nodes->member[nodes->first[from] + (nodes->rank + blocks->at) % RanksOf(nodes, from)];
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

/* Packs tile k of a block; 0, or -1 when memory is out. */
static int Pack(const BrenierBlocks *blocks, const BrenierBlock *block, PetscInt k, BrenierPackedTile *tile)
{
  const size_t   dim   = (size_t)blocks->targets->dim;
  const PetscInt first = k * BRENIER_TARGETS_AT_ONCE, count = TileLength(blocks, block->owner, k);
  const PetscInt room = blocks->caches_tiles ? count : BRENIER_TARGETS_AT_ONCE;
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
    BrenierTileSetTarget(&tile->targets, (size_t)i, BrenierBlockPoint(block, (BrenierBlockRow)(first + i), y));
  SetTileHeights(blocks, BrenierBlockHeights(block, (BrenierBlockRow)first), tile);
  free(y);
  return 0;
}

/* Whether this rank packs a tile that the node shares, and sets its heights: the ranks take turns. */
static PetscBool IsOwnTile(const BrenierBlocks *blocks, PetscInt tile)
{
  return (PetscBool)(tile % RanksOf(blocks->nodes, blocks->nodes->here) == blocks->nodes->rank);
}

/* Packs those of n tiles of a block, from `first` on, that must be; of tiles that the node shares this rank's. */
static PetscErrorCode PackTiles(BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, PetscInt n)
{
  const PetscInt     at     = blocks->caches_tiles ? blocks->first_tile[block->owner] + first : 0;
  BrenierPackedTile *tile   = &blocks->tile[at];
  int                failed = 0;

  PetscFunctionBegin;
#pragma omp parallel for num_threads(BrenierThreads(blocks->nodes->comm)) schedule(dynamic) reduction(| : failed)
  for (PetscInt k = 0; k < n; ++k)
    if (blocks->shares_tiles ? IsOwnTile(blocks, at + k) : !blocks->caches_tiles || !tile[k].lower)
      failed |= Pack(blocks, block, first + k, &tile[k]);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for packed targets");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinates in the rows of a block, normalised as they are seen. */
static BrenierCoordinates RowCoordinates(const BrenierBlocks *blocks, const BrenierBlock *block)
{
  const size_t       width = blocks->caches_rows ? blocks->columns : blocks->width;
  BrenierCoordinates y     = BrenierTargetsCoordinates(blocks->targets, PETSC_TRUE);

  y.n      = block->n;
  y.value  = blocks->caches_rows ? CoordinatesOf(blocks, block->owner) : block->row + BRENIER_ROW_COLUMNS;
  y.single = blocks->targets->is_single ? (const float *)(const void *)y.value : NULL;
  y.stride = blocks->targets->is_single ? 2 * width : width;
  return y;
}

/* Sets what follows from the owner of a block and its rows. */
static PetscErrorCode SetBlock(const BrenierBlocks *blocks, PetscMPIInt owner, const PetscReal row[],
                               BrenierBlock *block)
{
  const PetscInt *range;

  PetscFunctionBegin;
  PetscCall(PetscLayoutGetRanges(blocks->targets->layout, &range));
  block->owner    = owner;
  block->n        = blocks->first_row[owner + 1] - blocks->first_row[owner];
  block->row      = row;
  block->n_tiles  = TilesOf(block->n);
  block->width    = blocks->width;
  block->first    = blocks->first_row[owner];
  block->global   = blocks->global ? blocks->global + block->first : NULL;
  block->in_place = blocks->in_place;
  block->origin   = range[owner];
  if (blocks->in_place) block->y = BrenierTargetsOfNode(blocks->targets, owner);
  else block->y = RowCoordinates(blocks, block);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes room for the tiles. */
static PetscErrorCode BeginTiles(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  PetscCall(ShareTiles(blocks));
  blocks->n_tiles = blocks->caches_tiles ? blocks->first_tile[blocks->size] : 1;
  PetscCall(PetscCalloc1(blocks->n_tiles, &blocks->tile));
  if (blocks->shares_tiles) PlaceTiles(blocks);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Packs the tiles of the node whose blocks are being met, together with the other ranks of this node. */
static PetscErrorCode PackNode(BrenierBlocks *blocks, PetscMPIInt of)
{
  const BrenierNodes nodes = blocks->nodes;
  BrenierBlock       block;

  PetscFunctionBegin;
  for (PetscMPIInt k = nodes->first[of]; k < nodes->first[of + 1]; ++k) {
    PetscCall(SetBlock(blocks, nodes->member[k], RowsOf(blocks, nodes->member[k]), &block));
    PetscCall(PackTiles(blocks, &block, 0, block.n_tiles));
    for (PetscInt t = 0; t < block.n_tiles; ++t)
      blocks->tile[blocks->first_tile[block.owner] + t].is_packed = PETSC_TRUE;
  }
  PetscCall(BrenierSharedBarrier(nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksTiles(BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, PetscInt *n,
                                  const BrenierPackedTile **tile)
{
  PetscFunctionBegin;
  if (!blocks->tile) PetscCall(BeginTiles(blocks));
  *n    = blocks->caches_tiles ? block->n_tiles - first : 1;
  *tile = &blocks->tile[blocks->caches_tiles ? blocks->first_tile[block->owner] + first : 0];
  if (!blocks->shares_tiles) PetscCall(PackTiles(blocks, block, first, *n));
  else if (!(*tile)->is_packed) PetscCall(PackNode(blocks, NodeOfRank(blocks->nodes, block->owner)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksStep(BrenierBlocks *blocks, PetscBool *more, BrenierBlock *block)
{
  PetscReal  *row = NULL;
  PetscMPIInt owner;
  PetscInt    n;

  PetscFunctionBegin;
  if (blocks->caches_rows) PetscCall(StepCached(blocks, more, &owner));
  else {
    PetscCall(BrenierRingStep(&blocks->ring, more, &owner, &n, &row));
    blocks->bytes = blocks->ring.bytes;
  }
  if (*more) PetscCall(SetBlock(blocks, owner, blocks->caches_rows ? RowsOf(blocks, owner) : row, block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksDestroy(BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < blocks->n_tiles; ++i) {
    BrenierTileTargetsFree(&blocks->tile[i].targets);
    if (!blocks->shares_tiles) free(blocks->tile[i].lower);
  }
  PetscCall(PetscFree(blocks->tile));
  PetscCall(PetscFree(blocks->global));
  PetscCall(PetscFree2(blocks->first_row, blocks->first_tile));
  PetscCall(PetscFree(blocks->request));
  BrenierSharedFree(&blocks->packed);
  BrenierSharedFree(&blocks->coordinates);
  BrenierSharedFree(&blocks->rows);
  if (blocks->caches_rows) {
    PetscCallMPI(MPI_Type_free(&blocks->row_type));
    PetscCallMPI(MPI_Type_free(&blocks->coordinates_type));
  } else PetscCall(BrenierRingDestroy(&blocks->ring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- from one scan to the next ---- */

PetscErrorCode BrenierBlocksToCache(BrenierScanCache cache, BrenierBlocks *blocks)
{
  PetscFunctionBegin;
  if (cache->blocks || !blocks->complete || !blocks->caches_tiles) {
    PetscCall(BrenierBlocksDestroy(blocks));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc1(1, &cache->blocks));
  *cache->blocks = *blocks;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of this rank's targets in the rows; those of other nodes come by the ring. */
static PetscErrorCode SetRowHeights(BrenierBlocks *blocks, const PetscReal lower[], const PetscReal upper[])
{
  PetscReal *row = RowsOf(blocks, blocks->rank);

  PetscFunctionBegin;
  PetscCall(BrenierSharedBarrier(blocks->nodes)); // nobody reads the last heights any more
  for (PetscInt i = 0; i < blocks->first_row[blocks->rank + 1] - blocks->first_row[blocks->rank]; ++i) {
    row[(size_t)i * blocks->width + BRENIER_ROW_LOWER] = lower[i];
    row[(size_t)i * blocks->width + BRENIER_ROW_UPPER] = upper[i];
  }
  PetscCall(BrenierSharedBarrier(blocks->nodes));
  for (blocks->step = 0; blocks->step + 1 < blocks->nodes->n; ++blocks->step) {
    PetscCall(Pass(blocks));
    PetscCall(Arrive(blocks));
  }
  blocks->step = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights in the rows and in the tiles; of tiles that the node shares in this rank's. */
static PetscErrorCode SetHeights(BrenierBlocks *blocks, const PetscReal lower[], const PetscReal upper[])
{
  PetscFunctionBegin;
  PetscCall(SetRowHeights(blocks, lower, upper));
  for (PetscMPIInt r = 0; r < blocks->size; ++r)
    for (PetscInt t = blocks->first_tile[r]; t < blocks->first_tile[r + 1]; ++t) {
      BrenierPackedTile *tile = &blocks->tile[t];

      if (blocks->shares_tiles ? IsOwnTile(blocks, t) : tile->lower != NULL)
        SetTileHeights(blocks, RowsOf(blocks, r) + (size_t)tile->first_row * blocks->width, tile);
    }
  if (blocks->shares_tiles) PetscCall(BrenierSharedBarrier(blocks->nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBlocksFromCache(BrenierScanCache cache, BrenierTileKind kind, const PetscReal lower[],
                                      const PetscReal upper[], BrenierBlocks *blocks, PetscBool *found)
{
  PetscFunctionBegin;
  // Another scan may have separated the nodes since
  *found =
      (PetscBool)(cache->blocks && cache->blocks->kind == kind && cache->blocks->n_nodes == cache->blocks->nodes->n);
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
