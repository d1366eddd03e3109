/* sinks.c - Implements sinks.h. */
#include "sinks.h"
#include "scan.h"

#include <math.h>

/* Context of a sink. */
typedef struct {
  BrenierDual    dual;
  BrenierPieces *found;       /* pieces that are entered, or NULL */
  PetscReal     *ghost_lower; /* lower heights of the ghosts of the last pieces; NULL without any */
} Sink;

/* Bounds u by the planes of the last pieces of a curve, at the lower heights of their targets. */
static int PiecesBelow(const void *context, PetscInt c, BrenierScratch *scratch, BrenierPlanes *planes)
{
  const Sink          *sink   = context;
  const BrenierPieces *pieces = &sink->dual->pieces;
  const PetscInt64     first  = pieces->offset[c];
  const PetscInt       k      = (PetscInt)(pieces->offset[c + 1] - first);

  if (BrenierScratchReserve(scratch, k)) return -1;
  for (PetscInt p = 0; p < k; ++p)
    scratch->height[p] = BrenierPieceHeight(pieces, first + p, sink->ghost_lower[pieces->ghost[first + p]]);
  *planes = (BrenierPlanes){k, pieces->a + first, pieces->b + first, scratch->height};
  return 0;
}

/* Bounds u by the support of the list of a curve, at the lower heights that the list was made with. */
static int SupportBelow(const void *context, PetscInt c, BrenierScratch *scratch, BrenierPlanes *planes)
{
  const BrenierCandidates *lists   = &((const Sink *)context)->dual->candidates;
  const PetscInt64         first   = lists->offset[c];
  BrenierSurvivors        *support = &scratch->list;

  if (BrenierSurvivorsReserve(support, lists->n[c])) return -1;
  support->n = 0;
  for (PetscInt64 i = first; i < first + lists->n[c]; ++i)
    if (lists->lower[i] > -HUGE_VALF) {
      support->a[support->n]       = lists->a[i];
      support->b[support->n]       = lists->b[i];
      support->lower[support->n++] = BrenierCandidateHeight(lists, i, (PetscReal)lists->lower[i]);
    }
  *planes = (BrenierPlanes){support->n, support->a, support->b, support->lower};
  return 0;
}

/* The envelope of a curve's survivors, and its integral. */
static int FinishPieces(void *context, PetscInt c, BrenierScratch *scratch, BrenierSurvivors *list,
                        BrenierEnvelope *envelope)
{
  const Sink          *sink   = context;
  const BrenierCurves *curves = &sink->dual->curves;

  (void)scratch;
  if (BrenierCurvesEnvelope(curves, list->n, list->a, list->b, list->lower, envelope)) return -1;
  sink->found->potential[c] = BrenierCurvesPotential(curves, envelope, list->a, list->b, list->lower);
  return 0;
}

static PetscErrorCode EnterPieces(void *context, PetscInt c, BrenierScratch *scratch, const BrenierSurvivors *list,
                                  const BrenierEnvelope *envelope)
{
  PetscFunctionBegin;
  (void)scratch;
  PetscCall(
      BrenierPiecesEnterGlobal(((Sink *)context)->found, c, envelope, list->global, list->a, list->b, list->base));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Drops from a sorted list the planes that at their upper heights stay below l, the envelope at the lower heights. The
   bounds of the scan were below l, so the result does not depend on the order of the targets. The planes of l, which
   all stay, are the support of the list: a dropped plane is below the envelope of all of them, and of fewer it need not
   be. The lower height of all others becomes -INFINITY. */
static int DropBelowEnvelope(const BrenierCurves *curves, BrenierScratch *scratch, BrenierSurvivors *list,
                             BrenierEnvelope *e)
{
  BrenierSpan piece;

  if (BrenierScratchReserve(scratch, list->n)) return -1;
  if (BrenierCurvesEnvelope(curves, list->n, list->a, list->b, list->lower, e)) return -1;
  for (PetscInt i = 0; i < list->n; ++i) {
    scratch->above[i]  = -PETSC_MAX_REAL;
    scratch->height[i] = -HUGE_VAL;
  }
  piece = BrenierCurvesSpanAt(curves, e->start[0]);
  for (size_t p = 0; p < e->n; ++p) {
    const int32_t      k     = e->plane[p];
    const BrenierPlane plane = {list->a[k], list->b[k], list->lower[k]};

    BrenierCurvesNextSpan(curves, e->start[p + 1], &piece);
    curves->family->reach(list->n, list->a, list->b, list->upper, &plane, &piece, scratch->above);
    scratch->height[k] = list->lower[k];
  }
  for (PetscInt i = 0; i < list->n; ++i) {
    list->lower[i] = scratch->height[i];
    if (list->lower[i] > -HUGE_VAL) scratch->above[i] = 0.0; // whatever rounding says
  }
  BrenierSurvivorsKeepAbove(list, scratch->above);
  return 0;
}

static int FinishList(void *context, PetscInt c, BrenierScratch *scratch, BrenierSurvivors *list,
                      BrenierEnvelope *envelope)
{
  const BrenierCurves *curves = &((Sink *)context)->dual->curves;

  (void)c;
  return DropBelowEnvelope(curves, scratch, list, envelope);
}

static PetscErrorCode EnterList(void *context, PetscInt c, BrenierScratch *scratch, const BrenierSurvivors *list,
                                const BrenierEnvelope *envelope)
{
  BrenierDual dual = ((Sink *)context)->dual;

  PetscFunctionBegin;
  (void)envelope;
  PetscCheck(!BrenierScratchReserve(scratch, list->n), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a list");
  for (PetscInt i = 0; i < list->n; ++i) // exact: rounded before the scan
    scratch->lower[i] = list->lower[i] > -HUGE_VAL ? (float)list->height[i] : -HUGE_VALF;
  if (dual->candidates.n[c] < 0) dual->work.n_fresh += list->n;
  PetscCall(
      BrenierCandidatesSet(&dual->candidates, c, list->n, list->global, list->a, list->b, list->base, scratch->lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Merges the survivors of curve c with its list, both ascending, into the scratch list. */
static void Merge(const BrenierCandidates *lists, PetscInt c, const BrenierSurvivors *more, BrenierScratch *scratch)
{
  BrenierSurvivors *both  = &scratch->list;
  const PetscInt64  first = lists->offset[c];
  const PetscInt    n     = lists->n[c];
  PetscInt          i = 0, k = 0;

  both->n = 0;
  while (i < n || k < more->n) {
    const PetscBool old = (PetscBool)(k == more->n || (i < n && lists->global[first + i] <= more->global[k]));

    if (old) {
      if (k < more->n && lists->global[first + i] == more->global[k]) ++k;
      both->global[both->n]   = lists->global[first + i];
      both->a[both->n]        = lists->a[first + i];
      both->b[both->n]        = lists->b[first + i];
      both->base[both->n]     = BrenierCandidateHeight(lists, first + i, 0.0);
      scratch->lower[both->n] = lists->lower[first + i++];
    } else {
      BrenierSurvivorsCopy(more, k++, both, both->n);
      scratch->lower[both->n] = -HUGE_VALF;
    }
    ++both->n;
  }
}

static PetscErrorCode EnterMore(void *context, PetscInt c, BrenierScratch *scratch, const BrenierSurvivors *more,
                                const BrenierEnvelope *envelope)
{
  BrenierCandidates      *lists = &((Sink *)context)->dual->candidates;
  const BrenierSurvivors *both  = &scratch->list;
  const PetscInt          n     = lists->n[c];

  PetscFunctionBegin;
  (void)envelope;
  if (more->n == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!BrenierSurvivorsReserve(&scratch->list, n + more->n) && !BrenierScratchReserve(scratch, n + more->n),
             PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a list of %" PetscInt_FMT " candidates", n + more->n);
  Merge(lists, c, more, scratch);
  if (both->n > n)
    PetscCall(BrenierCandidatesSet(lists, c, both->n, both->global, both->a, both->b, both->base, scratch->lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EndLists(void *context, PetscBool *enough)
{
  PetscFunctionBegin;
  *enough = PETSC_FALSE;
  PetscCall(BrenierCandidatesCompact(&((Sink *)context)->dual->candidates));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EndMore(void *context, PetscBool *enough)
{
  BrenierDual dual = ((Sink *)context)->dual;

  PetscFunctionBegin;
  PetscCall(BrenierCandidatesCompact(&dual->candidates));
  PetscCall(BrenierCandidatesTooLong(&dual->candidates, dual->comm, dual->work.n_fresh, enough));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void AddWork(const BrenierScanWork *scan, BrenierDualWork *work)
{
  work->n_visits += scan->n_visits;
  work->flops += scan->flops;
  work->ring_bytes += scan->ring_bytes;
  work->scan_seconds += scan->seconds;
}

/* A scan of n local curves with all targets, whose bounds start from the last pieces. */
static PetscErrorCode ScanAll(Sink *context, BrenierScanSink *sink, PetscInt n, const PetscInt curve[],
                              const PetscReal lower[], const PetscReal upper[])
{
  BrenierDual            dual  = context->dual;
  const BrenierScanInput input = {.what     = "scan of curves",
                                  .targets  = dual->targets,
                                  .cache    = dual->cache,
                                  .sample   = &dual->sample,
                                  .curves   = &dual->curves,
                                  .n_curves = n,
                                  .curve    = curve,
                                  .lower    = lower,
                                  .upper    = upper};
  BrenierScanWork        work;
  PetscErrorCode         stop;

  PetscFunctionBegin;
  sink->context = context;
  sink->thins   = PETSC_TRUE;
  if (dual->halo.sf) {
    PetscCall(PetscMalloc1(dual->halo.n, &context->ghost_lower));
    PetscCall(BrenierHaloGet(&dual->halo, lower, context->ghost_lower));
    sink->below = PiecesBelow;
  }
  stop = BrenierScan(&input, sink, &work);
  AddWork(&work, &dual->work);
  dual->work.n_scanned += dual->repeats ? 0 : n;
  PetscCall(PetscFree(context->ghost_lower));
  PetscFunctionReturn(stop);
}

PetscErrorCode BrenierScanPieces(BrenierDual dual, const PetscReal h[])
{
  const PetscInt  n    = dual->sample.n_local;
  BrenierScanSink sink = {.finish = FinishPieces, .enter = EnterPieces};
  BrenierPieces   found;
  Sink            context = {.dual = dual, .found = &found};
  PetscInt       *every;
  PetscErrorCode  stop;

  PetscFunctionBegin;
  PetscCall(BrenierPiecesCreate(n, dual->curves.family->has_base, &found));
  PetscCall(PetscMalloc1(n, &every));
  for (PetscInt c = 0; c < n; ++c) every[c] = c;
  stop = ScanAll(&context, &sink, n, every, h, h);
  PetscCall(PetscFree(every));
  if (stop) PetscCall(BrenierPiecesFree(&found));
  PetscCall(stop);
  PetscCall(BrenierPiecesFree(&dual->pieces));
  dual->pieces = found;
  PetscCall(BrenierPiecesMakeHalo(&dual->pieces, dual->targets->layout, &dual->halo));
  PetscCall(BrenierHaloGet(&dual->halo, h, dual->halo.height));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierScanLists(BrenierDual dual, PetscInt n, const PetscInt curve[], const PetscReal lower[],
                                const PetscReal upper[])
{
  BrenierScanSink sink    = {.refines = PETSC_TRUE, .finish = FinishList, .enter = EnterList, .end = EndLists};
  Sink            context = {.dual = dual};

  PetscFunctionBegin;
  PetscCall(ScanAll(&context, &sink, n, curve, lower, upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRescanTargets(BrenierDual dual, PetscInt n, const PetscInt curve[],
                                    const BrenierRescanned *rescanned, const PetscReal lower[], const PetscReal upper[],
                                    PetscBool *too_long)
{
  const BrenierScanInput input   = {.what      = "rescan of targets",
                                    .targets   = dual->targets,
                                    .cache     = dual->cache,
                                    .sample    = &dual->sample,
                                    .curves    = &dual->curves,
                                    .n_curves  = n,
                                    .curve     = curve,
                                    .chooses   = PETSC_TRUE,
                                    .n_targets = rescanned->n,
                                    .target    = rescanned->target,
                                    .lower     = lower,
                                    .upper     = upper};
  Sink                   context = {.dual = dual};
  const BrenierScanSink  sink    = {
          .context = &context, .refines = PETSC_TRUE, .below = SupportBelow, .enter = EnterMore, .end = EndMore};
  BrenierScanWork work;
  PetscErrorCode  stop;

  PetscFunctionBegin;
  stop = BrenierScan(&input, &sink, &work);
  AddWork(&work, &dual->work);
  dual->work.n_rescanned += rescanned->n;
  *too_long = work.enough;
  PetscFunctionReturn(stop);
}
