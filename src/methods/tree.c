/* tree.c - Implements tree.h. */
#include "tree.h"

#include <brenier/compat.h>

static void Measure(const BrenierTree *t, BrenierTreeNode *node)
{
  PetscReal widest = -1.0;

  node->axis = 0;
  for (PetscInt c = 0; c < t->dim; ++c) {
    PetscReal low = PETSC_MAX_REAL, high = -PETSC_MAX_REAL;

    for (PetscInt k = node->low; k < node->high; ++k) {
      const PetscReal x = t->y[(size_t)t->order[k] * t->dim + c];

      low  = PetscMin(low, x);
      high = PetscMax(high, x);
    }
    if (high - low <= widest) continue;
    widest       = high - low;
    node->axis   = c;
    node->middle = low + 0.5 * (high - low);
    if (node->middle >= high) node->middle = low;
  }
  node->key = node->high - node->low > 1 ? widest * widest * (PetscReal)(node->high - node->low) : -1.0;
}

static PetscBool IsBefore(const BrenierTreeNode *a, const BrenierTreeNode *b)
{
  return (PetscBool)(a->key > b->key || (a->key == b->key && a->low < b->low));
}

static void SiftDown(BrenierTree *t, PetscInt k)
{
  while (PETSC_TRUE) {
    PetscInt best = k;

    for (PetscInt child = 2 * k + 1; child <= 2 * k + 2 && child < t->n_nodes; ++child)
      if (IsBefore(&t->node[child], &t->node[best])) best = child;
    if (best == k) return;
    const BrenierTreeNode moved = t->node[k];

    t->node[k]    = t->node[best];
    t->node[best] = moved;
    k             = best;
  }
}

static void SiftUp(BrenierTree *t, PetscInt k)
{
  for (; k > 0 && IsBefore(&t->node[k], &t->node[(k - 1) / 2]); k = (k - 1) / 2) {
    const BrenierTreeNode moved = t->node[k];

    t->node[k]           = t->node[(k - 1) / 2];
    t->node[(k - 1) / 2] = moved;
  }
}

/* Cuts the first node of the heap in two. */
static void Cut(BrenierTree *t)
{
  BrenierTreeNode left = t->node[0], right = left;
  PetscInt        k = left.low;

  for (PetscInt m = left.low; m < left.high; ++m) {
    const PetscInt target = t->order[m];

    if (t->y[(size_t)target * t->dim + left.axis] > left.middle) continue;
    t->order[m]   = t->order[k];
    t->order[k++] = target;
  }
  left.high = right.low = k;
  Measure(t, &left);
  Measure(t, &right);
  t->node[0] = left;
  SiftDown(t, 0);
  t->node[t->n_nodes] = right;
  SiftUp(t, t->n_nodes++);
}

PetscErrorCode BrenierTreeCreate_Private(BrenierTargets targets, BrenierTree *t)
{
  const PetscInt dim = targets->dim;
  PetscMPIInt    size, here, *count, *offset;
  MPI_Datatype   row;

  PetscFunctionBegin;
  t->n       = targets->n;
  t->dim     = dim;
  t->n_nodes = 1;
  PetscCall(PetscMalloc4((size_t)t->n * dim, &t->y, t->n, &t->nu, t->n, &t->order, t->n, &t->node));
  PetscCall(PetscMPIIntCast(targets->n_local, &here));
  PetscCallMPI(MPI_Comm_size(targets->comm, &size));
  PetscCall(PetscMalloc2(size, &count, size, &offset));
  for (PetscMPIInt r = 0; r < size; ++r) {
    offset[r] = (PetscMPIInt)targets->layout->range[r];
    count[r]  = (PetscMPIInt)(targets->layout->range[r + 1] - targets->layout->range[r]);
  }
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)dim, MPIU_REAL, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(MPI_Allgatherv(targets->y, here, row, t->y, count, offset, row, targets->comm));
  PetscCallMPI(MPI_Allgatherv(targets->nu, here, MPIU_REAL, t->nu, count, offset, MPIU_REAL, targets->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree2(count, offset));
  for (PetscInt i = 0; i < t->n; ++i) t->order[i] = i;
  t->node[0] = (BrenierTreeNode){.low = 0, .high = t->n, .parent = 0};
  Measure(t, &t->node[0]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierTreeCut_Private(BrenierTree *t, PetscInt n)
{
  while (t->n_nodes < n && t->node[0].key > 0.0) Cut(t);
}

PetscErrorCode BrenierTreeDestroy_Private(BrenierTree *t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(t->y, t->nu, t->order, t->node));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierTreeClusters_Private(BrenierTargets targets, PetscInt n, PetscInt cluster[], PetscInt *n_clusters)
{
  BrenierTree t = {0};

  PetscFunctionBegin;
  PetscCall(BrenierTreeCreate_Private(targets, &t));
  BrenierTreeCut_Private(&t, n);
  for (PetscInt k = 0; k < t.n_nodes; ++k)
    for (PetscInt m = t.node[k].low; m < t.node[k].high; ++m) {
      const PetscInt i = t.order[m] - targets->first;

      if (i >= 0 && i < targets->n_local) cluster[i] = k;
    }
  *n_clusters = t.n_nodes;
  PetscCall(BrenierTreeDestroy_Private(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}
