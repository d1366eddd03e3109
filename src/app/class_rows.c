/* class_rows.c - Implements class_rows.h. */
#include "class_rows.h"
#include "command.h"

#include <math.h>
#include <petscsf.h>

/* ---- numbers of cells ---- */

static PetscErrorCode ResizeCells(PetscInt n, PetscInt dim, CellRows *c)
{
  const size_t room = (size_t)PetscMax(n, 1);

  PetscFunctionBegin;
  PetscCall(PetscRealloc(room * sizeof *c->height, &c->height));
  PetscCall(PetscRealloc(room * sizeof *c->nu, &c->nu));
  PetscCall(PetscRealloc(room * sizeof *c->mass, &c->mass));
  PetscCall(PetscRealloc(room * sizeof *c->mass_error, &c->mass_error));
  PetscCall(PetscRealloc(room * (size_t)dim * sizeof *c->barycentre, &c->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeCells(CellRows *c)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(c->height));
  PetscCall(PetscFree(c->nu));
  PetscCall(PetscFree(c->mass));
  PetscCall(PetscFree(c->mass_error));
  PetscCall(PetscFree(c->barycentre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- rows of the input ---- */

PetscErrorCode BrenierClassRowsCreate(BrenierArray *points, const BrenierArray *weights, BrenierClasses classes,
                                      ClassRows *rows)
{
  const PetscInt n = points->n_local;
  PetscReal     *nu;
  PetscInt64    *row;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(rows, sizeof *rows));
  PetscCall(PetscMalloc1(n, &nu));
  PetscCall(PetscMalloc1(n, &row));
  for (PetscInt i = 0; i < n; ++i) {
    nu[i]  = weights ? weights->value[i] : 1.0;
    row[i] = points->first + i;
  }
  PetscCall(BrenierTargetsCreateFromArrays(points->comm, n, points->dim, points->value, nu, row, &rows->input));
  points->value           = NULL;
  rows->input->hash       = points->hash;
  rows->input->file_bytes = points->file_bytes;
  PetscCall(PetscStrncpy(rows->input->path, points->path, sizeof rows->input->path));
  rows->weighted = (PetscBool)(weights != NULL);
  rows->classes  = classes;
  PetscCall(PetscMalloc1(classes->n_classes, &rows->begin));
  PetscCall(ResizeCells(n, points->dim, &rows->cells));
  for (PetscInt i = 0; i < n; ++i) {
    rows->cells.height[i] = NAN;
    rows->cells.nu[i] = rows->cells.mass[i] = rows->cells.mass_error[i] = 0.0;
  }
  PetscCall(PetscArrayzero(rows->cells.barycentre, (size_t)n * (size_t)points->dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The part of class k that this rank has when `size` ranks share it: rows [*from, *from + *n) of the class. */
static void PartOf(BrenierClasses c, PetscInt k, PetscMPIInt rank, PetscMPIInt size, PetscInt *from, PetscInt *n)
{
  const PetscInt64 all = BrenierClassesSize(c, k);

  *from = (PetscInt)(all * rank / size);
  *n    = (PetscInt)(all * (rank + 1) / size) - *from;
}

PetscErrorCode BrenierClassRowsFetch(ClassRows *rows, const PetscMPIInt owner[], const PetscBool done[])
{
  const BrenierClasses c = rows->classes;
  PetscMPIInt          rank, size;
  PetscInt             n = 0, from, part;
  PetscInt64          *row;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(c->n, &row));
  for (PetscInt k = 0; k < c->n_classes; ++k) {
    const PetscBool shared = (PetscBool)(owner[k] == BRENIER_ALL_RANKS);

    rows->begin[k] = -1;
    if (done[k] || (!shared && owner[k] != rank)) continue;
    PartOf(c, k, shared ? rank : 0, shared ? size : 1, &from, &part);
    rows->begin[k] = n;
    for (PetscInt i = 0; i < part; ++i) row[n++] = c->row[c->begin[k] + from + i];
  }
  PetscCall(PetscMalloc1((size_t)n * (size_t)rows->input->dim, &rows->y));
  PetscCall(PetscMalloc1(n, &rows->weight));
  PetscCall(BrenierTargetsFetch(rows->input, n, row, rows->y));
  PetscCall(BrenierTargetsFetchRows(rows->input, n, row, 1, rows->input->nu, rows->weight));
  PetscCall(PetscFree(row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An array of `comm`, whose ranks have the parts of PartOf(). */
static PetscErrorCode MakeArray(MPI_Comm comm, const char path[], PetscInt64 label, PetscInt n, PetscInt n_local,
                                PetscInt dim, BrenierArray *a)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(a, sizeof *a));
  a->comm    = comm;
  a->n       = n;
  a->dim     = dim;
  a->n_local = n_local;
  PetscCallMPI(MPI_Scan(&n_local, &a->first, 1, MPIU_INT, MPI_SUM, comm));
  a->first -= n_local;
  PetscCall(PetscSNPrintf(a->path, sizeof a->path, "%s (class %" PetscInt64_FMT ")", path, label));
  PetscCall(PetscMalloc1((size_t)n_local * (size_t)dim, &a->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassRowsGet(const ClassRows *rows, MPI_Comm comm, PetscInt k, BrenierArray *points,
                                   BrenierArray *weights)
{
  const BrenierClasses c   = rows->classes;
  const PetscInt       all = BrenierClassesSize(c, k);
  const size_t         dim = (size_t)rows->input->dim;
  PetscMPIInt          rank, size;
  PetscInt             from, n;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PartOf(c, k, rank, size, &from, &n);
  PetscCall(MakeArray(comm, rows->input->path, c->label[k], all, n, rows->input->dim, points));
  PetscCall(PetscMemzero(weights, sizeof *weights));
  if (rows->weighted) PetscCall(MakeArray(comm, "the weights", c->label[k], all, n, 1, weights));
  for (PetscInt i = 0; i < n; ++i) {
    const size_t     at     = rows->y ? (size_t)(rows->begin[k] + i) : (size_t)c->row[c->begin[k] + from + i];
    const PetscReal *y      = rows->y ? rows->y : rows->input->y;
    const PetscReal *weight = rows->y ? rows->weight : rows->input->nu;

    PetscCall(PetscArraycpy(points->value + (size_t)i * dim, y + at * dim, dim));
    if (rows->weighted) weights->value[i] = weight[at];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- from classes to the order of the input ---- */

PetscErrorCode BrenierClassRowsPut(ClassRows *rows, PetscInt64 row, const OneCell *cell)
{
  const BrenierTargets t    = rows->input;
  const PetscBool      here = (PetscBool)(row >= t->first && row < t->first + t->n_local);
  CellRows            *to   = here ? &rows->cells : &rows->waiting;
  size_t               at   = here ? (size_t)(row - t->first) : (size_t)rows->n_away;

  PetscFunctionBegin;
  if (!here && rows->n_away == rows->capacity) {
    const PetscInt more = 1024;

    rows->capacity += PetscMax(rows->capacity / 2, more);
    PetscCall(PetscRealloc((size_t)rows->capacity * sizeof *rows->away, &rows->away));
    PetscCall(ResizeCells(rows->capacity, t->dim, to));
  }
  if (!here) rows->away[rows->n_away++] = row;
  to->height[at]     = cell->height;
  to->nu[at]         = cell->nu;
  to->mass[at]       = cell->mass;
  to->mass_error[at] = cell->mass_error;
  for (PetscInt l = 0; l < t->dim; ++l) to->barycentre[at * (size_t)t->dim + (size_t)l] = (float)cell->barycentre[l];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassRowsReturn(ClassRows *rows)
{
  const BrenierTargets t = rows->input;
  MPI_Datatype         point;
  PetscSF              sf;
  PetscInt            *leaf;
  PetscMPIInt          dim;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(t->dim, &dim));
  PetscCall(PetscMalloc1(rows->n_away, &leaf));
  for (PetscInt i = 0; i < rows->n_away; ++i) leaf[i] = (PetscInt)rows->away[i];
  PetscCallMPI(MPI_Type_contiguous(dim, MPI_FLOAT, &point));
  PetscCallMPI(MPI_Type_commit(&point));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, t->layout, rows->n_away, NULL, PETSC_OWN_POINTER, leaf));
#define RETURN(type, member)                                                                                           \
  PetscCall(PetscSFReduceBegin(sf, type, rows->waiting.member, rows->cells.member, MPI_REPLACE));                      \
  PetscCall(PetscSFReduceEnd(sf, type, rows->waiting.member, rows->cells.member, MPI_REPLACE));
  RETURN(MPIU_REAL, height)
  RETURN(MPIU_REAL, nu)
  RETURN(MPIU_REAL, mass)
  RETURN(MPIU_REAL, mass_error)
  RETURN(point, barycentre)
#undef RETURN
  PetscCall(PetscSFDestroy(&sf));
  PetscCallMPI(MPI_Type_free(&point));
  PetscCall(PetscFree(leaf));
  PetscCall(FreeCells(&rows->waiting));
  PetscCall(PetscFree(rows->away));
  rows->n_away = rows->capacity = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassRowsDestroy(ClassRows *rows)
{
  PetscFunctionBegin;
  PetscCall(BrenierTargetsDestroy(&rows->input));
  PetscCall(FreeCells(&rows->cells));
  PetscCall(FreeCells(&rows->waiting));
  PetscCall(PetscFree(rows->begin));
  PetscCall(PetscFree(rows->y));
  PetscCall(PetscFree(rows->weight));
  PetscCall(PetscFree(rows->away));
  PetscFunctionReturn(PETSC_SUCCESS);
}
