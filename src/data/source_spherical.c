/*
  source_spherical.c - The law of r v, v uniform on the unit sphere and r uniform on [0, 1], independent: the reference
  law of Monge-Kantorovich quantiles (Chernozhukov, Galichon, Hallin and Henry, Ann. Stat. 45, 2017). In one dimension
  it is uniform on [-1, 1], as the ball is.

  Circles: a great circle of the sphere, r times as large. Each of its points has the law.
*/
#include "source_impl.h"

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const PetscReal r = BrenierSourceUniform_Private(seed, stream, index);

  if (source->ambient == 1) {
    BrenierBallDrawCurve_Private(source, seed, stream, index, curve);
    return;
  }
  BrenierSphereDrawCurve_Private(source, seed, stream, index, curve);
  BrenierSourceScale_Private((size_t)source->dim, r, curve->z1);
  BrenierSourceScale_Private((size_t)source->dim, r, curve->z2);
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  if (source->ambient == 1) {
    BrenierBallDrawPoint_Private(source, seed, stream, index, x);
    return;
  }
  BrenierSphereDrawPoint_Private(source, seed, stream, index, x);
  BrenierSourceScale_Private((size_t)source->dim, BrenierSourceUniform_Private(seed, stream, index), x);
}

static PetscReal SecondMoment(BrenierSource source)
{
  (void)source;
  return 1.0 / 3.0;
}

static BrenierExactLaw Exact(BrenierSource source)
{
  return source->ambient == 1 ? BRENIER_EXACT_ARC : BRENIER_EXACT_NONE;
}

static BrenierCoordinateLaw Coordinate(BrenierSource source)
{
  return (BrenierCoordinateLaw){(PetscReal)source->ambient, 0.0};
}

const BrenierSourceLaw brenier_source_spherical = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .symmetry      = BRENIER_SYMMETRY_ROTATIONS,
    .least_dim     = 1,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .coordinate    = Coordinate,
};
