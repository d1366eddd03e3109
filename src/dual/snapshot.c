/*
  snapshot.c - Snapshots of a sample and its lists: in memory, to a file and back, for any number of ranks.

  A lazy evaluation depends on the lists, so a run that continues needs them as they were. The file has them in the
  order of the curves, segment by segment of the sample; the part of a rank is contiguous for any number of ranks.
  Planes are not stored: they are computed again, to the same bits, from curve and target, as the targets travel round
  the ring.
*/
#include "dual_private.h"
#include "blocks.h"

#include <math.h>
#include <stdio.h>

enum { BRENIER_NAME_LENGTH = 64 };

/* Totals over all ranks, as they are stored. */
typedef struct {
  PetscInt64 n_visits, n_scanned, n_rescanned, n_fresh;
  PetscReal  flops, scan_seconds, envelope_seconds;
} WorkTotals;

PetscErrorCode BrenierDualTakeSnapshot(BrenierDual dual)
{
  BrenierSnapshot *snapshot = &dual->snapshot;
  const PetscInt   n        = dual->targets->n_local;

  PetscFunctionBegin;
  PetscCall(PetscFree(snapshot->upper));
  snapshot->n_segments = dual->sample.n_segments;
  snapshot->n_local    = dual->sample.n_local;
  snapshot->work       = dual->work;
  if (!dual->skin.is_kept) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierCandidatesSave(&dual->candidates));
  PetscCall(PetscMalloc1(n, &snapshot->upper));
  PetscCall(PetscArraycpy(snapshot->upper, dual->skin.upper, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This rank's curves [from, to) of a segment, among the first n_local. */
static void SegmentCurves(const BrenierSample *sample, PetscInt n_segments, PetscInt n_local, PetscInt segment,
                          PetscInt *from, PetscInt *to)
{
  *from = sample->segment[segment].local;
  *to   = segment + 1 < n_segments ? sample->segment[segment + 1].local : n_local;
}

static void NameOf(PetscInt segment, const char what[], char name[BRENIER_NAME_LENGTH])
{
  snprintf(name, BRENIER_NAME_LENGTH, "/sample/%02d/%s", (int)segment, what);
}

PetscErrorCode BrenierDualSaveBytes(BrenierDual dual, PetscInt64 *bytes)
{
  PetscFunctionBegin;
  *bytes = 8 * dual->candidates.saved.n_total + 4 * (PetscInt64)dual->snapshot.n_local +
           8 * (PetscInt64)dual->targets->n_local;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, bytes, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SaveSegment(BrenierDual dual, BrenierStore store, PetscInt segment)
{
  const BrenierCandidates *lists = &dual->candidates;
  const BrenierSavedLists *saved = &lists->saved;
  PetscInt                 from, to, n;
  PetscInt64               n_all = 0, k = 0;
  int32_t                 *whole;
  float                   *lower;
  char                     name[BRENIER_NAME_LENGTH];

  PetscFunctionBegin;
  SegmentCurves(&dual->sample, dual->snapshot.n_segments, dual->snapshot.n_local, segment, &from, &to);
  for (PetscInt c = from; c < to; ++c) n_all += saved->n[c];
  PetscCall(PetscIntCast(n_all, &n));
  PetscCall(PetscMalloc1(PetscMax(n, to - from), &whole));
  for (PetscInt c = from; c < to; ++c) whole[c - from] = (int32_t)saved->n[c];
  NameOf(segment, "count", name);
  PetscCall(BrenierStoreWriteRows(store, name, BRENIER_I4, to - from, 0, whole, "candidates of a curve"));
  for (PetscInt c = from; c < to; ++c)
    for (PetscInt64 i = saved->offset[c]; i < saved->offset[c] + saved->n[c]; ++i)
      whole[k++] = (int32_t)lists->global[i];
  NameOf(segment, "target", name);
  PetscCall(BrenierStoreWriteRows(store, name, BRENIER_I4, n, 0, whole, "index of a target"));
  PetscCall(PetscFree(whole));
  PetscCall(PetscMalloc1(n, &lower));
  k = 0;
  for (PetscInt c = from; c < to; ++c)
    for (PetscInt64 i = saved->offset[c]; i < saved->offset[c] + saved->n[c]; ++i) lower[k++] = lists->lower[i];
  NameOf(segment, "low", name);
  PetscCall(BrenierStoreWriteRows(store, name, BRENIER_F4, n, 0, lower,
                                  "lower height of a plane of the support, normalised targets"));
  PetscCall(PetscFree(lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SumWork(MPI_Comm comm, const BrenierDualWork *work, WorkTotals *all)
{
  PetscInt64 whole[4] = {work->n_visits, work->n_scanned, work->n_rescanned, work->n_fresh};
  PetscReal  real[3]  = {work->flops, work->scan_seconds, work->envelope_seconds};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, whole, 4, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, real, 3, MPIU_REAL, MPI_SUM, comm));
  *all = (WorkTotals){whole[0], whole[1], whole[2], whole[3], real[0], real[1], real[2]};
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SaveWork(BrenierStore store, PetscInt64 n_evaluations, const WorkTotals *all)
{
  static const char group[] = "/sample";

  PetscFunctionBegin;
  PetscCall(BrenierStoreSetInt(store, group, "evaluations", n_evaluations));
  PetscCall(BrenierStoreSetInt(store, group, "visits", all->n_visits));
  PetscCall(BrenierStoreSetInt(store, group, "scanned", all->n_scanned));
  PetscCall(BrenierStoreSetInt(store, group, "risen", all->n_rescanned));
  PetscCall(BrenierStoreSetInt(store, group, "fresh", all->n_fresh));
  PetscCall(BrenierStoreSetReal(store, group, "flops", all->flops));
  PetscCall(BrenierStoreSetReal(store, group, "scan_seconds", all->scan_seconds));
  PetscCall(BrenierStoreSetReal(store, group, "envelope_seconds", all->envelope_seconds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSave(BrenierDual dual, BrenierStore store)
{
  const BrenierSnapshot *snapshot = &dual->snapshot;
  WorkTotals             all      = {0};
  char                   name[BRENIER_NAME_LENGTH];

  PetscFunctionBegin;
  PetscCall(BrenierStoreAddGroup(store, "/sample"));
  PetscCall(BrenierStoreSetInt(store, "/sample", "segments", snapshot->n_segments));
  for (PetscInt s = 0; s < snapshot->n_segments; ++s) {
    snprintf(name, sizeof name, "end_%02d", (int)s);
    PetscCall(BrenierStoreSetInt(store, "/sample", name, dual->sample.segment[s].end));
  }
  PetscCall(SumWork(dual->comm, &snapshot->work, &all));
  PetscCall(SaveWork(store, snapshot->work.n_evaluations, &all));
  if (!dual->skin.is_kept) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreWriteRows(store, "/sample/cap", BRENIER_F8, dual->targets->n_local, 0, snapshot->upper,
                                  "height, normalised targets"));
  for (PetscInt s = 0; s < snapshot->n_segments; ++s) PetscCall(SaveSegment(dual, store, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LoadWork(BrenierDual dual, BrenierStore store)
{
  static const char group[] = "/sample";
  BrenierDualWork  *work    = &dual->work;
  PetscMPIInt       rank;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetInt(store, group, "evaluations", &work->n_evaluations));
  PetscCall(BrenierStoreGetInt(store, group, "visits", &work->n_visits));
  PetscCall(BrenierStoreGetInt(store, group, "scanned", &work->n_scanned));
  PetscCall(BrenierStoreGetInt(store, group, "risen", &work->n_rescanned));
  PetscCall(BrenierStoreGetInt(store, group, "fresh", &work->n_fresh));
  PetscCall(BrenierStoreGetReal(store, group, "flops", &work->flops));
  PetscCall(BrenierStoreGetReal(store, group, "scan_seconds", &work->scan_seconds));
  PetscCall(BrenierStoreGetReal(store, group, "envelope_seconds", &work->envelope_seconds));
  PetscCallMPI(MPI_Comm_rank(dual->comm, &rank));
  if (rank > 0) *work = (BrenierDualWork){.n_evaluations = work->n_evaluations}; // totals: one rank has them all
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads this rank's counts of one segment, [from, to) of the local curves; *first: where its rows of candidates
   begin. */
static PetscErrorCode LoadCounts(BrenierDual dual, BrenierStore store, PetscInt segment, int32_t **count,
                                 PetscInt64 *first, PetscInt *n)
{
  const BrenierSample *sample = &dual->sample;
  PetscInt             from, to;
  PetscInt64           n_all = 0;
  BrenierFault         fault = {0};
  char                 name[BRENIER_NAME_LENGTH];

  PetscFunctionBegin;
  SegmentCurves(sample, sample->n_segments, sample->n_local, segment, &from, &to);
  PetscCall(PetscMalloc1(to - from, count));
  NameOf(segment, "count", name);
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_I4,
                                 sample->segment[segment].first - sample->segment[segment].begin, to - from, *count));
  for (PetscInt c = 0; c < to - from; ++c) {
    if ((*count)[c] < 1) BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "a list of %s is empty", name);
    n_all += (*count)[c];
  }
  PetscCall(BrenierFaultAgree(dual->comm, &fault));
  PetscCall(PetscIntCast(n_all, n));
  PetscCallMPI(MPI_Scan(&n_all, first, 1, MPIU_INT64, MPI_SUM, dual->comm));
  *first -= n_all;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Appends this rank's lists of one segment to the arena, planes to follow. */
static PetscErrorCode LoadSegment(BrenierDual dual, BrenierStore store, PetscInt segment)
{
  PetscInt       from, to, n;
  PetscInt64     first, k = 0;
  int32_t       *count, *stored;
  BrenierGlobal *target;
  float         *lower;
  PetscReal     *none;
  BrenierFault   fault = {0};
  char           name[BRENIER_NAME_LENGTH];

  PetscFunctionBegin;
  SegmentCurves(&dual->sample, dual->sample.n_segments, dual->sample.n_local, segment, &from, &to);
  PetscCall(LoadCounts(dual, store, segment, &count, &first, &n));
  PetscCall(PetscMalloc3(n, &stored, n, &target, n, &lower));
  PetscCall(PetscCalloc1(n, &none));
  NameOf(segment, "target", name);
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_I4, first, n, stored));
  NameOf(segment, "low", name);
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_F4, first, n, lower));
  for (PetscInt64 i = 0; i < n; ++i) {
    target[i] = stored[i];
    if (target[i] < 0 || target[i] >= dual->targets->n)
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "a list of %s names target %d", name, (int)stored[i]);
  }
  PetscCall(BrenierFaultAgree(dual->comm, &fault));
  for (PetscInt c = from; c < to; k += count[c++ - from])
    PetscCall(BrenierCandidatesSet(&dual->candidates, c, count[c - from], target + k, none, none, none, lower + k));
  PetscCall(PetscFree3(stored, target, lower));
  PetscCall(PetscFree(none));
  PetscCall(PetscFree(count));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Planes of the candidates whose targets are in one block. y: for a row of coordinates. */
static void SetPlanes(BrenierDual dual, const BrenierBlock *block, PetscReal y[], PetscReal z[])
{
  BrenierCandidates *lists = &dual->candidates;
  BrenierCurve       curve;
  PetscReal          none;

  for (PetscInt c = 0; c < lists->n_curves; ++c) {
    BrenierSampleFirstDraw(&dual->sample, c, z, &curve);
    for (PetscInt64 i = lists->offset[c]; i < lists->offset[c] + lists->n[c]; ++i) {
      const PetscInt row = lists->global[i] - block->first;

      if (row < 0 || row >= block->n) continue;
      BrenierCurvesPlane(&dual->curves, &curve, BrenierBlockPoint(block, (BrenierBlockRow)row, y), &lists->a[i],
                         &lists->b[i], lists->has_base ? &lists->base[i] : &none);
    }
  }
}

/* Planes of all candidates: every block of targets visits once. */
static PetscErrorCode LoadPlanes(BrenierDual dual)
{
  const size_t  dim = (size_t)dual->curves.dim;
  BrenierBlocks blocks;
  BrenierBlock  block;
  PetscBool     more;
  PetscReal    *y, *z;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(dim, &y, 2 * dim, &z));
  PetscCall(BrenierBlocksCreate(dual->cache, dual->curves.family->tile, dual->targets->n_local, &blocks));
  PetscCall(BrenierBlocksFill(&blocks, NULL, NULL, NULL));
  while (PETSC_TRUE) {
    PetscCall(BrenierBlocksStep(&blocks, &more, &block));
    if (!more) break;
    SetPlanes(dual, &block, y, z);
  }
  PetscCall(BrenierBlocksDestroy(&blocks));
  PetscCall(PetscFree2(y, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LoadLists(BrenierDual dual, BrenierStore store)
{
  BrenierCandidates *lists = &dual->candidates;

  PetscFunctionBegin;
  PetscCall(BrenierStoreReadRows(store, "/sample/cap", BRENIER_F8, dual->targets->first, dual->targets->n_local,
                                 dual->skin.upper));
  for (PetscInt s = 0; s < dual->sample.n_segments; ++s) PetscCall(LoadSegment(dual, store, s));
  PetscCall(LoadPlanes(dual));
  PetscCall(BrenierHaloBuild(&dual->halo, dual->targets->layout, lists->end, lists->global, lists->ghost));
  dual->skin.changed      = PETSC_FALSE;
  dual->work.n_candidates = lists->n_total;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualLoad(BrenierTargets targets, BrenierSource source, PetscInt64 seed, uint32_t stream,
                               PetscInt n_batches, Vec width, BrenierStore store, BrenierDual *dual)
{
  PetscInt64 n_segments, end;
  char       name[BRENIER_NAME_LENGTH];

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetInt(store, "/sample", "segments", &n_segments));
  PetscCheck(n_segments >= 1 && n_segments <= BRENIER_MAX_SEGMENTS, targets->comm, PETSC_ERR_FILE_UNEXPECTED,
             "a sample of %" PetscInt64_FMT " segments", n_segments);
  for (PetscInt64 s = 0; s < n_segments; ++s) {
    snprintf(name, sizeof name, "end_%02d", (int)s);
    PetscCall(BrenierStoreGetInt(store, "/sample", name, &end));
    if (s == 0) PetscCall(BrenierDualCreate(targets, source, seed, stream, end, n_batches, dual));
    else PetscCall(BrenierDualGrow(*dual, end));
  }
  if (width) {
    PetscCall(BrenierDualSetSkin(*dual, width));
    PetscCall(LoadLists(*dual, store));
  }
  PetscCall(LoadWork(*dual, store));
  PetscFunctionReturn(PETSC_SUCCESS);
}
