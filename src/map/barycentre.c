/* barycentre.c - Implements barycentre.h. */
#include <brenier/barycentre.h>
#include <brenier/base.h>
#include <brenier/dual.h>
#include <brenier/held_out.h>
#include <brenier/laguerre.h>
#include <brenier/reduction.h>

static PetscErrorCode Sampled(BrenierTargets t, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 n_curves,
                              PetscReal barycentre[])
{
  BrenierDual      dual;
  BrenierDualValue value;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_BARYCENTRE, n_curves, 1, &dual));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualBarycentres(dual, &(BrenierMutablePoints){t->dim, barycentre, NULL}));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* *sound is false, and nothing else set, where cells are not known exactly. */
static PetscErrorCode Exact(BrenierTargets t, BrenierSource source, Vec h, PetscReal barycentre[], PetscBool *sound)
{
  BrenierLaguerre laguerre;
  PetscReal       energy;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreAt(t, source, h, NULL, &energy, &laguerre));
  *sound = (PetscBool)(laguerre != NULL);
  if (*sound) PetscCall(BrenierLaguerreBarycentres(laguerre, barycentre));
  PetscCall(BrenierLaguerreDestroy(&laguerre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierBarycentresMeasure(BrenierTargets t, BrenierSource source, Vec h, PetscInt64 seed,
                                         PetscInt64 n_curves, PetscReal barycentre[])
{
  BrenierReduction r;
  PetscBool        exact = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(BrenierReductionCreate(t, source, &r));
  PetscCall(BrenierReductionHeights(r, BRENIER_REDUCTION_IN, h));
  if (n_curves == 0) PetscCall(Exact(r->targets, r->source, h, barycentre, &exact));
  if (n_curves == 0) n_curves = BrenierHeldOutDefaultCurves(r->source, t->n);
  if (!exact) PetscCall(Sampled(r->targets, r->source, h, seed, n_curves, barycentre));
  BrenierReductionLift(r, t->n_local, barycentre, barycentre);
  PetscCall(BrenierReductionHeights(r, BRENIER_REDUCTION_OUT, h));
  PetscCall(BrenierReductionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}
