/* averaged.c - Implements averaged.h. */
#include "averaged.h"

#include <brenier/base.h>

/* Adds the work of curves that are freed next. */
static PetscErrorCode AddWork(BrenierDual dual, BrenierDualWork *work)
{
  BrenierDualWork added;

  PetscFunctionBegin;
  if (!work) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierDualGetWork(dual, &added));
  work->n_evaluations += added.n_evaluations;
  work->n_visits += added.n_visits;
  work->n_scanned += added.n_scanned;
  work->flops += added.flops;
  work->ring_bytes += added.ring_bytes;
  work->scan_seconds += added.scan_seconds;
  work->envelope_seconds += added.envelope_seconds;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierFreshMasses_Private(const BrenierFreshCurves *f, Vec h, BrenierFreshMonitor monitor,
                                          void *context, Vec mass, BrenierDualWork *work)
{
  const PetscInt   one_batch = 1;
  BrenierDual      dual;
  BrenierDualValue value;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(f->targets, f->source, f->seed, f->stream, f->curves, one_batch, &dual));
  PetscCall(BrenierDualSetCache(dual, f->cache));
  ierr = BrenierDualEvaluate(dual, h, mass, &value);
  if (!ierr && monitor) ierr = monitor(context, dual, &value, mass);
  PetscCall(AddWork(dual, work));
  PetscCall(BrenierDualDestroy(&dual)); // after a stop, too: the run goes on to measure
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Step size of a node. It is smaller for a light cell, whose w / nu has a larger variance. It is not larger for a
   group, since members of nested groups move by the steps of all of them. */
static PetscReal NodeStep(const BrenierStepRule *rule, PetscInt node)
{
  const BrenierScales s         = rule->scales;
  const PetscReal     of_weight = PetscSqrtReal((PetscReal)s->n * s->nu[node]);

  if (!rule->node_step) return rule->step * s->apart[node];
  return PetscMin(rule->step * (node < s->n ? of_weight : PetscMin(of_weight, 1.0)), rule->most) *
         rule->node_step[node];
}

/* Moves each node by its own mass and step size, and its members with it. */
static PetscErrorCode StepNodes(BrenierTargets t, const BrenierStepRule *rule, Vec mass, Vec h, PetscReal *most)
{
  const BrenierScales s = rule->scales;
  PetscScalar        *a;
  PetscReal          *node, *change;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(s->n_nodes, &node, t->n_local, &change));
  PetscCall(BrenierScalesSum(s, mass, node));
  for (PetscInt i = 0; i < s->n_nodes; ++i)
    node[i] = NodeStep(rule, i) * (node[i] - s->nu[i]) / PetscMax(s->nu[i], rule->least);
  BrenierScalesSpread(s, t->first, t->n_local, node, change);
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    a[i] -= change[i];
    *most = PetscMax(*most, PetscAbsReal(change[i]));
  }
  PetscCall(VecRestoreArray(h, &a));
  PetscCall(PetscFree2(node, change));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Moves each target by its own mass and step size. */
static PetscErrorCode StepTargets(BrenierTargets t, const BrenierStepRule *rule, Vec mass, Vec h, PetscReal *most)
{
  const PetscScalar *m, *diagonal_step = NULL;
  PetscScalar       *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(mass, &m));
  if (rule->diagonal_step) PetscCall(VecGetArrayRead(rule->diagonal_step, &diagonal_step));
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal nu = t->nu[i], of_weight = PetscSqrtReal((PetscReal)t->n * nu);
    const PetscReal step = diagonal_step ? PetscMin(rule->step * of_weight, rule->most) * diagonal_step[i] : rule->step;
    const PetscReal change =
        rule->least > 0.0 ? step * (m[i] - nu) / PetscMax(nu, rule->least) : step * (m[i] / nu - 1.0);

    a[i] -= change;
    *most = PetscMax(*most, PetscAbsReal(change));
  }
  PetscCall(VecRestoreArray(h, &a));
  if (rule->diagonal_step) PetscCall(VecRestoreArrayRead(rule->diagonal_step, &diagonal_step));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierAveragedStep_Private(BrenierTargets t, const BrenierStepRule *rule, Vec mass, Vec h,
                                           PetscReal *largest)
{
  PetscReal most = 0.0;

  PetscFunctionBegin;
  if (rule->scales) PetscCall(StepNodes(t, rule, mass, h, &most));
  else PetscCall(StepTargets(t, rule, mass, h, &most));
  if (!largest) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Allreduce(&most, largest, 1, MPIU_REAL, MPI_MAX, t->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierAverage_Private(const BrenierMeanRule *rule, Vec h, Vec mean)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt           n;

  PetscFunctionBegin;
  if (rule->type == BRENIER_MEAN_SUM) {
    PetscCall(VecAXPBY(mean, rule->part, rule->whole, h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(h, &n));
  PetscCall(VecGetArrayRead(h, &a));
  PetscCall(VecGetArray(mean, &b));
  for (PetscInt i = 0; i < n; ++i) b[i] += rule->part * (a[i] - b[i]) / rule->whole;
  PetscCall(VecRestoreArray(mean, &b));
  PetscCall(VecRestoreArrayRead(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
