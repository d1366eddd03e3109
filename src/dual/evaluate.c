/* evaluate.c - Masses and energy from the pieces of a scan: integers and order-independent sums. */
#include "dual_private.h"

#include <math.h>

PetscErrorCode BrenierDualBuildLeaves_Private(BrenierDual dual, PetscInt64 n_targets, PetscInt target[])
{
  const size_t words = (size_t)dual->targets->n / 64 + 1;
  uint64_t    *seen;
  PetscInt    *before; /* leaves in earlier words */
  PetscInt     n = 0;

  PetscFunctionBegin;
  // One bit a target: 1.25 MB at ten million, against a sort of all that is listed
  PetscCall(PetscCalloc2(words, &seen, words, &before));
  for (PetscInt64 p = 0; p < n_targets; ++p) seen[target[p] / 64] |= (uint64_t)1 << (target[p] % 64);
  for (size_t w = 0; w < words; ++w) {
    before[w] = n;
    n += __builtin_popcountll(seen[w]);
  }
  PetscCall(PetscFree(dual->leaf_target));
  PetscCall(PetscFree(dual->leaf_height));
  PetscCall(PetscMalloc1(n, &dual->leaf_target));
  PetscCall(PetscMalloc1(n, &dual->leaf_height));
  dual->n_leaves = n;
  n              = 0;
  for (size_t w = 0; w < words; ++w)
    for (uint64_t bits = seen[w]; bits; bits &= bits - 1)
      dual->leaf_target[n++] = (PetscInt)(64 * w + (size_t)__builtin_ctzll(bits));
  for (PetscInt64 p = 0; p < n_targets; ++p) {
    const PetscInt t = target[p];

    target[p] = before[t / 64] + __builtin_popcountll(seen[t / 64] & (((uint64_t)1 << (t % 64)) - 1));
  }
  PetscCall(PetscFree2(seen, before));
  PetscCall(PetscSFDestroy(&dual->sf));
  PetscCall(PetscSFCreate(dual->comm, &dual->sf));
  PetscCall(PetscSFSetGraphLayout(dual->sf, dual->targets->layout, dual->n_leaves, NULL, PETSC_OWN_POINTER,
                                  dual->leaf_target));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualToLeaves_Private(BrenierDual dual, const PetscReal value[], PetscReal leaf[])
{
  PetscFunctionBegin;
  PetscCall(PetscSFBcastBegin(dual->sf, MPIU_REAL, value, leaf, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(dual->sf, MPIU_REAL, value, leaf, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt64 MassUnits(BrenierDual dual, PetscReal t)
{
  return llrint(ldexp(BrenierDualShare_Private(dual, t), dual->mass_bits));
}

/* Adds the mass of local curves [from, to) to their leaves. Units at the ends of a curve are exact, so they sum to the whole. */
static void AddMasses(BrenierDual dual, PetscInt from, PetscInt to, PetscInt64 leaf_units[])
{
  for (PetscInt c = from; c < to; ++c)
    for (PetscInt64 p = dual->pieces.offset[c]; p < dual->pieces.offset[c + 1]; ++p)
      leaf_units[dual->pieces.target[p]] +=
          MassUnits(dual, BrenierDualPieceEnd_Private(dual, c, p)) - MassUnits(dual, dual->pieces.start[p]);
}

static PetscErrorCode SumMasses(BrenierDual dual)
{
  const PetscInt n = dual->targets->n_local;
  PetscInt64    *leaf_units;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dual->n_leaves, &leaf_units));
  PetscCall(PetscArrayzero(dual->mass_units, (size_t)dual->n_batches * n));
  for (PetscInt b = 0; b < dual->n_batches; ++b) {
    PetscInt64 *units = dual->mass_units + (size_t)b * n;

    PetscCall(PetscArrayzero(leaf_units, dual->n_leaves));
    for (PetscInt segment = 0; segment < dual->n_segments; ++segment) {
      PetscInt from, to;

      BrenierDualBatch_Private(dual, b, segment, &from, &to);
      AddMasses(dual, from, to, leaf_units);
    }
    PetscCall(PetscSFReduceBegin(dual->sf, MPIU_INT64, leaf_units, units, MPI_SUM));
    PetscCall(PetscSFReduceEnd(dual->sf, MPIU_INT64, leaf_units, units, MPI_SUM));
  }
  PetscCall(PetscFree(leaf_units));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Masses over all batches, and the sampling part of chi2 from how far the batches differ. */
static PetscErrorCode FinishMasses(BrenierDual dual, PetscScalar mass[], BrenierDualValue *value)
{
  const PetscInt  n = dual->targets->n_local, n_batches = dual->n_batches;
  const PetscReal all = 1.0 / (ldexp(1.0, dual->mass_bits) * (PetscReal)dual->n_curves);
  PetscReal      *spread, sum[2];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &spread));
  value->n_empty = 0;
  for (PetscInt i = 0; i < n; ++i) {
    PetscInt64 units   = 0;
    PetscReal  squares = 0.0;

    for (PetscInt b = 0; b < n_batches; ++b) units += dual->mass_units[(size_t)b * n + i];
    mass[i] = (PetscReal)units * all;
    value->n_empty += units == 0;
    for (PetscInt b = 0; b < n_batches; ++b) {
      const PetscInt64 size = BrenierDualBatchSize_Private(dual, b);
      const PetscReal  one  = (PetscReal)dual->mass_units[(size_t)b * n + i] / ldexp((PetscReal)size, dual->mass_bits);

      dual->batch_mass[(size_t)b * n + i] = one;
      squares += (one - mass[i]) * (one - mass[i]);
    }
    spread[i] = n_batches > 1 ? squares / ((PetscReal)n_batches * (n_batches - 1) * dual->targets->nu[i]) : 0.0;
  }
  for (PetscInt i = 0; i < n; ++i) spread[n + i] = PetscSqrtReal(spread[i] * dual->targets->nu[i]);
  PetscCall(BrenierExactSum(dual->comm, n, 2, spread, sum));
  value->noise2 = sum[0];
  value->noise1 = sum[1];
  PetscCall(PetscFree(spread));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sum nu_i h_i, in normalised units. */
static PetscErrorCode LinearPart(BrenierDual dual, const PetscReal h[], PetscReal *sum)
{
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dual->targets->n_local, &term));
  for (PetscInt i = 0; i < dual->targets->n_local; ++i) term[i] = dual->targets->nu[i] * h[i];
  PetscCall(BrenierExactSum(dual->comm, dual->targets->n_local, 1, term, sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pieces at heights h by a scan of every curve. */
static PetscErrorCode ScanAll(BrenierDual dual, const PetscReal h[])
{
  BrenierPieces found = {0};
  PetscInt     *every;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(dual->n_local + 1, &found.offset));
  PetscCall(PetscMalloc1(PetscMax(dual->n_local, dual->targets->n_local), &every));
  for (PetscInt i = 0; i < PetscMax(dual->n_local, dual->targets->n_local); ++i) every[i] = i;
  PetscCall(BrenierDualScan_Private(dual, BRENIER_SCAN_PIECES, dual->n_local, every, dual->targets->n_local, every, h,
                                    h, &found));
  PetscCall(PetscFree(every));
  PetscCall(BrenierPiecesFree_Private(&dual->pieces));
  dual->pieces = found;
  PetscCall(BrenierDualBuildLeaves_Private(dual, dual->pieces.n, dual->pieces.target));
  PetscCall(BrenierDualToLeaves_Private(dual, h, dual->leaf_height));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Compares masses by lists with those of a scan of the same curves; they must agree to the bit. */
static PetscErrorCode VerifyLists(BrenierDual dual, Vec height, Vec mass, const BrenierDualValue *value)
{
  BrenierDual      scanned;
  BrenierDualValue again;
  Vec              other;
  PetscBool        same;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(dual->targets, dual->source, dual->seed, dual->stream, dual->segment[0].end,
                              dual->n_batches, &scanned));
  for (PetscInt s = 1; s < dual->n_segments; ++s) PetscCall(BrenierDualGrow(scanned, dual->segment[s].end));
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

PetscErrorCode BrenierDualEvaluate(BrenierDual dual, Vec height, Vec mass, BrenierDualValue *value)
{
  const PetscInt     n = dual->targets->n_local;
  const PetscScalar *in;
  PetscScalar       *m;
  PetscReal         *h;
  PetscReal          linear, potential;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &h));
  PetscCall(VecGetArrayRead(height, &in));
  for (PetscInt i = 0; i < n; ++i) h[i] = in[i] / dual->targets->unit;
  PetscCall(VecRestoreArrayRead(height, &in));
  PetscCall(LinearPart(dual, h, &linear));
  if (dual->keeps_lists) PetscCall(BrenierDualWalkLists_Private(dual, h, linear));
  else PetscCall(ScanAll(dual, h));
  PetscCall(PetscFree(h));
  PetscCall(SumMasses(dual));
  PetscCall(VecGetArrayWrite(mass, &m));
  PetscCall(FinishMasses(dual, m, value));
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscCall(BrenierExactSum(dual->comm, dual->n_local, 1, dual->potential, &potential));
  value->energy   = (potential / (PetscReal)dual->n_curves - linear) * dual->targets->unit;
  value->n_pieces = dual->pieces.n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_pieces, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_empty, 1, MPIU_INT64, MPI_SUM, dual->comm));
  ++dual->work.n_evaluations;
  dual->work.n_pieces = dual->pieces.n;
  if (dual->keeps_lists && dual->verify && !dual->trusting) PetscCall(VerifyLists(dual, height, mass, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sum of a number a curve over batch b. */
static PetscErrorCode SumBatch(BrenierDual dual, PetscInt b, const PetscReal x[], PetscReal *sum)
{
  PetscInt   n = 0, from, to;
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(dual->n_local, &term));
  for (PetscInt s = 0; s < dual->n_segments; ++s) {
    BrenierDualBatch_Private(dual, b, s, &from, &to);
    for (PetscInt c = from; c < to; ++c) term[n++] = x[c];
  }
  PetscCall(BrenierExactSum(dual->comm, n, 1, term, sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetBatches(BrenierDual dual, PetscInt *n_batches, const PetscReal **mass, PetscReal energy[],
                                     PetscReal square[])
{
  PetscFunctionBegin;
  *n_batches = dual->n_batches;
  if (mass) *mass = dual->batch_mass;
  for (PetscInt b = 0; b < dual->n_batches; ++b) {
    const PetscReal size = (PetscReal)BrenierDualBatchSize_Private(dual, b);

    if (energy) {
      PetscCall(SumBatch(dual, b, dual->potential, &energy[b]));
      energy[b] *= dual->targets->unit / size;
    }
    if (square) {
      PetscCall(SumBatch(dual, b, dual->square, &square[b]));
      square[b] /= size;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
