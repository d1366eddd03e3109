/* ending.c - Implements ending.h, and BrenierProblemAnswerFinished() of run.h. */
#include "ending.h"

#include <brenier/store.h>

#include <string.h>
#include <unistd.h>

/* Status of a result that was stopped, by who asked, and when it is within the tolerance all the same. */
static const char *const brenier_stop_status[] = {"", "stopped: time limit", "stopped: stop file", "stopped: signal"};
static const char *const brenier_stop_within[] = {"", "stopped: time limit; within tolerance",
                                                  "stopped: stop file; within tolerance",
                                                  "stopped: signal; within tolerance"};

/* The outcome as an exit code, and in words. Where there is a tolerance, what was measured judges, whatever ended the
   iteration. */
static BrenierExit ExitCodeOf(const BrenierSolved *solved, PetscReal tol, const char **status)
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

/* What the result says besides targets and vectors. */
static PetscErrorCode Describe(BrenierRun *run, const char status[])
{
  BrenierResult *result = &run->outcome.about;

  PetscFunctionBegin;
  result->seed            = run->options.solve.seed;
  result->curves          = run->solved.curves;
  result->one_pass_curves = run->solved.one_pass_curves;
  result->held_out        = run->solved.held_out;
  result->exact           = run->solved.exact;
  for (PetscInt i = 0; i < run->start.n_levels; ++i) {
    const size_t used = strlen(result->levels);

    PetscCall(PetscSNPrintf(result->levels + used, sizeof result->levels - used, "%s%" PetscInt_FMT, i ? " " : "",
                            run->start.level[i]));
  }
  PetscCall(PetscStrncpy(result->status, status, sizeof result->status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunConclude_Private(BrenierRun *run, BrenierExit *outcome)
{
  const BrenierRunOptions *r      = &run->options;
  const BrenierResult     *result = &run->outcome.about;
  const PetscBool          writes = (PetscBool)(r->output && r->output[0]);
  char                     number[BRENIER_NUMBER_LENGTH];
  const char              *status;

  PetscFunctionBegin;
  *outcome = ExitCodeOf(&run->solved, r->solve.tol, &status);
  PetscCall(Describe(run, status));
  if (r->solve.tol > 0.0 && !run->solved.within_tol && result->held_out.rho < r->solve.tol)
    PetscCall(BrenierPrint(run->comm, "rho is below the tolerance of %s, but its 95%% interval ends at %.3g",
                           BrenierNumber(r->solve.tol, number), (double)result->held_out.rho_high));
  PetscCall(BrenierReductionLiftInPlace(run->reduction, run->given->n_local, &run->outcome.barycentre));
  PetscCall(BrenierReductionHeights(run->reduction, BRENIER_REDUCTION_OUT, run->outcome.h));
  if (writes) PetscCall(BrenierOutcomeWrite(&run->outcome, r->output));
  if (r->solve.checkpoint) PetscCall(BrenierCheckpointFinish(r->solve.checkpoint, *outcome, result->status));
  if (writes) PetscCall(BrenierPrint(run->comm, "%s; result in %s", result->status, r->output));
  else PetscCall(BrenierPrint(run->comm, "%s", result->status));
  PetscCall(BrenierLog(run->comm, "end", "s status", result->status, "i exit", (PetscInt64)*outcome, "s output",
                       writes ? r->output : "", NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunEndStopped_Private(const BrenierRun *run, BrenierExit *outcome)
{
  const char *why = BrenierStopText(run->comm, run->solved.stopped);

  PetscFunctionBegin;
  *outcome = BRENIER_EXIT_STOPPED;
  PetscCall(BrenierPrint(run->comm, "stopped (%s); the same command continues from %s", why, run->checkpoint));
  PetscCall(BrenierLog(run->comm, "end", "s status", brenier_stop_status[run->solved.stopped], "i exit",
                       (PetscInt64)*outcome, "s output", run->checkpoint, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierProblemAnswerFinished(MPI_Comm comm, BrenierCheckpoint checkpoint, const char path[],
                                            const char output[], BrenierExit *outcome)
{
  PetscInt64   code;
  const char  *status = BrenierCheckpointOutcome(checkpoint, &code);
  BrenierFault fault  = {0};
  BrenierStore store;

  PetscFunctionBegin;
  if (access(output, F_OK))
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                    "%s says that this solve is finished, but there is no %s; restore it, or remove %s to solve again",
                    path, output, path);
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscCall(BrenierStoreOpen(comm, output, "brenier-result", &store));
  PetscCall(BrenierStoreDestroy(&store));
  *outcome = (BrenierExit)code;
  PetscCall(BrenierPrint(comm, "finished already: %s; result in %s; remove %s to solve again", status, output, path));
  PetscCall(BrenierLog(comm, "end", "s status", status, "i exit", code, "s output", output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
