/* loop_options.c - Implements loop_options.h. */
#include "loop_options.h"

#include <brenier/threads.h>
#include <brenier/tile.h>

enum { MOST_LOOP_ITEMS = 32 };

/* ---- input ---- */

PetscErrorCode BrenierLoopRequestRead(const BrenierOption table[], LoopRequest *r)
{
  BrenierRunOptions defaults;
  PetscBool         has_interval;

  PetscFunctionBegin;
  *r = (LoopRequest){0};
  BrenierRunOptionsDefaults(&defaults);
  r->solve.solve = defaults.solve;
  PetscCall(BrenierOptionsRead(table, r));
  PetscCall(BrenierOptionGiven("-checkpoint_interval", &has_interval));
  PetscCall(BrenierOptionNeeds("-checkpoint_interval", has_interval, (PetscBool)(r->solve.checkpoint[0] != '\0'),
                               "-checkpoint FILE"));
  PetscCall(BrenierThreadsSet(PETSC_COMM_WORLD, (PetscInt)r->solve.threads));
  PetscCall(BrenierDeviceSet(PETSC_COMM_WORLD, (BrenierDeviceUse)r->solve.device));
  PetscCall(BrenierRunMemory(PETSC_COMM_WORLD, r->solve.memory, &r->solve.solve.memory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLoopReadPoints(const char where[], const LoopRequest *r, BrenierTargets *points)
{
  const PetscBool weighted = (PetscBool)(r->solve.weights[0] != '\0');
  BrenierArray    rows, weights = {0};

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_POINTS, &rows));
  if (weighted) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->solve.weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCreate(&rows, weighted ? &weights : NULL, points));
  PetscCall(BrenierArrayDestroy(&rows));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- what is said ---- */

static PetscErrorCode Announce(const LoopRequest *r, const LoopProblem *problem)
{
  const BrenierTargets t = problem->points;
  PetscMPIInt          size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(BrenierPrintWorld("Brenier %s on %d rank%s (%s): %" PetscInt_FMT " point%s in dimension %" PetscInt_FMT
                              ", %" PetscInt_FMT " source%s",
                              BRENIER_VERSION, size, BrenierPlural(size), BrenierTileSimd(), t->n, BrenierPlural(t->n),
                              t->dim, problem->n_sources, BrenierPlural(problem->n_sources)));
  for (PetscInt s = 0; problem->n_sources > 1 && s < problem->n_sources; ++s)
    PetscCall(BrenierPrintWorld("  source %" PetscInt_FMT ": %s, weight %.4g", s, BrenierSourceName(problem->source[s]),
                                (double)problem->lambda[s]));
  PetscCall(BrenierLogEvent("start", "s version", BRENIER_VERSION, "s commit", BRENIER_GIT_COMMIT, "i ranks",
                            (PetscInt64)size, "s simd", BrenierTileSimd(), "s input", t->path, "i n_targets",
                            (PetscInt64)t->n, "i dim", (PetscInt64)t->dim, "i sources", (PetscInt64)problem->n_sources,
                            "s source", BrenierSourceName(problem->source[0]), "i curves", r->solve.solve.curves,
                            "i seed", r->solve.solve.seed, NULL));
  PetscCall(BrenierPrintWorld("cost: W2^2/2, the mean over the sources; move: root-mean-square move of the next step"));
  PetscCall(BrenierPrintWorld("%5s %18s %14s %12s %10s", "step", "cost", "distance", "move", "rho"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TellStep(void *context, const BrenierLloydPoints *p)
{
  (void)context;
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("%5" PetscInt64_FMT " %18.12g %14.8g %12.4e %10.3e", p->step, (double)p->cost,
                              (double)BrenierDistance(p->cost), (double)p->move, (double)p->rho));
  PetscCall(BrenierLogEvent("step", "i step", p->step, "r cost", p->cost, "r distance", BrenierDistance(p->cost),
                            "r move", p->move, "r rho", p->rho, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the end ---- */

/* A stop with a checkpoint, or before the first maps. */
static PetscErrorCode EndStopped(const LoopRequest *r, BrenierLloyd lloyd, BrenierExit *outcome)
{
  const char *why = BrenierLloydStopText(lloyd);
  char        status[64];

  PetscFunctionBegin;
  *outcome = BRENIER_EXIT_STOPPED;
  PetscCall(PetscSNPrintf(status, sizeof status, "stopped: %s", why));
  if (r->solve.checkpoint[0] && BrenierLloydPointsOf(lloyd))
    PetscCall(BrenierPrintWorld("stopped (%s); the same command continues from %s", why, r->solve.checkpoint));
  else PetscCall(BrenierPrintWorld("stopped (%s) before the first maps were found; nothing is written", why));
  PetscCall(BrenierLogEvent("end", "s status", status, "i exit", (PetscInt64)*outcome, "s output", r->solve.checkpoint,
                            NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Status and exit code of a loop with a result. */
static PetscErrorCode Judge(BrenierLloyd lloyd, BrenierLloydReason reason, BrenierExit *outcome, char status[64])
{
  static const char *const text[] = {"converged", "converged: the cost falls no more", "step limit", ""};

  PetscFunctionBegin;
  *outcome = reason <= BRENIER_LLOYD_NO_FALL ? BRENIER_EXIT_DONE : BRENIER_EXIT_TOLERANCE;
  PetscCall(PetscStrncpy(status, text[reason], 64));
  if (reason == BRENIER_LLOYD_STOPPED) PetscCall(PetscSNPrintf(status, 64, "stopped: %s", BrenierLloydStopText(lloyd)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Conclude(const LoopRequest *r, BrenierLloyd lloyd, BrenierLloydReason reason,
                               BrenierExit *outcome)
{
  const BrenierLloydPoints *p = BrenierLloydPointsOf(lloyd);
  char                      status[64];

  PetscFunctionBegin;
  if (reason == BRENIER_LLOYD_STOPPED && (r->solve.checkpoint[0] || !p)) {
    PetscCall(EndStopped(r, lloyd, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Judge(lloyd, reason, outcome, status));
  PetscCall(BrenierLloydWrite(lloyd, 0, r->solve.output, status, *outcome));
  PetscCall(BrenierPrintWorld("%s after %" PetscInt64_FMT " step%s; result in %s", status, p->step,
                              BrenierPlural(p->step), r->solve.output));
  PetscCall(
      BrenierLogEvent("end", "s status", status, "i exit", (PetscInt64)*outcome, "s output", r->solve.output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the run ---- */

/* Finds the checkpoint of an earlier run, if one is asked for. */
static PetscErrorCode FindCheckpoint(const LoopRequest *r, const LoopProblem *problem, BrenierLloyd lloyd,
                                     PetscBool *finished)
{
  BrenierProblemItem item[MOST_LOOP_ITEMS];
  PetscInt           n = 0;

  PetscFunctionBegin;
  *finished = PETSC_FALSE;
  if (!r->solve.checkpoint[0]) PetscFunctionReturn(PETSC_SUCCESS);
  for (const BrenierOption *o = problem->table; o->name; ++o)
    if (o->problem) {
      item[n].name = o->name;
      BrenierOptionValue(o, r, sizeof item->value, item[n++].value);
    }
  PetscCall(BrenierLloydSetCheckpoint(lloyd, r->solve.checkpoint, r->solve.interval, item, n, finished));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLoopRun(const LoopRequest *r, const LoopProblem *problem, BrenierExit *outcome)
{
  BrenierLloydOptions options = {.n_sources = problem->n_sources,
                                 .source    = problem->source,
                                 .lambda    = problem->lambda,
                                 .move_tol  = r->move_tol,
                                 .max_steps = r->max_steps,
                                 .max_time  = r->solve.max_time,
                                 .stop_file = r->solve.stop_file,
                                 .monitor   = TellStep};
  BrenierLloyd        lloyd;
  BrenierLloydReason  reason;
  PetscBool           finished;

  PetscFunctionBegin;
  BrenierSolveRequestRun(&r->solve, problem->source[0], &options.run);
  PetscCall(BrenierLloydCreate(problem->points, &options, &lloyd));
  PetscCall(FindCheckpoint(r, problem, lloyd, &finished));
  if (finished) PetscCall(BrenierLloydAnswerFinished(lloyd, r->solve.checkpoint, r->solve.output, outcome));
  else {
    PetscCall(Announce(r, problem));
    PetscCall(BrenierLloydRun(lloyd, &reason));
    PetscCall(Conclude(r, lloyd, reason, outcome));
  }
  PetscCall(BrenierLloydDestroy(&lloyd));
  PetscFunctionReturn(PETSC_SUCCESS);
}
