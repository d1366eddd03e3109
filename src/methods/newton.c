/*
  newton.c - Damped Newton on the sampled dual: the iteration. newton.h has the equations, newton_system.c the system.

    evaluate E and w at h, lift empty cells                                   EvaluateStart
    until converged                                                           CheckConvergence, ConfirmConvergence
      assemble H and r                                                        AssembleSystem
      until E falls enough from h to h + p                                    SearchDamping
        solve (H + damping diag(B)) p = r                                     SolveStep
        evaluate E and w at h + p, else raise the damping                     TryStep
      h <- h + p; lower the damping                                           AcceptStep
      move heights within lines                                               StepLines
      lift empty cells                                                        LiftEmpty
      save                                                                    SafePoint

  The damping takes the place of a line search. The model promises the decrease <nu - w, p> to first order; a quadratic
  gives half of it. The ratio of the decrease to the promise sets the next damping, as in the method of Levenberg and
  Marquardt: above brenier_decrease_high the damping falls by brenier_damping_lower_high, above brenier_decrease_fair by
  brenier_damping_lower_fair, and after a rejected step it rises by brenier_damping_raise.

  By candidate lists an evaluation is exact if it checks that the lists are complete where heights have fallen, and lazy
  if it does not (dual.h). A lazy energy is a lower bound, as planes may be missing from u. The first iterations are
  lazy.
*/
#include <brenier/base.h>
#include <brenier/newton.h>

#include "iteration_private.h"
#include "lines.h"
#include "newton_system.h"

#include <math.h>

static const PetscReal brenier_few_empty  = 1e-3; /* of the weight */
static const PetscReal brenier_empty_part = 0.25; /* of the residual that is asked for */
/* Largest entry of a step, in height scales, while evaluations are lazy. Useful steps stay below 8. On curves of two
   pieces parts of the Hessian are tied to the rest by the damping alone: such cells would move by thousands of height
   scales, beyond all that the lists contain. */
static const PetscReal brenier_step_most = 10.0;
/* Largest entry upwards of a cell with few pieces. How fast its mass grows is uncertain, and a cell that is too heavy
   costs more energy than one that is too light. */
static const PetscReal brenier_rise_most = 2.0;
/* Iterations that may be lazy. Lists are of no use to heights that move by many skins; a problem that needs more
   iterations is such a case. */
static const PetscReal brenier_lazy_iterations = 10.0;
static const PetscReal brenier_damping_raise   = 5.0;
/* Where a lift raised the energy, the next one is smaller by this factor; below the least part it ends at the gaps. */
static const PetscReal brenier_lift_smaller = 0.1, brenier_lift_least_part = 0.05;
/* Ratio of the decrease to the promise: thresholds, and the factors of the damping above them. */
static const PetscReal brenier_decrease_high = 0.7, brenier_decrease_fair = 0.4;
static const PetscReal brenier_damping_lower_high = 0.2, brenier_damping_lower_fair = 0.5;
static const PetscReal brenier_damping_least = 1e-9, brenier_damping_restart = 1e-4, brenier_damping_most = 1e8;

/* State of an iteration; vectors are laid out as the targets. */
typedef struct {
  /* parameters */
  BrenierDual                 dual;
  BrenierTargets              targets;
  const BrenierNewtonOptions *options;
  /* data */
  Vec                 h, mass, trial, trial_mass, step, certified;
  BrenierNewtonSystem system;
  /* status */
  BrenierDualValue value, trial_value;
  PetscReal        certified_energy; /* infinite before one is certified */
  BrenierIteration now;
  PetscReal        decrease_ratio; /* of the last trial: decrease over promise */
  PetscBool        lazy;           /* evaluations skip the check of the lists, also the one of h */
  PetscBool        needs_check;    /* no more lazy evaluations: steps by them raised the energy */
  PetscBool        lifted_last;    /* the last empty cells were lifted once at convergence */
  PetscBool        retried;        /* the last step failed, and h was evaluated again exactly */
  PetscLogDouble   start;
} Newton;

void BrenierNewtonDefaults(BrenierNewtonOptions *options)
{
  BrenierConvergenceDefaults(&options->convergence);
  options->damping        = BRENIER_DEFAULT_DAMPING;
  options->linear_rtol    = BRENIER_DEFAULT_LINEAR_RTOL;
  options->hessian_curves = 0;
  options->certify        = PETSC_TRUE;
  options->lazy_lists     = PETSC_FALSE;
  options->diagonal_step  = NULL;
  options->height_scale   = 0.0;
  options->monitor        = NULL;
  options->safe_point     = NULL;
  options->context        = NULL;
  options->resume         = NULL;
}

static PetscErrorCode EvaluateAt(Newton *s, Vec h, Vec mass, BrenierDualValue *value)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualEvaluate(s->dual, h, mass, value));
  ++s->now.evaluations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  The invariant: the energy of the sample never rises, up to rounding. An exact evaluation has that energy; heights with
  an exact energy not above the last one are certified. Steps by lazy evaluations are provisional until the next exact
  one, at the latest at the end of the iteration. If the exact energy is higher than before, the iteration returns to
  the certified heights, raises the damping and makes no more lazy evaluations.
*/
static PetscErrorCode Certify(Newton *s)
{
  PetscFunctionBegin;
  if (s->value.energy <= s->certified_energy + BrenierIterationRounding_Private(s->value.energy)) {
    PetscCall(VecCopy(s->h, s->certified));
    s->certified_energy = PetscMin(s->certified_energy, s->value.energy);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecCopy(s->certified, s->h));
  PetscCall(EvaluateAt(s, s->h, s->mass, &s->value));
  s->needs_check = PETSC_TRUE;
  s->now.damping = PetscMax(s->now.damping * brenier_damping_raise, s->options->damping);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the energy is surely not above the certified one: what a lazy energy misses has an upper bound
   (BrenierDualMissing()). */
static PetscErrorCode IsCertified(Newton *s, PetscBool *is)
{
  PetscReal missing = 0.0;

  PetscFunctionBegin;
  *is = PETSC_TRUE;
  if (!s->lazy) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierDualMissing(s->dual, &missing));
  *is = (PetscBool)(s->value.energy + missing <= s->certified_energy);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Total weight of the empty cells. */
static PetscErrorCode EmptyWeight(Newton *s, PetscReal *weight)
{
  const PetscScalar *m;
  PetscReal         *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(s->targets->n_local, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) term[i] = m[i] > 0.0 ? 0.0 : s->targets->nu[i];
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, 1, term, weight));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the lift of empty cells can wait for the end: it scans all curves, which costs more than a few light cells
   matter. It cannot wait where their weight, which is their part of L1 and of chi2, would hide convergence. */
static PetscErrorCode EmptyCanWait(Newton *s, PetscBool *can)
{
  const BrenierConvergence *convergence = &s->options->convergence;
  PetscReal                 weight;

  PetscFunctionBegin;
  PetscCall(EmptyWeight(s, &weight));
  *can = (PetscBool)(BrenierDualHasLists(s->dual) && weight <= brenier_few_empty);
  if (convergence->residual > 0.0) *can = (PetscBool)(*can && weight <= brenier_empty_part * convergence->residual);
  if (convergence->residual == 0.0 && convergence->l1_part == 0.0)
    *can = (PetscBool)(*can &&
                       weight <= brenier_empty_part * PetscSqr(convergence->sampling_part * s->now.sampling_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Expected number of pieces of a cell. */
static PetscReal Due(const Newton *s, PetscInt i)
{
  return s->targets->nu[i] * (PetscReal)s->value.n_pieces;
}

/* Tests for convergence: *reason is 0 to continue. An empty cell with less than one expected piece adds its weight to
   chi2 at any heights; that part is left out. */
static PetscErrorCode CheckConvergence(Newton *s, BrenierReason *reason)
{
  BrenierIteration   now = s->now;
  const PetscScalar *m;
  PetscReal         *term, waits;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(s->targets->n_local, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) term[i] = m[i] == 0.0 && Due(s, i) < 1.0 ? s->targets->nu[i] : 0.0;
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, 1, term, &waits));
  PetscCall(PetscFree(term));
  if (waits > 0.0) now.rho = PetscSqrtReal(PetscMax(PetscSqr(now.rho) - waits, 0.0));
  *reason = BrenierIterationFinished_Private(&s->options->convergence, &now, s->value.sampling_l1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far beyond its gap each empty cell may be lifted: `part` of the usual bound. A cell with less than one expected
   piece must stay below u, since on u it would have the mass of a piece. Mass is about exponential in the height, so it
   stays below u by log(expected pieces) height scales. */
static PetscErrorCode SetLiftMost(Newton *s, PetscReal part, PetscReal most[])
{
  const PetscReal usual = BrenierLiftMost_Private(1.0);

  PetscFunctionBegin;
  if (s->system.nodes) PetscCall(BrenierStepNodesLiftMost(s->system.nodes, s->mass, usual, most));
  else
    for (PetscInt i = 0; i < s->targets->n_local; ++i) most[i] = BrenierLiftMost_Private(s->system.height_scale);
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    const PetscReal due = Due(s, i);

    most[i] *= due < 1.0 && most[i] < PETSC_MAX_REAL ? log(due) / usual : part;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lifts the empty cells and evaluates. The lift of one cell lowers the energy; several that rise in the same place may
   raise it, and are then lifted by less. A lift to the gap alone leaves u as it is and lowers the energy by the weight
   of the cell times the gap. */
static PetscErrorCode LiftEmpty(Newton *s)
{
  PetscInt64 n_lifted;
  PetscReal *most;

  PetscFunctionBegin;
  if (s->value.n_empty == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(s->targets->n_local, &most));
  for (PetscReal part = 1.0; PETSC_TRUE; part = part > brenier_lift_least_part ? part * brenier_lift_smaller : 0.0) {
    // The pieces of an evaluation that failed are no measure of gaps
    if (part < 1.0) PetscCall(BrenierDualEvaluate(s->dual, s->h, s->mass, &s->trial_value));
    PetscCall(SetLiftMost(s, part, most));
    PetscCall(VecCopy(s->h, s->trial));
    PetscCall(BrenierDualLift(s->dual, s->mass, most, s->trial, &n_lifted));
    PetscCall(EvaluateAt(s, s->trial, s->trial_mass, &s->trial_value));
    if (part == 0.0 || s->trial_value.energy <= s->value.energy + BrenierIterationRounding_Private(s->value.energy))
      break;
  }
  PetscCall(VecCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  if (!s->lazy) PetscCall(Certify(s));
  PetscCall(PetscFree(most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Moves heights within lines, where that lowers the energy. */
static PetscErrorCode StepLines(Newton *s)
{
  BrenierScales scales;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsScales(s->targets, &scales));
  if (!scales || scales->n_lines == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(s->h, s->trial));
  PetscCall(BrenierLinesStep_Private(s->targets, scales, BrenierDualSource(s->dual), s->mass, 1.0, s->trial));
  PetscCall(EvaluateAt(s, s->trial, s->trial_mass, &s->trial_value));
  if (s->trial_value.energy > s->value.energy) {
    // The pieces of an evaluation that failed are no measure of gaps
    PetscCall(BrenierDualEvaluate(s->dual, s->h, s->mass, &s->value));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  if (!s->lazy) PetscCall(Certify(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gauges the step, and bounds its entries while evaluations are lazy. */
static PetscErrorCode LimitStep(Newton *s)
{
  const PetscReal most = brenier_step_most * s->system.height_scale, rise = brenier_rise_most * s->system.height_scale;
  const PetscReal few = BrenierNewtonSystemFewMass_Private(&s->system);
  const PetscScalar *m;
  PetscScalar       *p;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsGauge(s->targets, s->step));
  if (!s->lazy || !(s->system.height_scale > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArray(s->step, &p));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) p[i] = PetscMin(PetscMax(p[i], -most), m[i] < few ? rise : most);
  PetscCall(VecRestoreArray(s->step, &p));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(BrenierTargetsGauge(s->targets, s->step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates h + p; *good if the energy falls enough. */
static PetscErrorCode TryStep(Newton *s, PetscBool *good)
{
  PetscReal promised, left;

  PetscFunctionBegin;
  *good = PETSC_FALSE;
  PetscCall(LimitStep(s));
  PetscCall(BrenierIterationSlope_Private(s->targets, s->mass, s->step, &promised));
  if (!(promised > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecWAXPY(s->trial, 1.0, s->step, s->h));
  PetscCall(EvaluateAt(s, s->trial, s->trial_mass, &s->trial_value));
  PetscCall(BrenierIterationSlope_Private(s->targets, s->trial_mass, s->step, &left));
  s->decrease_ratio = (s->value.energy - s->trial_value.energy) / promised;
  // It may rise although its slope at the end promises a fall: lazy lists missed planes
  *good = BrenierIterationFalls_Private(s->value.energy, s->trial_value.energy, promised, left);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Assembles H and r at h. */
static PetscErrorCode AssembleSystem(Newton *s)
{
  Vec diagonal_step =
      s->options->diagonal_step ? s->options->diagonal_step : s->step; // the step is free until it is solved for

  PetscFunctionBegin;
  PetscCall(BrenierNewtonSystemAssemble_Private(&s->system, s->mass, s->value.n_pieces, s->now.damping, diagonal_step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for p with the present damping. */
static PetscErrorCode SolveStep(Newton *s, PetscBool *solved)
{
  PetscFunctionBegin;
  PetscCall(BrenierNewtonSystemSolve_Private(&s->system, s->now.damping, s->step, &s->now.linear_iterations, solved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes the trial as the new iterate, and lowers the damping by the ratio of decrease to promise. */
static PetscErrorCode AcceptStep(Newton *s, PetscBool first)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(s->step, NORM_INFINITY, &s->now.step));
  PetscCall(VecCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  if (!s->lazy) PetscCall(Certify(s));
  if (s->decrease_ratio > brenier_decrease_high) s->now.damping *= brenier_damping_lower_high;
  else if (first && s->decrease_ratio > brenier_decrease_fair) s->now.damping *= brenier_damping_lower_fair;
  s->now.damping = PetscMax(s->now.damping, brenier_damping_least);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In place of a line search: solves with a rising damping until the energy falls enough. Sets *reason if no damping
   does it. */
static PetscErrorCode SearchDamping(Newton *s, BrenierReason *reason)
{
  PetscBool good = PETSC_FALSE, first = PETSC_TRUE, solved = PETSC_FALSE;

  PetscFunctionBegin;
  while (!*reason) {
    PetscCall(SolveStep(s, &solved));
    if (solved) PetscCall(TryStep(s, &good));
    if (good) break;
    s->now.damping = PetscMax(s->now.damping * brenier_damping_raise, brenier_damping_restart);
    first          = PETSC_FALSE;
    if (s->now.damping > brenier_damping_most) *reason = solved ? BRENIER_REASON_STALLED : BRENIER_REASON_LINEAR;
  }
  if (good) PetscCall(AcceptStep(s, first));
  PetscCall(BrenierNewtonSystemRelease_Private(&s->system));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Report(Newton *s)
{
  PetscLogDouble now;

  PetscFunctionBegin;
  PetscCall(BrenierIterationMeasure_Private(s->dual, s->targets, &s->value, s->mass, &s->now));
  PetscCall(PetscTime(&now));
  s->now.seconds = now - s->start;
  if (s->options->monitor) PetscCall(s->options->monitor(s->options->context, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options, Vec h,
                                   Newton *s)
{
  Vec *work[] = {&s->mass, &s->trial, &s->trial_mass, &s->step, &s->certified};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof *s));
  s->dual             = dual;
  s->targets          = targets;
  s->options          = options;
  s->h                = h;
  s->now.damping      = options->damping;
  s->certified_energy = PETSC_INFINITY;
  PetscCall(PetscTime(&s->start));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(h, work[i]));
  PetscCall(BrenierNewtonSystemCreate_Private(dual, targets, options, h, &s->system));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyNewton(Newton *s)
{
  Vec *work[] = {&s->mass, &s->trial, &s->trial_mass, &s->step, &s->certified};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscCall(BrenierNewtonSystemDestroy_Private(&s->system));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates h, lazily or exactly, and tests for convergence. */
static PetscErrorCode EvaluateIterate(Newton *s, PetscBool lazy, BrenierReason *reason)
{
  PetscFunctionBegin;
  s->lazy = (PetscBool)(lazy && BrenierDualHasLists(s->dual));
  PetscCall(BrenierDualSkipListCheck(s->dual, lazy));
  PetscCall(EvaluateAt(s, s->h, s->mass, &s->value));
  if (!s->lazy) PetscCall(Certify(s));
  PetscCall(Report(s));
  PetscCall(CheckConvergence(s, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EvaluateExactly(Newton *s, BrenierReason *reason)
{
  PetscFunctionBegin;
  PetscCall(EvaluateIterate(s, PETSC_FALSE, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chooses between lazy and exact evaluations. A lazy energy at h is too low to compare an exact trial with, so h is
   evaluated again at the change. */
static PetscErrorCode ChooseListCheck(Newton *s, BrenierReason *reason)
{
  const PetscBool lazy = (PetscBool)(s->now.iteration < brenier_lazy_iterations && !s->needs_check);

  PetscFunctionBegin;
  if (s->lazy && !lazy) PetscCall(EvaluateExactly(s, reason));
  s->lazy = (PetscBool)(lazy && BrenierDualHasLists(s->dual));
  PetscCall(BrenierDualSkipListCheck(s->dual, lazy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* If no damping gave descent by lazy evaluations, evaluates h exactly and tries again, once. */
static PetscErrorCode RetryWithExactLists(Newton *s, BrenierReason *reason)
{
  PetscFunctionBegin;
  if (*reason >= 0) s->retried = PETSC_FALSE;
  if (*reason != BRENIER_REASON_STALLED || !s->lazy || s->retried) PetscFunctionReturn(PETSC_SUCCESS);
  s->retried     = PETSC_TRUE;
  s->now.damping = s->options->damping;
  PetscCall(EvaluateExactly(s, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Final checks: the energy is certified, and the remaining empty cells have been lifted once. Resets *reason if the
   iteration has to continue. */
static PetscErrorCode ConfirmConvergence(Newton *s, BrenierReason *reason)
{
  const PetscBool rough = (PetscBool)(s->options->convergence.l1_part > 0.0);
  PetscBool       certified;

  PetscFunctionBegin;
  PetscCall(IsCertified(s, &certified));
  if (s->options->certify || !certified) PetscCall(EvaluateExactly(s, reason));
  if (*reason && (rough || s->lifted_last || s->value.n_empty == 0)) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->value.n_empty > 0) {
    s->lifted_last = PETSC_TRUE;
    PetscCall(LiftEmpty(s));
    PetscCall(Report(s));
    PetscCall(CheckConvergence(s, reason));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After a failure, too, the heights have to be certified. */
static PetscErrorCode CertifyFailure(Newton *s, BrenierReason *reason)
{
  const BrenierReason failure = *reason;
  PetscBool           certified;

  PetscFunctionBegin;
  PetscCall(IsCertified(s, &certified));
  if (certified) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EvaluateExactly(s, reason));
  if (*reason <= 0) *reason = failure;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates the start, and lifts its empty cells unless they can wait. */
static PetscErrorCode EvaluateStart(Newton *s, BrenierReason *reason)
{
  PetscBool wait;

  PetscFunctionBegin;
  PetscCall(EvaluateIterate(s, s->options->lazy_lists, reason));
  if (!*reason) PetscCall(StepLines(s));
  PetscCall(EmptyCanWait(s, &wait));
  if (!*reason && !wait) PetscCall(LiftEmpty(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Continues from a saved state. Its lists are those that its last evaluation used, so a lazy evaluation reproduces it,
   whether that one was lazy or exact. */
static PetscErrorCode Resume(Newton *s, BrenierReason *reason)
{
  const BrenierNewtonState *state = s->options->resume;

  PetscFunctionBegin;
  s->lazy = (PetscBool)(BrenierDualHasLists(s->dual) && state->now.iteration > 0.0 &&
                        state->now.iteration <= brenier_lazy_iterations && !state->needs_check);
  PetscCall(BrenierDualSkipListCheck(s->dual, PETSC_TRUE));
  PetscCall(BrenierDualRepeats(s->dual, PETSC_TRUE));
  PetscCall(BrenierDualEvaluate(s->dual, s->h, s->mass, &s->value));
  PetscCall(BrenierDualRepeats(s->dual, PETSC_FALSE));
  s->now                 = state->now;
  s->system.height_scale = state->height_scale;
  s->needs_check         = state->needs_check;
  if (state->certified) {
    PetscCall(VecCopy(state->certified, s->certified));
    s->certified_energy = state->energy;
  }
  s->start -= state->now.seconds;
  s->lifted_last = state->lifted_last;
  *reason        = state->reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SafePoint(Newton *s, BrenierReason reason)
{
  const PetscBool          has   = (PetscBool)(s->certified_energy < PETSC_INFINITY);
  const BrenierNewtonState state = {.now          = s->now,
                                    .height_scale = s->system.height_scale,
                                    .energy       = has ? s->certified_energy : 0.0,
                                    .certified    = has ? s->certified : NULL,
                                    .lifted_last  = s->lifted_last,
                                    .needs_check  = s->needs_check,
                                    .reason       = reason};

  PetscFunctionBegin;
  if (s->options->safe_point) PetscCall(s->options->safe_point(s->options->context, &state));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One iteration: a damped Newton step, and the lift of the cells that it leaves empty. */
static PetscErrorCode Iterate(Newton *s, BrenierReason *reason)
{
  PetscBool wait = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(AssembleSystem(s));
  PetscCall(SearchDamping(s, reason));
  if (!*reason) PetscCall(StepLines(s));
  if (!*reason) PetscCall(EmptyCanWait(s, &wait));
  if (!*reason && !wait) PetscCall(LiftEmpty(s));
  ++s->now.iteration;
  PetscCall(Report(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options, Vec h,
                             BrenierIteration *last, BrenierReason *reason)
{
  Newton s;

  PetscFunctionBegin;
  PetscCall(CreateNewton(dual, targets, options, h, &s));
  if (options->resume) PetscCall(Resume(&s, reason));
  else PetscCall(EvaluateStart(&s, reason));
  PetscCall(SafePoint(&s, *reason));
  while (!*reason) {
    PetscCall(ChooseListCheck(&s, reason));
    if (!*reason) {
      PetscCall(Iterate(&s, reason));
      PetscCall(RetryWithExactLists(&s, reason));
    }
    if (!*reason) PetscCall(CheckConvergence(&s, reason));
    if (*reason > 0) PetscCall(ConfirmConvergence(&s, reason));
    if (*reason < 0) PetscCall(CertifyFailure(&s, reason));
    PetscCall(SafePoint(&s, *reason));
  }
  PetscCall(BrenierDualSkipListCheck(dual, PETSC_FALSE));
  PetscCall(BrenierTargetsGauge(targets, h));
  *last = s.now;
  PetscCall(DestroyNewton(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
