/* evaluate.c - Masses and energy from the pieces of a scan: integers and order-independent sums. */
#include "dual_private.h"

#include <math.h>

PetscErrorCode BrenierDualBuildLeaves_Private(BrenierDual dual)
{
  BrenierPieces *pieces = &dual->pieces;
  const size_t   words  = (size_t)dual->targets->n / 64 + 1;
  uint64_t      *seen;
  PetscInt      *before; /* leaves in earlier words */
  PetscInt       n = 0;

  PetscFunctionBegin;
  // One bit a target: 1.25 MB at ten million, against a sort of all pieces
  PetscCall(PetscCalloc2(words, &seen, words, &before));
  for (PetscInt64 p = 0; p < pieces->n; ++p) seen[pieces->target[p] / 64] |= (uint64_t)1 << (pieces->target[p] % 64);
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
  for (PetscInt64 p = 0; p < pieces->n; ++p) {
    const PetscInt t = pieces->target[p];

    pieces->target[p] = before[t / 64] + __builtin_popcountll(seen[t / 64] & (((uint64_t)1 << (t % 64)) - 1));
  }
  PetscCall(PetscFree2(seen, before));
  PetscCall(PetscSFDestroy(&dual->sf));
  PetscCall(PetscSFCreate(dual->comm, &dual->sf));
  PetscCall(PetscSFSetGraphLayout(dual->sf, dual->targets->layout, dual->n_leaves, NULL, PETSC_OWN_POINTER,
                                  dual->leaf_target));
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

/* This rank's part [from, to) of batch b, in local curves. */
static void LocalBatch(BrenierDual dual, PetscInt b, PetscInt *from, PetscInt *to)
{
  const PetscInt64 start = BrenierDualBatchStart_Private(dual, b), end = BrenierDualBatchStart_Private(dual, b + 1);

  *from = (PetscInt)PetscMin(PetscMax(start - dual->first_curve, 0), dual->n_local);
  *to   = (PetscInt)PetscMin(PetscMax(end - dual->first_curve, 0), dual->n_local);
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
    PetscInt    from, to;

    LocalBatch(dual, b, &from, &to);
    PetscCall(PetscArrayzero(leaf_units, dual->n_leaves));
    AddMasses(dual, from, to, leaf_units);
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
  PetscReal      *spread;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &spread));
  value->n_empty = 0;
  for (PetscInt i = 0; i < n; ++i) {
    PetscInt64 units   = 0;
    PetscReal  squares = 0.0;

    for (PetscInt b = 0; b < n_batches; ++b) units += dual->mass_units[(size_t)b * n + i];
    mass[i] = (PetscReal)units * all;
    value->n_empty += units == 0;
    for (PetscInt b = 0; b < n_batches; ++b) {
      const PetscInt64 size = BrenierDualBatchStart_Private(dual, b + 1) - BrenierDualBatchStart_Private(dual, b);
      const PetscReal  one  = (PetscReal)dual->mass_units[(size_t)b * n + i] / ldexp((PetscReal)size, dual->mass_bits);

      dual->batch_mass[(size_t)b * n + i] = one;
      squares += (one - mass[i]) * (one - mass[i]);
    }
    spread[i] = n_batches > 1 ? squares / ((PetscReal)n_batches * (n_batches - 1) * dual->targets->nu[i]) : 0.0;
  }
  PetscCall(BrenierExactSum(dual->comm, n, 1, spread, &value->noise2));
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
  PetscCall(BrenierDualScan_Private(dual, h));
  PetscCall(BrenierDualBuildLeaves_Private(dual));
  PetscCall(PetscSFBcastBegin(dual->sf, MPIU_REAL, h, dual->leaf_height, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(dual->sf, MPIU_REAL, h, dual->leaf_height, MPI_REPLACE));
  PetscCall(SumMasses(dual));
  PetscCall(VecGetArrayWrite(mass, &m));
  PetscCall(FinishMasses(dual, m, value));
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscCall(LinearPart(dual, h, &linear));
  PetscCall(PetscFree(h));
  PetscCall(BrenierExactSum(dual->comm, dual->n_local, 1, dual->potential, &potential));
  value->energy   = (potential / (PetscReal)dual->n_curves - linear) * dual->targets->unit;
  value->n_pieces = dual->pieces.n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_pieces, 1, MPIU_INT64, MPI_SUM, dual->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &value->n_empty, 1, MPIU_INT64, MPI_SUM, dual->comm));
  ++dual->work.n_evaluations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierDualGetBatches(BrenierDual dual, PetscInt *n_batches, const PetscReal **mass, PetscReal energy[],
                                     PetscReal square[])
{
  PetscFunctionBegin;
  *n_batches = dual->n_batches;
  if (mass) *mass = dual->batch_mass;
  for (PetscInt b = 0; b < dual->n_batches; ++b) {
    const PetscReal size =
        (PetscReal)(BrenierDualBatchStart_Private(dual, b + 1) - BrenierDualBatchStart_Private(dual, b));
    PetscInt from, to;

    LocalBatch(dual, b, &from, &to);
    if (energy) {
      PetscCall(BrenierExactSum(dual->comm, to - from, 1, dual->potential + from, &energy[b]));
      energy[b] *= dual->targets->unit / size;
    }
    if (square) {
      PetscCall(BrenierExactSum(dual->comm, to - from, 1, dual->square + from, &square[b]));
      square[b] /= size;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
