/* piecewise.c - Implements piecewise.h. */
#include <brenier/base.h>
#include <brenier/piecewise.h>
#include <brenier/reduction.h>

#include "gather.h"
#include "low/triangulation.h"

#include <math.h>

struct _p_BrenierPiecewise {
  BrenierReduction         reduction;
  PetscInt                 dim, rank; /* of the targets; of their affine hull */
  PetscInt                 n;         /* targets with a known barycentre */
  PetscReal               *y;         /* these targets, shape [n, dim] */
  PetscReal               *b;         /* their barycentres in the coordinates of the reduction, shape [n, rank] */
  PetscInt                *place;     /* of each target among these, -1 for none, shape [all targets] */
  BrenierTriangulation     triangulation;
  BrenierTriangulationKind kind;
};

const char *const BrenierTriangulationNames[] = {"dual", "delaunay", NULL};

/* Volumes that differ by less, relatively, are the same. */
static const PetscReal brenier_same_volume = 1e-9;

/* Targets and barycentres of all ranks, without those whose barycentre is not known. */
static PetscErrorCode Gather(BrenierPiecewise p, BrenierTargets t, const PetscReal barycentre[])
{
  PetscReal *own, *reduced;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)t->n_local * t->dim, &own, (size_t)t->n_local * p->rank, &reduced));
  PetscCall(PetscMalloc3((size_t)t->n * p->dim, &p->y, (size_t)t->n * p->rank, &p->b, t->n, &p->place));
  if (p->rank < p->dim) BrenierReductionProject(p->reduction, t->n_local, barycentre, reduced);
  else PetscCall(PetscArraycpy(reduced, barycentre, (size_t)t->n_local * p->rank));
  PetscCall(BrenierTargetsCopyCoordinates(t, own));
  PetscCall(BrenierGatherRows_Private(t, p->dim, own, p->y));
  PetscCall(BrenierGatherRows_Private(t, p->rank, reduced, p->b));
  for (PetscInt i = 0; i < t->n; ++i) {
    p->place[i] = -1;
    if (isnan(p->b[(size_t)i * p->rank])) continue;
    PetscCall(PetscArraymove(p->y + (size_t)p->n * p->dim, p->y + (size_t)i * p->dim, p->dim));
    PetscCall(PetscArraymove(p->b + (size_t)p->n * p->rank, p->b + (size_t)i * p->rank, p->rank));
    p->place[i] = p->n++;
  }
  PetscCall(PetscFree2(own, reduced));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The dual of the power diagram, with barycentres for vertices. */
static PetscErrorCode MakeDual(BrenierPiecewise p, BrenierTargets t, Vec h, BrenierTriangulation *dual)
{
  const PetscScalar *mine;
  PetscReal         *reduced, *all;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)p->n * p->rank, &reduced, t->n, &all));
  PetscCall(VecGetArrayRead(h, &mine));
  PetscCall(BrenierGatherRows_Private(t, 1, mine, all));
  PetscCall(VecRestoreArrayRead(h, &mine));
  for (PetscInt i = 0; i < t->n; ++i)
    if (p->place[i] >= 0) all[p->place[i]] = all[i];
  if (p->rank < p->dim) BrenierReductionProject(p->reduction, p->n, p->y, reduced);
  else PetscCall(PetscArraycpy(reduced, p->y, (size_t)p->n * p->rank));
  PetscCall(BrenierTriangulationCreate(t->comm, p->rank, p->n, reduced, all, dual));
  PetscCall(BrenierTriangulationMove(p->b, dual));
  PetscCall(PetscFree2(reduced, all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The dual, where it covers what the Delaunay triangulation covers, once; else that. */
static PetscErrorCode Triangulate(BrenierPiecewise p, BrenierTargets t, Vec h)
{
  BrenierTriangulation dual;
  PetscReal            size;

  PetscFunctionBegin;
  PetscCall(BrenierTriangulationCreate(t->comm, p->rank, p->n, p->b, NULL, &p->triangulation));
  p->kind = BRENIER_TRIANGULATION_DELAUNAY;
  size    = BrenierTriangulationSize(&p->triangulation);
  PetscCall(MakeDual(p, t, h, &dual));
  if (size > 0.0 && PetscAbsReal(BrenierTriangulationSize(&dual) / size - 1.0) < brenier_same_volume) {
    const BrenierTriangulation delaunay = p->triangulation;

    p->triangulation = dual;
    p->kind          = BRENIER_TRIANGULATION_DUAL;
    dual             = delaunay;
  }
  PetscCall(BrenierTriangulationFree(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierTriangulationKind BrenierPiecewiseKind(BrenierPiecewise p)
{
  return p->kind;
}

PetscErrorCode BrenierPiecewiseCreate(BrenierTargets t, BrenierSource source, Vec h, const PetscReal barycentre[],
                                      BrenierPiecewise *piecewise)
{
  const PetscInt   most_dim = 3;
  BrenierPiecewise p;

  PetscFunctionBegin;
  PetscCall(PetscNew(&p));
  PetscCall(BrenierReductionCreate(t, source, &p->reduction));
  p->dim  = t->dim;
  p->rank = p->reduction->rank;
  PetscCheck(p->rank <= most_dim, t->comm, PETSC_ERR_USER_INPUT,
             "the piecewise linear extension is for targets that span at most three dimensions, not %" PetscInt_FMT
             "; the linear one is for any",
             p->rank);
  PetscCheck(p->rank == p->dim || !BrenierSourceIsAffine(source), t->comm, PETSC_ERR_USER_INPUT,
             "the targets span %" PetscInt_FMT " of %" PetscInt_FMT
             " dimensions, and the source has a mean or a factor; take the linear extension",
             p->rank, p->dim);
  PetscCall(Gather(p, t, barycentre));
  if (p->n > p->rank) PetscCall(Triangulate(p, t, h));
  PetscCheck(p->triangulation.n_simplices > 0, t->comm, PETSC_ERR_FILE_UNEXPECTED,
             "the barycentres of %" PetscInt_FMT " cells span fewer than %" PetscInt_FMT
             " dimensions; take the linear extension",
             p->n, p->rank);
  *piecewise = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecewiseApply(BrenierPiecewise p, PetscInt n, const PetscReal x[], const PetscInt64 index[],
                                     PetscReal code[])
{
  BrenierPlaceInside place;
  PetscReal          reduced[BRENIER_MOST_CORNERS];

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal *at = x + (size_t)i * p->dim;
    PetscReal       *to = code + (size_t)i * p->dim;

    if (p->rank < p->dim) {
      BrenierReductionProject(p->reduction, 1, at, reduced);
      at = reduced;
    }
    BrenierTriangulationLocate(&p->triangulation, p->place[index[i]], at, &place);
    PetscCall(PetscArrayzero(to, p->dim));
    for (PetscInt k = 0; k <= p->rank; ++k)
      for (PetscInt c = 0; c < p->dim; ++c) to[c] += place.weight[k] * p->y[(size_t)place.vertex[k] * p->dim + c];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecewiseDestroy(BrenierPiecewise *piecewise)
{
  BrenierPiecewise p = *piecewise;

  PetscFunctionBegin;
  if (!p) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierTriangulationFree(&p->triangulation));
  PetscCall(PetscFree3(p->y, p->b, p->place));
  PetscCall(BrenierReductionDestroy(&p->reduction));
  PetscCall(PetscFree(*piecewise));
  PetscFunctionReturn(PETSC_SUCCESS);
}
