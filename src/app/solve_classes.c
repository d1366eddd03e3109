/*
  solve_classes.c - Implements solve_classes.h.

  Each class is a problem of its own, with a seed of its own, and solved by a run (run.h) whose communicator prints
  nothing. class_loop.h spreads the classes over the ranks, class_rows.h brings rows to the ranks and numbers back,
  classes_end.h writes the result.
*/
#include "solve_classes.h"
#include "classes_end.h"
#include "class_loop.h"
#include "solve_source.h"

#include <brenier/tile.h>

#include <math.h>

/* Work of a class, n_k^2 d, from which on all ranks may share it: some seconds on one core. Smaller ones are solved by
   one rank, whose bits do not depend on the number of ranks. */
static const PetscReal brenier_shared_least = 2e9;

/* As many classes have a line each; of more there is one line in so many seconds. */
enum { FEW_CLASSES = 50 };
static const double brenier_line_every = 20.0;

/* Assumed rate of writing a file, bytes a second: as of a solve of one map. */
static const PetscReal brenier_class_write_rate = 5e7;

/* ---- input ---- */

static PetscErrorCode CheckLabels(const BrenierArray *labels, const BrenierArray *points)
{
  PetscFunctionBegin;
  PetscCheck(labels->n == points->n, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: %" PetscInt_FMT " label%s for %" PetscInt_FMT " target%s in %s; give one label a target",
             labels->path, labels->n, BrenierPlural(labels->n), points->n, BrenierPlural(points->n), points->path);
  PetscCheck(!labels->past_signed, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: there is a label beyond 2^63 - 1; number the classes by smaller integers", labels->path);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadInput(const char where[], ClassesRun *run)
{
  const SolveRequest *r = run->request;
  BrenierArray        points, labels, weights = {0};
  const PetscBool     weighted = (PetscBool)(r->weights[0] != '\0');

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_POINTS, &points));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->classes, BRENIER_ARRAY_LABELS, &labels));
  PetscCall(CheckLabels(&labels, &points));
  if (weighted) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCheckInput(&points, weighted ? &weights : NULL));
  PetscCall(BrenierClassesCreate(PETSC_COMM_WORLD, labels.n_local, labels.whole, &run->classes));
  PetscCall(BrenierSolveSourceCreate(r, points.dim, &run->source));
  PetscCall(BrenierClassRowsCreate(&points, weighted ? &weights : NULL, run->classes, &run->rows));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&labels));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- one class ---- */

static void SetRecord(const ClassesRun *run, PetscInt k, const BrenierRun *one, BrenierExit outcome,
                      BrenierClassRecord *record)
{
  const BrenierTargets t = one->given;
  const BrenierResult *r = &one->outcome.about;

  *record = (BrenierClassRecord){.label           = run->classes->label[k],
                                 .n               = t->n,
                                 .merged          = t->n_merged,
                                 .seed            = r->seed,
                                 .curves          = r->curves,
                                 .one_pass_curves = r->one_pass_curves,
                                 .exact           = r->exact,
                                 .exit            = outcome,
                                 .weight     = run->rows.weighted ? t->weight_sum : (PetscReal)(t->n + t->n_merged),
                                 .iterations = one->solved.last.iteration,
                                 .held_out   = r->held_out};
}

/* Heights and cells of a class to their rows of the input. */
static PetscErrorCode PutCells(ClassesRun *run, PetscInt k, const BrenierOutcome *o)
{
  const BrenierTargets t    = o->targets;
  const PetscInt64    *rows = run->classes->row + run->classes->begin[k];
  const PetscScalar   *h, *mass, *mass_error;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(o->h, &h));
  PetscCall(VecGetArrayRead(o->mass, &mass));
  PetscCall(VecGetArrayRead(o->mass_error, &mass_error));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const OneCell cell = {h[i], t->nu[i], mass[i], mass_error[i], o->barycentre.value + (size_t)i * (size_t)t->dim};

    PetscCall(BrenierClassRowsPut(&run->rows, rows[t->row[i]], &cell));
  }
  PetscCall(VecRestoreArrayRead(o->h, &h));
  PetscCall(VecRestoreArrayRead(o->mass, &mass));
  PetscCall(VecRestoreArrayRead(o->mass_error, &mass_error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The targets of class k. */
static PetscErrorCode MakeTargets(const ClassesRun *run, MPI_Comm comm, PetscInt k, BrenierTargets *targets)
{
  BrenierArray points, weights;

  PetscFunctionBegin;
  PetscCall(BrenierClassRowsGet(&run->rows, comm, k, &points, &weights));
  PetscCall(BrenierTargetsCreate(&points, run->rows.weighted ? &weights : NULL, targets));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves class k. One that a stop cuts short is not done where a checkpoint lets it begin anew. */
static PetscErrorCode SolveOne(void *context, MPI_Comm comm, PetscInt k, BrenierClassRecord *record,
                               PetscBool *finished)
{
  ClassesRun         *run   = context;
  const SolveRequest *r     = run->request;
  const double        begun = MPI_Wtime();
  BrenierRunOptions   options;
  BrenierTargets      targets;
  BrenierRun         *one;
  BrenierExit         outcome;

  PetscFunctionBegin;
  PetscCall(MakeTargets(run, comm, k, &targets));
  BrenierSolveRequestRun(r, run->source, &options);
  options.output           = NULL;
  options.solve.seed       = BrenierClassSeed(r->solve.seed, run->classes->label[k]);
  options.solve.checkpoint = NULL; // that of all classes is between them
  PetscCall(BrenierRunCreate(targets, &options, &one));
  PetscCall(BrenierRunSolve(one, &outcome));
  *finished = (PetscBool)(!one->solved.stopped || !r->checkpoint[0]);
  if (*finished) {
    SetRecord(run, k, one, outcome, record);
    PetscCall(PutCells(run, k, &one->outcome));
    record->seconds = MPI_Wtime() - begun;
  }
  PetscCall(BrenierRunDestroy(&one));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- what is said ---- */

static PetscErrorCode Announce(const ClassesRun *run)
{
  const BrenierClasses c     = run->classes;
  PetscInt             least = PETSC_MAX_INT, most = 0, n_shared = 0;
  PetscMPIInt          size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (PetscInt k = 0; k < c->n_classes; ++k) {
    least = PetscMin(least, BrenierClassesSize(c, k));
    most  = PetscMax(most, BrenierClassesSize(c, k));
    n_shared += run->owner[k] == BRENIER_ALL_RANKS;
  }
  PetscCall(BrenierPrintWorld(
      "Brenier %s on %d rank%s (%s): %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT
      ", source %s, one map for each of %" PetscInt_FMT " class%s of %" PetscInt_FMT " to %" PetscInt_FMT " targets",
      BRENIER_VERSION, size, BrenierPlural(size), BrenierTileSimd(), c->n, BrenierPlural(c->n), run->rows.input->dim,
      BrenierSourceName(run->source), c->n_classes, c->n_classes == 1 ? "" : "es", least, most));
  if (size > 1)
    PetscCall(
        BrenierPrintWorld("%" PetscInt_FMT " of the classes on all ranks, the others on one rank each", n_shared));
  PetscCall(BrenierLogEvent("start", "s version", BRENIER_VERSION, "s commit", BRENIER_GIT_COMMIT, "i ranks",
                            (PetscInt64)size, "s simd", BrenierTileSimd(), "s input", run->rows.input->path,
                            "i n_targets", (PetscInt64)c->n, "i dim", (PetscInt64)run->rows.input->dim, "i classes",
                            (PetscInt64)c->n_classes, "s source", BrenierSourceName(run->source), "i curves",
                            run->request->solve.curves, "r tol", run->request->solve.tol, "i seed",
                            run->request->solve.seed, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The log is kept by rank 0, which hears of a class alone: BrenierLog() and BrenierPrint() need no other rank. */
static PetscErrorCode TellOne(void *context, const BrenierClassRecord *record)
{
  ClassesRun           *run = context;
  const BrenierHeldOut *o   = &record->held_out;
  const PetscInt        n   = run->classes->n_classes;
  const double          now = MPI_Wtime();

  PetscFunctionBegin;
  ++run->n_told;
  run->cost_told += run->cost[BrenierClassesFind(run->classes, record->label)];
  if (run->worst.n == 0 || o->rho_high > run->worst.held_out.rho_high) run->worst = *record;
  PetscCall(BrenierLogEvent("class", "i label", record->label, "i n_targets", record->n, "r rho", o->rho, "r rho_low",
                            o->rho_low, "r rho_high", o->rho_high, "i empty", o->empty, "r iterations",
                            record->iterations, "i exit", record->exit, "r class_seconds", record->seconds, "i done",
                            (PetscInt64)run->n_told, "i classes", (PetscInt64)n, NULL));
  if (n <= FEW_CLASSES)
    PetscCall(BrenierPrintWorld("  class %" PetscInt64_FMT ": %" PetscInt64_FMT
                                " target%s, rho %.4g, 95%% interval %.4g to %.4g, %.1f s",
                                record->label, record->n, BrenierPlural(record->n), (double)o->rho, (double)o->rho_low,
                                (double)o->rho_high, (double)record->seconds));
  else if (now - run->said >= brenier_line_every && run->n_told < n) {
    run->said = now;
    PetscCall(BrenierPrintWorld("  %" PetscInt_FMT " of %" PetscInt_FMT " classes done, largest rho %.3g (class "
                                "%" PetscInt64_FMT "), about %.0f s remain",
                                run->n_told, n, (double)run->worst.held_out.rho, run->worst.label,
                                (now - run->begun) *
                                    (double)((run->cost_all - run->cost_told) / (run->cost_told - run->cost_before))));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- checkpoint ---- */

static PetscErrorCode WriteRows(void *context, BrenierStore store)
{
  const ClassesRun    *run  = context;
  const BrenierTargets t    = run->rows.input;
  const CellRows      *c    = &run->rows.cells;
  static const char    as[] = "as in the result; nan in rows that are not done and in duplicates";

  PetscFunctionBegin;
  PetscCall(BrenierStoreWriteRows(store, "/heights", BRENIER_F8, t->n_local, 0, c->height, as));
  PetscCall(BrenierStoreWriteRows(store, "/weights", BRENIER_F8, t->n_local, 0, c->nu, "as in the result"));
  PetscCall(BrenierStoreWriteRows(store, "/mass", BRENIER_F8, t->n_local, 0, c->mass, "as in the result"));
  PetscCall(BrenierStoreWriteRows(store, "/mass_error", BRENIER_F8, t->n_local, 0, c->mass_error, "as in the result"));
  PetscCall(
      BrenierStoreWriteRows(store, "/barycenter", BRENIER_F4, t->n_local, t->dim, c->barycentre, "as in the result"));
  PetscCall(BrenierClassRecordsWrite(store, t->comm, run->classes->n_classes, run->record));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The classes that an earlier run has done. */
static PetscErrorCode ReadRows(ClassesRun *run, BrenierStore store)
{
  const BrenierTargets t = run->rows.input;
  const CellRows      *c = &run->rows.cells;

  PetscFunctionBegin;
  PetscCall(BrenierStoreReadRows(store, "/heights", BRENIER_F8, t->first, t->n_local, c->height));
  PetscCall(BrenierStoreReadRows(store, "/weights", BRENIER_F8, t->first, t->n_local, c->nu));
  PetscCall(BrenierStoreReadRows(store, "/mass", BRENIER_F8, t->first, t->n_local, c->mass));
  PetscCall(BrenierStoreReadRows(store, "/mass_error", BRENIER_F8, t->first, t->n_local, c->mass_error));
  PetscCall(BrenierStoreReadRows(store, "/barycenter", BRENIER_F4, t->first, t->n_local, c->barycentre));
  PetscCall(BrenierClassRecordsRead(store, t->comm, run->classes->n_classes, run->record));
  for (PetscInt k = 0; k < run->classes->n_classes; ++k)
    run->done[k] = (PetscBool)(run->record[k].exit != BRENIER_CLASS_NOT_SOLVED);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Ranks meet: what is done goes to its rows and, where there is more to do, to the checkpoint. */
static PetscErrorCode MeetAll(void *context)
{
  ClassesRun      *run    = context;
  const PetscInt64 n      = run->classes->n;
  PetscInt         n_done = 0;

  PetscFunctionBegin;
  PetscCall(BrenierClassRowsReturn(&run->rows));
  for (PetscInt k = 0; k < run->classes->n_classes; ++k) n_done += run->done[k];
  if (!run->request->solve.checkpoint || n_done == run->n_saved || n_done == run->classes->n_classes)
    PetscFunctionReturn(PETSC_SUCCESS);
  run->n_saved = n_done;
  PetscCall(BrenierCheckpointSaveClasses(run->request->solve.checkpoint,
                                         n * (4 * (PetscInt64)run->rows.input->dim + 32) + (1 << 20), WriteRows, run));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the run ---- */

/* Work, what is done, and who does the rest. */
static PetscErrorCode Plan(ClassesRun *run)
{
  const BrenierClasses c          = run->classes;
  BrenierCheckpoint    checkpoint = run->request->solve.checkpoint;
  PetscMPIInt          size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscCalloc4(c->n_classes, &run->owner, c->n_classes, &run->done, c->n_classes, &run->record, c->n_classes,
                         &run->cost));
  for (PetscInt k = 0; k < c->n_classes; ++k) {
    run->record[k] = (BrenierClassRecord){.label = c->label[k], .exit = BRENIER_CLASS_NOT_SOLVED};
    run->cost[k]   = PetscSqr((PetscReal)BrenierClassesSize(c, k)) * (PetscReal)run->rows.input->dim;
    run->cost_all += run->cost[k];
  }
  if (checkpoint && BrenierCheckpointStore(checkpoint)) PetscCall(ReadRows(run, BrenierCheckpointStore(checkpoint)));
  run->n_saved =
      checkpoint && BrenierCheckpointStore(checkpoint) ? 0 : -1; // a stop before the first class is saved too
  for (PetscInt k = 0; k < c->n_classes; ++k) {
    const PetscBool worse = (PetscBool)(run->record[k].held_out.rho_high > run->worst.held_out.rho_high);

    if (!run->done[k]) continue;
    if (run->worst.n == 0 || worse) run->worst = run->record[k];
    run->cost_before += run->cost[k];
    ++run->n_told;
  }
  if (run->n_told) run->n_saved = run->n_told;
  run->cost_told = run->cost_before;
  PetscCall(BrenierClassesSchedule(c, size, run->cost, brenier_shared_least, run->done, run->owner));
  PetscCall(BrenierClassRowsFetch(&run->rows, run->owner, run->done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The time limit less the time that the result takes to write; 0 for none. */
static PetscReal TimeForClasses(const ClassesRun *run)
{
  const PetscReal bytes = (PetscReal)run->classes->n * (12.0 * (PetscReal)run->rows.input->dim + 64.0);
  const PetscReal most = run->request->max_time, least = 1e-3;

  return most > 0.0 ? PetscMax(most - bytes / brenier_class_write_rate, least) : 0.0;
}

static PetscErrorCode SolveAll(ClassesRun *run)
{
  const SolveRequest *r    = run->request;
  ClassLoop           loop = {.classes   = run->classes,
                              .owner     = run->owner,
                              .interval  = r->solve.checkpoint ? r->interval : PETSC_INFINITY,
                              .max_time  = TimeForClasses(run),
                              .stop_file = r->stop_file,
                              .threads   = (PetscInt)r->threads,
                              .stops     = PETSC_TRUE,
                              .context   = run,
                              .work      = SolveOne,
                              .tell      = TellOne,
                              .meet      = MeetAll,
                              .done      = run->done,
                              .record    = run->record};

  PetscFunctionBegin;
  run->begun = run->said = MPI_Wtime();
  PetscCall(BrenierClassLoop(&loop));
  run->stopped = loop.stopped;
  run->seconds = MPI_Wtime() - run->begun;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Free(ClassesRun *run)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(run->owner, run->done, run->record, run->cost));
  PetscCall(BrenierCheckpointDestroy(&run->request->solve.checkpoint));
  PetscCall(BrenierClassRowsDestroy(&run->rows));
  PetscCall(BrenierClassesDestroy(&run->classes));
  PetscCall(BrenierSourceDestroy(&run->source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveClasses(const char where[], SolveRequest *r, BrenierExit *outcome)
{
  ClassesRun run = {.request = r};
  PetscBool  finished;

  PetscFunctionBegin;
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r->max_time, r->stop_file));
  PetscCall(ReadInput(where, &run));
  PetscCall(BrenierSolveRequestClassesCheckpoint(r, run.rows.input, run.source, run.classes));
  finished =
      (PetscBool)(r->solve.checkpoint && BrenierCheckpointState(r->solve.checkpoint)->phase == BRENIER_PHASE_FINISHED);
  if (finished)
    PetscCall(BrenierProblemAnswerFinished(PETSC_COMM_WORLD, r->solve.checkpoint, r->checkpoint, r->output, outcome));
  else {
    PetscCall(Plan(&run));
    PetscCall(Announce(&run));
    PetscCall(SolveAll(&run));
    PetscCall(BrenierClassesConclude(&run, outcome));
  }
  PetscCall(Free(&run));
  PetscFunctionReturn(PETSC_SUCCESS);
}
