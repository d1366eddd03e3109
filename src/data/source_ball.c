/*
  source_ball.c - The uniform law of the ball |x| <= 1.

  By Archimedes d coordinates of a uniform point of the sphere in R^(d + 2) are uniform in the ball of R^d. Circles:
  great circles of that sphere, of which fewer coordinates are seen. In one dimension the ball is the interval [-1, 1];
  one coordinate of a ball is one of that sphere.
*/
#include "source_impl.h"

/* The sphere whose first coordinates are those of the ball. */
static struct _p_BrenierSource Sphere(BrenierSource ball)
{
  struct _p_BrenierSource sphere = *ball;

  sphere.ambient += 2;
  return sphere;
}

void BrenierBallDrawCurve_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                  BrenierCurve *curve)
{
  struct _p_BrenierSource sphere = Sphere(source);

  BrenierSphereDrawCurve_Private(&sphere, seed, stream, index, curve);
}

void BrenierBallDrawPoint_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                  PetscReal x[])
{
  struct _p_BrenierSource sphere = Sphere(source);

  BrenierSphereDrawPoint_Private(&sphere, seed, stream, index, x);
}

static PetscReal SecondMoment(BrenierSource source)
{
  return (PetscReal)source->ambient / (PetscReal)(source->ambient + 2);
}

static BrenierExactLaw Exact(BrenierSource source)
{
  return source->dim == 1 ? BRENIER_EXACT_ARC : BRENIER_EXACT_NONE;
}

static BrenierCoordinateLaw Coordinate(BrenierSource source)
{
  return (BrenierCoordinateLaw){(PetscReal)source->ambient, 0.0};
}

const BrenierSourceLaw brenier_source_ball = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .symmetry      = BRENIER_SYMMETRY_ROTATIONS,
    .least_dim     = 1,
    .draw_curve    = BrenierBallDrawCurve_Private,
    .draw_point    = BrenierBallDrawPoint_Private,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .coordinate    = Coordinate,
};
