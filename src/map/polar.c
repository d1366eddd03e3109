/* polar.c - Implements polar.h. */
#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/polar.h>
#include <brenier/transport.h>

#include <math.h>
#include <petscsf.h>
#include <string.h>

/* ---- targets of rows ---- */

/* Of rows that no target has been made of, one that equals a target: that target, among those nearest to the row. */
static PetscErrorCode FindEqual(BrenierTargets t, PetscInt n, const PetscReal y[], PetscInt64 index[])
{
  const size_t   dim  = (size_t)t->dim;
  const PetscInt keep = PetscMin(4, t->n); // more than one, as rounding may change the order of the nearest
  PetscInt64    *near;
  PetscReal     *candidate;
  Vec            distance;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)n * (size_t)keep, &near, (size_t)n * (size_t)keep * dim, &candidate));
  PetscCall(BrenierTransportNearestHeights(t, NULL, &distance));
  PetscCall(BrenierTransportNearest(t, distance, keep, n, y, near, NULL));
  PetscCall(BrenierTargetsFetch(t, n * keep, near, candidate));
  for (PetscInt i = 0; i < n; ++i) {
    for (PetscInt k = 0; index[i] < 0 && k < keep; ++k) {
      const PetscReal *other = candidate + (size_t)(i * keep + k) * dim;
      PetscBool        same  = PETSC_TRUE;

      for (size_t c = 0; c < dim; ++c) same = (PetscBool)(same && other[c] == y[(size_t)i * dim + c]);
      if (same) index[i] = near[i * keep + k];
    }
    if (index[i] < 0) index[i] = near[i * keep]; // more than `keep` are as near as rounding tells
  }
  PetscCall(VecDestroy(&distance));
  PetscCall(PetscFree2(near, candidate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsOfRows(BrenierTargets t, PetscInt n, const PetscReal y[], PetscInt64 index[])
{
  PetscLayout rows;
  PetscSF     sf;
  PetscInt   *row;
  PetscInt64 *number;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(t->n_local, &row, t->n_local, &number));
  for (PetscInt i = 0; i < n; ++i) index[i] = -1;
  for (PetscInt i = 0; i < t->n_local; ++i) {
    row[i]    = (PetscInt)t->row[i];
    number[i] = t->first + i;
  }
  PetscCall(PetscLayoutCreateFromSizes(t->comm, n, PETSC_DECIDE, 1, &rows));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, rows, t->n_local, NULL, PETSC_OWN_POINTER, row));
  PetscCall(PetscSFReduceBegin(sf, MPIU_INT64, number, index, MPI_REPLACE));
  PetscCall(PetscSFReduceEnd(sf, MPIU_INT64, number, index, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscLayoutDestroy(&rows));
  PetscCall(PetscFree2(row, number));
  if (t->n_merged > 0) PetscCall(FindEqual(t, n, y, index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- points of cells ---- */

/* Who waits for a point. All ranks know all rows and count alike. */
typedef struct {
  PetscInt    n_rows, left;
  PetscInt   *begin; /* of the rows of a target in `row`, shape [targets + 1] */
  PetscInt   *next;  /* the next of them that has no point yet, shape [targets] */
  PetscInt   *row;   /* shape [n_rows] */
  PetscInt64 *draw;  /* number of the draw that a row has got, -1 for none; shape [n_rows] */
} Waiting;

/* Rows of each rank, and how many are on the ranks before it: shapes [ranks], freed by PetscFree2(); rows of all. */
static PetscErrorCode CountRows(MPI_Comm comm, PetscInt n, PetscMPIInt **count, PetscMPIInt **offset, PetscMPIInt *sum)
{
  PetscMPIInt size, here;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMPIIntCast(n, &here));
  PetscCall(PetscMalloc2(size, count, size, offset));
  PetscCallMPI(MPI_Allgather(&here, 1, MPI_INT, *count, 1, MPI_INT, comm));
  *sum = 0;
  for (PetscMPIInt r = 0; r < size; *sum += (*count)[r++]) (*offset)[r] = *sum;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GatherWhole(MPI_Comm comm, PetscInt n, const PetscInt64 mine[], PetscInt *n_all, PetscInt *first,
                                  PetscInt64 **all)
{
  PetscMPIInt rank, *count, *offset, sum;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(CountRows(comm, n, &count, &offset, &sum));
  *n_all = sum;
  if (first) *first = offset[rank];
  PetscCall(PetscMalloc1(sum, all));
  PetscCallMPI(MPI_Allgatherv(mine, count[rank], MPIU_INT64, *all, count, offset, MPIU_INT64, comm));
  PetscCall(PetscFree2(count, offset));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Enlist(BrenierTargets t, PetscInt n, const PetscInt64 index[], Waiting *w, PetscInt *first)
{
  PetscInt64 *all;

  PetscFunctionBegin;
  PetscCall(GatherWhole(t->comm, n, index, &w->n_rows, first, &all));
  PetscCall(PetscCalloc2(t->n + 1, &w->begin, t->n, &w->next));
  PetscCall(PetscMalloc2(w->n_rows, &w->row, w->n_rows, &w->draw));
  for (PetscInt r = 0; r < w->n_rows; ++r) ++w->begin[all[r] + 1];
  for (PetscInt i = 0; i < t->n; ++i) {
    w->begin[i + 1] += w->begin[i];
    w->next[i] = w->begin[i];
  }
  for (PetscInt r = 0; r < w->n_rows; ++r) {
    w->row[w->next[all[r]]++] = r;
    w->draw[r]                = -1;
  }
  for (PetscInt i = 0; i < t->n; ++i) w->next[i] = w->begin[i];
  w->left = w->n_rows;
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws `from` and the following, spread over the ranks: each goes to the next row of its cell that waits. */
static PetscErrorCode DrawSome(BrenierTargets t, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 from,
                               PetscInt count, Waiting *w)
{
  PetscInt    here = PETSC_DECIDE, n_all, begin;
  PetscInt64 *mine, *all;
  PetscReal  *x;

  PetscFunctionBegin;
  PetscCall(PetscSplitOwnership(t->comm, &here, &count));
  PetscCallMPI(MPI_Scan(&here, &begin, 1, MPIU_INT, MPI_SUM, t->comm));
  begin -= here;
  PetscCall(PetscMalloc2(here, &mine, (size_t)here * (size_t)t->dim, &x));
  for (PetscInt k = 0; k < here; ++k)
    BrenierSourceDrawPoint(source, seed, BRENIER_STREAM_POLAR, from + begin + k, x + (size_t)k * (size_t)t->dim);
  PetscCall(BrenierTransportApply(t, h, here, x, mine, NULL, NULL));
  PetscCall(GatherWhole(t->comm, here, mine, &n_all, NULL, &all));
  for (PetscInt k = 0; k < n_all; ++k) {
    const PetscInt64 i = all[k];

    if (w->next[i] == w->begin[i + 1]) continue;
    w->draw[w->row[w->next[i]++]] = from + k;
    --w->left;
  }
  PetscCall(PetscFree(all));
  PetscCall(PetscFree2(mine, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCellPoints(BrenierTargets t, BrenierSource source, Vec h, PetscInt64 seed, PetscInt n,
                                 const PetscInt64 index[], PetscReal x[], PetscInt64 *n_found)
{
  const PetscInt most = 65536, least = 1024; // draws at once, whatever the ranks
  PetscInt       first;
  Waiting        w = {0};

  PetscFunctionBegin;
  PetscCall(Enlist(t, n, index, &w, &first));
  for (PetscInt64 k = 0, all = (PetscInt64)BRENIER_MOST_DRAWS * w.n_rows; w.left > 0 && k < all;) {
    const PetscInt count = PetscMin(most, PetscMax(least, w.n_rows));

    PetscCall(DrawSome(t, source, h, seed, k, count, &w));
    k += count;
  }
  for (PetscInt r = 0; r < n; ++r) {
    PetscReal *at = x + (size_t)r * (size_t)t->dim;

    if (w.draw[first + r] >= 0) BrenierSourceDrawPoint(source, seed, BRENIER_STREAM_POLAR, w.draw[first + r], at);
    for (PetscInt c = 0; w.draw[first + r] < 0 && c < t->dim; ++c) at[c] = NAN;
  }
  *n_found = w.n_rows - w.left;
  PetscCall(PetscFree2(w.begin, w.next));
  PetscCall(PetscFree2(w.row, w.draw));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- comparison with the source ---- */

/* Largest difference of the distribution functions of two samples of n numbers, which are sorted here. */
static PetscErrorCode Distance(PetscInt n, PetscReal a[], PetscReal b[], PetscReal *ks)
{
  PetscInt i = 0, j = 0;

  PetscFunctionBegin;
  *ks = 0.0;
  PetscCall(PetscSortReal(n, a));
  PetscCall(PetscSortReal(n, b));
  while (i < n && j < n) {
    const PetscReal at = PetscMin(a[i], b[j]);

    while (i < n && a[i] <= at) ++i;
    while (j < n && b[j] <= at) ++j;
    *ks = PetscMax(*ks, PetscAbsReal((PetscReal)(i - j)) / (PetscReal)n);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One coordinate of the points of all ranks, on rank 0. */
static PetscErrorCode GatherColumn(MPI_Comm comm, PetscInt dim, PetscInt n, const PetscReal x[], PetscInt column,
                                   const PetscMPIInt count[], const PetscMPIInt offset[], PetscReal all[])
{
  PetscReal *mine;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &mine));
  for (PetscInt i = 0; i < n; ++i) mine[i] = x[(size_t)i * (size_t)dim + (size_t)column];
  PetscCallMPI(MPI_Gatherv(mine, (PetscMPIInt)n, MPIU_REAL, all, count, offset, MPIU_REAL, 0, comm));
  PetscCall(PetscFree(mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two samples of n numbers of one law differ by more than c sqrt(2 / n) with a chance of 2 exp(-2 c^2) at most, in the
   limit (Smirnov 1939); here with 1% over all axes. */
static PetscReal Bound(PetscInt n, PetscInt dim)
{
  const PetscReal chance = 0.01 / (PetscReal)dim;

  return PetscSqrtReal(-0.5 * log(0.5 * chance)) * PetscSqrtReal(2.0 / (PetscReal)PetscMax(n, 1));
}

/* Largest distance over the axes of n local points and as many drawn. */
static PetscErrorCode CompareAxes(MPI_Comm comm, PetscInt dim, PetscInt n, const PetscReal x[], const PetscReal drawn[],
                                  BrenierSampleDistance *d)
{
  PetscMPIInt rank, *count, *offset, sum;
  PetscReal  *a, *b, ks;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(CountRows(comm, n, &count, &offset, &sum));
  PetscCall(PetscMalloc2(sum, &a, sum, &b));
  d->ks = 0.0;
  for (PetscInt c = 0; c < dim; ++c) {
    PetscCall(GatherColumn(comm, dim, n, x, c, count, offset, a));
    PetscCall(GatherColumn(comm, dim, n, drawn, c, count, offset, b));
    if (rank > 0) continue;
    PetscCall(Distance(sum, a, b, &ks));
    d->ks = PetscMax(d->ks, ks);
  }
  PetscCallMPI(MPI_Bcast(&d->ks, 1, MPIU_REAL, 0, comm));
  d->bound = Bound(sum, dim);
  PetscCall(PetscFree2(a, b));
  PetscCall(PetscFree2(count, offset));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCompareWithSource(MPI_Comm comm, BrenierSource source, PetscInt64 seed, PetscInt n,
                                        const PetscReal x[], BrenierSampleDistance *d)
{
  const PetscInt dim = BrenierSourceDim(source);
  PetscReal     *known, *drawn, *square;
  PetscInt       first, kept = 0, all;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Scan(&n, &first, 1, MPIU_INT, MPI_SUM, comm));
  first -= n;
  PetscCall(PetscMalloc3((size_t)n * dim, &known, (size_t)n * dim, &drawn, n, &square));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal *at = x + (size_t)i * dim;

    if (isnan(at[0])) continue;
    PetscCall(PetscArraycpy(known + (size_t)kept * dim, at, dim));
    BrenierSourceDrawPoint(source, seed, BRENIER_STREAM_COMPARE, first + i, drawn + (size_t)kept * dim);
    square[kept++] = BrenierDot((size_t)dim, at, at);
  }
  PetscCallMPI(MPI_Allreduce(&kept, &all, 1, MPIU_INT, MPI_SUM, comm));
  PetscCall(BrenierExactSum(comm, kept, 1, square, &d->second_moment));
  d->second_moment /= (PetscReal)PetscMax(all, 1);
  PetscCall(CompareAxes(comm, dim, kept, known, drawn, d));
  PetscCall(PetscFree3(known, drawn, square));
  PetscFunctionReturn(PETSC_SUCCESS);
}
