/* nodes.c - Implements nodes.h. */
#include <brenier/base.h>

#include "iteration_private.h"
#include "nodes.h"

#include <math.h>
#include <stdlib.h>

static const PetscReal brenier_node_floor = 0.02;                         /* of weight over height scale */
static const PetscReal brenier_careful    = 0.02;                         /* damping */
static const PetscReal brenier_node_most = 10.0, brenier_node_rise = 2.0; /* height scales */

/* Largest step of a node over its height scale: beyond, the node was nearly empty when its diagonal was computed. */
static const PetscReal brenier_node_step_most = 4.0;

static PetscErrorCode CreateMembers(BrenierStepNodes s)
{
  const BrenierTargets t        = s->targets;
  const PetscInt       n_groups = s->scales->n_nodes - s->scales->n;
  PetscInt             depth    = 1;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < t->n_local; ++i) {
    PetscInt here = 0;

    for (PetscInt g = t->first + i; g >= 0; g = s->scales->parent[g]) ++here;
    depth = PetscMax(depth, here);
  }
  PetscCall(MatCreateAIJ(t->comm, t->n_local, s->n_local, t->n, t->n + n_groups, depth, NULL, depth, NULL, &s->p));
  for (PetscInt i = t->first; i < t->first + t->n_local; ++i)
    for (PetscInt g = i; g >= 0; g = s->scales->parent[g]) PetscCall(MatSetValue(s->p, i, g, 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(s->p, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(s->p, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (P'HP + extra) x, factor by factor: the product of the three has hundreds of entries a row, and took longer than
   the curves. */
static PetscErrorCode Multiply(Mat system, Vec x, Vec y)
{
  BrenierStepNodes s;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(system, &s));
  PetscCall(MatMult(s->p, x, s->members));
  PetscCall(MatMult(s->hessian, s->members, s->pull));
  PetscCall(VecPointwiseMult(y, s->extra, x));
  PetscCall(MatMultTransposeAdd(s->p, s->pull, y, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateSystem(BrenierStepNodes s)
{
  const PetscInt n_all = s->scales->n_nodes;
  MPI_Comm       comm  = s->targets->comm;

  PetscFunctionBegin;
  PetscCall(MatCreateShell(comm, s->n_local, s->n_local, n_all, n_all, s, &s->system));
  PetscCall(MatShellSetOperation(s->system, MATOP_MULT, (void (*)(void))Multiply));
  PetscCall(MatSetOption(s->system, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatCreateAIJ(comm, s->n_local, s->n_local, n_all, n_all, 1, NULL, 0, NULL, &s->preconditioner));
  for (PetscInt i = s->first; i < s->first + s->n_local; ++i)
    PetscCall(MatSetValue(s->preconditioner, i, i, 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(s->preconditioner, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(s->preconditioner, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Diagonal of P'HP, of all nodes on every rank. Rows of H sum to 0, so a node's is what holds its members to all that
   are not: no differences of large numbers. */
static PetscErrorCode SumDiagonal(BrenierTargets t, BrenierScales scales, Mat hessian, PetscReal sum[])
{
  PetscFunctionBegin;
  PetscCall(PetscArrayzero(sum, scales->n_nodes));
  for (PetscInt i = t->first; i < t->first + t->n_local; ++i) {
    const PetscInt    *column;
    const PetscScalar *value;
    PetscInt           n_columns;

    PetscCall(MatGetRow(hessian, i, &n_columns, &column, &value));
    for (PetscInt k = 0; k < n_columns; ++k) {
      PetscInt a = i, b = column[k];

      if (a == b) continue;
      // Groups are numbered after their members: up from the lower one until both are in one group, or in none
      while (a != b) {
        if (b < 0 || (a >= 0 && a < b)) {
          sum[a] -= value[k];
          a = scales->parent[a];
        } else b = scales->parent[b];
      }
    }
    PetscCall(MatRestoreRow(hessian, i, &n_columns, &column, &value));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, (PetscMPIInt)scales->n_nodes, MPIU_REAL, MPI_SUM, t->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int CompareReals(const void *left, const void *right)
{
  const PetscReal l = *(const PetscReal *)left, r = *(const PetscReal *)right;

  return (l > r) - (l < r);
}

/* Sets the median over the nodes of nu / diagonal / apart; leaves it where no diagonal is positive. */
static PetscErrorCode SetHeightScale(BrenierScales scales, const PetscReal diagonal[], PetscReal *height_scale)
{
  PetscReal *ratio;
  PetscInt   n = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(scales->n_nodes, &ratio));
  for (PetscInt i = 0; i < scales->n_nodes; ++i)
    if (diagonal[i] > 0.0) ratio[n++] = scales->nu[i] / (diagonal[i] * scales->apart[i]);
  qsort(ratio, (size_t)n, sizeof *ratio, CompareReals);
  if (n > 0) *height_scale = ratio[n / 2];
  PetscCall(PetscFree(ratio));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets the diagonal, and the height scale that follows from it. */
static PetscErrorCode SetDiagonal(BrenierStepNodes s)
{
  PetscReal   *sum;
  PetscScalar *d;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(s->scales->n_nodes, &sum));
  PetscCall(SumDiagonal(s->targets, s->scales, s->hessian, sum));
  PetscCall(SetHeightScale(s->scales, sum, &s->height_scale));
  PetscCall(VecGetArrayWrite(s->diagonal, &d));
  for (PetscInt i = 0; i < s->n_local; ++i) d[i] = sum[s->first + i];
  PetscCall(VecRestoreArrayWrite(s->diagonal, &d));
  PetscCall(PetscFree(sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStepNodesCreate(BrenierTargets t, BrenierScales scales, PetscReal height_scale,
                                      BrenierStepNodes *nodes)
{
  BrenierStepNodes s;
  PetscMPIInt      rank, size;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  PetscCallMPI(MPI_Comm_rank(t->comm, &rank));
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  s->targets      = t;
  s->scales       = scales;
  s->height_scale = height_scale;
  s->first        = t->first;
  s->n_local      = t->n_local + (rank == size - 1 ? scales->n_nodes - scales->n : 0);
  PetscCall(CreateMembers(s));
  PetscCall(MatCreateVecs(s->p, &s->step, NULL));
  PetscCall(VecDuplicate(s->step, &s->residual));
  PetscCall(VecDuplicate(s->step, &s->base));
  PetscCall(VecDuplicate(s->step, &s->diagonal));
  PetscCall(VecDuplicate(s->step, &s->raise));
  PetscCall(VecDuplicate(s->step, &s->extra));
  PetscCall(VecDuplicate(s->step, &s->work));
  PetscCall(MatCreateVecs(s->p, NULL, &s->members));
  PetscCall(VecDuplicate(s->members, &s->pull));
  PetscCall(CreateSystem(s));
  PetscCall(PetscMalloc2(scales->n_nodes, &s->mass, scales->n_nodes, &s->wanted));
  *nodes = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sums over the members of each set, the last entry for those that are in no group. */
typedef struct {
  PetscReal *up, *down, *nu;
} SetSums;

/* Entry of a node whose set is to sum to `want`: the larger of the two parts is scaled down. Where the sign wanted is
   nowhere, as empty cells have no residual, it goes by weight. */
static PetscReal Share(PetscReal raw, PetscReal nu, PetscReal want, PetscReal up, PetscReal down, PetscReal nu_all)
{
  if (up - down > want) {
    if (want + down >= 0.0) return raw > 0.0 ? raw * (want + down) / up : raw;
    if (down > 0.0) return raw > 0.0 ? 0.0 : raw * -want / down;
  } else {
    if (up - want >= 0.0) return raw < 0.0 ? raw * (up - want) / down : raw;
    if (up > 0.0) return raw < 0.0 ? 0.0 : raw * want / up;
  }
  return want * nu / nu_all;
}

/* Residuals of all nodes by their masses, groups before their members. */
static PetscErrorCode SetWanted(BrenierStepNodes s)
{
  const BrenierScales scales = s->scales;
  const PetscInt      n      = scales->n_nodes;
  SetSums             sum;

  PetscFunctionBegin;
  PetscCall(PetscCalloc3(n + 1, &sum.up, n + 1, &sum.down, n + 1, &sum.nu));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscInt  set = scales->parent[i] >= 0 ? scales->parent[i] : n;
    const PetscReal raw = BrenierResidual_Private(s->mass[i], scales->nu[i]);

    s->wanted[i] = raw;
    sum.up[set] += PetscMax(raw, 0.0);
    sum.down[set] += PetscMax(-raw, 0.0);
    sum.nu[set] += scales->nu[i];
  }
  for (PetscInt i = n; i-- > 0;) {
    const PetscInt  set  = scales->parent[i] >= 0 ? scales->parent[i] : n;
    const PetscReal want = set < n ? s->wanted[set] : 0.0;

    s->wanted[i] = Share(s->wanted[i], scales->nu[i], want, sum.up[set], sum.down[set], sum.nu[set]);
  }
  PetscCall(PetscFree3(sum.up, sum.down, sum.nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal HeightScale(BrenierStepNodes s, PetscInt node)
{
  return s->height_scale * s->scales->apart[node];
}

/* Factor of the height scale of nodes with unreliable crossings: a distance to the nearest target may be far below the
   width of the cell. */
static PetscReal Reach(PetscReal damping)
{
  return PetscMax(1.0, PetscSqrtReal(brenier_careful / damping));
}

PetscErrorCode BrenierStepNodesSet(BrenierStepNodes s, Mat hessian, Vec mass, PetscReal damping, PetscReal few)
{
  PetscScalar *b, *r;
  PetscReal   *add;

  PetscFunctionBegin;
  PetscCall(PetscObjectReference((PetscObject)hessian));
  PetscCall(MatDestroy(&s->hessian));
  s->hessian = hessian;
  PetscCall(BrenierScalesSum(s->scales, mass, s->mass));
  PetscCall(SetWanted(s));
  PetscCall(SetDiagonal(s));
  PetscCall(VecCopy(s->diagonal, s->base));
  PetscCall(VecGetArray(s->base, &b));
  PetscCall(VecGetArray(s->residual, &r));
  PetscCall(VecGetArray(s->raise, &add));
  for (PetscInt i = 0; i < s->n_local; ++i) {
    const PetscInt node = s->first + i;

    r[i]   = s->wanted[node];
    add[i] = s->mass[node] < few ? PetscMax(s->mass[node] / (Reach(damping) * HeightScale(s, node)) - b[i], 0.0) : 0.0;
    b[i]   = PetscMax(b[i] + add[i], brenier_node_floor * s->scales->nu[node] / HeightScale(s, node));
  }
  PetscCall(VecRestoreArray(s->raise, &add));
  PetscCall(VecRestoreArray(s->residual, &r));
  PetscCall(VecRestoreArray(s->base, &b));
  PetscCall(VecAXPY(s->diagonal, 1.0, s->raise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStepNodesSolve(BrenierStepNodes s, KSP ksp, PetscReal damping, PetscReal few, Vec step)
{
  PetscScalar *x;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(s->extra, damping, s->base, s->raise));
  PetscCall(VecWAXPY(s->work, damping, s->base, s->diagonal));
  PetscCall(MatDiagonalSet(s->preconditioner, s->work, INSERT_VALUES));
  PetscCall(KSPSetOperators(ksp, s->system, s->preconditioner));
  PetscCall(KSPSolve(ksp, s->residual, s->step));
  PetscCall(VecGetArray(s->step, &x));
  for (PetscInt i = 0; i < s->n_local; ++i) {
    const PetscReal height_scale = Reach(damping) * HeightScale(s, s->first + i);

    if (s->mass[s->first + i] < few)
      x[i] = PetscMin(PetscMax(x[i], -brenier_node_most * height_scale), brenier_node_rise * height_scale);
  }
  PetscCall(VecRestoreArray(s->step, &x));
  PetscCall(MatMult(s->p, s->step, step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStepNodesLiftMost(BrenierStepNodes s, Vec mass, PetscReal part, PetscReal most[])
{
  PetscFunctionBegin;
  PetscCall(BrenierScalesSum(s->scales, mass, s->mass));
  for (PetscInt i = 0; i < s->targets->n_local; ++i) {
    PetscInt node = s->targets->first + i;

    // What is empty as a whole comes up as a whole
    while (s->scales->parent[node] >= 0 && s->mass[s->scales->parent[node]] == 0.0) node = s->scales->parent[node];
    most[i] = part * HeightScale(s, node);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNodeSteps_Private(BrenierTargets t, BrenierScales scales, Mat hessian, PetscReal node_step[])
{
  PetscReal height_scale = 1.0;

  PetscFunctionBegin;
  PetscCall(SumDiagonal(t, scales, hessian, node_step));
  PetscCall(SetHeightScale(scales, node_step, &height_scale));
  for (PetscInt i = 0; i < scales->n_nodes; ++i) {
    const PetscReal usual = height_scale * scales->apart[i];

    node_step[i] = node_step[i] > 0.0 ? PetscMin(scales->nu[i] / node_step[i], brenier_node_step_most * usual) : usual;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStepNodesDestroy(BrenierStepNodes *nodes)
{
  BrenierStepNodes s = *nodes;

  PetscFunctionBegin;
  if (!s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatDestroy(&s->p));
  PetscCall(MatDestroy(&s->hessian));
  PetscCall(MatDestroy(&s->system));
  PetscCall(MatDestroy(&s->preconditioner));
  PetscCall(VecDestroy(&s->diagonal));
  PetscCall(VecDestroy(&s->raise));
  PetscCall(VecDestroy(&s->extra));
  PetscCall(VecDestroy(&s->work));
  PetscCall(VecDestroy(&s->members));
  PetscCall(VecDestroy(&s->pull));
  PetscCall(VecDestroy(&s->residual));
  PetscCall(VecDestroy(&s->step));
  PetscCall(VecDestroy(&s->base));
  PetscCall(PetscFree2(s->mass, s->wanted));
  PetscCall(PetscFree(*nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}
