static const char help[] = "Checks clusters of targets, steps that move a cluster, and the barycentres of cells.\n";

#include "problems.h"

#include "methods/coarse.h"

#include <brenier/cluster.h>
#include <brenier/dual.h>
#include <brenier/dot.h>

#include <float.h>
#include <math.h>
#include <string.h>

/* Weights and coordinates of every cluster from its members, by plain sums in a fixed order. */
static PetscErrorCode CheckMeans(BrenierTargets t, BrenierTargets clusters, const PetscReal parent[])
{
  PetscReal *y, *nu, *centre, *weight, *sum, *mean;

  PetscFunctionBeginUser;
  PetscCall(GatherTargets(t, PETSC_FALSE, &y));
  PetscCall(GatherRows(t, 1, t->nu, &nu));
  PetscCall(GatherTargets(clusters, PETSC_FALSE, &centre));
  PetscCall(GatherRows(clusters, 1, clusters->nu, &weight));
  PetscCall(PetscCalloc2(clusters->n, &sum, clusters->n * t->dim, &mean));
  for (PetscInt i = 0; i < t->n; ++i) {
    const PetscInt p = (PetscInt)parent[i];

    PetscCheck(p >= 0 && p < clusters->n, PETSC_COMM_SELF, PETSC_ERR_PLIB, "parent %" PetscInt_FMT, p);
    sum[p] += nu[i];
    for (PetscInt k = 0; k < t->dim; ++k) mean[p * t->dim + k] += nu[i] * (y[i * t->dim + k] - t->centre[k]);
  }
  for (PetscInt p = 0; p < clusters->n; ++p) {
    PetscCheck(sum[p] > 0.0 && PetscAbsReal(sum[p] - weight[p]) < 1e-13, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "cluster %" PetscInt_FMT " weighs %g, its members %g", p, (double)weight[p], (double)sum[p]);
    for (PetscInt k = 0; k < t->dim; ++k) {
      const PetscReal is = centre[p * t->dim + k] - t->centre[k], wanted = mean[p * t->dim + k] / sum[p];

      PetscCheck(PetscAbsReal(is - wanted) < 1e-9 * t->unit, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "cluster %" PetscInt_FMT ": %g, not %g", p, (double)is, (double)wanted);
    }
  }
  PetscCall(PetscFree2(sum, mean));
  PetscCall(PetscFree(weight));
  PetscCall(PetscFree(centre));
  PetscCall(PetscFree(nu));
  PetscCall(PetscFree(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean squared distance of the targets from the centre of their cluster, over that from the centre of all. */
static PetscErrorCode Spread(BrenierTargets t, BrenierTargets clusters, const PetscReal parent[], PetscReal *ratio)
{
  PetscReal *y, *centre, within = 0.0, all = 0.0;

  PetscFunctionBeginUser;
  PetscCall(GatherTargets(t, PETSC_FALSE, &y));
  PetscCall(GatherTargets(clusters, PETSC_FALSE, &centre));
  for (PetscInt i = 0; i < t->n; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) {
      within += PetscSqr(y[i * t->dim + k] - centre[(PetscInt)parent[i] * t->dim + k]);
      all += PetscSqr(y[i * t->dim + k] - t->centre[k]);
    }
  *ratio = all > 0.0 ? within / all : 0.0;
  PetscCall(PetscFree(centre));
  PetscCall(PetscFree(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The parents on every rank, as numbers. */
static PetscErrorCode GatherParents(BrenierTargets t, const PetscInt64 parent[], PetscReal **all)
{
  PetscReal *mine;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(t->n_local, &mine));
  for (PetscInt i = 0; i < t->n_local; ++i) mine[i] = (PetscReal)parent[i];
  PetscCall(GatherRows(t, 1, mine, all));
  PetscCall(PetscFree(mine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Clusters of targets spread over the ranks, and of the same targets on this rank alone: the same to the bit. */
static PetscErrorCode TestCluster(Cloud cloud, PetscInt n, PetscInt dim, PetscInt n_clusters, PetscReal most)
{
  MPI_Comm const comm[] = {PETSC_COMM_WORLD, PETSC_COMM_SELF};
  PetscReal     *parents[2], *centres[2], ratio;
  PetscInt       found[2];

  PetscFunctionBeginUser;
  for (int k = 0; k < 2; ++k) {
    BrenierTargets t, clusters;
    PetscInt64    *parent;

    PetscCall(MakeTargets(comm[k], cloud, 5, n, dim, 3.0, 7.0, &t));
    PetscCall(PetscMalloc1(t->n_local, &parent));
    PetscCall(BrenierCluster(t, n_clusters, 4, 1, &clusters, parent));
    PetscCall(GatherParents(t, parent, &parents[k]));
    PetscCall(CheckMeans(t, clusters, parents[k]));
    PetscCall(Spread(t, clusters, parents[k], &ratio));
    PetscCheck(clusters->n <= n_clusters && ratio <= most, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%" PetscInt_FMT " clusters hold %g of the spread", clusters->n, (double)ratio);
    found[k] = clusters->n;
    PetscCall(GatherTargets(clusters, PETSC_FALSE, &centres[k]));
    PetscCall(PetscFree(parent));
    PetscCall(BrenierTargetsDestroy(&clusters));
    PetscCall(BrenierTargetsDestroy(&t));
  }
  PetscCheck(found[0] == found[1] && !memcmp(parents[0], parents[1], (size_t)n * sizeof *parents[0]) &&
                 !memcmp(centres[0], centres[1], (size_t)(found[0] * dim) * sizeof *centres[0]),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "clusters depend on the ranks");
  for (int k = 0; k < 2; ++k) {
    PetscCall(PetscFree(parents[k]));
    PetscCall(PetscFree(centres[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What heights become by a step a = 0.7 for clusters, from masses that are not equal, by plain sums. */
static PetscErrorCode StepByHand(BrenierTargets t, const PetscReal parent[], PetscInt n_clusters, PetscReal wanted[])
{
  PetscReal *nu, *weight, *mass;

  PetscFunctionBeginUser;
  PetscCall(GatherRows(t, 1, t->nu, &nu));
  PetscCall(PetscCalloc2(n_clusters, &weight, n_clusters, &mass));
  for (PetscInt i = 0; i < t->n; ++i) {
    weight[(PetscInt)parent[i]] += nu[i];
    mass[(PetscInt)parent[i]] += nu[i] * (1.0 + 0.5 * sin((PetscReal)i));
  }
  for (PetscInt i = 0; i < t->n; ++i) {
    const PetscInt c = (PetscInt)parent[i];

    wanted[i] = cos((PetscReal)i) - 0.7 * (mass[c] - weight[c]) / PetscMax(weight[c], 1.0 / (PetscReal)n_clusters);
  }
  PetscCall(PetscFree2(weight, mass));
  PetscCall(PetscFree(nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights and masses of a target by its global number. */
static PetscErrorCode MakeHeightsAndMasses(BrenierTargets t, Vec *h, Vec *mass)
{
  PetscScalar *a, *m;

  PetscFunctionBeginUser;
  PetscCall(BrenierTargetsCreateVec(t, h));
  PetscCall(VecDuplicate(*h, mass));
  PetscCall(VecGetArrayWrite(*h, &a));
  PetscCall(VecGetArrayWrite(*mass, &m));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    a[i] = cos((PetscReal)(t->first + i));
    m[i] = t->nu[i] * (1.0 + 0.5 * sin((PetscReal)(t->first + i)));
  }
  PetscCall(VecRestoreArrayWrite(*h, &a));
  PetscCall(VecRestoreArrayWrite(*mass, &m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A step for clusters: that of plain sums, and the same to the bit for targets spread over the ranks and for those of
   this rank alone. */
static PetscErrorCode TestCoarseStep(Cloud cloud, PetscInt n, PetscInt dim, PetscInt n_clusters)
{
  const PetscInt64 seed   = 1;
  MPI_Comm const   comm[] = {PETSC_COMM_WORLD, PETSC_COMM_SELF};
  PetscReal       *heights[2], *wanted;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &wanted));
  for (int k = 0; k < 2; ++k) {
    BrenierTargets t, clusters;
    BrenierCoarse  coarse;
    PetscInt64    *parent;
    PetscReal     *parents;
    Vec            h, mass;

    PetscCall(MakeTargets(comm[k], cloud, 5, n, dim, 3.0, 7.0, &t));
    PetscCall(PetscMalloc1(t->n_local, &parent));
    PetscCall(BrenierCluster(t, n_clusters, 3, seed, &clusters, parent));
    PetscCall(GatherParents(t, parent, &parents));
    PetscCall(StepByHand(t, parents, clusters->n, wanted));
    PetscCall(MakeHeightsAndMasses(t, &h, &mass));
    PetscCall(BrenierCoarseCreate_Private(t, n_clusters, seed, &coarse));
    PetscCall(BrenierCoarseStep_Private(coarse, 0.7, mass, h));
    PetscCall(BrenierCoarseDestroy_Private(&coarse));
    PetscCall(GatherVec(t, h, &heights[k]));
    for (PetscInt i = 0; i < n; ++i)
      PetscCheck(PetscAbsReal(heights[k][i] - wanted[i]) < 1e-12, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "height %" PetscInt_FMT " is %.15g, not %.15g", i, (double)heights[k][i], (double)wanted[i]);
    PetscCall(VecDestroy(&h));
    PetscCall(VecDestroy(&mass));
    PetscCall(PetscFree(parents));
    PetscCall(PetscFree(parent));
    PetscCall(BrenierTargetsDestroy(&clusters));
    PetscCall(BrenierTargetsDestroy(&t));
  }
  PetscCheck(!memcmp(heights[0], heights[1], (size_t)n * sizeof *heights[0]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "steps of clusters depend on the ranks");
  PetscCall(PetscFree(heights[0]));
  PetscCall(PetscFree(heights[1]));
  PetscCall(PetscFree(wanted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A sample evaluated at heights near the Gaussian start. */
static PetscErrorCode MakeDual(BrenierTargets t, const char type[], PetscInt64 n_curves, Vec h, Vec mass,
                               BrenierDual *dual)
{
  BrenierSource    source;
  BrenierDualValue value;

  PetscFunctionBeginUser;
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, t->dim, 1.5, &source));
  PetscCall(BrenierDualCreate(t, source, 1, BRENIER_STREAM_SOLVE, n_curves, 4, dual));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierDualEvaluate(*dual, h, mass, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Density(PetscReal x)
{
  return exp(-0.5 * x * x) / sqrt(2.0 * PETSC_PI);
}

/* The barycentre of the interval from s to e under the source. */
static PetscErrorCode CheckInterval(const char type[], PetscReal scale, PetscReal s, PetscReal e, PetscReal found)
{
  const PetscReal share  = 0.5 * (erfc(-e / scale / sqrt(2.0)) - erfc(-s / scale / sqrt(2.0)));
  PetscReal       wanted = 0.5 * (PetscMax(s, -0.5) + PetscMin(e, 0.5));

  PetscFunctionBeginUser;
  if (!strcmp(type, "gaussian")) wanted = scale * (Density(s / scale) - Density(e / scale)) / share;
  if (!strcmp(type, "cube") && s >= 0.5)
    PetscCheck(isnan(found), PETSC_COMM_SELF, PETSC_ERR_PLIB, "an empty cell has a barycentre");
  else
    PetscCheck(PetscAbsReal(found - wanted) < 1e-12, PETSC_COMM_SELF, PETSC_ERR_PLIB, "barycentre %.15g, not %.15g",
               (double)found, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On a line cells are intervals between the crossings of neighbours: closed forms. Targets -1, 0, 2 with heights 0,
   0.3, -0.5. */
static PetscErrorCode TestLine(const char type[])
{
  const PetscReal y[] = {-1.0, 0.0, 2.0}, h[] = {0.0, 0.3, -0.5};
  const PetscReal scale = !strcmp(type, "gaussian") ? 1.5 : 1.0;
  const PetscReal end[] = {!strcmp(type, "gaussian") ? -INFINITY : -0.5, (h[0] - h[1]) / (y[1] - y[0]),
                           (h[1] - h[2]) / (y[2] - y[1]), !strcmp(type, "gaussian") ? INFINITY : 0.5};
  PetscInt        first, n_local;
  PetscReal      *row, *nu, *barycentre;
  PetscInt64     *number;
  PetscScalar    *a;
  BrenierTargets  t;
  BrenierDual     dual;
  Vec             height, mass;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, 3, &first, &n_local));
  PetscCall(PetscMalloc1(n_local, &row));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &number));
  PetscCall(PetscMalloc1(n_local, &barycentre));
  for (PetscInt i = 0; i < n_local; ++i) {
    row[i]    = y[first + i];
    nu[i]     = 1.0 / 3.0;
    number[i] = first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, 1, row, nu, number, &t));
  PetscCall(BrenierTargetsCreateVec(t, &height));
  PetscCall(VecDuplicate(height, &mass));
  PetscCall(VecGetArrayWrite(height, &a));
  for (PetscInt i = 0; i < n_local; ++i) a[i] = h[first + i];
  PetscCall(VecRestoreArrayWrite(height, &a));
  PetscCall(MakeDual(t, type, 1, height, mass, &dual));
  PetscCall(BrenierDualBarycentres(dual, &(BrenierMutablePoints){t->dim, barycentre, NULL}));
  for (PetscInt i = 0; i < n_local; ++i)
    PetscCall(CheckInterval(type, scale, end[first + i], end[first + i + 1], barycentre[i]));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(VecDestroy(&height));
  PetscCall(VecDestroy(&mass));
  PetscCall(PetscFree(barycentre));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* E_C(y + e) - E_C(y): what int u gains when target i moves by e is mass_i <barycentre_i, e> to first order. */
static PetscErrorCode TestGradient(const char type[], PetscInt dim)
{
  const PetscInt  n    = 40;
  const PetscReal step = 1e-6;
  BrenierTargets  t;
  BrenierDual     dual;
  PetscReal      *barycentre, *all, *masses;
  PetscReal       energy[2], sum[4];
  PetscInt        moved = 0;
  Vec             h, mass;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 9, n, dim, 1.0, 0.0, &t));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(SetHeights(t, 1.0, 0.05, 3, h));
  PetscCall(PetscMalloc1(t->n_local * dim, &barycentre));
  PetscCall(MakeDual(t, type, 400, h, mass, &dual));
  PetscCall(BrenierDualBarycentres(dual, &(BrenierMutablePoints){t->dim, barycentre, NULL}));
  PetscCall(GatherRows(t, dim, barycentre, &all));
  PetscCall(GatherVec(t, mass, &masses));
  for (PetscInt i = 1; i < n; ++i) moved = masses[i] > masses[moved] ? i : moved;
  PetscCall(BrenierDualDestroy(&dual));
  for (PetscInt k = 0; k < dim; ++k) {
    for (int side = 0; side < 2; ++side) {
      const PetscReal by = side ? -step : step;
      PetscInt        n_batches;

      if (moved >= t->first && moved < t->first + t->n_local) t->y[(moved - t->first) * dim + k] += by;
      PetscCall(BrenierTargetsMoved(t));
      PetscCall(MakeDual(t, type, 400, h, mass, &dual));
      PetscCall(BrenierDualGetBatches(dual, &n_batches, NULL, sum, NULL));
      energy[side] = 0.0;
      for (PetscInt b = 0; b < n_batches; ++b) energy[side] += sum[b] / (PetscReal)n_batches;
      PetscCall(BrenierDualDestroy(&dual));
      if (moved >= t->first && moved < t->first + t->n_local) t->y[(moved - t->first) * dim + k] -= by;
      PetscCall(BrenierTargetsMoved(t));
    }
    PetscCheck(PetscAbsReal((energy[0] - energy[1]) / (2.0 * step) - masses[moved] * all[moved * dim + k]) < 1e-8,
               PETSC_COMM_SELF, PETSC_ERR_PLIB, "axis %" PetscInt_FMT ": moment %g, by differences %g", k,
               (double)(masses[moved] * all[moved * dim + k]), (double)((energy[0] - energy[1]) / (2.0 * step)));
  }
  PetscCall(PetscFree(all));
  PetscCall(PetscFree(masses));
  PetscCall(PetscFree(barycentre));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TestCluster(CLOUD_NORMAL, 400, 3, 40, 0.3));
  PetscCall(TestCluster(CLOUD_CLUSTERED, 400, 5, 40, 0.05));
  PetscCall(TestCluster(CLOUD_LATTICE, 300, 2, 16, 0.4));
  PetscCall(TestCluster(CLOUD_COPIES, 90, 4, 60, 0.3));
  PetscCall(TestCluster(CLOUD_NORMAL, 7, 2, 7, 0.0));
  PetscCall(TestCluster(CLOUD_NORMAL, 50, 6, 1, 1.1));
  PetscCall(TestCoarseStep(CLOUD_CLUSTERED, 400, 5, 20));
  PetscCall(TestCoarseStep(CLOUD_NORMAL, 50, 6, 1));
  PetscCall(TestLine("gaussian"));
  PetscCall(TestLine("cube"));
  for (PetscInt dim = 2; dim <= 8; dim += 6) {
    PetscCall(TestGradient("gaussian", dim));
    PetscCall(TestGradient("cube", dim));
    PetscCall(TestGradient("sphere", dim));
  }
  PetscCall(PetscFinalize());
  return 0;
}
