/* coarse.c - Implements coarse.h. */
#include "coarse.h"

#include <brenier/base.h>
#include <brenier/cluster.h>

#include <math.h>

/* Assignments of the clustering. */
static const PetscInt brenier_coarse_steps = 3;

/* Masses are counted in units of 2^-this: their sum is near 1. */
static const int brenier_coarse_bits = 60;

struct _p_BrenierCoarse {
  /* parameters */
  BrenierTargets targets; /* borrowed */
  PetscInt       n;
  /* data */
  PetscInt   *parent; /* cluster of each target here, shape [n_local] */
  PetscInt64 *weight; /* nu_c in units, shape [n] */
  /* work */
  PetscInt64 *units; /* shape [n] */
};

/* Sums of x over the members of each cluster, in units; they are integers, so that their order does not matter. */
static PetscErrorCode SumMembers(BrenierCoarse coarse, const PetscReal x[], PetscInt64 units[])
{
  PetscFunctionBegin;
  PetscCall(PetscArrayzero(units, coarse->n));
  for (PetscInt i = 0; i < coarse->targets->n_local; ++i)
    units[coarse->parent[i]] += llrint(ldexp(x[i], brenier_coarse_bits));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, units, (PetscMPIInt)coarse->n, MPIU_INT64, MPI_SUM, coarse->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCoarseCreate_Private(BrenierTargets t, PetscInt n_clusters, PetscInt64 seed,
                                           BrenierCoarse *coarse)
{
  BrenierCoarse  x;
  BrenierTargets clusters;
  PetscInt64    *parent;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *coarse = NULL;
  if (n_clusters == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(t->n_local, &parent));
  ierr = BrenierCluster(t, n_clusters, brenier_coarse_steps, seed, &clusters, parent);
  if (ierr) PetscCall(PetscFree(parent));
  PetscCall(ierr); // BRENIER_STOPPED when a stop was asked for
  PetscCall(PetscNew(&x));
  x->targets = t;
  x->n       = clusters->n;
  PetscCall(BrenierTargetsDestroy(&clusters));
  PetscCall(PetscMalloc3(t->n_local, &x->parent, x->n, &x->weight, x->n, &x->units));
  for (PetscInt i = 0; i < t->n_local; ++i) x->parent[i] = (PetscInt)parent[i];
  PetscCall(PetscFree(parent));
  PetscCall(SumMembers(x, t->nu, x->weight));
  *coarse = x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCoarseStep_Private(BrenierCoarse coarse, PetscReal step, Vec mass, Vec h)
{
  const PetscScalar *m;
  PetscScalar       *a;
  PetscInt64         least;

  PetscFunctionBegin;
  if (!coarse) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(SumMembers(coarse, m, coarse->units));
  PetscCall(VecRestoreArrayRead(mass, &m));
  least = ((PetscInt64)1 << brenier_coarse_bits) / coarse->n;
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < coarse->targets->n_local; ++i) {
    const PetscInt   c      = coarse->parent[i];
    const PetscInt64 weight = PetscMax(coarse->weight[c], least);

    a[i] -= step * (PetscReal)(coarse->units[c] - coarse->weight[c]) / (PetscReal)weight;
  }
  PetscCall(VecRestoreArray(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCoarseDestroy_Private(BrenierCoarse *coarse)
{
  BrenierCoarse x = *coarse;

  PetscFunctionBegin;
  if (!x) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree3(x->parent, x->weight, x->units));
  PetscCall(PetscFree(*coarse));
  PetscFunctionReturn(PETSC_SUCCESS);
}
