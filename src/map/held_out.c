/* held_out.c - Implements held_out.h. */
#include "control.h"

#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/heights.h>
#include <brenier/held_out.h>

#include <math.h>

enum { BRENIER_BATCHES = 32, BRENIER_SETS_AT_ONCE = 8 };

/* 97.5% quantiles: of Student's law with BRENIER_BATCHES - 1 = 31 degrees of freedom for what rests on the spread of
   the batches, of the normal law for the degenerate part, whose variance rests on 120 products. */
static const PetscReal brenier_student = 2.0395, brenier_two_sided = 1.95996;

/* Curves of a sample by default: a target, and at least. */
static const PetscInt64 brenier_measured_circles = 4, brenier_measured_chords = 16, brenier_measured_at_least = 4096;

PetscInt64 BrenierHeldOutDefaultCurves(BrenierSource source, PetscInt n_targets)
{
  const PetscBool  circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
  const PetscInt64 wanted  = n_targets * (circles ? brenier_measured_circles : brenier_measured_chords);

  return PetscMin(PetscMax(wanted, brenier_measured_at_least), BrenierSourceMaxCurves(source));
}

/* Entries of the Gram matrix in the order of its lower triangle. */
static PetscErrorCode GramMatrix(BrenierTargets t, PetscInt n_batches, const PetscReal batch[], PetscReal gram[])
{
  const PetscInt n = t->n_local;
  PetscReal     *term, sum[BRENIER_SETS_AT_ONCE];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * BRENIER_SETS_AT_ONCE + 1, &term));
  for (PetscInt b = 0; b < n_batches; ++b)
    for (PetscInt k0 = 0; k0 <= b; k0 += BRENIER_SETS_AT_ONCE) {
      const PetscInt sets = PetscMin(BRENIER_SETS_AT_ONCE, b + 1 - k0);

      for (PetscInt s = 0; s < sets; ++s)
        for (PetscInt i = 0; i < n; ++i)
          term[(size_t)s * n + i] =
              (batch[(size_t)b * n + i] - t->nu[i]) * (batch[(size_t)(k0 + s) * n + i] - t->nu[i]) / t->nu[i];
      PetscCall(BrenierExactSum(t->comm, n, sets, term, sum));
      for (PetscInt s = 0; s < sets; ++s) gram[b * n_batches + k0 + s] = gram[(k0 + s) * n_batches + b] = sum[s];
    }
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* tr Sigma^2 from the differences of batches 2p and 2p + 1, whose covariance is 2 Sigma. */
static PetscReal TraceSquared(PetscInt B, const PetscReal G[])
{
  PetscReal sum   = 0.0;
  PetscInt  count = 0;

  for (PetscInt p = 0; p + 1 < B; p += 2)
    for (PetscInt q = 0; q < p; q += 2) {
      const PetscReal product = G[p * B + q] - G[p * B + q + 1] - G[(p + 1) * B + q] + G[(p + 1) * B + q + 1];

      sum += product * product;
      ++count;
    }
  return count ? sum / (4.0 * (PetscReal)count) : 0.0;
}

/* Estimate, standard error, and half the width of the interval. */
static PetscReal EstimateChi2(PetscInt B, const PetscReal G[], BrenierHeldOut *out)
{
  const PetscReal n = (PetscReal)B, tau = TraceSquared(B, G), degenerate = 2.0 * tau / (n * (n - 1.0));
  PetscReal       r[BRENIER_BATCHES], mean = 0.0, spread = 0.0, linear;

  for (PetscInt b = 0; b < B; ++b) {
    r[b] = -G[b * B + b];
    for (PetscInt k = 0; k < B; ++k) r[b] += G[b * B + k];
    r[b] /= (PetscReal)(B - 1);
    mean += r[b] / (PetscReal)B;
  }
  for (PetscInt b = 0; b < B; ++b) spread += (r[b] - mean) * (r[b] - mean) / (PetscReal)(B - 1);
  linear          = 4.0 * (n - 1.0) * (n - 1.0) / (n * (n - 2.0) * (n - 2.0)) * spread - 4.0 * tau / (n * (n - 2.0));
  linear          = PetscMax(linear, 0.0);
  out->chi2       = mean;
  out->chi2_error = PetscSqrtReal(linear + degenerate);
  return PetscSqrtReal(PetscSqr(brenier_student) * linear + PetscSqr(brenier_two_sided) * degenerate);
}

static PetscErrorCode MeasureChi2(BrenierTargets t, PetscInt n_batches, const PetscReal batch[], BrenierHeldOut *out)
{
  PetscReal gram[BRENIER_BATCHES * BRENIER_BATCHES], half;

  PetscFunctionBegin;
  PetscCall(GramMatrix(t, n_batches, batch, gram));
  if (n_batches > 3) half = EstimateChi2(n_batches, gram, out);
  else {
    out->chi2       = gram[0];
    out->chi2_error = half = n_batches == 1 ? 0.0 : PETSC_INFINITY;
  }
  out->rho      = PetscSqrtReal(PetscMax(out->chi2, 0.0));
  out->rho_low  = PetscSqrtReal(PetscMax(out->chi2 - half, 0.0));
  out->rho_high = PetscSqrtReal(PetscMax(out->chi2 + half, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Distances between masses and weights, noise included, and the standard errors. */
static PetscErrorCode MeasureMasses(BrenierTargets t, PetscInt n_batches, const PetscReal batch[], Vec mass,
                                    Vec mass_error, BrenierHeldOut *out)
{
  const PetscInt     n = t->n_local;
  const PetscScalar *m;
  PetscScalar       *error = NULL;
  PetscReal         *term, largest = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &term));
  PetscCall(VecGetArrayRead(mass, &m));
  if (mass_error) PetscCall(VecGetArrayWrite(mass_error, &error));
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal squares = 0.0;

    term[i] = 0.5 * PetscAbsReal(m[i] - t->nu[i]);
    largest = PetscMax(largest, PetscAbsReal(m[i] - t->nu[i]) / t->nu[i]);
    for (PetscInt b = 0; b < n_batches; ++b)
      squares += (batch[(size_t)b * n + i] - m[i]) * (batch[(size_t)b * n + i] - m[i]);
    if (error)
      error[i] = n_batches > 1 ? PetscSqrtReal(squares / ((PetscReal)n_batches * (PetscReal)(n_batches - 1))) : 0.0;
  }
  if (mass_error) PetscCall(VecRestoreArrayWrite(mass_error, &error));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(BrenierExactSum(t->comm, n, 1, term, &out->tv));
  PetscCallMPI(MPI_Allreduce(&largest, &out->largest_error, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Meetings that resolve a cell, and that a cell without any is missing for; factor from which on a mass is wrong, and
   what is added to the root deviance that chance alone reaches in one of n cells. */
static const PetscReal brenier_resolved = 16.0, brenier_missing = 20.0, brenier_wrong = 1.5, brenier_surely = 2.0;

/* Mass of a meeting: mean of Var(w_i) / w_i over the cells met. 0 where one batch is all there is, and exact. */
static PetscErrorCode MassOfMeeting(BrenierTargets t, PetscInt B, const PetscReal batch[], const PetscScalar m[],
                                    PetscReal *v)
{
  const PetscInt n = t->n_local;
  PetscReal     *term, sum[2];

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(2 * (size_t)n + 1, &term));
  for (PetscInt i = 0; i < n; ++i) {
    if (!(m[i] > 0.0)) continue;
    for (PetscInt b = 0; b < B; ++b) term[i] += PetscSqr(batch[(size_t)b * n + i] - m[i]);
    term[i] /= PetscMax((PetscReal)B * (PetscReal)(B - 1), 1.0) * m[i];
    term[n + i] = 1.0;
  }
  PetscCall(BrenierExactSum(t->comm, n, 2, term, sum));
  PetscCall(PetscFree(term));
  *v = sum[0] / PetscMax(sum[1], 1.0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a cell that was never met should have been. */
static PetscBool IsMissing(PetscReal mass, PetscReal nu, PetscReal v)
{
  return (PetscBool)(mass <= 0.0 && nu >= brenier_missing * v);
}

PetscBool BrenierHeldOutIsWrong(const BrenierHeldOut *out, PetscInt n, PetscReal mass, PetscReal nu)
{
  const PetscReal least    = PetscSqrtReal(2.0 * log((PetscReal)n)) + brenier_surely;
  const PetscReal deviance = mass > 0.0 ? 2.0 * (mass * log(mass / nu) - mass + nu) : 2.0 * nu;

  if (IsMissing(mass, nu, out->meeting)) return PETSC_TRUE;
  if (mass < brenier_wrong * nu && brenier_wrong * mass > nu) return PETSC_FALSE;
  return (PetscBool)(deviance > PetscSqr(least) * out->meeting);
}

/* What a cell adds to the counts, which are those of a rank; its part of three sums: of unresolved weight and mass, of
   wrong weight. */
static void CountLight(PetscInt n, PetscReal mass, PetscReal nu, BrenierHeldOut *out, PetscReal part[3])
{
  const PetscReal ratio = mass / nu, v = out->meeting;

  if (mass > 0.0 && PetscMax(mass, nu) >= brenier_resolved * v)
    out->largest_log = PetscMax(out->largest_log, PetscAbsReal(log(ratio)));
  if (PetscMax(mass, nu) < brenier_resolved * v) {
    ++out->unresolved;
    part[0] = nu;
    part[1] = mass;
  }
  out->missing += IsMissing(mass, nu, v);
  if (!BrenierHeldOutIsWrong(out, n, mass, nu)) return;
  ++out->wrong;
  part[2] = nu;
  if (PetscMax(ratio, 1.0 / ratio) > PetscMax(out->worst, 1.0 / out->worst)) out->worst = ratio;
}

/* The worst ratio of all ranks; the larger of two that are as bad. */
static PetscErrorCode WorstOfAll(MPI_Comm comm, PetscReal *worst)
{
  PetscReal most[2] = {*worst, -*worst}; // the largest, and minus the smallest

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 2, MPIU_REAL, MPI_MAX, comm));
  *worst = most[0] * -most[1] >= 1.0 ? most[0] : -most[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rho hides: the masses of light cells. */
static PetscErrorCode MeasureLight(BrenierTargets t, PetscInt n_batches, const PetscReal batch[], Vec mass,
                                   BrenierHeldOut *out)
{
  const PetscInt     n = t->n_local;
  PetscReal         *term, part[3], sum[3];
  PetscInt64         count[3];
  const PetscScalar *m;

  PetscFunctionBegin;
  out->largest_log = 0.0;
  out->worst       = 1.0;
  out->unresolved = out->missing = out->wrong = 0;
  PetscCall(PetscCalloc1(3 * (size_t)n + 1, &term));
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(MassOfMeeting(t, n_batches, batch, m, &out->meeting));
  for (PetscInt i = 0; i < n; ++i) {
    part[0] = part[1] = part[2] = 0.0;
    CountLight(t->n, m[i], t->nu[i], out, part);
    for (size_t k = 0; k < 3; ++k) term[k * (size_t)n + i] = part[k];
  }
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(BrenierExactSum(t->comm, n, 3, term, sum));
  PetscCall(PetscFree(term));
  count[0] = out->unresolved;
  count[1] = out->missing;
  count[2] = out->wrong;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 3, MPIU_INT64, MPI_SUM, t->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out->largest_log, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscCall(WorstOfAll(t->comm, &out->worst));
  out->unresolved        = count[0];
  out->missing           = count[1];
  out->wrong             = count[2];
  out->unresolved_weight = sum[0];
  out->unresolved_mass   = sum[1];
  out->wrong_weight      = sum[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean, standard error and interval of the results of independent batches. */
static BrenierEstimate EstimateMean(PetscInt B, const PetscReal batch[])
{
  BrenierEstimate e      = {0.0, 0.0, 0.0, 0.0};
  PetscReal       spread = 0.0;

  for (PetscInt b = 0; b < B; ++b) e.value += batch[b] / (PetscReal)B;
  for (PetscInt b = 0; b < B; ++b) spread += (batch[b] - e.value) * (batch[b] - e.value);
  e.error = B > 1 ? PetscSqrtReal(spread / ((PetscReal)B * (PetscReal)(B - 1))) : 0.0;
  e.low   = e.value - brenier_student * e.error;
  e.high  = e.value + brenier_student * e.error;
  return e;
}

/* sum_i (w_bi - nu_i) psi_i for every batch b. psi counts from a mean, which changes nothing but the rounding. */
static PetscErrorCode GapOfBatches(BrenierTargets t, Vec h, PetscInt n_batches, const PetscReal batch[],
                                   PetscReal gap[])
{
  const PetscInt n = t->n_local;
  PetscReal     *psi, *term, middle;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n, &psi, (size_t)n * BRENIER_SETS_AT_ONCE, &term));
  PetscCall(BrenierPotentialOfTargets(t, h, psi));
  for (PetscInt i = 0; i < n; ++i) term[i] = t->nu[i] * psi[i];
  PetscCall(BrenierExactSum(t->comm, n, 1, term, &middle));
  for (PetscInt b = 0; b < n_batches; b += BRENIER_SETS_AT_ONCE) {
    const PetscInt sets = PetscMin(BRENIER_SETS_AT_ONCE, n_batches - b);

    for (PetscInt s = 0; s < sets; ++s)
      for (PetscInt i = 0; i < n; ++i)
        term[(size_t)s * n + i] = (batch[(size_t)(b + s) * n + i] - t->nu[i]) * (psi[i] - middle);
    PetscCall(BrenierExactSum(t->comm, n, sets, term, gap + b));
  }
  PetscCall(PetscFree2(psi, term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |y|^2 / 2 + high + low, rounded once: the sum is a small difference of large numbers. */
static PetscReal PotentialOf(PetscInt dim, const PetscReal y[], PetscReal high, PetscReal low)
{
  for (PetscInt k = 0; k < dim; ++k) {
    const PetscReal product = 0.5 * y[k] * y[k], sum = high + product, part = sum - high;

    low += fma(0.5 * y[k], y[k], -product) + ((high - (sum - part)) + (product - part));
    high = sum;
  }
  return high + low;
}

PetscErrorCode BrenierPotentialOfTargets(BrenierTargets t, Vec h, PetscReal psi[])
{
  const BrenierCoordinates points = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscScalar       *height, *less = NULL;
  PetscReal               *work;
  Vec                      low;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->dim, &work));
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCall(VecGetArrayRead(h, &height));
  if (low) PetscCall(VecGetArrayRead(low, &less));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = BrenierPoint(&points, i, work);

    if (t->square) psi[i] = 0.5 * t->square[i] + height[i];
    else if (less) psi[i] = PotentialOf(t->dim, y, height[i], less[i]) + 0.5 * t->dropped;
    else psi[i] = 0.5 * (BrenierDot((size_t)t->dim, y, y) + t->dropped) + height[i];
  }
  if (low) PetscCall(VecRestoreArrayRead(low, &less));
  PetscCall(VecRestoreArrayRead(h, &height));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What batches gave: masses, shape [n, n_local], energies, shape [n], and their controls. */
typedef struct {
  PetscInt         n;
  const PetscReal *mass, *u;
  BrenierControl   control;
} Batches;

/* Dual, primal and gap. The energy is a mean over curves, so its batches weigh a little differently when they are not
   of one size: the dual takes its value from the energy and its error from the batches. */
static PetscErrorCode MeasureDistance(BrenierTargets t, BrenierSource source, Vec h, const Batches *batches,
                                      BrenierHeldOut *out)
{
  const PetscInt B = batches->n;
  PetscReal      u[BRENIER_BATCHES], cost[BRENIER_BATCHES], gap[BRENIER_BATCHES], moment, value;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsSecondMoment(t, &moment));
  PetscCall(GapOfBatches(t, h, B, batches->mass, gap));
  PetscCall(PetscArraycpy(u, batches->u, B));
  out->energy -= BrenierControlSubtract(&batches->control, u);
  (void)BrenierControlSubtract(&batches->control, gap);
  value             = 0.5 * (BrenierSourceSecondMoment(source) + moment) - out->energy;
  out->energy_error = EstimateMean(B, u).error;
  out->dual         = (BrenierEstimate){value, out->energy_error, value - brenier_student * out->energy_error,
                                        value + brenier_student * out->energy_error};
  out->gap          = EstimateMean(B, gap);
  for (PetscInt b = 0; b < B; ++b) cost[b] = gap[b] - u[b];
  out->primal = EstimateMean(B, cost);
  value       = out->dual.value + out->gap.value - out->primal.value;
  out->primal.value += value;
  out->primal.low += value;
  out->primal.high += value;
  out->w2            = BrenierDistance(out->dual.value);
  out->w2_bound_low  = BrenierDistance(out->dual.low);
  out->w2_bound_high = BrenierDistance(out->dual.high);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierDistance(PetscReal cost)
{
  return PetscSqrtReal(2.0 * PetscMax(cost, 0.0));
}

/* Everything that follows from the masses and energies of the batches. */
static PetscErrorCode MeasureBatches(BrenierTargets t, BrenierSource source, Vec h, const Batches *batches, Vec mass,
                                     Vec mass_error, BrenierHeldOut *out)
{
  PetscFunctionBegin;
  PetscCall(MeasureChi2(t, batches->n, batches->mass, out));
  PetscCall(MeasureMasses(t, batches->n, batches->mass, mass, mass_error, out));
  PetscCall(MeasureLight(t, batches->n, batches->mass, mass, out));
  PetscCall(MeasureDistance(t, source, h, batches, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeldOutMeasure(BrenierTargets t, BrenierSource source, Vec h, const BrenierHeldOutSample *sample,
                                     Vec mass, Vec mass_error, const BrenierMutablePoints *barycentre,
                                     BrenierHeldOut *out)
{
  BrenierDual      dual;
  BrenierDualValue value;
  PetscReal        u[BRENIER_BATCHES];
  Batches          batches = {.u = u};
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, sample->seed, sample->stream, sample->n_curves, BRENIER_BATCHES, &dual));
  PetscCall(BrenierDualSetCache(dual, sample->cache));
  ierr = BrenierDualEvaluate(dual, h, mass, &value);
  if (ierr) PetscCall(BrenierDualDestroy(&dual)); // a stop: the run may measure on fewer curves
  PetscCall(ierr);
  PetscCall(BrenierDualGetBatches(dual, &batches.n, &batches.mass, u, NULL));
  out->curves         = PetscMin(sample->n_curves, BrenierSourceMaxCurves(source));
  out->sampling_error = PetscSqrtReal(value.sampling_chi2);
  out->empty          = value.n_empty;
  out->energy         = value.energy + t->shift;
  if (sample->stream == BRENIER_STREAM_CHECK)
    PetscCall(BrenierControlCreate(t, source, dual, batches.n, &batches.control));
  PetscCall(MeasureBatches(t, source, h, &batches, mass, mass_error, out));
  PetscCall(BrenierControlDestroy(&batches.control));
  if (barycentre) PetscCall(BrenierDualBarycentres(dual, barycentre));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What parts are added to: masses and energy of their batch, the energy of all. */
typedef struct {
  PetscReal *batch, *u, *energy;
} Sums;

/* Adds one part's masses and energies, its share of a batch, to those of the batch and of all. */
static PetscErrorCode AddPart(BrenierTargets t, BrenierSource source, Vec h, const BrenierHeldOutSample *part,
                              PetscReal share, Vec work, const Sums *to)
{
  BrenierDual        dual;
  BrenierDualValue   value;
  PetscInt           n_batches;
  PetscReal          of_part;
  const PetscScalar *m;
  PetscErrorCode     ierr;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, part->seed, part->stream, part->n_curves, 1, &dual));
  PetscCall(BrenierDualSetCache(dual, part->cache));
  ierr = BrenierDualEvaluate(dual, h, work, &value);
  if (ierr) PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  PetscCall(BrenierDualGetBatches(dual, &n_batches, NULL, &of_part, NULL));
  PetscCall(BrenierDualDestroy(&dual));
  *to->u += share * of_part;
  *to->energy += share * value.energy / BRENIER_BATCHES;
  PetscCall(VecGetArrayRead(work, &m));
  for (PetscInt i = 0; i < t->n_local; ++i) to->batch[i] += share * m[i];
  PetscCall(VecRestoreArrayRead(work, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Masses of all, their sampling part and the empty cells, from those of the batches. */
static PetscErrorCode JoinBatches(BrenierTargets t, const PetscReal batch[], Vec mass, BrenierHeldOut *out)
{
  const PetscInt n = t->n_local, B = BRENIER_BATCHES;
  PetscScalar   *m;
  PetscReal     *term, sampling_chi2;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(n, &term));
  PetscCall(VecGetArrayWrite(mass, &m));
  out->empty = 0;
  for (PetscInt i = 0; i < n; ++i) {
    m[i] = 0.0;
    for (PetscInt b = 0; b < B; ++b) m[i] += batch[(size_t)b * n + i] / (PetscReal)B;
    for (PetscInt b = 0; b < B; ++b) term[i] += PetscSqr(batch[(size_t)b * n + i] - m[i]);
    term[i] /= (PetscReal)B * (PetscReal)(B - 1) * t->nu[i];
    out->empty += m[i] <= 0.0;
  }
  PetscCall(VecRestoreArrayWrite(mass, &m));
  PetscCall(BrenierExactSum(t->comm, n, 1, term, &sampling_chi2));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out->empty, 1, MPIU_INT64, MPI_SUM, t->comm));
  PetscCall(PetscFree(term));
  out->sampling_error = PetscSqrtReal(sampling_chi2);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeldOutMeasureInParts(BrenierTargets t, BrenierSource source, Vec h,
                                            const BrenierHeldOutSample *sample, PetscInt64 at_once, Vec mass,
                                            Vec mass_error, BrenierHeldOut *out)
{
  const PetscInt64 a_batch = PetscMax((sample->n_curves + BRENIER_BATCHES - 1) / BRENIER_BATCHES, 1);
  const PetscInt64 parts = (a_batch + at_once - 1) / at_once, a_part = (a_batch + parts - 1) / parts;
  const uint32_t   first      = BRENIER_STREAM_PARTS + (sample->stream << 20);
  const PetscInt64 most_parts = (PetscInt64)1 << 20; // streams of a measurement
  PetscReal       *batch, u[BRENIER_BATCHES] = {0.0};
  PetscErrorCode   ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCheck(BRENIER_BATCHES * parts <= most_parts, t->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PetscInt64_FMT " curves at once are too few to measure with %" PetscInt64_FMT, at_once,
             sample->n_curves);
  PetscCall(PetscCalloc1((size_t)BRENIER_BATCHES * t->n_local, &batch));
  out->curves = BRENIER_BATCHES * parts * a_part;
  out->energy = t->shift;
  for (PetscInt64 k = 0; k < BRENIER_BATCHES * parts && !ierr; ++k)
    ierr = AddPart(t, source, h, &(BrenierHeldOutSample){sample->seed, first + (uint32_t)k, a_part, sample->cache},
                   1.0 / (PetscReal)parts, mass,
                   &(Sums){batch + (size_t)(k / parts) * t->n_local, &u[k / parts], &out->energy});
  if (!ierr) ierr = JoinBatches(t, batch, mass, out);
  if (!ierr)
    ierr = MeasureBatches(t, source, h, &(Batches){.n = BRENIER_BATCHES, .mass = batch, .u = u}, mass, mass_error, out);
  PetscCall(PetscFree(batch));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
