/* conditions.c - Implements conditions.h. */
#include "conditions.h"

#include <string.h>

static PetscErrorCode CheckShape(const BrenierArray *c, PetscInt columns, const BrenierArray *points)
{
  PetscFunctionBegin;
  PetscCheck(c->n == points->n, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: has %" PetscInt_FMT " row%s, %s has %" PetscInt_FMT "; give one condition for each", c->path, c->n,
             BrenierPlural(c->n), points->path, points->n);
  PetscCheck(columns == 0 || c->dim == columns, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: conditions of %" PetscInt_FMT " number%s, but those of the result have %" PetscInt_FMT, c->path,
             c->dim, BrenierPlural(c->dim), columns);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSize(const BrenierArray *c, PetscReal scale)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  for (size_t i = 0; i < (size_t)c->n_local * (size_t)c->dim; ++i)
    if (!(PetscAbsReal(c->value[i]) * scale <= BRENIER_LARGEST_COORDINATE))
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                      "%s: row %" PetscInt_FMT " has the number %g, beyond %g after -condition_weight; scale the "
                      "conditions down",
                      c->path, c->first + (PetscInt)(i / (size_t)c->dim), (double)c->value[i],
                      (double)BRENIER_LARGEST_COORDINATE);
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierConditionsAppend(const char where[], BrenierConditions *conditions, BrenierArray *points)
{
  const PetscReal scale = PetscSqrtReal(conditions->weight);
  const size_t    n = (size_t)points->n_local, dim = (size_t)points->dim;
  BrenierArray    c;
  PetscReal      *both;
  size_t          columns;

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, BRENIER_ARRAY_DATA, &c));
  PetscCall(CheckShape(&c, conditions->columns, points));
  PetscCall(CheckSize(&c, scale));
  columns = (size_t)c.dim;
  PetscCall(PetscMalloc1(n * (dim + columns), &both));
  for (size_t i = 0; i < n; ++i) {
    memcpy(both + i * (dim + columns), points->value + i * dim, dim * sizeof *both);
    for (size_t k = 0; k < columns; ++k) both[i * (dim + columns) + dim + k] = scale * c.value[i * columns + k];
  }
  PetscCall(PetscFree(points->value));
  points->value       = both;
  points->dim         = (PetscInt)(dim + columns);
  conditions->columns = (PetscInt)columns;
  PetscCall(BrenierArrayDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierConditionsSource(BrenierSource noise, BrenierTargets targets, const BrenierConditions *conditions,
                                       BrenierSource *source)
{
  const BrenierCoordinates y       = BrenierTargetsCoordinates(targets, PETSC_FALSE);
  const PetscInt           columns = conditions->columns, n = targets->n;
  BrenierArray             own = {.comm = targets->comm, .n = n, .dim = columns + 1, .n_local = targets->n_local};
  PetscReal               *all, *weight, *condition;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)own.n_local * (size_t)own.dim, &own.value));
  for (PetscInt i = 0; i < own.n_local; ++i) {
    PetscReal *row = own.value + (size_t)i * (size_t)own.dim;

    row[0] = targets->nu[i];
    for (PetscInt k = 0; k < columns; ++k) row[1 + k] = BrenierCoordinate(&y, i, targets->dim - columns + k);
  }
  PetscCall(PetscMalloc3((size_t)n * (size_t)own.dim, &all, n, &weight, (size_t)n * (size_t)columns, &condition));
  PetscCall(BrenierArrayGather(&own, all));
  PetscCall(PetscFree(own.value));
  for (PetscInt i = 0; i < n; ++i) {
    weight[i] = all[(size_t)i * (size_t)own.dim];
    PetscCall(PetscArraycpy(condition + (size_t)i * columns, all + (size_t)i * (size_t)own.dim + 1, columns));
  }
  PetscCall(BrenierSourceWithConditions(PETSC_COMM_WORLD, noise, n, columns, weight, condition, source));
  PetscCall(PetscFree3(all, weight, condition));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierConditionsPrint(const BrenierConditions *conditions, BrenierSource source)
{
  BrenierMixtureParameters m;
  char                     number[BRENIER_NUMBER_LENGTH], components[64] = "";

  PetscFunctionBegin;
  if (conditions->columns == 0) PetscFunctionReturn(PETSC_SUCCESS);
  BrenierSourceComponents(source, &m);
  if (m.n > 0)
    PetscCall(PetscSNPrintf(components, sizeof components, "; the source has %" PetscInt_FMT " component%s", m.n,
                            BrenierPlural(m.n)));
  PetscCall(BrenierPrintWorld("conditions: %" PetscInt_FMT " number%s each, weight %s%s", conditions->columns,
                              BrenierPlural(conditions->columns), BrenierNumber(conditions->weight, number),
                              components));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierConditionsCheckGiven(const BrenierConditions *conditions, const char given[], const char result[])
{
  PetscFunctionBegin;
  PetscCheck(conditions->columns == 0 || given[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "%s: its points have conditions; give -conditions FILE, a row of %" PetscInt_FMT
             " number%s for each point",
             result, conditions->columns, BrenierPlural(conditions->columns));
  PetscCheck(conditions->columns > 0 || !given[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "%s: its points have no conditions; leave out -conditions", result);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierConditionsSplit(const BrenierConditions *conditions, PetscInt n, PetscInt dim, PetscReal x[],
                            PetscReal condition[])
{
  const size_t    columns = (size_t)conditions->columns, own = (size_t)dim - columns;
  const PetscReal scale = PetscSqrtReal(conditions->weight);

  if (columns == 0) return;
  for (size_t i = 0; i < (size_t)n; ++i) {
    const PetscReal *row = x + i * (size_t)dim;

    for (size_t k = 0; k < columns; ++k) condition[i * columns + k] = row[own + k] / scale;
    memmove(x + i * own, row, own * sizeof *x);
  }
}
