/* transport.c - Implements transport.h. */
#include <brenier/base.h>
#include <brenier/device.h>
#include <brenier/dot.h>
#include <brenier/tile.h>
#include <brenier/transport.h>

#include "device/device_scan.h"
#include "dual/blocks.h"

enum { BRENIER_POINTS_AT_ONCE = 8192, BRENIER_POINT_TARGETS = 4096 };

/* The best targets found for each point of a group, best first; ties to the lowest index. */
typedef struct {
  /* parameters */
  size_t           dim;
  size_t           keep;   /* how many of a point */
  const PetscReal *x;      /* points of the group */
  BrenierDevice   *device; /* that scans, or NULL */
  /* data */
  BrenierTileCurves tile;
  PetscReal        *best;  /* shape [group, keep], normalised units */
  PetscInt64       *index; /* of the group, the same shape */
  BrenierBlock      block; /* targets being scanned, ... */
  BrenierBlockRow   first; /* ... from this row on */
  PetscReal        *y;     /* of a target, shape [dim] */
} PointScan;

static void InsertTarget(PointScan *scan, size_t i, PetscReal value, PetscInt64 target)
{
  PetscReal  *best  = scan->best + i * scan->keep;
  PetscInt64 *index = scan->index + i * scan->keep;
  size_t      place = scan->keep;

  while (place > 0 && (value > best[place - 1] || (value == best[place - 1] && target < index[place - 1]))) --place;
  if (place == scan->keep) return;
  for (size_t k = scan->keep - 1; k > place; --k) {
    best[k]  = best[k - 1];
    index[k] = index[k - 1];
  }
  best[place]  = value;
  index[place] = target;
}

static void VisitPoint(void *context, size_t i, const BrenierTileFound *found)
{
  const size_t        ahead = 4; // rows are visited in no order that the hardware would guess
  PointScan *const    scan  = context;
  const BrenierBlock *block = &scan->block;

  for (size_t k = 0; k < found->n; ++k) {
    const BrenierBlockRow row = scan->first + found->target[k];
    PetscReal             value;

    if (k + ahead < found->n)
      BrenierPointPrefetch(&block->y, BrenierBlockPlace(block, scan->first + found->target[k + ahead]));
    value = BrenierDot(scan->dim, scan->x + i * scan->dim, BrenierBlockPoint(block, row, scan->y));
    value += BrenierBlockHeights(block, row)[BRENIER_ROW_UPPER];
    InsertTarget(scan, i, value, BrenierBlockGlobal(block, row));
  }
  BrenierTileSetLevel(&scan->tile, i, scan->best[(i + 1) * scan->keep - 1], 0.0);
}

static void VisitPointOnDevice(void *scan, size_t tile, size_t i, const BrenierTileFound *found)
{
  (void)tile; // there is one
  VisitPoint(scan, i, found);
}

/* Scans packed targets, the first of which is row `first` of scan->block, with all points. */
static void ScanPackedTargets(PointScan *scan, const BrenierTileTargets *targets, PetscInt first, size_t n_points)
{
  void *const              context = scan;
  const BrenierDeviceRound round   = {
        .n_tiles = 1, .tile = &targets, .n_threads = 1, .context = &context, .visit = VisitPointOnDevice};

  scan->first = (BrenierBlockRow)first;
  if (scan->device) BrenierDeviceScan(scan->device, &round);
  else BrenierTileScan(&scan->tile, 0, n_points, targets, VisitPoint, scan);
}

/* Enters the points of a group; nothing is known of their cells. `none` is an index above all others. */
static void SetPoints(PointScan *scan, PetscInt n, PetscInt64 none)
{
  for (PetscInt i = 0; i < n; ++i) {
    BrenierTileSetCurve(&scan->tile, (size_t)i, scan->x + (size_t)i * scan->dim, NULL, 0);
    for (size_t k = (size_t)i * scan->keep; k < ((size_t)i + 1) * scan->keep; ++k) {
      scan->best[k]  = -PETSC_INFINITY;
      scan->index[k] = none;
    }
  }
  if (scan->device) BrenierDeviceBegin(scan->device, &scan->tile, (size_t)n);
}

/* Scans all targets with one group of points, n of them on this rank. h: normalised heights of this rank's targets. */
static PetscErrorCode ScanGroup(PointScan *scan, PetscInt n_targets, const PetscReal h[], BrenierBlocks *blocks,
                                PetscInt n)
{
  PetscBool                more;
  PetscInt                 n_tiles;
  const BrenierPackedTile *tile;

  PetscFunctionBegin;
  SetPoints(scan, n, n_targets);
  PetscCall(BrenierBlocksFill(blocks, NULL, h, h));
  while (PETSC_TRUE) {
    PetscCall(BrenierBlocksStep(blocks, &more, &scan->block));
    if (!more) break;
    for (PetscInt k = 0; k < scan->block.n_tiles; k += n_tiles) {
      PetscCall(BrenierBlocksTiles(blocks, &scan->block, k, &n_tiles, &tile));
      for (PetscInt l = 0; l < n_tiles; ++l) ScanPackedTargets(scan, &tile[l].targets, tile[l].first_row, (size_t)n);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for so many points and `keep` targets of each. */
static PetscErrorCode CreatePointScan(BrenierTargets t, PetscInt n_points, PetscInt keep, PointScan *scan)
{
  int failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(scan, sizeof *scan));
  scan->dim    = (size_t)t->dim;
  scan->keep   = (size_t)keep;
  scan->device = BrenierDeviceOf(t->comm);
  PetscCall(PetscMalloc2((size_t)n_points * scan->keep, &scan->best, scan->dim, &scan->y));
  failed = BrenierTileCurvesAlloc(BRENIER_TILE_POINT, (size_t)n_points, scan->dim, &scan->tile);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a group of points");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyPointScan(PointScan *scan)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(scan->best, scan->y));
  BrenierTileCurvesFree(&scan->tile);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The value of u, or of a plane, from `best` of a point. */
static PetscReal PlaneValue(BrenierTargets t, PetscReal best, const PetscReal x[])
{
  return best * t->unit + BrenierDot((size_t)t->dim, x, t->centre);
}

/* `count` points from the first on, in double: where they lie, or in `work`. */
static const PetscReal *PointsOf(const BrenierCoordinates *x, PetscInt first, PetscInt count, PetscReal work[])
{
  if (count == 0 || (!x->single && !x->origin)) return x->value ? x->value + (size_t)first * (size_t)x->dim : NULL;
  for (PetscInt i = 0; i < count; ++i) (void)BrenierPoint(x, first + i, work + (size_t)i * (size_t)x->dim);
  return work;
}

/* As BrenierTransportNearest(), of points in any precision. */
static PetscErrorCode FindNearest(BrenierTargets t, Vec height, PetscInt keep, const BrenierCoordinates *x,
                                  PetscInt64 index[], PetscReal value[])
{
  const PetscInt     n = x->n;
  PetscReal         *group; // points in double
  BrenierScanCache   none;
  BrenierBlocks      blocks;
  PointScan          scan;
  PetscInt           most;
  PetscReal         *h;
  const PetscScalar *given;
  BrenierProgress    progress;
  PetscErrorCode     stop = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCheck(keep >= 1 && keep <= t->n, t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PetscInt_FMT " of %" PetscInt_FMT " targets asked for", keep, t->n);
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(CreatePointScan(t, BRENIER_POINTS_AT_ONCE, keep, &scan));
  PetscCall(BrenierScanCacheCreate(t, &none));
  PetscCall(BrenierBlocksCreate(none, BRENIER_TILE_POINT, t->n_local, &blocks));
  PetscCall(PetscMalloc1((size_t)PetscMin(n, BRENIER_POINTS_AT_ONCE) * scan.dim, &group));
  PetscCall(PetscMalloc1(t->n_local, &h));
  PetscCall(VecGetArrayRead(height, &given));
  for (PetscInt i = 0; i < t->n_local; ++i) h[i] = given[i] / t->unit;
  PetscCall(VecRestoreArrayRead(height, &given));
  PetscCall(BrenierProgressBegin(&progress, t->comm, "cells of points"));
  for (PetscInt i = 0; i < most; i += BRENIER_POINTS_AT_ONCE) {
    const PetscInt from = PetscMin(i, n), count = PetscMin(BRENIER_POINTS_AT_ONCE, n - from);

    stop = BrenierStopHere(t->comm);
    if (stop) break;
    scan.x     = PointsOf(x, from, count, group);
    scan.index = index + (size_t)from * scan.keep;
    PetscCall(ScanGroup(&scan, t->n, h, &blocks, count));
    for (size_t k = 0; value && k < (size_t)count * scan.keep; ++k)
      value[(size_t)from * scan.keep + k] = PlaneValue(t, scan.best[k], scan.x + k / scan.keep * scan.dim);
    PetscCall(BrenierProgressUpdate(&progress, (PetscReal)i + BRENIER_POINTS_AT_ONCE, (PetscReal)most));
  }
  PetscCall(PetscFree(h));
  PetscCall(PetscFree(group));
  PetscCall(BrenierBlocksDestroy(&blocks));
  PetscCall(BrenierScanCacheDestroy(&none));
  PetscCall(DestroyPointScan(&scan));
  PetscCall(BrenierDeviceCheck(t->comm));
  PetscFunctionReturn(stop);
}

PetscErrorCode BrenierTransportNearestHeights(BrenierTargets t, const PetscReal origin[], Vec *h)
{
  BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal         *work;
  PetscScalar       *v;

  PetscFunctionBegin;
  points.origin = origin;
  PetscCall(BrenierTargetsCreateVec(t, h));
  PetscCall(PetscMalloc1(t->dim, &work));
  PetscCall(VecGetArrayWrite(*h, &v));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = BrenierPoint(&points, i, work);

    v[i] = -0.5 * BrenierDot((size_t)t->dim, y, y);
  }
  PetscCall(VecRestoreArrayWrite(*h, &v));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportNearest(BrenierTargets t, Vec height, PetscInt keep, PetscInt n, const PetscReal x[],
                                       PetscInt64 index[], PetscReal value[])
{
  const BrenierCoordinates points = BrenierCoordinatesOf(n, t->dim, x);

  PetscFunctionBegin;
  PetscFunctionReturn(FindNearest(t, height, keep, &points, index, value));
}

PetscErrorCode BrenierTransportCells(BrenierTargets t, Vec h, const BrenierCoordinates *x, PetscInt64 index[])
{
  PetscFunctionBegin;
  PetscFunctionReturn(FindNearest(t, h, 1, x, index, NULL));
}

PetscErrorCode BrenierTransportApply(BrenierTargets t, Vec h, PetscInt n, const PetscReal x[], PetscInt64 index[],
                                     PetscReal potential[], PetscReal code[])
{
  PetscInt wants_code = code != NULL;

  PetscFunctionBegin;
  // A rank without points has no array to fill, but takes part
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &wants_code, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(BrenierTransportNearest(t, h, 1, n, x, index, potential));
  if (wants_code) PetscCall(BrenierTargetsFetch(t, n, index, code));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The best target of a point among those of one rank; the form of MPI_DOUBLE_INT. Ranks hold increasing targets, so the
   lowest rank of equal values holds the lowest index. */
typedef struct {
  double value;
  int    rank;
} BestOfRank;

struct _p_BrenierTransport {
  /* parameters */
  BrenierTargets targets;  /* borrowed */
  PetscInt       at_once;  /* points that a rank sends at once */
  PetscInt       capacity; /* the same of all ranks */
  /* layout */
  PetscMPIInt  rank, size;
  MPI_Datatype point;
  PetscMPIInt *n_points, *first_point; /* of each rank's part of a batch, shape [size] */
  /* data, owned */
  PetscReal          *row;   /* normalised heights, shape [n_local, BRENIER_ROW_COLUMNS] */
  PetscReal          *x;     /* points of a group from all ranks, shape [capacity, dim] */
  PetscInt64         *index; /* shape [capacity] */
  BestOfRank         *best;  /* shape [capacity] */
  PetscInt            n_tiles;
  BrenierTileTargets *tile; /* this rank's targets, packed: shape [n_tiles] of BRENIER_POINT_TARGETS each */
  PointScan           scan;
};

/* This rank's targets as a block, of height 0. */
static PetscErrorCode PackTargets(BrenierTransport s)
{
  const BrenierTargets t     = s->targets;
  BrenierBlock        *block = &s->scan.block;

  PetscFunctionBegin;
  s->n_tiles = (t->n_local + BRENIER_POINT_TARGETS - 1) / BRENIER_POINT_TARGETS;
  PetscCall(PetscCalloc1((size_t)t->n_local * BRENIER_ROW_COLUMNS, &s->row));
  PetscCall(PetscCalloc1(s->n_tiles, &s->tile));
  *block = (BrenierBlock){.n     = t->n_local,
                          .row   = s->row,
                          .width = BRENIER_ROW_COLUMNS,
                          .first = t->first,
                          .y     = BrenierTargetsCoordinates(t, PETSC_TRUE)};
  for (PetscInt k = 0; k < s->n_tiles; ++k) {
    const PetscInt first = k * BRENIER_POINT_TARGETS, count = PetscMin(BRENIER_POINT_TARGETS, t->n_local - first);

    PetscCheck(!BrenierTileTargetsAlloc(BRENIER_TILE_POINT, (size_t)count, (size_t)t->dim, &s->tile[k]),
               PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for packed targets");
    BrenierTileBeginTargets(&s->tile[k], (size_t)count);
    for (PetscInt i = 0; i < count; ++i) {
      BrenierTileSetTarget(&s->tile[k], (size_t)i, BrenierBlockPoint(block, (BrenierBlockRow)(first + i), s->scan.y));
      BrenierTileSetHeight(&s->tile[k], (size_t)i, 0.0);
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportCreate(BrenierTargets t, PetscInt n, BrenierTransport *transport)
{
  BrenierTransport s;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  s->targets = t;
  PetscCallMPI(MPI_Comm_rank(t->comm, &s->rank));
  PetscCallMPI(MPI_Comm_size(t->comm, &s->size));
  s->at_once  = (PetscMax(n, 1) + s->size - 1) / s->size;
  s->capacity = s->at_once * s->size;
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)t->dim, MPIU_REAL, &s->point));
  PetscCallMPI(MPI_Type_commit(&s->point));
  PetscCall(PetscMalloc2(s->size, &s->n_points, s->size, &s->first_point));
  PetscCall(PetscMalloc3((size_t)s->capacity * (size_t)t->dim, &s->x, s->capacity, &s->index, s->capacity, &s->best));
  PetscCall(CreatePointScan(t, s->capacity, 1, &s->scan));
  PetscCall(PackTargets(s));
  s->scan.x     = s->x;
  s->scan.index = s->index;
  *transport    = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportSetHeights(BrenierTransport s, Vec height)
{
  const PetscScalar *h;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(height, &h));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    const PetscReal normalised = h[i] / s->targets->unit;

    s->row[(size_t)i * BRENIER_ROW_COLUMNS + BRENIER_ROW_UPPER] = normalised;
    BrenierTileSetHeight(&s->tile[i / BRENIER_POINT_TARGETS], (size_t)(i % BRENIER_POINT_TARGETS), normalised);
  }
  PetscCall(VecRestoreArrayRead(height, &h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points of all ranks, n of them here and *n_all together, not more than there is room for. */
static PetscErrorCode GatherPoints(BrenierTransport s, PetscInt n, const PetscReal x[], PetscInt *n_all)
{
  const PetscMPIInt mine = (PetscMPIInt)n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allgather(&mine, 1, MPI_INT, s->n_points, 1, MPI_INT, s->targets->comm));
  *n_all = 0;
  for (PetscMPIInt r = 0; r < s->size; ++r) {
    s->first_point[r] = (PetscMPIInt)*n_all;
    *n_all += s->n_points[r];
  }
  PetscCallMPI(MPI_Allgatherv(x, mine, s->point, s->x, s->n_points, s->first_point, s->point, s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Counts the n gathered points whose best target of all is this rank's. */
static PetscErrorCode CountGathered(BrenierTransport s, PetscInt n, PetscInt64 count[])
{
  PetscMPIInt n_mpi;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(n, &n_mpi));
  SetPoints(&s->scan, n, s->targets->n);
  for (PetscInt k = 0; k < s->n_tiles; ++k)
    ScanPackedTargets(&s->scan, &s->tile[k], k * BRENIER_POINT_TARGETS, (size_t)n);
  for (PetscInt i = 0; i < n; ++i) s->best[i] = (BestOfRank){s->scan.best[i], s->rank};
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->best, n_mpi, MPI_DOUBLE_INT, MPI_MAXLOC, s->targets->comm));
  for (PetscInt i = 0; i < n; ++i)
    if (s->best[i].rank == s->rank) ++count[s->index[i] - s->targets->first];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportCount(BrenierTransport s, PetscInt n, const PetscReal x[], PetscInt64 count[])
{
  PetscInt most, n_all = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, s->targets->comm));
  PetscCall(PetscArrayzero(count, s->targets->n_local));
  for (PetscInt i = 0; i < most; i += s->at_once) {
    const PetscInt from = PetscMin(i, n);

    PetscCall(GatherPoints(s, PetscMin(s->at_once, n - from), x + (size_t)from * s->scan.dim, &n_all));
    PetscCall(CountGathered(s, n_all, count));
  }
  PetscCall(BrenierDeviceCheck(s->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportDestroy(BrenierTransport *transport)
{
  BrenierTransport s = *transport;

  PetscFunctionBegin;
  if (!s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DestroyPointScan(&s->scan));
  for (PetscInt k = 0; k < s->n_tiles; ++k) BrenierTileTargetsFree(&s->tile[k]);
  PetscCall(PetscFree(s->tile));
  PetscCallMPI(MPI_Type_free(&s->point));
  PetscCall(PetscFree2(s->n_points, s->first_point));
  PetscCall(PetscFree(s->row));
  PetscCall(PetscFree3(s->x, s->index, s->best));
  PetscCall(PetscFree(s));
  *transport = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}
