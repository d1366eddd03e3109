/* result.c - Implements result.h. */
#include "result_impl.h"

#include <brenier/base.h>
#include <brenier/class_result.h>
#include <brenier/heights.h>
#include <brenier/store.h>

static const char brenier_result_format[] = "brenier-result";

/* Low parts of the heights (heights.h), where these have some: those of exact cells. */
static const char brenier_low[] = "/heights_low";

/* A held-out number as an attribute, by the letter of its type. */
#define SET_i                           BrenierStoreSetInt
#define SET_r                           BrenierStoreSetReal
#define WRITE(type, name, member, text) PetscCall(SET_##type(store, "/", #name, o->member));

/* Conditions, where there are any. */
static PetscErrorCode WriteConditions(BrenierStore store, const BrenierConditions *c)
{
  PetscFunctionBegin;
  if (c->columns == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreSetInt(store, "/", "condition_columns", c->columns));
  PetscCall(BrenierStoreSetReal(store, "/", "condition_weight", c->weight));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadConditions(MPI_Comm comm, BrenierStore store, const char path[], PetscInt dim,
                                     BrenierConditions *c)
{
  PetscInt64 columns;
  PetscBool  has;

  PetscFunctionBegin;
  *c = (BrenierConditions){0, 0.0};
  PetscCall(BrenierStoreHasAttribute(store, "/", "condition_columns", &has));
  if (!has) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreGetInt(store, "/", "condition_columns", &columns));
  PetscCall(BrenierStoreGetReal(store, "/", "condition_weight", &c->weight));
  PetscCheck(columns >= 1 && columns < dim && c->weight > 0.0 && c->weight < PETSC_INFINITY, comm,
             PETSC_ERR_FILE_UNEXPECTED,
             "%s: condition_columns is %" PetscInt64_FMT " and condition_weight %g, which no conditions of targets in "
             "dimension %" PetscInt_FMT " have; the file is damaged, solve again",
             path, columns, (double)c->weight, dim);
  c->columns = (PetscInt)columns;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteNumbers(BrenierStore store, const BrenierResult *r, BrenierTargets t)
{
  const BrenierHeldOut *o = &r->held_out;

  PetscFunctionBegin;
  BRENIER_HELD_OUT_NUMBERS(WRITE)
  PetscCall(BrenierStoreSetInt(store, "/", "held_out_curves", o->curves));
  PetscCall(BrenierStoreSetInt(store, "/", "dim", t->dim));
  PetscCall(BrenierStoreSetInt(store, "/", "n_targets", t->n));
  PetscCall(BrenierStoreSetInt(store, "/", "merged", t->n_merged));
  PetscCall(BrenierStoreSetInt(store, "/", "seed", r->seed));
  PetscCall(BrenierStoreSetInt(store, "/", "curves", r->curves));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All options in force, software, machine, input: enough to make the result again. */
static PetscErrorCode WriteProvenance(BrenierStore store, BrenierTargets t, const BrenierResult *result)
{
  static const char group[] = "/provenance";
  char              hash[32], host[256], petsc[256];
  char             *options;
  PetscMPIInt       size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(t->comm, &size));
  PetscCall(PetscGetHostName(host, sizeof host));
  PetscCall(PetscGetVersion(petsc, sizeof petsc));
  PetscCall(PetscOptionsGetAll(NULL, &options));
  PetscCall(PetscSNPrintf(hash, sizeof hash, "%016llx", (unsigned long long)t->hash));
  PetscCall(BrenierStoreAddGroup(store, group));
  PetscCall(BrenierStoreSetText(store, group, "options", result->options[0] ? result->options : options));
  PetscCall(BrenierStoreSetInt(store, group, "ranks", size));
  PetscCall(BrenierStoreSetText(store, group, "host", host));
  PetscCall(BrenierStoreSetText(store, group, "commit", BRENIER_GIT_COMMIT));
  PetscCall(BrenierStoreSetText(store, group, "petsc", petsc));
  PetscCall(BrenierStoreSetText(store, group, "levels", result->levels));
  PetscCall(BrenierStoreSetInt(store, group, "one_pass_curves", result->one_pass_curves));
  PetscCall(BrenierStoreSetInt(store, group, "streamed", result->one_pass_curves)); // old name, gone with version 0.2
  PetscCall(BrenierStoreSetText(store, group, "input", t->path));
  PetscCall(BrenierStoreSetInt(store, group, "input_bytes", t->file_bytes));
  PetscCall(BrenierStoreSetText(store, group, "input_xxh3", hash));
  PetscCall(BrenierStoreSetReal(store, group, "weight_sum", t->weight_sum));
  PetscCall(PetscFree(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Barycentres carry a sampling error far above the rounding of single precision. */
static PetscErrorCode WriteBarycentres(BrenierStore store, BrenierTargets t, const BrenierMutablePoints *barycentre)
{
  const size_t n    = (size_t)t->n_local * (size_t)t->dim;
  float       *made = NULL;

  PetscFunctionBegin;
  if (barycentre->value) {
    PetscCall(PetscMalloc1(n, &made));
    for (size_t i = 0; i < n; ++i) made[i] = (float)barycentre->value[i];
  }
  PetscCall(BrenierStoreWriteRows(store, "/barycenter", BRENIER_F4, t->n_local, t->dim,
                                  made ? made : barycentre->single,
                                  "length of the source; nan where the solver's sample has no mass"));
  PetscCall(PetscFree(made));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* psi, the potential on the side of the targets. */
static PetscErrorCode WritePotential(BrenierStore store, BrenierTargets t, Vec h)
{
  PetscReal *psi;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(t->n_local, &psi));
  PetscCall(BrenierPotentialOfTargets(t, h, psi));
  PetscCall(BrenierStoreWriteRows(store, "/psi", BRENIER_F8, t->n_local, 0, psi, "half a squared length"));
  PetscCall(PetscFree(psi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Labels of the targets, what is known of each class, and the largest error. */
static PetscErrorCode WriteClasses(BrenierStore store, BrenierTargets t, const BrenierResultClasses *c)
{
  const PetscInt worst = BrenierClassRecordsWorst(c->n, c->record);

  PetscFunctionBegin;
  PetscCall(BrenierStoreSetInt(store, "/", "classes", c->n));
  if (worst >= 0) {
    PetscCall(BrenierStoreSetInt(store, "/", "worst_class", c->record[worst].label));
    PetscCall(BrenierStoreSetReal(store, "/", "worst_rho", c->record[worst].held_out.rho));
    PetscCall(BrenierStoreSetReal(store, "/", "worst_rho_high", c->record[worst].held_out.rho_high));
  }
  PetscCall(BrenierStoreWriteRows(store, "/label", BRENIER_I8, t->n_local, 0, c->label, "label of the target"));
  PetscCall(BrenierClassRecordsWrite(store, t->comm, c->n, c->record));
  PetscCall(BrenierStoreWriteRows(store, "/barycenter", BRENIER_F4, t->n_local, t->dim, c->barycentre,
                                  "length of the source; nan where the solver's sample has no mass"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteData(BrenierStore store, BrenierTargets t, Vec h, Vec mass, Vec mass_error,
                                const BrenierMutablePoints *barycentre, const BrenierHistory *history)
{
  Vec low;

  PetscFunctionBegin;
  PetscCall(BrenierStoreWriteRows(store, "/targets", t->is_single ? BRENIER_F4 : BRENIER_F8, t->n_local, t->dim,
                                  t->is_single ? (void *)t->single : (void *)t->y, "same as the input"));
  PetscCall(BrenierStoreWriteRows(store, "/weights", BRENIER_F8, t->n_local, 0, t->nu, "dimensionless, sum 1"));
  PetscCall(BrenierStoreWriteRows(store, "/row", BRENIER_I8, t->n_local, 0, t->row, "row of the input"));
  PetscCall(BrenierStoreWriteVec(store, "/heights", h, "product of a source length and a target length"));
  PetscCall(BrenierHeightsLow(h, &low));
  if (low) PetscCall(BrenierStoreWriteVec(store, brenier_low, low, "as the heights, which are /heights + this"));
  PetscCall(WritePotential(store, t, h));
  PetscCall(BrenierStoreWriteVec(store, "/mass", mass, "dimensionless, sum 1, held out"));
  PetscCall(BrenierStoreWriteVec(store, "/mass_error", mass_error, "dimensionless, standard error of /mass"));
  if (barycentre) PetscCall(WriteBarycentres(store, t, barycentre));
  PetscCall(BrenierStoreWriteRows(store, "/history", BRENIER_F8, history->n, history->n_columns, history->row,
                                  "see the attribute columns"));
  PetscCall(BrenierStoreSetText(store, "/history", "columns", history->columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything but the end of a result. */
static PetscErrorCode Fill(BrenierStore store, const BrenierResult *result, BrenierTargets t, Vec h, Vec mass,
                           Vec mass_error, const BrenierMutablePoints *barycentre, const BrenierHistory *history)
{
  char date[64];

  PetscFunctionBegin;
  PetscCall(PetscGetDate(date, sizeof date));
  PetscCall(BrenierStoreSetText(store, "/", "software", "Brenier"));
  PetscCall(BrenierStoreSetText(store, "/", "version", BRENIER_VERSION));
  PetscCall(BrenierStoreSetText(store, "/", "created", date));
  PetscCall(BrenierSourceSave(result->source, store));
  PetscCall(BrenierStoreSetText(store, "/", "cells", result->exact ? "exact" : "curves"));
  PetscCall(WriteNumbers(store, result, t));
  PetscCall(WriteConditions(store, &result->conditions));
  PetscCall(WriteProvenance(store, t, result));
  PetscCall(WriteData(store, t, h, mass, mass_error, barycentre, history));
  if (result->classes) PetscCall(WriteClasses(store, t, result->classes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierResultWrite(const char path[], const BrenierResult *result, BrenierTargets t, Vec h, Vec mass,
                                  Vec mass_error, const BrenierMutablePoints *barycentre, const BrenierHistory *history)
{
  /* Weights, rows, heights, low parts, potentials, masses and their errors beside coordinates and barycentres, and
     something for the rest */
  const PetscInt64 bytes = (PetscInt64)t->n * (t->dim * 12 + 7 * 8) + (1 << 20);
  BrenierStore     store;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(t->comm, path, bytes, brenier_result_format, &store));
  ierr = Fill(store, result, t, h, mass, mass_error, barycentre, history);
  if (ierr) PetscCall(BrenierStoreDestroy(&store)); // leaves no file behind
  PetscCall(ierr);
  PetscCall(BrenierStoreCommit(&store, result->status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadAttributes(MPI_Comm comm, BrenierStore store, const char path[], BrenierResult *r,
                                     PetscInt dim)
{
  PetscFunctionBegin;
  PetscCall(BrenierSourceLoad(store, dim, &r->source));
  PetscCall(ReadConditions(comm, store, path, dim, &r->conditions));
  PetscCall(BrenierStoreGetInt(store, "/", "seed", &r->seed));
  PetscCall(BrenierStoreGetInt(store, "/", "curves", &r->curves));
  PetscCall(BrenierStoreGetText(store, "/", "status", sizeof r->status, r->status));
  PetscCall(BrenierStoreGetReal(store, "/", "rho", &r->held_out.rho));
  PetscCall(BrenierStoreGetReal(store, "/", "rho_low", &r->held_out.rho_low));
  PetscCall(BrenierStoreGetReal(store, "/", "rho_high", &r->held_out.rho_high));
  PetscCall(PetscStrncpy(r->input, path, sizeof r->input));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckShapes(MPI_Comm comm, BrenierStore store, const char path[], PetscInt64 n, PetscInt dim)
{
  static const char *const vector[] = {"/weights", "/heights", "/row"};
  PetscInt64               length;
  PetscInt                 width;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/label", &length, &width));
  PetscCheck(length < 0, comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: it has one map for each class, and one map is needed here; name a class by -class LABEL where the "
             "command has this option",
             path);
  PetscCheck(n >= 1 && n <= PETSC_MAX_INT && dim >= 1, comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: /targets is not an array of points; the file is damaged, solve again", path);
  for (size_t i = 0; i < sizeof vector / sizeof vector[0]; ++i) {
    PetscCall(BrenierStoreGetShape(store, vector[i], &length, &width));
    PetscCheck(length == n && width == 0, comm, PETSC_ERR_FILE_UNEXPECTED,
               "%s: %s does not have one number for each of the %" PetscInt64_FMT
               " targets; the file is damaged, solve again",
               path, vector[i], n);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A double of a height is the nearest, so that the low part is half a unit in its last place at most. */
static PetscErrorCode CheckLow(MPI_Comm comm, const char path[], PetscInt n, PetscInt64 first, const PetscReal h[],
                               const PetscReal low[])
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i)
    if (!(PetscAbsReal(low[i]) <= PETSC_MACHINE_EPSILON * PetscAbsReal(h[i])))
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                      "%s: target %" PetscInt64_FMT
                      " has height %g with low part %g, which is too large; the file is damaged, solve again",
                      path, first + i, (double)h[i], (double)low[i]);
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Low parts of heights that were read from row `first` on. */
static PetscErrorCode ReadLow(BrenierStore store, const char path[], PetscInt64 first, Vec h)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt64         length;
  PetscInt           width, n, n_local;
  Vec                low;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, brenier_low, &length, &width));
  if (length < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(h, &n));
  PetscCall(VecGetLocalSize(h, &n_local));
  PetscCheck(length == n && width == 0, PetscObjectComm((PetscObject)h), PETSC_ERR_FILE_UNEXPECTED,
             "%s: %s does not have one number for each target; the file is damaged, solve again", path, brenier_low);
  PetscCall(BrenierHeightsExtend(h));
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCall(VecGetArrayWrite(low, &b));
  PetscCall(BrenierStoreReadRows(store, brenier_low, BRENIER_F8, first, n_local, b));
  PetscCall(VecGetArrayRead(h, &a));
  PetscCall(CheckLow(PetscObjectComm((PetscObject)h), path, n_local, first, a, b));
  PetscCall(VecRestoreArrayRead(h, &a));
  PetscCall(VecRestoreArrayWrite(low, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n of the targets in the precision of the file; every rank has an array of it. */
static PetscErrorCode ReadTargets(BrenierStore store, PetscInt64 first, PetscInt n, BrenierMutablePoints *y)
{
  const size_t n_values = (size_t)n * (size_t)y->dim + 1;
  BrenierType  type     = BRENIER_F8;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetType(store, "/targets", &type));
  if (type == BRENIER_F4) {
    PetscCall(PetscMalloc1(n_values, &y->single));
    PetscCall(BrenierStoreReadRows(store, "/targets", BRENIER_F4, first, n, y->single));
  } else {
    PetscCall(PetscMalloc1(n_values, &y->value));
    PetscCall(BrenierStoreReadRows(store, "/targets", BRENIER_F8, first, n, y->value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierResultRead(MPI_Comm comm, const char path[], BrenierResult *result, BrenierTargets *targets,
                                 Vec *h)
{
  BrenierStore         store;
  PetscInt64           n, n_merged, *row, first;
  PetscInt             dim, n_all, n_local = PETSC_DECIDE;
  PetscReal           *nu;
  PetscScalar         *a;
  BrenierMutablePoints y = {0};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(result, sizeof *result));
  PetscCall(BrenierStoreOpen(comm, path, brenier_result_format, &store));
  PetscCall(BrenierStoreGetShape(store, "/targets", &n, &dim));
  PetscCall(CheckShapes(comm, store, path, n, dim));
  PetscCall(ReadAttributes(comm, store, path, result, dim));
  n_all = (PetscInt)n;
  PetscCall(PetscSplitOwnership(comm, &n_local, &n_all));
  first = n_local;
  PetscCallMPI(MPI_Scan(MPI_IN_PLACE, &first, 1, MPIU_INT64, MPI_SUM, comm));
  first -= n_local;
  y.dim = dim;
  PetscCall(ReadTargets(store, first, n_local, &y));
  PetscCall(PetscMalloc1(n_local, &nu));
  PetscCall(PetscMalloc1(n_local, &row));
  PetscCall(BrenierStoreReadRows(store, "/weights", BRENIER_F8, first, n_local, nu));
  PetscCall(BrenierStoreReadRows(store, "/row", BRENIER_I8, first, n_local, row));
  PetscCall(VecCreateMPI(comm, n_local, n_all, h));
  PetscCall(VecGetArrayWrite(*h, &a));
  PetscCall(BrenierStoreReadRows(store, "/heights", BRENIER_F8, first, n_local, a));
  PetscCall(BrenierResultCheckValues_Private(comm, path, n_local, first, NULL, nu, a));
  PetscCall(VecRestoreArrayWrite(*h, &a));
  PetscCall(ReadLow(store, path, first, *h));
  PetscCall(BrenierStoreGetInt(store, "/", "merged", &n_merged));
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(BrenierTargetsCreateFromPoints(comm, n_local, &y, nu, row, targets));
  (*targets)->n_merged = n_merged;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierResultReadBarycentres(const char path[], BrenierTargets t, PetscReal barycentre[],
                                            PetscBool *found)
{
  static const char name[] = "/barycenter";
  BrenierStore      store;
  PetscInt64        n;
  PetscInt          dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(t->comm, path, brenier_result_format, &store));
  PetscCall(BrenierStoreGetShape(store, name, &n, &dim));
  *found = (PetscBool)(n == t->n && dim == t->dim);
  if (*found) PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, t->first, t->n_local, barycentre));
  PetscCall(BrenierStoreDestroy(&store));
  PetscFunctionReturn(PETSC_SUCCESS);
}
