/* transport.c - Implements transport.h. */
#include <brenier/base.h>
#include <brenier/envelope.h>
#include <brenier/tile.h>
#include <brenier/transport.h>

#include "data/ring.h"

#include <petscsf.h>

enum { BRENIER_POINTS_AT_ONCE = 8192, BRENIER_POINT_TARGETS = 4096 };

/* The best target found for each point of a group. */
typedef struct {
  /* parameters */
  size_t           dim;
  const PetscReal *x; /* points of the group */
  /* data */
  BrenierTileCurves  tile;
  BrenierTileTargets targets;
  PetscReal         *best;  /* shape [group], normalised units */
  PetscInt64        *index; /* of the group */
  const PetscReal   *row;   /* targets being scanned: coordinates and height */
  PetscInt           row_target;
} PointScan;

static void VisitPoint(void *context, size_t i, size_t count, const int32_t target[])
{
  PointScan *const scan   = context;
  const size_t     stride = scan->dim + 1;

  for (size_t k = 0; k < count; ++k) {
    const PetscReal *row   = scan->row + (size_t)target[k] * stride;
    const PetscReal  value = BrenierDot(scan->dim, scan->x + i * scan->dim, row) + row[scan->dim];
    const PetscInt64 index = scan->row_target + target[k];

    if (value > scan->best[i] || (value == scan->best[i] && index < scan->index[i])) {
      scan->best[i]  = value;
      scan->index[i] = index;
    }
  }
  BrenierTileSetLevel(&scan->tile, i, scan->best[i], 0.0);
}

static void ScanPointBlock(PointScan *scan, size_t n_points, PetscInt first_target, PetscInt n, const PetscReal row[])
{
  const size_t stride = scan->dim + 1, at_once = BrenierTileCurvesAtOnce(&scan->tile);

  for (PetscInt t = 0; t < n; t += BRENIER_POINT_TARGETS) {
    const PetscInt count = PetscMin(BRENIER_POINT_TARGETS, n - t);

    scan->row        = row + (size_t)t * stride;
    scan->row_target = first_target + t;
    BrenierTileSetTargets(&scan->targets, (size_t)count, stride, scan->row, scan->row + scan->dim);
    for (size_t i = 0; i < n_points; i += at_once)
      BrenierTileScan(&scan->tile, i, PetscMin(at_once, n_points - i), &scan->targets, VisitPoint, scan);
  }
}

/* All targets meet one group of points, n of them on this rank. */
static PetscErrorCode ScanGroup(PointScan *scan, BrenierTargets t, const PetscScalar h[], BrenierRing *ring, PetscInt n)
{
  PetscReal  *own = ring->block[ring->current], *row;
  PetscBool   more;
  PetscMPIInt owner;
  PetscInt    n_rows;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    BrenierTileSetCurve(&scan->tile, (size_t)i, scan->x + (size_t)i * scan->dim, NULL, 0);
    scan->best[i]  = -PETSC_INFINITY;
    scan->index[i] = t->n;
  }
  for (PetscInt i = 0; i < t->n_local; ++i) {
    for (size_t k = 0; k < scan->dim; ++k)
      own[(size_t)i * (scan->dim + 1) + k] = (t->y[(size_t)i * scan->dim + k] - t->centre[k]) / t->unit;
    own[(size_t)i * (scan->dim + 1) + scan->dim] = h[i] / t->unit;
  }
  while (PETSC_TRUE) {
    PetscCall(BrenierRingStep(ring, &more, &owner, &n_rows, &row));
    if (!more) break;
    ScanPointBlock(scan, (size_t)n, t->layout->range[owner], n_rows, row);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Brings the coordinates of targets `index` from their owners. */
static PetscErrorCode FetchCodes(BrenierTargets t, PetscInt n, const PetscInt64 index[], PetscReal code[])
{
  MPI_Datatype row;
  PetscSF      sf;
  PetscInt    *leaf;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &leaf));
  for (PetscInt i = 0; i < n; ++i) leaf[i] = (PetscInt)index[i];
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)t->dim, MPIU_REAL, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, t->layout, n, NULL, PETSC_OWN_POINTER, leaf));
  PetscCall(PetscSFBcastBegin(sf, row, t->y, code, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, row, t->y, code, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree(leaf));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreatePointScan(BrenierTargets t, PointScan *scan)
{
  int failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(scan, sizeof *scan));
  scan->dim = (size_t)t->dim;
  PetscCall(PetscMalloc1(BRENIER_POINTS_AT_ONCE, &scan->best));
  failed = BrenierTileCurvesAlloc(BRENIER_TILE_POINT, BRENIER_POINTS_AT_ONCE, scan->dim, &scan->tile);
  failed = BrenierTileTargetsAlloc(BRENIER_POINT_TARGETS, scan->dim, &scan->targets) || failed;
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

PetscErrorCode BrenierTransportApply(BrenierTargets t, Vec height, PetscInt n, const PetscReal x[], PetscInt64 index[],
                                     PetscReal potential[], PetscReal code[])
{
  BrenierRing        ring;
  PointScan          scan;
  PetscInt           most, wants_code = code != NULL;
  const PetscScalar *h;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  // A rank without points has no array to fill, but takes part
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &wants_code, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(CreatePointScan(t, &scan));
  PetscCall(BrenierRingCreate(t->comm, t->n_local, scan.dim + 1, PETSC_FALSE, &ring));
  PetscCall(VecGetArrayRead(height, &h));
  for (PetscInt i = 0; i < most; i += BRENIER_POINTS_AT_ONCE) {
    const PetscInt from = PetscMin(i, n), count = PetscMin(BRENIER_POINTS_AT_ONCE, n - from);

    scan.x     = x + (size_t)from * scan.dim;
    scan.index = index + from;
    PetscCall(ScanGroup(&scan, t, h, &ring, count));
    for (PetscInt k = 0; potential && k < count; ++k)
      potential[from + k] = scan.best[k] * t->unit + BrenierDot(scan.dim, scan.x + (size_t)k * scan.dim, t->centre);
  }
  PetscCall(VecRestoreArrayRead(height, &h));
  PetscCall(BrenierRingDestroy(&ring));
  PetscCall(DestroyPointScan(&scan));
  if (wants_code) PetscCall(FetchCodes(t, n, index, code));
  PetscFunctionReturn(PETSC_SUCCESS);
}
