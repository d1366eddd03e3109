/* iteration.c - Implements iteration.h and iteration_private.h. */
#include <brenier/base.h>

#include "iteration_private.h"

#include <math.h>

#define FIRST_NAME(member, name, meaning) #member
#define NEXT_NAME(member, name, meaning)  "," #member
const char BrenierIterationNames[] = BRENIER_ITERATION_FIELDS(FIRST_NAME, NEXT_NAME);

static const PetscReal brenier_rounding_rho = 1e-12; /* residual that rounding alone leaves */
static const PetscReal brenier_uneven_weights =
    1.5; /* sampling error of rho over that of L1: 1 where all cells have the same */
static const PetscReal brenier_lift_most = 0.3; /* in height scales */

static const PetscReal brenier_armijo          = 0.05;  /* part of the promised decrease that a step must keep */
static const PetscReal brenier_energy_rounding = 1e-13; /* relative: differences below say nothing */

/* Ratio of mass to weight beyond which the residual is logarithmic. */
static const PetscReal brenier_heavy = 4.0;

const char *BrenierReasonText(BrenierReason reason)
{
  switch (reason) {
  case BRENIER_REASON_SAMPLING:
    return "converged in sample: residual well below the sampling error";
  case BRENIER_REASON_RESIDUAL:
    return "converged in sample: residual within its tolerance";
  case BRENIER_REASON_ROUNDING:
    return "converged: residual at rounding level";
  case BRENIER_REASON_QUANTILES:
    return "solved exactly: heights from quantiles";
  case BRENIER_REASON_SEEN:
    return "stochastic gradient descent finished";
  case BRENIER_REASON_MAX_IT:
    return "iteration limit reached";
  case BRENIER_REASON_STALLED:
    return "stalled: no damping decreases the energy";
  case BRENIER_REASON_UNSOUND:
    return "exact cells could not be computed";
  default:
    return "the linear solver failed";
  }
}

void BrenierConvergenceDefaults(BrenierConvergence *convergence)
{
  *convergence = (BrenierConvergence){.max_it = BRENIER_DEFAULT_MAX_IT, .sampling_part = 0.1};
}

PetscErrorCode BrenierIterationResidual_Private(BrenierTargets t, Vec mass, BrenierIteration *now)
{
  const PetscInt     n  = t->n_local;
  const PetscReal   *nu = t->nu;
  const PetscScalar *m;
  PetscReal         *term, sum[2];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < n; ++i) {
    term[i]     = PetscAbsReal(m[i] - nu[i]);
    term[n + i] = (m[i] - nu[i]) * (m[i] - nu[i]) / nu[i];
  }
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(BrenierExactSum(t->comm, n, 2, term, sum));
  PetscCall(PetscFree(term));
  now->l1  = sum[0];
  now->rho = PetscSqrtReal(sum[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierIterationSlope_Private(BrenierTargets t, Vec mass, Vec step, PetscReal *slope)
{
  const PetscScalar *m, *p;
  PetscReal         *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &term));
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArrayRead(step, &p));
  for (PetscInt i = 0; i < t->n_local; ++i) term[i] = (t->nu[i] - m[i]) * p[i];
  PetscCall(VecRestoreArrayRead(step, &p));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, slope));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierIterationRounding_Private(PetscReal energy)
{
  return brenier_energy_rounding * PetscAbsReal(energy);
}

PetscBool BrenierIterationFalls_Private(PetscReal before, PetscReal after, PetscReal promised, PetscReal left)
{
  const PetscReal fall = before - after, rounding = BrenierIterationRounding_Private(before);

  return (PetscBool)(fall > brenier_armijo * promised || (left >= brenier_armijo * promised && fall > -rounding) ||
                     (fall > -rounding && promised < rounding && PetscAbsReal(left) < 0.5 * promised));
}

PetscErrorCode BrenierIterationMeasure_Private(BrenierDual dual, BrenierTargets t, const BrenierDualValue *value,
                                               Vec mass, BrenierIteration *now)
{
  BrenierDualWork work;
  PetscInt64      sum[2];

  PetscFunctionBegin;
  PetscCall(BrenierIterationResidual_Private(t, mass, now));
  PetscCall(BrenierDualGetWork(dual, &work));
  sum[0] = work.n_scanned;
  sum[1] = work.n_candidates;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPIU_INT64, MPI_SUM, t->comm));
  now->energy         = value->energy;
  now->sampling_error = PetscSqrtReal(value->sampling_chi2);
  now->empty          = (PetscReal)value->n_empty;
  now->curves         = (PetscReal)BrenierDualCurves(dual);
  now->scanned        = (PetscReal)sum[0];
  now->candidates     = (PetscReal)sum[1] / now->curves;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierResidual_Private(PetscReal m, PetscReal nu)
{
  if (m > brenier_heavy * nu) return -m * (log(m / (brenier_heavy * nu)) + 1.0 - 1.0 / brenier_heavy);
  if (m >= nu) return nu - m;
  return m > 0.0 ? m * log(nu / m) : 0.0;
}

PetscReal BrenierLiftMost_Private(PetscReal height_scale)
{
  return height_scale > 0.0 ? brenier_lift_most * height_scale : PETSC_MAX_REAL;
}

BrenierReason BrenierIterationFinished_Private(const BrenierConvergence *c, const BrenierIteration *now,
                                               PetscReal sampling_l1)
{
  // Where weights span decades, the lightest cells dominate the sampling error of rho: L1 would be below it at once
  const PetscBool uneven   = (PetscBool)(now->sampling_error > brenier_uneven_weights * sampling_l1);
  const PetscReal l1_level = uneven ? brenier_uneven_weights * sampling_l1 : now->sampling_error;

  if (now->rho <= brenier_rounding_rho) return BRENIER_REASON_ROUNDING;
  if (now->l1 <= c->residual || now->rho <= c->rho) return BRENIER_REASON_RESIDUAL;
  if (now->l1 <= c->l1_part * l1_level && (!uneven || now->rho <= now->sampling_error)) return BRENIER_REASON_SAMPLING;
  if (now->rho <= c->sampling_part * now->sampling_error) return BRENIER_REASON_SAMPLING;
  if (now->iteration >= (PetscReal)c->max_it) return BRENIER_REASON_MAX_IT;
  return (BrenierReason)0;
}
