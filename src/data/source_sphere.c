/*
  source_sphere.c - The uniform law of the sphere |x| = 1, in two dimensions and more.

  Circles: z1 and z2 orthonormal, of normal vectors by Gram and Schmidt: a great circle, uniform among these. Fewer
  coordinates of it are not a sphere: its curves there are ellipses, those of the whole projected.
*/
#include "source_impl.h"

#include <brenier/base.h>
#include <brenier/dot.h>

#include <stdlib.h>
#include <string.h>

static void Scale(size_t dim, PetscReal factor, PetscReal x[])
{
  for (size_t k = 0; k < dim; ++k) x[k] *= factor;
}

/* Gram and Schmidt, twice for z2: once leaves an error of 1e-16 / sin(angle). */
static void Orthonormalise(size_t dim, PetscReal z1[], PetscReal z2[])
{
  Scale(dim, 1.0 / PetscSqrtReal(BrenierDot(dim, z1, z1)), z1);
  for (int pass = 0; pass < 2; ++pass) {
    const PetscReal along = BrenierDot(dim, z1, z2);

    for (size_t k = 0; k < dim; ++k) z2[k] -= along * z1[k];
    Scale(dim, 1.0 / PetscSqrtReal(BrenierDot(dim, z2, z2)), z2);
  }
}

void BrenierSphereDrawCurve_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                    BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim, ambient = (size_t)source->ambient;
  PetscReal   *z  = dim == ambient ? NULL : malloc(2 * ambient * sizeof *z);
  PetscReal   *z1 = z ? z : curve->z1, *z2 = z ? z + ambient : curve->z2;

  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index, ambient, z1);
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index + 1, ambient, z2);
  Orthonormalise(ambient, z1, z2);
  if (!z) return;
  memcpy(curve->z1, z1, dim * sizeof *z);
  memcpy(curve->z2, z2, dim * sizeof *z);
  free(z);
}

void BrenierSphereDrawPoint_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                    PetscReal x[])
{
  const size_t dim = (size_t)source->dim, ambient = (size_t)source->ambient;
  PetscReal   *all = dim == ambient ? x : malloc(ambient * sizeof *all);

  BrenierRandomNormal((uint64_t)seed, stream, (uint64_t)index, ambient, all);
  Scale(ambient, 1.0 / PetscSqrtReal(BrenierDot(ambient, all, all)), all);
  if (all == x) return;
  memcpy(x, all, dim * sizeof *x);
  free(all);
}

static PetscReal SecondMoment(BrenierSource source)
{
  (void)source;
  return 1.0;
}

static BrenierExactLaw Exact(BrenierSource source)
{
  if (source->dim == 1) return BRENIER_EXACT_ARC;
  return source->dim == 2 && source->ambient == 2 ? BRENIER_EXACT_CIRCLE : BRENIER_EXACT_NONE;
}

static BrenierCoordinateLaw Coordinate(BrenierSource source)
{
  return (BrenierCoordinateLaw){(PetscReal)(source->ambient - 2), 0.0};
}

const BrenierSourceLaw brenier_source_sphere = {
    .curve         = BRENIER_CURVE_CIRCLE,
    .symmetry      = BRENIER_SYMMETRY_ROTATIONS,
    .least_dim     = 2,
    .refusal       = "in one dimension the sphere is two points",
    .draw_curve    = BrenierSphereDrawCurve_Private,
    .draw_point    = BrenierSphereDrawPoint_Private,
    .second_moment = SecondMoment,
    .exact         = Exact,
    .coordinate    = Coordinate,
};
