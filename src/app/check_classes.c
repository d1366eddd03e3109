/* check_classes.c - Implements check_classes.h. */
#include "check_classes.h"
#include "class_loop.h"

#include <brenier/run.h>

#include <math.h>
#include <stdlib.h>

/* Work of a class, n_k^2, from which on all ranks may share it. */
static const PetscReal brenier_check_shared_least = 1e9;

typedef struct {
  /* parameters */
  const CheckRequest *request;
  const char         *path;
  BrenierClasses      classes;
  /* data */
  BrenierClassFile    own, together; /* the file, opened by this rank alone and by all; NULL until it is needed */
  BrenierClassRecord *record, *before;
} Check;

/* Measures class k. */
static PetscErrorCode MeasureOne(void *context, MPI_Comm comm, PetscInt k, BrenierClassRecord *record,
                                 PetscBool *finished)
{
  Check              *c = context;
  const CheckRequest *r = c->request;
  BrenierClassFile   *file;
  BrenierTargets      targets;
  BrenierResult       result;
  PetscMPIInt         size, all;
  Vec                 h;

  PetscFunctionBegin;
  *finished = PETSC_TRUE;
  *record   = c->before[k];
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &all));
  file = size == 1 || size != all ? &c->own : &c->together;
  if (!*file) PetscCall(BrenierClassFileOpen(comm, c->path, file));
  PetscCall(BrenierClassFileRead(*file, k, &result, &targets, &h));
  PetscCall(BrenierMeasureHeights(targets, result.source, h, BrenierClassSeed(r->seed, record->label), r->curves,
                                  &record->held_out));
  record->exit = r->tol > 0.0 && !(record->held_out.rho_high <= r->tol) ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
  PetscCall(VecDestroy(&h));
  PetscCall(BrenierSourceDestroy(&result.source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the end, while the communicators are there. */
static PetscErrorCode CloseFiles(void *context)
{
  Check *c = context;

  PetscFunctionBegin;
  PetscCall(BrenierClassFileDestroy(&c->own));
  PetscCall(BrenierClassFileDestroy(&c->together));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Spreads the classes and measures those that have a map. */
static PetscErrorCode MeasureAll(Check *c)
{
  const PetscInt n = c->classes->n_classes;
  PetscMPIInt    size, *owner;
  PetscBool     *done;
  PetscReal     *cost;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscCalloc3(n, &owner, n, &done, n, &cost));
  for (PetscInt k = 0; k < n; ++k) {
    c->record[k] = c->before[k];
    done[k]      = (PetscBool)(c->before[k].exit == BRENIER_CLASS_NOT_SOLVED);
    cost[k]      = PetscSqr((PetscReal)BrenierClassesSize(c->classes, k));
  }
  PetscCall(BrenierClassesSchedule(c->classes, size, cost, brenier_check_shared_least, done, owner));
  PetscCall(BrenierClassLoop(&(ClassLoop){.classes   = c->classes,
                                          .owner     = owner,
                                          .interval  = PETSC_INFINITY,
                                          .stop_file = "",
                                          .threads   = (PetscInt)c->request->threads,
                                          .context   = c,
                                          .work      = MeasureOne,
                                          .meet      = CloseFiles,
                                          .done      = done,
                                          .record    = c->record}));
  PetscCall(PetscFree3(owner, done, cost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The larger upper end of the interval first; those without a map before all. */
static int CompareRecords(const void *first, const void *second)
{
  const BrenierClassRecord *a = first, *b = second;
  const PetscReal           x = a->exit == BRENIER_CLASS_NOT_SOLVED ? PETSC_INFINITY : a->held_out.rho_high;
  const PetscReal           y = b->exit == BRENIER_CLASS_NOT_SOLVED ? PETSC_INFINITY : b->held_out.rho_high;

  if (x != y) return x < y ? 1 : -1;
  return (a->label > b->label) - (a->label < b->label);
}

static PetscErrorCode ReportOne(const BrenierClassRecord *r)
{
  const BrenierHeldOut *o = &r->held_out;

  PetscFunctionBegin;
  if (r->exit == BRENIER_CLASS_NOT_SOLVED) {
    PetscCall(BrenierPrintWorld(
        "  %20" PetscInt64_FMT " %9" PetscInt64_FMT "  no map: the run was stopped before this class", r->label, r->n));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierPrintWorld(
      "  %20" PetscInt64_FMT " %9" PetscInt64_FMT " %10.4g %10.4g %10.4g %10.4g %7" PetscInt64_FMT, r->label, r->n,
      (double)o->rho, (double)o->rho_low, (double)o->rho_high, (double)o->tv, o->empty));
  PetscCall(BrenierLogEvent("class", "i label", r->label, "i n_targets", r->n, "r rho", o->rho, "r rho_low", o->rho_low,
                            "r rho_high", o->rho_high, "r tv", o->tv, "i empty", o->empty, "i exit", r->exit, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All classes, the worst first; then all of them together. */
static PetscErrorCode Report(Check *c, BrenierExit *outcome)
{
  const PetscInt n       = c->classes->n_classes;
  PetscInt       n_above = 0, n_without = 0;
  char           number[BRENIER_NUMBER_LENGTH];
  BrenierHeldOut total;

  PetscFunctionBegin;
  qsort(c->record, (size_t)n, sizeof *c->record, CompareRecords);
  PetscCall(
      BrenierPrintWorld("  %20s %9s %10s %10s %10s %10s %7s", "class", "targets", "rho", "low", "high", "tv", "empty"));
  for (PetscInt k = 0; k < n; ++k) {
    PetscCall(ReportOne(&c->record[k]));
    n_without += c->record[k].exit == BRENIER_CLASS_NOT_SOLVED;
    n_above += c->record[k].exit == BRENIER_EXIT_TOLERANCE;
  }
  PetscCall(BrenierPrintWorld("all classes together, by their weights:"));
  BrenierClassRecordsTotal(n, c->record, &total);
  PetscCall(BrenierReportHeldOut(PETSC_COMM_WORLD, "check", &total));
  if (n_without)
    PetscCall(BrenierPrintWorld("%" PetscInt_FMT " of %" PetscInt_FMT " classes have no map", n_without, n));
  if (n_above)
    PetscCall(BrenierPrintWorld("%" PetscInt_FMT " of %" PetscInt_FMT
                                " classes are above the tolerance of %s; worst: class %" PetscInt64_FMT ", rho %.4g",
                                n_above, n, BrenierNumber(c->request->tol, number), c->record[n_without].label,
                                (double)c->record[n_without].held_out.rho));
  *outcome = c->request->tol > 0.0 && n_above + n_without > 0 ? BRENIER_EXIT_TOLERANCE : BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckClasses(BrenierClassFile file, const CheckRequest *request, BrenierExit *outcome)
{
  Check c = {.request = request, .path = file->path, .classes = file->classes, .before = file->record};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(c.classes->n_classes, &c.record));
  PetscCall(BrenierPrintWorld("%s: %" PetscInt_FMT " target%s in dimension %" PetscInt_FMT ", one map for each of "
                              "%" PetscInt_FMT " classes",
                              file->path, c.classes->n, BrenierPlural(c.classes->n), file->dim, c.classes->n_classes));
  PetscCall(MeasureAll(&c));
  PetscCall(Report(&c, outcome));
  PetscCall(PetscFree(c.record));
  PetscFunctionReturn(PETSC_SUCCESS);
}
