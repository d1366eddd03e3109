/*
  hessian.c - The Hessian from the crossings between consecutive pieces.

  A crossing from ghost i to ghost j adds v = density / |difference of derivatives| / C to H_ii and H_jj and takes it
  from H_ij and H_ji. Crossings are gathered by the smaller ghost, equal pairs are added, and what is left goes to
  PETSc's coordinate assembly, which adds the ranks' shares. With a stride, every stride-th curve of the sample stands
  for the rest.
*/
#include "dual_private.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  BrenierGhost other; /* the larger one */
  PetscReal    v;
} Crossing;

/* Crossings by smaller ghost: those of ghost i are crossing[offset[i]] to crossing[offset[i + 1] - 1]. */
typedef struct {
  PetscInt64 *offset;
  Crossing   *crossing;
} CrossingTable;

/* Input of the Hessian: the curves that represent the sample, and their pieces. */
typedef struct {
  const BrenierSample *sample;
  const BrenierCurves *curves;
  const BrenierPieces *pieces;
  PetscInt64           stride; /* every stride-th curve of the sample is used */
  PetscReal            unit;   /* of the targets */
} Crossings;

static Crossings CrossingsOf(BrenierDual dual, PetscInt64 stride)
{
  return (Crossings){&dual->sample, &dual->curves, &dual->pieces, stride, dual->targets->unit};
}

/* The pieces on both sides of the end of piece p: p and *next. False at the end of a curve, or if both are one cell. */
static PetscBool Adjacent(const Crossings *x, PetscInt c, PetscInt64 p, PetscInt64 *next)
{
  const BrenierPieces *pieces = x->pieces;
  const PetscBool      last   = (PetscBool)(p + 1 == pieces->offset[c + 1]);

  if (last && !x->curves->family->is_closed) return PETSC_FALSE;
  *next = last ? pieces->offset[c] : p + 1;
  return (PetscBool)(pieces->ghost[p] != pieces->ghost[*next]);
}

/* Number of curves that represent the sample. */
static PetscInt64 CurvesUsed(const Crossings *x)
{
  return (x->sample->n_curves + x->stride - 1) / x->stride;
}

/* What the crossing from piece p of curve c to piece q, at the end of p, adds. */
static PetscReal CrossingValue(const Crossings *x, PetscInt c, PetscInt64 p, PetscInt64 q)
{
  const BrenierPieces *pieces = x->pieces;
  const PetscReal      da = pieces->a[q] - pieces->a[p], db = pieces->b[q] - pieces->b[p];
  const PetscReal      end = BrenierPieceEnd(pieces, x->curves, c, p);

  return x->curves->family->crossing(x->curves, da, db, end) / ((PetscReal)CurvesUsed(x) * x->unit);
}

static PetscBool IsUsed(const Crossings *x, PetscInt c)
{
  return (PetscBool)(x->stride == 1 || BrenierSampleIndex(x->sample, c) % x->stride == 0);
}

static PetscErrorCode GatherCrossings(const Crossings *x, PetscInt n_ghosts, CrossingTable *table)
{
  const BrenierPieces *pieces = x->pieces;
  PetscInt64           next;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)n_ghosts + 2, &table->offset));
  // Counting sort: sizes two places up, then starts one place up, which filling moves to where they belong
  for (PetscInt c = 0; c < x->sample->n_local; ++c)
    for (PetscInt64 p = pieces->offset[c]; IsUsed(x, c) && p < pieces->offset[c + 1]; ++p)
      if (Adjacent(x, c, p, &next)) ++table->offset[PetscMin(pieces->ghost[p], pieces->ghost[next]) + 2];
  for (BrenierGhost i = 0; i < n_ghosts; ++i) table->offset[i + 2] += table->offset[i + 1];
  PetscCall(PetscMalloc1(table->offset[n_ghosts + 1], &table->crossing));
  for (PetscInt c = 0; c < x->sample->n_local; ++c)
    for (PetscInt64 p = pieces->offset[c]; IsUsed(x, c) && p < pieces->offset[c + 1]; ++p)
      if (Adjacent(x, c, p, &next)) {
        const BrenierGhost i = pieces->ghost[p], j = pieces->ghost[next];
        Crossing          *crossing = &table->crossing[table->offset[PetscMin(i, j) + 1]++];

        crossing->other = PetscMax(i, j);
        crossing->v     = CrossingValue(x, c, p, next);
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By ghost, then by value, so that sums do not depend on the sort's treatment of equal ghosts. */
static int CompareCrossings(const void *left, const void *right)
{
  const Crossing *l = left, *r = right;

  if (l->other != r->other) return l->other < r->other ? -1 : 1;
  return (l->v > r->v) - (l->v < r->v);
}

/* Adds crossings of the same pair; returns the number of different pairs, which stand at the front of each ghost's. */
static PetscInt64 AddEqualPairs(PetscInt n_ghosts, CrossingTable *table)
{
  PetscInt64 kept = 0;

  for (PetscInt i = 0; i < n_ghosts; ++i) {
    const PetscInt64 begin = table->offset[i], end = table->offset[i + 1], first = kept;

    // Without any crossing there is no array
    if (end > begin) qsort(table->crossing + begin, (size_t)(end - begin), sizeof *table->crossing, CompareCrossings);
    for (PetscInt64 x = begin; x < end; ++x)
      if (kept > first && table->crossing[kept - 1].other == table->crossing[x].other)
        table->crossing[kept - 1].v += table->crossing[x].v;
      else table->crossing[kept++] = table->crossing[x];
    table->offset[i] = first;
  }
  table->offset[n_ghosts] = kept;
  return kept;
}

/* The two entries of each pair off the diagonal, the sum of its pairs on the diagonal of each ghost, and a zero on
   every diagonal of this rank, which keeps rows of empty cells. */
static PetscErrorCode FillEntries(const BrenierHalo *halo, BrenierTargets targets, const CrossingTable *table,
                                  BrenierGlobal row[], BrenierGlobal column[], PetscScalar v[])
{
  PetscScalar *diagonal = v;
  PetscInt64   e        = halo->n;

  PetscFunctionBegin;
  for (BrenierGhost i = 0; i < halo->n; ++i) {
    row[i] = column[i] = halo->global[i];
    diagonal[i]        = 0.0;
  }
  for (BrenierGhost i = 0; i < halo->n; ++i)
    for (PetscInt64 x = table->offset[i]; x < table->offset[i + 1]; ++x) {
      const BrenierGhost  j     = table->crossing[x].other;
      const BrenierGlobal end[] = {halo->global[i], halo->global[j]};

      diagonal[i] += table->crossing[x].v;
      diagonal[j] += table->crossing[x].v;
      for (int k = 0; k < 2; ++k, ++e) {
        row[e]    = end[k];
        column[e] = end[1 - k];
        v[e]      = -table->crossing[x].v;
      }
    }
  for (BrenierLocal i = 0; i < targets->n_local; ++i, ++e) {
    row[e] = column[e] = targets->first + i;
    v[e]               = 0.0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the two ends of piece p add to the Hessian; 0 when it has none. */
static PetscReal EndsOfPiece(const Crossings *x, PetscInt c, PetscInt64 p)
{
  const PetscInt64 before = p > x->pieces->offset[c] ? p - 1 : x->pieces->offset[c + 1] - 1;
  PetscInt64       next;
  PetscReal        sum = 0.0;

  if (Adjacent(x, c, p, &next)) sum += CrossingValue(x, c, p, next);
  if (Adjacent(x, c, before, &next) && next == p) sum += CrossingValue(x, c, before, p);
  return sum;
}

PetscErrorCode BrenierDualHeightScale(BrenierDual dual, PetscReal *height_scale)
{
  const Crossings      x      = CrossingsOf(dual, 1);
  const BrenierPieces *pieces = x.pieces;
  const PetscInt64     n      = pieces->n;
  PetscReal           *term, sum[2];
  PetscInt             n_terms;

  PetscFunctionBegin;
  PetscCall(PetscIntCast(n, &n_terms));
  PetscCall(PetscCalloc1(2 * (size_t)n, &term));
  for (PetscInt c = 0; c < x.sample->n_local; ++c)
    for (PetscInt64 p = pieces->offset[c]; p < pieces->offset[c + 1]; ++p) {
      const PetscReal end   = BrenierPieceEnd(pieces, x.curves, c, p);
      const PetscReal share = BrenierCurvesShare(x.curves, end) - BrenierCurvesShare(x.curves, pieces->start[p]);
      const PetscReal mass = share / (PetscReal)x.sample->n_curves, ends = EndsOfPiece(&x, c, p);

      if (!(mass > 0.0 && ends > 0.0)) continue;
      term[p]     = mass * log(mass / ends);
      term[n + p] = mass;
    }
  PetscCall(BrenierExactSum(dual->comm, n_terms, 2, term, sum));
  *height_scale = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AttachConstants(MPI_Comm comm, Mat hessian)
{
  MatNullSpace constants;

  PetscFunctionBegin;
  PetscCall(MatNullSpaceCreate(comm, PETSC_TRUE, 0, NULL, &constants));
  PetscCall(MatSetNullSpace(hessian, constants));
  PetscCall(MatSetNearNullSpace(hessian, constants));
  PetscCall(MatNullSpaceDestroy(&constants));
  PetscCall(MatSetOption(hessian, MAT_SYMMETRIC, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualHessian(BrenierDual dual, PetscInt64 stride, Mat *hessian)
{
  const PetscInt     n     = dual->targets->n_local;
  const BrenierHalo *halo  = &dual->halo;
  const Crossings    x     = CrossingsOf(dual, stride);
  CrossingTable      table = {0};
  PetscInt64         n_pairs, n_entries;
  BrenierGlobal     *row, *column;
  PetscScalar       *v;

  PetscFunctionBegin;
  PetscCall(GatherCrossings(&x, halo->n, &table));
  n_pairs   = AddEqualPairs(halo->n, &table);
  n_entries = 2 * n_pairs + halo->n + n;
  PetscCall(PetscMalloc3(n_entries, &row, n_entries, &column, n_entries, &v));
  PetscCall(FillEntries(halo, dual->targets, &table, row, column, v));
  PetscCall(PetscFree(table.offset));
  PetscCall(PetscFree(table.crossing));
  PetscCall(MatCreate(dual->comm, hessian));
  PetscCall(MatSetSizes(*hessian, n, n, dual->targets->n, dual->targets->n));
  PetscCall(MatSetType(*hessian, MATAIJ));
  PetscCall(MatSetPreallocationCOO(*hessian, (PetscCount)n_entries, row, column));
  PetscCall(MatSetValuesCOO(*hessian, v, INSERT_VALUES));
  PetscCall(PetscFree3(row, column, v));
  PetscCall(AttachConstants(dual->comm, *hessian));
  PetscFunctionReturn(PETSC_SUCCESS);
}
