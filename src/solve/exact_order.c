/* exact_order.c - Implements exact_order.h. */
#include "exact_order.h"
#include "methods/tree.h"

#include <brenier/heights.h>

/* Targets of a box: in a box of so few, any order will do. */
static const PetscInt brenier_box = 8;

/* This rank's part of the targets in the order of the tree. */
static PetscErrorCode OrderedTargets(BrenierTargets given, const BrenierTree *t, BrenierTargets *targets)
{
  const PetscInt dim   = given->dim;
  PetscInt       local = PETSC_DECIDE, n = given->n, first;
  PetscReal     *y, *nu;
  PetscInt64    *row;

  PetscFunctionBegin;
  PetscCall(PetscSplitOwnership(given->comm, &local, &n));
  PetscCallMPI(MPI_Scan(&local, &first, 1, MPIU_INT, MPI_SUM, given->comm));
  first -= local;
  PetscCall(PetscMalloc1((size_t)local * dim, &y));
  PetscCall(PetscMalloc1(local, &nu));
  PetscCall(PetscMalloc1(local, &row));
  for (PetscInt k = 0; k < local; ++k) {
    const PetscInt i = t->order[first + k];

    for (PetscInt c = 0; c < dim; ++c) y[k * dim + c] = t->y[(size_t)i * dim + c];
    nu[k]  = t->nu[i];
    row[k] = i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(given->comm, local, dim, y, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactOrderCreate_Private(BrenierTargets given, BrenierExactOrder *o)
{
  BrenierTree t = {0};
  IS          from, to;
  Vec         there, here;

  PetscFunctionBegin;
  PetscCall(BrenierTreeCreate_Private(given, &t));
  BrenierTreeCut_Private(&t, PetscMax(given->n / brenier_box, 1));
  PetscCall(OrderedTargets(given, &t, &o->targets));
  PetscCall(BrenierTargetsCreateVec(given, &there));
  PetscCall(BrenierTargetsCreateVec(o->targets, &here));
  PetscCall(ISCreateGeneral(given->comm, o->targets->n_local, t.order + o->targets->first, PETSC_COPY_VALUES, &from));
  PetscCall(ISCreateStride(given->comm, o->targets->n_local, o->targets->first, 1, &to));
  PetscCall(VecScatterCreate(there, from, here, to, &o->scatter));
  PetscCall(ISDestroy(&from));
  PetscCall(ISDestroy(&to));
  PetscCall(VecDestroy(&there));
  PetscCall(VecDestroy(&here));
  PetscCall(BrenierTreeDestroy_Private(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactOrderVec_Private(const BrenierExactOrder *o, ScatterMode mode, Vec from, Vec to)
{
  PetscFunctionBegin;
  PetscCall(VecScatterBegin(o->scatter, from, to, INSERT_VALUES, mode));
  PetscCall(VecScatterEnd(o->scatter, from, to, INSERT_VALUES, mode));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactOrderHeights_Private(const BrenierExactOrder *o, ScatterMode mode, Vec from, Vec to)
{
  Vec low, copy;

  PetscFunctionBegin;
  PetscCall(BrenierExactOrderVec_Private(o, mode, from, to));
  PetscCall(BrenierHeightsLow(from, &low));
  if (!low) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierHeightsLow(to, &copy));
  if (!copy) PetscCall(BrenierHeightsExtend(to));
  PetscCall(BrenierHeightsLow(to, &copy));
  PetscCall(BrenierExactOrderVec_Private(o, mode, low, copy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactOrderRowsBack_Private(const BrenierExactOrder *o, Vec like, const PetscReal from[],
                                                 const BrenierMutablePoints *to)
{
  const PetscInt     dim = o->targets->dim;
  const PetscScalar *b;
  PetscScalar       *a;
  PetscInt           n;
  Vec                ordered, given;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(o->targets, &ordered));
  PetscCall(VecDuplicate(like, &given));
  PetscCall(VecGetLocalSize(given, &n));
  for (PetscInt c = 0; c < dim; ++c) {
    PetscCall(VecGetArrayWrite(ordered, &a));
    for (PetscInt k = 0; k < o->targets->n_local; ++k) a[k] = from[k * dim + c];
    PetscCall(VecRestoreArrayWrite(ordered, &a));
    PetscCall(BrenierExactOrderVec_Private(o, SCATTER_REVERSE, ordered, given));
    PetscCall(VecGetArrayRead(given, &b));
    for (PetscInt i = 0; i < n; ++i) BrenierPointsSet(to, i, c, b[i]);
    PetscCall(VecRestoreArrayRead(given, &b));
  }
  PetscCall(VecDestroy(&ordered));
  PetscCall(VecDestroy(&given));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactOrderDestroy_Private(BrenierExactOrder *o)
{
  PetscFunctionBegin;
  PetscCall(VecScatterDestroy(&o->scatter));
  PetscCall(BrenierTargetsDestroy(&o->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}
