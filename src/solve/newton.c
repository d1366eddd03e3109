/* newton.c - Implements newton.h. */
#include <brenier/base.h>
#include <brenier/newton.h>

#include "iteration.h"
#include "nodes.h"

#include <math.h>
#include <petscksp.h>

#define FIRST_NAME(member, name, meaning) #member
#define NEXT_NAME(member, name, meaning)  "," #member
const char BrenierIterationNames[] = BRENIER_ITERATION_FIELDS(FIRST_NAME, NEXT_NAME);

static const PetscReal brenier_diagonal_floor = 0.02; /* of the geometric mean of the diagonal */
static const PetscReal brenier_few_pieces     = 16.0; /* of a cell: its row of the Hessian is chance */
static const PetscReal brenier_few_empty      = 1e-3; /* of the weight */
static const PetscReal brenier_empty_part     = 0.25; /* of the residual that is asked for */
/* In lengths, while lists are trusted. Steps that help stay below 8; curves of two pieces leave parts of the Hessian that
   nothing but damping ties to the rest, and these would go thousands, past everything that lists hold. */
static const PetscReal brenier_step_most = 10.0;
/* The same up, where the cell has few pieces: how fast its mass grows is chance, and what is too heavy costs more than what is
   too light. */
static const PetscReal brenier_rise_most = 2.0, brenier_rise_pieces = 64.0;
/* Heights that move by many slacks make trusted lists useless; who needs more iterations than this is such a case. */
static const PetscReal brenier_trusting_iterations = 10.0;
static const PetscReal brenier_scale_factor        = 30.0; /* see SetScale() */
static const PetscReal brenier_damping_raise       = 5.0;
/* Where a lift raised the energy: smaller, and at last none beyond the gaps. */
static const PetscReal brenier_lift_smaller = 0.1, brenier_lift_least_part = 0.05;
/* Part of the promised decrease that came (a quadratic gives 1/2): above the first, the model is too careful; above the
   second it is right. How the damping is lowered then. */
static const PetscReal brenier_gain_high = 0.7, brenier_gain_fair = 0.4;
static const PetscReal brenier_damping_lower_high = 0.2, brenier_damping_lower_fair = 0.5;
/* Where targets have scales: length over distance before it is known, and the tolerance of the linear solver, whose norm is
   ruled by the longest scales. */
static const PetscReal brenier_scales_length = 0.2, brenier_scales_rtol = 1e-8;
static const PetscReal brenier_damping_least = 1e-9, brenier_damping_restart = 1e-4, brenier_damping_most = 1e8;

/* State of an iteration; vectors are laid out as the targets. */
typedef struct {
  /* parameters */
  BrenierDual                 dual;
  BrenierTargets              targets;
  const BrenierNewtonOptions *options;
  /* data */
  Vec              h, mass, trial, trial_mass, residual, step, base, certified;
  Mat              hessian, damped;
  KSP              ksp;
  BrenierStepNodes nodes; /* NULL where targets have no scales */
  /* status */
  BrenierDualValue value, trial_value;
  PetscReal        certified_energy; /* infinite before there is one */
  BrenierIteration now;
  PetscInt64       stride;    /* of the curves that the Hessian is made from */
  PetscReal        length;    /* geometric mean of nu_i / H_ii; 0 before the first Hessian */
  PetscReal        gain;      /* of the last step tried: decrease over what its slope promised */
  PetscBool        trusts;    /* lists, and did so when h was evaluated */
  PetscBool        distrusts; /* lists, since steps by them raised the energy */
  PetscBool        again;     /* the last step failed, and h was evaluated again with every list mended */
  PetscLogDouble   start;
} Newton;

void BrenierNewtonDefaults(BrenierNewtonOptions *options)
{
  options->max_it         = BRENIER_DEFAULT_MAX_IT;
  options->noise_part     = 0.1;
  options->l1_part        = 0.0;
  options->residual       = 0.0;
  options->rho            = 0.0;
  options->damping        = BRENIER_DEFAULT_DAMPING;
  options->linear_rtol    = BRENIER_DEFAULT_LINEAR_RTOL;
  options->hessian_curves = 0;
  options->certify        = PETSC_TRUE;
  options->trusts         = PETSC_FALSE;
  options->scale          = NULL;
  options->length         = 0.0;
  options->monitor        = NULL;
  options->safe_point     = NULL;
  options->context        = NULL;
  options->resume         = NULL;
}

const char *BrenierNewtonReasonText(BrenierNewtonReason reason)
{
  switch (reason) {
  case BRENIER_NEWTON_NOISE:
    return "residual well below the sampling error";
  case BRENIER_NEWTON_RESIDUAL:
    return "residual as small as was asked";
  case BRENIER_NEWTON_ROUNDING:
    return "residual at rounding level";
  case BRENIER_NEWTON_QUANTILES:
    return "heights known by quantiles";
  case BRENIER_NEWTON_PASS:
    return "all samples seen";
  case BRENIER_NEWTON_MAX_IT:
    return "iteration limit reached";
  case BRENIER_NEWTON_STALLED:
    return "no damping gives descent";
  case BRENIER_NEWTON_UNSOUND:
    return "exact cells could not be computed";
  default:
    return "the linear solver failed";
  }
}

/* sum over targets of a given term, order-independent. */
static PetscErrorCode SumTerms(Newton *s, PetscReal term[], PetscInt n_sets, PetscReal sum[])
{
  PetscFunctionBegin;
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, n_sets, term, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Evaluate(Newton *s, Vec h, Vec mass, BrenierDualValue *value)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualEvaluate(s->dual, h, mass, value));
  ++s->now.evaluations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  The invariant: no step, lift or run of them that raises the energy is kept. Lists in which nothing is missing give the energy
  of the sample, and each step and lift is compared by it. Trusted lists give a lower bound, exact but for the planes that they
  miss: steps by them are provisional, until lists are mended, at the latest where the iteration ends. Then the energy is
  compared with that of the last heights so certified, and where it rose, but for rounding, these come back, more damped,
  and lists are not trusted any more.
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
  PetscCall(Evaluate(s, s->h, s->mass, &s->value));
  s->distrusts   = PETSC_TRUE;
  s->now.damping = PetscMax(s->now.damping * brenier_damping_raise, s->options->damping);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the energy is known not to be above that of the last certified heights: what trusted lists lack has a bound. */
static PetscErrorCode IsCertified(Newton *s, PetscBool *is)
{
  PetscReal missing = 0.0;

  PetscFunctionBegin;
  *is = PETSC_TRUE;
  if (!s->trusts) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierDualMissing(s->dual, &missing));
  *is = (PetscBool)(s->value.energy + missing <= s->certified_energy);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weights of the empty cells together. */
static PetscErrorCode EmptyWeight(Newton *s, PetscReal *weight)
{
  const PetscScalar *m;
  PetscReal         *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(s->targets->n_local, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) term[i] = m[i] > 0.0 ? 0.0 : s->targets->nu[i];
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(SumTerms(s, term, 1, weight));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With lists a few empty cells wait for the end, since to meet all curves costs more than they matter: unless their part of
   the residual, in L1 and in chi2 their weight, could keep the end from being seen. */
static PetscErrorCode CanWait(Newton *s, PetscBool *can)
{
  const BrenierNewtonOptions *o = s->options;
  PetscReal                   weight;

  PetscFunctionBegin;
  PetscCall(EmptyWeight(s, &weight));
  *can = (PetscBool)(BrenierDualKeepsLists(s->dual) && weight <= brenier_few_empty);
  if (o->residual > 0.0) *can = (PetscBool)(*can && weight <= brenier_empty_part * o->residual);
  if (o->residual == 0.0 && o->l1_part == 0.0)
    *can = (PetscBool)(*can && weight <= brenier_empty_part * PetscSqr(o->noise_part * s->now.noise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pieces that the sample should have of a cell. */
static PetscReal Due(const Newton *s, PetscInt i)
{
  return s->targets->nu[i] * (PetscReal)s->value.n_pieces;
}

/* Why to end here; 0 to go on. What empty cells add to chi2 that the sample should have no piece of is theirs whatever is done. */
static PetscErrorCode Finished(Newton *s, BrenierNewtonReason *reason)
{
  BrenierIteration   now = s->now;
  const PetscScalar *m;
  PetscReal         *term, waits;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(s->targets->n_local, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) term[i] = m[i] == 0.0 && Due(s, i) < 1.0 ? s->targets->nu[i] : 0.0;
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(SumTerms(s, term, 1, &waits));
  PetscCall(PetscFree(term));
  if (waits > 0.0) now.rho = PetscSqrtReal(PetscMax(PetscSqr(now.rho) - waits, 0.0));
  *reason = BrenierIterationFinished_Private(s->options, &now, s->value.noise1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far beyond its gap each empty cell may be lifted: a part of what a usual lift may be. A cell so light that the sample
   should have no piece of it does not come up to u, where it would have the mass of a piece: mass being an exponential of height, it
   stays as many lengths below as its weight is e-folds below that of a piece. */
static PetscErrorCode SetLiftMost(Newton *s, PetscReal part, PetscReal most[])
{
  const PetscReal usual = BrenierLiftMost_Private(1.0);

  PetscFunctionBegin;
  if (s->nodes) PetscCall(BrenierStepNodesLiftMost(s->nodes, s->mass, usual, most));
  else
    for (PetscInt i = 0; i < s->targets->n_local; ++i) most[i] = BrenierLiftMost_Private(s->length);
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    const PetscReal due = Due(s, i);

    most[i] *= due < 1.0 && most[i] < PETSC_MAX_REAL ? log(due) / usual : part;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lifts empty cells, if there are any, and evaluates again. Each alone would lower the energy, but many that come up where
   one was wanted may not; raised to their gaps alone, planes leave u as it is, and the energy falls by their weights. */
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
    PetscCall(Evaluate(s, s->trial, s->trial_mass, &s->trial_value));
    if (part == 0.0 || s->trial_value.energy <= s->value.energy + BrenierIterationRounding_Private(s->value.energy))
      break;
  }
  PetscCall(VecCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  if (!s->trusts) PetscCall(Certify(s));
  PetscCall(PetscFree(most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Residual of log mass = log nu. */
static PetscErrorCode SetResidual(Newton *s)
{
  const PetscInt     n  = s->targets->n_local;
  const PetscReal   *nu = s->targets->nu;
  const PetscScalar *m;
  PetscScalar       *r;
  PetscReal         *term, sum[2], up, down;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArray(s->residual, &r));
  for (PetscInt i = 0; i < n; ++i) {
    r[i]        = BrenierResidual_Private(m[i], nu[i]);
    term[i]     = PetscMax(r[i], 0.0);
    term[n + i] = PetscMax(-r[i], 0.0);
  }
  PetscCall(SumTerms(s, term, 2, sum));
  up   = sum[0] > sum[1] ? sum[1] / sum[0] : 1.0;
  down = sum[1] > sum[0] ? sum[0] / sum[1] : 1.0;
  for (PetscInt i = 0; i < n; ++i) r[i] *= r[i] > 0.0 ? up : down;
  PetscCall(VecRestoreArray(s->residual, &r));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the damping multiplies: the diagonal, with a floor from the geometric mean of its positive entries. */
static PetscErrorCode SetDampingBase(Newton *s)
{
  const PetscInt n = s->targets->n_local;
  PetscScalar   *b;
  PetscReal     *term, sum[2], least;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(MatGetDiagonal(s->hessian, s->base));
  PetscCall(VecGetArray(s->base, &b));
  for (PetscInt i = 0; i < n; ++i) {
    term[i]     = b[i] > 0.0 ? log(b[i]) : 0.0;
    term[n + i] = b[i] > 0.0;
  }
  PetscCall(SumTerms(s, term, 2, sum));
  least = sum[1] > 0.0 ? brenier_diagonal_floor * PetscExpReal(sum[0] / sum[1]) : 1.0;
  for (PetscInt i = 0; i < n; ++i) b[i] = PetscMax(b[i], least);
  PetscCall(VecRestoreArray(s->base, &b));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Raises the diagonal of cells with few pieces, whose crossings say little, to their mass over the length: a mass that
   grows e-fold in less than a length is met, one that grows e-fold in twenty lengths was a chance of the sample. */
static PetscErrorCode FloorDiagonal(Newton *s)
{
  const PetscReal    pieces = (PetscReal)s->value.n_pieces / (PetscReal)s->stride;
  const PetscScalar *m;
  PetscScalar       *d;
  Vec                add;

  PetscFunctionBegin;
  if (!(s->length > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(s->h, &add));
  PetscCall(MatGetDiagonal(s->hessian, add));
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArray(add, &d));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    d[i] = m[i] * pieces < brenier_few_pieces ? PetscMax(m[i] / s->length - d[i], 0.0) : 0.0;
  PetscCall(VecRestoreArray(add, &d));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(MatDiagonalSet(s->hessian, add, ADD_VALUES));
  PetscCall(VecDestroy(&add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mass of a cell of few pieces, whose growth is chance. */
static PetscReal FewMass(const Newton *s)
{
  return brenier_rise_pieces * (PetscReal)s->stride / (PetscReal)PetscMax(s->value.n_pieces, 1);
}

/* Solves for the step with the damping as it is; *solved is false when the linear solver gave up. */
static PetscErrorCode SolveStep(Newton *s, PetscBool *solved)
{
  KSPConvergedReason reason;
  PetscInt           iterations;

  PetscFunctionBegin;
  if (s->nodes) PetscCall(BrenierStepNodesSolve(s->nodes, s->ksp, s->now.damping, FewMass(s), s->step));
  else {
    PetscCall(MatCopy(s->hessian, s->damped, SAME_NONZERO_PATTERN));
    PetscCall(VecScale(s->base, s->now.damping));
    PetscCall(MatDiagonalSet(s->damped, s->base, ADD_VALUES));
    PetscCall(VecScale(s->base, 1.0 / s->now.damping));
    PetscCall(KSPSetOperators(s->ksp, s->damped, s->damped));
    PetscCall(KSPSolve(s->ksp, s->residual, s->step));
  }
  PetscCall(KSPGetConvergedReason(s->ksp, &reason));
  PetscCall(KSPGetIterationNumber(s->ksp, &iterations));
  s->now.linear_iterations = (PetscReal)iterations;
  // A step short of its tolerance is a step still: the energy decides. A breakdown is not
  *solved = (PetscBool)(reason > 0 || reason == KSP_DIVERGED_ITS);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Brings the step into its gauge, and its entries to what trusted lists can judge. */
static PetscErrorCode LimitStep(Newton *s)
{
  const PetscReal    most = brenier_step_most * s->length, rise = brenier_rise_most * s->length;
  const PetscReal    few = FewMass(s);
  const PetscScalar *m;
  PetscScalar       *p;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsGauge(s->targets, s->step));
  if (!s->trusts || !(s->length > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArray(s->step, &p));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) p[i] = PetscMin(PetscMax(p[i], -most), m[i] < few ? rise : most);
  PetscCall(VecRestoreArray(s->step, &p));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(BrenierTargetsGauge(s->targets, s->step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates h + step; *good when the energy falls enough. */
static PetscErrorCode TryStep(Newton *s, PetscBool *good)
{
  PetscReal promised, left;

  PetscFunctionBegin;
  *good = PETSC_FALSE;
  PetscCall(LimitStep(s));
  PetscCall(BrenierIterationSlope_Private(s->targets, s->mass, s->step, &promised));
  if (!(promised > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecWAXPY(s->trial, 1.0, s->step, s->h));
  PetscCall(Evaluate(s, s->trial, s->trial_mass, &s->trial_value));
  PetscCall(BrenierIterationSlope_Private(s->targets, s->trial_mass, s->step, &left));
  s->gain = (s->value.energy - s->trial_value.energy) / promised;
  // Where it rose all the same, trusted lists missed planes
  *good = BrenierIterationFalls_Private(s->value.energy, s->trial_value.energy, promised, left);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves, tries, and raises the damping until a step is good. *reason is set when none is. */
static PetscErrorCode FindStep(Newton *s, BrenierNewtonReason *reason)
{
  PetscBool good = PETSC_FALSE, first = PETSC_TRUE, solved = PETSC_FALSE;

  PetscFunctionBegin;
  while (PETSC_TRUE) {
    PetscCall(SolveStep(s, &solved));
    if (solved) PetscCall(TryStep(s, &good));
    if (good) break;
    s->now.damping = PetscMax(s->now.damping * brenier_damping_raise, brenier_damping_restart);
    first          = PETSC_FALSE;
    if (s->now.damping > brenier_damping_most) {
      *reason = solved ? BRENIER_NEWTON_STALLED : BRENIER_NEWTON_LINEAR;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  PetscCall(VecNorm(s->step, NORM_INFINITY, &s->now.step));
  PetscCall(VecCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  if (!s->trusts) PetscCall(Certify(s));
  if (s->gain > brenier_gain_high) s->now.damping *= brenier_damping_lower_high;
  else if (first && s->gain > brenier_gain_fair) s->now.damping *= brenier_damping_lower_fair;
  s->now.damping = PetscMax(s->now.damping, brenier_damping_least);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* nu_i / H_ii, within a factor of its geometric mean, which stands in where a cell has no facet. */
static PetscErrorCode SetScale(Newton *s, Vec scale)
{
  const PetscInt   n  = s->targets->n_local;
  const PetscReal *nu = s->targets->nu;
  PetscScalar     *a;
  PetscReal       *term, sum[2], mean;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(MatGetDiagonal(s->hessian, scale));
  PetscCall(VecGetArray(scale, &a));
  for (PetscInt i = 0; i < n; ++i) {
    term[i]     = a[i] > 0.0 ? nu[i] * log(nu[i] / a[i]) : 0.0;
    term[n + i] = a[i] > 0.0 ? nu[i] : 0.0;
  }
  PetscCall(SumTerms(s, term, 2, sum));
  mean = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
  if (!s->nodes) s->length = mean;
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal own = s->nodes ? s->length * s->nodes->scales->apart[s->targets->first + i] : mean;

    a[i] = a[i] > 0.0 ? PetscMin(PetscMax(nu[i] / a[i], own / brenier_scale_factor), own * brenier_scale_factor) : own;
  }
  PetscCall(VecRestoreArray(scale, &a));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeHessian(Newton *s)
{
  const PetscInt64 n = BrenierDualCurves(s->dual), wanted = s->options->hessian_curves;

  PetscFunctionBegin;
  s->stride = wanted > 0 ? PetscMax(n / wanted, 1) : 1;
  PetscCall(BrenierDualHessian(s->dual, s->stride, &s->hessian));
  PetscCall(SetScale(s, s->options->scale ? s->options->scale : s->step)); // the step is free until it is solved for
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The system of all nodes; the length is theirs. */
static PetscErrorCode SetNodes(Newton *s)
{
  const PetscReal pieces = (PetscReal)PetscMax(s->value.n_pieces, 1) / (PetscReal)s->stride;

  PetscFunctionBegin;
  PetscCall(BrenierStepNodesSet(s->nodes, s->hessian, s->mass, s->now.damping, brenier_few_pieces / pieces));
  s->length = s->nodes->length;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Iterate(Newton *s, BrenierNewtonReason *reason)
{
  PetscBool wait = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(MakeHessian(s));
  if (s->nodes) PetscCall(SetNodes(s));
  else {
    PetscCall(MatDuplicate(s->hessian, MAT_DO_NOT_COPY_VALUES, &s->damped));
    PetscCall(SetResidual(s));
    PetscCall(FloorDiagonal(s));
    PetscCall(SetDampingBase(s));
  }
  PetscCall(FindStep(s, reason));
  PetscCall(MatDestroy(&s->hessian));
  PetscCall(MatDestroy(&s->damped));
  if (!*reason) PetscCall(CanWait(s, &wait));
  if (!*reason && !wait) PetscCall(LiftEmpty(s));
  ++s->now.iteration;
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

static PetscErrorCode CreateKsp(MPI_Comm comm, PetscReal rtol, KSP *ksp)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(comm, ksp));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetTolerances(*ksp, rtol, 0.0, PETSC_DEFAULT, 2000));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options, Vec h,
                                   Newton *s)
{
  Vec          *work[] = {&s->mass, &s->trial, &s->trial_mass, &s->residual, &s->step, &s->base, &s->certified};
  BrenierScales scales;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof *s));
  s->dual             = dual;
  s->targets          = targets;
  s->options          = options;
  s->h                = h;
  s->now.damping      = options->damping;
  s->certified_energy = PETSC_INFINITY;
  s->length           = options->length;
  PetscCall(PetscTime(&s->start));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(h, work[i]));
  PetscCall(BrenierTargetsScales(targets, &scales));
  PetscCall(CreateKsp(targets->comm,
                      scales ? PetscMin(options->linear_rtol, brenier_scales_rtol) : options->linear_rtol, &s->ksp));
  if (scales) {
    s->length = options->resume ? options->resume->length : brenier_scales_length;
    PetscCall(BrenierStepNodesCreate(targets, scales, s->length, &s->nodes));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyNewton(Newton *s)
{
  Vec *work[] = {&s->mass, &s->trial, &s->trial_mass, &s->residual, &s->step, &s->base, &s->certified};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscCall(KSPDestroy(&s->ksp));
  PetscCall(BrenierStepNodesDestroy(&s->nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates where the iteration stands, lists trusted or every one mended. */
static PetscErrorCode Look(Newton *s, PetscBool trust, BrenierNewtonReason *reason)
{
  PetscFunctionBegin;
  s->trusts = (PetscBool)(trust && BrenierDualKeepsLists(s->dual));
  PetscCall(BrenierDualTrustLists(s->dual, trust));
  PetscCall(Evaluate(s, s->h, s->mass, &s->value));
  if (!s->trusts) PetscCall(Certify(s));
  PetscCall(Report(s));
  PetscCall(Finished(s, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LookAgain(Newton *s, BrenierNewtonReason *reason)
{
  PetscFunctionBegin;
  PetscCall(Look(s, PETSC_FALSE, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Trusts lists in the first iterations. An energy from trusted lists is too low where they miss planes: no step could be
   compared with it once lists are mended. */
static PetscErrorCode ChooseTrust(Newton *s, BrenierNewtonReason *reason)
{
  const PetscBool trust = (PetscBool)(s->now.iteration < brenier_trusting_iterations && !s->distrusts);

  PetscFunctionBegin;
  if (s->trusts && !trust) PetscCall(LookAgain(s, reason));
  s->trusts = (PetscBool)(trust && BrenierDualKeepsLists(s->dual));
  PetscCall(BrenierDualTrustLists(s->dual, trust));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same when no damping gave descent: perhaps trusted lists are all that stood in the way. */
static PetscErrorCode Reconsider(Newton *s, BrenierNewtonReason *reason)
{
  PetscFunctionBegin;
  if (*reason >= 0) s->again = PETSC_FALSE;
  if (*reason != BRENIER_NEWTON_STALLED || !s->trusts || s->again) PetscFunctionReturn(PETSC_SUCCESS);
  s->again       = PETSC_TRUE;
  s->now.damping = s->options->damping;
  PetscCall(LookAgain(s, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What must hold at the end besides the residual: the evaluation, with lists mended, and, once, that the few empty cells left
   were given their chance. Takes the reason back when there is more to do. */
static PetscErrorCode Tidy(Newton *s, PetscBool *tidied, BrenierNewtonReason *reason)
{
  const PetscBool rough = (PetscBool)(s->options->l1_part > 0.0);
  PetscBool       certified;

  PetscFunctionBegin;
  PetscCall(IsCertified(s, &certified));
  if (s->options->certify || !certified) PetscCall(LookAgain(s, reason));
  if (*reason && (rough || *tidied || s->value.n_empty == 0)) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->value.n_empty > 0) {
    *tidied = PETSC_TRUE;
    PetscCall(LiftEmpty(s));
    PetscCall(Report(s));
    PetscCall(Finished(s, reason));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A failure leaves heights that are certified, too. */
static PetscErrorCode Settle(Newton *s, BrenierNewtonReason *reason)
{
  const BrenierNewtonReason failure = *reason;
  PetscBool                 certified;

  PetscFunctionBegin;
  PetscCall(IsCertified(s, &certified));
  if (certified) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(LookAgain(s, reason));
  if (*reason <= 0) *reason = failure;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Looks at the start and lifts what is empty there, but for a few. */
static PetscErrorCode Begin(Newton *s, BrenierNewtonReason *reason)
{
  PetscBool wait;

  PetscFunctionBegin;
  PetscCall(Look(s, s->options->trusts, reason));
  PetscCall(CanWait(s, &wait));
  if (!*reason && !wait) PetscCall(LiftEmpty(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes up an earlier state. Its last evaluation left lists in which nothing is missing or which were trusted, so one that
   trusts them gives the same. */
static PetscErrorCode Resume(Newton *s, PetscBool *tidied, BrenierNewtonReason *reason)
{
  const BrenierNewtonState *state = s->options->resume;

  PetscFunctionBegin;
  s->trusts = (PetscBool)(BrenierDualKeepsLists(s->dual) && state->now.iteration > 0.0 &&
                          state->now.iteration <= brenier_trusting_iterations && !state->distrusts);
  PetscCall(BrenierDualTrustLists(s->dual, PETSC_TRUE));
  PetscCall(BrenierDualRepeats(s->dual, PETSC_TRUE));
  PetscCall(BrenierDualEvaluate(s->dual, s->h, s->mass, &s->value));
  PetscCall(BrenierDualRepeats(s->dual, PETSC_FALSE));
  s->now       = state->now;
  s->length    = state->length;
  s->distrusts = state->distrusts;
  if (state->certified) {
    PetscCall(VecCopy(state->certified, s->certified));
    s->certified_energy = state->energy;
  }
  s->start -= state->now.seconds;
  *tidied = state->tidied;
  *reason = state->reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SafePoint(Newton *s, PetscBool tidied, BrenierNewtonReason reason)
{
  const PetscBool          has   = (PetscBool)(s->certified_energy < PETSC_INFINITY);
  const BrenierNewtonState state = {.now       = s->now,
                                    .length    = s->length,
                                    .energy    = has ? s->certified_energy : 0.0,
                                    .certified = has ? s->certified : NULL,
                                    .tidied    = tidied,
                                    .distrusts = s->distrusts,
                                    .reason    = reason};

  PetscFunctionBegin;
  if (s->options->safe_point) PetscCall(s->options->safe_point(s->options->context, &state));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options, Vec h,
                             BrenierIteration *last, BrenierNewtonReason *reason)
{
  Newton    s;
  PetscBool tidied = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(CreateNewton(dual, targets, options, h, &s));
  if (options->resume) PetscCall(Resume(&s, &tidied, reason));
  else PetscCall(Begin(&s, reason));
  PetscCall(SafePoint(&s, tidied, *reason));
  while (!*reason) {
    PetscCall(ChooseTrust(&s, reason));
    if (!*reason) {
      PetscCall(Iterate(&s, reason));
      PetscCall(Report(&s));
      PetscCall(Reconsider(&s, reason));
    }
    if (!*reason) PetscCall(Finished(&s, reason));
    if (*reason > 0) PetscCall(Tidy(&s, &tidied, reason));
    if (*reason < 0) PetscCall(Settle(&s, reason));
    PetscCall(SafePoint(&s, tidied, *reason));
  }
  PetscCall(BrenierDualTrustLists(dual, PETSC_FALSE));
  PetscCall(BrenierTargetsGauge(targets, h));
  *last = s.now;
  PetscCall(DestroyNewton(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewtonUseOptions(void)
{
  const PetscInt n = 4;
  KSP            ksp;
  Mat            a;
  Vec            x, b;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_SELF, n, n, n, n, 1, NULL, 0, NULL, &a));
  for (PetscInt i = 0; i < n; ++i) PetscCall(MatSetValue(a, i, i, 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(a, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(a, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(a, &x, &b));
  PetscCall(VecSet(b, 1.0));
  PetscCall(CreateKsp(PETSC_COMM_SELF, 0.1, &ksp));
  PetscCall(KSPSetOperators(ksp, a, a));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&a));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}
