/*
  blocks.h - The targets of a scan, block by block: those of one rank at a time, as rows and packed for the kernel.

  While packed targets and rows fit (512 MiB a rank, a node's rows shared by its ranks), a node keeps one copy of the
  rows, in memory that its ranks share. Each rank fills in its own. Those of other nodes pass round a ring of nodes,
  each block once a node, while the products with the blocks before them are under way; ranks of one node send each
  other nothing. What has come is kept from round to round. Rows that do not fit pass round a ring of ranks in every
  round.
*/
#pragma once

#include <brenier/index.h>
#include <brenier/tile.h>
#include "data/ring.h"
#include "data/shared.h"

/* Columns of a row behind its coordinates. */
enum { BRENIER_ROW_LOWER, BRENIER_ROW_UPPER, BRENIER_ROW_COLUMNS };

enum { BRENIER_TARGETS_AT_ONCE = 16384 };

/* Targets as the kernel reads them, and their low heights, rounded down: what candidates begin with, side by side. */
typedef struct {
  BrenierTileTargets targets;
  float             *lower;
  PetscInt           first_row; /* in the block */
} BrenierPackedTile;

/* The targets of one rank. */
typedef struct {
  PetscMPIInt          owner;
  PetscInt             n, n_tiles;
  const PetscReal     *row;
  BrenierGlobal        first;  /* global number of its first row, where all targets come; ... */
  const BrenierGlobal *global; /* ... those of its rows, where some do; or NULL */
} BrenierBlock;

/* Global number of a row's target. */
static inline BrenierGlobal BrenierBlockGlobal(const BrenierBlock *block, BrenierBlockRow row)
{
  return block->global ? block->global[row] : block->first + row;
}

typedef struct {
  /* parameters */
  BrenierNodes         nodes; /* borrowed */
  BrenierTileKind      kind;  /* of the curves */
  BrenierTileAllowance most;  /* of all targets; the caller's, for whoever takes the blocks */
  size_t               dim, width;
  PetscBool            caches_tiles, caches_rows;
  PetscMPIInt          rank, size;
  /* layout, of each rank's block: shape [size + 1] */
  PetscInt *first_row, *first_tile;
  /* data */
  BrenierGlobal     *global; /* of all rows, where they are not those of all targets; or NULL */
  BrenierShared      rows;   /* of all blocks, in the order of the ranks */
  BrenierPackedTile *tile;   /* of all blocks, or one for any */
  PetscInt           n_tiles;
  BrenierRing        ring; /* of rows that are not kept */
  /* status of a round */
  PetscBool      complete; /* once all rows have come */
  PetscMPIInt    step, at; /* node at hand, counted back from this one, and the rank among its */
  PetscInt       n_requests;
  MPI_Request   *request;
  MPI_Datatype   row_type;
  PetscLogDouble bytes; /* sent by this rank so far */
} BrenierBlocks;

/* Collective on the nodes' communicator. n_rows: this rank's. When the node's memory is not to be had, *nodes changes:
   every rank is a node of its own from then on. */
PetscErrorCode BrenierBlocksCreate(BrenierNodes *nodes, BrenierTileKind kind, PetscInt n_rows, size_t dim,
                                   BrenierBlocks *blocks);

/* Says which targets the rows belong to, where they are not all targets in their order: this rank's are first +
   target[row]. Collective. 4 bytes a row of all ranks. */
PetscErrorCode BrenierBlocksNumber(BrenierBlocks *blocks, BrenierGlobal first, const BrenierLocal target[]);

/* Where this rank's rows go before a round, shape [n_rows, dim + BRENIER_ROW_COLUMNS]; NULL when they are there from an
   earlier one. */
PetscReal *BrenierBlocksOwn(BrenierBlocks *blocks);

/* Hands out the next block of a round; *more = PETSC_FALSE after the last. Collective. Call it again when done with the
   block. */
PetscErrorCode BrenierBlocksStep(BrenierBlocks *blocks, PetscBool *more, BrenierBlock *block);

/* Tiles of the block at hand, from tile `first` on: all that there are, or one, without caches_tiles, which lasts until
   the next is asked for. Threads pack them. */
PetscErrorCode BrenierBlocksTiles(BrenierBlocks *blocks, const BrenierBlock *block, PetscInt first, PetscInt *n,
                                  const BrenierPackedTile **tile);

PetscErrorCode BrenierBlocksDestroy(BrenierBlocks *blocks);

/*
  BrenierBlocksFromCache, BrenierBlocksToCache - From one scan of all targets to the next, packed as they are

  Collective. Keep destroys the blocks, or leaves them with the nodes for as long as the targets live, where all ranks
  are on one node and they take no more than 128 MiB a rank. Take gives them back for curves of the same kind with other
  heights, low and cap of this rank's targets in the order of their rows; *found = PETSC_FALSE where none are kept.
*/
PetscErrorCode BrenierBlocksFromCache(BrenierNodes nodes, BrenierTileKind kind, const PetscReal lower[],
                                      const PetscReal upper[], BrenierBlocks *blocks, PetscBool *found);
PetscErrorCode BrenierBlocksToCache(BrenierNodes nodes, BrenierBlocks *blocks);
