/* uniform.c - Implements BrenierSourceUniform_Private() and BrenierSourceScale_Private() of source_impl.h, for the laws
   that draw a radius. */
#include "source_impl.h"

#include <brenier/random.h>

PetscReal BrenierSourceUniform_Private(PetscInt64 seed, uint32_t stream, PetscInt64 index)
{
  PetscReal u;

  BrenierRandomUniform((uint64_t)seed, stream, ((uint64_t)1 << 63) | (uint64_t)index, 1, &u);
  return u;
}

void BrenierSourceScale_Private(size_t dim, PetscReal factor, PetscReal x[])
{
  for (size_t k = 0; k < dim; ++k) x[k] *= factor;
}
