/* solve.c - brenier solve: targets in, heights out, with their held-out error. */
#include "solve_end.h"
#include "solve_report.h"
#include "solve_start.h"

#include <brenier/array.h>

static PetscErrorCode ReadTargets(const char where[], const SolveRequest *r, BrenierTargets *targets)
{
  BrenierArray points, weights = {0};

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_POINTS, &points));
  if (r->weights[0]) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCreate(&points, r->weights[0] ? &weights : NULL, targets));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights by exact cells. Where these cannot be computed, curves take over. */
static PetscErrorCode SolveExactly(SolveRun *run)
{
  SolveRequest     *r          = &run->request;
  BrenierCheckpoint checkpoint = r->solve.checkpoint;
  PetscBool         started    = PETSC_FALSE, unsound, failed;

  PetscFunctionBegin;
  if (r->start[0] || (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_READY)) {
    PetscCall(BrenierSolveFindStart(run));
    started = (PetscBool)!run->solved.stopped;
  }
  PetscCall(BrenierSolveExact(run->targets, run->source, &r->solve, started, run->h,
                              &(BrenierCells){run->mass, run->mass_error, run->barycentre}, &run->start, &run->solved));
  unsound = (PetscBool)(run->solved.reason == BRENIER_REASON_UNSOUND);
  failed  = (PetscBool)(run->solved.reason < 0 && !run->solved.stopped && !unsound && !run->solved.within_tol);
  if (!unsound && !failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(run->targets->dim > 1, PETSC_COMM_WORLD, PETSC_ERR_FP,
             "%s: the cells of these targets, which lie on a line, cannot be solved for in double precision",
             run->targets->path);
  PetscCall(BrenierPrintWorld("notice: exact cells give no solution here (%s); curves are sampled instead",
                              BrenierReasonText(run->solved.reason)));
  run->exact = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the targets to the result, or to a checkpoint. */
static PetscErrorCode Solve(SolveRun *run, BrenierExit *outcome)
{
  SolveRequest *r = &run->request;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(run->targets, &run->h));
  PetscCall(VecDuplicate(run->h, &run->mass));
  PetscCall(VecDuplicate(run->h, &run->mass_error));
  PetscCall(PetscMalloc1((size_t)run->targets->n_local * run->targets->dim, &run->barycentre));
  if (run->exact) PetscCall(SolveExactly(run));
  if (!run->exact) PetscCall(BrenierSolveFindStart(run));
  if (!run->exact && !run->solved.stopped)
    PetscCall(BrenierSolve(run->targets, run->source, &r->solve, run->start.height_scale, run->h,
                           &(BrenierCells){run->mass, run->mass_error, run->barycentre}, &run->solved));
  if (run->solved.stopped && r->solve.checkpoint) {
    PetscCall(BrenierSolveEndStopped(run, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (run->solved.stopped)
    PetscCall(BrenierPrintWorld("stopped (%s) after %.0f iterations",
                                BrenierStopText(PETSC_COMM_WORLD, run->solved.stopped), run->solved.last.iteration));
  else
    PetscCall(BrenierPrintWorld("%s after %.0f iterations", BrenierReasonText(run->solved.reason),
                                run->solved.last.iteration));
  if (run->solved.curves > 0) PetscCall(BrenierSolveReportWork(run->targets, run->source, &run->solved));
  PetscCall(BrenierSolveConclude(run, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSolve(const char *const argument[], BrenierExit *outcome)
{
  SolveRun      run = {0};
  SolveRequest *r   = &run.request;

  PetscFunctionBegin;
  PetscCall(BrenierSolveRequestRead(r));
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r->max_time, r->stop_file));
  PetscCall(ReadTargets(argument[0], r, &run.given));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, BrenierSourceNames[r->source], run.given->dim, 1.0, &run.whole));
  PetscCall(BrenierReductionCreate(run.given, run.whole, &run.reduction));
  run.targets = run.reduction->targets;
  run.source  = run.reduction->source;
  PetscCall(BrenierSolveRequestCells(r, run.targets, run.source));
  run.exact               = (PetscBool)(r->cells == BRENIER_CELLS_EXACT);
  r->solve.newton.monitor = BrenierSolveMonitor;
  r->solve.newton.context = &run.history;
  r->solve.on_measurement = BrenierSolveOnMeasurement;
  PetscCall(BrenierSolveAnnounce(&run));
  PetscCall(BrenierSolveRequestCheckpoint(r, run.given, run.targets));
  if (r->solve.checkpoint && BrenierCheckpointState(r->solve.checkpoint)->phase == BRENIER_PHASE_FINISHED)
    PetscCall(BrenierSolveAnswerFinished(r, outcome));
  else PetscCall(Solve(&run, outcome));
  PetscCall(BrenierCheckpointDestroy(&r->solve.checkpoint));
  PetscCall(PetscFree(run.history.row));
  PetscCall(PetscFree(run.barycentre));
  PetscCall(VecDestroy(&run.h));
  PetscCall(VecDestroy(&run.mass));
  PetscCall(VecDestroy(&run.mass_error));
  PetscCall(BrenierReductionDestroy(&run.reduction));
  PetscCall(BrenierSourceDestroy(&run.whole));
  PetscCall(BrenierTargetsDestroy(&run.given));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_solve = {
    .name           = "solve",
    .arguments      = "TARGETS",
    .n_arguments    = 1,
    .summary        = "computes the transport map from noise to targets (file.npy or file.h5:/dataset)",
    .option         = BrenierSolveTable,
    .run            = RunSolve,
    .solver_options = PETSC_TRUE,
    .stops          = PETSC_TRUE};
