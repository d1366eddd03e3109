static const char help[] = "Checks the sampled dual against a plain twin, finite differences and its identities.\n";

#include "problems.h"

#include <brenier/context.h>
#include <brenier/dot.h>
#include <brenier/dual.h>
#include <brenier/threads.h>

#include "data/shared.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/*
  The twin has no filter, no lists, no blocks: every curve meets all targets in double, and the envelope of all their
  planes is walked. The dual must find the same pieces bit for bit.
*/

enum { SEED = 17 };

typedef struct {
  BrenierTargets targets;
  BrenierSource  source;
  BrenierDual    dual;
  PetscInt64     n_curves;
  Vec            h, mass;
  PetscReal     *y; /* all targets, normalised */
} Problem;

static PetscErrorCode FinishProblem(BrenierTargets targets, const char type[], PetscReal scale, PetscInt64 n_curves,
                                    PetscInt n_batches, Problem *p)
{
  PetscFunctionBeginUser;
  p->targets = targets;
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, targets->dim, scale, &p->source));
  p->n_curves = PetscMin(n_curves, BrenierSourceMaxCurves(p->source));
  PetscCall(BrenierDualCreate(targets, p->source, SEED, BRENIER_STREAM_SOLVE, n_curves, n_batches, &p->dual));
  PetscCall(BrenierTargetsCreateVec(targets, &p->h));
  PetscCall(BrenierTargetsCreateVec(targets, &p->mass));
  PetscCall(GatherTargets(targets, PETSC_TRUE, &p->y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateProblem(MPI_Comm comm, Cloud cloud, PetscInt n, PetscInt dim, const char type[],
                                    PetscInt64 n_curves, Problem *p)
{
  BrenierTargets targets;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(comm, cloud, 5, n, dim, 1.0, 0.0, &targets));
  PetscCall(FinishProblem(targets, type, 1.0, n_curves, 4, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyProblem(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(p->y));
  PetscCall(VecDestroy(&p->h));
  PetscCall(VecDestroy(&p->mass));
  PetscCall(BrenierDualDestroy(&p->dual));
  PetscCall(BrenierSourceDestroy(&p->source));
  PetscCall(BrenierTargetsDestroy(&p->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Planes of all targets along a curve, by the formulas of source.h. */
typedef struct {
  BrenierEnvelope envelope;
  PetscReal      *a, *b, *h; /* h: all normalised heights */
  PetscReal      *top;       /* heights along the curve walked last: h, and what a circle about a point adds */
} Twin;

static PetscErrorCode CreateTwin(const Problem *p, Twin *twin)
{
  PetscReal *h;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(twin, sizeof *twin));
  PetscCall(PetscMalloc4(p->targets->n, &twin->a, p->targets->n, &twin->b, p->targets->n, &twin->h, p->targets->n,
                         &twin->top));
  PetscCall(GatherVec(p->targets, p->h, &h));
  for (PetscInt i = 0; i < p->targets->n; ++i) twin->h[i] = h[i] / p->targets->unit;
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyTwin(Twin *twin)
{
  PetscFunctionBeginUser;
  BrenierEnvelopeFree(&twin->envelope);
  PetscCall(PetscFree4(twin->a, twin->b, twin->h, twin->top));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Plane of one normalised target. */
static void TwinPlane(const Problem *p, const BrenierCurve *curve, const PetscReal y[], PetscReal *a, PetscReal *b,
                      PetscReal *base)
{
  const size_t dim = (size_t)p->targets->dim;

  *base = curve->centre ? BrenierDot(dim, curve->centre, y) : 0.0;
  switch (BrenierSourceCurveType(p->source)) {
  case BRENIER_CURVE_CIRCLE:
    *a = BrenierDot(dim, curve->z1, y);
    *b = BrenierDot(dim, curve->z2, y);
    break;
  case BRENIER_CURVE_CHORD:
    *b = y[curve->axis];
    *a = BrenierDot(dim, curve->z1, y) - curve->z1[curve->axis] * *b;
    break;
  default:
    *a = 0.0;
    *b = curve->z1[0] * y[0];
  }
}

static PetscErrorCode WalkTwin(const Problem *p, PetscInt64 k, Twin *twin)
{
  const size_t n = (size_t)p->targets->n;
  BrenierCurve curve;
  PetscReal   *z;
  int          failed;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(2 * p->targets->dim, &z));
  curve.z1 = z;
  curve.z2 = z + p->targets->dim;
  BrenierSourceDrawCurve(p->source, SEED, BRENIER_STREAM_SOLVE, k, &curve);
  for (size_t i = 0; i < n; ++i) {
    TwinPlane(p, &curve, p->y + i * (size_t)p->targets->dim, &twin->a[i], &twin->b[i], &twin->top[i]);
    twin->top[i] += twin->h[i];
  }
  failed =
      BrenierSourceCurveType(p->source) == BRENIER_CURVE_CIRCLE
          ? BrenierCircleEnvelope(n, twin->a, twin->b, twin->top, &twin->envelope)
          : BrenierLineEnvelope(n, twin->a, twin->b, twin->top, BrenierSourceLineMeasure(p->source), &twin->envelope);
  PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "envelope");
  PetscCall(PetscFree(z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal ShareBelow(const Problem *p, PetscReal t)
{
  return BrenierSourceCurveType(p->source) == BRENIER_CURVE_CIRCLE
             ? BrenierCircleShare(t)
             : BrenierLineShare(BrenierSourceLineMeasure(p->source), t);
}

/* Masses, in the order of all targets, and energy of the twin's curves; all curves on every rank. */
static PetscErrorCode SumTwin(const Problem *p, Twin *twin, PetscReal mass[], PetscReal *energy)
{
  PetscReal *nu;

  PetscFunctionBeginUser;
  *energy = 0.0;
  PetscCall(PetscArrayzero(mass, p->targets->n));
  for (PetscInt64 k = 0; k < p->n_curves; ++k) {
    const BrenierEnvelope *e = &twin->envelope;

    PetscCall(WalkTwin(p, k, twin));
    for (size_t q = 0; q < e->n; ++q) {
      const int32_t   i = e->plane[q];
      const PetscReal s = e->start[q], t = e->start[q + 1];

      mass[i] += (ShareBelow(p, t) - ShareBelow(p, s)) / (PetscReal)p->n_curves;
      *energy +=
          (BrenierSourceCurveType(p->source) == BRENIER_CURVE_CIRCLE
               ? BrenierCircleIntegral(twin->a[i], twin->b[i], twin->top[i], s, t)
               : BrenierLineIntegral(BrenierSourceLineMeasure(p->source), twin->a[i], twin->b[i], twin->top[i], s, t)) /
          (PetscReal)p->n_curves;
    }
  }
  PetscCall(GatherRows(p->targets, 1, p->targets->nu, &nu));
  for (PetscInt i = 0; i < p->targets->n; ++i) *energy -= nu[i] * twin->h[i];
  *energy *= p->targets->unit;
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pieces of every curve of this rank, bit for bit. */
static PetscErrorCode ComparePieces(const Problem *p, Twin *twin, PetscInt64 *n_pieces)
{
  PetscInt64 first;
  PetscInt   n_local, *target;
  PetscReal *start;

  PetscFunctionBeginUser;
  *n_pieces = 0;
  PetscCall(BrenierDualGetCurves(p->dual, &first, &n_local));
  PetscCall(PetscMalloc2(2 * p->targets->n + 2, &target, 2 * p->targets->n + 2, &start));
  for (PetscInt c = 0; c < n_local; ++c) {
    const BrenierEnvelope *e = &twin->envelope;
    PetscInt               n = -1;

    PetscCall(WalkTwin(p, first + c, twin));
    PetscCall(BrenierDualGetPieces(p->dual, c, &n, target, start, 2 * p->targets->n + 2));
    PetscCheck(n == (PetscInt)e->n, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "curve %" PetscInt64_FMT ": %" PetscInt_FMT " pieces, not %zu", first + c, n, e->n);
    for (PetscInt q = 0; q < n; ++q)
      PetscCheck(target[q] == e->plane[q] && start[q] == e->start[q], PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "curve %" PetscInt64_FMT ", piece %" PetscInt_FMT ": target %" PetscInt_FMT
                 " from %.17g, not %d from %.17g",
                 first + c, q, target[q], (double)start[q], e->plane[q], e->start[q]);
    *n_pieces += n;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n_pieces, 1, MPIU_INT64, MPI_SUM, p->targets->comm));
  PetscCall(PetscFree2(target, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CompareValues(const Problem *p, Twin *twin, const BrenierDualValue *value)
{
  const PetscInt n = p->targets->n;
  PetscReal     *wanted, *mass, energy, total = 0.0, size = 0.0;
  PetscInt64     n_empty = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &wanted));
  PetscCall(SumTwin(p, twin, wanted, &energy));
  PetscCall(GatherVec(p->targets, p->mass, &mass));
  for (PetscInt i = 0; i < n; ++i) {
    PetscCheck(PetscAbsReal(mass[i] - wanted[i]) <= 1e-14, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "mass of %" PetscInt_FMT ": %.17g, not %.17g", i, (double)mass[i], (double)wanted[i]);
    total += mass[i];
    n_empty += mass[i] == 0.0;
    size = PetscMax(size, PetscAbsReal(twin->h[i]));
  }
  PetscCheck(PetscAbsReal(total - 1.0) <= DBL_EPSILON * (PetscReal)n, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "masses sum to %.17g", (double)total);
  PetscCheck(n_empty == value->n_empty, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " empty", value->n_empty);
  PetscCheck(PetscAbsReal(value->energy - energy) <= 1e-13 * (size + 10.0) * p->targets->unit, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "energy: %.17g, not %.17g", (double)value->energy, (double)energy);
  PetscCall(PetscFree(wanted));
  PetscCall(PetscFree(mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates and compares everything with the twin. */
static PetscErrorCode CompareEvaluation(Problem *p)
{
  BrenierDualValue value;
  PetscInt64       n_pieces;
  Twin             twin;

  PetscFunctionBeginUser;
  PetscCall(BrenierDualEvaluate(p->dual, p->h, p->mass, &value));
  PetscCall(CreateTwin(p, &twin));
  PetscCall(ComparePieces(p, &twin, &n_pieces));
  PetscCheck(n_pieces == value.n_pieces, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " pieces", value.n_pieces);
  PetscCall(CompareValues(p, &twin, &value));
  PetscCall(DestroyTwin(&twin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cold, warm with heights that moved a little and much, warm with the same ones. */
static PetscErrorCode CompareAll(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(SetHeights(p->targets, 1.0, 0.02, 1, p->h));
  PetscCall(CompareEvaluation(p));
  PetscCall(SetHeights(p->targets, 0.98, 0.05, 1, p->h));
  PetscCall(CompareEvaluation(p));
  PetscCall(CompareEvaluation(p));
  PetscCall(SetHeights(p->targets, 0.0, 0.5, 2, p->h));
  PetscCall(CompareEvaluation(p));
  PetscCall(VecZeroEntries(p->h));
  PetscCall(CompareEvaluation(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Ranks share curves of three families, whatever law draws them: several ranks try one law of each. */
static PetscBool IsTried(const char *name)
{
  PetscMPIInt size;

  (void)MPI_Comm_size(PETSC_COMM_WORLD, &size);
  return (PetscBool)(size == 1 || !strcmp(name, "gaussian") || !strcmp(name, "cube") || !strcmp(name, "mixture"));
}

static PetscErrorCode TestTwin(void)
{
  static const PetscInt dims[] = {1, 2, 8, 64};
  PetscMPIInt           size;
  Problem               p;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (Cloud cloud = CLOUD_NORMAL; cloud < N_CLOUDS; ++cloud)
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; ++d)
      for (const char *const *name = BrenierSourceNames; *name; ++name) {
        if (dims[d] < BrenierSourceLeastDim(*name) || !IsTried(*name)) continue;
        PetscCall(CreateProblem(PETSC_COMM_WORLD, cloud, 300, dims[d], *name, 23, &p));
        PetscCall(CompareAll(&p));
        PetscCall(DestroyProblem(&p));
      }
  // Fewer targets and curves than ranks; more targets than a tile; more curves than a chunk
  for (int chords = 0; chords < 2; ++chords) {
    const char *law = chords ? "cube" : "gaussian";

    for (PetscInt n = 1; n <= 4; ++n) {
      PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, n, 1 + n % 3, law, n, &p));
      PetscCall(CompareAll(&p));
      PetscCall(DestroyProblem(&p));
    }
    PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 9001, 3, law, 7, &p));
    PetscCall(CompareAll(&p));
    PetscCall(DestroyProblem(&p));
    if (size > 1) continue;
    PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 100, 2, law, 4096 + 13, &p));
    PetscCall(CompareAll(&p));
    PetscCall(DestroyProblem(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes of targets sent so far, over all ranks. */
static PetscErrorCode BytesSent(BrenierDual dual, PetscLogDouble *bytes)
{
  BrenierDualWork work;

  PetscFunctionBeginUser;
  PetscCall(BrenierDualGetWork(dual, &work));
  PetscCallMPI(MPI_Allreduce(&work.ring_bytes, bytes, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of targets in single precision. */
static PetscErrorCode CreateSingleProblem(PetscInt n, PetscInt dim, PetscInt64 n_curves, Problem *p)
{
  BrenierArray   points = {.comm = PETSC_COMM_WORLD, .n = n, .dim = dim};
  BrenierTargets targets;
  PetscReal     *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(points.comm, n, &points.first, &points.n_local));
  PetscCall(PetscMalloc1(points.n_local * dim, &points.single));
  PetscCall(PetscMalloc1(dim, &row));
  for (PetscInt i = 0; i < points.n_local; ++i) {
    CloudRow(CLOUD_NORMAL, 5, points.first + i, dim, row);
    for (PetscInt k = 0; k < dim; ++k) points.single[i * dim + k] = (float)row[k];
  }
  PetscCall(PetscFree(row));
  PetscCall(BrenierTargetsCreate(&points, NULL, &targets));
  PetscCall(FinishProblem(targets, "gaussian", 1.0, n_curves, 4, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At other heights, the same masses as of a dual that keeps no targets; of what a node keeps the heights alone are
   sent. */
static PetscErrorCode CompareKept(Problem *p, PetscMPIInt n_nodes)
{
  const PetscLogDouble wanted = (PetscLogDouble)p->targets->n * 2.0 * sizeof(PetscReal) * (n_nodes - 1);
  const size_t         limit  = p->targets->nodes->cache_bytes;
  BrenierDual          other;
  PetscLogDouble       before, after;
  PetscBool            same;
  Vec                  mass;

  PetscFunctionBeginUser;
  PetscCall(SetHeights(p->targets, 0.9, 0.05, 2, p->h));
  PetscCall(BytesSent(p->dual, &before));
  PetscCall(BrenierDualEvaluate(p->dual, p->h, p->mass, &(BrenierDualValue){0}));
  PetscCall(BytesSent(p->dual, &after));
  PetscCheck(after - before == wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g bytes of kept targets sent, not %g",
             after - before, wanted);
  p->targets->nodes->cache_bytes = 0;
  PetscCall(
      BrenierDualCreate(p->targets, p->source, SEED, BRENIER_STREAM_SOLVE, BrenierDualCurves(p->dual), 4, &other));
  PetscCall(VecDuplicate(p->mass, &mass));
  PetscCall(BrenierDualEvaluate(other, p->h, mass, &(BrenierDualValue){0}));
  PetscCall(VecEqual(mass, p->mass, &same));
  PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other masses with kept targets");
  p->targets->nodes->cache_bytes = limit;
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nodes of `most` ranks each: the same pieces, in two chunks of curves. What a node keeps is sent to it once, what it
   does not keep to every rank for every chunk. On one node nothing is sent. single: coordinates are, and travel so. */
static PetscErrorCode TestNodes(PetscMPIInt most, PetscBool keeps, PetscBool single)
{
  enum { N = 24, DIM = 5, COLUMNS = 2, CHUNK = 4096 };
  const PetscLogDouble all_bytes = N * (COLUMNS + (single ? (DIM + 1) / 2 : DIM)) * sizeof(PetscReal);
  PetscMPIInt          size, n_nodes;
  PetscLogDouble       bytes, wanted;
  Problem              p;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  n_nodes = most ? (size + most - 1) / most : 1;
  wanted  = keeps || n_nodes == 1 ? all_bytes * (n_nodes - 1) : 2 * all_bytes * (size - 1);
  if (single) PetscCall(CreateSingleProblem(N, DIM, size * CHUNK + 13, &p));
  else PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, N, DIM, "gaussian", size * CHUNK + 13, &p));
  PetscCall(BrenierNodesDestroy(&p.targets->nodes));
  PetscCall(BrenierNodesCreate(PETSC_COMM_WORLD, most, &p.targets->nodes));
  PetscCheck(p.targets->nodes->n == n_nodes, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d nodes", p.targets->nodes->n);
  p.targets->nodes->share_bytes = 0; // few targets are shared, too
  if (!keeps) p.targets->nodes->cache_bytes = 0;
  PetscCall(SetHeights(p.targets, 1.0, 0.02, 1, p.h));
  PetscCall(CompareEvaluation(&p));
  PetscCall(BytesSent(p.dual, &bytes));
  PetscCheck(bytes == wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g bytes sent with %d nodes, not %g", bytes, n_nodes,
             wanted);
  if (keeps) PetscCall(CompareKept(&p, n_nodes));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two duals that scan by turns with one cache, as if each had one of its own. */
static PetscErrorCode TestSharedCache(void)
{
  Problem          p, other;
  BrenierScanCache cache;
  BrenierDual      second;
  Vec              mass;
  PetscErrorCode   ierr;
  PetscBool        same;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 300, 8, "gaussian", 40, &p));
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 300, 8, "gaussian", 40, &other));
  PetscCall(BrenierScanCacheCreate(p.targets, &cache));
  PetscCall(BrenierDualSetCache(p.dual, cache));
  PetscCall(BrenierDualCreate(p.targets, p.source, SEED, BRENIER_STREAM_SOLVE, 40, 4, &second));
  PetscCall(BrenierDualSetCache(second, cache));
  PetscCall(VecDuplicate(p.mass, &mass));
  for (int k = 1; k < 4; ++k) {
    PetscCall(SetHeights(p.targets, 1.0, 0.02, 2 * k, p.h));
    PetscCall(CompareEvaluation(&p));
    PetscCall(SetHeights(p.targets, 0.9, 0.05, 2 * k + 1, p.h));
    PetscCall(BrenierDualEvaluate(second, p.h, mass, &(BrenierDualValue){0}));
    PetscCall(BrenierDualEvaluate(other.dual, p.h, other.mass, &(BrenierDualValue){0}));
    PetscCall(VecEqual(mass, other.mass, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other masses with a cache that another dual uses");
  }
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = BrenierDualSetCache(other.dual, cache);
  PetscCall(PetscPopErrorHandler());
  PetscCheck(ierr == PETSC_ERR_ARG_WRONG, PETSC_COMM_SELF, PETSC_ERR_PLIB, "took a cache of other targets");
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&second));
  PetscCall(DestroyProblem(&other));
  PetscCall(BrenierDualDestroy(&p.dual));
  PetscCall(BrenierScanCacheDestroy(&cache));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without room for shared memory every rank keeps its own copy, and caches of before are of no use. shares: the targets
   are in such memory before it runs out. */
static PetscErrorCode TestNoSharedMemory(PetscBool shares)
{
  PetscMPIInt   size;
  Problem       p;
  BrenierDual   second;
  Vec           mass;
  PetscBool     same;
  struct rlimit before, limit;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  getrlimit(RLIMIT_FSIZE, &before);
  limit          = before;
  limit.rlim_cur = 4096; // a shared object counts as a file
  signal(SIGXFSZ, SIG_IGN);
  if (!shares) setrlimit(RLIMIT_FSIZE, &limit);
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 300, 3, "gaussian", 40, &p));
  PetscCall(SetHeights(p.targets, 1.0, 0.02, 1, p.h));
  if (shares) PetscCall(CompareEvaluation(&p));
  PetscCall(BrenierDualCreate(p.targets, p.source, SEED, BRENIER_STREAM_SOLVE, 40, 4, &second));
  PetscCall(VecDuplicate(p.mass, &mass));
  setrlimit(RLIMIT_FSIZE, &limit);
  PetscCall(BrenierDualEvaluate(second, p.h, mass, &(BrenierDualValue){0}));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_DFL);
  PetscCheck(p.targets->nodes->n == size, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a weak test: memory was shared");
  PetscCall(CompareEvaluation(&p));
  PetscCall(VecEqual(mass, p.mass, &same));
  PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "other masses without shared memory");
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&second));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With room for heights alone in shared memory every rank packs its own copy of the targets. */
static PetscErrorCode TestNoSharedTiles(void)
{
  enum { N = 300, DIM = 3 };
  Problem       p;
  struct rlimit before, limit;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, N, DIM, "gaussian", 40, &p));
  p.targets->nodes->share_bytes = 0;
  getrlimit(RLIMIT_FSIZE, &before);
  limit          = before;
  limit.rlim_cur = N * 2 * sizeof(PetscReal); // packed targets have five floats or more, and their heights
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  PetscCall(SetHeights(p.targets, 1.0, 0.02, 1, p.h));
  PetscCall(CompareEvaluation(&p));
  PetscCall(SetHeights(p.targets, 1.0, 0.02, 2, p.h));
  PetscCall(CompareEvaluation(&p));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_DFL);
  PetscCheck(p.targets->nodes->n == 1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a weak test: rows were not shared");
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Duplicates merged on the way in: as if they had not been there, but for the weights. */
static PetscErrorCode TestMerged(const char type[])
{
  enum { N = 240, DIM = 3 };
  BrenierArray   points = {0};
  BrenierTargets targets;
  Problem        p;

  PetscFunctionBeginUser;
  points.comm = PETSC_COMM_WORLD;
  points.n    = N;
  points.dim  = DIM;
  PetscCall(SplitRows(points.comm, N, &points.first, &points.n_local));
  PetscCall(PetscMalloc1(points.n_local * DIM, &points.value));
  for (PetscInt i = 0; i < points.n_local; ++i)
    CloudRow(CLOUD_NORMAL, 6, (points.first + i) * 7 % (N / 3), DIM, points.value + i * DIM);
  PetscCall(BrenierTargetsCreate(&points, NULL, &targets));
  PetscCheck(targets->n == N / 3 && targets->n_merged == N - N / 3, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%" PetscInt_FMT " targets left", targets->n);
  for (PetscInt i = 0; i < targets->n_local; ++i)
    PetscCheck(PetscAbsReal(targets->nu[i] - 3.0 / N) <= 1e-15, PETSC_COMM_SELF, PETSC_ERR_PLIB, "weight %.17g",
               (double)targets->nu[i]);
  PetscCall(FinishProblem(targets, type, 1.0, 50, 1, &p));
  PetscCall(CompareAll(&p));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Masses, energy and sampling error of a problem spread over the ranks and of the same one on this rank alone, bit for
   bit. */
static PetscErrorCode TestSameAlone(Cloud cloud, PetscInt n, PetscInt dim, const char type[], PetscInt64 n_curves)
{
  Problem          world, self;
  BrenierDualValue value[2];
  PetscReal       *mass[2];

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, cloud, n, dim, type, n_curves, &world));
  PetscCall(CreateProblem(PETSC_COMM_SELF, cloud, n, dim, type, n_curves, &self));
  for (int pass = 0; pass < 2; ++pass) {
    PetscCall(SetHeights(world.targets, 1.0 - 0.1 * pass, 0.1, 3, world.h));
    PetscCall(SetHeights(self.targets, 1.0 - 0.1 * pass, 0.1, 3, self.h));
    PetscCall(BrenierDualEvaluate(world.dual, world.h, world.mass, &value[0]));
    PetscCall(BrenierDualEvaluate(self.dual, self.h, self.mass, &value[1]));
    PetscCall(GatherVec(world.targets, world.mass, &mass[0]));
    PetscCall(GatherVec(self.targets, self.mass, &mass[1]));
    PetscCheck(!memcmp(mass[0], mass[1], (size_t)n * sizeof *mass[0]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "masses depend on the ranks");
    PetscCheck(!memcmp(&value[0].energy, &value[1].energy, sizeof value[0].energy) &&
                   !memcmp(&value[0].sampling_chi2, &value[1].sampling_chi2, sizeof value[0].sampling_chi2) &&
                   value[0].n_pieces == value[1].n_pieces && value[0].n_empty == value[1].n_empty,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "energy %.17g and %.17g, noise %.17g and %.17g",
               (double)value[0].energy, (double)value[1].energy, (double)value[0].sampling_chi2,
               (double)value[1].sampling_chi2);
    PetscCall(PetscFree(mass[0]));
    PetscCall(PetscFree(mass[1]));
  }
  PetscCall(DestroyProblem(&world));
  PetscCall(DestroyProblem(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Masses and potentials by batches add up to those of the whole sample. */
static PetscErrorCode TestBatches(const char type[])
{
  enum { CURVES = 50, BATCHES = 7 };
  BrenierTargets   targets;
  Problem          p;
  BrenierDualValue value;
  PetscReal        energy[BATCHES], square[BATCHES], mean = 0.0, linear;
  const PetscReal *mass;
  PetscInt         n_batches;
  Vec              sum, nu;
  PetscScalar     *a;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, 40, 5, 2.5, 1.0, &targets));
  PetscCall(FinishProblem(targets, type, 1.0, CURVES, BATCHES, &p));
  PetscCall(SetHeights(targets, 1.0, 0.1, 4, p.h));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(BrenierDualGetBatches(p.dual, &n_batches, &mass, energy, square));
  PetscCheck(n_batches == BATCHES, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " batches", n_batches);
  PetscCall(VecDuplicate(p.mass, &sum));
  PetscCall(VecDuplicate(p.mass, &nu));
  PetscCall(VecCopy(p.mass, sum));
  PetscCall(VecGetArray(sum, &a));
  for (PetscInt b = 0; b < BATCHES; ++b) {
    const PetscReal part = (PetscReal)(CURVES * (b + 1) / BATCHES - CURVES * b / BATCHES) / CURVES;

    mean += part * energy[b];
    for (PetscInt i = 0; i < targets->n_local; ++i) a[i] -= part * mass[b * targets->n_local + i];
    PetscCheck(square[b] > 0.0 && square[b] < 50.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "mean square %g",
               (double)square[b]);
  }
  for (PetscInt i = 0; i < targets->n_local; ++i)
    PetscCheck(PetscAbsReal(a[i]) <= 1e-15, PETSC_COMM_SELF, PETSC_ERR_PLIB, "batches miss %g of a mass", (double)a[i]);
  PetscCall(VecRestoreArray(sum, &a));
  PetscCall(VecGetArray(nu, &a));
  PetscCall(PetscArraycpy(a, targets->nu, targets->n_local));
  PetscCall(VecRestoreArray(nu, &a));
  PetscCall(VecDot(nu, p.h, &linear));
  PetscCheck(PetscAbsReal(mean - linear - value.energy) <= 1e-13, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "energy %.17g, by batches %.17g", (double)value.energy, (double)(mean - linear));
  PetscCall(VecDestroy(&sum));
  PetscCall(VecDestroy(&nu));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A direction of entries of order 1, the same for any ranks. */
static PetscErrorCode SetDirection(BrenierTargets t, uint64_t seed, Vec x)
{
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(x, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) BrenierRandomNormal(seed, 86, (uint64_t)(t->first + i), 1, &a[i]);
  PetscCall(VecRestoreArray(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Energy and masses at h + step x. */
static PetscErrorCode EvaluateAt(Problem *p, PetscReal step, Vec x, Vec mass, PetscReal *energy)
{
  BrenierDualValue value;
  Vec              h;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->h, &h));
  PetscCall(VecWAXPY(h, step, x, p->h));
  PetscCall(BrenierDualEvaluate(p->dual, h, mass, &value));
  *energy = value.energy;
  PetscCall(VecDestroy(&h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Central differences along x. The step is short, because a cell that appears on some curve within the step adds mass
  like a square root. Largest relative error of H x over all cases below: 0.3 at 1e-5, 7e-4 at 1e-6, 4e-8 at 1e-7, where
  slopes agree to 5e-8; at 1e-8 rounding takes over.
*/
static PetscErrorCode CheckDifferences(Problem *p, Mat hessian, Vec gradient, Vec x)
{
  const PetscReal step = 1e-7 * p->targets->unit * PetscMin(1.0, BrenierSourceDeviation(p->source));
  PetscReal       energy[2], slope, difference, error, size;
  Vec             mass[2], product;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &mass[0]));
  PetscCall(VecDuplicate(x, &mass[1]));
  PetscCall(VecDuplicate(x, &product));
  PetscCall(EvaluateAt(p, step, x, mass[0], &energy[0]));
  PetscCall(EvaluateAt(p, -step, x, mass[1], &energy[1]));
  PetscCall(VecDot(gradient, x, &slope));
  difference = (energy[0] - energy[1]) / (2.0 * step);
  PetscCheck(PetscAbsReal(difference - slope) <= 1e-6 * PetscAbsReal(slope), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "dim %" PetscInt_FMT ": slope %.10g, by differences %.10g", p->targets->dim, (double)slope,
             (double)difference);
  PetscCall(VecAXPY(mass[0], -1.0, mass[1]));
  PetscCall(VecScale(mass[0], 0.5 / step));
  PetscCall(MatMult(hessian, x, product));
  PetscCall(VecNorm(product, NORM_2, &size));
  PetscCall(VecAXPY(product, -1.0, mass[0]));
  PetscCall(VecNorm(product, NORM_2, &error));
  PetscCheck(error <= 1e-6 * size, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s, dim %" PetscInt_FMT ": H x differs from differences by %g of %g", BrenierSourceName(p->source),
             p->targets->dim, (double)error, (double)size);
  PetscCall(VecDestroy(&mass[0]));
  PetscCall(VecDestroy(&mass[1]));
  PetscCall(VecDestroy(&product));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No negative curvature along random directions; `size` is a norm of the Hessian, y is work. */
static PetscErrorCode CheckCurvature(Problem *p, Mat hessian, PetscReal size, Vec y)
{
  PetscReal curvature;
  Vec       x;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->h, &x));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    PetscCall(SetDirection(p->targets, seed, x));
    PetscCall(MatMult(hessian, x, y));
    PetscCall(VecDot(x, y, &curvature));
    PetscCheck(curvature >= -1e-14 * size, PETSC_COMM_SELF, PETSC_ERR_PLIB, "negative curvature %g", (double)curvature);
  }
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Symmetry, zero row sums, zero rows of empty cells, no positive entry off the diagonal, no negative curvature. */
static PetscErrorCode CheckHessian(Problem *p, Mat hessian)
{
  PetscBool          symmetric;
  MatNullSpace       constants;
  PetscReal          size;
  Vec                sum, diagonal;
  const PetscScalar *m, *s, *d;

  PetscFunctionBeginUser;
  PetscCall(MatNorm(hessian, NORM_FROBENIUS, &size));
  PetscCall(MatIsTranspose(hessian, hessian, 1e-14 * size, &symmetric));
  PetscCheck(symmetric, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the Hessian is not symmetric");
  PetscCall(MatGetNullSpace(hessian, &constants));
  PetscCheck(constants, PETSC_COMM_SELF, PETSC_ERR_PLIB, "no null space attached");
  PetscCall(VecDuplicate(p->h, &sum));
  PetscCall(VecDuplicate(p->h, &diagonal));
  PetscCall(MatGetRowSum(hessian, sum));
  PetscCall(MatGetDiagonal(hessian, diagonal));
  PetscCall(VecGetArrayRead(p->mass, &m));
  PetscCall(VecGetArrayRead(sum, &s));
  PetscCall(VecGetArrayRead(diagonal, &d));
  for (PetscInt i = 0; i < p->targets->n_local; ++i) {
    const PetscInt     row = p->targets->first + i;
    PetscInt           n;
    const PetscInt    *column;
    const PetscScalar *v;

    PetscCheck(PetscAbsReal(s[i]) <= 1e-14 * d[i], PETSC_COMM_SELF, PETSC_ERR_PLIB, "row sum %g, diagonal %g",
               (double)s[i], (double)d[i]);
    PetscCheck(m[i] == 0.0 || m[i] == 1.0 ? d[i] == 0.0 : d[i] > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "mass %g, diagonal %g", (double)m[i], (double)d[i]);
    PetscCall(MatGetRow(hessian, row, &n, &column, &v));
    for (PetscInt k = 0; k < n; ++k)
      PetscCheck(column[k] == row ? v[k] >= 0.0 : v[k] <= 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "sign of an entry");
    PetscCall(MatRestoreRow(hessian, row, &n, &column, &v));
  }
  PetscCall(VecRestoreArrayRead(p->mass, &m));
  PetscCall(VecRestoreArrayRead(sum, &s));
  PetscCall(VecRestoreArrayRead(diagonal, &d));
  PetscCall(CheckCurvature(p, hessian, size, sum));
  PetscCall(VecDestroy(&sum));
  PetscCall(VecDestroy(&diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivatives(PetscInt n, PetscInt dim, const char type[], PetscReal source_scale,
                                      PetscInt64 n_curves)
{
  Problem            p;
  BrenierTargets     targets;
  BrenierDualValue   value;
  Mat                hessian;
  Vec                gradient, x;
  PetscScalar       *g;
  const PetscScalar *m;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 7, n, dim, 3.0, -1.0, &targets));
  PetscCall(FinishProblem(targets, type, source_scale, n_curves, 1, &p));
  PetscCall(SetHeights(targets, 1.0, 0.02, 5, p.h));
  PetscCall(VecScale(p.h, BrenierSourceDeviation(p.source))); // heights of the Gaussian start of its covariance
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCheck(value.n_empty <= 3 * n / 4, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "dim %" PetscInt_FMT ", %s: a weak test, %" PetscInt64_FMT " of %" PetscInt_FMT " cells are empty", dim,
             type, value.n_empty, n);
  PetscCall(BrenierDualHessian(p.dual, 1, &hessian));
  PetscCall(CheckHessian(&p, hessian));
  PetscCall(VecDuplicate(p.h, &gradient));
  PetscCall(VecDuplicate(p.h, &x));
  PetscCall(VecGetArrayRead(p.mass, &m));
  PetscCall(VecGetArray(gradient, &g));
  for (PetscInt i = 0; i < targets->n_local; ++i) g[i] = m[i] - targets->nu[i];
  PetscCall(VecRestoreArray(gradient, &g));
  PetscCall(VecRestoreArrayRead(p.mass, &m));
  for (uint64_t seed = 0; seed < 3; ++seed) {
    PetscCall(SetDirection(targets, seed, x));
    PetscCall(CheckDifferences(&p, hessian, gradient, x));
  }
  PetscCall(MatDestroy(&hessian));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&x));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Least of a difference of planes on one piece: its ends, and the bottom of the sine if it lies between. */
static PetscReal LeastOnPiece(const Problem *p, PetscReal a, PetscReal b, PetscReal h, PetscReal s, PetscReal e)
{
  PetscReal least = PETSC_MAX_REAL;

  if (BrenierSourceCurveType(p->source) != BRENIER_CURVE_CIRCLE) {
    if (isfinite(s)) least = PetscMin(least, a + b * s + h);
    if (isfinite(e)) least = PetscMin(least, a + b * e + h);
    return least;
  }
  least = PetscMin(a * cos(s) + b * sin(s), a * cos(e) + b * sin(e)) + h;
  for (int turn = 0; turn < 3; ++turn) {
    const PetscReal bottom = atan2(b, a) + PETSC_PI + 2.0 * PETSC_PI * (turn - 1);

    if (bottom >= s && bottom <= e) least = PetscMin(least, h - hypot(a, b));
  }
  return least;
}

/* Gaps of all targets by the twin, in the order of all targets. */
static PetscErrorCode TwinGaps(const Problem *p, PetscReal gap[])
{
  Twin twin;

  PetscFunctionBeginUser;
  PetscCall(CreateTwin(p, &twin));
  for (PetscInt i = 0; i < p->targets->n; ++i) gap[i] = PETSC_MAX_REAL;
  for (PetscInt64 k = 0; k < p->n_curves; ++k) {
    const BrenierEnvelope *e = &twin.envelope;

    PetscCall(WalkTwin(p, k, &twin));
    for (size_t q = 0; q < e->n; ++q)
      for (PetscInt i = 0; i < p->targets->n; ++i) {
        const int32_t top = e->plane[q];

        gap[i] = PetscMin(gap[i], LeastOnPiece(p, twin.a[top] - twin.a[i], twin.b[top] - twin.b[i],
                                               twin.top[top] - twin.top[i], e->start[q], e->start[q + 1]));
      }
  }
  for (PetscInt i = 0; i < p->targets->n; ++i) gap[i] *= p->targets->unit;
  PetscCall(DestroyTwin(&twin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* h with some empty cells raised: those for which pick >= 0 and global index != pick stay; mass of the others. */
static PetscErrorCode RaiseAndCheck(Problem *p, PetscInt pick, const PetscReal gap[], PetscReal beyond)
{
  const PetscInt     n = p->targets->n_local;
  BrenierDualValue   value;
  Vec                h, mass;
  PetscScalar       *a;
  const PetscScalar *m, *before;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->h, &h));
  PetscCall(VecDuplicate(p->h, &mass));
  PetscCall(VecCopy(p->h, h));
  PetscCall(VecGetArrayRead(p->mass, &before));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < n; ++i)
    if (before[i] == 0.0 && (pick < 0 || pick == p->targets->first + i)) a[i] += gap[i] + beyond;
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(BrenierDualEvaluate(p->dual, h, mass, &value));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < n; ++i)
    if (before[i] == 0.0 && (pick < 0 || pick == p->targets->first + i))
      PetscCheck(beyond < 0.0 ? m[i] == 0.0 : m[i] > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "%s, dim %" PetscInt_FMT ": mass %g after raising by the gap %g and %g", BrenierSourceName(p->source),
                 p->targets->dim, (double)m[i], (double)gap[i], (double)beyond);
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(VecRestoreArrayRead(p->mass, &before));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The lift raises empty cells alone, each beyond its gap, and lowers the energy. */
static PetscErrorCode CheckLift(Problem *p, const PetscReal gap[])
{
  BrenierDualValue   before, after;
  PetscInt64         n_lifted;
  Vec                h, mass;
  const PetscScalar *old, *new, *m;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->h, &h));
  PetscCall(VecDuplicate(p->h, &mass));
  PetscCall(VecCopy(p->h, h));
  PetscCall(BrenierDualEvaluate(p->dual, p->h, p->mass, &before));
  PetscCall(BrenierDualLift(p->dual, p->mass, NULL, h, &n_lifted));
  PetscCheck(n_lifted == before.n_empty, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt64_FMT " lifted", n_lifted);
  PetscCall(VecGetArrayRead(p->h, &old));
  PetscCall(VecGetArrayRead(h, &new));
  PetscCall(VecGetArrayRead(p->mass, &m));
  for (PetscInt i = 0; i < p->targets->n_local; ++i)
    PetscCheck(m[i] == 0.0 ? new[i] > old[i] + gap[i] : new[i] == old[i], PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "mass %g, lifted by %g, gap %g", (double)m[i], (double)(new[i] - old[i]), (double)gap[i]);
  PetscCall(VecRestoreArrayRead(p->mass, &m));
  PetscCall(VecRestoreArrayRead(h, &new));
  PetscCall(VecRestoreArrayRead(p->h, &old));
  PetscCall(BrenierDualEvaluate(p->dual, h, mass, &after));
  PetscCheck(after.energy < before.energy && after.n_empty < before.n_empty, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "energy from %g to %g, empty from %" PetscInt64_FMT " to %" PetscInt64_FMT, (double)before.energy,
             (double)after.energy, before.n_empty, after.n_empty);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestGaps(PetscInt n, PetscInt dim, const char type[], PetscInt64 n_curves, PetscReal scale)
{
  BrenierTargets   targets;
  Problem          p;
  BrenierDualValue value;
  PetscInt        *local;
  PetscReal       *gap, *wanted, *mass;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 8, n, dim, scale, 0.0, &targets));
  PetscCall(FinishProblem(targets, type, 1.0, n_curves, 1, &p));
  PetscCall(SetHeights(targets, 0.9, 0.3, 6, p.h));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCheck(value.n_empty > 5, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a weak test, %" PetscInt64_FMT " empty",
             value.n_empty);
  PetscCall(PetscMalloc3(targets->n_local, &local, targets->n_local, &gap, n, &wanted));
  for (PetscInt i = 0; i < targets->n_local; ++i) local[i] = i;
  PetscCall(BrenierDualGaps(p.dual, p.h, targets->n_local, local, gap));
  PetscCall(TwinGaps(&p, wanted));
  for (PetscInt i = 0; i < targets->n_local; ++i)
    PetscCheck(gap[i] >= -1e-14 * scale && PetscAbsReal(gap[i] - wanted[targets->first + i]) <= 1e-13 * scale,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s, dim %" PetscInt_FMT ": gap %.17g, not %.17g", type, dim,
               (double)gap[i], (double)wanted[targets->first + i]);
  PetscCall(RaiseAndCheck(&p, -1, gap, -1e-9 * scale));
  PetscCall(GatherVec(targets, p.mass, &mass));
  for (PetscInt i = 0, tried = 0; i < n && tried < 6; ++i)
    if (mass[i] == 0.0) {
      PetscCall(RaiseAndCheck(&p, i, gap, 1e-6 * scale));
      ++tried;
    }
  PetscCall(CheckLift(&p, gap));
  PetscCall(PetscFree(mass));
  PetscCall(PetscFree3(local, gap, wanted));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Translated targets have the same cells; scaled ones too, with scaled heights and energy. */
static PetscErrorCode TestTranslated(const char type[], PetscInt dim, PetscReal scale, PetscReal shift,
                                     PetscReal tolerance)
{
  BrenierTargets   targets[2];
  BrenierDualValue value[2];
  Problem          p[2];
  PetscReal        difference;

  PetscFunctionBeginUser;
  for (int moved = 0; moved < 2; ++moved) {
    PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 9, 80, dim, moved ? scale : 1.0, moved ? shift : 0.0,
                          &targets[moved]));
    PetscCall(FinishProblem(targets[moved], type, 1.0, 100, 1, &p[moved]));
  }
  PetscCall(SetHeights(targets[0], 1.0, 0.1, 7, p[0].h));
  PetscCall(VecCopy(p[0].h, p[1].h));
  PetscCall(VecScale(p[1].h, scale));
  for (int moved = 0; moved < 2; ++moved)
    PetscCall(BrenierDualEvaluate(p[moved].dual, p[moved].h, p[moved].mass, &value[moved]));
  PetscCall(VecAXPY(p[1].mass, -1.0, p[0].mass));
  PetscCall(VecNorm(p[1].mass, NORM_INFINITY, &difference));
  PetscCheck(difference <= tolerance, PETSC_COMM_SELF, PETSC_ERR_PLIB, "cells moved: masses differ by %g",
             (double)difference);
  PetscCheck(PetscAbsReal(value[1].energy - scale * value[0].energy) <= tolerance * scale, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "energy %.17g, not %.17g", (double)value[1].energy, (double)(scale * value[0].energy));
  for (int moved = 0; moved < 2; ++moved) PetscCall(DestroyProblem(&p[moved]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p's evaluation by lists is that of a dual without lists, to the bit. */
static PetscErrorCode CheckAgainstScan(Problem *p, const BrenierDualValue *value)
{
  BrenierDual      scanned;
  BrenierDualValue plain;
  Vec              mass;
  PetscBool        same;

  PetscFunctionBeginUser;
  PetscCall(
      BrenierDualCreate(p->targets, p->source, SEED, BRENIER_STREAM_SOLVE, BrenierDualCurves(p->dual), 4, &scanned));
  PetscCall(VecDuplicate(p->mass, &mass));
  PetscCall(BrenierDualEvaluate(scanned, p->h, mass, &plain));
  PetscCall(VecEqual(mass, p->mass, &same));
  PetscCheck(same && plain.energy == value->energy && plain.n_pieces == value->n_pieces, PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "lists: %" PetscInt64_FMT " pieces, a scan: %" PetscInt64_FMT, value->n_pieces,
             plain.n_pieces);
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&scanned));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scanned curves and rescanned targets so far, of all ranks. */
static PetscErrorCode Scanned(BrenierDual dual, PetscInt64 *n)
{
  BrenierDualWork work;

  PetscFunctionBeginUser;
  PetscCall(BrenierDualGetWork(dual, &work));
  *n = work.n_scanned + work.n_rescanned;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n, 1, MPIU_INT64, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights that wander by some skins: no piece is ever missed, steps within the skin scan nothing, larger ones do; the
   sample grows on the way. */
static PetscErrorCode TestLists(Cloud cloud, PetscInt dim, const char type[])
{
  const PetscReal  skin = 0.05, step[] = {0.3, 0.3, 3.0, 0.2, 40.0, 1.0};
  const PetscInt64 n_curves = 150;
  Problem          p;
  BrenierDualValue value;
  PetscInt64       before, after;
  Vec              x;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, cloud, 300, dim, type, n_curves, &p));
  PetscCall(VecDuplicate(p.h, &x));
  PetscCall(VecSet(x, skin));
  PetscCall(BrenierDualSetSkin(p.dual, x));
  PetscCall(SetHeights(p.targets, 0.9, 0.02, 11, p.h));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(CheckAgainstScan(&p, &value));
  for (size_t k = 0; k < sizeof step / sizeof step[0]; ++k) {
    PetscReal largest;

    PetscCall(SetDirection(p.targets, k, x));
    PetscCall(BrenierTargetsGauge(p.targets, x));
    PetscCall(VecNorm(x, NORM_INFINITY, &largest));
    PetscCall(VecAXPY(p.h, step[k] * skin / largest, x));
    PetscCall(Scanned(p.dual, &before));
    PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
    PetscCall(Scanned(p.dual, &after));
    PetscCheck(k > 1 || after == before, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a step within the skin scanned");
    PetscCheck(step[k] < 10.0 || after > before, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "a weak test: no list had to be mended");
    PetscCall(CheckAgainstScan(&p, &value));
    if (k == 2) PetscCall(BrenierDualGrow(p.dual, 2 * n_curves + 7));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One height rises, without skins. With the gauge held, only the curves that it wins are looked at again; without, the
   others fall by its part of the mean, so that lists fail. */
static PetscErrorCode TestHeldGauge(PetscBool hold)
{
  const PetscReal  rise     = 0.3;
  const PetscInt64 n_curves = 400;
  Problem          p;
  BrenierDualValue value;
  PetscInt64       before, after;
  Vec              x;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, 300, 8, "gaussian", n_curves, &p));
  PetscCall(VecDuplicate(p.h, &x));
  PetscCall(VecZeroEntries(x));
  PetscCall(BrenierDualSetSkin(p.dual, x));
  PetscCall(BrenierDualHoldGauge(p.dual, hold));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  if (p.targets->first == 0 && p.targets->n_local > 0) PetscCall(VecSetValue(p.h, 0, rise, ADD_VALUES));
  PetscCall(VecAssemblyBegin(p.h));
  PetscCall(VecAssemblyEnd(p.h));
  PetscCall(Scanned(p.dual, &before));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(Scanned(p.dual, &after));
  PetscCheck(hold ? after - before == 1 : after - before > n_curves / 2, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "a rise of one height made %" PetscInt64_FMT " scans", after - before);
  PetscCall(CheckAgainstScan(&p, &value));
  PetscCall(VecDestroy(&x));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A few targets fall far, the others move within the skin, up or down. Pieces that fall are mostly no highest plane in
   the middle of a sector; what was below them alone must be found again. */
static PetscErrorCode TestFall(uint64_t round)
{
  const PetscInt   n    = 300;
  const PetscReal  skin = 0.001, falls = 0.02, far = 6.0, rise = 0.85, sink = 0.9;
  Problem          p;
  BrenierDualValue value;
  PetscScalar     *h;
  PetscReal       *u;
  Vec              x;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(PETSC_COMM_WORLD, CLOUD_NORMAL, n, 2, "gaussian", 150, &p));
  PetscCall(VecDuplicate(p.h, &x));
  PetscCall(VecSet(x, skin));
  PetscCall(BrenierDualSetSkin(p.dual, x));
  PetscCall(SetHeights(p.targets, 0.9, 0.0, round, p.h));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(PetscMalloc1(2 * n, &u));
  BrenierRandomUniform(SEED, 77, round, 2 * (size_t)n, u);
  PetscCall(VecGetArray(p.h, &h));
  for (PetscInt i = 0; i < p.targets->n_local; ++i) {
    const PetscReal *v = u + 2 * (p.targets->first + i);

    h[i] += skin * (v[0] < falls ? -far * (0.5 + v[1]) : v[1] < 0.5 ? -sink : rise);
  }
  PetscCall(VecRestoreArray(p.h, &h));
  PetscCall(BrenierDualEvaluate(p.dual, p.h, p.mass, &value));
  PetscCall(CheckAgainstScan(&p, &value));
  PetscCall(PetscFree(u));
  PetscCall(VecDestroy(&x));
  PetscCall(DestroyProblem(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same pieces with several threads a rank: of scans with cached targets and without, and of
   lists. */
static PetscErrorCode TestThreads(PetscInt n_threads)
{
  PetscFunctionBeginUser;
  PetscCall(BrenierContextCreate(PETSC_COMM_WORLD));
  PetscCall(BrenierThreadsSet(PETSC_COMM_WORLD, n_threads));
  PetscCall(TestNodes(2, PETSC_TRUE, PETSC_TRUE));
  for (PetscMPIInt most = 0; most <= 1; ++most) PetscCall(TestNodes(most, PETSC_FALSE, PETSC_FALSE));
  for (const char *const *name = BrenierSourceNames; *name; ++name)
    if (IsTried(*name)) PetscCall(TestLists(CLOUD_NORMAL, 16, *name));
  PetscCall(BrenierContextDestroy(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Coordinate k of the targets. */
static PetscErrorCode SetCoordinate(BrenierTargets t, PetscInt k, Vec y)
{
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(y, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] = t->y[i * t->dim + k];
  PetscCall(VecRestoreArrayWrite(y, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sum_j H_ij y_j - w_i b_i of one sample, scalar products with `along`, and with what it should be: shape [n, dim]
   each. */
static PetscErrorCode SteinOfSample(BrenierTargets t, BrenierSource source, PetscInt64 seed, const PetscReal along[],
                                    PetscReal moment[], PetscReal *difference, PetscReal *signal)
{
  BrenierDual      dual;
  BrenierDualValue value;
  PetscReal       *centre, sum[2] = {0.0, 0.0};
  PetscScalar     *b, *m;
  Vec              h, mass, y, product;
  Mat              hessian;

  PetscFunctionBeginUser;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_SOLVE, 400, 1, &dual));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &y));
  PetscCall(VecDuplicate(h, &product));
  PetscCall(SetHeights(t, 0.9, 0.0, 6, h));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualHessian(dual, 1, &hessian));
  PetscCall(PetscMalloc1((size_t)t->n_local * t->dim, &centre));
  PetscCall(BrenierDualBarycentres(dual, &(BrenierMutablePoints){t->dim, centre, NULL}));
  for (PetscInt k = 0; k < t->dim; ++k) {
    PetscCall(SetCoordinate(t, k, y));
    PetscCall(MatMult(hessian, y, product));
    PetscCall(VecGetArray(product, &b));
    PetscCall(VecGetArray(mass, &m));
    for (PetscInt i = 0; i < t->n_local; ++i) {
      const PetscInt at = i * t->dim + k;

      moment[at] = m[i] > 0.0 ? m[i] * centre[at] : 0.0;
      if (!along) continue;
      sum[0] += (b[i] - moment[at]) * along[at];
      sum[1] += moment[at] * along[at];
    }
    PetscCall(VecRestoreArray(mass, &m));
    PetscCall(VecRestoreArray(product, &b));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPIU_REAL, MPI_SUM, t->comm));
  *difference = sum[0];
  *signal     = sum[1];
  PetscCall(PetscFree(centre));
  PetscCall(MatDestroy(&hessian));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&product));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Stein's identity for a Gaussian source: sum_j H_ij y_j = w_i b_i, b_i the barycentre of cell i, as x times the density
  is minus its gradient. Both sides are sampled, by the same circles, so they agree on the mean: the difference, along
  the first moments of a sample of its own, over 16 samples is a Student's variable of 15 degrees, beyond 7 with a
  chance of 4e-6. A Hessian too large by a quarter would be seen.
*/
static PetscErrorCode TestStein(PetscInt n, PetscInt dim)
{
  enum { SAMPLES = 16 };
  const PetscReal most = 7.0, part = 0.25;
  BrenierTargets  targets;
  BrenierSource   source;
  PetscReal      *along, *moment, difference[SAMPLES], one, none, mean = 0.0, square = 0.0, signal = 0.0, error;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 8, n, dim, 1.0, 0.0, &targets));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", dim, 1.0, &source));
  PetscCall(PetscMalloc2(targets->n_local * dim, &along, targets->n_local * dim, &moment));
  PetscCall(SteinOfSample(targets, source, SEED, NULL, along, &none, &none));
  for (PetscInt s = 0; s < SAMPLES; ++s) {
    PetscCall(SteinOfSample(targets, source, SEED + 1 + s, along, moment, &difference[s], &one));
    mean += difference[s] / SAMPLES;
    signal += one / SAMPLES;
  }
  for (PetscInt s = 0; s < SAMPLES; ++s) square += PetscSqr(difference[s] - mean) / (SAMPLES - 1);
  error = PetscSqrtReal(square / SAMPLES);
  PetscCheck(PetscAbsReal(mean) <= most * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "dim %" PetscInt_FMT ": off by %g of %g, standard error %g", dim, (double)mean, (double)signal,
             (double)error);
  PetscCheck(part * signal > most * error, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "a weak test in dim %" PetscInt_FMT ": %g, standard error %g", dim, (double)signal, (double)error);
  PetscCall(PetscFree2(along, moment));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestTwin());
  PetscCall(TestSharedCache());
  for (PetscMPIInt most = 0; most <= 3; ++most) PetscCall(TestNodes(most, PETSC_TRUE, (PetscBool)(most != 2)));
  for (PetscMPIInt most = 0; most <= 2; ++most) PetscCall(TestNodes(most, PETSC_FALSE, (PetscBool)(most == 1)));
  PetscCall(TestNoSharedMemory(PETSC_FALSE));
  PetscCall(TestNoSharedMemory(PETSC_TRUE));
  PetscCall(TestNoSharedTiles());
  PetscCall(TestThreads(3));
  for (uint64_t round = 0; round < 12; ++round) PetscCall(TestFall(round));
  PetscCall(TestHeldGauge(PETSC_TRUE));
  PetscCall(TestHeldGauge(PETSC_FALSE));
  for (const char *const *name = BrenierSourceNames; *name; ++name) {
    if (!IsTried(*name)) continue;
    PetscCall(TestMerged(*name));
    PetscCall(TestBatches(*name));
    PetscCall(TestSameAlone(CLOUD_NORMAL, 200, 8, *name, 101));
    PetscCall(TestSameAlone(CLOUD_COPIES, 200, 3, *name, 37));
    PetscCall(TestSameAlone(CLOUD_LATTICE, 256, 4, *name, 64));
    PetscCall(TestDerivatives(60, 2, *name, 1.0, 200));
    PetscCall(TestDerivatives(60, 8, *name, 1.0, 200));
    PetscCall(TestDerivatives(60, 64, *name, 1.0, 300));
    PetscCall(TestGaps(150, 2, *name, 40, 1.0));
    PetscCall(TestGaps(150, 8, *name, 40, 50.0));
    PetscCall(TestGaps(150, 64, *name, 12, 0.01));
    PetscCall(TestLists(CLOUD_NORMAL, 2, *name));
    PetscCall(TestLists(CLOUD_NORMAL, 16, *name));
    PetscCall(TestLists(CLOUD_COPIES, 5, *name));
    PetscCall(TestTranslated(*name, 5, 1024.0, 0.0, 0.0));
    PetscCall(TestTranslated(*name, 5, 3.7, 100.0, 1e-11));
  }
  PetscCall(TestStein(80, 2));
  PetscCall(TestStein(80, 8));
  PetscCall(TestStein(80, 64));
  PetscCall(TestDerivatives(60, 8, "gaussian", 0.29, 200));
  PetscCall(TestDerivatives(15, 1, "gaussian", 1.0, 1));
  PetscCall(TestDerivatives(15, 1, "cube", 1.0, 1));
  PetscCall(TestGaps(40, 1, "gaussian", 1, 1.0));
  PetscCall(TestGaps(40, 1, "cube", 1, 1.0));
  PetscCall(PetscFinalize());
  return 0;
}
