/*
  source_cube.c - The uniform law of the cube [-1/2, 1/2]^d.

  Chords: z uniform in the cube, axis k uniform; t takes the place of z_k, of which it has the law. What is seen of it
  in fewer dimensions, along axes, is the cube of these.
*/
#include "source_impl.h"

#include <brenier/base.h>

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;
  PetscReal    where;

  BrenierRandomUniform((uint64_t)seed, stream, 2 * (uint64_t)index, dim, curve->z1);
  BrenierRandomUniform((uint64_t)seed, stream, 2 * (uint64_t)index + 1, 1, &where);
  for (size_t k = 0; k < dim; ++k) curve->z1[k] -= 0.5;
  curve->axis = PetscMin((PetscInt)(where * (PetscReal)source->dim), source->dim - 1);
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  const size_t dim = (size_t)source->dim;

  BrenierRandomUniform((uint64_t)seed, stream, (uint64_t)index, dim, x);
  for (size_t k = 0; k < dim; ++k) x[k] -= 0.5;
}

static PetscReal SecondMoment(BrenierSource source)
{
  return (PetscReal)source->ambient / 12.0;
}

static BrenierExactLaw Exact(BrenierSource source)
{
  return source->dim == 2 || source->dim == 3 ? BRENIER_EXACT_CUBE : BRENIER_EXACT_NONE;
}

const BrenierSourceLaw brenier_source_cube = {
    .curve         = BRENIER_CURVE_CHORD,
    .line          = 1.0,
    .measure       = BRENIER_LINE_UNIFORM,
    .symmetry      = BRENIER_SYMMETRY_AXES,
    .least_dim     = 1,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
};
