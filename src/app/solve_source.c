/* solve_source.c - Implements solve_source.h. */
#include "solve_source.h"

#include <brenier/array.h>

#include <stdlib.h>
#include <string.h>

/* Low and high of a cube where they are not given. */
static const PetscReal brenier_cube_low = -0.5, brenier_cube_high = 0.5;

/* Numbers behind an option: a row for each coordinate. */
typedef struct {
  PetscInt   width; /* of a row; 0: none were given */
  PetscReal *value; /* shape [dim, width], the same on every rank */
} Numbers;

/* Reads [dim], or [dim, dim] where `square` says so; a number stands for dim of them. */
static PetscErrorCode ReadNumbers(const char option[], const char text[], PetscInt dim, PetscBool square,
                                  Numbers *numbers)
{
  BrenierArray    a;
  char           *end, columns[32] = "", rule[64] = "";
  const PetscReal x = strtod(text, &end);

  PetscFunctionBegin;
  *numbers = (Numbers){0, NULL};
  if (!text[0]) PetscFunctionReturn(PETSC_SUCCESS);
  if (!*end) {
    PetscCheck(!PetscIsInfOrNanReal(x), PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "option %s takes a finite number",
               option);
    numbers->width = 1;
    PetscCall(PetscMalloc1(dim, &numbers->value));
    for (PetscInt k = 0; k < dim; ++k) numbers->value[k] = x;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, text, BRENIER_ARRAY_DATA, &a));
  if (a.dim > 1) PetscCall(PetscSNPrintf(columns, sizeof columns, ", %" PetscInt_FMT, a.dim));
  if (square) PetscCall(PetscSNPrintf(rule, sizeof rule, " or [%" PetscInt_FMT ", %" PetscInt_FMT "]", dim, dim));
  PetscCheck(a.n == dim && (a.dim == 1 || (square && a.dim == dim)), PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s: option %s takes shape [%" PetscInt_FMT "]%s where targets have dimension %" PetscInt_FMT
             ", not [%" PetscInt_FMT "%s]",
             text, option, dim, rule, dim, a.n, columns);
  numbers->width = a.dim;
  PetscCall(PetscMalloc1((size_t)dim * (size_t)a.dim, &numbers->value));
  PetscCall(BrenierArrayGather(&a, numbers->value));
  PetscCall(BrenierArrayDestroy(&a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean and factor of the cube between low and high. */
static PetscErrorCode ReadCube(const SolveRequest *r, PetscInt dim, Numbers *mean, Numbers *factor)
{
  char number[2][BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  PetscCall(ReadNumbers("-source_low", r->source_low, dim, PETSC_FALSE, mean));
  PetscCall(ReadNumbers("-source_high", r->source_high, dim, PETSC_FALSE, factor));
  if (mean->width == 0 && factor->width == 0) PetscFunctionReturn(PETSC_SUCCESS);
  if (mean->width == 0) PetscCall(PetscMalloc1(dim, &mean->value));
  if (factor->width == 0) PetscCall(PetscMalloc1(dim, &factor->value));
  for (PetscInt k = 0; k < dim; ++k) {
    const PetscReal low  = mean->width ? mean->value[k] : brenier_cube_low;
    const PetscReal high = factor->width ? factor->value[k] : brenier_cube_high;

    PetscCheck(low < high, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
               "-source_low is %s and -source_high %s along axis %" PetscInt_FMT "; low is to be below high",
               BrenierNumber(low, number[0]), BrenierNumber(high, number[1]), k);
    mean->value[k]   = 0.5 * (low + high);
    factor->value[k] = high - low;
  }
  mean->width = factor->width = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool IsSource(const SolveRequest *r, const char name[])
{
  return (PetscBool)!strcmp(BrenierSourceNames[r->source], name);
}

/* Mean and factor are not for the cube, nor for a mixture. */
static PetscErrorCode CheckAffine(const char option[], PetscBool given, PetscBool cube, PetscBool mixture)
{
  PetscFunctionBegin;
  PetscCall(
      BrenierOptionNeeds(option, given, (PetscBool)!cube, "another source; a cube has -source_low and -source_high"));
  PetscCall(BrenierOptionNeeds(option, given, (PetscBool)!mixture,
                               "another source; a mixture has /mean and /factor in -source_file"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveSourceCheck(const SolveRequest *r)
{
  const PetscBool cube = IsSource(r, "cube"), mixture = BrenierSourceTakesMixture(BrenierSourceNames[r->source]);
  PetscBool       has_dof;

  PetscFunctionBegin;
  PetscCall(BrenierOptionGiven("-source_dof", &has_dof));
  PetscCall(BrenierOptionNeeds("-source_dof", has_dof, BrenierSourceTakesDof(BrenierSourceNames[r->source]),
                               "-source student"));
  PetscCall(BrenierOptionNeeds("-source_low", (PetscBool)(r->source_low[0] != '\0'), cube, "-source cube"));
  PetscCall(BrenierOptionNeeds("-source_high", (PetscBool)(r->source_high[0] != '\0'), cube, "-source cube"));
  PetscCall(CheckAffine("-source_mean", (PetscBool)(r->source_mean[0] != '\0'), cube, mixture));
  PetscCall(CheckAffine("-source_factor", (PetscBool)(r->source_factor[0] != '\0'), cube, mixture));
  PetscCall(BrenierOptionNeeds("-source_file", (PetscBool)(r->source_file[0] != '\0'), mixture, "-source mixture"));
  PetscCall(BrenierOptionNeeds("-source mixture", mixture, (PetscBool)(r->source_file[0] != '\0'),
                               "-source_file M.h5, its components"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveSourceCreate(const SolveRequest *r, PetscInt dim, BrenierSource *source)
{
  BrenierSourceParameters  p       = {.scale = 1.0, .dof = r->source_dof};
  BrenierMixtureParameters mixture = {0};
  Numbers                  mean, factor;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  if (IsSource(r, "cube")) PetscCall(ReadCube(r, dim, &mean, &factor));
  else {
    PetscCall(ReadNumbers("-source_mean", r->source_mean, dim, PETSC_FALSE, &mean));
    PetscCall(ReadNumbers("-source_factor", r->source_factor, dim, PETSC_TRUE, &factor));
  }
  p.mean         = mean.value;
  p.factor       = factor.value;
  p.factor_width = factor.width;
  if (r->source_file[0]) {
    PetscCall(BrenierMixtureRead(PETSC_COMM_WORLD, r->source_file, dim, &mixture));
    p.mixture = &mixture;
  }
  ierr = BrenierSourceCreateWith(PETSC_COMM_WORLD, BrenierSourceNames[r->source], dim, &p, source);
  PetscCall(BrenierMixtureFree(&mixture));
  PetscCall(ierr);
  PetscCall(PetscFree(mean.value));
  PetscCall(PetscFree(factor.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
