/*
  source_gaussian.c - The Gaussian N(0, scale^2 I).

  Circles: z1 and z2 independent, each with the source's own law; z1 cos t + z2 sin t has it for every t. What is seen
  of it in fewer dimensions is the Gaussian of these.
*/
#include "source_impl.h"

#include <brenier/base.h>

static void Scale(size_t dim, PetscReal factor, PetscReal x[])
{
  for (size_t k = 0; k < dim; ++k) x[k] *= factor;
}

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;

  // Sequences 2k and 2k + 1: curve k owns both, and a vector is not split by the generator's pairs
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index, dim, curve->z1);
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index + 1, dim, curve->z2);
  Scale(dim, source->scale, curve->z1);
  Scale(dim, source->scale, curve->z2);
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  const size_t dim = (size_t)source->dim;

  BrenierRandomNormal((uint64_t)seed, stream, (uint64_t)index, dim, x);
  Scale(dim, source->scale, x);
}

static PetscReal SecondMoment(BrenierSource source)
{
  return source->scale * source->scale * (PetscReal)source->ambient;
}

static BrenierExactLaw Exact(BrenierSource source)
{
  return source->dim == 2 || source->dim == 3 ? BRENIER_EXACT_GAUSSIAN : BRENIER_EXACT_NONE;
}

const BrenierSourceLaw brenier_source_gaussian = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .line          = 1.0,
    .measure       = BRENIER_LINE_GAUSSIAN,
    .symmetry      = BRENIER_SYMMETRY_ROTATIONS,
    .has_scale     = PETSC_TRUE,
    .least_dim     = 1,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
};
