/* newton_system.c - Implements newton_system.h and BrenierNewtonUseOptions() of newton.h. */
#include "newton_system.h"

#include <brenier/base.h>

#include "iteration_private.h"

#include <math.h>

static const PetscReal brenier_diagonal_floor = 0.02; /* of the geometric mean of the diagonal */
static const PetscReal brenier_few_pieces     = 16.0; /* of a cell: with fewer its row of the Hessian is unreliable */
static const PetscReal brenier_rise_pieces    = 64.0; /* of a cell: with fewer its growth is unreliable */
static const PetscReal brenier_diagonal_step_factor = 30.0; /* see SetDiagonalStep() */
/* Where targets have scales: height scale over distance before one is computed, and the tolerance of the linear solver,
   whose norm is dominated by the largest scales. */
static const PetscReal brenier_first_node_scale = 0.2, brenier_scales_rtol = 1e-8;

/* r of newton.h. The larger of its positive and negative part is scaled so that r sums to zero. */
static PetscErrorCode SetResidual(BrenierNewtonSystem *s, Vec mass)
{
  const PetscInt     n  = s->targets->n_local;
  const PetscReal   *nu = s->targets->nu;
  const PetscScalar *m;
  PetscScalar       *r;
  PetscReal         *term, sum[2], up, down;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArray(s->residual, &r));
  for (PetscInt i = 0; i < n; ++i) {
    r[i]        = BrenierResidual_Private(m[i], nu[i]);
    term[i]     = PetscMax(r[i], 0.0);
    term[n + i] = PetscMax(-r[i], 0.0);
  }
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, 2, term, sum));
  up   = sum[0] > sum[1] ? sum[1] / sum[0] : 1.0;
  down = sum[1] > sum[0] ? sum[0] / sum[1] : 1.0;
  for (PetscInt i = 0; i < n; ++i) r[i] *= r[i] > 0.0 ? up : down;
  PetscCall(VecRestoreArray(s->residual, &r));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* B of newton.h: the diagonal, at least a part of the geometric mean of its positive entries. */
static PetscErrorCode SetDampingBase(BrenierNewtonSystem *s)
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
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, 2, term, sum));
  least = sum[1] > 0.0 ? brenier_diagonal_floor * PetscExpReal(sum[0] / sum[1]) : 1.0;
  for (PetscInt i = 0; i < n; ++i) b[i] = PetscMax(b[i], least);
  PetscCall(VecRestoreArray(s->base, &b));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Raises H_ii of cells with few pieces to w_i / height scale. Few crossings estimate H_ii badly: an estimate far below
   says that the mass grows e-fold over many height scales, which is a fluctuation of the sample. */
static PetscErrorCode FloorDiagonal(BrenierNewtonSystem *s, Vec mass)
{
  const PetscReal    pieces = (PetscReal)s->n_pieces / (PetscReal)s->stride;
  const PetscScalar *m;
  PetscScalar       *d;
  Vec                add;

  PetscFunctionBegin;
  if (!(s->height_scale > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(mass, &add));
  PetscCall(MatGetDiagonal(s->hessian, add));
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArray(add, &d));
  for (PetscInt i = 0; i < s->targets->n_local; ++i)
    d[i] = m[i] * pieces < brenier_few_pieces ? PetscMax(m[i] / s->height_scale - d[i], 0.0) : 0.0;
  PetscCall(VecRestoreArray(add, &d));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCall(MatDiagonalSet(s->hessian, add, ADD_VALUES));
  PetscCall(VecDestroy(&add));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Diagonal steps nu_i / H_ii, bounded to a factor of their geometric mean s, and s where a cell has no facet. */
static PetscErrorCode SetDiagonalStep(BrenierNewtonSystem *s, Vec diagonal_step)
{
  const PetscInt   n  = s->targets->n_local;
  const PetscReal *nu = s->targets->nu;
  PetscScalar     *a;
  PetscReal       *term, sum[2], mean;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)n, &term));
  PetscCall(MatGetDiagonal(s->hessian, diagonal_step));
  PetscCall(VecGetArray(diagonal_step, &a));
  for (PetscInt i = 0; i < n; ++i) {
    term[i]     = a[i] > 0.0 ? nu[i] * log(nu[i] / a[i]) : 0.0;
    term[n + i] = a[i] > 0.0 ? nu[i] : 0.0;
  }
  PetscCall(BrenierExactSum(s->targets->comm, s->targets->n_local, 2, term, sum));
  mean = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
  if (!s->nodes) s->height_scale = mean;
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal own = s->nodes ? s->height_scale * s->nodes->scales->apart[s->targets->first + i] : mean;

    a[i] = a[i] > 0.0 ? PetscMin(PetscMax(nu[i] / a[i], own / brenier_diagonal_step_factor),
                                 own * brenier_diagonal_step_factor)
                      : own;
  }
  PetscCall(VecRestoreArray(diagonal_step, &a));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewtonSystemAssemble_Private(BrenierNewtonSystem *s, Vec mass, PetscInt64 n_pieces,
                                                   PetscReal damping, Vec diagonal_step)
{
  const PetscInt64 n = BrenierDualCurves(s->dual);
  PetscReal        pieces;

  PetscFunctionBegin;
  s->stride   = s->hessian_curves > 0 ? PetscMax(n / s->hessian_curves, 1) : 1;
  s->n_pieces = n_pieces;
  pieces      = (PetscReal)PetscMax(n_pieces, 1) / (PetscReal)s->stride;
  PetscCall(BrenierDualHessian(s->dual, s->stride, &s->hessian));
  PetscCall(SetDiagonalStep(s, diagonal_step));
  if (s->nodes) {
    PetscCall(BrenierStepNodesSet(s->nodes, s->hessian, mass, damping, brenier_few_pieces / pieces));
    s->height_scale = s->nodes->height_scale;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatDuplicate(s->hessian, MAT_DO_NOT_COPY_VALUES, &s->damped));
  PetscCall(SetResidual(s, mass));
  PetscCall(FloorDiagonal(s, mass));
  PetscCall(SetDampingBase(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewtonSystemRelease_Private(BrenierNewtonSystem *s)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&s->hessian));
  PetscCall(MatDestroy(&s->damped));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierNewtonSystemFewMass_Private(const BrenierNewtonSystem *s)
{
  return brenier_rise_pieces * (PetscReal)s->stride / (PetscReal)PetscMax(s->n_pieces, 1);
}

PetscErrorCode BrenierNewtonSystemSolve_Private(BrenierNewtonSystem *s, PetscReal damping, Vec step,
                                                PetscReal *iterations, PetscBool *solved)
{
  KSPConvergedReason reason;
  PetscInt           n_iterations;

  PetscFunctionBegin;
  if (s->nodes)
    PetscCall(BrenierStepNodesSolve(s->nodes, s->ksp, damping, BrenierNewtonSystemFewMass_Private(s), step));
  else {
    PetscCall(MatCopy(s->hessian, s->damped, SAME_NONZERO_PATTERN));
    PetscCall(VecScale(s->base, damping));
    PetscCall(MatDiagonalSet(s->damped, s->base, ADD_VALUES));
    PetscCall(VecScale(s->base, 1.0 / damping));
    PetscCall(KSPSetOperators(s->ksp, s->damped, s->damped));
    PetscCall(KSPSolve(s->ksp, s->residual, step));
  }
  PetscCall(KSPGetConvergedReason(s->ksp, &reason));
  PetscCall(KSPGetIterationNumber(s->ksp, &n_iterations));
  *iterations = (PetscReal)n_iterations;
  // A step that misses the tolerance can still be tried: the energy decides. A breakdown gives no step
  *solved = (PetscBool)(reason > 0 || reason == KSP_DIVERGED_ITS);
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

PetscErrorCode BrenierNewtonSystemCreate_Private(BrenierDual dual, BrenierTargets targets,
                                                 const BrenierNewtonOptions *options, Vec h, BrenierNewtonSystem *s)
{
  const PetscReal rtol = options->linear_rtol;
  BrenierScales   scales;

  PetscFunctionBegin;
  *s = (BrenierNewtonSystem){.dual           = dual,
                             .targets        = targets,
                             .hessian_curves = options->hessian_curves,
                             .height_scale   = options->height_scale};
  PetscCall(VecDuplicate(h, &s->residual));
  PetscCall(VecDuplicate(h, &s->base));
  PetscCall(BrenierTargetsScales(targets, &scales));
  PetscCall(CreateKsp(targets->comm, scales ? PetscMin(rtol, brenier_scales_rtol) : rtol, &s->ksp));
  if (scales) {
    s->height_scale = options->resume ? options->resume->height_scale : brenier_first_node_scale;
    PetscCall(BrenierStepNodesCreate(targets, scales, s->height_scale, &s->nodes));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNewtonSystemDestroy_Private(BrenierNewtonSystem *s)
{
  PetscFunctionBegin;
  PetscCall(BrenierNewtonSystemRelease_Private(s));
  PetscCall(VecDestroy(&s->residual));
  PetscCall(VecDestroy(&s->base));
  PetscCall(KSPDestroy(&s->ksp));
  PetscCall(BrenierStepNodesDestroy(&s->nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads the options of the multigrid of exact cells (exact.c). */
static PetscErrorCode UseMultigridOptions(void)
{
  KSP       ksp;
  PC        pc;
  PetscBool has_hypre;

  PetscFunctionBegin;
  PetscCall(PetscHasExternalPackage("hypre", &has_hypre));
  PetscCall(KSPCreate(PETSC_COMM_SELF, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, has_hypre ? PCHYPRE : PCGAMG));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPDestroy(&ksp));
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
  PetscCall(UseMultigridOptions());
  PetscFunctionReturn(PETSC_SUCCESS);
}
