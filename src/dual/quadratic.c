/*
  quadratic.c - Implements quadratic.h.

  On the circle x = z1 cos t + z2 sin t the mean of x' A x is (z1' A z1 + z2' A z2) / 2.
*/
#include "dual_private.h"

#include <brenier/dot.h>
#include <brenier/quadratic.h>

/* z' A z. */
static PetscReal Form(size_t dim, const PetscReal a[], const PetscReal z[])
{
  PetscReal sum = 0.0;

  for (size_t k = 0; k < dim; ++k) sum += z[k] * BrenierDot(dim, a + k * dim, z);
  return sum;
}

PetscErrorCode BrenierDualQuadratics(BrenierDual dual, const PetscReal a[], PetscReal mean[])
{
  const BrenierSample *sample = &dual->sample;
  const size_t         dim = (size_t)dual->targets->dim, n = (size_t)sample->n_local;
  PetscReal           *z, *value;
  BrenierCurve         curve;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(2 * dim, &z, BRENIER_QUADRATICS * n, &value));
  for (size_t c = 0; c < n; ++c) {
    BrenierSampleDraw(sample, (PetscInt)c, z, &curve);
    value[c]     = 0.5 * (BrenierDot(dim, curve.z1, curve.z1) + BrenierDot(dim, curve.z2, curve.z2));
    value[n + c] = 0.5 * (Form(dim, a, curve.z1) + Form(dim, a, curve.z2));
  }
  for (PetscInt b = 0; b < sample->n_batches; ++b)
    for (size_t q = 0; q < BRENIER_QUADRATICS; ++q) {
      PetscReal *to = &mean[(PetscInt)q * sample->n_batches + b];

      PetscCall(BrenierSampleSumBatch(sample, b, value + q * n, to));
      *to /= (PetscReal)BrenierSampleBatchSize(sample, b);
    }
  PetscCall(PetscFree2(z, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
