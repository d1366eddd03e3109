/*
  source.h - The continuous source measures and the random curves and points drawn from them.

  Every source is seen through one family of curves, in two dimensions and more:
    circle  x(t) = z1 cos t + z2 sin t, 0 <= t < 2 pi, t uniform;
    chord   x(t) = z + (t - z_k) e_k, t uniform on [-1/2, 1/2];
  and in one dimension, where its law is that of a scaled t, through
    line    x(t) = s t, t of one of the measures of envelope.h: one line carries the whole source, nothing is random.
  Every point of such a curve, t drawn from the curve's own measure, has the source's law, so averages over curves are
  unbiased. Curve k depends on (seed, stream, k) alone.

  A source of `ambient` > dim dimensions is seen in dim of them alone (reduction.h): its curves and points are those of
  R^ambient, projected.

  Sources are listed in src/data/source_list.h, each with a file of its own, src/data/source_NAME.c, that begins with
  its law; docs/design/add-a-source.md adds one. tests/unit/test_source.c holds them to what is said here.
*/
#pragma once

#include <petscsys.h>
#include <brenier/envelope.h>
#include <brenier/store.h>
#include <brenier/tile.h>

/* A source measure in so many dimensions. Counted references; does not change once it is made. */
typedef struct _p_BrenierSource *BrenierSource;

/* Names of the sources there are, ended by NULL: the values of -source, the first of them its default. */
PETSC_EXTERN const char *const BrenierSourceNames[];

/* The fewest dimensions that a source there is has; a large number for no source's name. Not collective. */
PETSC_EXTERN PetscInt BrenierSourceLeastDim(const char name[]);

typedef enum { BRENIER_CURVE_CIRCLE, BRENIER_CURVE_CHORD, BRENIER_CURVE_LINE } BrenierCurveType;

/* Under which changes of coordinates a source stays what it is; targets that span less are seen in fewer of these. */
typedef enum {
  BRENIER_SYMMETRY_NONE,
  BRENIER_SYMMETRY_AXES,     /* permutations of the axes; given some coordinates the others have mean zero */
  BRENIER_SYMMETRY_ROTATIONS /* the same for all orthonormal axes */
} BrenierSymmetry;

/* Which integrals over polygons, polyhedra and intervals are the source's (src/low/cell.h, src/low/interval.h). */
typedef enum {
  BRENIER_EXACT_NONE,
  BRENIER_EXACT_GAUSSIAN, /* 2 or 3 dimensions */
  BRENIER_EXACT_CUBE,     /* 2 or 3 dimensions */
  BRENIER_EXACT_CIRCLE,   /* 2 dimensions: uniform on |x| = 1 */
  BRENIER_EXACT_ARC       /* 1 dimension: a coordinate of the sphere of `ambient` dimensions */
} BrenierExactLaw;

/* One curve, in the words above. Vectors are the caller's. */
typedef struct {
  PetscReal *z1, *z2; /* shape [dim]; z1 = s for the line; z2 for circles alone */
  PetscInt   axis;    /* chord: k */
} BrenierCurve;

/*@
  BrenierSourceCreate - A source by its name

  Collective

  Input Parameters:
+ comm  - who is told of errors
. name  - one of `BrenierSourceNames`
. dim   - dimensions, at least 1
- scale - factor of lengths for sources that have one (the Gaussian: its standard deviation along an axis); else 1

  Output Parameter:
. source - free with `BrenierSourceDestroy()`

  Errors: `PETSC_ERR_USER_INPUT` - no source of that name, or none in so few dimensions (a sphere in one is two points)
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceCreate(MPI_Comm comm, const char name[], PetscInt dim, PetscReal scale,
                                                BrenierSource *source);

/* One more owner of the same source, who destroys it as well. Not collective. */
PETSC_EXTERN BrenierSource BrenierSourceReference(BrenierSource source);

/* Frees a source with its last owner; NULL is fine. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierSourceDestroy(BrenierSource *source);

/*@
  BrenierSourceReduce - The source as targets of lower rank see it

  Not collective

  Input Parameters:
+ source - the source
- dim    - dimensions that are seen, 1 to those of the source

  Output Parameter:
. reduced - the source projected on them; free with `BrenierSourceDestroy()`
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceReduce(BrenierSource source, PetscInt dim, BrenierSource *reduced);

/* The source in the root attributes of a file that is being written, and again from there. Collective on the store.
   Errors: PETSC_ERR_FILE_UNEXPECTED for a source that this version does not know. */
PETSC_EXTERN PetscErrorCode BrenierSourceSave(BrenierSource source, BrenierStore store);
PETSC_EXTERN PetscErrorCode BrenierSourceLoad(BrenierStore store, PetscInt dim, BrenierSource *source);

/* What a source is: its name, the dimensions that are seen and those of the whole, its scale. Not collective. */
PETSC_EXTERN const char *BrenierSourceName(BrenierSource source);
PETSC_EXTERN PetscInt    BrenierSourceDim(BrenierSource source);
PETSC_EXTERN PetscInt    BrenierSourceAmbient(BrenierSource source);
PETSC_EXTERN PetscReal   BrenierSourceScale(BrenierSource source);

/* Which curves the source is sampled by, their measure when they are lines, and how many there are at most (the line
   of one dimension is one; otherwise PETSC_MAX_INT). Not collective. */
PETSC_EXTERN BrenierCurveType   BrenierSourceCurveType(BrenierSource source);
PETSC_EXTERN BrenierLineMeasure BrenierSourceLineMeasure(BrenierSource source);
PETSC_EXTERN PetscInt64         BrenierSourceMaxCurves(BrenierSource source);

/* What reduction.h and laguerre.h may make of it. Not collective. */
PETSC_EXTERN BrenierSymmetry BrenierSourceSymmetry(BrenierSource source);
PETSC_EXTERN BrenierExactLaw BrenierSourceExactLaw(BrenierSource source);

/*@
  BrenierSourceDrawCurve - Draws curve `index`

  Not collective; pure function of its input. Cost some 20 ns a coordinate.
@*/
PETSC_EXTERN void BrenierSourceDrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                         BrenierCurve *curve);

/* Draws point `index`, shape [dim]. Not collective; pure function of its input. */
PETSC_EXTERN void BrenierSourceDrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                         PetscReal x[]);

/* The point of a one-dimensional source that is sampled by its line, with mass `below` below it and `above` = 1 - below
   above it: the smaller of the two is the accurate one. Not collective. */
PETSC_EXTERN PetscReal BrenierSourceQuantile(BrenierSource source, PetscReal below, PetscReal above);

/* E |x|^2, exact, of the whole source; its mean along one curve; the standard deviation along an axis; and what no
   coordinate of a curve's vectors or of a point exceeds. Not collective. */
PETSC_EXTERN PetscReal BrenierSourceSecondMoment(BrenierSource source);
PETSC_EXTERN PetscReal BrenierCurveSecondMoment(BrenierSource source, const BrenierCurve *curve);
PETSC_EXTERN PetscReal BrenierSourceDeviation(BrenierSource source);
PETSC_EXTERN PetscReal BrenierSourceReach(BrenierSource source);
