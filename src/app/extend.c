/* extend.c - Implements extend.h. */
#include "extend.h"

#include <brenier/barycentre.h>
#include <brenier/class_result.h>

const char *const BrenierSingularNames[] = {"project", "reject", "keep", NULL};

const char *const BrenierExtensionNames[] = {"none", "linear", "piecewise", NULL};

PetscErrorCode BrenierThresholdCheck(BrenierThreshold *t)
{
  PetscFunctionBegin;
  PetscCall(BrenierOptionGiven("-threshold", &t->by_angle));
  PetscCall(BrenierOptionGiven("-quantile", &t->by_quantile));
  PetscCheck(!t->by_angle || !t->by_quantile, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "options -threshold and -quantile exclude each other; give one of them");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSingular(BrenierExtensionOptions *e)
{
  PetscBool has_singular, has_angle, has_threshold;

  PetscFunctionBegin;
  PetscCall(BrenierThresholdCheck(&e->threshold));
  PetscCall(BrenierOptionGiven("-singular", &has_singular));
  PetscCall(BrenierOptionGiven("-angle", &has_angle));
  has_threshold = (PetscBool)(e->threshold.by_angle || e->threshold.by_quantile);
  PetscCall(BrenierOptionNeeds("-singular", has_singular, has_threshold,
                               "-threshold or -quantile, which define the singular set"));
  PetscCall(BrenierOptionNeeds("-angle", has_angle, has_threshold, "-threshold or -quantile"));
  PetscCall(BrenierOptionNeeds(e->threshold.by_angle ? "-threshold" : "-quantile", has_threshold, e->linear,
                               "-extension linear: without it every code is a target"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtensionOptionsCheck(PetscBool singular, BrenierExtensionOptions *e)
{
  PetscFunctionBegin;
  e->linear    = (PetscBool)(e->kind == BRENIER_EXTENSION_LINEAR);
  e->piecewise = (PetscBool)(e->kind == BRENIER_EXTENSION_PIECEWISE);
  PetscCall(BrenierOptionNeeds("-neighbours", (PetscBool)(e->neighbours > 0), e->linear, "-extension linear"));
  PetscCall(BrenierOptionNeeds("-curves", (PetscBool)(e->curves > 0), (PetscBool)(e->linear || e->piecewise),
                               "-extension linear or piecewise"));
  e->extension.n_neighbours = (PetscInt)e->neighbours;
  if (singular) PetscCall(CheckSingular(e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierThresholdDegrees(const BrenierThreshold *t, const BrenierResult *result, BrenierTargets targets,
                                       Vec h, PetscInt64 curves, PetscReal *degrees)
{
  BrenierFacets facets;

  PetscFunctionBegin;
  *degrees = t->by_angle ? t->threshold : 180.0;
  if (!t->by_quantile) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(
      BrenierFacetsMeasure(targets, result->source, h, (BrenierAngle)t->convention, result->seed, curves, &facets));
  PetscCall(BrenierFacetsQuantile(&facets, t->quantile, degrees));
  PetscCall(BrenierFacetsDestroy(&facets));
  PetscCall(BrenierPrintWorld("singular set: angles above %.4g degrees (%s), the quantile %g by facet mass",
                              (double)*degrees, BrenierAngleNames[t->convention], (double)t->quantile));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the result file, or measured. */
static PetscErrorCode FindBarycentres(BrenierExtensionOptions *e, const BrenierResult *result, BrenierTargets t, Vec h)
{
  PetscBool found = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)t->n_local * (size_t)t->dim, &e->barycentre));
  if (!e->curves && result->has_label)
    PetscCall(BrenierResultReadClassBarycentres(result->input, result->label, t, e->barycentre, &found));
  else if (!e->curves) PetscCall(BrenierResultReadBarycentres(result->input, t, e->barycentre, &found));
  if (!found) PetscCall(BrenierBarycentresMeasure(t, result->source, h, result->seed, e->curves, e->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtensionOptionsSetUp(BrenierExtensionOptions *e, const BrenierResult *result, BrenierTargets t,
                                            Vec h)
{
  BrenierExtension *x = &e->extension;

  PetscFunctionBegin;
  if (!e->linear) x->n_neighbours = 1;
  else if (!x->n_neighbours) x->n_neighbours = PetscMin(BRENIER_NEIGHBOURS, t->n);
  PetscCheck(x->n_neighbours <= t->n, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -neighbours %" PetscInt_FMT " is more than the %" PetscInt_FMT " targets of %s", x->n_neighbours,
             t->n, result->input);
  x->convention = (BrenierAngle)e->threshold.convention;
  x->projects   = (PetscBool)(e->singular == BRENIER_SINGULAR_PROJECT);
  PetscCall(BrenierThresholdDegrees(&e->threshold, result, t, h, e->curves, &x->threshold));
  if (e->linear || e->piecewise) PetscCall(FindBarycentres(e, result, t, h));
  if (e->piecewise) PetscCall(BrenierPiecewiseCreate(t, result->source, h, e->barycentre, &x->piecewise));
  x->barycentre = e->barycentre;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtensionOptionsDestroy(BrenierExtensionOptions *e)
{
  PetscFunctionBegin;
  PetscCall(BrenierPiecewiseDestroy(&e->extension.piecewise));
  PetscCall(PetscFree(e->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierExtensionOptionsSetAttributes(const BrenierExtensionOptions *e, BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(BrenierStoreSetText(store, "/", "extension", BrenierExtensionNames[e->kind]));
  if (e->piecewise)
    PetscCall(BrenierStoreSetText(store, "/", "triangulation",
                                  BrenierTriangulationNames[BrenierPiecewiseKind(e->extension.piecewise)]));
  if (!e->linear) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreSetInt(store, "/", "neighbours", e->extension.n_neighbours));
  if (!e->threshold.by_angle && !e->threshold.by_quantile) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreSetText(store, "/", "singular", BrenierSingularNames[e->singular]));
  PetscCall(BrenierStoreSetText(store, "/", "angle", BrenierAngleNames[e->threshold.convention]));
  PetscCall(BrenierStoreSetReal(store, "/", "threshold", e->extension.threshold));
  PetscFunctionReturn(PETSC_SUCCESS);
}
