/* lloyd_step.c - One step of lloyd.h: the maps of all sources to the points, their cost, and the next points. */
#include "lloyd_impl.h"

#include <math.h>

PetscErrorCode BrenierLloydAllocate_Private(BrenierLloyd lloyd, BrenierLloydPoints *p)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1(lloyd->options.n_sources, &p->map));
  PetscCall(PetscMalloc1((size_t)p->targets->n_local * (size_t)p->targets->dim, &p->next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydFree_Private(BrenierLloyd lloyd, BrenierLloydPoints *p)
{
  PetscFunctionBegin;
  for (PetscInt s = 0; p->map && s < lloyd->options.n_sources; ++s) PetscCall(BrenierOutcomeDestroy(&p->map[s]));
  PetscCall(PetscFree(p->map));
  PetscCall(PetscFree(p->next));
  PetscCall(BrenierTargetsDestroy(&p->targets));
  *p = (BrenierLloydPoints){0};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W2^2 / 2 of a solved run. Of a sample that was kept it is that of the sample, which all steps share: the dual of the
   held-out curves with the energy of the others. */
static PetscReal CostOf(const BrenierRun *run)
{
  const BrenierSolved  *solved = &run->solved;
  const BrenierHeldOut *o      = &solved->held_out;
  const PetscBool       sample = (PetscBool)(!solved->exact && solved->one_pass_curves == 0 &&
                                       BrenierSourceCurveType(run->source) != BRENIER_CURVE_LINE);

  return sample ? o->dual.value + o->energy - (solved->last.energy + run->targets->shift) : o->dual.value;
}

/* Curves of the sample where none are asked for: as many as a held-out measurement has. */
static void SetSample(BrenierRun *run)
{
  BrenierSolveOptions *solve = &run->options.solve;

  if (solve->curves == 0) solve->curves = BrenierHeldOutDefaultCurves(run->source, run->targets->n);
}

/* The map of source s. Its outcome becomes the points'. Where the solve failed the dual at its heights is too low, and
   the cost is infinite. */
static PetscErrorCode SolveOne(BrenierLloyd lloyd, PetscInt s, const BrenierOutcome *before, BrenierLloydPoints *points,
                               PetscBool *stopped)
{
  BrenierRunOptions options = lloyd->options.run;
  BrenierRun       *run;
  BrenierExit       outcome;

  PetscFunctionBegin;
  options.source           = lloyd->options.source[s];
  options.start            = NULL;
  options.start_from       = before;
  options.output           = NULL;
  options.solve.checkpoint = NULL;
  options.solve.tol        = 0.0;
  PetscCall(BrenierRunCreate(points->targets, &options, &run));
  SetSample(run);
  PetscCall(BrenierRunSolve(run, &outcome));
  *stopped = (PetscBool)(run->solved.stopped != BRENIER_STOP_NONE);
  if (!*stopped) {
    points->map[s] = run->outcome;
    points->cost += run->solved.reason < 0 ? PETSC_INFINITY : lloyd->options.lambda[s] * CostOf(run);
    points->rho  = PetscMax(points->rho, run->solved.held_out.rho);
    run->outcome = (BrenierOutcome){0};
  }
  PetscCall(BrenierRunDestroy(&run));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A cell that no curve met has no barycentre: its point stands in. */
PetscErrorCode BrenierLloydNext_Private(BrenierLloyd lloyd, BrenierLloydPoints *p)
{
  const BrenierTargets t = p->targets;
  PetscReal           *term;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(t->n_local, &term));
  for (PetscInt i = 0; i < t->n_local; ++i)
    for (PetscInt k = 0; k < t->dim; ++k) {
      const size_t at   = (size_t)i * (size_t)t->dim + (size_t)k;
      PetscReal    mean = 0.0;

      for (PetscInt s = 0; s < lloyd->options.n_sources; ++s) {
        const PetscReal b = p->map[s].barycentre.value[at];

        mean += lloyd->options.lambda[s] * (isnan(b) ? t->y[at] : b);
      }
      p->next[at] = mean;
      term[i] += t->nu[i] * PetscSqr(mean - t->y[at]);
    }
  PetscCall(BrenierExactSum(t->comm, t->n_local, 1, term, &p->move));
  p->move = PetscSqrtReal(p->move);
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLloydSolve_Private(BrenierLloyd lloyd, const BrenierLloydPoints *before, BrenierLloydPoints *p,
                                         PetscBool *stopped)
{
  PetscFunctionBegin;
  *stopped = PETSC_FALSE;
  PetscCall(BrenierLloydAllocate_Private(lloyd, p));
  for (PetscInt s = 0; s < lloyd->options.n_sources && !*stopped; ++s)
    PetscCall(SolveOne(lloyd, s, before->map ? &before->map[s] : NULL, p, stopped));
  if (!*stopped) PetscCall(BrenierLloydNext_Private(lloyd, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}
