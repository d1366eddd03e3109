/*
  hierarchy.c - Implements hierarchy.h and BrenierSolveRestart() of solve.h.

  A cluster c replaces its members y by one target with the sum of their weights. Its cell is about the union of their
  cells, and minus its barycentre is the gradient of the true height function at c. So the members start from
    h(y) = h_c - <bary_c, y - c> + q(y - c),   q(x) = -(scale / 2) x' Cov^(-1/2) x,
  q the second-order term of the Gaussian start, which is exact if both measures are Gaussian.
*/
#include "hierarchy.h"
#include "budget.h"
#include "methods/height_scale.h"

#include <brenier/base.h>
#include <brenier/scales.h>
#include <brenier/cluster.h>
#include <brenier/linear.h>
#include <brenier/transport.h>

#include <math.h>
#include <petscsf.h>

/* Assignments of the clustering. */
static const PetscInt brenier_cluster_steps = 3;

/* Curves of a level's warm-up, over its targets. */
static const PetscReal brenier_level_warm_up = 2.0;

/* Slabs of the quadratic form for which clusters are fetched together: some 64 MB. */
enum { BRENIER_SLABS_AT_ONCE = 16 };

/* In-sample L1 residual at which a level ends, in parts of its sampling error. */
static const PetscReal brenier_level_part = 0.4;

static PetscErrorCode UseLists(BrenierDual dual, Vec h, PetscReal height_scale)
{
  Vec skin;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(h, &skin));
  PetscCall(VecSet(skin, brenier_first_skin * height_scale));
  PetscCall(BrenierDualSetSkin(dual, skin));
  PetscCall(VecDestroy(&skin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GaussianHeights(BrenierTargets t, BrenierSource source, Vec h)
{
  const BrenierCoordinates y = BrenierTargetsCoordinates(t, PETSC_TRUE);
  PetscScalar             *a;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(h, &a));
  PetscCall(BrenierGaussianStart(t->comm, &y, t->nu, BrenierSourceDeviation(source), a));
  PetscCall(VecRestoreArrayWrite(h, &a));
  PetscCall(VecScale(h, t->unit));
  PetscCall(BrenierTargetsGauge(t, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From clusters to their members. */
typedef struct {
  BrenierTargets      coarse;
  const PetscInt64   *parent;     /* of each target here */
  const PetscReal    *barycentre; /* shape [clusters here, dim]; NaN of an empty cell */
  const PetscReal    *shift;      /* that all targets made since, shape [dim]; NULL for none */
  BrenierGaussianForm form;
  /* work, of some targets at once */
  PetscReal *centre, *bary; /* shape [n, dim] */
  PetscReal *value;         /* shape [n] */
} Prolongation;

/* h += -<b, a> + quadratic form of a, for n targets from the first on: a = y - c - shift, of the cluster with centre c
   and barycentre b. Collective. */
static PetscErrorCode ProlongSome(Prolongation *p, BrenierTargets t, PetscInt first, PetscInt n, PetscScalar h[])
{
  const BrenierCoordinates y      = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const PetscInt64        *parent = p->parent + first;
  BrenierCoordinates       apart;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsFetch(p->coarse, n, parent, p->centre));
  PetscCall(BrenierTargetsFetchRows(p->coarse, n, parent, t->dim, p->barycentre, p->bary));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal *b = p->bary + (size_t)i * t->dim;
    PetscReal       *a = p->centre + (size_t)i * t->dim;

    for (PetscInt k = 0; k < t->dim; ++k) {
      a[k] = BrenierCoordinate(&y, first + i, k) - a[k] - (p->shift ? p->shift[k] : 0.0);
      if (!PetscIsNanReal(b[k])) h[i] -= b[k] * a[k]; // an empty cell has no barycentre
    }
  }
  apart = BrenierCoordinatesOf(n, t->dim, p->centre);
  PetscCall(BrenierGaussianFormApply(&p->form, &apart, NULL, p->value));
  for (PetscInt i = 0; i < n; ++i) h[i] += p->value[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Prolong(BrenierTargets t, BrenierSource source, BrenierTargets coarse, const PetscInt64 parent[],
                              Vec coarse_h, const PetscReal barycentre[], const PetscReal shift[], Vec h)
{
  const BrenierCoordinates y   = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const size_t             dim = (size_t)t->dim;
  PetscInt                 at_once, room, most = t->n_local; // on any rank
  Prolongation             p = {.coarse = coarse, .parent = parent, .barycentre = barycentre, .shift = shift};
  PetscScalar             *to;
  const PetscScalar       *from;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, t->comm));
  PetscCall(BrenierGaussianFormCreate(t->comm, &y, t->nu, BrenierSourceDeviation(source), &p.form));
  at_once = BRENIER_SLABS_AT_ONCE * BrenierGaussianFormRows(&p.form);
  room    = PetscMin(at_once, t->n_local);
  PetscCall(PetscMalloc3((size_t)room * dim, &p.centre, (size_t)room * dim, &p.bary, room, &p.value));
  PetscCall(VecGetArrayWrite(h, &to));
  PetscCall(VecGetArrayRead(coarse_h, &from));
  PetscCall(BrenierTargetsFetchRows(coarse, t->n_local, parent, 1, from, to));
  PetscCall(VecRestoreArrayRead(coarse_h, &from));
  for (PetscInt i = 0; i < most; i += at_once) {
    const PetscInt first = PetscMin(i, t->n_local);

    PetscCall(ProlongSome(&p, t, first, PetscMin(at_once, t->n_local - first), to + first));
  }
  PetscCall(VecRestoreArrayWrite(h, &to));
  PetscCall(BrenierTargetsGauge(t, h));
  PetscCall(PetscFree3(p.centre, p.bary, p.value));
  PetscCall(BrenierGaussianFormDestroy(&p.form));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights, and those of the last safe point of Newton. */
typedef struct {
  Vec h, saved;
} Level;

static PetscErrorCode SaveLevel(void *context, const BrenierNewtonState *state)
{
  Level *level = context;

  PetscFunctionBegin;
  (void)state;
  PetscCall(VecCopy(level->h, level->saved));
  PetscCall(BrenierStopHere(PetscObjectComm((PetscObject)level->h)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton on the sample of a level; after a stop, the heights of its last safe point and no barycentres. */
static PetscErrorCode RunLevel(BrenierDual dual, BrenierTargets t, BrenierNewtonOptions *newton, Vec h,
                               PetscReal barycentre[], BrenierIteration *last)
{
  Level          level = {.h = h};
  BrenierReason  reason;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(h, &level.saved));
  PetscCall(VecCopy(h, level.saved));
  newton->safe_point = SaveLevel;
  newton->context    = &level;
  ierr               = BrenierNewton(dual, t, newton, h, last, &reason);
  if (ierr == BRENIER_STOPPED) PetscCall(VecCopy(level.saved, h));
  PetscCall(VecDestroy(&level.saved));
  PetscCall(ierr);
  PetscCall(BrenierDualBarycentres(dual, &(BrenierMutablePoints){t->dim, barycentre, NULL}));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for the clusters of one level to a rough tolerance: heights and barycentres of their cells; after a stop,
   heights alone. */
static PetscErrorCode SolveLevel(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options, Vec h,
                                 PetscReal barycentre[], BrenierStart *start)
{
  const PetscBool      circles = (PetscBool)(BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
  const PetscInt64     curves  = BrenierBudgetLevelCurves_Private(t->n, circles);
  const PetscInt       batches = 16;
  const PetscInt       max_it  = 50; // independent of the limit for the targets themselves
  BrenierNewtonOptions newton  = options->newton;
  BrenierIteration     last;
  BrenierDual          dual;
  BrenierScales        scales;
  PetscReal            height_scale;
  PetscLogDouble       begun, ended;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)t->n_local * t->dim; ++i) barycentre[i] = NAN; // until there are some
  PetscCall(BrenierHierarchyStart(t, source, options, h, start));
  PetscCall(PetscTime(&begun));
  PetscCall(BrenierWarmUp(t, source, options->seed, brenier_level_warm_up, NULL, h, &height_scale));
  PetscCall(BrenierDualCreate(t, source, options->seed, BRENIER_STREAM_LEVEL, curves, batches, &dual));
  PetscCall(BrenierTargetsScales(t, &scales));
  if (BrenierBudgetUsesLists_Private(t->n, t->dim) && !scales) PetscCall(UseLists(dual, h, height_scale));
  newton.monitor              = NULL;
  newton.certify              = PETSC_FALSE;
  newton.convergence.l1_part  = brenier_level_part;
  newton.convergence.residual = 0.0;
  newton.convergence.max_it   = max_it;
  newton.height_scale         = height_scale; // bounds the lift of empty cells
  ierr                        = RunLevel(dual, t, &newton, h, barycentre, &last);
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(ierr);
  PetscCall(PetscTime(&ended));
  if (start->n_levels < BRENIER_MAX_LEVELS) start->level[start->n_levels++] = t->n;
  PetscCall(BrenierPrint(t->comm,
                         "level: %" PetscInt_FMT " clusters, %.0f curves, %.0f iterations, L1 in sample %.1e, %.1f s",
                         t->n, last.curves, last.iteration, last.l1, ended - begun));
  PetscCall(BrenierLog(t->comm, "level", "i clusters", (PetscInt64)t->n, "r curves", last.curves, "r iterations",
                       last.iteration, "r l1", last.l1, "r sampling_error", last.sampling_error, "r noise",
                       last.sampling_error, "r level_seconds", ended - begun, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHierarchyStart(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options, Vec h,
                                     BrenierStart *start)
{
  const PetscInt n_clusters = BrenierBudgetClusters_Private(t->n);
  BrenierTargets coarse;
  PetscInt64    *parent;
  PetscReal     *barycentre;
  Vec            coarse_h;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (n_clusters == 0 || BrenierSourceCurveType(source) == BRENIER_CURVE_LINE) {
    PetscCall(GaussianHeights(t, source, h));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc1(t->n_local, &parent));
  ierr = BrenierCluster(t, n_clusters, brenier_cluster_steps, options->seed, &coarse, parent);
  if (ierr) {
    PetscCall(PetscFree(parent));
    if (ierr == BRENIER_STOPPED) PetscCall(GaussianHeights(t, source, h));
    PetscCall(ierr);
  }
  PetscCall(BrenierTargetsCreateVec(coarse, &coarse_h));
  PetscCall(PetscMalloc1((size_t)coarse->n_local * t->dim, &barycentre));
  ierr = SolveLevel(coarse, source, options, coarse_h, barycentre, start);
  if (ierr && ierr != BRENIER_STOPPED) PetscCall(ierr);
  PetscCall(Prolong(t, source, coarse, parent, coarse_h, barycentre, NULL, h));
  PetscCall(PetscFree(barycentre));
  PetscCall(PetscFree(parent));
  PetscCall(VecDestroy(&coarse_h));
  PetscCall(BrenierTargetsDestroy(&coarse));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The nearest of the targets solved before, all seen from their centre. */
static PetscErrorCode Nearest(BrenierTargets t, BrenierTargets before, PetscInt64 parent[])
{
  BrenierCoordinates x = BrenierTargetsCoordinates(t, PETSC_FALSE);
  Vec                height;
  PetscErrorCode     ierr;

  PetscFunctionBegin;
  x.origin = before->centre;
  PetscCall(BrenierTransportNearestHeights(before, before->centre, &height));
  ierr = BrenierTransportCells(before, height, &x, parent);
  PetscCall(VecDestroy(&height));
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierSolveRestart(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options,
                                   BrenierTargets before, Vec before_h, const PetscReal barycentre[], Vec h,
                                   BrenierStart *start)
{
  const PetscBool moved = (PetscBool)(t->n == before->n);
  PetscInt64     *parent;
  PetscReal      *shift;
  Vec             mass;
  PetscErrorCode  ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(start, sizeof *start));
  PetscCall(PetscMalloc1(t->n_local, &parent));
  PetscCall(PetscMalloc1(t->dim, &shift));
  for (PetscInt i = 0; i < t->n_local; ++i) parent[i] = t->first + i;
  // When all targets move alike cells and heights stay as they are
  for (PetscInt k = 0; k < t->dim; ++k) shift[k] = t->centre[k] - before->centre[k];
  if (!moved) ierr = Nearest(t, before, parent);
  if (!ierr) PetscCall(Prolong(t, source, before, parent, before_h, barycentre, moved ? shift : NULL, h));
  else if (ierr == BRENIER_STOPPED) PetscCall(GaussianHeights(t, source, h));
  PetscCall(PetscFree(parent));
  PetscCall(PetscFree(shift));
  PetscCall(ierr);
  PetscCall(VecDuplicate(h, &mass));
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE || t->n == 1) start->height_scale = 0.0;
  else if (moved) PetscCall(BrenierHeightScale_Private(t, source, options->seed, NULL, h, mass, &start->height_scale));
  else
    PetscCall(BrenierWarmUp(t, source, options->seed,
                            PetscMax(options->warm_up, 0.0) > 0.0 ? options->warm_up : brenier_level_warm_up,
                            options->checkpoint, h, &start->height_scale));
  PetscCall(VecDestroy(&mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}
