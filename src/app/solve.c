/* solve.c - brenier solve: targets in, heights out, with their held-out error. */
#include "solve_classes.h"
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
             "%s: the targets lie on a line, and their cells cannot be computed in double precision",
             run->targets->path);
  PetscCall(BrenierPrintWorld("notice: no solution by exact cells (%s); curves are sampled instead",
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
    PetscCall(BrenierPrintWorld("stopped (%s) after %.0f iteration%s",
                                BrenierStopText(PETSC_COMM_WORLD, run->solved.stopped), run->solved.last.iteration,
                                BrenierPlural((PetscInt64)run->solved.last.iteration)));
  else
    PetscCall(BrenierPrintWorld("%s (%.0f iteration%s)", BrenierReasonText(run->solved.reason),
                                run->solved.last.iteration, BrenierPlural((PetscInt64)run->solved.last.iteration)));
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
  if (r->classes[0]) {
    PetscCall(BrenierSolveClasses(argument[0], r, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
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
  PetscCall(BrenierSolveRequestCheckpoint(r, run.given, run.targets, NULL));
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

static const char *const solve_example[] = {
    "Solve until the held-out rho is below 0.1, on two ranks:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5",
    "The same, with a time limit of an hour and a checkpoint; run it again to continue:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5 -max_time 3600 -checkpoint run.ckpt",
    "One map for each label:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -classes labels.npy -o result.h5",
    NULL};

const BrenierCommand brenier_command_solve = {
    .name        = "solve",
    .arguments   = "TARGETS",
    .n_arguments = 1,
    .summary     = "computes the transport map from a source measure to the targets",
    .description =
        "The map is the gradient of the Brenier potential u(x) = max_i <x, y_i> + h_i: it carries the "
        "Laguerre cell W_i, where plane i attains the maximum, to target y_i. The heights h_i are right "
        "when each mass w_i = mu(W_i) equals the weight nu_i.\n"
        "Masses are exact where the targets span two or three dimensions. Elsewhere they are sampled along "
        "random curves. Damped Newton minimises the sampled dual functional; where curves are too many to be "
        "kept, averaged SGD on fresh curves continues.\n"
        "The error is rho = sqrt(sum (w_i - nu_i)^2 / nu_i), the root-mean-square relative error of the "
        "masses. It is measured on held-out curves, which no step has used.\n"
        "With -classes each set of targets with one label is a problem of its own. Small classes are solved by one "
        "rank each, side by side; all maps go to one result.",
    .files          = "TARGETS is file.npy or file.h5:/dataset, shape [n, d]. The result holds /targets, /weights, "
                      "/heights, /mass, /barycenter and /history.",
    .example        = solve_example,
    .see_also       = "encode check sample map facets",
    .option         = BrenierSolveTable,
    .run            = RunSolve,
    .solver_options = PETSC_TRUE,
    .stops          = PETSC_TRUE};
