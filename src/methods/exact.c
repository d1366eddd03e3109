/*
  exact.c - Implements exact.h: damped Newton on exact masses, with a residual for powers of the mass.

  One iteration solves H p = r and sets h <- h + t p, where t is the first of 1, 1/2, 1/4, ... for which the energy
  falls by a twentieth of its slope (Armijo). Where rounding hides the difference of the energies, the slope at the new
  point replaces it, as the energy is convex. Energy and masses are exact, so the energy never rises and the present
  heights are always the best ones.

  The mass of a cell about to vanish is a power of its height, w ~ (h - h_0)^d, with 1/2 for d on the circle. So a cell
  that is too heavy gets the residual of Newton's method for w^(1/d),
    r = d w ((nu / w)^(1/d) - 1),
  which is exact for that law: one step reaches a tenth of the weight, or a billionth of it. The mass of a cell that is
  too light grows like an exponential; it gets r = w log(nu / w). Neither residual sums to that of nu - w over a
  neighbourhood, and H^(-1) amplifies the difference over many cells. So in each cluster of some eight neighbours
  (tree.h) the larger of the positive and the negative part is scaled down until r sums to nu - w of the cluster.
  Without it, 10^5 targets with weights over three decades made steps of t = 1/30 from the first on. Near the solution
  all residuals agree to second order.

  A step may leave cells empty. They are lifted to a part of their weight (laguerre.h); to less if that raises the
  energy; and in the end to their gap, which never raises it.

  Reference: Kitagawa, Merigot and Thibert, J. Eur. Math. Soc. 21 (2019), for the plain residual and steps that leave no
  cell empty.
*/
#include "exact.h"

#include <brenier/base.h>
#include <brenier/heights.h>

#include "iteration_private.h"
#include "tree.h"

#include <math.h>
#include <petscksp.h>

static const PetscInt  brenier_cluster     = 8;    /* targets of a cluster whose residual is balanced */
static const PetscReal brenier_most_growth = 3.0;  /* of a part of a cluster's residual that is scaled up */
static const PetscReal brenier_least_step  = 1e-4; /* t below which a direction is given up */
/* Mass that a lifted cell is to get, in parts of its weight; the factor by which the part falls if that is too much;
   and its smallest value. */
static const PetscReal brenier_raise_part = 0.5, brenier_raise_factor = 0.2, brenier_raise_least = 1e-3;

/* L1 residual above which a few empty cells are not lifted yet. */
static const PetscReal brenier_rough = 0.01;

/* Largest relative error of a mass that is due to rounding. Below the second number an error that does not halve is,
   too. */
static const PetscReal brenier_exact_error = 1e-11, brenier_rounded_error = 1e-6;

/* Tolerance of the linear solver. Errors that span many cells dominate its norm: with a looser one light cells stay
   wrong by a third in every iteration. An iteration of the solver costs little beside a convex hull. */
static const PetscReal brenier_rtol = 1e-6;

/* Relative shift of the diagonal: makes the matrix definite, and changes nothing else. */
static const PetscReal brenier_shift = 1e-12;

/* Larger shifts, tried in order if no step gives descent. On the circle, cells that touch in one point separate their
   neighbours; this makes a null space, along which steps have no bound. */
static const PetscReal brenier_stiffer[] = {1e-3, 0.1, 10.0};

/* Number of targets from which multigrid is used; with fewer every rank factorises the whole matrix. */
static const PetscInt brenier_multigrid_from = 3000;

typedef struct {
  /* parameters */
  BrenierTargets              targets;
  BrenierLaguerre             laguerre;
  const BrenierNewtonOptions *options;
  PetscReal                   power; /* d: of a vanishing cell */
  PetscBool reuses; /* neighbours of earlier heights; not where a run is to continue to the same bits */
  /* data */
  Vec       h, mass, trial, trial_mass, residual, step, inverse_root;
  Mat       hessian;
  KSP       ksp;
  PetscInt *cluster, n_clusters; /* of this rank's targets, and how many there are over all */
  PetscInt *host;                /* of this rank's empty cells: laguerre.h */
  /* status */
  BrenierLaguerreValue value, trial_value;
  BrenierIteration     now;
  PetscReal            largest; /* |mass - nu| / nu */
  PetscLogDouble       start;
} Exact;

static PetscErrorCode Evaluate(Exact *s, Vec h, Vec mass, BrenierLaguerreValue *value)
{
  PetscFunctionBegin;
  PetscCall(BrenierStopHere(s->targets->comm));
  PetscCall(BrenierLaguerreEvaluate(s->laguerre, h, mass, value));
  ++s->now.evaluations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Residuals of the present masses. */
static PetscErrorCode Measure(Exact *s)
{
  const PetscReal   *nu = s->targets->nu;
  const PetscScalar *m;
  PetscLogDouble     now;

  PetscFunctionBegin;
  s->largest = 0.0;
  PetscCall(VecGetArrayRead(s->mass, &m));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    s->largest = PetscMax(s->largest, PetscAbsReal(m[i] - nu[i]) / nu[i]);
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &s->largest, 1, MPIU_REAL, MPI_MAX, s->targets->comm));
  PetscCall(BrenierIterationResidual_Private(s->targets, s->mass, &s->now));
  PetscCall(PetscTime(&now));
  s->now.energy     = s->value.energy;
  s->now.empty      = (PetscReal)s->value.n_empty;
  s->now.candidates = 2.0 * (PetscReal)s->value.n_facets / (PetscReal)s->targets->n;
  s->now.seconds    = now - s->start;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes the trial as the new iterate. */
static PetscErrorCode Accept(Exact *s)
{
  PetscFunctionBegin;
  PetscCall(BrenierHeightsCopy(s->trial, s->h));
  PetscCall(VecCopy(s->trial_mass, s->mass));
  s->value = s->trial_value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates h + t step. */
static PetscErrorCode Try(Exact *s, PetscReal t)
{
  PetscFunctionBegin;
  PetscCall(BrenierHeightsCopy(s->h, s->trial));
  PetscCall(BrenierHeightsAdd(s->trial, t, s->step));
  PetscCall(Evaluate(s, s->trial, s->trial_mass, &s->trial_value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lifts the empty cells at the heights evaluated last: to their gaps, and beyond as far as fewer cells are empty and
   the energy does not rise. *touches: only to the gaps. */
static PetscErrorCode LiftOnce(Exact *s, PetscBool *touches)
{
  PetscInt64 n_empty;
  PetscBool  good = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreLift(s->laguerre, s->mass, brenier_raise_part, s->residual, s->step, s->host, &n_empty));
  PetscCall(BrenierHeightsAdd(s->h, 1.0, s->residual));
  for (PetscReal t = 1.0; !good; t = t > brenier_raise_least ? brenier_raise_factor * t : 0.0) {
    PetscCall(Try(s, t));
    *touches = (PetscBool)(t == 0.0);
    good     = (PetscBool)(*touches || (s->trial_value.sound && s->trial_value.energy <= s->value.energy &&
                                    s->trial_value.n_empty < n_empty));
  }
  PetscCall(Accept(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lifts the empty cells by their gaps alone: no cell changes, and the energy falls by sum nu gap. */
static PetscErrorCode Touch(Exact *s)
{
  const BrenierTargets t = s->targets;
  const PetscScalar   *g;
  PetscReal           *term, fall;
  PetscInt64           n_empty;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreLift(s->laguerre, s->mass, brenier_raise_part, s->residual, s->step, s->host, &n_empty));
  PetscCall(BrenierHeightsAdd(s->h, 1.0, s->residual));
  PetscCall(PetscMalloc1(t->n_local, &term));
  PetscCall(VecGetArrayRead(s->residual, &g));
  for (PetscInt i = 0; i < t->n_local; ++i) term[i] = t->nu[i] * g[i];
  PetscCall(VecRestoreArrayRead(s->residual, &g));
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &fall));
  PetscCall(PetscFree(term));
  s->value.energy -= fall;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of a safe point are used as they are: empty cells touch u already, and only their hosts are searched. */
static PetscErrorCode FindHosts(Exact *s)
{
  PetscInt64 n_empty;

  PetscFunctionBegin;
  if (s->value.n_empty > 0)
    PetscCall(BrenierLaguerreLift(s->laguerre, s->mass, brenier_raise_part, s->residual, s->step, s->host, &n_empty));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Leaves no cell empty, or has those that stay so touch u, each with a host to move along with: while much is wrong,
   one round of raising will do. */
static PetscErrorCode Lift(Exact *s)
{
  PetscBool touches = PETSC_FALSE;

  PetscFunctionBegin;
  while (s->value.n_empty > 0 && !touches) {
    PetscCall(LiftOnce(s, &touches));
    if (touches || s->now.l1 <= brenier_rough || s->value.n_empty == 0) continue;
    PetscCall(Touch(s));
    touches = PETSC_TRUE;
    // A run that is continued begins with these heights; a hull that has the touching targets rounds in its own way
    if (!s->options->certify) continue;
    PetscCall(Evaluate(s, s->h, s->mass, &s->value));
    PetscCall(FindHosts(s));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Empty cells move with their hosts. */
static PetscErrorCode FollowHosts(Exact *s)
{
  VecScatter         scatter;
  const PetscScalar *all;
  PetscScalar       *p;
  Vec                copy;

  PetscFunctionBegin;
  if (s->value.n_empty == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecScatterCreateToAll(s->step, &scatter, &copy));
  PetscCall(VecScatterBegin(scatter, s->step, copy, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, s->step, copy, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(copy, &all));
  PetscCall(VecGetArray(s->step, &p));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    if (s->host[i] >= 0) p[i] = all[s->host[i]];
  PetscCall(VecRestoreArray(s->step, &p));
  PetscCall(VecRestoreArrayRead(copy, &all));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&copy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Residual(PetscReal w, PetscReal nu, PetscReal power)
{
  if (!(w > 0.0)) return 0.0;
  return w > nu ? power * w * (PetscPowReal(nu / w, 1.0 / power) - 1.0) : w * log(nu / w);
}

/* Factors of the positive and the negative part of the residual of a cluster, whose sums are up and down, so that it
   sums to nu - w of the cluster. The larger part shrinks; if that is not enough, the other one grows, up to a bound. */
static void Balance(PetscReal up, PetscReal down, PetscReal wanted, PetscReal scale[2])
{
  scale[0] = scale[1] = 1.0;
  if (up > down + wanted) {
    scale[0] = PetscMax(down + wanted, 0.0) / up;
    if (down + wanted < 0.0 && down > 0.0) scale[1] = PetscMin(-wanted / down, brenier_most_growth);
  } else if (down > 0.0) {
    scale[1] = PetscMax(up - wanted, 0.0) / down;
    if (up < wanted && up > 0.0) scale[0] = PetscMin(wanted / up, brenier_most_growth);
  }
}

/* Takes a part of its mass off each residual, so that all sum to zero: H has no other range. Empty cells have none. */
static PetscErrorCode BalanceAll(BrenierTargets t, PetscScalar r[], const PetscScalar m[])
{
  PetscReal sum[2] = {0.0, 0.0}; /* of residuals and of masses */

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n_local; ++i) {
    if (!(m[i] > 0.0)) r[i] = 0.0;
    sum[0] += r[i];
    sum[1] += m[i];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPIU_REAL, MPI_SUM, t->comm));
  for (PetscInt i = 0; i < t->n_local; ++i) r[i] -= m[i] * sum[0] / sum[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r, or the plain nu - w, which always points down. */
static PetscErrorCode SetResidual(Exact *s, PetscBool plain)
{
  const PetscInt     n  = s->targets->n_local;
  const PetscReal   *nu = s->targets->nu;
  const PetscScalar *m;
  PetscScalar       *r;
  PetscReal         *sum, scale[2]; /* of each cluster: up, down, nu - w */

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(3 * (size_t)s->n_clusters, &sum));
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArrayWrite(s->residual, &r));
  for (PetscInt i = 0; i < n; ++i) {
    PetscReal *of = sum + 3 * (size_t)s->cluster[i];

    r[i] = plain ? nu[i] - m[i] : Residual(m[i], nu[i], s->power);
    of[0] += PetscMax(r[i], 0.0);
    of[1] += PetscMax(-r[i], 0.0);
    of[2] += nu[i] - m[i];
  }
  PetscCallMPI(
      MPI_Allreduce(MPI_IN_PLACE, sum, (PetscMPIInt)(3 * s->n_clusters), MPIU_REAL, MPI_SUM, s->targets->comm));
  for (PetscInt i = 0; i < n && !plain; ++i) {
    const PetscReal *of = sum + 3 * (size_t)s->cluster[i];

    Balance(of[0], of[1], of[2], scale);
    r[i] *= r[i] > 0.0 ? scale[0] : scale[1];
  }
  PetscCall(BalanceAll(s->targets, r, m));
  PetscCall(VecRestoreArrayWrite(s->residual, &r));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(PetscFree(sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of few targets D^(-1/2) H D^(-1/2), D the diagonal of H, for the factorisation: as light as cells may be, rows are of
   one size. Multigrid wants H, whose smooth vectors are about constant. A shift makes either definite; empty cells have
   a row of their own. */
static PetscErrorCode SetHessian(Exact *s)
{
  const PetscBool scaled = (PetscBool)(s->targets->n < brenier_multigrid_from);
  PetscScalar    *d, *v;
  Vec             diagonal;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&s->hessian));
  PetscCall(BrenierLaguerreHessian(s->laguerre, &s->hessian));
  PetscCall(VecDuplicate(s->h, &diagonal));
  PetscCall(MatGetDiagonal(s->hessian, diagonal));
  PetscCall(VecGetArray(diagonal, &d));
  PetscCall(VecGetArray(s->inverse_root, &v));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    d[i] = d[i] > 0.0 ? d[i] * (1.0 + brenier_shift) : 1.0;
    v[i] = scaled ? 1.0 / PetscSqrtReal(d[i]) : 1.0;
  }
  PetscCall(VecRestoreArray(s->inverse_root, &v));
  PetscCall(VecRestoreArray(diagonal, &d));
  PetscCall(MatDiagonalSet(s->hessian, diagonal, INSERT_VALUES));
  PetscCall(VecDestroy(&diagonal));
  if (scaled) PetscCall(MatDiagonalScale(s->hessian, s->inverse_root, s->inverse_root));
  PetscCall(KSPSetOperators(s->ksp, s->hessian, s->hessian));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds a part of its diagonal to the present matrix; the trials have moved the cells. */
static PetscErrorCode Stiffen(Exact *s, PetscReal part)
{
  Vec diagonal;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->h, &diagonal));
  PetscCall(MatGetDiagonal(s->hessian, diagonal));
  PetscCall(VecScale(diagonal, 1.0 + part));
  PetscCall(MatDiagonalSet(s->hessian, diagonal, INSERT_VALUES));
  PetscCall(VecDestroy(&diagonal));
  PetscCall(KSPSetOperators(s->ksp, s->hessian, s->hessian));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveStep(Exact *s, PetscBool *solved)
{
  KSPConvergedReason reason;
  PetscInt           iterations;

  PetscFunctionBegin;
  PetscCall(VecPointwiseMult(s->residual, s->residual, s->inverse_root));
  PetscCall(KSPSolve(s->ksp, s->residual, s->step));
  PetscCall(VecPointwiseMult(s->step, s->step, s->inverse_root));
  PetscCall(KSPGetConvergedReason(s->ksp, &reason));
  PetscCall(KSPGetIterationNumber(s->ksp, &iterations));
  PetscCall(FollowHosts(s));
  PetscCall(BrenierTargetsGauge(s->targets, s->step));
  s->now.linear_iterations = (PetscReal)iterations;
  *solved                  = (PetscBool)(reason > 0 || reason == KSP_DIVERGED_ITS);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Tries h + t step, t falling. */
static PetscErrorCode Search(Exact *s, PetscBool *good)
{
  PetscReal slope, left;

  PetscFunctionBegin;
  *good = PETSC_FALSE;
  PetscCall(BrenierIterationSlope_Private(s->targets, s->mass, s->step, &slope));
  if (!(slope > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscReal t = 1.0; !*good && t >= brenier_least_step; t *= 0.5) {
    PetscCall(Try(s, t));
    PetscCall(BrenierIterationSlope_Private(s->targets, s->trial_mass, s->step, &left));
    *good          = (PetscBool)(s->trial_value.sound &&
                        BrenierIterationFalls_Private(s->value.energy, s->trial_value.energy, t * slope, t * left));
    s->now.damping = t;
  }
  if (!*good) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecNorm(s->step, NORM_INFINITY, &s->now.step));
  s->now.step *= s->now.damping;
  PetscCall(Accept(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A step with the present matrix. */
static PetscErrorCode Step(Exact *s, PetscBool *solved, PetscBool *good)
{
  PetscFunctionBegin;
  for (int plain = 0; plain < 2 && !*good; ++plain) {
    PetscCall(SetResidual(s, (PetscBool)plain));
    PetscCall(SolveStep(s, solved));
    if (*solved) PetscCall(Search(s, good));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Iterate(Exact *s, BrenierReason *reason)
{
  const size_t n      = s->largest > brenier_rounded_error ? sizeof brenier_stiffer / sizeof brenier_stiffer[0] : 0;
  PetscBool    solved = PETSC_FALSE, good = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(SetHessian(s));
  PetscCall(Step(s, &solved, &good));
  for (size_t k = 0; k < n && !good; ++k) {
    PetscCall(Stiffen(s, brenier_stiffer[k]));
    PetscCall(Step(s, &solved, &good));
  }
  if (!good) {
    *reason = solved ? BRENIER_REASON_STALLED : BRENIER_REASON_LINEAR;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Lift(s));
  ++s->now.iteration;
  if (!s->value.sound) *reason = BRENIER_REASON_UNSOUND;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the present heights have converged; `before` is the largest error one iteration earlier. */
static BrenierReason Finished(const Exact *s, PetscReal before)
{
  const BrenierConvergence *o = &s->options->convergence;

  if (s->largest <= brenier_exact_error) return BRENIER_REASON_ROUNDING;
  if (s->largest <= brenier_rounded_error && s->largest > 0.5 * before) return BRENIER_REASON_ROUNDING;
  if (s->now.l1 <= o->residual) return BRENIER_REASON_RESIDUAL;
  if (s->now.l1 <= o->l1_part && s->value.n_empty == 0) return BRENIER_REASON_RESIDUAL;
  if (s->now.iteration >= (PetscReal)o->max_it) return BRENIER_REASON_MAX_IT;
  return (BrenierReason)0;
}

/* Reports an iteration, and saves it: the heights, and what Finished() needs of the iteration before. */
static PetscErrorCode Report(Exact *s, PetscReal before)
{
  BrenierNewtonState state = {.error = before};

  PetscFunctionBegin;
  PetscCall(Measure(s));
  state.now = s->now;
  if (s->options->monitor) PetscCall(s->options->monitor(s->options->context, &s->now));
  if (s->options->safe_point) PetscCall(s->options->safe_point(s->options->context, &state));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Continues from an iteration that was reported already; its masses were computed again. */
static PetscErrorCode Resume(Exact *s, PetscReal *before)
{
  const BrenierNewtonState *state = s->options->resume;

  PetscFunctionBegin;
  PetscCall(FindHosts(s));
  PetscCall(Measure(s));
  s->now = state->now;
  s->start -= state->now.seconds;
  if (state->error > 0.0) *before = state->error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Convergence with the neighbours of earlier heights has to be confirmed with a convex hull at the present ones. */
static PetscErrorCode Certify(Exact *s, PetscReal before, BrenierReason *reason)
{
  PetscFunctionBegin;
  if (!s->reuses) PetscFunctionReturn(PETSC_SUCCESS);
  BrenierLaguerreReuse(s->laguerre, PETSC_FALSE);
  PetscCall(Evaluate(s, s->h, s->mass, &s->value));
  BrenierLaguerreReuse(s->laguerre, PETSC_TRUE);
  if (!s->value.sound) *reason = BRENIER_REASON_UNSOUND;
  else {
    PetscCall(Measure(s));
    *reason = Finished(s, before);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Exact *s, BrenierReason *reason)
{
  PetscReal before = PETSC_MAX_REAL;

  PetscFunctionBegin;
  PetscCall(Evaluate(s, s->h, s->mass, &s->value));
  if (!s->value.sound) {
    *reason = BRENIER_REASON_UNSOUND;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (s->options->resume) PetscCall(Resume(s, &before));
  else {
    PetscCall(Lift(s));
    PetscCall(Report(s, before));
  }
  *reason = s->value.sound ? Finished(s, before) : BRENIER_REASON_UNSOUND;
  while (!*reason) {
    before = s->largest;
    PetscCall(Iterate(s, reason));
    if (*reason) break;
    PetscCall(Report(s, before));
    *reason = Finished(s, before);
    if (*reason > 0) PetscCall(Certify(s, before, reason));
  }
  // No step goes down from where rounding is all that is left
  if ((*reason == BRENIER_REASON_STALLED || *reason == BRENIER_REASON_LINEAR) && s->largest <= brenier_rounded_error)
    *reason = BRENIER_REASON_ROUNDING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Multigrid whose setup is cheap: a Laplacian of cells has some 7 (plane) or 16 (space) entries a row, and each matrix
   is solved with once. Classical coarsening and interpolation take 1.6 times as long for as many iterations. What the
   user set stays. */
static PetscErrorCode ReadOptions(KSP ksp)
{
  static const char *const option[][2] = {{"-pc_hypre_boomeramg_coarsen_type", "HMIS"},
                                          {"-pc_hypre_boomeramg_interp_type", "ext+i"},
                                          {"-pc_hypre_boomeramg_P_max", "4"}};
  enum { N_OPTIONS = sizeof option / sizeof option[0] };
  PetscBool given[N_OPTIONS];

  PetscFunctionBegin;
  for (int i = 0; i < N_OPTIONS; ++i) {
    PetscCall(PetscOptionsHasName(NULL, NULL, option[i][0], &given[i]));
    if (!given[i]) PetscCall(PetscOptionsSetValue(NULL, option[i][0], option[i][1]));
  }
  PetscCall(KSPSetFromOptions(ksp));
  for (int i = 0; i < N_OPTIONS; ++i)
    if (!given[i]) PetscCall(PetscOptionsClearValue(NULL, option[i][0]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateKsp(BrenierTargets t, PetscReal rtol, KSP *ksp)
{
  const PetscInt most = 5000;
  PetscBool      has_hypre;
  PC             pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(t->comm, ksp));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetTolerances(*ksp, PetscMin(rtol, brenier_rtol), 0.0, PETSC_DEFAULT, most));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PetscHasExternalPackage("hypre", &has_hypre));
  PetscCall(PCSetType(pc, t->n < brenier_multigrid_from ? PCREDUNDANT : has_hypre ? PCHYPRE : PCGAMG));
  PetscCall(ReadOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactNewton_Private(BrenierTargets t, BrenierLaguerre laguerre,
                                          const BrenierNewtonOptions *options, Vec h, Vec mass, BrenierIteration *last,
                                          BrenierReason *reason)
{
  Exact          s      = {.targets = t, .laguerre = laguerre, .options = options, .h = h, .mass = mass};
  Vec           *work[] = {&s.trial, &s.trial_mass, &s.residual, &s.step, &s.inverse_root};
  PetscErrorCode ierr;
  Vec            low;

  PetscFunctionBegin;
  s.power  = BrenierLaguerrePower(laguerre);
  s.now.l1 = 2.0;
  s.reuses = (PetscBool)!options->certify;
  BrenierLaguerreReuse(laguerre, s.reuses);
  PetscCall(PetscTime(&s.start));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(BrenierTargetsCreateVec(t, work[i]));
  PetscCall(BrenierHeightsLow(h, &low));
  if (!low) PetscCall(BrenierHeightsExtend(h));
  PetscCall(PetscMalloc2(t->n_local, &s.host, t->n_local, &s.cluster));
  PetscCall(BrenierTreeClusters_Private(t, PetscMax(t->n / brenier_cluster, 1), s.cluster, &s.n_clusters));
  PetscCall(CreateKsp(t, options->linear_rtol, &s.ksp));
  ierr = Run(&s, reason);
  if (ierr != BRENIER_STOPPED) PetscCall(ierr);
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscCall(PetscFree2(s.host, s.cluster));
  PetscCall(MatDestroy(&s.hessian));
  PetscCall(KSPDestroy(&s.ksp));
  PetscCall(BrenierTargetsGauge(t, h));
  *last = s.now;
  PetscFunctionReturn(ierr);
}
