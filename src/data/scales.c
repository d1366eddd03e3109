/* scales.c - What needs no search: members of groups, sums over nodes, and the end of scales. */
#include "scales_impl.h"

#include <brenier/base.h>

PetscErrorCode BrenierScalesListMembers_Private(BrenierScales s, PetscInt first[], PetscInt member[])
{
  const PetscInt n_sets = s->n_nodes - s->n + 1;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(first, n_sets + 2));
  for (PetscInt i = 0; i < s->n_nodes; ++i) ++first[(s->parent[i] >= 0 ? s->parent[i] - s->n : n_sets - 1) + 2];
  for (PetscInt g = 2; g < n_sets + 2; ++g) first[g] += first[g - 1];
  for (PetscInt i = 0; i < s->n_nodes; ++i)
    member[first[(s->parent[i] >= 0 ? s->parent[i] - s->n : n_sets - 1) + 1]++] = i;
  PetscFunctionReturn(PETSC_SUCCESS);
}

int BrenierScalesComparePlaces_Private(const void *left, const void *right)
{
  const BrenierScalesPlace *l = left, *r = right;

  if (l->along != r->along) return l->along < r->along ? -1 : 1;
  return (l->node > r->node) - (l->node < r->node);
}

void BrenierScalesAddUp_Private(BrenierScales scales, PetscReal x[])
{
  for (PetscInt g = scales->n; g < scales->n_nodes; ++g) x[g] = 0.0;
  for (PetscInt i = 0; i < scales->n_nodes; ++i)
    if (scales->parent[i] >= 0) x[scales->parent[i]] += x[i];
}

PetscErrorCode BrenierScalesGather(BrenierScales scales, Vec x, PetscReal all[])
{
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecScatterBegin(scales->to_all, x, scales->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scales->to_all, x, scales->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(scales->all, &a));
  PetscCall(PetscArraycpy(all, a, scales->n));
  PetscCall(VecRestoreArrayRead(scales->all, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierScalesSum(BrenierScales scales, Vec x, PetscReal sum[])
{
  PetscFunctionBegin;
  PetscCall(BrenierScalesGather(scales, x, sum));
  BrenierScalesAddUp_Private(scales, sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierScalesSpread(BrenierScales scales, PetscInt first, PetscInt n, const PetscReal node[], PetscReal x[])
{
  for (PetscInt i = 0; i < n; ++i) {
    x[i] = 0.0;
    for (PetscInt g = first + i; g >= 0; g = scales->parent[g]) x[i] += node[g];
  }
}

PetscErrorCode BrenierScalesDestroy(BrenierScales *scales)
{
  BrenierScales s = *scales;

  PetscFunctionBegin;
  if (!s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree3(s->parent, s->apart, s->nu));
  PetscCall(PetscFree4(s->line_first, s->line_target, s->line_at, s->in_line));
  PetscCall(VecScatterDestroy(&s->to_all));
  PetscCall(VecDestroy(&s->all));
  PetscCall(PetscFree(*scales));
  PetscFunctionReturn(PETSC_SUCCESS);
}
