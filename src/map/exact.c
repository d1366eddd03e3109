/* exact.c - Implements BrenierHeldOutExact() and BrenierHeldOutMeasureExact() of held_out.h. */
#include <brenier/base.h>
#include <brenier/held_out.h>
#include <brenier/laguerre.h>

#include <math.h>

/* An exact number as an estimate. */
static BrenierEstimate Known(PetscReal value)
{
  return (BrenierEstimate){value, 0.0, value, value};
}

PetscErrorCode BrenierHeldOutExact(BrenierTargets t, BrenierSource source, Vec h, Vec mass, PetscReal energy,
                                   BrenierHeldOut *out)
{
  const PetscInt     n = t->n_local;
  const PetscScalar *m;
  PetscReal         *term, *psi, sum[3], moment, middle;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(out, sizeof *out));
  PetscCall(PetscMalloc2(3 * (size_t)n, &term, n, &psi));
  PetscCall(BrenierPotentialOfTargets(t, h, psi));
  for (PetscInt i = 0; i < n; ++i) term[i] = t->nu[i] * psi[i];
  PetscCall(BrenierExactSum(t->comm, n, 1, term, &middle));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal error = m[i] - t->nu[i];

    term[i]            = 0.5 * PetscAbsReal(error);
    term[n + i]        = error * error / t->nu[i];
    term[2 * n + i]    = error * (psi[i] - middle);
    out->largest_error = PetscMax(out->largest_error, PetscAbsReal(error) / t->nu[i]);
    if (m[i] > 0.0) out->largest_log = PetscMax(out->largest_log, PetscAbsReal(log(m[i] / t->nu[i])));
    else ++out->empty;
  }
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(BrenierExactSum(t->comm, n, 3, term, sum));
  PetscCall(PetscFree2(term, psi));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out->largest_error, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out->largest_log, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out->empty, 1, MPIU_INT64, MPI_SUM, t->comm));
  PetscCall(BrenierTargetsSecondMoment(t, &moment));
  out->missing = out->empty; // empty for sure
  out->tv      = sum[0];
  out->chi2    = sum[1];
  out->rho = out->rho_low = out->rho_high = PetscSqrtReal(out->chi2);
  energy += t->shift;
  out->energy = energy;
  out->dual   = Known(0.5 * (BrenierSourceSecondMoment(source) + moment) - energy);
  out->gap    = Known(sum[2]);
  out->primal = Known(out->dual.value + out->gap.value);
  out->w2 = out->w2_bound_low = out->w2_bound_high = BrenierDistance(out->dual.value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeldOutMeasureExact(BrenierTargets t, BrenierSource source, Vec h, Vec mass, BrenierHeldOut *out,
                                          PetscBool *sound)
{
  BrenierLaguerre laguerre;
  PetscReal       energy;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreAt(t, source, h, mass, &energy, &laguerre));
  *sound = (PetscBool)(laguerre != NULL);
  if (*sound) PetscCall(BrenierHeldOutExact(t, source, h, mass, energy, out));
  PetscCall(BrenierLaguerreDestroy(&laguerre));
  PetscFunctionReturn(PETSC_SUCCESS);
}
