/*
  certificates.c - Which candidate lists are complete at new heights, and what has to be scanned again.

  A list with a skin, as in molecular dynamics (Verlet, Phys. Rev. 159 (1967)). Let s_j >= 0 be the skin of target j,
  and h the heights of a scan, gauged: sum nu h = 0 (as given, where the gauge is held). The scan sets
    lower_j = h_j - s_j,   upper_j = h_j + s_j,   l = the envelope along the curve of the planes at lower_j.
  It lists the targets whose plane at upper_j reaches l somewhere on the curve. The planes of l that are highest at the
  middle of a sector (bounds.h) are the support of the list; they keep their lower height. At other heights g the list
  is complete if

    (1) u >= l on the curve, and
    (2) g_j <= upper_j for all targets:

  then a target that is not listed lies below l, hence below u. (1) holds if g_j >= lower_j for the support; otherwise
  the envelopes of the list at g and of the support at lower_j are compared, which is exact for what is listed.

  A list that violates (1) is invalid: its curve is scanned with all targets. A target that violates (2) gets a new
  upper height and is rescanned: it meets the other curves again, against the same l. If nothing is violated, an
  evaluation walks the envelopes of the lists and scans nothing. A lazy evaluation does not check (1): where the support
  has fallen, u may lack planes that are not listed. Few of them appear on the curve, and BrenierDualMissing() bounds
  what the energy lacks.
*/
#include "certificates.h"
#include "scan.h"
#include "sinks.h"

#include <brenier/threads.h>

#include <math.h>
#include <omp.h>

/* Whether all planes of the support of curve c are at their lower heights or above: sufficient for (1). */
static PetscBool Holds(const BrenierCandidates *lists, const BrenierHalo *halo, PetscInt c, PetscReal shift)
{
  if (lists->n[c] < 0) return PETSC_FALSE;
  for (PetscInt64 i = lists->offset[c]; i < lists->offset[c] + lists->n[c]; ++i)
    if (lists->lower[i] > -HUGE_VALF && halo->height[lists->ghost[i]] - shift < (PetscReal)lists->lower[i])
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
  Sets upper heights anew where necessary, and selects the targets whose upper height rose. Normally these are the
  targets with h above it. After a change of the sample or the skins, upper heights also come down to h + skin, which
  costs nothing, and rise where less than half of the skin is left, before the new curves are scanned. They are rounded
  upwards, so that a change of the gauge alone moves none.
*/
static PetscInt MoveUpper(BrenierSkin *skin, PetscInt n_local, const PetscReal h[], BrenierLocal rescanned[])
{
  PetscInt n = 0;

  for (BrenierLocal i = 0; i < n_local; ++i) {
    const PetscReal g = h[i] - skin->shift, least = skin->changed ? g + 0.5 * skin->width[i] : g;

    if (skin->changed) skin->upper[i] = PetscMin(skin->upper[i], RoundedUp(g + skin->width[i]));
    if (skin->upper[i] >= least) continue;
    skin->upper[i] = RoundedUp(g + skin->width[i]);
    rescanned[n++] = i;
  }
  return n;
}

/* Work space: l, the envelope of the support at its lower heights, and u, that of the list at the heights of the
   ghosts. */
typedef struct {
  BrenierEnvelope floor, top;
  PetscInt        capacity;
  PetscReal      *a, *b, *lower; /* of the support */
  PetscReal      *h;             /* of the list */
} Comparison;

static PetscErrorCode ReserveComparison(Comparison *work, PetscInt n)
{
  PetscFunctionBegin;
  if (n <= work->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree4(work->a, work->b, work->lower, work->h));
  work->capacity = 2 * n;
  PetscCall(PetscMalloc4(2 * (size_t)n, &work->a, 2 * (size_t)n, &work->b, 2 * (size_t)n, &work->lower, 2 * (size_t)n,
                         &work->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeComparison(Comparison *work)
{
  PetscFunctionBegin;
  BrenierEnvelopeFree(&work->floor);
  BrenierEnvelopeFree(&work->top);
  PetscCall(PetscFree4(work->a, work->b, work->lower, work->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether u, the envelope of the planes a, b with the heights lowered by shift, lies nowhere below l. */
static PetscBool Covers(const BrenierCurves *curves, const PetscReal a[], const PetscReal b[], PetscReal shift,
                        const Comparison *work)
{
  const BrenierEnvelope *top = &work->top, *floor = &work->floor;
  BrenierSpan            piece = BrenierCurvesSpanAt(curves, top->start[0]);

  for (size_t p = 0, q = 0; p < top->n && q < floor->n;) {
    const int32_t      i = top->plane[p], k = floor->plane[q];
    const BrenierPlane above = {a[i] - work->a[k], b[i] - work->b[k], work->h[i] - shift - work->lower[k]};

    BrenierCurvesNextSpan(curves, PetscMin(top->start[p + 1], floor->start[q + 1]), &piece);
    if (curves->family->least(&above, &piece) < 0.0) return PETSC_FALSE;
    if (top->start[p + 1] <= floor->start[q + 1]) ++p;
    else ++q;
  }
  return PETSC_TRUE;
}

/* Condition (1) for a curve with a plane of its support below the lower height: other planes may have taken its
   place. */
static PetscErrorCode HoldsStill(BrenierDual dual, PetscInt c, Comparison *work, PetscBool *holds)
{
  const BrenierCandidates *lists = &dual->candidates;
  const PetscInt64         at    = lists->offset[c];
  const PetscInt           n     = lists->n[c];
  PetscInt                 k     = 0;

  PetscFunctionBegin;
  *holds = PETSC_FALSE;
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReserveComparison(work, n));
  for (PetscInt i = 0; i < n; ++i) {
    work->h[i] = BrenierCandidateHeight(lists, at + i, dual->halo.height[lists->ghost[at + i]]);
    if (lists->lower[at + i] == -HUGE_VALF) continue;
    work->a[k]       = lists->a[at + i];
    work->b[k]       = lists->b[at + i];
    work->lower[k++] = BrenierCandidateHeight(lists, at + i, (PetscReal)lists->lower[at + i]);
  }
  PetscCheck(!BrenierCurvesEnvelope(&dual->curves, k, work->a, work->b, work->lower, &work->floor) &&
                 !BrenierCurvesEnvelope(&dual->curves, n, lists->a + at, lists->b + at, work->h, &work->top),
             PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for an envelope of %" PetscInt_FMT " planes", n);
  *holds = Covers(&dual->curves, lists->a + at, lists->b + at, dual->skin.shift, work);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sorts the local curves: first the n_hold curves with a valid list, then the others. Without the check every curve
   with a list counts as valid. */
static PetscErrorCode CheckLists(BrenierDual dual, PetscInt curve[], PetscInt *n_hold)
{
  const BrenierCandidates *lists    = &dual->candidates;
  const PetscInt           n_curves = lists->n_curves;
  Comparison               work     = {0};
  PetscInt                 n = 0, end = n_curves;
  PetscBool                holds;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < n_curves; ++c) {
    if (dual->skin.skips_check) holds = (PetscBool)(lists->n[c] >= 0);
    else {
      holds = Holds(lists, &dual->halo, c, dual->skin.shift);
      if (!holds) PetscCall(HoldsStill(dual, c, &work, &holds));
    }
    if (holds) curve[n++] = c;
  }
  for (PetscInt c = n_curves, next = n; c-- > 0;)
    if (next == 0 || curve[next - 1] != c) curve[--end] = c;
    else --next;
  PetscCall(FreeComparison(&work));
  *n_hold = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What violates the certificates. */
typedef struct {
  PetscInt      n_rescanned;
  BrenierLocal *rescanned;
  PetscReal    *lower;                              /* of all targets here, for new lists */
  PetscInt64    n_invalid, n_hold, n_rescanned_all; /* invalid and valid curves, targets to rescan; of all ranks */
} Failures;

static PetscErrorCode FindFailures(BrenierDual dual, const PetscReal h[], PetscInt n_hold, Failures *f)
{
  const PetscInt n    = dual->targets->n_local;
  BrenierSkin   *skin = &dual->skin;
  PetscInt64     count[3];

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n, &f->rescanned, n, &f->lower));
  for (BrenierLocal i = 0; i < n; ++i) f->lower[i] = RoundedDown(h[i] - skin->shift - skin->width[i]);
  f->n_rescanned = MoveUpper(skin, n, h, f->rescanned);
  count[0]       = dual->candidates.n_curves - n_hold;
  count[1]       = n_hold;
  count[2]       = f->n_rescanned;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 3, MPIU_INT64, MPI_SUM, dual->comm));
  f->n_invalid       = count[0];
  f->n_hold          = count[1];
  f->n_rescanned_all = count[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scans invalid curves with all targets, and rescans targets with the other curves. If that makes the lists too long,
   since heights moved by many skins, every curve is scanned. */
static PetscErrorCode UpdateLists(BrenierDual dual, const PetscReal h[], PetscInt n_hold, const PetscInt curve[])
{
  BrenierCandidates *lists    = &dual->candidates;
  const PetscReal   *upper    = dual->skin.upper;
  PetscBool          too_long = PETSC_FALSE;
  Failures           f;

  PetscFunctionBegin;
  PetscCall(FindFailures(dual, h, n_hold, &f));
  dual->skin.changed = PETSC_FALSE;
  if (f.n_invalid > 0 || (f.n_hold > 0 && f.n_rescanned_all > 0)) {
    if (f.n_hold > 0 && f.n_rescanned_all > 0) {
      const BrenierRescanned rescanned = {f.n_rescanned, f.rescanned};

      PetscCall(BrenierRescanTargets(dual, n_hold, curve, &rescanned, f.lower, upper, &too_long));
    }
    if (too_long) {
      BrenierCandidatesClear(lists);
      dual->work.n_fresh = 0;
      n_hold             = 0;
    }
    if (f.n_invalid > 0 || too_long)
      PetscCall(BrenierScanLists(dual, lists->n_curves - n_hold, curve + n_hold, f.lower, upper));
    PetscCall(BrenierCandidatesCompact(lists));
    PetscCall(BrenierHaloBuild(&dual->halo, dual->targets->layout, lists->end, lists->global, lists->ghost));
    PetscCall(BrenierHaloGet(&dual->halo, h, dual->halo.height));
  }
  PetscCall(PetscFree2(f.rescanned, f.lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Upper bound of the mean of (l - u)+ on curve c: where the plane of l is at g_j < lower_j, u is at least l - (lower_j
   - g_j), as the list contains it. */
static PetscErrorCode MissingOnCurve(BrenierDual dual, PetscInt c, Comparison *work, PetscReal *missing)
{
  const BrenierCandidates *lists = &dual->candidates;
  const BrenierEnvelope   *floor = &work->floor;
  PetscInt                 k     = 0;
  PetscBool                any   = PETSC_FALSE;

  PetscFunctionBegin;
  *missing = 0.0;
  PetscCall(ReserveComparison(work, lists->n[c]));
  for (PetscInt64 i = lists->offset[c]; i < lists->offset[c] + lists->n[c]; ++i) {
    if (lists->lower[i] == -HUGE_VALF) continue;
    work->a[k]     = lists->a[i];
    work->b[k]     = lists->b[i];
    work->lower[k] = (PetscReal)lists->lower[i];
    work->h[k]     = PetscMax(work->lower[k] - (dual->halo.height[lists->ghost[i]] - dual->skin.shift), 0.0); // fell
    work->lower[k] = BrenierCandidateHeight(lists, i, work->lower[k]);
    any            = (PetscBool)(any || work->h[k] > 0.0);
    ++k;
  }
  if (!any) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!BrenierCurvesEnvelope(&dual->curves, k, work->a, work->b, work->lower, &work->floor), PETSC_COMM_SELF,
             PETSC_ERR_MEM, "No memory for an envelope of %" PetscInt_FMT " planes", k);
  for (size_t p = 0; p < floor->n; ++p)
    *missing += work->h[floor->plane[p]] * (BrenierCurvesShare(&dual->curves, floor->start[p + 1]) -
                                            BrenierCurvesShare(&dual->curves, floor->start[p]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualMissing(BrenierDual dual, PetscReal *missing)
{
  const PetscInt n    = dual->sample.n_local;
  Comparison     work = {0};
  PetscReal     *term;

  PetscFunctionBegin;
  *missing = 0.0;
  if (!dual->skin.is_kept) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(n, &term));
  for (PetscInt c = 0; c < n; ++c) PetscCall(MissingOnCurve(dual, c, &work, &term[c]));
  PetscCall(BrenierExactSum(dual->comm, n, 1, term, missing));
  *missing *= dual->targets->unit / (PetscReal)dual->sample.n_curves;
  PetscCall(FreeComparison(&work));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The envelope of a list at the heights of the ghosts, and its integral. h: work; -1 when out of memory. */
static int WalkList(BrenierDual dual, PetscInt c, PetscReal h[], BrenierEnvelope *envelope)
{
  const BrenierCandidates *lists = &dual->candidates;
  const PetscInt64         at    = lists->offset[c];
  const PetscInt           n     = lists->n[c];

  for (PetscInt i = 0; i < n; ++i)
    h[i] = BrenierCandidateHeight(lists, at + i, dual->halo.height[lists->ghost[at + i]]);
  if (BrenierCurvesEnvelope(&dual->curves, n, lists->a + at, lists->b + at, h, envelope)) return -1;
  dual->pieces.potential[c] = BrenierCurvesPotential(&dual->curves, envelope, lists->a + at, lists->b + at, h);
  return 0;
}

/* Exact envelopes of all lists at the heights of the ghosts. Threads compute them, one thread stores them in order. */
static PetscErrorCode Walk(BrenierDual dual)
{
  const BrenierCandidates *lists     = &dual->candidates;
  const PetscInt           n_threads = BrenierThreads(dual->comm), n = BRENIER_ENVELOPES_AT_ONCE * n_threads;
  const size_t             longest = (size_t)BrenierCandidatesLongest(lists);
  BrenierEnvelope         *envelope;
  PetscReal               *h; // of each thread
  int                      failed = 0;

  PetscFunctionBegin;
  dual->pieces.n = 0;
  PetscCall(PetscCalloc1(n, &envelope));
  PetscCall(PetscMalloc1(longest * (size_t)n_threads, &h));
  for (PetscInt first = 0; first < lists->n_curves; first += n) {
    const PetscInt end = PetscMin(first + n, lists->n_curves);

#pragma omp parallel for num_threads(n_threads) schedule(dynamic) reduction(| : failed)
    for (PetscInt c = first; c < end; ++c)
      failed |= WalkList(dual, c, h + longest * (size_t)omp_get_thread_num(), &envelope[c - first]);
    PetscCheck(!failed, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the envelope of a list");
    for (PetscInt c = first; c < end; ++c) {
      const PetscInt64 at = lists->offset[c];

      PetscCall(BrenierPiecesEnterGhosts(&dual->pieces, c, &envelope[c - first], lists->ghost + at, lists->a + at,
                                         lists->b + at, lists->has_base ? lists->base + at : NULL));
    }
  }
  for (PetscInt i = 0; i < n; ++i) BrenierEnvelopeFree(&envelope[i]);
  PetscCall(PetscFree(envelope));
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierWalkLists(BrenierDual dual, const PetscReal h[], PetscReal shift)
{
  PetscInt      *curve, n_hold = 0;
  PetscLogDouble begun, ended;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dual->sample.n_local, &curve));
  dual->skin.shift = shift;
  if (dual->halo.sf) PetscCall(BrenierHaloGet(&dual->halo, h, dual->halo.height));
  PetscCall(CheckLists(dual, curve, &n_hold));
  PetscCall(UpdateLists(dual, h, n_hold, curve));
  PetscCall(PetscFree(curve));
  PetscCall(PetscTime(&begun));
  PetscCall(Walk(dual));
  PetscCall(PetscTime(&ended));
  dual->work.envelope_seconds += ended - begun;
  dual->work.n_candidates = dual->candidates.n_total;
  PetscFunctionReturn(PETSC_SUCCESS);
}
