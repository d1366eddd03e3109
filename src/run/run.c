/* run.c - Implements the run of run.h: how its parts follow each other. */
#include "ending.h"
#include "progress.h"
#include "start.h"

#include <brenier/heights.h>
#include <brenier/laguerre.h>

#include <stdio.h>
#include <unistd.h>

/* Items of a checkpoint that are the run's own: the shape of the targets, their content, and that of the source. */
enum { BRENIER_OWN_ITEMS = 3, BRENIER_MAX_ITEMS = 64 };

void BrenierRunOptionsDefaults(BrenierRunOptions *options)
{
  *options = (BrenierRunOptions){.solve = {.tol = BRENIER_DEFAULT_TOLERANCE, .seed = 1, .warm_up = -1.0}};
  BrenierNewtonDefaults(&options->solve.newton);
}

PetscErrorCode BrenierRunMemory(MPI_Comm comm, PetscReal gib, PetscReal *bytes)
{
  const PetscReal unit = 1024.0 * 1024.0 * 1024.0;
  MPI_Comm        node;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &size));
  PetscCallMPI(MPI_Comm_free(&node));
  if (gib == 0.0)
    gib =
        BRENIER_MEMORY_PERCENT / 100.0 * (PetscReal)sysconf(_SC_PHYS_PAGES) * (PetscReal)sysconf(_SC_PAGE_SIZE) / unit;
  *bytes = gib * unit / size;
  // The least over the nodes, so that all ranks decide alike
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, bytes, 1, MPIU_REAL, MPI_MIN, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chooses between exact cells, which serve where there are any unless curves are asked for in one way or another, and
   curves; sets what depends on it. */
static PetscErrorCode ChooseCells(BrenierRun *run)
{
  BrenierRunOptions   *r = &run->options;
  const BrenierTargets t = run->targets;
  const PetscBool      free =
      (PetscBool)(r->solve.method == BRENIER_METHOD_NEWTON && r->solve.curves == 0 && !r->solve.verify);
  const PetscBool asked = (PetscBool)(r->has_cells && r->cells == BRENIER_CELLS_EXACT);
  const PetscBool knows = BrenierLaguerreKnows(run->source, t->n);

  PetscFunctionBegin;
  PetscCheck(!asked || free, run->comm, PETSC_ERR_USER_INPUT,
             "option -cells exact uses no curves: leave out -curves, -verify_lists, and -method other than newton");
  PetscCheck(!asked || knows, run->comm, PETSC_ERR_USER_INPUT,
             "option -cells exact: %" PetscInt_FMT " targets that span %" PetscInt_FMT
             " dimensions have no exact cells under the source %s; leave it out",
             t->n, t->dim, BrenierSourceName(run->source));
  if (!r->has_cells) r->cells = knows && free ? BRENIER_CELLS_EXACT : BRENIER_CELLS_CURVES;
  if (!r->has_max_it) r->max_it = r->cells == BRENIER_CELLS_EXACT ? BRENIER_EXACT_MAX_IT : BRENIER_DEFAULT_MAX_IT;
  r->solve.newton.convergence.max_it = r->max_it;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunCreate(BrenierTargets targets, const BrenierRunOptions *options, BrenierRun **run)
{
  BrenierRun    *r;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *run = NULL;
  PetscCall(PetscNew(&r));
  *r = (BrenierRun){
      .comm    = targets->comm,
      .options = *options,
      .given   = targets,
      .outcome = {.targets = targets,
                  .about   = {.source = BrenierSourceReference(options->source), .conditions = options->conditions}}};
  ierr = BrenierReductionCreate(targets, options->source, &r->reduction);
  if (!ierr) {
    r->targets = r->reduction->targets;
    r->source  = r->reduction->source;
    ierr       = ChooseCells(r);
  }
  if (ierr) PetscCall(BrenierRunDestroy(&r));
  PetscCall(ierr);
  r->options.solve.newton.monitor = BrenierRunMonitor_Private;
  r->options.solve.newton.context = r;
  r->options.solve.on_measurement = BrenierRunOnMeasurement_Private;
  r->options.solve.context        = r;
  PetscCall(BrenierRunAnnounce_Private(r));
  *run = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierProblemFindCheckpoint(const BrenierProblem *problem, const char path[], PetscReal interval,
                                            const BrenierProblemItem given[], PetscInt n, BrenierCheckpoint *checkpoint)
{
  const BrenierTargets t                       = problem->given;
  BrenierProblemItem   item[BRENIER_MAX_ITEMS] = {{.name = "targets"}, {.name = "content of targets and weights"}};
  PetscInt             n_items                 = 2;
  PetscInt64           hash;

  PetscFunctionBegin;
  PetscCheck(n <= BRENIER_MAX_ITEMS - BRENIER_OWN_ITEMS, t->comm, PETSC_ERR_ARG_OUTOFRANGE, "too many items");
  PetscCall(BrenierTargetsHash(t, &hash));
  snprintf(item[0].value, sizeof item->value, "%" PetscInt_FMT " x %" PetscInt_FMT, t->n, t->dim);
  if (problem->classes) {
    hash ^= BrenierClassesHash(problem->classes);
    snprintf(item[0].value, sizeof item->value, "%" PetscInt_FMT " x %" PetscInt_FMT ", by %" PetscInt_FMT " labels",
             t->n, t->dim, problem->classes->n_classes);
  }
  snprintf(item[1].value, sizeof item->value, "%016llx", (unsigned long long)hash);
  for (PetscInt i = 0; i < n; ++i) item[n_items++] = given[i];
  BrenierSourceHash(problem->source, &hash);
  item[n_items].name = "content of the source"; // none for a source without parameters, whose name says all
  if (hash) snprintf(item[n_items].value, sizeof item->value, "%016llx", (unsigned long long)hash);
  else snprintf(item[n_items].value, sizeof item->value, "none");
  ++n_items;
  PetscCall(BrenierCheckpointCreate(problem->solved, path, interval, item, n_items, checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunSetCheckpoint(BrenierRun *run, const char path[], PetscReal interval,
                                       const BrenierProblemItem item[], PetscInt n)
{
  const BrenierProblem problem = {.given = run->given, .solved = run->targets, .source = run->outcome.about.source};

  PetscFunctionBegin;
  run->checkpoint = path;
  PetscCall(BrenierProblemFindCheckpoint(&problem, path, interval, item, n, &run->options.solve.checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where barycentres go, in the coordinates of the solve. */
static BrenierMutablePoints Barycentres(const BrenierRun *run)
{
  return (BrenierMutablePoints){run->targets->dim, run->outcome.barycentre.value, run->outcome.barycentre.single};
}

/* Heights by exact cells. Where these cannot be computed, curves take over. */
static PetscErrorCode SolveExactly(BrenierRun *run)
{
  BrenierRunOptions *r          = &run->options;
  BrenierCheckpoint  checkpoint = r->solve.checkpoint;
  PetscBool          started    = PETSC_FALSE, unsound, failed;

  PetscFunctionBegin;
  if (BrenierRunHasStart_Private(run) ||
      (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_READY)) {
    PetscCall(BrenierRunFindStart_Private(run));
    started = (PetscBool)!run->solved.stopped;
  }
  PetscCall(BrenierSolveExact(run->targets, run->source, &r->solve, started, run->outcome.h,
                              &(BrenierCells){run->outcome.mass, run->outcome.mass_error, Barycentres(run)},
                              &run->start, &run->solved));
  unsound = (PetscBool)(run->solved.reason == BRENIER_REASON_UNSOUND);
  failed  = (PetscBool)(run->solved.reason < 0 && !run->solved.stopped && !unsound && !run->solved.within_tol);
  if (!unsound && !failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(run->targets->dim > 1, run->comm, PETSC_ERR_FP,
             "%s: the targets lie on a line, and their cells cannot be computed in double precision",
             run->targets->path);
  PetscCall(BrenierPrint(run->comm, "notice: no solution by exact cells (%s); curves are sampled instead",
                         BrenierReasonText(run->solved.reason)));
  r->cells = BRENIER_CELLS_CURVES;
  PetscCall(BrenierHeightsDrop(run->outcome.h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateVectors(BrenierRun *run)
{
  const BrenierTargets given = run->given;
  BrenierOutcome      *o     = &run->outcome;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsCreateVec(run->targets, &o->h));
  PetscCall(VecDuplicate(o->h, &o->mass));
  PetscCall(VecDuplicate(o->h, &o->mass_error));
  o->barycentre.dim = given->dim;
  // Not NULL on a rank without targets either
  if (given->is_single) PetscCall(PetscMalloc1((size_t)given->n_local * given->dim + 1, &o->barycentre.single));
  else PetscCall(PetscMalloc1((size_t)given->n_local * given->dim + 1, &o->barycentre.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the targets to the result, or to a checkpoint. */
static PetscErrorCode Solve(BrenierRun *run, BrenierExit *outcome)
{
  BrenierRunOptions *r = &run->options;
  BrenierOutcome    *o = &run->outcome;

  PetscFunctionBegin;
  PetscCall(CreateVectors(run));
  if (r->cells == BRENIER_CELLS_EXACT) PetscCall(SolveExactly(run));
  if (r->cells == BRENIER_CELLS_CURVES) {
    PetscCall(BrenierRunFindStart_Private(run));
    if (!run->solved.stopped)
      PetscCall(BrenierSolve(run->targets, run->source, &r->solve, run->start.height_scale, o->h,
                             &(BrenierCells){o->mass, o->mass_error, Barycentres(run)}, &run->solved));
  }
  if (run->solved.stopped && r->solve.checkpoint) {
    PetscCall(BrenierRunEndStopped_Private(run, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (run->solved.stopped)
    PetscCall(BrenierPrint(run->comm, "stopped (%s) after %.0f iteration%s",
                           BrenierStopText(run->comm, run->solved.stopped), run->solved.last.iteration,
                           BrenierPlural((PetscInt64)run->solved.last.iteration)));
  else
    PetscCall(BrenierPrint(run->comm, "%s (%.0f iteration%s)", BrenierReasonText(run->solved.reason),
                           run->solved.last.iteration, BrenierPlural((PetscInt64)run->solved.last.iteration)));
  if (run->solved.curves > 0) PetscCall(BrenierRunReportWork_Private(run->targets, run->source, &run->solved));
  PetscCall(BrenierRunConclude_Private(run, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunSolve(BrenierRun *run, BrenierExit *outcome)
{
  BrenierCheckpoint checkpoint = run->options.solve.checkpoint;

  PetscFunctionBegin;
  if (checkpoint && BrenierCheckpointState(checkpoint)->phase == BRENIER_PHASE_FINISHED)
    PetscCall(BrenierProblemAnswerFinished(run->comm, checkpoint, run->checkpoint, run->options.output, outcome));
  else PetscCall(Solve(run, outcome));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierRunDestroy(BrenierRun **run)
{
  BrenierRun *r = *run;

  PetscFunctionBegin;
  if (!r) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierCheckpointDestroy(&r->options.solve.checkpoint));
  PetscCall(BrenierReductionDestroy(&r->reduction));
  PetscCall(BrenierOutcomeDestroy(&r->outcome));
  PetscCall(PetscFree(*run));
  PetscFunctionReturn(PETSC_SUCCESS);
}
