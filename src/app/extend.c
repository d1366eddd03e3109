/* extend.c - Implements extend.h. */
#include "extend.h"

#include <brenier/barycentre.h>

const char *const BrenierSingularNames[] = {"project", "reject", "keep", NULL};

static const char *const brenier_extensions[] = {"none", "linear", NULL};

enum { BRENIER_NEIGHBOURS = 3 };

PetscErrorCode BrenierOptionsThreshold(BrenierThreshold *t)
{
  PetscInt convention = BRENIER_ANGLE_LIFTED;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(t, sizeof *t));
  PetscCall(BrenierOptionChoice("-angle", BrenierAngleNames, &convention, NULL));
  PetscCall(BrenierOptionReal("-threshold", 0.0, 180.0, &t->threshold, &t->by_angle));
  PetscCall(BrenierOptionReal("-quantile", 0.0, 1.0, &t->quantile, &t->by_quantile));
  PetscCheck(!t->by_angle || !t->by_quantile, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "-threshold and -quantile both say where the singular set begins; name one");
  t->convention = (BrenierAngle)convention;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options that mean nothing without another one. */
static PetscErrorCode RefuseWithout(PetscBool given, const char name[], PetscBool other, const char needed[])
{
  PetscFunctionBegin;
  PetscCheck(!given || other, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s needs %s", name, needed);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadSingular(BrenierExtend *e)
{
  PetscInt  singular = BRENIER_SINGULAR_PROJECT;
  PetscBool given, has_angle, has_threshold;

  PetscFunctionBegin;
  PetscCall(BrenierOptionsThreshold(&e->threshold));
  PetscCall(BrenierOptionChoice("-singular", BrenierSingularNames, &singular, &given));
  PetscCall(PetscOptionsHasName(NULL, NULL, "-angle", &has_angle));
  has_threshold = (PetscBool)(e->threshold.by_angle || e->threshold.by_quantile);
  PetscCall(RefuseWithout(given, "-singular", has_threshold, "-threshold or -quantile, which say what is singular"));
  PetscCall(RefuseWithout(has_angle, "-angle", has_threshold, "-threshold or -quantile"));
  PetscCall(RefuseWithout(has_threshold, e->threshold.by_angle ? "-threshold" : "-quantile", e->linear,
                          "-extension linear: without it every code is a target"));
  e->singular = (BrenierSingular)singular;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierOptionsExtend(PetscBool singular, BrenierExtend *e)
{
  PetscInt   kind       = 0;
  PetscInt64 neighbours = 0;
  PetscBool  has_neighbours, has_curves;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(e, sizeof *e));
  PetscCall(BrenierOptionChoice("-extension", brenier_extensions, &kind, NULL));
  e->linear = (PetscBool)(kind == 1);
  PetscCall(BrenierOptionInt("-neighbours", 1, PETSC_MAX_INT, &neighbours, &has_neighbours));
  PetscCall(BrenierOptionInt("-curves", 64, PETSC_MAX_INT, &e->curves, &has_curves));
  PetscCall(RefuseWithout(has_neighbours, "-neighbours", e->linear, "-extension linear"));
  PetscCall(RefuseWithout(has_curves, "-curves", e->linear, "-extension linear"));
  e->extension.n_neighbours = (PetscInt)neighbours;
  if (singular) PetscCall(ReadSingular(e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierThresholdDegrees(const BrenierThreshold *t, const BrenierResult *result, BrenierTargets targets,
                                       Vec h, PetscInt64 curves, PetscReal *degrees)
{
  BrenierFacets facets;

  PetscFunctionBegin;
  *degrees = t->by_angle ? t->threshold : 180.0;
  if (!t->by_quantile) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierFacetsMeasure(targets, result->source, h, t->convention, result->seed, curves, &facets));
  PetscCall(BrenierFacetsQuantile(&facets, t->quantile, degrees));
  PetscCall(BrenierFacetsDestroy(&facets));
  PetscCall(BrenierSay("singular above %.4g degrees (%s), the quantile %g by facet mass", (double)*degrees,
                       BrenierAngleNames[t->convention], (double)t->quantile));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the result file, or measured. */
static PetscErrorCode FindBarycentres(BrenierExtend *e, const BrenierResult *result, BrenierTargets t, Vec h)
{
  PetscBool found = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim, &e->barycentre));
  if (!e->curves) PetscCall(BrenierResultReadBarycentres(result->input, t, e->barycentre, &found));
  if (!found) PetscCall(BrenierBarycentresMeasure(t, result->source, h, result->seed, e->curves, e->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtendSetUp(BrenierExtend *e, const BrenierResult *result, BrenierTargets t, Vec h)
{
  BrenierExtension *x = &e->extension;

  PetscFunctionBegin;
  if (!e->linear) x->n_neighbours = 1;
  else if (!x->n_neighbours) x->n_neighbours = PetscMin(BRENIER_NEIGHBOURS, t->n);
  PetscCheck(x->n_neighbours <= t->n, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -neighbours asks for %" PetscInt_FMT " of the %" PetscInt_FMT " targets of %s", x->n_neighbours,
             t->n, result->input);
  x->convention = e->threshold.convention;
  x->projects   = (PetscBool)(e->singular == BRENIER_SINGULAR_PROJECT);
  PetscCall(BrenierThresholdDegrees(&e->threshold, result, t, h, e->curves, &x->threshold));
  if (e->linear) PetscCall(FindBarycentres(e, result, t, h));
  x->barycentre = e->barycentre;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtendDestroy(BrenierExtend *e)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(e->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtendSetAttributes(const BrenierExtend *e, BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(BrenierStoreSetText(store, "/", "extension", brenier_extensions[e->linear]));
  if (!e->linear) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreSetInt(store, "/", "neighbours", e->extension.n_neighbours));
  if (!e->threshold.by_angle && !e->threshold.by_quantile) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreSetText(store, "/", "singular", BrenierSingularNames[e->singular]));
  PetscCall(BrenierStoreSetText(store, "/", "angle", BrenierAngleNames[e->threshold.convention]));
  PetscCall(BrenierStoreSetReal(store, "/", "threshold", e->extension.threshold));
  PetscFunctionReturn(PETSC_SUCCESS);
}
