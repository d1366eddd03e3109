/* check.c - brenier check: the held-out error of a result, on curves of its own. */
#include "app.h"
#include "report.h"

#include <brenier/reduction.h>
#include <brenier/result.h>
#include <brenier/store.h>

static const BrenierOption check_options[] = {
    {"-curves", "N",
     "fresh curves; default exact cells where targets span 2 or 3 dimensions, else 4 circles or 16 chords a target"},
    {"-seed", "N", "seed of these curves, independent of those of the solve; default 1"},
    {"-tol", "RHO", "exit with 6 when the upper end of the interval is above; default: not judged"},
    {"-threads", "T", "threads of each rank, on cores of their own; default 1. Results do not depend on it"},
    {"-checkpoint", "", "the file is a checkpoint: read all of it and compare it with its checksums, nothing else"},
    {NULL, NULL, NULL}};

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
  PetscCall(
      BrenierSay("%s: whole; number %" PetscInt64_FMT " of %s, its solve was %s", path, sequence, created, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Measures heights in the coordinates in which targets differ: exactly where that can be, unless curves are asked for. */
static PetscErrorCode Measure(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 curves,
                              BrenierHeldOut *held_out)
{
  BrenierReduction r;
  PetscBool        exact = PETSC_FALSE;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierReductionCreate(targets, source, &r));
  PetscCall(VecDuplicate(h, &mass));
  if (curves == 0) PetscCall(BrenierHeldOutMeasureExact(r->targets, r->source, h, mass, held_out, &exact));
  if (curves == 0) curves = BrenierHeldOutDefaultCurves(r->source, targets->n);
  if (!exact)
    PetscCall(BrenierHeldOutMeasure(r->targets, r->source, h,
                                    &(BrenierHeldOutSample){seed, BRENIER_STREAM_CHECK, curves}, mass, NULL, NULL,
                                    held_out));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierReductionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunCheck(const char *const argument[], BrenierExit *outcome)
{
  PetscInt64     seed = 1, curves = 0;
  PetscReal      tol = 0.0;
  PetscBool      has_tol, is_checkpoint = PETSC_FALSE;
  BrenierTargets targets;
  BrenierResult  result;
  BrenierHeldOut held_out;
  Vec            h;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-checkpoint", &is_checkpoint, NULL));
  if (is_checkpoint) {
    PetscCall(CheckCheckpoint(argument[0]));
    *outcome = BRENIER_EXIT_DONE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierOptionInt("-curves", 64, PETSC_MAX_INT, &curves, NULL));
  PetscCall(BrenierOptionInt("-seed", 0, (PetscInt64)1 << 53, &seed, NULL));
  PetscCall(BrenierOptionThreads());
  PetscCall(BrenierOptionReal("-tol", 1e-12, 1e6, &tol, &has_tol));
  PetscCall(BrenierResultRead(PETSC_COMM_WORLD, argument[0], &result, &targets, &h));
  PetscCall(BrenierSay("%s: %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT ", source %s", argument[0],
                       targets->n, BrenierPlural(targets->n), targets->dim, BrenierSourceName(result.source)));
  PetscCall(Measure(targets, result.source, h, seed, curves, &held_out));
  PetscCall(BrenierReportHeldOut("check", &held_out));
  *outcome = has_tol && !(held_out.rho_high <= tol) ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierCommand brenier_command_check = {
    "check",
    "RESULT.h5",
    1,
    "measures a result on fresh curves: rho with its 95% interval, W2, empty cells",
    check_options,
    RunCheck,
    PETSC_FALSE,
    PETSC_FALSE};
