/*
  source_student.c - Student's law of nu degrees of freedom in R^d: x = s z, z standard normal, s^2 = nu / q, q of the
  chi-squared law of nu degrees of freedom. Covariance nu / (nu - 2) I.

  Circles: s (z1 cos t + z2 sin t), one s for the circle. The law of s comes from one uniform number by the quantile of
  q, so s is at most some (2^54)^(1 / nu). What is seen of x in fewer dimensions is Student's law of these.
*/
#include "source_impl.h"
#include "chi_squared.h"

#include <brenier/base.h>

#include <math.h>

static PetscReal Factor(BrenierSource source, PetscReal u)
{
  return PetscSqrtReal(source->dof / BrenierChiSquaredQuantile_Private(source->dof, u));
}

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const size_t    dim = (size_t)source->dim;
  const PetscReal s   = Factor(source, BrenierSourceUniform_Private(seed, stream, index));

  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index, dim, curve->z1);
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index + 1, dim, curve->z2);
  BrenierSourceScale_Private(dim, s, curve->z1);
  BrenierSourceScale_Private(dim, s, curve->z2);
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  BrenierRandomNormal((uint64_t)seed, stream, (uint64_t)index, (size_t)source->dim, x);
  BrenierSourceScale_Private((size_t)source->dim, Factor(source, BrenierSourceUniform_Private(seed, stream, index)), x);
}

static PetscReal SecondMoment(BrenierSource source)
{
  return source->dof / (source->dof - 2.0) * (PetscReal)source->ambient;
}

static PetscReal Reach(BrenierSource source)
{
  const PetscReal least_uniform = 0x1p-54; // random.h

  return BRENIER_FARTHEST * Factor(source, least_uniform);
}

static BrenierExactLaw Exact(BrenierSource source)
{
  return source->dim == 1 ? BRENIER_EXACT_ARC : BRENIER_EXACT_NONE;
}

static BrenierCoordinateLaw Coordinate(BrenierSource source)
{
  return (BrenierCoordinateLaw){source->dof - 1.0, PetscSqrtReal(source->dof)};
}

const BrenierSourceLaw brenier_source_student = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .symmetry      = BRENIER_SYMMETRY_ROTATIONS,
    .has_dof       = PETSC_TRUE,
    .least_dim     = 1,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .coordinate    = Coordinate,
    .reach         = Reach,
};
