/* minimise.c - Implements minimise.h. */
#include <brenier/base.h>
#include <brenier/minimise.h>

#include "iteration_private.h"

#include <math.h>
#include <petsctao.h>

static const PetscReal brenier_diagonal_floor = 0.02; /* of the geometric mean of the diagonal */

/* The trust region takes changes of its objective below 1e-6 for rounding. In units of the height scale, rounding is
   far below: with the objective this many times as large, the threshold is near it. Quasi-Newton and conjugate
   gradients guess their first step from the size of the gradient, which must be rho. */
static const PetscReal brenier_region_factor = 1e6;

/* Trial points turned down in a row: the trust region has shrunk to nothing by then. */
static const PetscInt brenier_most_rejected = 30;

/* State of a minimisation; vectors are laid out as the targets. */
typedef struct {
  /* parameters */
  BrenierDual                 dual;
  BrenierTargets              targets;
  const BrenierNewtonOptions *options;
  PetscReal                   factor;                /* of TAO's objective */
  PetscReal                   height_scale, energy0; /* its unit and its zero */
  /* data */
  Vec root;     /* sqrt(nu): the null space */
  Vec z;        /* variables of the last evaluation */
  Vec accepted; /* those of the last iteration reported */
  Vec h, mass;  /* heights and masses of the last evaluation */
  Vec report;   /* heights of the last iteration reported */
  Mat hessian;
  Tao tao;
  /* status */
  BrenierDualValue value; /* of the last evaluation */
  BrenierIteration now;
  BrenierReason    reason;
  PetscInt         rejected; /* trial points in a row */
  PetscInt         linear;   /* iterations of the linear solver up to the last iteration reported */
  PetscLogDouble   start;
} Minimise;

static PetscErrorCode Evaluate(Minimise *s)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualEvaluate(s->dual, s->h, s->mass, &s->value));
  ++s->now.evaluations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of variables z, gauged. */
static PetscErrorCode SetHeights(Minimise *s, Vec z, Vec h)
{
  PetscFunctionBegin;
  PetscCall(VecPointwiseDivide(h, z, s->root));
  PetscCall(VecScale(h, s->height_scale));
  PetscCall(BrenierTargetsGauge(s->targets, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes the last evaluation that of z, unless it is already. */
static PetscErrorCode EvaluateAt(Minimise *s, Vec z)
{
  PetscBool same;

  PetscFunctionBegin;
  PetscCall(VecEqual(z, s->z, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(z, s->z));
  PetscCall(SetHeights(s, z, s->h));
  PetscCall(Evaluate(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(Tao tao, Vec z, PetscReal *f, Vec gradient, void *context)
{
  Minimise          *s = context;
  const PetscScalar *m;
  PetscScalar       *g;

  PetscFunctionBegin;
  (void)tao;
  PetscCall(EvaluateAt(s, z));
  *f = s->factor * (s->value.energy - s->energy0) / s->height_scale;
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArrayWrite(gradient, &g));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    g[i] = s->factor * (m[i] - s->targets->nu[i]) / PetscSqrtReal(s->targets->nu[i]);
  PetscCall(VecRestoreArrayWrite(gradient, &g));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Geometric mean of the positive entries of a diagonal, each with a weight; 0 when there is none. */
static PetscErrorCode GeometricMean(BrenierTargets t, const PetscReal x[], const PetscReal weight[], PetscReal *mean)
{
  const PetscInt n = t->n_local;
  PetscReal     *term, sum[2];

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(2 * (size_t)n, &term));
  for (PetscInt i = 0; i < n; ++i)
    if (x[i] > 0.0) {
      term[i]     = weight[i] * log(x[i]);
      term[n + i] = weight[i];
    }
  PetscCall(BrenierExactSum(t->comm, n, 2, term, sum));
  PetscCall(PetscFree(term));
  *mean = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The unit of heights: see minimise.h. */
static PetscErrorCode SetHeightScale(Minimise *s)
{
  const PetscScalar *m;
  PetscScalar       *d;
  Mat                hessian;
  Vec                diagonal;

  PetscFunctionBegin;
  PetscCall(BrenierDualHessian(s->dual, 1, &hessian));
  PetscCall(VecDuplicate(s->mass, &diagonal));
  PetscCall(MatGetDiagonal(hessian, diagonal));
  PetscCall(VecGetArrayRead(s->mass, &m));
  PetscCall(VecGetArray(diagonal, &d));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) d[i] = d[i] > 0.0 ? m[i] / d[i] : 0.0;
  PetscCall(GeometricMean(s->targets, d, m, &s->height_scale));
  PetscCall(VecRestoreArray(diagonal, &d));
  PetscCall(VecRestoreArrayRead(s->mass, &m));
  PetscCall(VecDestroy(&diagonal));
  PetscCall(MatDestroy(&hessian));
  if (!(s->height_scale > 0.0)) s->height_scale = s->targets->unit; // one cell has all the mass: no crossings
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the damping to the diagonal, with a floor for the rows of empty cells: see minimise.h. */
static PetscErrorCode DampHessian(Minimise *s)
{
  const PetscInt n = s->targets->n_local;
  PetscScalar   *b;
  PetscReal     *one, mean;
  Vec            base;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(s->z, &base));
  PetscCall(MatGetDiagonal(s->hessian, base));
  PetscCall(PetscMalloc1(n, &one));
  for (PetscInt i = 0; i < n; ++i) one[i] = 1.0;
  PetscCall(VecGetArray(base, &b));
  PetscCall(GeometricMean(s->targets, b, one, &mean));
  if (!(mean > 0.0)) mean = s->factor;
  for (PetscInt i = 0; i < n; ++i) b[i] = PetscMax(b[i], brenier_diagonal_floor * mean);
  PetscCall(VecRestoreArray(base, &b));
  PetscCall(VecScale(base, s->options->damping));
  PetscCall(MatDiagonalSet(s->hessian, base, ADD_VALUES));
  PetscCall(PetscFree(one));
  PetscCall(VecDestroy(&base));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* TAO keeps one matrix, but its nonzero pattern changes with the cells that touch: its contents are replaced. */
static PetscErrorCode ReplaceHessian(Minimise *s)
{
  MatNullSpace constants;
  Mat          fresh;
  Vec          inverse;

  PetscFunctionBegin;
  PetscCall(BrenierDualHessian(s->dual, 1, &fresh));
  PetscCall(VecDuplicate(s->root, &inverse));
  PetscCall(VecCopy(s->root, inverse));
  PetscCall(VecReciprocal(inverse));
  PetscCall(MatDiagonalScale(fresh, inverse, inverse));
  PetscCall(MatScale(fresh, s->factor * s->height_scale));
  PetscCall(VecDestroy(&inverse));
  PetscCall(MatSetNearNullSpace(fresh, NULL));
  PetscCall(MatNullSpaceCreate(s->targets->comm, PETSC_FALSE, 1, &s->root, &constants));
  PetscCall(MatSetNullSpace(fresh, s->value.n_empty ? NULL : constants));
  PetscCall(MatNullSpaceDestroy(&constants));
  if (s->hessian) PetscCall(MatHeaderReplace(s->hessian, &fresh));
  else s->hessian = fresh;
  if (s->value.n_empty) PetscCall(DampHessian(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hessian(Tao tao, Vec z, Mat hessian, Mat preconditioner, void *context)
{
  Minimise *s = context;

  PetscFunctionBegin;
  (void)tao, (void)hessian, (void)preconditioner;
  PetscCall(EvaluateAt(s, z));
  PetscCall(ReplaceHessian(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reports the last evaluation to the monitor. */
static PetscErrorCode Report(Minimise *s)
{
  PetscLogDouble now;

  PetscFunctionBegin;
  PetscCall(BrenierIterationMeasure_Private(s->dual, s->targets, &s->value, s->mass, &s->now));
  PetscCall(VecAXPY(s->report, -1.0, s->h));
  PetscCall(VecNorm(s->report, NORM_INFINITY, &s->now.step));
  PetscCall(VecCopy(s->h, s->report));
  PetscCall(PetscTime(&now));
  s->now.seconds = now - s->start;
  if (s->options->monitor) PetscCall(s->options->monitor(s->options->context, &s->now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* TAO asks after every iteration, and after every trial point that `ntr` turns down. */
static PetscErrorCode TestConvergence(Tao tao, void *context)
{
  Minimise *s = context;
  PetscInt  linear;
  PetscBool same;
  Vec       z;

  PetscFunctionBegin;
  PetscCall(TaoGetSolution(tao, &z));
  PetscCall(VecEqual(z, s->accepted, &same));
  if (!same) {
    PetscCall(VecCopy(z, s->accepted));
    PetscCall(EvaluateAt(s, z));
    PetscCall(TaoGetLinearSolveIterations(tao, &linear));
    ++s->now.iteration;
    s->now.linear_iterations = (PetscReal)(linear - s->linear);
    s->linear                = linear;
    s->rejected              = 0;
    PetscCall(Report(s));
    s->reason = BrenierIterationFinished_Private(&s->options->convergence, &s->now, s->value.sampling_l1);
  } else if (++s->rejected > brenier_most_rejected) s->reason = BRENIER_REASON_STALLED;
  if (s->reason) PetscCall(TaoSetConvergedReason(tao, s->reason > 0 ? TAO_CONVERGED_USER : TAO_DIVERGED_USER));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static TaoType TypeOf(BrenierMethod method)
{
  return method == BRENIER_METHOD_LMVM ? TAOLMVM : method == BRENIER_METHOD_CG ? TAOCG : TAONTR;
}

static PetscErrorCode CreateTao(Minimise *s, BrenierMethod method)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBegin;
  PetscCall(TaoCreate(s->targets->comm, &s->tao));
  PetscCall(TaoSetType(s->tao, TypeOf(method)));
  PetscCall(TaoSetObjectiveAndGradient(s->tao, NULL, Objective, s));
  PetscCall(TaoSetConvergenceTest(s->tao, TestConvergence, s));
  PetscCall(TaoSetMaximumIterations(s->tao, PETSC_MAX_INT));
  PetscCall(TaoSetMaximumFunctionEvaluations(s->tao, PETSC_MAX_INT));
  if (method == BRENIER_METHOD_NTR) {
    PetscCall(ReplaceHessian(s));
    PetscCall(TaoSetHessian(s->tao, s->hessian, s->hessian, Hessian, s));
    PetscCall(TaoGetKSP(s->tao, &ksp));
    PetscCall(KSPSetTolerances(ksp, s->options->linear_rtol, 0.0, PETSC_DEFAULT, 2000));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCJACOBI));
  }
  PetscCall(TaoSetFromOptions(s->tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMinimise(BrenierDual dual, BrenierTargets targets, BrenierMethod method,
                                     const BrenierNewtonOptions *options, Vec h, Minimise *s)
{
  Vec         *work[] = {&s->root, &s->z, &s->accepted, &s->h, &s->mass, &s->report};
  PetscScalar *root;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof *s));
  s->dual    = dual;
  s->targets = targets;
  s->options = options;
  s->factor  = method == BRENIER_METHOD_NTR ? brenier_region_factor : 1.0;
  PetscCall(PetscTime(&s->start));
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDuplicate(h, work[i]));
  PetscCall(VecGetArrayWrite(s->root, &root));
  for (PetscInt i = 0; i < targets->n_local; ++i) root[i] = PetscSqrtReal(targets->nu[i]);
  PetscCall(VecRestoreArrayWrite(s->root, &root));
  // A null space wants unit length to rounding, which the weights' sum gives only nearly
  PetscCall(VecNormalize(s->root, NULL));
  PetscCall(VecCopy(h, s->h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyMinimise(Minimise *s)
{
  Vec *work[] = {&s->root, &s->z, &s->accepted, &s->h, &s->mass, &s->report};

  PetscFunctionBegin;
  for (size_t i = 0; i < sizeof work / sizeof work[0]; ++i) PetscCall(VecDestroy(work[i]));
  PetscCall(TaoDestroy(&s->tao));
  PetscCall(MatDestroy(&s->hessian));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates the heights to start from, without empty cells, and the units that follow from them. */
static PetscErrorCode Begin(Minimise *s)
{
  PetscInt64 n_lifted;
  PetscReal *most;

  PetscFunctionBegin;
  PetscCall(Evaluate(s));
  if (s->value.n_empty) {
    PetscCall(PetscMalloc1(s->targets->n_local, &most));
    for (PetscInt i = 0; i < s->targets->n_local; ++i) most[i] = BrenierLiftMost_Private(s->options->height_scale);
    PetscCall(BrenierDualLift(s->dual, s->mass, most, s->h, &n_lifted));
    PetscCall(PetscFree(most));
    PetscCall(Evaluate(s));
  }
  PetscCall(SetHeightScale(s));
  s->energy0 = s->value.energy;
  PetscCall(VecPointwiseMult(s->z, s->h, s->root));
  PetscCall(VecScale(s->z, 1.0 / s->height_scale));
  PetscCall(VecCopy(s->z, s->accepted));
  PetscCall(VecCopy(s->h, s->report));
  PetscCall(Report(s));
  s->reason = BrenierIterationFinished_Private(&s->options->convergence, &s->now, s->value.sampling_l1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs TAO from the start; its variables are a vector of its own, for s->z is the last evaluation's. */
static PetscErrorCode Run(Minimise *s, BrenierMethod method)
{
  Vec z;

  PetscFunctionBegin;
  PetscCall(CreateTao(s, method));
  PetscCall(VecDuplicate(s->z, &z));
  PetscCall(VecCopy(s->z, z));
  PetscCall(TaoSetSolution(s->tao, z));
  PetscCall(TaoSolve(s->tao));
  // TAO ended by itself: its line search found no descent, or its trust region none
  if (!s->reason) s->reason = BRENIER_REASON_STALLED;
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMinimise(BrenierDual dual, BrenierTargets targets, BrenierMethod method,
                               const BrenierNewtonOptions *options, Vec h, BrenierIteration *last,
                               BrenierReason *reason)
{
  Minimise s;

  PetscFunctionBegin;
  PetscCheck(method == BRENIER_METHOD_LMVM || method == BRENIER_METHOD_CG || method == BRENIER_METHOD_NTR,
             targets->comm, PETSC_ERR_ARG_OUTOFRANGE, "method %d is not one of TAO", (int)method);
  PetscCall(CreateMinimise(dual, targets, method, options, h, &s));
  PetscCall(Begin(&s));
  if (!s.reason) PetscCall(Run(&s, method));
  PetscCall(VecCopy(s.report, h));
  PetscCall(BrenierTargetsGauge(targets, h));
  *last   = s.now;
  *reason = s.reason;
  PetscCall(DestroyMinimise(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
