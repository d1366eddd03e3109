/* solve_exact.c - Implements BrenierSolveExact() of solve.h: levels, Newton, its safe points, and the result. */
#include <brenier/base.h>

#include "methods/exact.h"
#include "exact_order.h"
#include "exact_start.h"
#include "solve_run.h"

/* L1 residual at which a level of clusters ends. */
static const PetscReal brenier_level_residual = 0.02;

/* A solve on its way through this file. */
typedef struct {
  const BrenierSolveOptions *options;
  BrenierExactOrder          order;
  Vec                        h;       /* of the given targets */
  Vec                        ordered; /* the same of the ordered ones */
  BrenierSolved             *solved;
  BrenierSolveState          state;
} ExactRun;

static PetscErrorCode Monitor(void *context, const BrenierIteration *now)
{
  ExactRun *run = context;

  PetscFunctionBegin;
  run->state.newest = *now;
  PetscCall(BrenierSolveRecord_Private(run->options, now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SafePoint(void *context, const BrenierNewtonState *state)
{
  ExactRun *run = context;

  PetscFunctionBegin;
  run->state.phase  = BRENIER_PHASE_READY;
  run->state.newton = *state;
  if (!run->options->checkpoint) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierExactOrderHeights_Private(&run->order, SCATTER_REVERSE, run->ordered, run->h));
  PetscCall(BrenierCheckpointSave(run->options->checkpoint, &run->state, &(BrenierSolveVectors){.h = run->h}, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Clusters need no more than to be about right; after a stop they are taken as they are. */
static PetscErrorCode SolveLevel(void *context, BrenierTargets targets, BrenierLaguerre laguerre, Vec h)
{
  const ExactRun      *run    = context;
  BrenierNewtonOptions newton = run->options->newton;
  BrenierIteration     last;
  BrenierReason        reason;
  PetscErrorCode       ierr;
  Vec                  mass;

  PetscFunctionBegin;
  newton.monitor              = NULL;
  newton.safe_point           = NULL;
  newton.convergence.residual = 0.0;
  newton.convergence.l1_part  = brenier_level_residual;
  newton.certify              = PETSC_FALSE;
  PetscCall(VecDuplicate(h, &mass));
  ierr = BrenierExactNewton_Private(targets, laguerre, &newton, h, mass, &last, &reason);
  PetscCall(VecDestroy(&mass));
  if (ierr == BRENIER_STOPPED) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ierr);
  PetscCall(BrenierPrint(targets->comm, "level: %" PetscInt_FMT " clusters, %.0f iterations, L1 %.1e, %.1f s",
                         targets->n, last.iteration, last.l1, last.seconds));
  PetscCall(BrenierLog(targets->comm, "level", "i clusters", (PetscInt64)targets->n, "r curves", 0.0, "r iterations",
                       last.iteration, "r l1", last.l1, "r sampling_error", 0.0, "r noise", 0.0, "r level_seconds",
                       last.seconds, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Masses and barycentres of the last evaluation, to the order of the given targets. */
static PetscErrorCode GiveBack(BrenierLaguerre laguerre, const ExactRun *run, Vec mass, const BrenierCells *cells)
{
  PetscReal *barycentre;

  PetscFunctionBegin;
  PetscCall(BrenierExactOrderVec_Private(&run->order, SCATTER_REVERSE, mass, cells->mass));
  PetscCall(PetscMalloc1((size_t)run->order.targets->n_local * run->order.targets->dim, &barycentre));
  PetscCall(BrenierLaguerreBarycentres(laguerre, barycentre));
  PetscCall(BrenierExactOrderRowsBack_Private(&run->order, cells->mass, barycentre, &cells->barycentre));
  PetscCall(PetscFree(barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Accuracy of the result: h is evaluated once more, as the last evaluation may have been a rejected trial. */
static PetscErrorCode Conclude(BrenierTargets t, BrenierSource source, BrenierLaguerre laguerre, ExactRun *run,
                               Vec mass, const BrenierCells *cells)
{
  BrenierLaguerreValue value;
  BrenierSolved       *solved = run->solved;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsGauge(run->order.targets, run->ordered));
  PetscCall(BrenierExactOrderHeights_Private(&run->order, SCATTER_REVERSE, run->ordered, run->h));
  PetscCall(BrenierLaguerreEvaluate(laguerre, run->ordered, mass, &value));
  if (!value.sound) {
    solved->reason = BRENIER_REASON_UNSOUND;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecZeroEntries(cells->mass_error));
  PetscCall(GiveBack(laguerre, run, mass, cells));
  PetscCall(BrenierHeldOutExact(t, source, run->h, cells->mass, value.energy, &solved->held_out));
  solved->exact      = PETSC_TRUE;
  solved->within_tol = (PetscBool)(run->options->tol <= 0.0 || solved->held_out.rho <= run->options->tol);
  if (run->options->on_measurement) PetscCall(run->options->on_measurement(run->options->context, &solved->held_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveExact(BrenierTargets t, BrenierSource source, const BrenierSolveOptions *options,
                                 PetscBool started, Vec h, const BrenierCells *cells, BrenierStart *start,
                                 BrenierSolved *solved)
{
  BrenierNewtonOptions newton = options->newton;
  ExactRun             run    = {.options = options, .h = h, .solved = solved};
  BrenierNewtonState   found;
  BrenierLaguerre      laguerre;
  BrenierIteration     last;
  PetscErrorCode       ierr;
  Vec                  mass;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(solved, sizeof *solved));
  PetscCall(BrenierExactOrderCreate_Private(t, &run.order));
  PetscCall(BrenierTargetsCreateVec(run.order.targets, &run.ordered));
  PetscCall(BrenierTargetsCreateVec(run.order.targets, &mass));
  newton.monitor             = Monitor;
  newton.safe_point          = SafePoint;
  newton.context             = &run;
  newton.convergence.l1_part = 0.0;
  if (options->checkpoint && BrenierCheckpointState(options->checkpoint)->phase == BRENIER_PHASE_READY) {
    found            = BrenierCheckpointState(options->checkpoint)->newton;
    newton.resume    = &found;
    run.state.newest = found.now;
  }
  newton.certify = (PetscBool)(options->checkpoint != NULL);
  if (started) PetscCall(BrenierExactOrderHeights_Private(&run.order, SCATTER_FORWARD, h, run.ordered));
  else PetscCall(BrenierExactStart_Private(run.order.targets, source, SolveLevel, &run, run.ordered, start));
  PetscCall(BrenierLaguerreCreate(run.order.targets, source, &laguerre));
  ierr = BrenierExactNewton_Private(run.order.targets, laguerre, &newton, run.ordered, mass, &last, &solved->reason);
  if (ierr == BRENIER_STOPPED) {
    solved->stopped = BrenierStopAsked(t->comm);
    if (options->checkpoint) PetscCall(BrenierCheckpointWrite(options->checkpoint));
  } else PetscCall(ierr);
  if (solved->reason != BRENIER_REASON_UNSOUND && !(solved->stopped && options->checkpoint))
    PetscCall(Conclude(t, source, laguerre, &run, mass, cells));
  solved->last = run.state.newest;
  PetscCall(BrenierLaguerreDestroy(&laguerre));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&run.ordered));
  PetscCall(BrenierExactOrderDestroy_Private(&run.order));
  PetscFunctionReturn(PETSC_SUCCESS);
}
