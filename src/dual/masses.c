/* masses.c - Implements masses.h. */
#include "masses.h"

#include <brenier/base.h>

#include <math.h>

PetscErrorCode BrenierMassesCreate(PetscInt n_batches, PetscInt n_local, BrenierMasses *masses)
{
  const size_t n = (size_t)n_batches * n_local;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(n, &masses->units, n, &masses->share));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMassesFree(BrenierMasses *masses)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(masses->units, masses->share));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Units of mass of a curve before t. */
static PetscInt64 UnitsBefore(const BrenierCurves *curves, int mass_bits, PetscReal t)
{
  return llrint(ldexp(BrenierCurvesShare(curves, t), mass_bits));
}

/* Adds the mass of local curves [from, to) to their ghosts. */
static void AddMasses(const BrenierPieces *pieces, const BrenierCurves *curves, int mass_bits, PetscInt from,
                      PetscInt to, PetscInt64 at_ghost[])
{
  for (PetscInt c = from; c < to; ++c)
    for (PetscInt64 p = pieces->offset[c]; p < pieces->offset[c + 1]; ++p)
      at_ghost[pieces->ghost[p]] += UnitsBefore(curves, mass_bits, BrenierPieceEnd(pieces, curves, c, p)) -
                                    UnitsBefore(curves, mass_bits, pieces->start[p]);
}

PetscErrorCode BrenierMassesSum(BrenierMasses *masses, const BrenierSample *sample, const BrenierCurves *curves,
                                const BrenierPieces *pieces, const BrenierHalo *halo, PetscInt n_local)
{
  PetscInt64 *at_ghost;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(halo->n, &at_ghost));
  PetscCall(PetscArrayzero(masses->units, (size_t)sample->n_batches * n_local));
  for (PetscInt b = 0; b < sample->n_batches; ++b) {
    PetscCall(PetscArrayzero(at_ghost, halo->n));
    for (PetscInt segment = 0; segment < sample->n_segments; ++segment) {
      PetscInt from, to;

      BrenierSampleBatch(sample, b, segment, &from, &to);
      AddMasses(pieces, curves, sample->mass_bits, from, to, at_ghost);
    }
    PetscCall(BrenierHaloAdd(halo, at_ghost, masses->units + (size_t)b * n_local));
  }
  PetscCall(PetscFree(at_ghost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt64 BrenierMassesOf(const BrenierMasses *masses, PetscInt n_batches, PetscInt n_local, BrenierLocal i)
{
  PetscInt64 units = 0;

  for (PetscInt b = 0; b < n_batches; ++b) units += masses->units[(size_t)b * n_local + i];
  return units;
}

void BrenierMassesFinish(BrenierMasses *masses, const BrenierSample *sample, BrenierTargets targets, PetscScalar mass[],
                         PetscReal spread[], PetscInt64 *n_empty)
{
  const PetscInt  n = targets->n_local, n_batches = sample->n_batches;
  const PetscReal all = 1.0 / (ldexp(1.0, sample->mass_bits) * (PetscReal)sample->n_curves);

  *n_empty = 0;
  for (BrenierLocal i = 0; i < n; ++i) {
    const PetscInt64 units   = BrenierMassesOf(masses, n_batches, n, i);
    PetscReal        squares = 0.0;

    mass[i] = (PetscReal)units * all;
    *n_empty += units == 0;
    for (PetscInt b = 0; b < n_batches; ++b) {
      const PetscInt64 size = BrenierSampleBatchSize(sample, b);
      const PetscReal  one  = (PetscReal)masses->units[(size_t)b * n + i] / ldexp((PetscReal)size, sample->mass_bits);

      masses->share[(size_t)b * n + i] = one;
      squares += (one - mass[i]) * (one - mass[i]);
    }
    spread[i] = n_batches > 1 ? squares / ((PetscReal)n_batches * (PetscReal)(n_batches - 1) * targets->nu[i]) : 0.0;
  }
  for (BrenierLocal i = 0; i < n; ++i) spread[n + i] = PetscSqrtReal(spread[i] * targets->nu[i]);
}
