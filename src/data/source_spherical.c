/*
  source_spherical.c - The law of r v, v uniform on the unit sphere and r uniform on [0, 1], independent: the reference
  law of Monge-Kantorovich quantiles (Chernozhukov, Galichon, Hallin and Henry, Ann. Stat. 45, 2017). In one dimension
  it is uniform on [-1, 1], as the ball is.

  Circles: a great circle of the sphere, r times as large. Each of its points has the law. All cells that it meets
  share its r, so the errors of their masses are correlated, and a few lengths more or less below 1/2 change many masses
  together. Curves 8 g to 8 g + 7 therefore have one length in each of the intervals [j, j + 1] / 8, in an order of
  their own: each length is uniform, and those of different groups are independent.
*/
#include "source_impl.h"

#include <brenier/random.h>

/* Curves of a group. Batches consist of whole groups, so more of them would make batches of few curves unequal. */
enum { BRENIER_LENGTH_GROUP = 8 };

/* The length of a circle: its interval is the rank of its number among those of the group. */
static PetscReal Length(PetscInt64 seed, uint32_t stream, PetscInt64 index)
{
  const uint64_t group = (uint64_t)index / BRENIER_LENGTH_GROUP, own = (uint64_t)index % BRENIER_LENGTH_GROUP;
  PetscReal      number[BRENIER_LENGTH_GROUP];
  int            rank = 0;

  BrenierRandomUniform((uint64_t)seed, stream, ((uint64_t)3 << 62) | group, BRENIER_LENGTH_GROUP, number);
  for (uint64_t k = 0; k < BRENIER_LENGTH_GROUP; ++k)
    rank += number[k] < number[own] || (number[k] == number[own] && k < own);
  return (rank + BrenierSourceUniform_Private(seed, stream, index)) / BRENIER_LENGTH_GROUP;
}

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const PetscReal r = Length(seed, stream, index);

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
    .group         = BRENIER_LENGTH_GROUP,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .coordinate    = Coordinate,
};
