/* targets.c - Implements targets.h but for the search of duplicates, which is in duplicates.c. */
#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/heights.h>
#include <brenier/scales.h>
#include <brenier/targets.h>

#include "duplicates.h"
#include "shared.h"

#include <math.h>
#include <petscsf.h>
#include <xxhash.h>

/* Weights that sum to 1 up to rounding in single precision give no notice. */
static const PetscReal brenier_notice_above = 1e-5;

/* A share below this has no place in the 62 bits that masses are counted in. */
static const PetscReal brenier_least_weight = 1e-18;

/* Squares of inverses of differences must be numbers with room to spare. */
static const PetscReal brenier_least_spread = 1e-100;

/* Axes summed in one reduction when the centre is computed. */
enum { BRENIER_AXES_AT_ONCE = 16 };

static PetscErrorCode CheckWeights(const BrenierArray *points, const BrenierArray *weights)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  if (weights->n != points->n)
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                    "%s: %" PetscInt_FMT " weight%s for %" PetscInt_FMT " target%s in %s; give one weight a target",
                    weights->path, weights->n, BrenierPlural(weights->n), points->n, BrenierPlural(points->n),
                    points->path);
  else
    for (PetscInt i = 0; i < weights->n_local; ++i)
      if (!(weights->value[i] > 0.0))
        BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                        "%s: the weight in row %" PetscInt_FMT " is %g; weights must be positive (leave out targets "
                        "that should get no mass)",
                        weights->path, weights->first + i, (double)weights->value[i]);
  PetscCall(BrenierFaultAgree(points->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weights are positive; as shares of their sum they must be so, too, and numbers. */
static PetscErrorCode CheckShares(BrenierTargets t, const BrenierArray *weights)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  if (!isfinite(t->weight_sum))
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: the sum of the weights is beyond 1.8e308; scale them down",
                    weights->path);
  for (PetscInt i = 0; i < t->n_local && !fault.kind; ++i)
    if (t->nu[i] < brenier_least_weight)
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                      "%s: the weight in row %" PetscInt_FMT
                      " is %g of their sum, less than %g; leave such targets out",
                      weights->path, weights->first + i, (double)t->nu[i], (double)brenier_least_weight);
  PetscCall(BrenierFaultAgree(t->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetWeights(BrenierTargets t, const BrenierArray *weights)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &t->nu));
  if (weights) {
    PetscCall(BrenierExactSum(t->comm, t->n_local, 1, weights->value, &t->weight_sum));
    for (PetscInt i = 0; i < t->n_local; ++i) t->nu[i] = weights->value[i] / t->weight_sum;
    PetscCall(CheckShares(t, weights));
    if (PetscAbsReal(t->weight_sum - 1.0) > brenier_notice_above)
      PetscCall(BrenierPrint(t->comm, "notice: the weights of %s sum to %g and were divided by it", weights->path,
                             (double)t->weight_sum));
  } else {
    t->weight_sum = 1.0;
    for (PetscInt i = 0; i < t->n_local; ++i) t->nu[i] = 1.0 / (PetscReal)t->n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of axes [k0, k0 + count), by order-independent sums. */
static PetscErrorCode CentreOfAxes(BrenierTargets t, PetscInt k0, PetscInt count, PetscReal work[])
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_FALSE);

  PetscFunctionBegin;
  for (PetscInt k = 0; k < count; ++k)
    for (PetscInt i = 0; i < t->n_local; ++i)
      work[(size_t)k * t->n_local + i] = BrenierCoordinate(&y, i, k0 + k) / (PetscReal)t->n;
  PetscCall(BrenierExactSum(t->comm, t->n_local, count, work, t->centre + k0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetCentreAndUnit(BrenierTargets t)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *work;
  PetscReal                spread;
  int                      exponent;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->dim, &t->centre));
  PetscCall(PetscMalloc1((size_t)t->n_local * BRENIER_AXES_AT_ONCE + 1, &work));
  for (PetscInt k = 0; k < t->dim; k += BRENIER_AXES_AT_ONCE)
    PetscCall(CentreOfAxes(t, k, PetscMin(BRENIER_AXES_AT_ONCE, t->dim - k), work));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    PetscReal square = 0.0;

    for (PetscInt k = 0; k < t->dim; ++k) {
      const PetscReal x = BrenierCoordinate(&y, i, k) - t->centre[k];

      square += x * x;
    }
    work[i] = square / (PetscReal)t->n;
  }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, work, &spread));
  PetscCall(PetscFree(work));
  (void)frexp(PetscSqrtReal(spread), &exponent);
  t->unit = spread > 0.0 ? ldexp(1.0, exponent) : 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckMagnitude(const BrenierArray *points)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  // Single precision ends far below
  for (size_t i = 0; points->value && i < (size_t)points->n_local * (size_t)points->dim && !fault.kind; ++i)
    if (PetscAbsReal(points->value[i]) > BRENIER_LARGEST_COORDINATE)
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                      "%s: row %" PetscInt_FMT " has the coordinate %g, beyond %g; scale the targets down",
                      points->path, points->first + (PetscInt)(i / (size_t)points->dim), (double)points->value[i],
                      (double)BRENIER_LARGEST_COORDINATE);
  PetscCall(BrenierFaultAgree(points->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of all ranks: one without targets may have no array. */
static PetscErrorCode AgreeOnPrecision(BrenierTargets t)
{
  int single = t->single != NULL;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &single, 1, MPI_INT, MPI_MAX, t->comm));
  t->is_single = (PetscBool)single;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetLayout(BrenierTargets t)
{
  PetscFunctionBegin;
  PetscCall(PetscLayoutDestroy(&t->layout));
  PetscCall(PetscLayoutCreateFromSizes(t->comm, t->n_local, PETSC_DECIDE, 1, &t->layout));
  PetscCall(PetscLayoutGetRange(t->layout, &t->first, NULL));
  PetscCall(PetscLayoutGetSize(t->layout, &t->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Different targets must differ by a number whose square is not zero. */
static PetscErrorCode CheckSpread(BrenierTargets t)
{
  const BrenierCoordinates y       = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal                largest = 0.0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k)
      largest = PetscMax(largest, PetscAbsReal(BrenierCoordinate(&y, i, k) - t->centre[k]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCheck(t->n == 1 || largest >= brenier_least_spread, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: no target is further than %g from their centre; scale the targets up", t->path, (double)largest);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- memory of a node ---- */

struct _p_BrenierNodeRows {
  BrenierShared memory;
  PetscInt     *first; /* row in it that a rank's begin with, by rank of the targets' communicator */
};

static PetscErrorCode FreeCoordinates(BrenierTargets t)
{
  PetscFunctionBegin;
  if (!t->node_rows || t->borrows_y) {
    if (!t->borrows_y) PetscCall(PetscFree(t->y));
    PetscCall(PetscFree(t->single));
  }
  if (t->node_rows) {
    BrenierSharedFree(&t->node_rows->memory);
    PetscCall(PetscFree(t->node_rows->first));
    PetscCall(PetscFree(t->node_rows));
  }
  t->y         = NULL;
  t->single    = NULL;
  t->borrows_y = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Memory for the rows of all ranks of this node, on every node or on none. */
static PetscErrorCode CreateNodeRows(BrenierTargets t, size_t row_bytes, BrenierNodeRows rows, PetscBool *found)
{
  const BrenierNodes nodes  = t->nodes;
  const PetscMPIInt *member = nodes->member + nodes->first[nodes->here];
  const PetscInt    *range;
  PetscMPIInt        size, size_here;
  PetscInt           n = 0; // rows of this node
  int                everywhere;

  PetscFunctionBegin;
  PetscCall(PetscLayoutGetRanges(t->layout, &range));
  PetscCallMPI(MPI_Comm_size(nodes->comm, &size));
  PetscCallMPI(MPI_Comm_size(nodes->node, &size_here));
  PetscCall(PetscCalloc1(size, &rows->first));
  for (PetscMPIInt r = 0; r < size_here; ++r) {
    rows->first[member[r]] = n;
    n += range[member[r] + 1] - range[member[r]];
  }
  PetscCall(BrenierSharedCreate(nodes, (size_t)n * row_bytes, &rows->memory, found));
  everywhere = *found;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_LAND, nodes->comm));
  *found = (PetscBool)everywhere;
  if (*found) PetscFunctionReturn(PETSC_SUCCESS);
  BrenierSharedFree(&rows->memory);
  PetscCall(PetscFree(rows->first));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Moves the coordinates to memory of the node. */
static PetscErrorCode Share(BrenierTargets t)
{
  PetscMPIInt     rank, size;
  PetscBool       found;
  BrenierNodeRows rows;
  size_t          row_bytes;
  char           *own;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  if (t->nodes->n == size) PetscFunctionReturn(PETSC_SUCCESS); // every rank is a node of its own
  row_bytes = (size_t)t->dim * (t->is_single ? sizeof *t->single : sizeof *t->y);
  PetscCall(PetscNew(&rows));
  PetscCall(CreateNodeRows(t, row_bytes, rows, &found));
  if (!found) {
    PetscCall(PetscFree(rows));
    PetscCall(BrenierPrint(t->comm, "%s", brenier_no_shared_memory));
    PetscCall(BrenierNodesSeparate(t->nodes));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  own = (char *)rows->memory.memory + (size_t)rows->first[rank] * row_bytes;
  PetscCall(PetscMemcpy(own, t->is_single ? (void *)t->single : (void *)t->y, (size_t)t->n_local * row_bytes));
  if (!t->borrows_y) {
    PetscCall(FreeCoordinates(t));
    if (t->is_single) t->single = (float *)(void *)own;
    else t->y = (PetscReal *)(void *)own;
  }
  t->node_rows = rows;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- targets ---- */

PetscErrorCode BrenierTargetsCheckInput(const BrenierArray *points, const BrenierArray *weights)
{
  PetscFunctionBegin;
  if (weights) PetscCall(CheckWeights(points, weights));
  PetscCall(CheckMagnitude(points));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsCreate(BrenierArray *points, const BrenierArray *weights, BrenierTargets *targets)
{
  BrenierTargets t;
  PetscInt       n_local;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCheckInput(points, weights));
  PetscCall(PetscNew(&t));
  t->comm        = points->comm;
  t->dim         = points->dim;
  t->n_local     = points->n_local;
  t->y           = points->value;
  t->single      = points->single;
  t->borrows_y   = points->borrowed;
  t->file_bytes  = points->file_bytes;
  t->hash        = points->hash;
  points->value  = NULL;
  points->single = NULL;
  PetscCall(AgreeOnPrecision(t));
  PetscCall(PetscStrncpy(t->path, points->path, sizeof t->path));
  PetscCall(SetLayout(t));
  PetscCall(SetWeights(t, weights));
  PetscCall(PetscMalloc1(t->n_local, &t->row));
  for (PetscInt i = 0; i < t->n_local; ++i) t->row[i] = t->first + i;
  n_local = t->n_local;
  PetscCall(BrenierMergeDuplicates_Private(t->comm, t->layout, &(BrenierMutablePoints){t->dim, t->y, t->single},
                                           &n_local, t->nu, t->row, &t->n_merged));
  t->n_local = n_local;
  PetscCall(SetLayout(t));
  if (t->n_merged)
    PetscCall(BrenierPrint(t->comm,
                           "notice: %" PetscInt64_FMT
                           " duplicate%s among the targets in %s merged, weights added, %" PetscInt_FMT
                           " target%s left",
                           t->n_merged, BrenierPlural(t->n_merged), t->path, t->n, BrenierPlural(t->n)));
  PetscCall(SetCentreAndUnit(t));
  PetscCall(CheckSpread(t));
  PetscCall(BrenierNodesCreate(t->comm, 0, &t->nodes));
  PetscCall(Share(t));
  *targets = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsCreateFromPoints(MPI_Comm comm, PetscInt n_local, const BrenierMutablePoints *y,
                                              PetscReal *nu, PetscInt64 *row, BrenierTargets *targets)
{
  BrenierTargets t;

  PetscFunctionBegin;
  PetscCall(PetscNew(&t));
  t->comm       = comm;
  t->dim        = y->dim;
  t->n_local    = n_local;
  t->y          = y->value;
  t->single     = y->single;
  t->is_single  = (PetscBool)(y->single != NULL);
  t->nu         = nu;
  t->row        = row;
  t->weight_sum = 1.0;
  PetscCall(SetLayout(t));
  PetscCall(SetCentreAndUnit(t));
  PetscCall(BrenierNodesCreate(t->comm, 0, &t->nodes));
  PetscCall(Share(t));
  *targets = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsCreateFromArrays(MPI_Comm comm, PetscInt n_local, PetscInt dim, PetscReal *y,
                                              PetscReal *nu, PetscInt64 *row, BrenierTargets *targets)
{
  const BrenierMutablePoints points = {.dim = dim, .value = y};

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateFromPoints(comm, n_local, &points, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsCopyCoordinates(BrenierTargets t, PetscReal y[])
{
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n_local; ++i) {
    PetscReal *const       to   = y + (size_t)i * (size_t)t->dim;
    const PetscReal *const from = BrenierPoint(&points, i, to);

    if (from != to) PetscCall(PetscArraycpy(to, from, t->dim));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsWiden(BrenierTargets t)
{
  PetscReal *y;

  PetscFunctionBegin;
  if (!t->is_single) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim, &y));
  PetscCall(BrenierTargetsCopyCoordinates(t, y));
  PetscCall(FreeCoordinates(t));
  t->y         = y;
  t->is_single = PETSC_FALSE;
  PetscCall(Share(t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsInCoordinates(BrenierTargets given, PetscInt dim, PetscReal *y, BrenierTargets *targets)
{
  PetscReal  *nu;
  PetscInt64 *row;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(given->n_local, &nu));
  PetscCall(PetscMalloc1(given->n_local, &row));
  PetscCall(PetscArraycpy(nu, given->nu, given->n_local));
  PetscCall(PetscArraycpy(row, given->row, given->n_local));
  PetscCall(BrenierTargetsCreateFromArrays(given->comm, given->n_local, dim, y, nu, row, targets));
  (*targets)->n_merged   = given->n_merged;
  (*targets)->weight_sum = given->weight_sum;
  (*targets)->hash       = given->hash;
  (*targets)->file_bytes = given->file_bytes;
  PetscCall(PetscStrncpy((*targets)->path, given->path, sizeof given->path));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsCreateVec(BrenierTargets t, Vec *v)
{
  PetscFunctionBegin;
  PetscCall(VecCreateMPI(t->comm, t->n_local, t->n, v));
  PetscCall(VecZeroEntries(*v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsGauge(BrenierTargets t, Vec h)
{
  const PetscScalar *a;
  PetscReal         *term, sum;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &term));
  PetscCall(VecGetArrayRead(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) term[i] = t->nu[i] * a[i];
  PetscCall(VecRestoreArrayRead(h, &a));
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &sum));
  PetscCall(BrenierHeightsShift(h, -sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsHash(BrenierTargets t, PetscInt64 *hash)
{
  const BrenierCoordinates y         = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const size_t             row_bytes = (size_t)t->dim * sizeof *t->y;
  PetscReal               *work;
  uint64_t                 sum = 0; // of the hashes of the rows, seeded by their index: no order of ranks in it

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->dim, &work));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const uint64_t of_row = XXH3_64bits_withSeed(BrenierPoint(&y, i, work), row_bytes, (uint64_t)(t->first + i));
    const uint64_t all[]  = {of_row, (uint64_t)t->row[i], XXH3_64bits(&t->nu[i], sizeof t->nu[i])};

    sum += XXH3_64bits(all, sizeof all);
  }
  PetscCall(PetscFree(work));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, t->comm));
  *hash = (PetscInt64)sum;
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierCoordinates BrenierTargetsCoordinates(BrenierTargets t, PetscBool normalised)
{
  BrenierCoordinates y = BrenierCoordinatesOf(t->n_local, t->dim, t->y);

  y.single = t->single;
  if (normalised) {
    y.origin = t->centre;
    y.scale  = 1.0 / t->unit; // exact, as are products: unit is a power of two
  }
  return y;
}

/* As BrenierTargetsFetchRows(), of numbers of any type. */
static PetscErrorCode FetchRows(BrenierTargets t, PetscInt n, const PetscInt64 index[], PetscInt width,
                                MPI_Datatype number, const void *rows, void *fetched)
{
  MPI_Datatype row;
  PetscSF      sf;
  PetscInt    *leaf;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &leaf));
  for (PetscInt i = 0; i < n; ++i) leaf[i] = (PetscInt)index[i];
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)width, number, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, t->layout, n, NULL, PETSC_OWN_POINTER, leaf));
  PetscCall(PetscSFBcastBegin(sf, row, rows, fetched, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(sf, row, rows, fetched, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&sf));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree(leaf));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsFetchRows(BrenierTargets t, PetscInt n, const PetscInt64 index[], PetscInt width,
                                       const PetscReal rows[], PetscReal fetched[])
{
  PetscFunctionBegin;
  PetscCall(FetchRows(t, n, index, width, MPIU_REAL, rows, fetched));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsFetchWhole(BrenierTargets t, PetscInt n, const PetscInt64 index[],
                                        const PetscInt64 whole[], PetscInt64 fetched[])
{
  PetscFunctionBegin;
  PetscCall(FetchRows(t, n, index, 1, MPIU_INT64, whole, fetched));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsFetch(BrenierTargets t, PetscInt n, const PetscInt64 index[], PetscReal y[])
{
  const size_t n_values = (size_t)n * (size_t)t->dim;
  float       *single;

  PetscFunctionBegin;
  if (!t->is_single) {
    PetscCall(BrenierTargetsFetchRows(t, n, index, t->dim, t->y, y));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc1(n_values, &single));
  PetscCall(FetchRows(t, n, index, t->dim, MPI_FLOAT, t->single, single));
  for (size_t i = 0; i < n_values; ++i) y[i] = single[i];
  PetscCall(PetscFree(single));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsSecondMoment(BrenierTargets t, PetscReal *moment)
{
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  PetscReal               *term, *work;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(t->n_local, &term, t->dim, &work));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = BrenierPoint(&points, i, work);

    term[i] = t->nu[i] * (t->square ? t->square[i] : BrenierDot((size_t)t->dim, y, y));
  }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, moment));
  *moment += t->dropped;
  PetscCall(PetscFree2(term, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsMoved(BrenierTargets t)
{
  PetscFunctionBegin;
  PetscCall(BrenierScalesDestroy(&t->scales));
  t->has_scales = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierCoordinates BrenierTargetsOfNode(BrenierTargets t, PetscMPIInt rank)
{
  BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_TRUE);
  size_t             at;

  if (!t->node_rows) return y;
  at       = (size_t)t->node_rows->first[rank] * (size_t)t->dim;
  y.n      = t->layout->range[rank + 1] - t->layout->range[rank];
  y.value  = t->is_single ? NULL : (const PetscReal *)t->node_rows->memory.memory + at;
  y.single = t->is_single ? (const float *)t->node_rows->memory.memory + at : NULL;
  return y;
}

PetscErrorCode BrenierTargetsTakeCoordinates(BrenierTargets t, PetscReal **y)
{
  const size_t n = (size_t)t->n_local * (size_t)t->dim;

  PetscFunctionBegin;
  PetscCheck(!t->single, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "Coordinates in single precision");
  if (t->node_rows || t->borrows_y) {
    PetscCall(PetscMalloc1(n, y));
    PetscCall(PetscArraycpy(*y, t->y, n));
    PetscCall(FreeCoordinates(t));
  } else *y = t->y;
  t->y = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTargetsDestroy(BrenierTargets *targets)
{
  BrenierTargets t = *targets;

  PetscFunctionBegin;
  if (!t) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(t->square));
  PetscCall(PetscLayoutDestroy(&t->layout));
  PetscCall(BrenierNodesDestroy(&t->nodes));
  PetscCall(BrenierScalesDestroy(&t->scales));
  PetscCall(FreeCoordinates(t));
  PetscCall(PetscFree(t->nu));
  PetscCall(PetscFree(t->row));
  PetscCall(PetscFree(t->centre));
  PetscCall(PetscFree(*targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}
