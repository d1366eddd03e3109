/*
  source_mixture.c - A mixture of normal laws, sum_k p_k N(m_k, L_k L_k^T): component k with probability p_k, then
  x = m_k + L_k z, z standard normal.

  The source of which this is the law has mean zero, and no factor where all components share one: x = m + L z, z of it
  (affine.h), where m and L were taken out of the components. One component is its affine change of coordinates alone,
  and drawn as `gaussian` is. Where no components are given there are 2 d, N(e_k, I) and N(-e_k, I) for all axes k.

  Circles: m_k + L_k (z1 cos t + z2 sin t), z1 and z2 independent. Each of its points has the law of component k, which
  is drawn with its probability for the circle as a whole.
*/
#include "source_impl.h"

#include <brenier/base.h>

#include <stdlib.h>

/* One vector of component k: L_k z, z of one sequence of the stream. */
static void DrawVector(BrenierSource source, PetscInt k, PetscInt64 seed, uint32_t stream, uint64_t sequence,
                       PetscReal x[])
{
  const BrenierMixture *m = source->mixture;
  PetscReal            *z = m->factors ? malloc((size_t)m->width * sizeof *z) : x;

  BrenierRandomNormal((uint64_t)seed, stream, sequence, (size_t)m->width, z);
  if (!m->factors) return;
  BrenierMixtureApply(m, k, z, x);
  free(z);
}

static PetscInt DrawComponent(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index)
{
  return BrenierMixtureComponent(source->mixture, BrenierSourceUniform_Private(seed, stream, index));
}

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  PetscInt k;

  if (!source->mixture) {
    brenier_source_gaussian.draw_curve(source, seed, stream, index, curve);
    return;
  }
  k = DrawComponent(source, seed, stream, index);
  DrawVector(source, k, seed, stream, 2 * (uint64_t)index, curve->z1);
  DrawVector(source, k, seed, stream, 2 * (uint64_t)index + 1, curve->z2);
  curve->centre = source->mixture->mean + (size_t)k * (size_t)source->dim;
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  PetscInt k;

  if (!source->mixture) {
    brenier_source_gaussian.draw_point(source, seed, stream, index, x);
    return;
  }
  k = DrawComponent(source, seed, stream, index);
  DrawVector(source, k, seed, stream, (uint64_t)index, x);
  for (PetscInt i = 0; i < source->dim; ++i) x[i] += source->mixture->mean[(size_t)k * (size_t)source->dim + (size_t)i];
}

static PetscReal SecondMoment(BrenierSource source)
{
  if (!source->mixture) return brenier_source_gaussian.second_moment(source);
  return BrenierMixtureSecondMoment(source->mixture);
}

static PetscReal Reach(BrenierSource source)
{
  PetscReal mean, row;

  if (!source->mixture) return BRENIER_FARTHEST;
  BrenierMixtureReach(source->mixture, &mean, &row);
  return mean + BRENIER_FARTHEST * row;
}

static BrenierExactLaw Exact(BrenierSource source)
{
  if (!source->mixture) return brenier_source_gaussian.exact(source);
  return source->dim <= 3 ? BRENIER_EXACT_MIXTURE : BRENIER_EXACT_NONE;
}

const BrenierSourceLaw brenier_source_mixture = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .line          = 1.0,
    .measure       = BRENIER_LINE_GAUSSIAN,
    .symmetry      = BRENIER_SYMMETRY_NORMAL,
    .least_dim     = 1,
    .draw_curve    = DrawCurve,
    .draw_point    = DrawPoint,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .reach         = Reach,
    .has_mixture   = PETSC_TRUE,
};
