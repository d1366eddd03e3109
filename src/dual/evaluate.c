/* evaluate.c - Energy and masses at given heights, by lists or by a scan; and the check of one against the other. */
#include "certificates.h"
#include "sinks.h"

/* Compares masses by lists with those of a scan of the same curves; they must agree to the bit. */
static PetscErrorCode VerifyLists(BrenierDual dual, Vec height, Vec mass, const BrenierDualValue *value)
{
  const BrenierSample *sample = &dual->sample;
  BrenierDual          scanned;
  BrenierDualValue     again;
  Vec                  other;
  PetscBool            same;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(dual->targets, sample->source, sample->seed, sample->stream, sample->segment[0].end,
                              sample->n_batches, &scanned));
  PetscCall(BrenierDualSetCache(scanned, dual->cache));
  for (PetscInt s = 1; s < sample->n_segments; ++s) PetscCall(BrenierDualGrow(scanned, sample->segment[s].end));
  PetscCall(VecDuplicate(mass, &other));
  PetscCall(BrenierDualEvaluate(scanned, height, other, &again));
  PetscCall(VecEqual(mass, other, &same));
  PetscCheck(same && again.n_pieces == value->n_pieces && again.energy == value->energy, dual->comm, PETSC_ERR_PLIB,
             "Lists miss a piece: %" PetscInt64_FMT " pieces by lists, %" PetscInt64_FMT " by a full scan",
             value->n_pieces, again.n_pieces);
  PetscCall(VecDestroy(&other));
  PetscCall(BrenierDualDestroy(&scanned));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Energy, sampling errors and counts, over all ranks at once. linear: terms nu_i h_i, normalised; spread: of the
   masses. */
static PetscErrorCode FinishValue(BrenierDual dual, const PetscReal linear[], const PetscReal spread[],
                                  PetscInt64 n_empty, BrenierDualValue *value)
{
  enum { POTENTIAL, LINEAR, CHI2, L1, N_SUMS };
  const PetscInt     n           = dual->targets->n_local;
  const BrenierTerms set[N_SUMS] = {
      {dual->sample.n_local, dual->pieces.potential}, {n, linear}, {n, spread}, {n, spread + n}};
  PetscInt64 count[2] = {dual->pieces.n, n_empty};
  PetscReal  sum[N_SUMS];

  PetscFunctionBegin;
  PetscCall(BrenierReduceTogether(dual->comm, N_SUMS, set, sum, 2, count, 0, NULL));
  value->energy        = (sum[POTENTIAL] / (PetscReal)dual->sample.n_curves - sum[LINEAR]) * dual->targets->unit;
  value->sampling_chi2 = sum[CHI2];
  value->sampling_l1   = sum[L1];
  value->n_pieces      = count[0];
  value->n_empty       = count[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* nu_i h_i, h normalised. */
static void LinearTerms(BrenierTargets targets, const PetscReal h[], PetscReal term[])
{
  for (BrenierLocal i = 0; i < targets->n_local; ++i) term[i] = targets->nu[i] * h[i];
}

/* Pieces of all curves at normalised heights h, by lists or by a scan. */
static PetscErrorCode FindPieces(BrenierDual dual, const PetscReal h[])
{
  const PetscInt n     = dual->targets->n_local;
  PetscReal      gauge = 0.0, *term;

  PetscFunctionBegin;
  if (!dual->skin.is_kept) PetscFunctionReturn(BrenierScanPieces(dual, h));
  if (!dual->skin.holds_gauge) {
    PetscCall(PetscMalloc1(n, &term));
    LinearTerms(dual->targets, h, term);
    PetscCall(BrenierExactSum(dual->comm, n, 1, term, &gauge));
    PetscCall(PetscFree(term));
  }
  PetscFunctionReturn(BrenierWalkLists(dual, h, gauge));
}

PetscErrorCode BrenierDualEvaluate(BrenierDual dual, Vec height, Vec mass, BrenierDualValue *value)
{
  BrenierTargets targets = dual->targets;
  const PetscInt n       = targets->n_local;
  PetscScalar   *m;
  PetscReal     *h, *linear, *spread;
  PetscInt64     n_empty;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &h));
  PetscCall(BrenierHeightsNormalise(targets, height, h));
  ierr = FindPieces(dual, h);
  if (ierr) PetscCall(PetscFree(h));
  PetscCall(ierr); // BRENIER_STOPPED among them
  PetscCall(PetscMalloc2(n, &linear, 2 * (size_t)n, &spread));
  LinearTerms(targets, h, linear);
  PetscCall(PetscFree(h));
  PetscCall(BrenierMassesSum(&dual->masses, &dual->sample, &dual->curves, &dual->pieces, &dual->halo, n));
  PetscCall(VecGetArrayWrite(mass, &m));
  BrenierMassesFinish(&dual->masses, &dual->sample, targets, m, spread, &n_empty);
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscCall(FinishValue(dual, linear, spread, n_empty, value));
  PetscCall(PetscFree2(linear, spread));
  ++dual->work.n_evaluations;
  dual->work.n_pieces = dual->pieces.n;
  if (dual->skin.is_kept && dual->verify && !dual->skin.skips_check) PetscCall(VerifyLists(dual, height, mass, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
