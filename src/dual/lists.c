/*
  lists.c - Candidate lists that outlive the heights they were made for.

  A scan makes the list of a curve for slacks s_j >= 0 of the targets: at heights h (gauged: sum nu h = 0, which no plane
  notices) it bounds u along the curve from below by the envelope l of the planes at h_j - s_j, and keeps every target
  whose plane at cap_j = h_j + s_j reaches l somewhere. The planes that make up l are the curve's anchors. Later, at
  other heights g, no target beyond the list can appear on the curve as long as

    u is not below l: surely so while g_j >= h_j - s_j for its anchors, and otherwise a comparison of the two
    envelopes tells; and g_j <= cap_j for all targets.

  A curve that fails the first is stale and scanned again. A target that rose further gets a new cap and meets
  all other curves again, against the same l. Where neither happens, an evaluation walks the lists and scans nothing. A
  plane that failed a certificate has seldom reached a curve yet: trusted lists are walked without asking.
*/
#include "dual_private.h"

#include <brenier/threads.h>

#include <math.h>
#include <omp.h>
#include <stdlib.h>

PetscErrorCode BrenierListsReserve_Private(BrenierLists *lists, PetscInt old_curves, PetscInt n_curves)
{
  PetscFunctionBegin;
  PetscCall(PetscRealloc((size_t)n_curves * sizeof *lists->offset, &lists->offset));
  PetscCall(PetscRealloc((size_t)n_curves * sizeof *lists->n, &lists->n));
  for (PetscInt c = old_curves; c < n_curves; ++c) {
    lists->n[c]      = -1;
    lists->offset[c] = 0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierListsFree_Private(BrenierLists *lists)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(lists->offset));
  PetscCall(PetscFree(lists->n));
  PetscCall(PetscFree(lists->target));
  PetscCall(PetscFree(lists->a));
  PetscCall(PetscFree(lists->b));
  PetscCall(PetscFree(lists->low));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lists this many times as long as full scans make them are made anew. */
static const PetscReal brenier_crowded = 3.0;

static PetscErrorCode GrowArena(BrenierLists *lists, PetscInt64 n)
{
  const size_t capacity = (size_t)n + (size_t)n / 8 + 1024;

  PetscFunctionBegin;
  if (n <= lists->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *lists->target, &lists->target));
  PetscCall(PetscRealloc(capacity * sizeof *lists->a, &lists->a));
  PetscCall(PetscRealloc(capacity * sizeof *lists->b, &lists->b));
  PetscCall(PetscRealloc(capacity * sizeof *lists->low, &lists->low));
  lists->capacity = (PetscInt64)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierListsSet_Private(BrenierLists *lists, PetscInt c, PetscInt n, const PetscInt target[],
                                       const PetscReal a[], const PetscReal b[], const float low[])
{
  PetscFunctionBegin;
  if (n > lists->n[c] || lists->offset[c] < lists->fixed_end) {
    PetscCall(GrowArena(lists, lists->end + n));
    lists->offset[c] = lists->end;
    lists->end += n;
  }
  lists->n_total += n - PetscMax(lists->n[c], 0);
  lists->n[c] = n;
  PetscCall(PetscArraycpy(lists->target + lists->offset[c], target, n));
  PetscCall(PetscArraycpy(lists->a + lists->offset[c], a, n));
  PetscCall(PetscArraycpy(lists->b + lists->offset[c], b, n));
  PetscCall(PetscArraycpy(lists->low + lists->offset[c], low, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where a list lies, of a curve as it is or as it was at the mark. */
typedef struct {
  PetscInt64  begin;
  PetscInt    n;
  PetscInt64 *offset; /* who has to know */
} ListPlace;

static int ComparePlaces(const void *left, const void *right)
{
  const ListPlace *l = left, *r = right;

  return (l->begin > r->begin) - (l->begin < r->begin);
}

/* All lists in use that are not empty, in the order in which they lie; returns their number. */
static PetscInt64 CollectPlaces(BrenierDual dual, ListPlace place[])
{
  BrenierLists *lists = &dual->lists;
  BrenierMark  *mark  = &dual->mark;
  PetscInt64    n     = 0;

  for (PetscInt c = 0; mark->n_total > 0 && c < mark->n_local; ++c)
    if (mark->n[c] > 0) place[n++] = (ListPlace){mark->offset[c], mark->n[c], &mark->offset[c]};
  for (PetscInt c = 0; c < dual->n_local; ++c)
    if (lists->n[c] > 0) place[n++] = (ListPlace){lists->offset[c], lists->n[c], &lists->offset[c]};
  qsort(place, (size_t)n, sizeof *place, ComparePlaces);
  return n;
}

static PetscErrorCode MoveList(BrenierLists *lists, PetscInt64 from, PetscInt64 to, PetscInt n)
{
  PetscFunctionBegin;
  PetscCall(PetscArraymove(lists->target + to, lists->target + from, n));
  PetscCall(PetscArraymove(lists->a + to, lists->a + from, n));
  PetscCall(PetscArraymove(lists->b + to, lists->b + from, n));
  PetscCall(PetscArraymove(lists->low + to, lists->low + from, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierListsCompact_Private(BrenierDual dual)
{
  BrenierLists *lists = &dual->lists;
  ListPlace    *place;
  PetscInt64    n, end = 0;

  PetscFunctionBegin;
  // A third unused, or more with a mark: most lists are those of the mark
  if (lists->end <= lists->n_total + lists->n_total / 2 + dual->mark.n_total) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)dual->n_local + (size_t)dual->mark.n_local, &place));
  n = CollectPlaces(dual, place);
  for (PetscInt64 i = 0, last = 0; i < n; last = i++) {
    // A list that did not change since the mark is the mark's as well
    if (i > 0 && place[i].begin == place[last].begin) {
      *place[i].offset = *place[last].offset;
      continue;
    }
    PetscCall(MoveList(lists, place[i].begin, end, place[i].n));
    *place[i].offset = end;
    end += place[i].n;
  }
  lists->end = end;
  if (dual->mark.n_total > 0) lists->fixed_end = end; // what lies where is not told apart any more
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the list of curve c still holds at the leaves' heights. */
static PetscBool Holds(BrenierDual dual, PetscInt c, PetscReal shift)
{
  const BrenierLists *lists = &dual->lists;

  if (lists->n[c] < 0) return PETSC_FALSE;
  for (PetscInt64 i = lists->offset[c]; i < lists->offset[c] + lists->n[c]; ++i)
    if (lists->low[i] > -HUGE_VALF && dual->leaf_height[lists->target[i]] - shift < (PetscReal)lists->low[i])
      return PETSC_FALSE;
  return PETSC_TRUE;
}

/* The largest number in single precision that is not above x. */
static PetscReal RoundedDown(PetscReal x)
{
  const float f = (float)x;

  return (PetscReal)f > x ? (PetscReal)nextafterf(f, -HUGE_VALF) : (PetscReal)f;
}

static PetscReal RoundedUp(PetscReal x)
{
  return -RoundedDown(-x);
}

/*
  Moves the caps to heights h where that is due, and lists the targets that moved up. In the middle of an iteration that is
  where h is above the cap; when the sample grows or the slacks change, caps that are too generous come down, which costs
  nothing, and those with less than half their slack left go up, before the new curves are scanned. Rounding leaves room
  for heights that only the gauge has moved.
*/
static PetscInt MoveCaps(BrenierDual dual, const PetscReal h[], PetscReal shift, PetscInt risen[])
{
  PetscInt n = 0;

  for (PetscInt i = 0; i < dual->targets->n_local; ++i) {
    const PetscReal g = h[i] - shift, least = dual->renewed ? g + 0.5 * dual->slack[i] : g;

    if (dual->renewed) dual->cap[i] = PetscMin(dual->cap[i], RoundedUp(g + dual->slack[i]));
    if (dual->cap[i] >= least) continue;
    dual->cap[i] = RoundedUp(g + dual->slack[i]);
    risen[n++]   = i;
  }
  return n;
}

/* Room for the envelope of a curve's anchors at low, and for that of its list at the leaves' heights. */
typedef struct {
  BrenierEnvelope floor, top;
  PetscInt        capacity;
  PetscReal      *a, *b, *low; /* of the anchors */
  PetscReal      *h;           /* of the list */
} Comparison;

static PetscErrorCode ReserveComparison(Comparison *work, PetscInt n)
{
  PetscFunctionBegin;
  if (n <= work->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree4(work->a, work->b, work->low, work->h));
  work->capacity = 2 * n;
  PetscCall(PetscMalloc4(2 * (size_t)n, &work->a, 2 * (size_t)n, &work->b, 2 * (size_t)n, &work->low, 2 * (size_t)n,
                         &work->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeComparison(Comparison *work)
{
  PetscFunctionBegin;
  BrenierEnvelopeFree(&work->floor);
  BrenierEnvelopeFree(&work->top);
  PetscCall(PetscFree4(work->a, work->b, work->low, work->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the envelope of the list, heights lowered by shift, lies nowhere below that of the anchors. */
static PetscBool Covers(BrenierDual dual, PetscInt c, PetscReal shift, const Comparison *work)
{
  const BrenierLists    *lists  = &dual->lists;
  const PetscInt64       at     = lists->offset[c];
  const PetscBool        circle = (PetscBool)(dual->curve_type == BRENIER_CURVE_CIRCLE);
  const BrenierEnvelope *top = &work->top, *floor = &work->floor;

  for (size_t p = 0, q = 0; p < top->n && q < floor->n;) {
    const PetscReal s = PetscMax(top->start[p], floor->start[q]), e = PetscMin(top->start[p + 1], floor->start[q + 1]);
    const int32_t   i = top->plane[p], k = floor->plane[q];
    const PetscReal da = lists->a[at + i] - work->a[k], db = lists->b[at + i] - work->b[k];
    const PetscReal dh = work->h[i] - shift - work->low[k];

    if ((circle ? BrenierCircleLeast(da, db, dh, s, e) : BrenierLineLeast(da, db, dh, s, e)) < 0.0) return PETSC_FALSE;
    if (top->start[p + 1] <= floor->start[q + 1]) ++p;
    else ++q;
  }
  return PETSC_TRUE;
}

/* Whether the list of curve c holds although an anchor fell below its low: other planes may have taken its place. */
static PetscErrorCode HoldsStill(BrenierDual dual, PetscInt c, PetscReal shift, Comparison *work, PetscBool *holds)
{
  const BrenierLists *lists = &dual->lists;
  const PetscInt64    at    = lists->offset[c];
  const PetscInt      n     = lists->n[c];
  PetscInt            k     = 0;

  PetscFunctionBegin;
  *holds = PETSC_FALSE;
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReserveComparison(work, n));
  for (PetscInt i = 0; i < n; ++i) {
    work->h[i] = dual->leaf_height[lists->target[at + i]];
    if (lists->low[at + i] == -HUGE_VALF) continue;
    work->a[k]     = lists->a[at + i];
    work->b[k]     = lists->b[at + i];
    work->low[k++] = (PetscReal)lists->low[at + i];
  }
  PetscCheck(!BrenierDualEnvelope_Private(dual, k, work->a, work->b, work->low, &work->floor) &&
                 !BrenierDualEnvelope_Private(dual, n, lists->a + at, lists->b + at, work->h, &work->top),
             PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for an envelope of %" PetscInt_FMT " planes", n);
  *holds = Covers(dual, c, shift, work);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Splits the local curves into those whose list holds, from the front of `curve`, and the others behind them; returns how
   many hold. While lists are trusted, every curve that has one counts as such. */
static PetscErrorCode Certify(BrenierDual dual, PetscReal shift, PetscInt curve[], PetscInt *n_hold)
{
  Comparison work = {0};
  PetscInt   n = 0, end = dual->n_local;
  PetscBool  holds;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < dual->n_local; ++c) {
    if (dual->trusting) holds = (PetscBool)(dual->lists.n[c] >= 0);
    else {
      holds = Holds(dual, c, shift);
      if (!holds) PetscCall(HoldsStill(dual, c, shift, &work, &holds));
    }
    if (holds) curve[n++] = c;
  }
  for (PetscInt c = dual->n_local, next = n; c-- > 0;)
    if (next == 0 || curve[next - 1] != c) curve[--end] = c;
    else --next;
  PetscCall(FreeComparison(&work));
  *n_hold = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierListsCrowded_Private(BrenierDual dual, PetscBool *crowded)
{
  PetscInt64 n[2] = {dual->lists.n_total, dual->work.n_fresh};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n, 2, MPIU_INT64, MPI_SUM, dual->comm));
  *crowded = (PetscBool)((PetscReal)n[0] > brenier_crowded * (PetscReal)n[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Forgets the lists of all curves, but not those of a mark. */
static PetscErrorCode ForgetLists(BrenierDual dual)
{
  BrenierLists *lists = &dual->lists;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < dual->n_local; ++c) lists->n[c] = -1;
  lists->n_total     = 0;
  dual->work.n_fresh = 0;
  if (dual->mark.n_total == 0) lists->end = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the certificates no longer cover. */
typedef struct {
  PetscInt   n_risen, *risen; /* targets here */
  PetscInt  *every;           /* all targets here */
  PetscReal *low;
  PetscInt64 n_stale, n_hold, n_risen_all; /* stale curves, curves that hold, risen targets, over all ranks */
} Failures;

static PetscErrorCode FindFailures(BrenierDual dual, const PetscReal h[], PetscReal shift, PetscInt n_hold, Failures *f)
{
  const PetscInt n = dual->targets->n_local;
  PetscInt64     count[3];

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n, &f->risen, n, &f->every, n, &f->low));
  for (PetscInt i = 0; i < n; ++i) {
    f->every[i] = i;
    f->low[i]   = RoundedDown(h[i] - shift - dual->slack[i]);
  }
  f->n_risen = MoveCaps(dual, h, shift, f->risen);
  count[0]   = dual->n_local - n_hold;
  count[1]   = n_hold;
  count[2]   = f->n_risen;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 3, MPIU_INT64, MPI_SUM, dual->comm));
  f->n_stale     = count[0];
  f->n_hold      = count[1];
  f->n_risen_all = count[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scans what the certificates no longer cover: stale curves with all targets, risen targets with the other curves. Where
   that would make long lists of short ones, as heights moved by many slacks, every curve is scanned. */
static PetscErrorCode Renew(BrenierDual dual, const PetscReal h[], PetscReal shift, PetscInt n_hold,
                            const PetscInt curve[])
{
  const PetscInt n     = dual->targets->n_local;
  BrenierLists  *lists = &dual->lists;
  Failures       f;

  PetscFunctionBegin;
  PetscCall(FindFailures(dual, h, shift, n_hold, &f));
  dual->renewed = PETSC_FALSE;
  if (f.n_stale > 0 || (f.n_hold > 0 && f.n_risen_all > 0)) {
    for (PetscInt64 i = 0; i < lists->end; ++i) lists->target[i] = dual->leaf_target[lists->target[i]];
    lists->global = PETSC_TRUE;
    if (f.n_hold > 0 && f.n_risen_all > 0)
      PetscCall(
          BrenierDualScan_Private(dual, BRENIER_SCAN_MORE, n_hold, curve, f.n_risen, f.risen, f.low, dual->cap, NULL));
    if (dual->crowded) {
      PetscCall(ForgetLists(dual));
      n_hold = 0;
    }
    if (f.n_stale > 0 || dual->crowded)
      PetscCall(BrenierDualScan_Private(dual, BRENIER_SCAN_LISTS, dual->n_local - n_hold, curve + n_hold, n, f.every,
                                        f.low, dual->cap, NULL));
    PetscCall(BrenierListsCompact_Private(dual));
    PetscCall(BrenierDualBuildLeaves_Private(dual, lists->end, lists->target));
    lists->global = PETSC_FALSE;
    PetscCall(BrenierDualToLeaves_Private(dual, h, dual->leaf_height));
  }
  PetscCall(PetscFree3(f.risen, f.every, f.low));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far u lies below the envelope of the anchors of curve c on the mean at most. */
static PetscErrorCode MissingOnCurve(BrenierDual dual, PetscInt c, Comparison *work, PetscReal *missing)
{
  const BrenierLists    *lists = &dual->lists;
  const BrenierEnvelope *floor = &work->floor;
  PetscInt               k     = 0;
  PetscBool              any   = PETSC_FALSE;

  PetscFunctionBegin;
  *missing = 0.0;
  PetscCall(ReserveComparison(work, lists->n[c]));
  for (PetscInt64 i = lists->offset[c]; i < lists->offset[c] + lists->n[c]; ++i) {
    if (lists->low[i] == -HUGE_VALF) continue;
    work->a[k]   = lists->a[i];
    work->b[k]   = lists->b[i];
    work->low[k] = (PetscReal)lists->low[i];
    work->h[k]   = PetscMax(work->low[k] - (dual->leaf_height[lists->target[i]] - dual->shift), 0.0); // fell
    any          = (PetscBool)(any || work->h[k] > 0.0);
    ++k;
  }
  if (!any) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!BrenierDualEnvelope_Private(dual, k, work->a, work->b, work->low, &work->floor), PETSC_COMM_SELF,
             PETSC_ERR_MEM, "No memory for an envelope of %" PetscInt_FMT " planes", k);
  for (size_t p = 0; p < floor->n; ++p)
    *missing += work->h[floor->plane[p]] *
                (BrenierDualShare_Private(dual, floor->start[p + 1]) - BrenierDualShare_Private(dual, floor->start[p]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualMissing(BrenierDual dual, PetscReal *missing)
{
  Comparison work = {0};
  PetscReal *term;

  PetscFunctionBegin;
  *missing = 0.0;
  if (!dual->keeps_lists) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(dual->n_local, &term));
  for (PetscInt c = 0; c < dual->n_local; ++c) PetscCall(MissingOnCurve(dual, c, &work, &term[c]));
  PetscCall(BrenierExactSum(dual->comm, dual->n_local, 1, term, missing));
  *missing *= dual->targets->unit / (PetscReal)dual->n_curves;
  PetscCall(FreeComparison(&work));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The longest list's length. */
static PetscInt LongestList(BrenierDual dual)
{
  PetscInt most = 0;

  for (PetscInt c = 0; c < dual->n_local; ++c) most = PetscMax(most, dual->lists.n[c]);
  return most;
}

/* The envelope of a list at the leaves' heights, and its integral. h: room for them; -1 when memory is out. */
static int WalkList(BrenierDual dual, PetscInt c, PetscReal h[], BrenierEnvelope *envelope)
{
  const BrenierLists *lists = &dual->lists;
  const PetscInt64    at    = lists->offset[c];
  const PetscInt      n     = lists->n[c];

  for (PetscInt i = 0; i < n; ++i) h[i] = dual->leaf_height[lists->target[at + i]];
  if (BrenierDualEnvelope_Private(dual, n, lists->a + at, lists->b + at, h, envelope)) return -1;
  dual->potential[c] = BrenierDualIntegral_Private(dual, envelope, lists->a + at, lists->b + at, h);
  return 0;
}

/* Exact envelopes of all lists at the leaves' heights: threads walk some, one enters them. */
static PetscErrorCode Walk(BrenierDual dual)
{
  const BrenierLists *lists     = &dual->lists;
  const PetscInt      n_threads = BrenierThreads(dual->comm), n = BRENIER_ENVELOPES_AT_ONCE * n_threads;
  const size_t        longest = (size_t)LongestList(dual);
  BrenierEnvelope    *envelope;
  PetscReal          *h; // of each thread
  int                 failed = 0;

  PetscFunctionBegin;
  dual->pieces.n = 0;
  PetscCall(PetscCalloc1(n, &envelope));
  PetscCall(PetscMalloc1(longest * (size_t)n_threads, &h));
  for (PetscInt first = 0; first < dual->n_local; first += n) {
    const PetscInt end = PetscMin(first + n, dual->n_local);

#pragma omp parallel for num_threads(n_threads) schedule(dynamic) reduction(| : failed)
    for (PetscInt c = first; c < end; ++c)
      failed |= WalkList(dual, c, h + longest * (size_t)omp_get_thread_num(), &envelope[c - first]);
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the envelope of a list");
    for (PetscInt c = first; c < end; ++c) {
      const PetscInt64 at = lists->offset[c];

      PetscCall(BrenierDualEnter_Private(c, &envelope[c - first], lists->target + at, lists->a + at, lists->b + at,
                                         &dual->pieces));
    }
  }
  for (PetscInt i = 0; i < n; ++i) BrenierEnvelopeFree(&envelope[i]);
  PetscCall(PetscFree(envelope));
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualWalkLists_Private(BrenierDual dual, const PetscReal h[], PetscReal shift)
{
  PetscInt      *curve, n_hold = 0;
  PetscLogDouble begun, ended;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dual->n_local, &curve));
  dual->shift = shift;
  if (dual->sf) PetscCall(BrenierDualToLeaves_Private(dual, h, dual->leaf_height));
  PetscCall(Certify(dual, shift, curve, &n_hold));
  PetscCall(Renew(dual, h, shift, n_hold, curve));
  PetscCall(PetscFree(curve));
  PetscCall(PetscTime(&begun));
  PetscCall(Walk(dual));
  PetscCall(PetscTime(&ended));
  dual->work.envelope_seconds += ended - begun;
  dual->work.n_candidates = dual->lists.n_total;
  PetscFunctionReturn(PETSC_SUCCESS);
}
