/*
  lift.c - How far below u a plane lies: the least u - f_i over all curves, exact.

  On one piece of one curve u - f_i is the difference of two planes, whose least value is known in closed form. The targets in
  question travel round the ring with the least value found so far; raised by it, a plane that passes no test of the
  filter lies lower below u everywhere on that curve, so the curve is skipped. Every rank meets every such target.
*/
#include "dual_private.h"
#include "data/ring.h"

/* What lifts a plane beyond its gap, in parts of the mean gap and of the unit: enough to win a piece, not a neighbour's mass. */
static const PetscReal brenier_lift_beyond = 0.05, brenier_lift_least = 1e-3;

enum { BRENIER_GAP_CURVES = 960, BRENIER_GAP_TARGETS = 1024 };

typedef struct {
  /* parameters */
  BrenierDual dual;
  PetscInt    first; /* local curve of tile curve 0 */
  /* data */
  BrenierCurve      *curve;
  PetscReal         *z;
  BrenierTileCurves  tile;
  BrenierTileTargets targets;
  PetscReal         *row; /* targets being scanned: coordinates, height, gap */
} GapScan;

static PetscReal GapOnCurve(BrenierDual dual, PetscInt c, PetscReal a, PetscReal b, PetscReal h, PetscReal best)
{
  const BrenierPieces *pieces = &dual->pieces;

  for (PetscInt64 p = pieces->offset[c]; p < pieces->offset[c + 1]; ++p)
    best = PetscMin(best, BrenierDualLeast_Private(dual, pieces->a[p] - a, pieces->b[p] - b,
                                                   dual->leaf_height[pieces->target[p]] - h, pieces->start[p],
                                                   BrenierDualPieceEnd_Private(dual, c, p)));
  return best;
}

static void VisitGap(void *context, size_t c, size_t count, const int32_t target[])
{
  GapScan *const scan = context;
  const PetscInt dim  = scan->dual->source.dim;

  for (size_t i = 0; i < count; ++i) {
    PetscReal *row = scan->row + (size_t)target[i] * (dim + 2);
    PetscReal  a, b, gap;

    BrenierDualPlane_Private(scan->dual, &scan->curve[c], row, &a, &b);
    gap = GapOnCurve(scan->dual, scan->first + (PetscInt)c, a, b, row[dim], row[dim + 1]);
    if (gap < row[dim + 1]) BrenierTileSetHeight(&scan->targets, (size_t)target[i], row[dim] + gap);
    row[dim + 1] = gap;
  }
}

/* Draws local curves [first, first + n) and enters what their pieces tell about u. */
static void SetGapCurves(GapScan *scan, PetscInt first, PetscInt n)
{
  BrenierDual          dual   = scan->dual;
  const BrenierPieces *pieces = &dual->pieces;

  scan->first = first;
  for (PetscInt c = 0; c < n; ++c) {
    PetscReal  least = PETSC_MAX_REAL;
    PetscInt64 p     = pieces->offset[first + c];

    BrenierDualDraw_Private(dual, first + c, scan->z + (size_t)c * 2 * dual->source.dim, &scan->curve[c]);
    BrenierTileSetCurve(&scan->tile, (size_t)c, scan->curve[c].z1, scan->curve[c].z2, (int)scan->curve[c].axis);
    if (dual->curve_type == BRENIER_CURVE_CHORD)
      BrenierTileSetLevel(&scan->tile, (size_t)c, pieces->a[p] + dual->leaf_height[pieces->target[p]], pieces->b[p]);
    if (dual->curve_type != BRENIER_CURVE_CIRCLE) continue;
    for (; p < pieces->offset[first + c + 1]; ++p)
      least = PetscMin(least, BrenierCircleLeast(pieces->a[p], pieces->b[p], dual->leaf_height[pieces->target[p]],
                                                 pieces->start[p], BrenierDualPieceEnd_Private(dual, first + c, p)));
    BrenierTileSetLevel(&scan->tile, (size_t)c, least, 0.0);
  }
}

static PetscErrorCode ScanGapBlock(GapScan *scan, PetscInt n_curves, PetscInt n, PetscReal row[])
{
  const size_t stride = (size_t)scan->dual->source.dim + 2, at_once = BrenierTileCurvesAtOnce(&scan->tile);
  PetscReal   *raised;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(BRENIER_GAP_TARGETS * stride, &raised));
  for (PetscInt t = 0; t < n; t += BRENIER_GAP_TARGETS) {
    const PetscInt count = PetscMin(BRENIER_GAP_TARGETS, n - t);

    scan->row = row + (size_t)t * stride;
    for (PetscInt i = 0; i < count; ++i)
      raised[(size_t)i * stride] = scan->row[(size_t)i * stride + stride - 2] + scan->row[(size_t)i * stride + stride - 1];
    BrenierTileSetTargets(&scan->targets, (size_t)count, stride, scan->row, raised);
    for (size_t c = 0; c < (size_t)n_curves; c += at_once)
      BrenierTileScan(&scan->tile, c, PetscMin(at_once, (size_t)n_curves - c), &scan->targets, VisitGap, scan);
  }
  PetscCall(PetscFree(raised));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One round of the ring: all local curves meet each block in turn. */
static PetscErrorCode ScanGaps(GapScan *scan, BrenierRing *ring)
{
  PetscBool   more;
  PetscMPIInt owner;
  PetscInt    n;
  PetscReal  *row;

  PetscFunctionBegin;
  while (PETSC_TRUE) {
    PetscCall(BrenierRingStep(ring, &more, &owner, &n, &row));
    if (!more) break;
    for (PetscInt c = 0; n > 0 && c < scan->dual->n_local; c += BRENIER_GAP_CURVES) {
      const PetscInt count = PetscMin(BRENIER_GAP_CURVES, scan->dual->n_local - c);

      SetGapCurves(scan, c, count);
      PetscCall(ScanGapBlock(scan, count, n, row));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateGapScan(BrenierDual dual, GapScan *scan)
{
  const size_t dim = (size_t)dual->source.dim;
  int          failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(scan, sizeof *scan));
  scan->dual = dual;
  PetscCall(PetscMalloc2(BRENIER_GAP_CURVES, &scan->curve, 2 * dim * BRENIER_GAP_CURVES, &scan->z));
  failed = BrenierTileCurvesAlloc(dual->curve_type == BRENIER_CURVE_CIRCLE ? BRENIER_TILE_CIRCLE : BRENIER_TILE_CHORD,
                                  BRENIER_GAP_CURVES, dim, &scan->tile);
  failed = BrenierTileTargetsAlloc(BRENIER_GAP_TARGETS, dim, &scan->targets) || failed;
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a scan of gaps");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyGapScan(GapScan *scan)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(scan->curve, scan->z));
  BrenierTileCurvesFree(&scan->tile);
  BrenierTileTargetsFree(&scan->targets);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinates, height and infinite gap of each chosen target. */
static PetscErrorCode FillGapRows(BrenierDual dual, const PetscScalar h[], PetscInt n, const PetscInt local[],
                                  PetscReal row[])
{
  const BrenierTargets t = dual->targets;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i, row += t->dim + 2) {
    for (PetscInt k = 0; k < t->dim; ++k) row[k] = (t->y[(size_t)local[i] * t->dim + k] - t->centre[k]) / t->unit;
    row[t->dim]     = h[local[i]] / t->unit;
    row[t->dim + 1] = PETSC_MAX_REAL;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGaps(BrenierDual dual, Vec height, PetscInt n, const PetscInt local[], PetscReal gap[])
{
  const PetscInt     dim = dual->source.dim;
  BrenierRing        ring;
  GapScan            scan;
  const PetscScalar *h;

  PetscFunctionBegin;
  PetscCall(BrenierRingCreate(dual->comm, n, (size_t)dim + 2, PETSC_TRUE, &ring));
  PetscCall(VecGetArrayRead(height, &h));
  PetscCall(FillGapRows(dual, h, n, local, ring.block[ring.current]));
  PetscCall(VecRestoreArrayRead(height, &h));
  PetscCall(CreateGapScan(dual, &scan));
  PetscCall(ScanGaps(&scan, &ring));
  PetscCall(DestroyGapScan(&scan));
  for (PetscInt i = 0; i < n; ++i)
    gap[i] = ring.block[ring.current][(size_t)i * (dim + 2) + dim + 1] * dual->targets->unit;
  PetscCall(BrenierRingDestroy(&ring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far beyond their gaps the empty cells are raised: see the constants above. */
static PetscErrorCode LiftBeyond(BrenierDual dual, PetscInt n, const PetscReal gap[], PetscInt64 n_all,
                                 PetscReal *beyond)
{
  PetscReal sum = 0.0;

  PetscFunctionBegin;
  PetscCall(BrenierExactSum(dual->comm, n, 1, gap, &sum));
  *beyond = brenier_lift_beyond * PetscMax(sum / (PetscReal)n_all, 0.0) + brenier_lift_least * dual->targets->unit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualLift(BrenierDual dual, Vec mass, Vec h, PetscInt64 *n_lifted)
{
  const PetscScalar *m;
  PetscScalar       *a;
  PetscInt           n = 0, *local;
  PetscReal         *gap, beyond = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(dual->targets->n_local, &local, dual->targets->n_local, &gap));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < dual->targets->n_local; ++i)
    if (m[i] == 0.0) local[n++] = i;
  PetscCall(VecRestoreArrayRead(mass, &m));
  *n_lifted = n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n_lifted, 1, MPIU_INT64, MPI_SUM, dual->comm));
  if (*n_lifted > 0) {
    PetscCall(BrenierDualGaps(dual, h, n, local, gap));
    PetscCall(LiftBeyond(dual, n, gap, *n_lifted, &beyond));
    PetscCall(VecGetArray(h, &a));
    for (PetscInt i = 0; i < n; ++i) a[local[i]] += gap[i] + beyond;
    PetscCall(VecRestoreArray(h, &a));
  }
  PetscCall(PetscFree2(local, gap));
  PetscFunctionReturn(PETSC_SUCCESS);
}
