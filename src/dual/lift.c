/*
  lift.c - The gap of a plane, the least value of u - f_i over all curves, exact; and the lift of empty cells by it.

  On one piece of one curve u - f_i is the difference of two planes, whose minimum has a closed form. The targets travel
  round the ring with the least value found so far. If a plane, raised by that value, passes no test of the filter on a
  curve, then its gap on this curve is larger, and the curve is skipped. Every rank evaluates all of these targets on
  its curves.
*/
#include "dual_private.h"
#include "bounds.h"
#include "data/ring.h"

#include <brenier/stop.h>

#include <math.h>

/* What lifts a plane beyond its gap, in parts of that gap and of the unit: enough to win a piece, little enough to
   leave the neighbours theirs. Heights of tight clusters differ by millionths of the unit: beyond by 1e-3 of it, or by
   a part of the mean gap, lifted planes bury their neighbours and the iteration stalls. */
static const PetscReal brenier_lift_beyond = 0.05, brenier_lift_least = 1e-6;

/* An eighth and what rounding may add. */
static const PetscReal brenier_gap_dip = 0.126, brenier_gap_rounding = 1e-13;

enum { BRENIER_GAP_CURVES = 960, BRENIER_GAP_TARGETS = 1024 };

/* A piece of u along a curve. */
typedef struct {
  BrenierPlane plane;
  BrenierSpan  span;
} GapPiece;

typedef struct {
  /* parameters */
  BrenierDual dual;
  PetscInt    first; /* local curve of tile curve 0 */
  /* data */
  BrenierCurve      *curve;
  PetscReal         *z;
  BrenierTileCurves  tile;
  BrenierTileTargets targets;
  GapPiece          *piece; /* of the tile's curves */
  PetscInt64         capacity;
  /* work */
  PetscReal *plane; /* of the pieces of one curve, for its bounds */
  size_t     plane_capacity;
  PetscReal *row; /* targets being scanned: coordinates, height, gap */
} GapScan;

/* Starts and planes of the pieces of a group of curves, as the gaps need them again and again. */
static PetscErrorCode SetGapPieces(GapScan *scan, PetscInt first, PetscInt n)
{
  const BrenierPieces *pieces = &scan->dual->pieces;
  const BrenierCurves *curves = &scan->dual->curves;
  const PetscInt64     from = pieces->offset[first], to = pieces->offset[first + n];

  PetscFunctionBegin;
  if (to - from > scan->capacity) {
    scan->capacity = 2 * (to - from);
    PetscCall(PetscFree(scan->piece));
    PetscCall(PetscMalloc1(scan->capacity, &scan->piece));
  }
  for (PetscInt c = first; c < first + n; ++c) {
    BrenierSpan piece = BrenierCurvesSpanAt(curves, pieces->start[pieces->offset[c]]);

    for (PetscInt64 p = pieces->offset[c]; p < pieces->offset[c + 1]; ++p) {
      BrenierCurvesNextSpan(curves, BrenierPieceEnd(pieces, curves, c, p), &piece);
      scan->piece[p - from] = (GapPiece){
          {pieces->a[p], pieces->b[p], BrenierPieceHeight(pieces, p, scan->dual->halo.height[pieces->ghost[p]])},
          piece};
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The least u - f on curve c of the group, or `best` when that is less. */
static PetscReal GapOnCurve(const GapScan *scan, PetscInt c, const BrenierPlane *f, PetscReal best)
{
  const PetscInt64         *offset = scan->dual->pieces.offset + scan->first;
  const BrenierCurveFamily *family = scan->dual->curves.family;

  for (PetscInt64 p = offset[c] - offset[0]; p < offset[c + 1] - offset[0]; ++p) {
    const BrenierPlane *u      = &scan->piece[p].plane;
    const BrenierSpan  *x      = &scan->piece[p].span;
    const BrenierPlane  above  = {u->a - f->a, u->b - f->b, u->h - f->h};
    const PetscReal     length = x->e - x->s, curved = PetscAbsReal(above.a) + PetscAbsReal(above.b);
    const PetscReal     low =
        PetscMin(above.a * x->at_s[0] + above.b * x->at_s[1], above.a * x->at_e[0] + above.b * x->at_e[1]) + above.h;
    PetscReal gap;

    // A sine is below its chord by an eighth of the square of the length at most: few pieces come near
    if (family->bends &&
        low - brenier_gap_dip * length * length * curved - brenier_gap_rounding * (curved + PetscAbsReal(above.h)) >=
            best)
      continue;
    gap  = family->least(&above, x);
    best = PetscMin(best, gap);
  }
  return best;
}

static void VisitGap(void *context, size_t c, const BrenierTileFound *found)
{
  GapScan *const scan = context;
  const PetscInt dim  = scan->dual->curves.dim;

  for (size_t i = 0; i < found->n; ++i) {
    PetscReal   *row = scan->row + (size_t)found->target[i] * (dim + 2);
    BrenierPlane f;
    PetscReal    gap, base;

    BrenierCurvesPlane(&scan->dual->curves, &scan->curve[c], row, &f.a, &f.b, &base);
    f.h = row[dim] + base;
    gap = GapOnCurve(scan, (PetscInt)c, &f, row[dim + 1]);
    if (gap < row[dim + 1]) BrenierTileSetHeight(&scan->targets, (size_t)found->target[i], row[dim] + gap);
    row[dim + 1] = gap;
  }
}

/* Bounds of u along curve c of the group, by its pieces. */
static PetscErrorCode SetGapBounds(GapScan *scan, PetscInt c)
{
  const BrenierCurveFamily *family  = scan->dual->curves.family;
  const PetscInt64         *offset  = scan->dual->pieces.offset + scan->first;
  const size_t              n       = (size_t)(offset[c + 1] - offset[c]);
  const GapPiece           *piece   = scan->piece + (offset[c] - offset[0]);
  BrenierHeights            heights = {0.0, HUGE_VAL, {0.0, 0.0}}; // those that come get as high as they can
  PetscReal                *a, *b, *h;
  BrenierBounds             bounds;

  PetscFunctionBegin;
  if (n > scan->plane_capacity) {
    scan->plane_capacity = 2 * n;
    PetscCall(PetscRealloc(3 * scan->plane_capacity * sizeof *scan->plane, &scan->plane));
  }
  a = scan->plane;
  b = a + n;
  h = b + n;
  for (size_t p = 0; p < n; ++p) {
    a[p] = piece[p].plane.a;
    b[p] = piece[p].plane.b;
    h[p] = piece[p].plane.h;
    heights.middle += h[p] / (PetscReal)n;
  }
  BrenierBoundsClear(&bounds);
  BrenierBoundsRaise(family->middles(), (PetscInt)n, a, b, h, &bounds, NULL);
  family->enter(&bounds, heights, &scan->tile, (size_t)c);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws local curves [first, first + n), and sets their bounds from their pieces. */
static PetscErrorCode SetGapCurves(GapScan *scan, PetscInt first, PetscInt n)
{
  BrenierDual dual = scan->dual;

  PetscFunctionBegin;
  scan->first = first;
  PetscCall(SetGapPieces(scan, first, n));
  for (PetscInt c = 0; c < n; ++c) {
    BrenierSampleDraw(&dual->sample, first + c, scan->z + (size_t)c * 2 * dual->curves.dim, &scan->curve[c]);
    BrenierCurvesSetTile(&scan->tile, (size_t)c, &scan->curve[c]);
    if (dual->curves.family->is_filtered) PetscCall(SetGapBounds(scan, c));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ScanGapBlock(GapScan *scan, PetscInt n_curves, PetscInt n, PetscReal row[])
{
  const size_t stride = (size_t)scan->dual->curves.dim + 2;
  PetscReal   *raised;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(BRENIER_GAP_TARGETS * stride, &raised));
  for (PetscInt t = 0; t < n; t += BRENIER_GAP_TARGETS) {
    const PetscInt count = PetscMin(BRENIER_GAP_TARGETS, n - t);

    scan->row = row + (size_t)t * stride;
    for (PetscInt i = 0; i < count; ++i)
      raised[(size_t)i * stride] =
          scan->row[(size_t)i * stride + stride - 2] + scan->row[(size_t)i * stride + stride - 1];
    BrenierTileSetTargets(&scan->targets, (size_t)count, stride, scan->row, raised);
    BrenierTileScan(&scan->tile, 0, (size_t)n_curves, &scan->targets, VisitGap, scan);
  }
  PetscCall(PetscFree(raised));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One round of the ring: all local curves with each block of targets. */
static PetscErrorCode ScanGaps(GapScan *scan, BrenierRing *ring)
{
  PetscBool      more;
  PetscMPIInt    owner;
  PetscInt       n;
  PetscReal     *row;
  PetscInt       most = scan->dual->sample.n_local; // curves of any rank
  PetscErrorCode stop = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, scan->dual->comm));
  while (PETSC_TRUE) {
    PetscCall(BrenierRingStep(ring, &more, &owner, &n, &row)); // to the end, after a stop, too
    if (!more) break;
    for (PetscInt c = 0; c < most && !stop; c += BRENIER_GAP_CURVES) {
      const PetscInt count = PetscMin(BRENIER_GAP_CURVES, scan->dual->sample.n_local - c);

      stop = BrenierStopHere(scan->dual->comm);
      if (stop || n == 0 || count <= 0) continue;
      PetscCall(SetGapCurves(scan, c, count));
      PetscCall(ScanGapBlock(scan, count, n, row));
    }
  }
  PetscFunctionReturn(stop);
}

static PetscErrorCode CreateGapScan(BrenierDual dual, GapScan *scan)
{
  const BrenierTileKind kind = dual->curves.family->tile;
  const size_t          dim  = (size_t)dual->curves.dim;
  int                   failed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(scan, sizeof *scan));
  scan->dual = dual;
  PetscCall(PetscMalloc2(BRENIER_GAP_CURVES, &scan->curve, 2 * dim * BRENIER_GAP_CURVES, &scan->z));
  failed = BrenierTileCurvesAlloc(kind, BRENIER_GAP_CURVES, dim, &scan->tile);
  failed = BrenierTileTargetsAlloc(kind, BRENIER_GAP_TARGETS, dim, &scan->targets) || failed;
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a scan of gaps");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyGapScan(GapScan *scan)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(scan->curve, scan->z));
  PetscCall(PetscFree(scan->piece));
  PetscCall(PetscFree(scan->plane));
  BrenierTileCurvesFree(&scan->tile);
  BrenierTileTargetsFree(&scan->targets);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinates, normalised height and infinite gap of each chosen target. */
static PetscErrorCode FillGapRows(BrenierTargets t, const PetscReal h[], PetscInt n, const BrenierLocal local[],
                                  PetscReal row[])
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_TRUE);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i, row += t->dim + 2) {
    (void)BrenierPoint(&y, local[i], row);
    row[t->dim]     = h[local[i]];
    row[t->dim + 1] = PETSC_MAX_REAL;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGaps(BrenierDual dual, Vec height, PetscInt n, const BrenierLocal local[], PetscReal gap[])
{
  const PetscInt dim = dual->curves.dim;
  BrenierRing    ring;
  GapScan        scan;
  PetscReal     *h;
  PetscErrorCode stop;

  PetscFunctionBegin;
  PetscCall(BrenierRingCreate(dual->comm, n, (size_t)dim + 2, PETSC_TRUE, &ring));
  PetscCall(PetscMalloc1(dual->targets->n_local, &h));
  PetscCall(BrenierHeightsNormalise(dual->targets, height, h));
  PetscCall(FillGapRows(dual->targets, h, n, local, ring.block[ring.current]));
  PetscCall(PetscFree(h));
  PetscCall(CreateGapScan(dual, &scan));
  stop = ScanGaps(&scan, &ring);
  PetscCall(DestroyGapScan(&scan));
  for (PetscInt i = 0; i < n; ++i)
    gap[i] = ring.block[ring.current][(size_t)i * (dim + 2) + dim + 1] * dual->targets->unit;
  PetscCall(BrenierRingDestroy(&ring));
  PetscCall(stop);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualLift(BrenierDual dual, Vec mass, const PetscReal most[], Vec h, PetscInt64 *n_lifted)
{
  const PetscScalar *m;
  PetscScalar       *a;
  PetscInt           n = 0;
  BrenierLocal      *local;
  PetscReal         *gap;

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
    PetscCall(VecGetArray(h, &a));
    for (PetscInt i = 0; i < n; ++i) {
      const PetscReal beyond = brenier_lift_beyond * gap[i] + brenier_lift_least * dual->targets->unit;

      a[local[i]] += PetscMax(gap[i] + (most ? PetscMin(beyond, most[local[i]]) : beyond), 0.0);
    }
    PetscCall(VecRestoreArray(h, &a));
  }
  PetscCall(PetscFree2(local, gap));
  PetscFunctionReturn(PETSC_SUCCESS);
}
