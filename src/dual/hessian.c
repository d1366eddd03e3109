/*
  hessian.c - The Hessian from the crossings between consecutive pieces.

  A crossing from leaf i to leaf j adds v = density / |difference of derivatives| / C to H_ii and H_jj and takes it from
  H_ij and H_ji. Crossings are gathered by the smaller leaf, equal pairs are added, and what is left goes to PETSc's
  coordinate assembly, which adds the ranks' shares. With a stride, every stride-th curve of the sample stands for the rest.
*/
#include "dual_private.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  PetscInt  other; /* the larger leaf */
  PetscReal v;
} Crossing;

/* Crossings by smaller leaf: those of leaf i are crossing[offset[i]] to crossing[offset[i + 1] - 1]. */
typedef struct {
  PetscInt64 *offset;
  Crossing   *crossing;
} CrossingTable;

/* The pieces that meet where piece p ends: itself and *next. False where a curve ends, or when both are one cell. */
static PetscBool Meets(BrenierDual dual, PetscInt c, PetscInt64 p, PetscInt64 *next)
{
  const PetscBool last = (PetscBool)(p + 1 == dual->pieces.offset[c + 1]);

  if (last && dual->curve_type != BRENIER_CURVE_CIRCLE) return PETSC_FALSE;
  *next = last ? dual->pieces.offset[c] : p + 1;
  return (PetscBool)(dual->pieces.target[p] != dual->pieces.target[*next]);
}

/* Number of curves that stand for the sample. */
static PetscInt64 CurvesUsed(BrenierDual dual, PetscInt64 stride)
{
  return (dual->n_curves + stride - 1) / stride;
}

static PetscReal CrossingValue(BrenierDual dual, PetscInt64 stride, PetscInt64 p, PetscInt64 q, PetscReal t)
{
  const BrenierPieces *pieces = &dual->pieces;
  const PetscReal      da = pieces->a[q] - pieces->a[p], db = pieces->b[q] - pieces->b[p];
  const PetscReal      one = dual->curve_type == BRENIER_CURVE_CIRCLE ? BrenierCircleCrossing(da, db, t)
                                                                      : BrenierLineCrossing(dual->measure, db, t);

  return one / ((PetscReal)CurvesUsed(dual, stride) * dual->targets->unit);
}

static PetscBool IsUsed(BrenierDual dual, PetscInt64 stride, PetscInt c)
{
  return (PetscBool)(stride == 1 || BrenierDualCurveIndex_Private(dual, c) % stride == 0);
}

static PetscErrorCode GatherCrossings(BrenierDual dual, PetscInt64 stride, CrossingTable *table)
{
  const BrenierPieces *pieces = &dual->pieces;
  PetscInt64           next;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)dual->n_leaves + 2, &table->offset));
  // Counting sort: sizes two places up, then starts one place up, which filling moves to where they belong
  for (PetscInt c = 0; c < dual->n_local; ++c)
    for (PetscInt64 p = pieces->offset[c]; IsUsed(dual, stride, c) && p < pieces->offset[c + 1]; ++p)
      if (Meets(dual, c, p, &next)) ++table->offset[PetscMin(pieces->target[p], pieces->target[next]) + 2];
  for (PetscInt i = 0; i < dual->n_leaves; ++i) table->offset[i + 2] += table->offset[i + 1];
  PetscCall(PetscMalloc1(table->offset[dual->n_leaves + 1], &table->crossing));
  for (PetscInt c = 0; c < dual->n_local; ++c)
    for (PetscInt64 p = pieces->offset[c]; IsUsed(dual, stride, c) && p < pieces->offset[c + 1]; ++p)
      if (Meets(dual, c, p, &next)) {
        const PetscInt i = pieces->target[p], j = pieces->target[next];
        Crossing      *x = &table->crossing[table->offset[PetscMin(i, j) + 1]++];

        x->other = PetscMax(i, j);
        x->v     = CrossingValue(dual, stride, p, next, BrenierDualPieceEnd_Private(dual, c, p));
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By leaf, then by value, so that sums do not depend on the sort's treatment of equal leaves. */
static int CompareCrossings(const void *left, const void *right)
{
  const Crossing *l = left, *r = right;

  if (l->other != r->other) return l->other < r->other ? -1 : 1;
  return (l->v > r->v) - (l->v < r->v);
}

/* Adds crossings of the same pair; returns the number of different pairs, which stand at the front of each leaf's. */
static PetscInt64 AddEqualPairs(PetscInt n_leaves, CrossingTable *table)
{
  PetscInt64 kept = 0;

  for (PetscInt i = 0; i < n_leaves; ++i) {
    const PetscInt64 begin = table->offset[i], end = table->offset[i + 1], first = kept;

    // Without any crossing there is no array
    if (end > begin) qsort(table->crossing + begin, (size_t)(end - begin), sizeof *table->crossing, CompareCrossings);
    for (PetscInt64 x = begin; x < end; ++x)
      if (kept > first && table->crossing[kept - 1].other == table->crossing[x].other)
        table->crossing[kept - 1].v += table->crossing[x].v;
      else table->crossing[kept++] = table->crossing[x];
    table->offset[i] = first;
  }
  table->offset[n_leaves] = kept;
  return kept;
}

/* The two entries of each pair off the diagonal, the sum of its pairs on the diagonal of each leaf, and a zero on every
   diagonal of this rank, which keeps rows of empty cells. */
static PetscErrorCode FillEntries(BrenierDual dual, const CrossingTable *table, PetscInt row[], PetscInt column[],
                                  PetscScalar v[])
{
  PetscScalar *diagonal = v;
  PetscInt64   e        = dual->n_leaves;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < dual->n_leaves; ++i) {
    row[i] = column[i] = dual->leaf_target[i];
    diagonal[i]        = 0.0;
  }
  for (PetscInt i = 0; i < dual->n_leaves; ++i)
    for (PetscInt64 x = table->offset[i]; x < table->offset[i + 1]; ++x) {
      const PetscInt j = table->crossing[x].other, end[] = {dual->leaf_target[i], dual->leaf_target[j]};

      diagonal[i] += table->crossing[x].v;
      diagonal[j] += table->crossing[x].v;
      for (int k = 0; k < 2; ++k, ++e) {
        row[e]    = end[k];
        column[e] = end[1 - k];
        v[e]      = -table->crossing[x].v;
      }
    }
  for (PetscInt i = 0; i < dual->targets->n_local; ++i, ++e) {
    row[e] = column[e] = dual->targets->first + i;
    v[e]               = 0.0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the two ends of piece p add to the Hessian; 0 when it has none. */
static PetscReal EndsOfPiece(BrenierDual dual, PetscInt c, PetscInt64 p)
{
  const PetscInt64 before = p > dual->pieces.offset[c] ? p - 1 : dual->pieces.offset[c + 1] - 1;
  PetscInt64       next;
  PetscReal        sum = 0.0;

  if (Meets(dual, c, p, &next)) sum += CrossingValue(dual, 1, p, next, BrenierDualPieceEnd_Private(dual, c, p));
  if (Meets(dual, c, before, &next) && next == p)
    sum += CrossingValue(dual, 1, before, p, BrenierDualPieceEnd_Private(dual, c, before));
  return sum;
}

PetscErrorCode BrenierDualLength(BrenierDual dual, PetscReal *length)
{
  const PetscInt64 n = dual->pieces.n;
  PetscReal       *term, sum[2];
  PetscInt         n_terms;

  PetscFunctionBegin;
  PetscCall(PetscIntCast(n, &n_terms));
  PetscCall(PetscCalloc1(2 * (size_t)n, &term));
  for (PetscInt c = 0; c < dual->n_local; ++c)
    for (PetscInt64 p = dual->pieces.offset[c]; p < dual->pieces.offset[c + 1]; ++p) {
      const PetscReal end = BrenierDualPieceEnd_Private(dual, c, p);
      const PetscReal mass =
          (BrenierDualShare_Private(dual, end) - BrenierDualShare_Private(dual, dual->pieces.start[p])) /
          (PetscReal)dual->n_curves;
      const PetscReal ends = EndsOfPiece(dual, c, p);

      if (!(mass > 0.0 && ends > 0.0)) continue;
      term[p]     = mass * log(mass / ends);
      term[n + p] = mass;
    }
  PetscCall(BrenierExactSum(dual->comm, n_terms, 2, term, sum));
  *length = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
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
  const PetscInt n     = dual->targets->n_local;
  CrossingTable  table = {0};
  PetscInt64     n_pairs, n_entries;
  PetscInt      *row, *column;
  PetscScalar   *v;

  PetscFunctionBegin;
  PetscCall(GatherCrossings(dual, stride, &table));
  n_pairs   = AddEqualPairs(dual->n_leaves, &table);
  n_entries = 2 * n_pairs + dual->n_leaves + n;
  PetscCall(PetscMalloc3(n_entries, &row, n_entries, &column, n_entries, &v));
  PetscCall(FillEntries(dual, &table, row, column, v));
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
