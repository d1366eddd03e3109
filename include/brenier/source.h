/*
  source.h - The continuous source measures and the random curves and points drawn from them.

  Gaussian  N(0, scale^2 I):        x(t) = z1 cos t + z2 sin t, z1 and z2 independent with the source's own law;
  sphere    uniform on |x| = 1:     the same with z1, z2 orthonormalised (needs dim >= 2);
  cube      uniform on [-1/2,1/2]^d: x(t) = z + (t - z_k) e_k, z uniform, axis k uniform;
  dim = 1, Gaussian or cube:        the one line x(t) = t, which carries the whole measure: nothing is random.
  A source of `ambient` > dim dimensions is seen in dim of them alone (reduction.h): its curves and points are those of R^ambient,
  projected. Of the Gaussian and the cube the projection is the source of dim dimensions; of the sphere it is not.
  Every point of such a curve, t drawn from the curve's own measure, has the source's law, so averages over curves are
  unbiased. Curve k depends on (seed, stream, k) alone.
*/
#pragma once

#include <petscsys.h>
#include <brenier/envelope.h>
#include <brenier/tile.h>

typedef enum { BRENIER_SOURCE_GAUSSIAN, BRENIER_SOURCE_CUBE, BRENIER_SOURCE_SPHERE } BrenierSourceType;

/* Names of the types, in their order, ended by NULL: the values of -source. */
PETSC_EXTERN const char *const BrenierSourceNames[];

typedef enum {
  BRENIER_CURVE_CIRCLE,
  BRENIER_CURVE_CHORD,
  BRENIER_CURVE_LINE /* dim = 1 */
} BrenierCurveType;

typedef struct {
  BrenierSourceType type;
  PetscInt          dim;
  PetscReal         scale;   /* Gaussian: standard deviation along each axis; 1 for the others */
  PetscInt          ambient; /* dimensions of the whole source, of which dim are seen; dim unless it was reduced */
} BrenierSource;

/* One curve: x(t) = z1 cos t + z2 sin t, or z1 + (t - z1[axis]) e_axis. Vectors are the caller's. */
typedef struct {
  PetscReal *z1, *z2; /* shape [dim]; z2 for circles alone */
  PetscInt   axis;    /* chord */
} BrenierCurve;

/*@
  BrenierSourceCreate - Checks and fills in a source

  Not collective, same value on all ranks

  Errors: `PETSC_ERR_USER_INPUT` - the sphere in one dimension is two points, not a continuous measure
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceCreate(BrenierSourceType type, PetscInt dim, PetscReal scale,
                                                BrenierSource *source);

/*@
  BrenierSourceReduce - The source as targets of lower rank see it

  Not collective

  Input Parameters:
+ source - the source
- dim    - dimensions that are seen, 1 to those of the source; for the sphere of at least 2

  Output Parameter:
. reduced - the source projected on them
@*/
PETSC_EXTERN void BrenierSourceReduce(const BrenierSource *source, PetscInt dim, BrenierSource *reduced);

/* Which curves the source is sampled by, their measure when they are lines, and how many there are at most (the line
   of one dimension is one; otherwise PETSC_MAX_INT). Not collective. */
PETSC_EXTERN BrenierCurveType   BrenierSourceCurveType(const BrenierSource *source);
PETSC_EXTERN BrenierLineMeasure BrenierSourceLineMeasure(const BrenierSource *source);
PETSC_EXTERN PetscInt64         BrenierSourceMaxCurves(const BrenierSource *source);

/*@
  BrenierSourceDrawCurve - Draws curve `index`

  Not collective; pure function of its input. Cost some 20 ns a coordinate.
@*/
PETSC_EXTERN void BrenierSourceDrawCurve(const BrenierSource *source, PetscInt64 seed, uint32_t stream,
                                         PetscInt64 index, BrenierCurve *curve);

/* Draws point `index`, shape [dim]. Not collective; pure function of its input. */
PETSC_EXTERN void BrenierSourceDrawPoint(const BrenierSource *source, PetscInt64 seed, uint32_t stream,
                                         PetscInt64 index, PetscReal x[]);

/* E |x|^2, exact, of the whole source; its mean along one curve; and the standard deviation along an axis. Not collective. */
PETSC_EXTERN PetscReal BrenierSourceSecondMoment(const BrenierSource *source);
PETSC_EXTERN PetscReal BrenierCurveSecondMoment(const BrenierSource *source, const BrenierCurve *curve);
PETSC_EXTERN PetscReal BrenierSourceDeviation(const BrenierSource *source);
