/*
  source.h - The continuous source measures and the random curves and points drawn from them.

  Every source has one family of curves. In two dimensions and more these are
    circle  x(t) = z1 cos t + z2 sin t, 0 <= t < 2 pi, t uniform; of a mixture m + z1 cos t + z2 sin t;
    chord   x(t) = z + (t - z_k) e_k, t uniform on [-1/2, 1/2].
  In one dimension, where the source is the law of a scaled t, it is
    line    x(t) = s t, t of one of the measures of envelope.h: one line carries the whole source, nothing is random.
  If t is drawn from the measure of the curve, x(t) has the law of the source. So averages over curves are unbiased.
  Curve k depends on (seed, stream, k) alone.

  A source may be reduced from `ambient` to dim < ambient dimensions (reduction.h): its curves and points are those of
  R^ambient, projected.

  src/data/source_list.h lists the sources. Each has a file of its own, src/data/source_NAME.c, that begins with its
  law. docs/design/add-a-source.md shows how to add one. tests/unit/test_source.c tests every source against this page.
*/
#pragma once

#include <petscsys.h>
#include <brenier/envelope.h>
#include <brenier/store.h>
#include <brenier/tile.h>

/* A source measure in a given dimension. References are counted; it does not change once it is made. */
typedef struct _p_BrenierSource *BrenierSource;

/* Names of all sources, ended by NULL: the values of -source. The first is the default. */
PETSC_EXTERN const char *const BrenierSourceNames[];

/*@
  BrenierSourceListed - Lists the sources that are known: those of `BrenierSourceNames`, then those that were registered

  Not collective

  Input Parameter:
. index - number of the source, from 0

  Returns: its name; NULL when there are not so many

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierSourceListed(PetscInt index);

/*@
  BrenierSourceLeastDim - Gives the least dimension that a source can have

  Not collective

  Input Parameter:
. name - name of the source

  Returns: the dimension; PETSC_MAX_INT when no source has that name

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt BrenierSourceLeastDim(const char name[]);

typedef enum { BRENIER_CURVE_CIRCLE, BRENIER_CURVE_CHORD, BRENIER_CURVE_LINE } BrenierCurveType;

/* Changes of coordinates that do not change a source, or change it in a known way. Targets in an affine hull of fewer
   dimensions are reduced by them. */
typedef enum {
  BRENIER_SYMMETRY_NONE,
  BRENIER_SYMMETRY_AXES,      /* permutations of the axes; given some coordinates the others have mean zero */
  BRENIER_SYMMETRY_ROTATIONS, /* the same for all orthonormal bases */
  BRENIER_SYMMETRY_NORMAL     /* not invariant, but BrenierSourceProject() knows the law of fewer coordinates in any
                                 orthonormal basis */
} BrenierSymmetry;

/* Which exact integrals over polygons, polyhedra and intervals belong to the source (src/low/cell.h, interval.h). */
typedef enum {
  BRENIER_EXACT_NONE,
  BRENIER_EXACT_GAUSSIAN, /* 2 or 3 dimensions */
  BRENIER_EXACT_CUBE,     /* 2 or 3 dimensions */
  BRENIER_EXACT_CIRCLE,   /* 2 dimensions: uniform on |x| = 1 */
  BRENIER_EXACT_MIXTURE,  /* 1 to 3 dimensions: a sum over the components */
  BRENIER_EXACT_ARC       /* 1 dimension: a BrenierCoordinateLaw */
} BrenierExactLaw;

/* A law of one coordinate: cos^power t dt up to a factor, in an angle t. x = sin t where `tail` is 0: a coordinate of
   the sphere in R^(power + 2); else x = tail tan t: Student's law of power + 1 degrees of freedom, tail^2 of them. */
typedef struct {
  PetscReal power, tail;
} BrenierCoordinateLaw;

/* The components of a mixture of normal laws, sum_k p_k N(m_k, L_k L_k^T); copied. */
typedef struct {
  PetscInt   n;           /* number of components; 0 where nothing is left of one, N(0, I) */
  PetscReal *weight;      /* p_k, shape [n]; unit: 1 */
  PetscReal *mean;        /* m_k, shape [n, dim]; unit: source */
  PetscReal *factor;      /* L_k row by row, shape [factors, dim, width]; unit: source */
  PetscInt   factors;     /* 0: the identity for all; 1: one for all; n */
  PetscInt   width;       /* columns of a factor; more or fewer than dim where L_k is not square */
  PetscBool  is_standard; /* the mean of all and a factor that all share have been taken out */
} BrenierMixtureParameters;

/* Parameters of sources that have any. */
typedef struct {
  PetscReal scale; /* factor of lengths (the Gaussian: its standard deviation along an axis); unit: source */
  PetscReal dof;   /* degrees of freedom of Student's law, above 2; unit: 1 */
  /* x = m + L z, z of the source without them; copied. The cube has a diagonal L */
  const PetscReal *mean;         /* m, shape [dim], or NULL for zeros; unit: source */
  const PetscReal *factor;       /* L row by row, shape [dim, factor_width], or NULL for the identity; unit: source */
  PetscInt         factor_width; /* dim; 1 where `factor` is a diagonal */
  const BrenierMixtureParameters *mixture; /* of the mixture; NULL: 2 dim components N(+-e_k, I) */
} BrenierSourceParameters;

/* Degrees of freedom where none are chosen. */
#define BRENIER_DEFAULT_DOF 5

/* One curve, in the symbols of the head. Vectors are the caller's. */
typedef struct {
  PetscReal       *z1, *z2; /* shape [dim]; z1 = s for the line; z2 for circles alone */
  const PetscReal *centre;  /* of a circle about a point, shape [dim], the source's; else NULL */
  PetscInt         axis;    /* chord: k */
} BrenierCurve;

/*@
  BrenierSourceCreate - Makes a source by its name

  Collective on `comm`

  Input Parameters:
+ comm  - the communicator of an error
. name  - one of `BrenierSourceNames`
. dim   - dimension, at least 1
- scale - factor of lengths for sources that have one (the Gaussian: its standard deviation along an axis), else
          ignored; other parameters have their defaults; unit: source

  Output Parameter:
. source - free with `BrenierSourceDestroy()`

  Errors: `PETSC_ERR_USER_INPUT` - no source has that name, or it needs more dimensions (a sphere in one is two points)

  Cost: O(1), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceCreate(MPI_Comm comm, const char name[], PetscInt dim, PetscReal scale,
                                                BrenierSource *source);

/*@
  BrenierSourceCreateWith - Makes a source by its name and parameters

  Collective on `comm`

  Input Parameters:
+ comm       - the communicator of an error
. name       - one of `BrenierSourceNames`
. dim        - dimension, at least 1
- parameters - parameters of all sources; each source takes its own

  Output Parameter:
. source - free with `BrenierSourceDestroy()`

  Errors: `PETSC_ERR_USER_INPUT` - as `BrenierSourceCreate()`, or a parameter is out of its range,
                           or a factor of a mixture singular

  Cost: O(1), no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceCreateWith(MPI_Comm comm, const char name[], PetscInt dim,
                                                    const BrenierSourceParameters *parameters, BrenierSource *source);

/*@
  BrenierSourceTakesConditions - Says whether `BrenierSourceWithConditions()` knows the law of pairs with a source

  Not collective

  Input Parameter:
. name - name of the source

  Returns: whether it does: of normal laws and mixtures of them

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierSourceTakesConditions(const char name[]);

/*@
  BrenierSourceWithConditions - Makes the law of pairs (x, c), x of a source, c one of given points, independent of x

  Collective on `comm`

  Input Parameters:
+ comm      - the communicator of an error
. noise     - source of x, with `BrenierSourceTakesConditions()`
. n         - number of points c
. columns   - numbers of a point
. weight    - their probabilities, which sum to 1, shape [n]; unit: 1
- condition - the points, repeats allowed, shape [n, columns]; unit: source

  Output Parameter:
. source - a mixture in the dimension of `noise` and `columns` more, with a component for each component of `noise` and
           each different point; free with `BrenierSourceDestroy()`

  Errors: `PETSC_ERR_USER_INPUT` - the components are too many numbers for a rank

  Cost: O(n columns log n) and the numbers of the components; no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceWithConditions(MPI_Comm comm, BrenierSource noise, PetscInt n,
                                                        PetscInt columns, const PetscReal weight[],
                                                        const PetscReal condition[], BrenierSource *source);

/*@
  BrenierMixtureRead - Reads the components of a mixture: /weight [n], /mean [n, dim], and /factor where it is there,
  else the identity: [n, dim, dim], or one for all, [dim, q] with q <= dim

  Collective on `comm`

  Input Parameters:
+ comm - all ranks get all components
. file - HDF5 file
- dim  - dimension of the source

  Output Parameter:
. mixture - the components, not checked but for shapes and finite numbers; free with `BrenierMixtureFree()`

  Errors: those of `BrenierArrayRead()`; `PETSC_ERR_FILE_UNEXPECTED` - shapes that disagree

  Cost: every number once by one rank, then a gathering
@*/
PETSC_EXTERN PetscErrorCode BrenierMixtureRead(MPI_Comm comm, const char file[], PetscInt dim,
                                               BrenierMixtureParameters *mixture);

/*@
  BrenierMixtureFree - Frees the components that `BrenierMixtureRead()` read

  Not collective

  Input/Output Parameter:
. mixture - without arrays afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierMixtureFree(BrenierMixtureParameters *mixture);

/*@
  BrenierSourceTakesDof - Says whether a source has degrees of freedom to choose

  Not collective

  Input Parameter:
. name - name of the source

  Returns: whether it has

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierSourceTakesDof(const char name[]);

/*@
  BrenierSourceTakesMixture - Says whether a source has components to choose

  Not collective

  Input Parameter:
. name - name of the source

  Returns: whether it has

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierSourceTakesMixture(const char name[]);

/*@
  BrenierSourceComponents - Gives the components of a mixture of several

  Not collective

  Input Parameter:
. source - the source

  Output Parameter:
. mixture - its components, borrowed; none of a source that is no such mixture

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierSourceComponents(BrenierSource source, BrenierMixtureParameters *mixture);

/*@
  BrenierSourceHasCentres - Says whether the curves of a source are circles about points

  Not collective

  Input Parameter:
. source - the source

  Returns: whether they are

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierSourceHasCentres(BrenierSource source);

/*@
  BrenierSourceReference - Adds an owner to a source, who destroys it as well

  Not collective

  Input Parameter:
. source - the source

  Returns: the same source

  Cost: O(1)
@*/
PETSC_EXTERN BrenierSource BrenierSourceReference(BrenierSource source);

/*@
  BrenierSourceDestroy - Removes an owner of a source, which may be NULL; the last one frees it

  Not collective

  Input/Output Parameter:
. source - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceDestroy(BrenierSource *source);

/*@
  BrenierSourceReduce - Projects a source on the first coordinates

  Not collective

  Input Parameters:
+ source - the source
- dim    - dimension of the projection, 1 to that of the source

  Output Parameter:
. reduced - the projected source; free with `BrenierSourceDestroy()`

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceReduce(BrenierSource source, PetscInt dim, BrenierSource *reduced);

/*@
  BrenierSourceProject - Projects a source on an orthonormal basis, under whose change it is invariant unless it is a
  mixture

  Not collective

  Input Parameters:
+ source - the source, without a mean and a factor of its own
. rank   - number of vectors of the basis
- basis  - the vectors, shape [rank, dim], or NULL for the first axes; unit: 1

  Output Parameter:
. reduced - the projected source; free with `BrenierSourceDestroy()`

  Errors: none of its own

  Cost: O(1); of a mixture O(rank dim) for each component, dim times as much for each factor
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceProject(BrenierSource source, PetscInt rank, const PetscReal basis[],
                                                 BrenierSource *reduced);

/*@
  BrenierSourceSave - Writes a source into the root attributes of a file; its mean and factor, where it has its own,
  into /source_mean and /source_factor

  Collective on the store

  Input Parameters:
+ source - the source
- store  - a store that is being written

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the write failed
- `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: two attributes, two reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceSave(BrenierSource source, BrenierStore store);

/*@
  BrenierSourceLoad - Makes the source that a file names

  Collective on the store

  Input Parameters:
+ store - a store that is being read
- dim   - dimension of the source

  Output Parameter:
. source - free with `BrenierSourceDestroy()`

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - an attribute is missing, or names a source that this version does not know; mean or
                                factor of another shape
- `PETSC_ERR_USER_INPUT`      - the source needs more dimensions

  Cost: two attributes, two reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceLoad(BrenierStore store, PetscInt dim, BrenierSource *source);

/*@
  BrenierSourceName - Gives the name of a source

  Not collective

  Input Parameter:
. source - the source

  Returns: the name; a constant

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierSourceName(BrenierSource source);

/*@
  BrenierSourceDim, BrenierSourceAmbient - Gives the dimension of a source, or that of the source it was reduced from

  Not collective

  Input Parameter:
. source - the source

  Returns: the dimension; both are the same when nothing was reduced

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt BrenierSourceDim(BrenierSource source);
PETSC_EXTERN PetscInt BrenierSourceAmbient(BrenierSource source);

/*@
  BrenierSourceScale - Gives the factor of lengths of a source

  Not collective

  Input Parameter:
. source - the source

  Returns: the factor; 1 for a source without one; unit: source

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierSourceScale(BrenierSource source);

/*@
  BrenierSourceDof - Gives the degrees of freedom of a source

  Not collective

  Input Parameter:
. source - the source

  Returns: the degrees of freedom; 0 for a source without any; unit: 1

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierSourceDof(BrenierSource source);

/*@
  BrenierSourceIsAffine - Says whether a source is x = m + L z with a mean or a factor of its own

  Not collective

  Input Parameter:
. source - the source

  Returns: whether it is

  Cost: O(1)

  Notes: Such a source has points, moments and a place in files, but no curves: problems are solved with
  `BrenierSourceStandard()` and changed targets (reduction.h).
@*/
PETSC_EXTERN PetscBool BrenierSourceIsAffine(BrenierSource source);

/*@
  BrenierSourceStandard - Makes the source of z, where x = m + L z

  Not collective

  Input Parameter:
. source - the source of x

  Output Parameter:
. standard - the source of z; `BrenierSourceSecondMoment()` of it is that of x. Free with `BrenierSourceDestroy()`

  Errors: none of its own

  Cost: O(dim^2)
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceStandard(BrenierSource source, BrenierSource *standard);

/*@
  BrenierSourcePullBack - Changes a target so that <x, y> = <z, y'> + <m, y>, where x = m + L z

  Not collective

  Input Parameters:
+ source - the source of x
- y      - the target, shape [dim]; unit: target

  Output Parameters:
+ z       - y' = L^T y, shape [dim]; unit: source target
- pairing - <m, y>, or NULL; unit: source target

  Cost: O(dim^2)
@*/
PETSC_EXTERN void BrenierSourcePullBack(BrenierSource source, const PetscReal y[], PetscReal z[], PetscReal *pairing);

/*@
  BrenierSourcePushForward - Makes x = m + L z of z

  Not collective

  Input Parameter:
. source - the source of x

  Input/Output Parameter:
. x - z, then x, shape [dim]; unit: source

  Cost: O(dim^2)
@*/
PETSC_EXTERN void BrenierSourcePushForward(BrenierSource source, PetscReal x[]);

/*@
  BrenierSourceHash - Gives a checksum of the parameters of a source

  Not collective

  Input Parameter:
. source - the source

  Output Parameter:
. hash - XXH3-64 of its degrees of freedom, mean and factor; 0 where it has none

  Cost: O(dim^2)
@*/
PETSC_EXTERN void BrenierSourceHash(BrenierSource source, PetscInt64 *hash);

/*@
  BrenierSourceHasDensity - Says whether a source has a density that is known

  Not collective

  Input Parameter:
. source - the source

  Returns: whether `BrenierSourceLogDensity()` may be asked; not of the sphere, nor of a mixture with components in
  subspaces, nor of a source that was reduced

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierSourceHasDensity(BrenierSource source);

/*@
  BrenierSourceLogDensity - Gives the logarithm of the density of a source at a point

  Not collective

  Input Parameters:
+ source - a source with `BrenierSourceHasDensity()`
- x      - the point, shape [dim]; written over; unit: source

  Output Parameter:
. log_density - the logarithm, -infinity outside the support; unit: 1, of a density in 1/source^dim

  Errors: none of its own

  Cost: O(dim); O(dim^3) where x = m + L z with a whole matrix L; of a mixture that for each component
@*/
PETSC_EXTERN PetscErrorCode BrenierSourceLogDensity(BrenierSource source, PetscReal x[], PetscReal *log_density);

/*@
  BrenierSourceCurveType - Gives the family of curves that a source is sampled by

  Not collective

  Input Parameter:
. source - the source

  Returns: the family

  Cost: O(1)
@*/
PETSC_EXTERN BrenierCurveType BrenierSourceCurveType(BrenierSource source);

/*@
  BrenierSourceLineMeasure - Gives the measure of t along the chords or the line of a source

  Not collective

  Input Parameter:
. source - a source whose curves are chords or a line

  Returns: the measure

  Cost: O(1)
@*/
PETSC_EXTERN BrenierLineMeasure BrenierSourceLineMeasure(BrenierSource source);

/*@
  BrenierSourceMaxCurves - Gives the largest number of different curves of a source

  Not collective

  Input Parameter:
. source - the source

  Returns: 1 for the line of one dimension, else PETSC_MAX_INT

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt64 BrenierSourceMaxCurves(BrenierSource source);

/*@
  BrenierSourceCurveGroup - Gives the number of curves that are drawn as a group, such as one of each range of lengths

  Not collective

  Input Parameter:
. source - the source

  Returns: G: curves k G to (k + 1) G - 1 depend on each other, and on no other curve; 1 where all are independent

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt BrenierSourceCurveGroup(BrenierSource source);

/*@
  BrenierSourceSymmetry - Gives the changes of coordinates under which a source is invariant, for reduction.h

  Not collective

  Input Parameter:
. source - the source

  Returns: the symmetry

  Cost: O(1)
@*/
PETSC_EXTERN BrenierSymmetry BrenierSourceSymmetry(BrenierSource source);

/*@
  BrenierSourceExactLaw - Gives the exact integrals of a source, for laguerre.h

  Not collective

  Input Parameter:
. source - the source

  Returns: the integrals; BRENIER_EXACT_NONE where there are none in its dimension

  Cost: O(1)
@*/
PETSC_EXTERN BrenierExactLaw BrenierSourceExactLaw(BrenierSource source);

/*@
  BrenierSourceCoordinate - Gives the law of the coordinate of a source whose exact law is BRENIER_EXACT_ARC

  Not collective

  Input Parameter:
. source - the source

  Returns: the law; zeros where the exact law is another

  Cost: O(1)
@*/
PETSC_EXTERN BrenierCoordinateLaw BrenierSourceCoordinate(BrenierSource source);

/*@
  BrenierSourceDrawCurve - Draws a curve

  Not collective; pure function of its input

  Input Parameters:
+ source - the source
. seed   - with `stream` names the sample
. stream - a `BrenierStream`
- index  - number of the curve in the sample

  Output Parameter:
. curve - the curve; its vectors are the caller's

  Cost: some 20 ns a coordinate of R^ambient
@*/
PETSC_EXTERN void BrenierSourceDrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                         BrenierCurve *curve);

/*@
  BrenierSourceDrawPoint - Draws a point

  Not collective; pure function of its input

  Input Parameters:
+ source - the source
. seed   - with `stream` names the sample
. stream - a `BrenierStream`
- index  - number of the point in the sample

  Output Parameter:
. x - the point, shape [dim]; unit: source

  Cost: that of one vector of a curve
@*/
PETSC_EXTERN void BrenierSourceDrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                         PetscReal x[]);

/*@
  BrenierSourceQuantile - Gives the point of a one-dimensional source that has mass `below` below it

  Not collective

  Input Parameters:
+ source - a source that is sampled by its line
. below  - mass below the point; unit: 1
- above  - mass above it, 1 - below; the smaller of the two is used, as it is the accurate one; unit: 1

  Returns: the point; unit: source

  Cost: O(1), Newton's method for the Gaussian
@*/
PETSC_EXTERN PetscReal BrenierSourceQuantile(BrenierSource source, PetscReal below, PetscReal above);

/*@
  BrenierSourceSecondMoment - Gives E |x|^2 of a source in R^ambient, exactly

  Not collective

  Input Parameter:
. source - the source

  Returns: the second moment; unit: source^2

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierSourceSecondMoment(BrenierSource source);

/*@
  BrenierCurveSecondMoment - Gives the mean of |x|^2 along one curve

  Not collective

  Input Parameters:
+ source - the source
- curve  - one of its curves

  Returns: the mean; unit: source^2

  Cost: 4 dim flops
@*/
PETSC_EXTERN PetscReal BrenierCurveSecondMoment(BrenierSource source, const BrenierCurve *curve);

/*@
  BrenierSourceDeviation - Gives the standard deviation of a source along an axis, (E |z|^2 / ambient)^(1/2), z as in
  `BrenierSourceStandard()`

  Not collective

  Input Parameter:
. source - the source

  Returns: the standard deviation; unit: source

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierSourceDeviation(BrenierSource source);

/*@
  BrenierSourceReach - Gives a bound of the coordinates of curves and points

  Not collective

  Input Parameter:
. source - the source

  Returns: a number that no coordinate of a point or of the vectors of a curve exceeds in size; unit: source

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierSourceReach(BrenierSource source);
