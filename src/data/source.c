/* source.c - Implements source.h. */
#include <brenier/base.h>
#include <brenier/dot.h>
#include <brenier/source.h>

#include <stdlib.h>
#include <string.h>

const char *const BrenierSourceNames[] = {"gaussian", "cube", "sphere", NULL};

PetscErrorCode BrenierSourceCreate(BrenierSourceType type, PetscInt dim, PetscReal scale, BrenierSource *source)
{
  PetscFunctionBegin;
  PetscCheck(type != BRENIER_SOURCE_SPHERE || dim > 1, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "-source sphere needs targets of dimension 2 or more: in one dimension the sphere is two points");
  source->type    = type;
  source->dim     = dim;
  source->ambient = dim;
  source->scale   = type == BRENIER_SOURCE_GAUSSIAN ? scale : 1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSourceReduce(const BrenierSource *source, PetscInt dim, BrenierSource *reduced)
{
  *reduced     = *source;
  reduced->dim = dim;
}

BrenierCurveType BrenierSourceCurveType(const BrenierSource *source)
{
  if (source->dim == 1) return BRENIER_CURVE_LINE;
  return source->type == BRENIER_SOURCE_CUBE ? BRENIER_CURVE_CHORD : BRENIER_CURVE_CIRCLE;
}

BrenierLineMeasure BrenierSourceLineMeasure(const BrenierSource *source)
{
  return source->type == BRENIER_SOURCE_CUBE ? BRENIER_LINE_UNIFORM : BRENIER_LINE_GAUSSIAN;
}

PetscInt64 BrenierSourceMaxCurves(const BrenierSource *source)
{
  return BrenierSourceCurveType(source) == BRENIER_CURVE_LINE ? 1 : PETSC_MAX_INT;
}

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

/* Normal vectors of R^ambient, orthonormalised, of which dim coordinates are seen. */
static void DrawGreatCircle(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
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

static void DrawCircle(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                       BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;

  // Sequences 2k and 2k + 1: curve k owns both, and a vector is not split by the generator's pairs
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index, dim, curve->z1);
  BrenierRandomNormal((uint64_t)seed, stream, 2 * (uint64_t)index + 1, dim, curve->z2);
  Scale(dim, source->scale, curve->z1);
  Scale(dim, source->scale, curve->z2);
}

static void DrawChord(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                      BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;
  PetscReal    where;

  BrenierRandomUniform((uint64_t)seed, stream, 2 * (uint64_t)index, dim, curve->z1);
  BrenierRandomUniform((uint64_t)seed, stream, 2 * (uint64_t)index + 1, 1, &where);
  for (size_t k = 0; k < dim; ++k) curve->z1[k] -= 0.5;
  curve->axis = PetscMin((PetscInt)(where * (PetscReal)source->dim), source->dim - 1);
}

void BrenierSourceDrawCurve(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                            BrenierCurve *curve)
{
  curve->axis = 0;
  switch (BrenierSourceCurveType(source)) {
  case BRENIER_CURVE_CIRCLE:
    if (source->type == BRENIER_SOURCE_SPHERE) DrawGreatCircle(source, seed, stream, index, curve);
    else DrawCircle(source, seed, stream, index, curve);
    break;
  case BRENIER_CURVE_CHORD:
    DrawChord(source, seed, stream, index, curve);
    break;
  case BRENIER_CURVE_LINE:
    curve->z1[0] = 0.0;
    break;
  }
}

/* A normal vector of R^ambient on the sphere, of which dim coordinates are seen. */
static void DrawSpherePoint(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
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

void BrenierSourceDrawPoint(const BrenierSource *source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                            PetscReal x[])
{
  const size_t dim = (size_t)source->dim;

  if (source->type == BRENIER_SOURCE_CUBE) {
    BrenierRandomUniform((uint64_t)seed, stream, (uint64_t)index, dim, x);
    for (size_t k = 0; k < dim; ++k) x[k] -= 0.5;
    return;
  }
  if (source->type == BRENIER_SOURCE_SPHERE) {
    DrawSpherePoint(source, seed, stream, index, x);
    return;
  }
  BrenierRandomNormal((uint64_t)seed, stream, (uint64_t)index, dim, x);
  Scale(dim, source->scale, x);
}

PetscReal BrenierSourceSecondMoment(const BrenierSource *source)
{
  switch (source->type) {
  case BRENIER_SOURCE_GAUSSIAN:
    return source->scale * source->scale * (PetscReal)source->ambient;
  case BRENIER_SOURCE_CUBE:
    return (PetscReal)source->ambient / 12.0;
  default:
    return 1.0;
  }
}

PetscReal BrenierSourceDeviation(const BrenierSource *source)
{
  return PetscSqrtReal(BrenierSourceSecondMoment(source) / (PetscReal)source->ambient);
}

PetscReal BrenierCurveSecondMoment(const BrenierSource *source, const BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;

  switch (BrenierSourceCurveType(source)) {
  case BRENIER_CURVE_CIRCLE:
    return 0.5 * (BrenierDot(dim, curve->z1, curve->z1) + BrenierDot(dim, curve->z2, curve->z2));
  case BRENIER_CURVE_CHORD:
    return BrenierDot(dim, curve->z1, curve->z1) - curve->z1[curve->axis] * curve->z1[curve->axis] + 1.0 / 12.0;
  default:
    return BrenierSourceSecondMoment(source);
  }
}
