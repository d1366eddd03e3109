/* solve_class.c - Implements solve_class.h: the steps of solve.c, on a communicator that prints nothing. */
#include "solve_class.h"

/* Heights by exact cells; *exact is cleared where these cannot be computed. */
static PetscErrorCode SolveExactly(ClassSolve *s, const BrenierCells *cells, PetscBool *exact)
{
  const BrenierReduction r = s->reduction;

  PetscFunctionBegin;
  PetscCall(BrenierSolveExact(r->targets, r->source, &s->options, PETSC_FALSE, s->h, cells, &s->start, &s->solved));
  *exact = (PetscBool)(s->solved.reason != BRENIER_REASON_UNSOUND &&
                       (s->solved.reason >= 0 || s->solved.stopped || s->solved.within_tol));
  PetscCheck(*exact || r->rank > 1, s->given->comm, PETSC_ERR_FP,
             "%s: the targets lie on a line, and their cells cannot be computed in double precision", s->given->path);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights by curves. */
static PetscErrorCode SolveByCurves(ClassSolve *s, const BrenierCells *cells)
{
  const BrenierReduction r = s->reduction;
  PetscErrorCode         ierr;

  PetscFunctionBegin;
  ierr = BrenierSolveStart(r->targets, r->source, &s->options, s->h, &s->start);
  if (ierr != BRENIER_STOPPED) PetscCall(ierr); // after a stop, the solve measures what there is
  PetscCall(BrenierSolve(r->targets, r->source, &s->options, s->start.height_scale, s->h, cells, &s->solved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights and cells in the coordinates in which the targets differ. */
static PetscErrorCode SolveReduced(ClassSolve *s, PetscBool exact)
{
  const BrenierTargets t = s->reduction->targets;
  BrenierCells         cells;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(t, &s->h));
  PetscCall(VecDuplicate(s->h, &s->mass));
  PetscCall(VecDuplicate(s->h, &s->mass_error));
  PetscCall(PetscMalloc1((size_t)t->n_local * t->dim, &cells.barycentre));
  cells.mass       = s->mass;
  cells.mass_error = s->mass_error;
  if (exact) PetscCall(SolveExactly(s, &cells, &exact));
  if (!exact) PetscCall(SolveByCurves(s, &cells));
  PetscCall(PetscMalloc1((size_t)t->n_local * s->given->dim, &s->barycentre));
  BrenierReductionLift(s->reduction, t->n_local, cells.barycentre, s->barycentre);
  PetscCall(PetscFree(cells.barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassSolve(const SolveRequest *request, BrenierArray *points, const BrenierArray *weights,
                                 PetscInt64 seed, ClassSolve *s)
{
  SolveRequest r = *request;
  PetscBool    exact;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof *s));
  PetscCall(BrenierTargetsCreate(points, weights, &s->given));
  s->weight_sum = weights ? s->given->weight_sum : (PetscReal)(s->given->n + s->given->n_merged);
  PetscCall(BrenierSourceCreate(s->given->comm, BrenierSourceNames[r.source], s->given->dim, 1.0, &s->whole));
  PetscCall(BrenierReductionCreate(s->given, s->whole, &s->reduction));
  PetscCall(BrenierSolveRequestCells(&r, s->reduction->targets, s->reduction->source));
  exact           = (PetscBool)(r.cells == BRENIER_CELLS_EXACT);
  s->options      = r.solve;
  s->options.seed = seed;
  // That of the run is between classes
  s->options.checkpoint = NULL;
  PetscCall(SolveReduced(s, exact));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassSolveDestroy(ClassSolve *s)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(s->barycentre));
  PetscCall(VecDestroy(&s->h));
  PetscCall(VecDestroy(&s->mass));
  PetscCall(VecDestroy(&s->mass_error));
  PetscCall(BrenierReductionDestroy(&s->reduction));
  PetscCall(BrenierSourceDestroy(&s->whole));
  PetscCall(BrenierTargetsDestroy(&s->given));
  PetscFunctionReturn(PETSC_SUCCESS);
}
