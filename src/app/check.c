/* check.c - brenier check: the held-out error of a result, on curves of its own. */
#include "check_classes.h"
#include "conditions.h"

#include <brenier/run.h>
#include <brenier/store.h>
#include <brenier/threads.h>

#define ROW(...)                 BRENIER_OPTION_ROW(CheckRequest, __VA_ARGS__)
#define CLASS(kind, member, ...) BRENIER_OPTION_ROW(CheckRequest, kind, class.member, __VA_ARGS__)
static const BrenierOption check_options[] = {CHECK_OPTIONS(ROW) BRENIER_CLASS_OPTION(CLASS) BRENIER_OPTION_END};

/* Reads a checkpoint from end to end. */
static PetscErrorCode CheckCheckpoint(const char path[])
{
  BrenierStore store;
  PetscInt64   sequence;
  char         status[64], created[64];

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, path, "brenier-checkpoint", &store));
  PetscCall(BrenierStoreVerify(store));
  PetscCall(BrenierStoreGetInt(store, "/", "sequence", &sequence));
  PetscCall(BrenierStoreGetText(store, "/", "status", sizeof status, status));
  PetscCall(BrenierStoreGetText(store, "/", "created", sizeof created, created));
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(BrenierPrintWorld("%s: whole; number %" PetscInt64_FMT ", written %s, solve %s", path, sequence, created,
                              status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Measures one map. */
static PetscErrorCode CheckOne(const char path[], const CheckRequest *r, BrenierExit *outcome)
{
  BrenierTargets targets;
  BrenierResult  result;
  BrenierHeldOut held_out;
  char class[48] = "";
  Vec h;

  PetscFunctionBegin;
  PetscCall(BrenierClassChoiceRead(&r->class, path, &result, &targets, &h));
  if (r->class.given) PetscCall(PetscSNPrintf(class, sizeof class, ", class %" PetscInt64_FMT, r->class.label));
  PetscCall(BrenierPrintWorld("%s%s: %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT ", source %s", path, class,
                              targets->n, BrenierPlural(targets->n), targets->dim, BrenierSourceName(result.source)));
  PetscCall(BrenierConditionsPrint(&result.conditions, result.source));
  PetscCall(BrenierMeasureHeights(targets, result.source, h,
                                  r->class.given ? BrenierClassSeed(r->seed, r->class.label) : r->seed, r->curves,
                                  &held_out));
  PetscCall(BrenierReportHeldOut(PETSC_COMM_WORLD, "check", &held_out));
  *outcome = r->tol > 0.0 && !(held_out.rho_high <= r->tol) ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunCheck(const char *const argument[], BrenierExit *outcome)
{
  CheckRequest     r    = {0};
  BrenierClassFile file = NULL;

  PetscFunctionBegin;
  PetscCall(BrenierOptionsRead(check_options, &r));
  PetscCall(BrenierClassChoiceCheck(&r.class));
  if (r.is_checkpoint) {
    PetscCall(CheckCheckpoint(argument[0]));
    *outcome = BRENIER_EXIT_DONE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierThreadsSet(PETSC_COMM_WORLD, (PetscInt)r.threads));
  PetscCall(BrenierDeviceSet(PETSC_COMM_WORLD, (BrenierDeviceUse)r.device));
  if (!r.class.given) PetscCall(BrenierClassFileOpen(PETSC_COMM_WORLD, argument[0], &file));
  if (file) PetscCall(BrenierCheckClasses(file, &r, outcome));
  else PetscCall(CheckOne(argument[0], &r, outcome));
  PetscCall(BrenierDeviceReport(PETSC_COMM_WORLD));
  PetscCall(BrenierClassFileDestroy(&file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const check_example[] = {
    "Measure a result, and end with exit code 6 when rho is above 0.1:",
    "mpiexec -n 2 brenier check result.h5 -tol 0.1",
    "Compare a checkpoint with its checksums:", "mpiexec -n 2 brenier check run.ckpt -checkpoint", NULL};

const BrenierCommand brenier_command_check = {
    .name        = "check",
    .arguments   = "RESULT.h5",
    .n_arguments = 1,
    .summary     = "measures rho and W2 of a result, with 95% intervals, on fresh curves",
    .description =
        "The curves are independent of those of the solve, so the estimate of rho is unbiased. Where the "
        "targets span two or three dimensions, masses are exact and no curve is drawn. A result with one map "
        "for each class is measured class by class; the lines of the classes come worst first.",
    .files    = "RESULT.h5 is written by solve. check writes no file but the log.",
    .example  = check_example,
    .see_also = "solve",
    .option   = check_options,
    .run      = RunCheck};
