/* affine.c - Implements affine.h. */
#include "affine.h"

#include <brenier/compat.h>
#include <brenier/dot.h>

#include <stdlib.h>
#include <string.h>

PetscErrorCode BrenierAffineCreate(MPI_Comm comm, PetscInt dim, const PetscReal mean[], PetscInt width,
                                   const PetscReal factor[], BrenierAffine **affine)
{
  const size_t   d = (size_t)dim, n = d * (factor ? (size_t)width : 1);
  BrenierAffine *a;

  PetscFunctionBegin;
  PetscCall(PetscNew(&a));
  a->dim    = dim;
  a->owners = 1;
  a->width  = factor ? width : 1;
  PetscCall(PetscMalloc2(d, &a->mean, n, &a->factor));
  for (size_t k = 0; k < d; ++k) a->mean[k] = mean ? mean[k] : 0.0;
  for (size_t k = 0; k < n; ++k) a->factor[k] = factor ? factor[k] : 1.0;
  *affine = a;
  for (size_t k = 0; k < d; ++k)
    PetscCheck(!PetscIsInfOrNanReal(a->mean[k]), comm, PETSC_ERR_USER_INPUT, "the mean of the source has a %g in it",
               (double)a->mean[k]);
  for (size_t k = 0; k < n; ++k)
    PetscCheck(!PetscIsInfOrNanReal(a->factor[k]), comm, PETSC_ERR_USER_INPUT,
               "the factor of the source has a %g in it", (double)a->factor[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierAffineDestroy(BrenierAffine **affine)
{
  PetscFunctionBegin;
  if (*affine && --(*affine)->owners == 0) {
    PetscCall(PetscFree2((*affine)->mean, (*affine)->factor));
    PetscCall(PetscFree(*affine));
  }
  *affine = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierAffineApply(const BrenierAffine *a, PetscReal x[])
{
  const size_t d = (size_t)a->dim;
  PetscReal   *z;

  if (a->width == 1) {
    for (size_t k = 0; k < d; ++k) x[k] = a->mean[k] + a->factor[k] * x[k];
    return;
  }
  z = malloc(d * sizeof *z);
  memcpy(z, x, d * sizeof *z);
  for (size_t k = 0; k < d; ++k) x[k] = a->mean[k] + BrenierDot(d, a->factor + k * d, z);
  free(z);
}

void BrenierAffineTranspose(const BrenierAffine *a, const PetscReal y[], PetscReal z[])
{
  const size_t d = (size_t)a->dim;

  if (a->width == 1) {
    for (size_t k = 0; k < d; ++k) z[k] = a->factor[k] * y[k];
    return;
  }
  for (size_t k = 0; k < d; ++k) z[k] = 0.0;
  for (size_t l = 0; l < d; ++l)
    for (size_t k = 0; k < d; ++k) z[k] += a->factor[l * d + k] * y[l];
}

PetscReal BrenierAffinePairing(const BrenierAffine *a, const PetscReal y[])
{
  return BrenierDot((size_t)a->dim, a->mean, y);
}

PetscReal BrenierAffineSecondMoment(const BrenierAffine *a, PetscReal variance)
{
  const size_t n = (size_t)a->dim * (size_t)a->width;

  return BrenierDot((size_t)a->dim, a->mean, a->mean) + variance * BrenierDot(n, a->factor, a->factor);
}

PetscReal BrenierAffineReach(const BrenierAffine *a, PetscReal reach)
{
  PetscReal most = 0.0;

  for (PetscInt k = 0; k < a->dim; ++k) {
    PetscReal sum = 0.0;

    for (PetscInt l = 0; l < a->width; ++l) sum += PetscAbsReal(a->factor[(size_t)k * (size_t)a->width + (size_t)l]);
    most = PetscMax(most, PetscAbsReal(a->mean[k]) + reach * sum);
  }
  return most;
}
