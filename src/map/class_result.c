/* class_result.c - Implements class_result.h. */
#include "result_impl.h"

#include <brenier/base.h>
#include <brenier/class_result.h>

#include <math.h>

/* ---- the group /class ---- */

/* Memory type and type on disk of a number, by the letter of its type. */
#define DISK_i  BRENIER_I8
#define DISK_r  BRENIER_F8
#define WHOLE_i PetscInt64
#define WHOLE_r PetscReal

#define WRITE(type, name, member, meaning)                                                                             \
  for (PetscInt k = 0; k < here; ++k) ((WHOLE_##type *)column)[k] = record[k].member;                                  \
  PetscCall(BrenierStoreWriteRows(store, "/class/" #name, DISK_##type, here, 0, column, meaning));

PetscErrorCode BrenierClassRecordsWrite(BrenierStore store, MPI_Comm comm, PetscInt n,
                                        const BrenierClassRecord record[])
{
  PetscMPIInt rank;
  PetscInt    here;
  PetscInt64 *column; // or PetscReal, of the same size

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  here = rank == 0 ? n : 0;
  PetscCall(PetscMalloc1(n, &column));
  BRENIER_CLASS_NUMBERS(WRITE)
  PetscCall(PetscFree(column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A column of the group, of so many classes. */
static PetscErrorCode ReadColumn(BrenierStore store, MPI_Comm comm, const char name[], BrenierType type, PetscInt n,
                                 void *column)
{
  PetscInt64 length;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, name, &length, &dim));
  PetscCheck(length == n && dim == 0, comm, PETSC_ERR_FILE_UNEXPECTED,
             "the dataset %s does not have one number for each of the %" PetscInt_FMT
             " classes; the file is damaged, solve again",
             name, n);
  PetscCall(BrenierStoreReadRows(store, name, type, 0, n, column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define READ(type, name, member, meaning)                                                                              \
  PetscCall(ReadColumn(store, comm, "/class/" #name, DISK_##type, n, column));                                         \
  for (PetscInt k = 0; k < n; ++k) record[k].member = ((WHOLE_##type *)column)[k];

PetscErrorCode BrenierClassRecordsRead(BrenierStore store, MPI_Comm comm, PetscInt n, BrenierClassRecord record[])
{
  PetscInt64 *column; // or PetscReal, of the same size

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &column));
  PetscCall(PetscMemzero(record, (size_t)n * sizeof *record));
  BRENIER_CLASS_NUMBERS(READ)
  PetscCall(PetscFree(column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- all classes together ---- */

static void AddEstimate(BrenierEstimate *total, PetscReal weight, const BrenierEstimate *e)
{
  total->value += weight * e->value;
  total->low += weight * e->low;
  total->high += weight * e->high;
}

/* Adds the means over classes. */
static void AddMeans(BrenierHeldOut *total, PetscReal weight, const BrenierHeldOut *o)
{
  total->rho += weight * PetscSqr(o->rho);
  total->rho_low += weight * PetscSqr(o->rho_low);
  total->rho_high += weight * PetscSqr(o->rho_high);
  total->sampling_error += weight * PetscSqr(o->sampling_error);
  total->tv += weight * o->tv;
  total->unresolved_weight += weight * o->unresolved_weight;
  total->unresolved_mass += weight * o->unresolved_mass;
  total->wrong_weight += weight * o->wrong_weight;
  total->energy += weight * o->energy;
  total->energy_error += PetscSqr(weight * o->energy_error);
  AddEstimate(&total->dual, weight, &o->dual);
  AddEstimate(&total->primal, weight, &o->primal);
  AddEstimate(&total->gap, weight, &o->gap);
}

/* Adds counts, and what is largest. */
static void AddCounts(BrenierHeldOut *total, const BrenierHeldOut *o)
{
  total->curves += o->curves;
  total->empty += o->empty;
  total->missing += o->missing;
  total->unresolved += o->unresolved;
  total->wrong += o->wrong;
  total->largest_error = PetscMax(total->largest_error, o->largest_error);
  total->largest_log   = PetscMax(total->largest_log, o->largest_log);
  if (o->worst >= 0.0 && fabs(log(PetscMax(o->worst, PETSC_SMALL))) > fabs(log(PetscMax(total->worst, PETSC_SMALL))))
    total->worst = o->worst;
}

void BrenierClassRecordsTotal(PetscInt n, const BrenierClassRecord record[], BrenierHeldOut *total)
{
  PetscReal all = 0.0;

  *total = (BrenierHeldOut){.worst = 1.0};
  for (PetscInt k = 0; k < n; ++k)
    if (record[k].exit != BRENIER_CLASS_NOT_SOLVED) all += record[k].weight;
  for (PetscInt k = 0; k < n; ++k) {
    if (record[k].exit == BRENIER_CLASS_NOT_SOLVED) continue;
    AddMeans(total, record[k].weight / all, &record[k].held_out);
    AddCounts(total, &record[k].held_out);
  }
  total->chi2           = total->rho;
  total->rho            = PetscSqrtReal(total->rho);
  total->rho_low        = PetscSqrtReal(total->rho_low);
  total->rho_high       = PetscSqrtReal(total->rho_high);
  total->sampling_error = PetscSqrtReal(total->sampling_error);
  total->energy_error   = PetscSqrtReal(total->energy_error);
  total->w2             = BrenierDistance(total->dual.value);
  total->w2_bound_low   = BrenierDistance(total->dual.low);
  total->w2_bound_high  = BrenierDistance(total->dual.high);
}

PetscInt BrenierClassRecordsWorst(PetscInt n, const BrenierClassRecord record[])
{
  PetscInt worst = -1;

  for (PetscInt k = 0; k < n; ++k)
    if (record[k].exit != BRENIER_CLASS_NOT_SOLVED &&
        (worst < 0 || record[k].held_out.rho_high > record[worst].held_out.rho_high))
      worst = k;
  return worst;
}

/* ---- the file ---- */

/* The classes by the dataset /label, each rank reading its part. */
static PetscErrorCode ReadClasses(BrenierClassFile f, PetscInt n)
{
  PetscInt    n_local = PETSC_DECIDE;
  PetscInt64  first, *label;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(f->comm, &rank));
  PetscCall(PetscSplitOwnership(f->comm, &n_local, &n));
  first = n_local;
  PetscCallMPI(MPI_Scan(MPI_IN_PLACE, &first, 1, MPIU_INT64, MPI_SUM, f->comm));
  first -= n_local;
  PetscCall(PetscMalloc1(n_local, &label));
  PetscCall(BrenierStoreReadRows(f->store, "/label", BRENIER_I8, first, n_local, label));
  PetscCall(BrenierClassesCreate(f->comm, n_local, label, &f->classes));
  PetscCall(PetscFree(label));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckFile(BrenierClassFile f, PetscInt64 n_labels)
{
  PetscInt64 n, n_classes;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetInt(f->store, "/", "classes", &n_classes));
  PetscCall(BrenierStoreGetShape(f->store, "/targets", &n, &f->dim));
  PetscCall(BrenierStoreGetShape(f->store, "/heights", &n, &dim));
  PetscCheck(n == n_labels && n >= 1 && n <= PETSC_MAX_INT && f->dim >= 1 && dim == 0, f->comm,
             PETSC_ERR_FILE_UNEXPECTED, "%s: labels, targets and heights do not fit; the file is damaged, solve again",
             f->path);
  PetscCall(BrenierSourceLoad(f->store, f->dim, &f->source));
  PetscCall(ReadClasses(f, (PetscInt)n));
  PetscCheck(f->classes->n_classes == n_classes, f->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: it has %" PetscInt_FMT " labels for %" PetscInt64_FMT " classes; the file is damaged, solve again",
             f->path, f->classes->n_classes, n_classes);
  PetscCall(PetscMalloc1(f->classes->n_classes, &f->record));
  PetscCall(BrenierClassRecordsRead(f->store, f->comm, f->classes->n_classes, f->record));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassFileOpen(MPI_Comm comm, const char path[], BrenierClassFile *file)
{
  BrenierClassFile f;
  PetscInt64       n_labels;
  PetscInt         dim;

  PetscFunctionBegin;
  *file = NULL;
  PetscCall(PetscNew(&f));
  f->comm = comm;
  PetscCall(PetscStrncpy(f->path, path, sizeof f->path));
  PetscCall(BrenierStoreOpen(comm, path, "brenier-result", &f->store));
  PetscCall(BrenierStoreGetShape(f->store, "/label", &n_labels, &dim));
  if (n_labels < 0) PetscCall(BrenierClassFileDestroy(&f));
  else PetscCall(CheckFile(f, n_labels));
  *file = f;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This rank's part of the rows of a class. */
static PetscErrorCode PartOfClass(BrenierClassFile f, PetscInt k, PetscInt *n_local, PetscInt *begin)
{
  PetscInt n = BrenierClassesSize(f->classes, k), first;

  PetscFunctionBegin;
  *n_local = PETSC_DECIDE;
  PetscCall(PetscSplitOwnership(f->comm, n_local, &n));
  first = *n_local;
  PetscCallMPI(MPI_Scan(MPI_IN_PLACE, &first, 1, MPIU_INT, MPI_SUM, f->comm));
  *begin = f->classes->begin[k] + first - *n_local;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a result says beside targets and heights. */
static PetscErrorCode SetResult(BrenierClassFile f, PetscInt k, BrenierResult *r)
{
  const BrenierClassRecord *record = &f->record[k];

  PetscFunctionBegin;
  PetscCall(PetscMemzero(r, sizeof *r));
  PetscCheck(record->exit != BRENIER_CLASS_NOT_SOLVED, f->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: class %" PetscInt64_FMT
             " has no map, as the run was stopped before it; solve again, with -checkpoint FILE to continue after a "
             "stop",
             f->path, record->label);
  r->source    = BrenierSourceReference(f->source);
  r->seed      = record->seed;
  r->curves    = record->curves;
  r->held_out  = record->held_out;
  r->exact     = (PetscBool)(record->exact != 0);
  r->has_label = PETSC_TRUE;
  r->label     = record->label;
  PetscCall(PetscStrncpy(r->input, f->path, sizeof r->input));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassFileRead(BrenierClassFile f, PetscInt k, BrenierResult *result, BrenierTargets *targets,
                                    Vec *h)
{
  const PetscInt64 *file_row;
  PetscInt          n_local, begin;
  PetscReal        *y, *nu;
  PetscInt64       *row;
  PetscScalar      *a;

  PetscFunctionBegin;
  PetscCall(SetResult(f, k, result));
  PetscCall(PartOfClass(f, k, &n_local, &begin));
  file_row = f->classes->row + begin;
  PetscCall(PetscMalloc1((size_t)n_local * f->dim, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  PetscCall(BrenierStoreReadChosenRows(f->store, "/targets", BRENIER_F8, n_local, file_row, y));
  PetscCall(BrenierStoreReadChosenRows(f->store, "/weights", BRENIER_F8, n_local, file_row, nu));
  PetscCall(BrenierStoreReadChosenRows(f->store, "/row", BRENIER_I8, n_local, file_row, row));
  PetscCall(VecCreateMPI(f->comm, n_local, BrenierClassesSize(f->classes, k), h));
  PetscCall(VecGetArrayWrite(*h, &a));
  PetscCall(BrenierStoreReadChosenRows(f->store, "/heights", BRENIER_F8, n_local, file_row, a));
  PetscCall(BrenierResultCheckValues_Private(f->comm, f->path, n_local, 0, file_row, nu, a));
  PetscCall(VecRestoreArrayWrite(*h, &a));
  PetscCall(BrenierTargetsCreateFromArrays(f->comm, n_local, f->dim, y, nu, row, targets));
  (*targets)->n_merged = f->record[k].merged;
  PetscFunctionReturn(PETSC_SUCCESS);
}

const PetscInt64 *BrenierClassFileRows(BrenierClassFile f, PetscInt k, BrenierTargets targets)
{
  return f->classes->row + f->classes->begin[k] + targets->first;
}

PetscErrorCode BrenierClassFileDestroy(BrenierClassFile *file)
{
  BrenierClassFile f = *file;

  PetscFunctionBegin;
  if (!f) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreDestroy(&f->store));
  PetscCall(BrenierSourceDestroy(&f->source));
  PetscCall(BrenierClassesDestroy(&f->classes));
  PetscCall(PetscFree(f->record));
  PetscCall(PetscFree(*file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Opens a result for the class of a label. */
static PetscErrorCode OpenClass(MPI_Comm comm, const char path[], PetscInt64 label, BrenierClassFile *file, PetscInt *k)
{
  BrenierClasses c;

  PetscFunctionBegin;
  PetscCall(BrenierClassFileOpen(comm, path, file));
  PetscCheck(*file, comm, PETSC_ERR_USER_INPUT, "%s has one map for all its targets, no classes; leave out -class",
             path);
  c  = (*file)->classes;
  *k = BrenierClassesFind(c, label);
  PetscCheck(*k >= 0, comm, PETSC_ERR_USER_INPUT,
             "%s has no class %" PetscInt64_FMT "; it has %" PetscInt_FMT " class%s, with labels from %" PetscInt64_FMT
             " to %" PetscInt64_FMT,
             path, label, c->n_classes, c->n_classes == 1 ? "" : "es", c->label[0], c->label[c->n_classes - 1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierResultReadClass(MPI_Comm comm, const char path[], PetscInt64 label, BrenierResult *result,
                                      BrenierTargets *targets, Vec *h)
{
  BrenierClassFile file;
  PetscInt         k = -1;

  PetscFunctionBegin;
  PetscCall(OpenClass(comm, path, label, &file, &k));
  PetscCall(BrenierClassFileRead(file, k, result, targets, h));
  PetscCall(BrenierClassFileDestroy(&file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierResultReadClassBarycentres(const char path[], PetscInt64 label, BrenierTargets t,
                                                 PetscReal barycentre[], PetscBool *found)
{
  static const char name[] = "/barycenter";
  BrenierClassFile  file;
  PetscInt64        n;
  PetscInt          dim, k = -1;

  PetscFunctionBegin;
  PetscCall(OpenClass(t->comm, path, label, &file, &k));
  PetscCall(BrenierStoreGetShape(file->store, name, &n, &dim));
  *found = (PetscBool)(n == file->classes->n && dim == t->dim);
  if (*found)
    PetscCall(BrenierStoreReadChosenRows(file->store, name, BRENIER_F8, t->n_local, BrenierClassFileRows(file, k, t),
                                         barycentre));
  PetscCall(BrenierClassFileDestroy(&file));
  PetscFunctionReturn(PETSC_SUCCESS);
}
