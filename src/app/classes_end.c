/* classes_end.c - Implements classes_end.h. */
#include "classes_end.h"

#include <brenier/iteration.h>

#include <math.h>
#include <stdlib.h>

/* ---- the rows of the result ---- */

/* Rows of the input that are targets of the result, moved to the front of the arrays of `cells` and of the input. */
typedef struct {
  PetscInt    n;
  PetscInt64 *label, *row;
} TargetRows;

/* Class of every row of the input here. */
static void ClassesOfRows(BrenierClasses c, BrenierTargets t, PetscInt class[])
{
  for (PetscInt k = 0; k < c->n_classes; ++k)
    for (PetscInt i = c->begin[k]; i < c->begin[k + 1]; ++i)
      if (c->row[i] >= t->first && c->row[i] < t->first + t->n_local) class[c->row[i] - t->first] = k;
}

/* Gives the rows of classes that were not solved heights of 0 and their weights. */
static PetscErrorCode FillUnsolved(ClassesRun *run, const PetscInt class[])
{
  const BrenierTargets t = run->rows.input;
  CellRows            *c = &run->rows.cells;
  const PetscInt       n = run->classes->n_classes;
  PetscReal           *sum;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(n, &sum));
  for (PetscInt i = 0; i < t->n_local; ++i) sum[class[i]] += t->nu[i];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, (PetscMPIInt)n, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscInt k = class[i];

    if (run->done[k]) continue;
    c->height[i] = 0.0;
    c->nu[i]     = t->nu[i] / sum[k];
    c->mass[i] = c->mass_error[i] = NAN;
    for (PetscInt l = 0; l < t->dim; ++l) c->barycentre[(size_t)i * (size_t)t->dim + (size_t)l] = NAN;
  }
  for (PetscInt k = 0; k < n; ++k)
    if (!run->done[k]) {
      run->record[k].n      = BrenierClassesSize(run->classes, k);
      run->record[k].weight = sum[k];
    }
  PetscCall(PetscFree(sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Leaves out the rows that are duplicates of others. */
static PetscErrorCode Compact(ClassRows *input, const PetscInt class[], TargetRows *rows)
{
  const BrenierTargets t   = input->input;
  CellRows            *c   = &input->cells;
  const size_t         dim = (size_t)t->dim;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &rows->label));
  PetscCall(PetscMalloc1(t->n_local, &rows->row));
  rows->n = 0;
  for (PetscInt i = 0; i < t->n_local; ++i) {
    const PetscInt to = rows->n;

    if (isnan(c->height[i])) continue;
    rows->label[to]   = input->classes->label[class[i]];
    rows->row[to]     = t->first + i;
    c->height[to]     = c->height[i];
    c->nu[to]         = c->nu[i];
    c->mass[to]       = c->mass[i];
    c->mass_error[to] = c->mass_error[i];
    PetscCall(PetscArraymove(c->barycentre + (size_t)to * dim, c->barycentre + (size_t)i * dim, dim));
    PetscCall(PetscArraymove(t->y + (size_t)to * dim, t->y + (size_t)i * dim, dim));
    ++rows->n;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The targets of the result, which take coordinates, weights and row numbers away. */
static PetscErrorCode MakeTargets(ClassRows *input, TargetRows *rows, BrenierTargets *targets)
{
  const BrenierTargets t = input->input;
  PetscInt64           n_merged;
  PetscReal           *y;

  PetscFunctionBegin;
  PetscCall(BrenierTargetsTakeCoordinates(t, &y));
  PetscCall(BrenierTargetsCreateFromArrays(PETSC_COMM_WORLD, rows->n, t->dim, y, input->cells.nu, rows->row, targets));
  input->cells.nu = NULL;
  rows->row       = NULL;
  n_merged        = t->n - (*targets)->n;
  if (n_merged)
    PetscCall(BrenierPrintWorld("notice: %" PetscInt64_FMT " duplicate%s among the targets of a class in %s merged, "
                                "weights added, %" PetscInt_FMT " target%s left",
                                n_merged, BrenierPlural(n_merged), t->path, (*targets)->n,
                                BrenierPlural((*targets)->n)));
  (*targets)->n_merged   = n_merged;
  (*targets)->hash       = t->hash;
  (*targets)->file_bytes = t->file_bytes;
  PetscCall(PetscStrncpy((*targets)->path, t->path, sizeof t->path));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A vector with the numbers of an array. */
static PetscErrorCode MakeVec(BrenierTargets t, PetscReal value[], Vec *v)
{
  PetscFunctionBegin;
  PetscCall(VecCreateMPIWithArray(t->comm, 1, t->n_local, t->n, value, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the result ---- */

/* Shares of the classes in the weights of all; sums of what the classes count. */
static void SumRecords(PetscInt n, BrenierClassRecord record[], BrenierResult *result)
{
  PetscReal all = 0.0;

  result->exact = PETSC_TRUE;
  for (PetscInt k = 0; k < n; ++k) all += record[k].weight;
  for (PetscInt k = 0; k < n; ++k) {
    record[k].weight /= all;
    result->curves += record[k].curves;
    result->one_pass_curves += record[k].one_pass_curves;
    if (!record[k].exact) result->exact = PETSC_FALSE;
  }
  BrenierClassRecordsTotal(n, record, &result->held_out);
}

static PetscErrorCode WriteResult(ClassesRun *run, BrenierResult *result)
{
  BrenierResultClasses classes = {.n = run->classes->n_classes, .record = run->record};
  CellRows            *c       = &run->rows.cells;
  BrenierHistory       none    = {.n_columns = BRENIER_ITERATION_COLUMNS, .columns = BrenierIterationNames};
  BrenierTargets       targets;
  TargetRows           rows;
  PetscInt *class;
  Vec h, mass, mass_error;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(run->rows.input->n_local, &class));
  ClassesOfRows(run->classes, run->rows.input, class);
  PetscCall(FillUnsolved(run, class));
  PetscCall(Compact(&run->rows, class, &rows));
  PetscCall(PetscFree(class));
  PetscCall(MakeTargets(&run->rows, &rows, &targets));
  SumRecords(classes.n, run->record, result);
  PetscCall(MakeVec(targets, c->height, &h));
  PetscCall(MakeVec(targets, c->mass, &mass));
  PetscCall(MakeVec(targets, c->mass_error, &mass_error));
  classes.label      = rows.label;
  classes.barycentre = c->barycentre;
  result->classes    = &classes;
  PetscCall(BrenierResultWrite(run->request->output, result, targets, h, mass, mass_error, NULL, &none));
  result->classes = NULL;
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(VecDestroy(&mass_error));
  PetscCall(PetscFree(rows.label));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- what is said ---- */

static int CompareReals(const void *first, const void *second)
{
  const PetscReal a = *(const PetscReal *)first, b = *(const PetscReal *)second;

  return (a > b) - (a < b);
}

/* Largest and median rho, and how busy the ranks were. */
static PetscErrorCode Report(const ClassesRun *run, PetscInt n_done)
{
  const PetscInt n     = run->classes->n_classes;
  const PetscInt worst = BrenierClassRecordsWorst(n, run->record);
  PetscReal     *rho;
  PetscMPIInt    size;

  PetscFunctionBegin;
  if (worst < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscMalloc1(n, &rho));
  for (PetscInt k = 0, i = 0; k < n; ++k)
    if (run->done[k]) rho[i++] = run->record[k].held_out.rho;
  qsort(rho, (size_t)n_done, sizeof *rho, CompareReals);
  PetscCall(BrenierPrintWorld("%" PetscInt_FMT " of %" PetscInt_FMT " classes in %.1f s: median rho %.4g, largest %.4g"
                              ", worst interval %.4g to %.4g (class %" PetscInt64_FMT ")",
                              n_done, n, (double)run->seconds, (double)rho[n_done / 2], (double)rho[n_done - 1],
                              (double)run->record[worst].held_out.rho_low, (double)run->record[worst].held_out.rho_high,
                              run->record[worst].label));
  PetscCall(PetscFree(rho));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The outcome as an exit code and in words. */
static PetscErrorCode Judge(const ClassesRun *run, PetscInt n_done, BrenierExit *outcome, char status[64])
{
  const PetscInt            n        = run->classes->n_classes;
  const PetscInt            worst    = BrenierClassRecordsWorst(n, run->record);
  const BrenierClassRecord *w        = worst < 0 ? NULL : &run->record[worst];
  PetscInt                  n_missed = 0;
  char                      number[BRENIER_NUMBER_LENGTH], missed[64] = "have not converged";

  PetscFunctionBegin;
  if (run->request->solve.tol > 0.0)
    PetscCall(PetscSNPrintf(missed, sizeof missed, "miss the tolerance of %s",
                            BrenierNumber(run->request->solve.tol, number)));
  for (PetscInt k = 0; k < n; ++k) n_missed += run->done[k] && run->record[k].exit != BRENIER_EXIT_DONE;
  *outcome = n_missed || n_done < n ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
  PetscCall(PetscStrncpy(status, n_missed ? "tolerance not reached" : "converged", 64));
  if (n_done < n) PetscCall(PetscSNPrintf(status, 64, "stopped: %s", BrenierStopText(PETSC_COMM_WORLD, run->stopped)));
  if (n_missed)
    PetscCall(BrenierPrintWorld("%" PetscInt_FMT " of %" PetscInt_FMT " classes %s; worst: class "
                                "%" PetscInt64_FMT ", rho %.4g, 95%% interval %.4g to %.4g",
                                n_missed, n, missed, w->label, (double)w->held_out.rho, (double)w->held_out.rho_low,
                                (double)w->held_out.rho_high));
  if (n_done < n)
    PetscCall(BrenierPrintWorld("%" PetscInt_FMT " of %" PetscInt_FMT
                                " classes have no map, as the run was stopped before them; -checkpoint FILE lets the "
                                "same command continue",
                                n - n_done, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The run ends with its checkpoint. */
static PetscErrorCode EndStopped(const ClassesRun *run, PetscInt n_done, BrenierExit *outcome)
{
  const SolveRequest *r   = run->request;
  const char         *why = BrenierStopText(PETSC_COMM_WORLD, run->stopped);
  char                status[64];

  PetscFunctionBegin;
  *outcome = BRENIER_EXIT_STOPPED;
  PetscCall(PetscSNPrintf(status, sizeof status, "stopped: %s", why));
  PetscCall(BrenierPrintWorld("stopped (%s) after %" PetscInt_FMT " of %" PetscInt_FMT
                              " classes; the same command continues from %s",
                              why, n_done, run->classes->n_classes, r->checkpoint));
  PetscCall(
      BrenierLogEvent("end", "s status", status, "i exit", (PetscInt64)*outcome, "s output", r->checkpoint, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassesConclude(ClassesRun *run, BrenierExit *outcome)
{
  const SolveRequest *r      = run->request;
  BrenierResult       result = {.source = run->source, .seed = r->solve.seed};
  PetscInt            n_done = 0;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < run->classes->n_classes; ++k) n_done += run->done[k];
  if (n_done < run->classes->n_classes && r->solve.checkpoint) {
    PetscCall(EndStopped(run, n_done, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(Report(run, n_done));
  PetscCall(Judge(run, n_done, outcome, result.status));
  PetscCall(WriteResult(run, &result));
  if (r->solve.checkpoint) PetscCall(BrenierCheckpointFinish(r->solve.checkpoint, *outcome, result.status));
  PetscCall(BrenierPrintWorld("%s; result in %s", result.status, r->output));
  PetscCall(
      BrenierLogEvent("end", "s status", result.status, "i exit", (PetscInt64)*outcome, "s output", r->output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
