/*
  blocks.h - The targets of a scan, block by block: those of one rank at a time, as rows and packed for the kernel.

  A row is a target with its two heights (scan.c). Ranks of one node send each other nothing: they have rows in common,
  and packed targets where these fit, and divide the packing among them.
  On one node, coordinates are read where the targets have them, and rows are heights alone.
  On several nodes, coordinates come with the rows, as read. If packed targets and coordinates fit into 192 MiB a
  rank, a node has one copy of each. Rows of other nodes travel round a ring of nodes, each block once a node, during
  the products with the block before. Rows that do not fit travel round a ring of ranks in every round, and each rank
  packs them.
  What was cached stays for the next scan of all targets. Then only heights are set, and travel.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/index.h>
#include <brenier/tile.h>
#include "data/ring.h"
#include "data/shared.h"

/* Columns of a row; coordinates come behind them, two of single precision in the place of one double. */
enum { BRENIER_ROW_LOWER, BRENIER_ROW_UPPER, BRENIER_ROW_COLUMNS };

enum { BRENIER_TARGETS_AT_ONCE = 16384 };

/* Targets packed for the kernel, and their lower heights, rounded down. */
typedef struct {
  BrenierTileTargets targets;
  float             *lower;
  PetscInt           first_row; /* in the block */
  PetscBool          is_packed; /* where the node shares it */
} BrenierPackedTile;

/* The targets of one rank. */
typedef struct {
  PetscMPIInt          owner;
  PetscInt             n, n_tiles;
  const PetscReal     *row; /* shape [n, width] */
  size_t               width;
  BrenierGlobal        first;    /* global number of its first row, where all targets come; ... */
  const BrenierGlobal *global;   /* ... those of its rows, where some do; or NULL */
  BrenierCoordinates   y;        /* normalised: of the rows, or ... */
  PetscBool            in_place; /* ... of all targets of the owner, from this number on: */
  BrenierGlobal        origin;
} BrenierBlock;

/* Global number of a row's target. */
static inline BrenierGlobal BrenierBlockGlobal(const BrenierBlock *block, BrenierBlockRow row)
{
  return block->global ? block->global[row] : block->first + row;
}

/* Heights of a row. */
static inline const PetscReal *BrenierBlockHeights(const BrenierBlock *block, BrenierBlockRow row)
{
  return block->row + (size_t)row * block->width;
}

/* Which of the coordinates are those of a row. */
static inline PetscInt BrenierBlockPlace(const BrenierBlock *block, BrenierBlockRow row)
{
  return block->in_place ? BrenierBlockGlobal(block, row) - block->origin : row;
}

/* Normalised coordinates of a row, in y. */
static inline const PetscReal *BrenierBlockPoint(const BrenierBlock *block, BrenierBlockRow row, PetscReal y[])
{
  return BrenierPoint(&block->y, BrenierBlockPlace(block, row), y);
}

typedef struct {
  /* parameters */
  BrenierTargets       targets; /* borrowed */
  BrenierNodes         nodes;   /* theirs */
  BrenierTileKind      kind;    /* of the curves */
  BrenierTileAllowance most;    /* of all targets; set by the caller, for the next user of the cache */
  PetscMPIInt          n_nodes;
  PetscBool            in_place; /* coordinates are read where the targets have them; else: */
  size_t               columns;  /* of coordinates, behind a row that travels, or cached beside it */
  size_t               width;    /* of a row */
  PetscBool            caches_tiles, shares_tiles, caches_rows;
  PetscMPIInt          rank, size;
  /* layout, of each rank's block: shape [size + 1] */
  PetscInt *first_row, *first_tile;
  /* data */
  BrenierGlobal     *global; /* of all rows, where they are not those of all targets; or NULL */
  BrenierShared      rows;   /* of all blocks, in the order of the ranks */
  BrenierShared      coordinates;
  BrenierPackedTile *tile; /* of all blocks, or one for any; NULL before a scan asks for one */
  PetscInt           n_tiles;
  BrenierShared      packed; /* what the tiles point into, where the node shares them */
  BrenierRing        ring;   /* of rows that are not cached */
  /* status of a round */
  PetscBool      complete; /* once all rows have come */
  PetscMPIInt    step, at; /* present node, counted back from this one, and the rank within it */
  PetscInt       n_requests;
  MPI_Request   *request;
  MPI_Datatype   row_type, coordinates_type;
  PetscLogDouble bytes; /* sent by this rank so far */
} BrenierBlocks;

/* The blocks of the last scan of all targets, ready for the next. */
struct _p_BrenierScanCache {
  BrenierTargets targets; /* borrowed */
  BrenierBlocks *blocks;  /* owned; NULL for none */
};

/* Collective on the targets' communicator. n_rows: of this rank. Where memory is short, the cache is cleared. If shared
   memory is not available, the nodes of the targets are separated: every rank becomes a node of its own. */
PetscErrorCode BrenierBlocksCreate(BrenierScanCache cache, BrenierTileKind kind, PetscInt n_rows,
                                   BrenierBlocks *blocks);

/* Sets the targets of the rows, where they are not all targets in their order: those of this rank are first +
   target[row]. Collective. 4 bytes a row of all ranks. */
PetscErrorCode BrenierBlocksNumber(BrenierBlocks *blocks, BrenierGlobal first, const BrenierLocal target[]);

/* Fills in the rows of this rank before a round, unless an earlier round did: of all its targets, or where target is
   not NULL of target[row]. lower, upper: of this rank's targets; NULL for none. */
PetscErrorCode BrenierBlocksFill(BrenierBlocks *blocks, const BrenierLocal target[], const PetscReal lower[],
                                 const PetscReal upper[]);

/* Returns the next block of a round; *more = PETSC_FALSE after the last. Collective. The block is valid until the next
   call. */
PetscErrorCode BrenierBlocksStep(BrenierBlocks *blocks, PetscBool *more, BrenierBlock *block);

/* Tiles of the present block, from tile `first` on: all of them; without caches_tiles a single one, valid until the
   next call. Threads pack them. The first call is collective. */
PetscErrorCode BrenierBlocksTiles(BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, PetscInt *n,
                                  const BrenierPackedTile **tile);

PetscErrorCode BrenierBlocksDestroy(BrenierBlocks *blocks);

/*
  BrenierBlocksFromCache, BrenierBlocksToCache - Packed targets from one scan of all targets to the next

  Collective. ToCache takes over the blocks: the cache keeps them if all ranks are on one node and tiles are cached, and
  destroys them otherwise. FromCache returns them for curves of the same kind, with other heights: lower
  and upper of the targets of this rank, in the order of their rows. *found = PETSC_FALSE if the cache has none.
*/
PetscErrorCode BrenierBlocksFromCache(BrenierScanCache cache, BrenierTileKind kind, const PetscReal lower[],
                                      const PetscReal upper[], BrenierBlocks *blocks, PetscBool *found);
PetscErrorCode BrenierBlocksToCache(BrenierScanCache cache, BrenierBlocks *blocks);
