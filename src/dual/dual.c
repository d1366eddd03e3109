/* dual.c - Implements dual.h: creation, growth and destruction, and the normalisation of heights. */
#include "blocks.h"
#include "dual_private.h"

PetscErrorCode BrenierDualCreate(BrenierTargets targets, BrenierSource source, PetscInt64 seed, uint32_t stream,
                                 PetscInt64 n_curves, PetscInt n_batches, BrenierDual *dual)
{
  BrenierDual    d;
  BrenierSample *sample;

  PetscFunctionBegin;
  PetscCheck(n_curves >= 1 && n_batches >= 1, targets->comm, PETSC_ERR_ARG_OUTOFRANGE, "Need a curve and a batch");
  n_curves = PetscMin(n_curves, BrenierSourceMaxCurves(source));
  PetscCall(PetscNew(&d));
  d->comm       = targets->comm;
  d->targets    = targets;
  d->owns_cache = PETSC_TRUE;
  PetscCall(BrenierScanCacheCreate(targets, &d->cache));
  sample            = &d->sample;
  sample->comm      = targets->comm;
  sample->source    = BrenierSourceReference(source);
  sample->seed      = seed;
  sample->stream    = stream;
  sample->n_batches = (PetscInt)PetscMin((PetscInt64)n_batches, n_curves);
  PetscCall(BrenierSampleGrow(sample, n_curves));
  BrenierCurvesSet(source, &d->curves);
  d->candidates.has_base = d->curves.family->has_base;
  PetscCall(BrenierPiecesCreate(sample->n_local, d->curves.family->has_base, &d->pieces));
  PetscCall(BrenierMassesCreate(sample->n_batches, targets->n_local, &d->masses));
  *dual = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsNormalise(BrenierTargets targets, Vec height, PetscReal h[])
{
  const PetscScalar *in;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(height, &in));
  for (BrenierLocal i = 0; i < targets->n_local; ++i) h[i] = in[i] / targets->unit;
  PetscCall(VecRestoreArrayRead(height, &in));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSetSkin(BrenierDual dual, Vec width)
{
  const PetscInt n    = dual->targets->n_local;
  BrenierSkin   *skin = &dual->skin;

  PetscFunctionBegin;
  if (!dual->curves.family->is_filtered) PetscFunctionReturn(PETSC_SUCCESS);
  if (!skin->is_kept) {
    skin->is_kept = PETSC_TRUE;
    PetscCall(PetscMalloc1(n, &skin->width));
    PetscCall(PetscMalloc1(n, &skin->upper));
    for (BrenierLocal i = 0; i < n; ++i) skin->upper[i] = -PETSC_INFINITY;
    PetscCall(BrenierCandidatesAddCurves(&dual->candidates, dual->sample.n_local));
  }
  PetscCall(BrenierHeightsNormalise(dual->targets, width, skin->width));
  skin->changed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGrow(BrenierDual dual, PetscInt64 n_curves)
{
  BrenierSample *sample = &dual->sample;
  const PetscInt n_old  = sample->n_local;

  PetscFunctionBegin;
  n_curves = PetscMin(n_curves, BrenierSourceMaxCurves(sample->source));
  if (n_curves <= sample->n_curves) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierSampleGrow(sample, n_curves));
  PetscCall(BrenierPiecesAddCurves(&dual->pieces, n_old, sample->n_local));
  if (dual->skin.is_kept) PetscCall(BrenierCandidatesAddCurves(&dual->candidates, sample->n_local));
  dual->skin.changed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSetCache(BrenierDual dual, BrenierScanCache cache)
{
  PetscFunctionBegin;
  if (!cache || cache == dual->cache) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(cache->targets == dual->targets, dual->comm, PETSC_ERR_ARG_WRONG, "A cache of other targets");
  if (dual->owns_cache) PetscCall(BrenierScanCacheDestroy(&dual->cache));
  dual->cache      = cache;
  dual->owns_cache = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool BrenierDualHasLists(BrenierDual dual)
{
  return dual->skin.is_kept;
}

PetscErrorCode BrenierDualSkipListCheck(BrenierDual dual, PetscBool skip)
{
  PetscFunctionBegin;
  dual->skin.skips_check = skip;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualHoldGauge(BrenierDual dual, PetscBool hold)
{
  PetscFunctionBegin;
  dual->skin.holds_gauge = hold;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualRepeats(BrenierDual dual, PetscBool repeating)
{
  PetscFunctionBegin;
  dual->repeats = repeating;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualSetVerify(BrenierDual dual, PetscBool verify)
{
  PetscFunctionBegin;
  dual->verify = verify;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualDestroy(BrenierDual *dual)
{
  BrenierDual d = *dual;

  PetscFunctionBegin;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  if (d->owns_cache) PetscCall(BrenierScanCacheDestroy(&d->cache));
  PetscCall(BrenierPiecesFree(&d->pieces));
  PetscCall(BrenierHaloFree(&d->halo));
  PetscCall(BrenierMassesFree(&d->masses));
  PetscCall(BrenierCandidatesFree(&d->candidates));
  PetscCall(BrenierSampleFree(&d->sample));
  PetscCall(PetscFree(d->skin.width));
  PetscCall(PetscFree(d->skin.upper));
  PetscCall(PetscFree(d->snapshot.upper));
  PetscCall(PetscFree(*dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetCurves(BrenierDual dual, PetscInt64 *first_curve, PetscInt *n_curves)
{
  PetscFunctionBegin;
  *first_curve = dual->sample.segment[0].first;
  *n_curves    = dual->sample.n_local;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetPieces(BrenierDual dual, PetscInt c, PetscInt *n, BrenierGlobal target[],
                                    PetscReal start[], PetscInt capacity)
{
  const PetscInt64 first = dual->pieces.offset[c];

  PetscFunctionBegin;
  *n = (PetscInt)(dual->pieces.offset[c + 1] - first);
  for (PetscInt p = 0; p < PetscMin(*n, capacity); ++p) {
    target[p] = dual->halo.global[dual->pieces.ghost[first + p]];
    start[p]  = dual->pieces.start[first + p];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetBatches(BrenierDual dual, PetscInt *n_batches, const PetscReal **mass, PetscReal energy[],
                                     PetscReal square[])
{
  const BrenierSample *sample = &dual->sample;

  PetscFunctionBegin;
  *n_batches = sample->n_batches;
  if (mass) *mass = dual->masses.share;
  for (PetscInt b = 0; b < sample->n_batches; ++b) {
    const PetscReal size = (PetscReal)BrenierSampleBatchSize(sample, b);

    if (energy) {
      PetscCall(BrenierSampleSumBatch(sample, b, dual->pieces.potential, &energy[b]));
      energy[b] *= dual->targets->unit / size;
    }
    if (square) {
      PetscCall(BrenierSampleSumBatch(sample, b, sample->square, &square[b]));
      square[b] /= size;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetWork(BrenierDual dual, BrenierDualWork *work)
{
  PetscFunctionBegin;
  *work = dual->work;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt64 BrenierDualCurves(BrenierDual dual)
{
  return dual->sample.n_curves;
}

BrenierSource BrenierDualSource(BrenierDual dual)
{
  return dual->sample.source;
}
