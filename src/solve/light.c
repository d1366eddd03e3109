/* light.c - Implements light.h. */
#include <brenier/base.h>
#include <brenier/scales.h>
#include <brenier/sum.h>

#include "light.h"

#include <math.h>

/* Smallest weight in a stage, times its curves: half a circle has some eight pieces. */
static const PetscReal brenier_light_circles = 0.5;

/* A cell that is too heavy costs more than one that is too light, and the slope of few pieces is unreliable. So cells
   are lowered so many e-folds more, by so many diagonal steps each. */
static const PetscReal brenier_light_below = 0.3, brenier_light_fall = 1.5;

/* Smallest weight in a stage of so many curves; 0 where all weights are kept. */
static PetscReal Floor(const Solve *s, PetscInt64 curves)
{
  if (s->options->curves > 0 || BrenierSourceCurveType(s->source) != BRENIER_CURVE_CIRCLE) return 0.0;
  return brenier_light_circles / (PetscReal)curves;
}

/* Sums the present weights of the targets to those of all nodes. */
static PetscErrorCode WeighNodes(BrenierTargets t, BrenierScales scales)
{
  PetscScalar *a;
  Vec          x;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(t, &x));
  PetscCall(VecGetArrayWrite(x, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) a[i] = t->nu[i];
  PetscCall(VecRestoreArrayWrite(x, &a));
  PetscCall(BrenierScalesSum(scales, x, scales->nu));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRaiseLight_Private(Solve *s, PetscInt64 curves, BrenierOwnWeights *own)
{
  const BrenierTargets t     = s->targets;
  const PetscReal      floor = Floor(s, curves);
  PetscReal           *nu, sum;
  PetscInt64           n_light = 0;
  BrenierScales        scales;

  PetscFunctionBegin;
  *own = (BrenierOwnWeights){0};
  for (PetscInt i = 0; i < t->n_local; ++i) n_light += t->nu[i] < floor;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n_light, 1, MPIU_INT64, MPI_SUM, t->comm));
  if (n_light == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierTargetsScales(t, &scales));
  PetscCall(PetscMalloc1(t->n_local, &nu));
  for (PetscInt i = 0; i < t->n_local; ++i) nu[i] = PetscMax(t->nu[i], floor);
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, nu, &sum));
  for (PetscInt i = 0; i < t->n_local; ++i) nu[i] = PetscMax(t->nu[i], floor) / sum;
  own->nu = t->nu;
  t->nu   = nu;
  if (!scales) PetscFunctionReturn(PETSC_SUCCESS);
  own->of_nodes = scales->nu;
  PetscCall(PetscMalloc1(scales->n_nodes, &scales->nu));
  PetscCall(WeighNodes(t, scales));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRestoreLight_Private(Solve *s, BrenierOwnWeights *own)
{
  const BrenierTargets t = s->targets;
  BrenierScales        scales;

  PetscFunctionBegin;
  if (!own->nu) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(t->nu));
  t->nu = own->nu;
  if (own->of_nodes) {
    PetscCall(BrenierTargetsScales(t, &scales));
    PetscCall(PetscFree(scales->nu));
    scales->nu = own->of_nodes;
  }
  *own = (BrenierOwnWeights){0};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Diagonal steps of the targets of this rank, at least the geometric mean over the light cells: a single row of the
   Hessian is unreliable. */
static PetscErrorCode DiagonalSteps(const Solve *s, PetscReal floor, PetscReal step[])
{
  const BrenierTargets t = s->targets;
  const PetscScalar   *diagonal_step;
  PetscReal           *term, sum[2], typical;
  BrenierScales        scales;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsScales(t, &scales));
  PetscCall(PetscMalloc1(2 * (size_t)t->n_local, &term));
  PetscCall(VecGetArrayRead(s->diagonal_step, &diagonal_step));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal unit  = scales ? scales->apart[t->first + i] : 1.0;
    const PetscBool light = (PetscBool)(t->nu[i] < floor && diagonal_step[i] > 0.0);

    term[i]              = light ? log(diagonal_step[i] / unit) : 0.0;
    term[t->n_local + i] = light;
  }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 2, term, sum));
  typical = sum[1] > 0.0 ? PetscExpReal(sum[0] / sum[1]) : 0.0;
  for (PetscInt i = 0; i < t->n_local; ++i)
    step[i] = PetscMax(diagonal_step[i], typical * (scales ? scales->apart[t->first + i] : 1.0));
  PetscCall(VecRestoreArrayRead(s->diagonal_step, &diagonal_step));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveLowerLight_Private(Solve *s, PetscInt64 next)
{
  const BrenierTargets t     = s->targets;
  const PetscReal      floor = Floor(s, s->state.curves), after = next > 0 ? Floor(s, next) : 0.0;
  PetscReal           *step;
  PetscScalar         *h;

  PetscFunctionBegin;
  if (floor == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(t->n_local, &step));
  PetscCall(DiagonalSteps(s, floor, step));
  PetscCall(VecGetArray(s->h, &h));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal folds = log(floor / PetscMax(t->nu[i], after));

    if (t->nu[i] < floor) h[i] -= step[i] * (next > 0 ? folds : brenier_light_fall * (folds + brenier_light_below));
  }
  PetscCall(VecRestoreArray(s->h, &h));
  PetscCall(PetscFree(step));
  PetscFunctionReturn(PETSC_SUCCESS);
}
