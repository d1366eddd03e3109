/* transport.c - Implements transport.h. */
#include <brenier/base.h>
#include <brenier/device.h>
#include <brenier/dot.h>
#include <brenier/tile.h>
#include <brenier/transport.h>

#include "data/ring.h"
#include "device/device_scan.h"

enum { BRENIER_POINTS_AT_ONCE = 8192, BRENIER_POINT_TARGETS = 4096 };

/* The best targets found for each point of a group, best first; ties to the lowest index. */
typedef struct {
  /* parameters */
  size_t           dim;
  size_t           keep;   /* how many of a point */
  const PetscReal *x;      /* points of the group */
  BrenierDevice   *device; /* that scans, or NULL */
  /* data */
  BrenierTileCurves  tile;
  BrenierTileTargets targets;
  PetscReal         *best;  /* shape [group, keep], normalised units */
  PetscInt64        *index; /* of the group, the same shape */
  const PetscReal   *row;   /* targets being scanned: coordinates and height */
  PetscInt           row_target;
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
  PointScan *const scan   = context;
  const size_t     stride = scan->dim + 1;

  for (size_t k = 0; k < found->n; ++k) {
    const PetscReal *row   = scan->row + (size_t)found->target[k] * stride;
    const PetscReal  value = BrenierDot(scan->dim, scan->x + i * scan->dim, row) + row[scan->dim];

    InsertTarget(scan, i, value, (PetscInt64)scan->row_target + found->target[k]);
  }
  BrenierTileSetLevel(&scan->tile, i, scan->best[(i + 1) * scan->keep - 1], 0.0);
}

static void VisitPointOnDevice(void *scan, size_t tile, size_t i, const BrenierTileFound *found)
{
  (void)tile; // there is one
  VisitPoint(scan, i, found);
}

/* Scans packed targets, the first of which is scan->row_target, with all points. */
static void ScanPackedTargets(PointScan *scan, const BrenierTileTargets *targets, size_t n_points)
{
  void *const              context = scan;
  const BrenierDeviceRound round   = {
        .n_tiles = 1, .tile = &targets, .n_threads = 1, .context = &context, .visit = VisitPointOnDevice};

  if (scan->device) BrenierDeviceScan(scan->device, &round);
  else BrenierTileScan(&scan->tile, 0, n_points, targets, VisitPoint, scan);
}

static void ScanPointBlock(PointScan *scan, size_t n_points, PetscInt first_target, PetscInt n, const PetscReal row[])
{
  const size_t stride = scan->dim + 1;

  for (PetscInt t = 0; t < n; t += BRENIER_POINT_TARGETS) {
    const PetscInt count = PetscMin(BRENIER_POINT_TARGETS, n - t);

    scan->row        = row + (size_t)t * stride;
    scan->row_target = first_target + t;
    BrenierTileSetTargets(&scan->targets, (size_t)count, stride, scan->row, scan->row + scan->dim);
    ScanPackedTargets(scan, &scan->targets, n_points);
  }
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

/* Coordinates and height of this rank's target i in the units of the scan, shape [dim + 1]. */
static void SetRow(BrenierTargets t, PetscInt i, PetscReal h, PetscReal row[])
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_TRUE);

  (void)BrenierPoint(&y, i, row);
  row[t->dim] = h / t->unit;
}

/* Scans all targets with one group of points, n of them on this rank. */
static PetscErrorCode ScanGroup(PointScan *scan, BrenierTargets t, const PetscScalar h[], BrenierRing *ring, PetscInt n)
{
  PetscReal  *own = ring->block[ring->current], *row;
  PetscBool   more;
  PetscMPIInt owner;
  PetscInt    n_rows;

  PetscFunctionBegin;
  SetPoints(scan, n, t->n);
  for (PetscInt i = 0; i < t->n_local; ++i) SetRow(t, i, h[i], own + (size_t)i * (scan->dim + 1));
  while (PETSC_TRUE) {
    PetscCall(BrenierRingStep(ring, &more, &owner, &n_rows, &row));
    if (!more) break;
    ScanPointBlock(scan, (size_t)n, t->layout->range[owner], n_rows, row);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for so many points, `keep` targets of each, and so many targets at once. */
static PetscErrorCode CreatePointScan(BrenierTargets t, PetscInt n_points, PetscInt n_targets, PetscInt keep,
                                      PointScan *scan)
{
  int failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(scan, sizeof *scan));
  scan->dim    = (size_t)t->dim;
  scan->keep   = (size_t)keep;
  scan->device = BrenierDeviceOf(t->comm);
  PetscCall(PetscMalloc1((size_t)n_points * scan->keep, &scan->best));
  failed = BrenierTileCurvesAlloc(BRENIER_TILE_POINT, (size_t)n_points, scan->dim, &scan->tile);
  failed = BrenierTileTargetsAlloc(BRENIER_TILE_POINT, (size_t)n_targets, scan->dim, &scan->targets) || failed;
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a group of points");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyPointScan(PointScan *scan)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(scan->best));
  BrenierTileCurvesFree(&scan->tile);
  BrenierTileTargetsFree(&scan->targets);
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
  BrenierRing        ring;
  PointScan          scan;
  PetscInt           most;
  const PetscScalar *h;
  BrenierProgress    progress;
  PetscErrorCode     stop = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCheck(keep >= 1 && keep <= t->n, t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PetscInt_FMT " of %" PetscInt_FMT " targets asked for", keep, t->n);
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(CreatePointScan(t, BRENIER_POINTS_AT_ONCE, BRENIER_POINT_TARGETS, keep, &scan));
  PetscCall(BrenierRingCreate(t->comm, t->n_local, scan.dim + 1, PETSC_FALSE, &ring));
  PetscCall(PetscMalloc1((size_t)PetscMin(n, BRENIER_POINTS_AT_ONCE) * scan.dim, &group));
  PetscCall(VecGetArrayRead(height, &h));
  PetscCall(BrenierProgressBegin(&progress, t->comm, "cells of points"));
  for (PetscInt i = 0; i < most; i += BRENIER_POINTS_AT_ONCE) {
    const PetscInt from = PetscMin(i, n), count = PetscMin(BRENIER_POINTS_AT_ONCE, n - from);

    stop = BrenierStopHere(t->comm);
    if (stop) break;
    scan.x     = PointsOf(x, from, count, group);
    scan.index = index + (size_t)from * scan.keep;
    PetscCall(ScanGroup(&scan, t, h, &ring, count));
    for (size_t k = 0; value && k < (size_t)count * scan.keep; ++k)
      value[(size_t)from * scan.keep + k] = PlaneValue(t, scan.best[k], scan.x + k / scan.keep * scan.dim);
    PetscCall(BrenierProgressUpdate(&progress, (PetscReal)i + BRENIER_POINTS_AT_ONCE, (PetscReal)most));
  }
  PetscCall(VecRestoreArrayRead(height, &h));
  PetscCall(PetscFree(group));
  PetscCall(BrenierRingDestroy(&ring));
  PetscCall(DestroyPointScan(&scan));
  PetscCall(BrenierDeviceCheck(t->comm));
  PetscFunctionReturn(stop);
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
  PetscReal          *row;   /* shape [n_local, dim + 1], normalised */
  PetscReal          *x;     /* points of a group from all ranks, shape [capacity, dim] */
  PetscInt64         *index; /* shape [capacity] */
  BestOfRank         *best;  /* shape [capacity] */
  PetscInt            n_tiles;
  BrenierTileTargets *tile; /* this rank's targets, packed: shape [n_tiles] of BRENIER_POINT_TARGETS each */
  PointScan           scan;
};

static PetscErrorCode PackTargets(BrenierTransport s)
{
  const BrenierTargets t      = s->targets;
  const size_t         stride = (size_t)t->dim + 1;

  PetscFunctionBegin;
  s->n_tiles = (t->n_local + BRENIER_POINT_TARGETS - 1) / BRENIER_POINT_TARGETS;
  PetscCall(PetscMalloc1((size_t)t->n_local * stride, &s->row));
  PetscCall(PetscCalloc1(s->n_tiles, &s->tile));
  for (PetscInt i = 0; i < t->n_local; ++i) SetRow(t, i, 0.0, s->row + (size_t)i * stride);
  for (PetscInt k = 0; k < s->n_tiles; ++k) {
    const PetscInt   first = k * BRENIER_POINT_TARGETS, count = PetscMin(BRENIER_POINT_TARGETS, t->n_local - first);
    const PetscReal *row = s->row + (size_t)first * stride;

    PetscCheck(!BrenierTileTargetsAlloc(BRENIER_TILE_POINT, (size_t)count, (size_t)t->dim, &s->tile[k]),
               PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for packed targets");
    BrenierTileSetTargets(&s->tile[k], (size_t)count, stride, row, row + t->dim);
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
  PetscCall(CreatePointScan(t, s->capacity, 0, 1, &s->scan));
  PetscCall(PackTargets(s));
  s->scan.x     = s->x;
  s->scan.index = s->index;
  *transport    = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportSetHeights(BrenierTransport s, Vec height)
{
  const size_t       stride = (size_t)s->targets->dim + 1;
  const PetscScalar *h;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(height, &h));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    const PetscReal normalised = h[i] / s->targets->unit;

    s->row[(size_t)i * stride + stride - 1] = normalised;
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
  for (PetscInt k = 0; k < s->n_tiles; ++k) {
    s->scan.row        = s->row + (size_t)k * BRENIER_POINT_TARGETS * (s->scan.dim + 1);
    s->scan.row_target = s->targets->first + k * BRENIER_POINT_TARGETS;
    ScanPackedTargets(&s->scan, &s->tile[k], (size_t)n);
  }
  for (PetscInt i = 0; i < n; ++i) s->best[i] = (BestOfRank){s->scan.best[i], s->rank};
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s->best, n_mpi, MPI_DOUBLE_INT, MPI_MAXLOC, s->targets->comm));
  for (PetscInt i = 0; i < n; ++i)
    if (s->best[i].rank == s->rank) ++count[s->index[i] - s->targets->first];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTransportCount(BrenierTransport s, PetscInt n, const PetscReal x[], PetscInt64 count[])
{
  PetscInt most, n_all;

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
