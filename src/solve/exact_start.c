/*
  exact_start.c - Implements exact_start.h.

  Clusters are the nodes of one tree (tree.h), which is cut finer from level to level, so levels are nested.

  A cluster has a target c with height h_c and a cell W of barycentre b and covariance S; its members y have the
  covariance C about c. The map from N(b, S) to N(c, C) gives the heights of the members,
    h(y) = h_c - <b, y - c> - (y - c)^T A (y - c) / 2 - tr(M) / 2,
    A = C^(-1/2) M C^(-1/2),   M = (C^(1/2) S C^(1/2))^(1/2).
  With the last term the mean over W of the maximum of these planes is about the mean of the plane of c. A depends on
  the own cluster alone. The root of the tree is one cluster of all targets, whose cell is the whole source: the
  Gaussian start.
*/
#include "exact_start.h"
#include "methods/tree.h"

#include <brenier/base.h>

#include <math.h>
#include <petscblaslapack.h>
#include <stdlib.h>

/* Targets a cluster, and fewest clusters of a level. */
static const PetscInt brenier_factor = 8, brenier_least = 16;

/* Eigenvalues below this, of a covariance with unit diagonal, count as zero: the targets of a cluster lie on a line or
   in a plane. */
static const PetscReal brenier_flat = 1e-12;

enum { MOST_DIM = 3 };

/* Clusters of one level, and the data of their cells. All on every rank. */
typedef struct {
  PetscInt         n;
  BrenierTreeNode *node;
  PetscReal       *centre; /* shape [n, dim] */
  PetscReal       *weight; /* shape [n] */
  PetscReal       *h;      /* shape [n] */
  PetscReal       *bary;   /* barycentres, shape [n, dim] */
  PetscReal       *second; /* covariance of the source on the cell, shape [n, dim, dim] */
} Level;

static PetscErrorCode CreateLevel(PetscInt dim, PetscInt n, Level *l)
{
  PetscFunctionBegin;
  l->n = n;
  PetscCall(PetscMalloc2(n, &l->node, (size_t)n * dim, &l->centre));
  PetscCall(PetscMalloc4(n, &l->weight, n, &l->h, (size_t)n * dim, &l->bary, (size_t)n * dim * dim, &l->second));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyLevel(Level *l)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(l->node, l->centre));
  PetscCall(PetscFree4(l->weight, l->h, l->bary, l->second));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int CompareNodes(const void *left, const void *right)
{
  const BrenierTreeNode *l = left, *r = right;

  return (l->low > r->low) - (l->low < r->low);
}

/* The next level: the tree cut into n nodes, each with its weight and its centre of weight. */
static PetscErrorCode CutLevel(BrenierTree *t, PetscInt n, Level *l)
{
  PetscInt *place;

  PetscFunctionBegin;
  BrenierTreeCut_Private(t, n);
  PetscCall(CreateLevel(t->dim, t->n_nodes, l));
  PetscCall(PetscArraycpy(l->node, t->node, l->n));
  qsort(l->node, (size_t)l->n, sizeof *l->node, CompareNodes);
  for (PetscInt j = 0; j < l->n; ++j) {
    PetscReal       *centre = l->centre + (size_t)j * t->dim;
    const PetscReal *first  = t->y + (size_t)t->order[l->node[j].low] * t->dim;

    l->weight[j] = 0.0;
    for (PetscInt c = 0; c < t->dim; ++c) centre[c] = 0.0;
    for (PetscInt k = l->node[j].low; k < l->node[j].high; ++k) {
      const PetscInt i = t->order[k];

      l->weight[j] += t->nu[i];
      for (PetscInt c = 0; c < t->dim; ++c) centre[c] += t->nu[i] * (t->y[(size_t)i * t->dim + c] - first[c]);
    }
    for (PetscInt c = 0; c < t->dim; ++c) centre[c] = first[c] + centre[c] / l->weight[j];
  }
  // From here on, nodes are parts of this level's
  PetscCall(PetscMalloc1(t->n, &place));
  for (PetscInt j = 0; j < l->n; ++j) place[l->node[j].low] = j;
  for (PetscInt k = 0; k < t->n_nodes; ++k) t->node[k].parent = place[t->node[k].low];
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f(X) of a symmetric matrix by its eigenvalues: the root, or the inverse root where they are not flat. */
static PetscErrorCode Root(PetscBLASInt d, const PetscReal x[], PetscBool inverse, PetscReal root[])
{
  PetscReal    v[MOST_DIM * MOST_DIM], w[MOST_DIM], work[8 * MOST_DIM];
  PetscBLASInt length = 8 * MOST_DIM, info;

  PetscFunctionBegin;
  PetscCall(PetscArraycpy(v, x, d * d));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &d, v, &d, w, work, &length, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's syev failed with %d", (int)info);
  for (PetscInt k = 0; k < d; ++k) {
    const PetscReal r = PetscSqrtReal(PetscMax(w[k], 0.0));

    w[k] = !inverse ? r : w[k] > brenier_flat ? 1.0 / r : 0.0;
  }
  for (PetscInt a = 0; a < d; ++a)
    for (PetscInt b = 0; b < d; ++b) {
      root[a * d + b] = 0.0;
      for (PetscInt k = 0; k < d; ++k) root[a * d + b] += v[k * d + a] * w[k] * v[k * d + b];
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Multiply(PetscInt d, const PetscReal x[], const PetscReal y[], PetscReal z[])
{
  for (PetscInt a = 0; a < d; ++a)
    for (PetscInt b = 0; b < d; ++b) {
      z[a * d + b] = 0.0;
      for (PetscInt k = 0; k < d; ++k) z[a * d + b] += x[a * d + k] * y[k * d + b];
    }
}

/* A, and the trace of M: see the head of this file. C has its diagonal scaled to 1 on the way, so that axes of any
   scale do. */
static PetscErrorCode LocalForm(PetscInt d, const PetscReal covariance[], const PetscReal second[], PetscReal form[],
                                PetscReal *trace)
{
  PetscReal axis[MOST_DIM], c[MOST_DIM * MOST_DIM], s[MOST_DIM * MOST_DIM], root[MOST_DIM * MOST_DIM];
  PetscReal m[MOST_DIM * MOST_DIM], work[MOST_DIM * MOST_DIM];

  PetscFunctionBegin;
  for (PetscInt a = 0; a < d; ++a) axis[a] = PetscSqrtReal(PetscMax(covariance[a * d + a], 0.0));
  for (PetscInt a = 0; a < d; ++a)
    for (PetscInt b = 0; b < d; ++b) {
      c[a * d + b] = axis[a] > 0.0 && axis[b] > 0.0 ? covariance[a * d + b] / axis[a] / axis[b] : 0.0;
      s[a * d + b] = second[a * d + b] * axis[a] * axis[b];
    }
  PetscCall(Root((PetscBLASInt)d, c, PETSC_FALSE, root));
  Multiply(d, root, s, work);
  Multiply(d, work, root, m);
  for (PetscInt a = 0; a < d; ++a)
    for (PetscInt b = 0; b < a; ++b) m[a * d + b] = m[b * d + a] = 0.5 * (m[a * d + b] + m[b * d + a]);
  PetscCall(Root((PetscBLASInt)d, m, PETSC_FALSE, s));
  *trace = 0.0;
  for (PetscInt a = 0; a < d; ++a) *trace += s[a * d + a];
  PetscCall(Root((PetscBLASInt)d, c, PETSC_TRUE, root));
  Multiply(d, root, s, work);
  Multiply(d, work, root, form);
  for (PetscInt a = 0; a < d; ++a)
    for (PetscInt b = 0; b < d; ++b)
      form[a * d + b] = axis[a] > 0.0 && axis[b] > 0.0 ? form[a * d + b] / axis[a] / axis[b] : 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of the members of one cluster, n of them in rows of y, with weights nu. */
static PetscErrorCode ProlongCluster(PetscInt d, const Level *coarse, PetscInt j, const Level *fine, PetscInt begin,
                                     PetscInt end)
{
  const PetscReal *centre = coarse->centre + (size_t)j * d, *bary = coarse->bary + (size_t)j * d;
  PetscReal        covariance[MOST_DIM * MOST_DIM] = {0.0}, form[MOST_DIM * MOST_DIM], trace = 0.0;
  PetscReal        y[MOST_DIM];

  PetscFunctionBegin;
  for (PetscInt k = begin; k < end; ++k)
    for (PetscInt a = 0; a < d; ++a)
      for (PetscInt b = 0; b < d; ++b)
        covariance[a * d + b] += fine->weight[k] / coarse->weight[j] * (fine->centre[k * d + a] - centre[a]) *
                                 (fine->centre[k * d + b] - centre[b]);
  PetscCall(LocalForm(d, covariance, coarse->second + (size_t)j * d * d, form, &trace));
  for (PetscInt k = begin; k < end; ++k) {
    PetscReal h = coarse->h[j] - 0.5 * trace;

    for (PetscInt a = 0; a < d; ++a) y[a] = fine->centre[k * d + a] - centre[a];
    for (PetscInt a = 0; a < d; ++a) {
      h -= bary[a] * y[a];
      for (PetscInt b = 0; b < d; ++b) h -= 0.5 * form[a * d + b] * y[a] * y[b];
    }
    fine->h[k] = h;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of all clusters of a level from those before it, whose members lie next to each other. */
static PetscErrorCode Prolong(PetscInt d, const Level *coarse, const Level *fine)
{
  PetscInt begin = 0;

  PetscFunctionBegin;
  while (begin < fine->n) {
    const PetscInt j   = fine->node[begin].parent;
    PetscInt       end = begin;

    while (end < fine->n && fine->node[end].parent == j) ++end;
    PetscCall(ProlongCluster(d, coarse, j, fine, begin, end));
    begin = end;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All targets in one cluster. */
static PetscErrorCode RootLevel(BrenierSource source, BrenierTree *t, Level *l)
{
  const PetscReal deviation = BrenierSourceDeviation(source);

  PetscFunctionBegin;
  PetscCall(CutLevel(t, 1, l));
  l->h[0] = 0.0;
  for (PetscInt a = 0; a < t->dim; ++a) {
    l->bary[a] = 0.0;
    for (PetscInt b = 0; b < t->dim; ++b) l->second[a * t->dim + b] = a == b ? deviation * deviation : 0.0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Barycentres and covariances of the source on this rank's cells, from their moments. */
static PetscErrorCode CellMoments(BrenierLaguerre laguerre, Vec mass, PetscInt d, PetscInt n, PetscReal bary[],
                                  PetscReal second[])
{
  const PetscReal   *moment = BrenierLaguerreSecondMoments(laguerre);
  const PetscScalar *m;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreBarycentres(laguerre, bary));
  PetscCall(VecGetArrayRead(mass, &m));
  for (PetscInt i = 0; i < n; ++i) {
    PetscInt k = 6 * i;

    for (PetscInt a = 0; a < d; ++a)
      for (PetscInt b = a; b < d; ++b, ++k) {
        const PetscReal x = m[i] > 0.0 ? moment[k] / m[i] - bary[i * d + a] * bary[i * d + b] : 0.0;

        second[(i * d + a) * d + b] = second[(i * d + b) * d + a] = x;
      }
    for (PetscInt a = 0; a < d; ++a)
      if (!(m[i] > 0.0)) bary[i * d + a] = 0.0;
  }
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything about the cells of a level, from every rank on every rank. */
static PetscErrorCode GatherLevel(BrenierTargets t, BrenierLaguerre laguerre, Vec h, Level *l)
{
  const PetscInt       d = t->dim;
  BrenierLaguerreValue value;
  const PetscScalar   *mine;
  PetscReal           *bary, *second;
  PetscMPIInt          size, here, *count, *offset;
  const PetscInt       width[] = {1, d, d * d};
  Vec                  mass;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(
      PetscMalloc4((size_t)t->n_local * d, &bary, (size_t)t->n_local * d * d, &second, size, &count, size, &offset));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierLaguerreEvaluate(laguerre, h, mass, &value));
  PetscCall(CellMoments(laguerre, mass, d, t->n_local, bary, second));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecGetArrayRead(h, &mine));
  for (int k = 0; k < 3; ++k) {
    const PetscReal *from[] = {mine, bary, second};
    PetscReal       *to[]   = {l->h, l->bary, l->second};

    for (PetscMPIInt r = 0; r < size; ++r) {
      offset[r] = (PetscMPIInt)(width[k] * t->layout->range[r]);
      count[r]  = (PetscMPIInt)(width[k] * (t->layout->range[r + 1] - t->layout->range[r]));
    }
    PetscCall(PetscMPIIntCast(width[k] * t->n_local, &here));
    PetscCallMPI(MPI_Allgatherv(from[k], here, MPIU_REAL, to[k], count, offset, MPIU_REAL, t->comm));
  }
  PetscCall(VecRestoreArrayRead(h, &mine));
  PetscCall(PetscFree4(bary, second, count, offset));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The clusters of a level as targets of their own. */
static PetscErrorCode LevelTargets(MPI_Comm comm, PetscInt d, const Level *l, BrenierTargets *targets)
{
  PetscInt    n_local = PETSC_DECIDE, n = l->n, first;
  PetscReal  *y, *nu;
  PetscInt64 *row;

  PetscFunctionBegin;
  PetscCall(PetscSplitOwnership(comm, &n_local, &n));
  PetscCallMPI(MPI_Scan(&n_local, &first, 1, MPIU_INT, MPI_SUM, comm));
  first -= n_local;
  PetscCall(PetscMalloc1((size_t)n_local * d, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  PetscCall(PetscArraycpy(y, l->centre + (size_t)first * d, (size_t)n_local * d));
  for (PetscInt i = 0; i < n_local; ++i) {
    nu[i]  = l->weight[first + i];
    row[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(comm, n_local, d, y, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for the clusters of a level from the heights it has. */
static PetscErrorCode SolveLevel(MPI_Comm comm, BrenierSource source, PetscInt d, BrenierExactSolver solve,
                                 void *context, Level *l)
{
  BrenierTargets  targets;
  BrenierLaguerre laguerre;
  PetscScalar    *a;
  Vec             h;

  PetscFunctionBegin;
  PetscCall(LevelTargets(comm, d, l, &targets));
  PetscCall(BrenierLaguerreCreate(targets, source, &laguerre));
  PetscCall(BrenierTargetsCreateVec(targets, &h));
  PetscCall(VecGetArrayWrite(h, &a));
  PetscCall(PetscArraycpy(a, l->h + targets->first, targets->n_local));
  PetscCall(VecRestoreArrayWrite(h, &a));
  PetscCall(solve(context, targets, laguerre, h));
  PetscCall(GatherLevel(targets, laguerre, h, l));
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierLaguerreDestroy(&laguerre));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of this rank's targets from the last level, each of whose clusters is one of them. */
static PetscErrorCode CopyHeights(BrenierTargets targets, const BrenierTree *t, const Level *l, Vec h)
{
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(h, &a));
  for (PetscInt k = 0; k < l->n; ++k)
    for (PetscInt m = l->node[k].low; m < l->node[k].high; ++m) {
      const PetscInt i = t->order[m] - targets->first;

      if (i >= 0 && i < targets->n_local) a[i] = l->h[k];
    }
  PetscCall(VecRestoreArrayWrite(h, &a));
  PetscCall(BrenierTargetsGauge(targets, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExactStart_Private(BrenierTargets targets, BrenierSource source, BrenierExactSolver solve,
                                         void *context, Vec h, BrenierStart *start)
{
  PetscInt    size[BRENIER_MAX_LEVELS + 1], n_levels = 0;
  Level       coarse = {0}, fine = {0};
  BrenierTree tree = {0};

  PetscFunctionBegin;
  PetscCall(BrenierTreeCreate_Private(targets, &tree));
  PetscCall(RootLevel(source, &tree, &coarse));
  for (PetscInt n = targets->n; n >= brenier_least && n_levels <= BRENIER_MAX_LEVELS; n /= brenier_factor)
    size[n_levels++] = n;
  if (n_levels == 0) size[n_levels++] = targets->n;
  while (n_levels-- > 0) {
    PetscCall(CutLevel(&tree, size[n_levels], &fine));
    PetscCall(Prolong(tree.dim, &coarse, &fine));
    PetscCall(DestroyLevel(&coarse));
    if (n_levels > 0) {
      PetscCall(SolveLevel(targets->comm, source, tree.dim, solve, context, &fine));
      if (start->n_levels < BRENIER_MAX_LEVELS) start->level[start->n_levels++] = fine.n;
    } else PetscCall(CopyHeights(targets, &tree, &fine, h));
    coarse = fine;
  }
  PetscCall(DestroyLevel(&coarse));
  PetscCall(BrenierTreeDestroy_Private(&tree));
  PetscFunctionReturn(PETSC_SUCCESS);
}
