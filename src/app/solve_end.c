/* solve_end.c - Implements solve_end.h. */
#include "solve_end.h"

#include <brenier/result.h>
#include <brenier/store.h>

#include <string.h>
#include <unistd.h>

/* Status of a result that was stopped, by who asked, and when it is within the tolerance all the same. */
static const char *const brenier_stop_status[] = {"", "stopped: time limit", "stopped: stop file", "stopped: signal"};
static const char *const brenier_stop_within[] = {"", "stopped: time limit; within tolerance",
                                                  "stopped: stop file; within tolerance",
                                                  "stopped: signal; within tolerance"};

BrenierExit BrenierSolveExitCode(const BrenierSolved *solved, PetscReal tol, const char **status)
{
  const BrenierReason reason = solved->reason;
  const PetscBool     within = (PetscBool)(tol > 0.0 && solved->within_tol);

  *status = solved->stopped ? brenier_stop_within[solved->stopped] : "converged";
  if (within) return BRENIER_EXIT_DONE;
  if (solved->stopped) {
    *status = brenier_stop_status[solved->stopped];
    return BRENIER_EXIT_TOLERANCE;
  }
  if (reason < 0) *status = BrenierReasonText(reason);
  if (reason == BRENIER_REASON_STALLED || reason == BRENIER_REASON_LINEAR) return BRENIER_EXIT_NUMERICAL;
  if (reason >= 0 && !solved->within_tol) *status = "tolerance not reached";
  return reason < 0 || !solved->within_tol ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
}

PetscErrorCode BrenierSolveConclude(SolveRun *run, BrenierExit *outcome)
{
  const SolveRequest *r = &run->request;
  BrenierResult       result;
  PetscMPIInt         rank;
  BrenierHistory      table;
  char                number[BRENIER_NUMBER_LENGTH];
  const char         *status;
  PetscReal          *barycentre;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMemzero(&result, sizeof result));
  result.source          = run->whole;
  result.seed            = r->solve.seed;
  result.curves          = run->solved.curves;
  result.one_pass_curves = run->solved.one_pass_curves;
  result.held_out        = run->solved.held_out;
  result.exact           = run->solved.exact;
  *outcome               = BrenierSolveExitCode(&run->solved, r->solve.tol, &status);
  for (PetscInt i = 0; i < run->start.n_levels; ++i) {
    const size_t used = strlen(result.levels);

    PetscCall(PetscSNPrintf(result.levels + used, sizeof result.levels - used, "%s%" PetscInt_FMT, i ? " " : "",
                            run->start.level[i]));
  }
  if (r->solve.tol > 0.0 && !run->solved.within_tol && result.held_out.rho < r->solve.tol)
    PetscCall(BrenierPrintWorld("rho is below the tolerance of %s, but its 95%% interval ends at %.3g",
                                BrenierNumber(r->solve.tol, number), (double)result.held_out.rho_high));
  PetscCall(PetscStrncpy(result.status, status, sizeof result.status));
  table.n         = rank == 0 ? run->history.n : 0;
  table.n_columns = BRENIER_ITERATION_COLUMNS;
  table.columns   = BrenierIterationNames;
  table.row       = (const PetscReal *)run->history.row;
  PetscCall(PetscMalloc1((size_t)run->given->n_local * run->given->dim, &barycentre));
  BrenierReductionLift(run->reduction, run->given->n_local, run->barycentre, barycentre);
  PetscCall(BrenierResultWrite(r->output, &result, run->given, run->h, run->mass, run->mass_error, barycentre, &table));
  PetscCall(PetscFree(barycentre));
  if (r->solve.checkpoint) PetscCall(BrenierCheckpointFinish(r->solve.checkpoint, *outcome, result.status));
  PetscCall(BrenierPrintWorld("%s; result in %s", result.status, r->output));
  PetscCall(
      BrenierLogEvent("end", "s status", result.status, "i exit", (PetscInt64)*outcome, "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveEndStopped(const SolveRun *run, BrenierExit *outcome)
{
  const char *why = BrenierStopText(PETSC_COMM_WORLD, run->solved.stopped);

  PetscFunctionBegin;
  *outcome = BRENIER_EXIT_STOPPED;
  PetscCall(BrenierPrintWorld("stopped (%s); the same command continues from %s", why, run->request.checkpoint));
  PetscCall(BrenierLogEvent("end", "s status", brenier_stop_status[run->solved.stopped], "i exit", (PetscInt64)*outcome,
                            "s output", run->request.checkpoint, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveAnswerFinished(const SolveRequest *r, BrenierExit *outcome)
{
  PetscInt64   code;
  const char  *status = BrenierCheckpointOutcome(r->solve.checkpoint, &code);
  BrenierFault fault  = {0};
  BrenierStore store;

  PetscFunctionBegin;
  if (access(r->output, F_OK))
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                    "%s says that this solve is finished, but there is no %s; restore it, or remove %s to solve again",
                    r->checkpoint, r->output, r->checkpoint);
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, r->output, "brenier-result", &store));
  PetscCall(BrenierStoreDestroy(&store));
  *outcome = (BrenierExit)code;
  PetscCall(BrenierPrintWorld("finished already: %s; result in %s; remove %s to solve again", status, r->output,
                              r->checkpoint));
  PetscCall(BrenierLogEvent("end", "s status", status, "i exit", code, "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
