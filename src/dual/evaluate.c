/* evaluate.c - Energy and masses at given heights, by lists or by a scan; and the check of one against the other. */
#include "certificates.h"
#include "sinks.h"

/* sum nu_i h_i, h normalised. */
static PetscErrorCode LinearPart(BrenierTargets targets, const PetscReal h[], PetscReal *sum)
{
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(targets->n_local, &term));
  for (BrenierLocal i = 0; i < targets->n_local; ++i) term[i] = targets->nu[i] * h[i];
  PetscCall(BrenierExactSum(targets->comm, targets->n_local, 1, term, sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

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

/* Energy, and the counts over all ranks. linear: sum nu_i h_i, normalised. */
static PetscErrorCode FinishValue(BrenierDual dual, PetscReal linear, BrenierDualValue *value)
{
  const BrenierSample *sample = &dual->sample;
  PetscReal            potential;

  PetscFunctionBegin;
  PetscCall(BrenierExactSum(dual->comm, sample->n_local, 1, dual->pieces.potential, &potential));
  value->energy   = (potential / (PetscReal)sample->n_curves - linear) * dual->targets->unit;
  value->n_pieces = dual->pieces.n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_pieces, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_empty, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualEvaluate(BrenierDual dual, Vec height, Vec mass, BrenierDualValue *value)
{
  BrenierTargets targets = dual->targets;
  PetscScalar   *m;
  PetscReal     *h, linear;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(targets->n_local, &h));
  PetscCall(BrenierHeightsNormalise(targets, height, h));
  PetscCall(LinearPart(targets, h, &linear));
  ierr = dual->skin.is_kept ? BrenierWalkLists(dual, h, dual->skin.holds_gauge ? 0.0 : linear)
                            : BrenierScanPieces(dual, h);
  PetscCall(PetscFree(h));
  PetscCall(ierr); // BRENIER_STOPPED among them
  PetscCall(
      BrenierMassesSum(&dual->masses, &dual->sample, &dual->curves, &dual->pieces, &dual->halo, targets->n_local));
  PetscCall(VecGetArrayWrite(mass, &m));
  PetscCall(BrenierMassesFinish(&dual->masses, &dual->sample, targets, m, value));
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscCall(FinishValue(dual, linear, value));
  ++dual->work.n_evaluations;
  dual->work.n_pieces = dual->pieces.n;
  if (dual->skin.is_kept && dual->verify && !dual->skin.skips_check) PetscCall(VerifyLists(dual, height, mass, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
