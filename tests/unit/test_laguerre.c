static const char help[] =
    "Checks exact cells against identities and sampled ones, and the reduction to the rank of the targets.\n";

#include "problems.h"

#include <brenier/dual.h>
#include <brenier/dot.h>
#include <brenier/laguerre.h>
#include <brenier/reduction.h>

#include <math.h>

enum { N = 60, N_SAMPLES = 16 };

static const PetscReal rounding = 1e-24; /* of a chi2 */

/* Heights of a Voronoi diagram and a little noise: no cell is empty in the whole space. */
static PetscErrorCode SetVoronoi(BrenierTargets t, Vec h)
{
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscReal *y = t->y + (size_t)i * t->dim;
    PetscReal        noise;

    BrenierRandomNormal(7, 90, (uint64_t)(t->first + i), 1, &noise);
    a[i] = -0.5 * BrenierDot((size_t)t->dim, y, y) + 1e-3 * noise;
  }
  PetscCall(VecRestoreArrayWrite(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <w - nu, p> is the slope found by differences. */
static PetscErrorCode CheckSlope(BrenierTargets t, Vec mass, Vec p, PetscReal found)
{
  const PetscScalar *m, *q;
  PetscReal          slope = 0.0;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(mass, &m));
  PetscCall(VecGetArrayRead(p, &q));
  for (PetscInt i = 0; i < t->n_local; ++i) slope += (m[i] - t->nu[i]) * q[i];
  PetscCall(VecRestoreArrayRead(p, &q));
  PetscCall(VecRestoreArrayRead(mass, &m));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &slope, 1, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscCheck(PetscAbsReal(found - slope) < 1e-8, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "dimension %" PetscInt_FMT ": slope %.12g, differences %.12g", t->dim, (double)slope, (double)found);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (more - less) / (2 s) is the product with the Hessian; `more` is work then. */
static PetscErrorCode CheckProduct(BrenierTargets t, Vec more, Vec less, PetscReal s, Vec product)
{
  PetscReal error, size;

  PetscFunctionBeginUser;
  PetscCall(VecAXPY(more, -1.0, less));
  PetscCall(VecScale(more, 0.5 / s));
  PetscCall(VecNorm(product, NORM_INFINITY, &size));
  PetscCall(VecAXPY(more, -1.0, product));
  PetscCall(VecNorm(more, NORM_INFINITY, &error));
  PetscCheck(error < 1e-5 * size, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "dimension %" PetscInt_FMT ": the Hessian is off by %g of %g", t->dim, (double)error, (double)size);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* E(h + s p) - E(h - s p) over 2 s is the slope <w - nu, p>, and the same of the masses is H p. */
static PetscErrorCode TestDerivatives(const char type[], PetscInt dim)
{
  const PetscReal      s = 1e-5;
  BrenierTargets       t;
  BrenierSource        source;
  BrenierLaguerre      l;
  BrenierLaguerreValue value, plus, minus;
  Vec                  h, p, mass, more, less, product;
  Mat                  hessian;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, N, dim, 0.4, 0.0, &t));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, type, dim, 1.0, &source));
  PetscCheck(BrenierLaguerreKnows(source, t->n), PETSC_COMM_WORLD, PETSC_ERR_PLIB, "cells are not known");
  PetscCall(BrenierLaguerreCreate(t, source, &l));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecDuplicate(h, &p));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &more));
  PetscCall(VecDuplicate(h, &less));
  PetscCall(VecDuplicate(h, &product));
  PetscCall(SetVoronoi(t, h));
  PetscCall(SetVoronoi(t, p)); // any direction
  PetscCall(VecShift(p, 0.3));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &value));
  PetscCheck(value.sound && PetscAbsReal(value.excess) < 1e-12, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "masses sum to 1 + %g", (double)value.excess);
  PetscCall(BrenierLaguerreHessian(l, &hessian));
  PetscCall(MatMult(hessian, p, product));
  PetscCall(VecAXPY(h, s, p));
  PetscCall(BrenierLaguerreEvaluate(l, h, more, &plus));
  PetscCall(VecAXPY(h, -2.0 * s, p));
  PetscCall(BrenierLaguerreEvaluate(l, h, less, &minus));
  PetscCall(CheckSlope(t, mass, p, (plus.energy - minus.energy) / (2.0 * s)));
  PetscCall(CheckProduct(t, more, less, s, product));
  PetscCall(MatDestroy(&hessian));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&p));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&more));
  PetscCall(VecDestroy(&less));
  PetscCall(VecDestroy(&product));
  PetscCall(BrenierLaguerreDestroy(&l));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* chi2 of the masses m of N_SAMPLES independent samples against exact ones, and of what chance makes of it, both
   summed over the samples; the mean of their energies. */
static PetscErrorCode SumSamples(BrenierTargets t, BrenierSource source, Vec h, Vec mass, PetscReal *chi2,
                                 PetscReal *chance, PetscReal *energy)
{
  Vec other;

  PetscFunctionBeginUser;
  *chi2 = *chance = *energy = 0.0;
  PetscCall(VecDuplicate(h, &other));
  for (PetscInt seed = 0; seed < N_SAMPLES; ++seed) {
    const PetscScalar *m, *o;
    BrenierDual        dual;
    BrenierDualValue   sampled;

    PetscCall(BrenierDualCreate(t, source, (uint64_t)seed, BRENIER_STREAM_CHECK, 20000 / N_SAMPLES, 16, &dual));
    PetscCall(BrenierDualEvaluate(dual, h, other, &sampled));
    PetscCall(VecGetArrayRead(mass, &m));
    PetscCall(VecGetArrayRead(other, &o));
    for (PetscInt i = 0; i < t->n_local; ++i) *chi2 += PetscSqr(m[i] - o[i]) / t->nu[i];
    PetscCall(VecRestoreArrayRead(other, &o));
    PetscCall(VecRestoreArrayRead(mass, &m));
    *chance += sampled.sampling_chi2;
    *energy += sampled.energy / N_SAMPLES;
    PetscCall(BrenierDualDestroy(&dual));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, chi2, 1, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(VecDestroy(&other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sampled masses are exact ones but for chance: chi2 times curves is what sampling_chi2 says, within a factor. For a
   source of which dim of `ambient` coordinates are seen, where its cells are known. In one dimension the squares of all
   cells go with few numbers, so at least N_SAMPLES squares are summed: 16 independent ones are three times their mean
   with chance 5e-5, and N more of them with chance below 1e-9; the seeds are fixed. One circle has all of the sphere in
   two dimensions, and what differs is rounding. */
static PetscErrorCode TestAgainstCurves(const char name[], PetscInt ambient, PetscInt dim)
{
  BrenierTargets       t;
  BrenierSource        whole, source;
  BrenierLaguerre      l;
  BrenierLaguerreValue value;
  Vec                  h, mass;
  PetscReal            chi2, chance, energy;

  PetscFunctionBeginUser;
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, name, ambient, 1.0, &whole));
  PetscCall(BrenierSourceReduce(whole, dim, &source));
  PetscCall(BrenierSourceDestroy(&whole));
  if (!BrenierLaguerreKnows(source, N)) {
    PetscCall(BrenierSourceDestroy(&source));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, N, dim, 0.4, 0.0, &t));
  PetscCall(BrenierLaguerreCreate(t, source, &l));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(SetVoronoi(t, h));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &value));
  PetscCall(SumSamples(t, source, h, mass, &chi2, &chance, &energy));
  PetscCheck(chi2 < 3.0 * chance + N_SAMPLES * rounding, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "%s: chi2 %g where chance makes %g", name, (double)chi2, (double)chance);
  PetscCheck(PetscAbsReal(value.energy - energy) < 0.02, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "%s: energy %g, by curves %g", name, (double)value.energy, (double)energy);
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierLaguerreDestroy(&l));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lowers every twentieth plane far below the others. */
static PetscErrorCode LowerSome(BrenierTargets t, Vec h)
{
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(h, &a));
  for (PetscInt i = 0; i < t->n_local; ++i)
    if ((t->first + i) % 20 == 3) a[i] -= 100.0;
  PetscCall(VecRestoreArray(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Planes lowered far: their gaps leave u as it is, and a little beyond they have mass. */
static PetscErrorCode TestLift(PetscInt dim)
{
  BrenierTargets       t;
  BrenierSource        source;
  BrenierLaguerre      l;
  BrenierLaguerreValue before, touching, raised;
  PetscInt            *host;
  PetscInt64           n_empty;
  PetscScalar         *a;
  Vec                  h, mass, gap, beyond;

  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 5, N, dim, 0.4, 0.0, &t));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", dim, 1.0, &source));
  PetscCall(BrenierLaguerreCreate(t, source, &l));
  PetscCall(BrenierTargetsCreateVec(t, &h));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(VecDuplicate(h, &gap));
  PetscCall(VecDuplicate(h, &beyond));
  PetscCall(PetscMalloc1(t->n_local, &host));
  PetscCall(SetVoronoi(t, h));
  PetscCall(LowerSome(t, h));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &before));
  PetscCall(BrenierLaguerreLift(l, mass, 0.5, gap, beyond, host, &n_empty));
  PetscCheck(n_empty == before.n_empty && n_empty >= 1, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%" PetscInt64_FMT " empty",
             n_empty);
  // A billionth of the gap below it, nothing has mass yet
  PetscCall(VecAXPY(h, 1.0 - 1e-9, gap));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &touching));
  PetscCheck(touching.n_empty == n_empty && touching.energy < before.energy, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "%" PetscInt64_FMT " of %" PetscInt64_FMT " are empty below their gaps", touching.n_empty, n_empty);
  PetscCall(VecAXPY(h, 1e-9, gap));
  PetscCall(VecAXPY(h, 1.0, beyond));
  PetscCall(BrenierLaguerreEvaluate(l, h, mass, &raised));
  // Each is raised as if alone, so of the others some may be hidden
  PetscCall(VecGetArray(mass, &a));
  for (PetscInt i = 0; i < t->n_local; ++i)
    PetscCheck((t->first + i) % 20 != 3 || a[i] > 0.0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "target %" PetscInt_FMT " is empty above", t->first + i);
  PetscCall(VecRestoreArray(mass, &a));
  PetscCall(PetscFree(host));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&gap));
  PetscCall(VecDestroy(&beyond));
  PetscCall(BrenierLaguerreDestroy(&l));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Targets of rank r in dim dimensions: i picks one of r + 1 places and a multiple, r directions that are not
   orthogonal. */
static PetscErrorCode MakeFlat(PetscInt dim, PetscInt rank, PetscReal column, BrenierTargets *targets)
{
  PetscInt    first, n_local;
  PetscReal  *y, *nu, *direction, c[8];
  PetscInt64 *row;

  PetscFunctionBeginUser;
  PetscCall(SplitRows(PETSC_COMM_WORLD, N, &first, &n_local));
  PetscCall(PetscMalloc1((size_t)n_local * dim, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  PetscCall(PetscMalloc1((size_t)rank * dim, &direction));
  BrenierRandomNormal(11, 91, 0, (size_t)(rank * dim), direction);
  for (PetscInt i = 0; i < n_local; ++i) {
    BrenierRandomNormal(11, 92, (uint64_t)(first + i), (size_t)rank, c);
    for (PetscInt k = 0; k < dim; ++k) {
      y[i * dim + k] = 1.0;
      for (PetscInt l = 0; l < rank; ++l) y[i * dim + k] += c[l] * direction[l * dim + k];
      if (k == 0) y[i * dim + k] *= column;
    }
    nu[i]  = 1.0 / N;
    row[i] = first + i;
  }
  PetscCall(PetscFree(direction));
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, n_local, dim, y, nu, row, targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rank, distances kept, and the way there and back. */
static PetscErrorCode TestReduction(PetscInt dim, PetscInt rank, PetscReal column)
{
  const PetscInt64 zero = 0;
  BrenierTargets   t;
  BrenierSource    source;
  BrenierReduction r;
  PetscReal       *origin, *inside, *back, whole, reduced;

  PetscFunctionBeginUser;
  PetscCall(MakeFlat(dim, rank, column, &t));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", dim, 1.0, &source));
  PetscCall(BrenierReductionCreate(t, source, &r));
  PetscCheck(r->rank == rank && r->targets->dim == rank && BrenierSourceDim(r->source) == rank &&
                 BrenierSourceAmbient(r->source) == dim,
             PETSC_COMM_WORLD, PETSC_ERR_PLIB, "rank %" PetscInt_FMT " of %" PetscInt_FMT, r->rank, rank);
  PetscCall(BrenierTargetsSecondMoment(t, &whole));
  PetscCall(BrenierTargetsSecondMoment(r->targets, &reduced));
  PetscCheck(PetscAbsReal(whole - reduced) < 1e-12 * whole, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "second moments differ");
  PetscCall(PetscMalloc3(dim, &origin, rank, &inside, dim, &back));
  PetscCall(BrenierTargetsFetch(t, 1, &zero, origin));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    PetscReal size = 0.0, error = 0.0;

    for (PetscInt k = 0; k < dim; ++k) back[k] = t->y[i * dim + k] - origin[k];
    BrenierReductionProject(r, 1, back, inside);
    BrenierReductionLift(r, 1, inside, back);
    for (PetscInt k = 0; k < dim; ++k) {
      size  = PetscMax(size, PetscAbsReal(t->y[i * dim + k] - origin[k]));
      error = PetscMax(error, PetscAbsReal(t->y[i * dim + k] - origin[k] - back[k]));
    }
    PetscCheck(error <= 1e-12 * PetscMax(size, column), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "target %" PetscInt_FMT " leaves the span by %g", i, (double)error);
  }
  PetscCall(PetscFree3(origin, inside, back));
  PetscCall(BrenierReductionDestroy(&r));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (PetscInt dim = 2; dim <= 3; ++dim) {
    PetscCall(TestDerivatives("gaussian", dim));
    PetscCall(TestDerivatives("cube", dim));
    PetscCall(TestLift(dim));
  }
  PetscCall(TestDerivatives("sphere", 2));
  // In how many dimensions the hull lies is nothing that ranks share: one rank tries all
  for (const char *const *name = BrenierSourceNames; *name; ++name)
    for (PetscInt dim = 1; dim <= 3; ++dim) {
      const PetscInt least = PetscMax(dim, BrenierSourceLeastDim(*name)), most = size == 1 ? 5 : least;

      for (PetscInt ambient = least; ambient <= most; ++ambient) PetscCall(TestAgainstCurves(*name, ambient, dim));
    }
  for (PetscInt rank = 1; rank <= 5; ++rank) {
    PetscCall(TestReduction(7, rank, 1.0));
    PetscCall(TestReduction(90, rank, 1e6)); // one axis a million times as long as the others
  }
  PetscCall(TestReduction(5, 5, 1.0));
  PetscCall(PetscFinalize());
  return 0;
}
