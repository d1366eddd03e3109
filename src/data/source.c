/* source.c - Implements source.h: the parts that all sources share. Their laws are in source_NAME.c. */
#include "source_impl.h"

#include <brenier/base.h>
#include <brenier/dot.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const BrenierSourceLaw *const brenier_laws[] = {
#define BRENIER_SOURCE(name) &brenier_source_##name,
#include "source_list.h"
#undef BRENIER_SOURCE
    NULL};

const char *const BrenierSourceNames[] = {
#define BRENIER_SOURCE(name) #name,
#include "source_list.h"
#undef BRENIER_SOURCE
    NULL};

static const PetscReal brenier_uniform_moment = 1.0 / 12.0; /* E t^2 on [-1/2, 1/2] */

/* Laws from outside of the library, for the whole process, as their functions are. */
enum { BRENIER_MAX_REGISTERED = 64 };

static struct {
  const char             *name;
  const BrenierSourceLaw *law;
} brenier_registered[BRENIER_MAX_REGISTERED];

/* The law of a name, and the name as it stands here; NULL when there is none. */
static const BrenierSourceLaw *Find(const char name[], const char **known)
{
  const char *other;

  for (PetscInt i = 0; (other = BrenierSourceListed(i)); ++i)
    if (!strcmp(other, name)) {
      const PetscInt n = (PetscInt)(sizeof brenier_laws / sizeof brenier_laws[0]) - 1;

      if (known) *known = other;
      return i < n ? brenier_laws[i] : brenier_registered[i - n].law;
    }
  return NULL;
}

const char *BrenierSourceListed(PetscInt index)
{
  const PetscInt n = (PetscInt)(sizeof brenier_laws / sizeof brenier_laws[0]) - 1;

  if (index < 0 || index >= n + BRENIER_MAX_REGISTERED) return NULL;
  return index < n ? BrenierSourceNames[index] : brenier_registered[index - n].name;
}

PetscBool BrenierSourceRegister_Private(const char name[], const BrenierSourceLaw *law)
{
  if (Find(name, NULL)) return PETSC_FALSE;
  for (PetscInt i = 0; i < BRENIER_MAX_REGISTERED; ++i)
    if (!brenier_registered[i].name) {
      brenier_registered[i].name = name;
      brenier_registered[i].law  = law;
      return PETSC_TRUE;
    }
  return PETSC_FALSE;
}

PetscInt BrenierSourceLeastDim(const char name[])
{
  const BrenierSourceLaw *law = Find(name, NULL);

  return law ? law->least_dim : PETSC_MAX_INT;
}

PetscBool BrenierSourceTakesDof(const char name[])
{
  const BrenierSourceLaw *law = Find(name, NULL);

  return (PetscBool)(law && law->has_dof);
}

PetscBool BrenierSourceTakesMixture(const char name[])
{
  const BrenierSourceLaw *law = Find(name, NULL);

  return (PetscBool)(law && law->has_mixture);
}

void BrenierSourceComponents(BrenierSource source, BrenierMixtureParameters *p)
{
  const BrenierMixture *m = source->mixture;

  *p = (BrenierMixtureParameters){.is_standard = PETSC_TRUE};
  if (!m) return;
  p->n       = m->n;
  p->weight  = m->weight;
  p->mean    = m->mean;
  p->factors = m->factors;
  p->width   = m->width;
  if (m->factors) p->factor = m->factor;
}

PetscBool BrenierSourceHasCentres(BrenierSource source)
{
  return (PetscBool)(source->mixture && BrenierSourceCurveType(source) == BRENIER_CURVE_CIRCLE);
}

PetscErrorCode BrenierSourceCreate(MPI_Comm comm, const char name[], PetscInt dim, PetscReal scale,
                                   BrenierSource *source)
{
  PetscFunctionBegin;
  PetscCall(BrenierSourceCreateWith(comm, name, dim,
                                    &(BrenierSourceParameters){.scale = scale, .dof = BRENIER_DEFAULT_DOF}, source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A rotation of z is to make no difference where L is not diagonal. */
static PetscErrorCode SetAffine(MPI_Comm comm, const BrenierSourceParameters *p, BrenierSource s)
{
  PetscFunctionBegin;
  PetscCheck(!p->factor || p->factor_width == 1 || s->law->symmetry >= BRENIER_SYMMETRY_ROTATIONS, comm,
             PETSC_ERR_USER_INPUT, "a factor of -source %s is a diagonal, shape [%" PetscInt_FMT "]", s->name, s->dim);
  PetscCall(BrenierAffineCreate(comm, s->dim, p->mean, p->factor_width, p->factor, &s->affine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The components of a mixture, and what is taken out of them. Nothing is left of one component. */
static PetscErrorCode SetMixture(MPI_Comm comm, const BrenierMixtureParameters *p, BrenierSource s)
{
  PetscReal     *mean, *factor;
  PetscBool      has_factor = PETSC_FALSE, has_mean = PETSC_FALSE;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(BrenierMixtureCreate(comm, s->dim, p, &s->mixture));
  if (p->is_standard) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc2(s->dim, &mean, (size_t)s->dim * (size_t)s->dim, &factor));
  ierr = BrenierMixtureStandardise(comm, s->mixture, mean, factor, &has_factor);
  if (ierr) PetscCall(PetscFree2(mean, factor));
  PetscCall(ierr);
  for (PetscInt k = 0; k < s->dim; ++k) has_mean = (PetscBool)(has_mean || mean[k] != 0.0);
  if (has_mean || has_factor)
    PetscCall(BrenierAffineCreate(comm, s->dim, mean, s->dim, has_factor ? factor : NULL, &s->affine));
  if (p->n == 1 && s->mixture->factors == 0) PetscCall(BrenierMixtureDestroy(&s->mixture));
  PetscCall(PetscFree2(mean, factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without components: 2 d of equal weight, N(e_k, I) and N(-e_k, I) for all axes k. */
static PetscErrorCode SetExample(MPI_Comm comm, BrenierSource s)
{
  const PetscInt           n = 2 * s->dim;
  BrenierMixtureParameters p = {.n = n, .is_standard = PETSC_TRUE};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &p.weight));
  PetscCall(PetscCalloc1((size_t)n * (size_t)s->dim, &p.mean));
  for (PetscInt k = 0; k < n; ++k) {
    p.weight[k]                = 1.0 / (PetscReal)n;
    p.mean[k * s->dim + k / 2] = k % 2 ? -1.0 : 1.0;
  }
  PetscCall(SetMixture(comm, &p, s));
  PetscCall(PetscFree(p.weight));
  PetscCall(PetscFree(p.mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetParameters(MPI_Comm comm, const BrenierSourceParameters *p, BrenierSource s)
{
  PetscFunctionBegin;
  if (s->law->has_mixture) {
    const PetscBool one = (PetscBool)(p->mixture && p->mixture->is_standard && p->mixture->n == 0); // nothing is left

    if (!p->mixture) PetscCall(SetExample(comm, s));
    else if (!one) PetscCall(SetMixture(comm, p->mixture, s));
  }
  if (p->mean || p->factor) PetscCall(SetAffine(comm, p, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceCreateWith(MPI_Comm comm, const char name[], PetscInt dim,
                                       const BrenierSourceParameters *parameters, BrenierSource *source)
{
  const char             *known = NULL;
  const BrenierSourceLaw *law   = Find(name, &known);
  BrenierSource           s;
  PetscErrorCode          ierr;
  char                    number[BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  PetscCheck(law, comm, PETSC_ERR_USER_INPUT, "there is no source '%s'", name);
  PetscCheck(dim >= law->least_dim, comm, PETSC_ERR_USER_INPUT,
             "-source %s needs targets of dimension %" PetscInt_FMT " or more: %s", name, law->least_dim, law->refusal);
  PetscCheck(!law->has_dof || (parameters->dof > 2.0 && parameters->dof < PETSC_INFINITY), comm, PETSC_ERR_USER_INPUT,
             "the degrees of freedom of -source %s are %s; W2 is finite for more than 2 only", name,
             BrenierNumber(parameters->dof, number));
  PetscCall(PetscNew(&s));
  *s      = (struct _p_BrenierSource){.law     = law,
                                      .name    = known,
                                      .dim     = dim,
                                      .ambient = dim,
                                      .scale   = law->has_scale ? parameters->scale : 1.0,
                                      .dof     = law->has_dof ? parameters->dof : 0.0,
                                      .owners  = 1};
  *source = s;
  ierr    = SetParameters(comm, parameters, s);
  if (ierr) PetscCall(BrenierSourceDestroy(source));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierSource BrenierSourceReference(BrenierSource source)
{
  ++source->owners;
  return source;
}

PetscErrorCode BrenierSourceDestroy(BrenierSource *source)
{
  PetscFunctionBegin;
  if (*source && --(*source)->owners == 0) {
    PetscCall(BrenierAffineDestroy(&(*source)->affine));
    PetscCall(BrenierMixtureDestroy(&(*source)->mixture));
    PetscCall(PetscFree(*source));
  }
  *source = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceReduce(BrenierSource source, PetscInt dim, BrenierSource *reduced)
{
  PetscFunctionBegin;
  PetscCall(PetscNew(reduced));
  **reduced          = *source;
  (*reduced)->dim    = dim;
  (*reduced)->owners = 1;
  if (source->affine) ++source->affine->owners;
  if (!source->mixture) PetscFunctionReturn(PETSC_SUCCESS);
  if (dim == source->dim) ++source->mixture->owners;
  else PetscCall(BrenierMixtureProject(source->mixture, dim, NULL, &(*reduced)->mixture));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceProject(BrenierSource source, PetscInt rank, const PetscReal basis[],
                                    BrenierSource *reduced)
{
  PetscFunctionBegin;
  PetscCall(BrenierSourceReduce(source, rank, reduced));
  if (!source->mixture || !basis) PetscFunctionReturn(PETSC_SUCCESS);
  (*reduced)->whole_moment = BrenierSourceSecondMoment(source);
  PetscCall(BrenierMixtureDestroy(&(*reduced)->mixture));
  PetscCall(BrenierMixtureProject(source->mixture, rank, basis, &(*reduced)->mixture));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool BrenierSourceIsAffine(BrenierSource source)
{
  return (PetscBool)(source->affine != NULL);
}

PetscErrorCode BrenierSourceStandard(BrenierSource source, BrenierSource *standard)
{
  PetscFunctionBegin;
  PetscCall(BrenierSourceReduce(source, source->dim, standard));
  if (source->affine) (*standard)->whole_moment = BrenierSourceSecondMoment(source);
  PetscCall(BrenierAffineDestroy(&(*standard)->affine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSourcePullBack(BrenierSource source, const PetscReal y[], PetscReal z[], PetscReal *pairing)
{
  BrenierAffineTranspose(source->affine, y, z);
  if (pairing) *pairing = BrenierAffinePairing(source->affine, y);
}

void BrenierSourcePushForward(BrenierSource source, PetscReal x[])
{
  BrenierAffineApply(source->affine, x);
}

const char *BrenierSourceName(BrenierSource source)
{
  return source->name;
}

PetscInt BrenierSourceDim(BrenierSource source)
{
  return source->dim;
}

PetscInt BrenierSourceAmbient(BrenierSource source)
{
  return source->ambient;
}

PetscReal BrenierSourceScale(BrenierSource source)
{
  return source->scale;
}

PetscReal BrenierSourceDof(BrenierSource source)
{
  return source->dof;
}

BrenierCurveType BrenierSourceCurveType(BrenierSource source)
{
  return source->dim == 1 && source->law->line > 0.0 && !source->mixture ? BRENIER_CURVE_LINE : source->law->curve;
}

BrenierLineMeasure BrenierSourceLineMeasure(BrenierSource source)
{
  return source->law->measure;
}

PetscInt64 BrenierSourceMaxCurves(BrenierSource source)
{
  return BrenierSourceCurveType(source) == BRENIER_CURVE_LINE ? 1 : PETSC_MAX_INT;
}

PetscInt BrenierSourceCurveGroup(BrenierSource source)
{
  return PetscMax(source->law->group, 1);
}

BrenierSymmetry BrenierSourceSymmetry(BrenierSource source)
{
  return source->law->symmetry;
}

BrenierExactLaw BrenierSourceExactLaw(BrenierSource source)
{
  return source->law->exact ? source->law->exact(source) : BRENIER_EXACT_NONE;
}

BrenierCoordinateLaw BrenierSourceCoordinate(BrenierSource source)
{
  if (BrenierSourceExactLaw(source) != BRENIER_EXACT_ARC) return (BrenierCoordinateLaw){0.0, 0.0};
  return source->law->coordinate(source);
}

/* s of the line s t. */
static PetscReal LineScale(BrenierSource source)
{
  return source->law->line * source->scale;
}

void BrenierSourceDrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                            BrenierCurve *curve)
{
  curve->axis   = 0;
  curve->centre = NULL;
  if (BrenierSourceCurveType(source) == BRENIER_CURVE_LINE) curve->z1[0] = LineScale(source);
  else source->law->draw_curve(source, seed, stream, index, curve);
}

void BrenierSourceDrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  source->law->draw_point(source, seed, stream, index, x);
  if (source->affine) BrenierAffineApply(source->affine, x);
}

/* E |m + L z|^2 of a mixture, whose coordinates have variances of their own. */
static PetscReal MixtureMoment(BrenierSource source)
{
  const BrenierMixture *z = source->mixture;
  const BrenierAffine  *a = source->affine;
  const size_t          d = (size_t)source->dim, size = a->width == 1 ? d : d * d;
  PetscReal             sum = z->factors ? 0.0 : BrenierDot(size, a->factor, a->factor);
  PetscReal            *x   = malloc(d * sizeof *x);

  for (PetscInt k = 0; k < z->n; ++k) {
    const PetscReal *factor = z->factor + (z->factors > 1 ? (size_t)k : 0) * d * (size_t)z->width;

    memcpy(x, z->mean + (size_t)k * d, d * sizeof *x);
    BrenierAffineApply(a, x);
    sum += z->weight[k] * BrenierDot(d, x, x);
    for (PetscInt j = 0; z->factors && j < z->width; ++j) {
      for (size_t i = 0; i < d; ++i) x[i] = factor[i * (size_t)z->width + (size_t)j];
      BrenierAffineApply(a, x);
      for (size_t i = 0; i < d; ++i) sum += z->weight[k] * PetscSqr(x[i] - a->mean[i]);
    }
  }
  free(x);
  return sum;
}

PetscReal BrenierSourceSecondMoment(BrenierSource source)
{
  const PetscReal moment = source->law->second_moment(source);

  if (source->whole_moment > 0.0) return source->whole_moment;
  if (source->mixture && source->affine) return MixtureMoment(source);
  return source->affine ? BrenierAffineSecondMoment(source->affine, moment / (PetscReal)source->ambient) : moment;
}

PetscReal BrenierSourceDeviation(BrenierSource source)
{
  const PetscInt dim = source->mixture ? source->dim : source->ambient; // components are seen as they are

  return PetscSqrtReal(source->law->second_moment(source) / (PetscReal)dim);
}

PetscReal BrenierSourceReach(BrenierSource source)
{
  const PetscReal reach =
      source->law->reach ? source->law->reach(source) : BRENIER_FARTHEST * PetscMax(source->scale, 1.0);

  return source->affine ? BrenierAffineReach(source->affine, reach) : reach;
}

PetscReal BrenierCurveSecondMoment(BrenierSource source, const BrenierCurve *curve)
{
  const size_t dim = (size_t)source->dim;

  switch (BrenierSourceCurveType(source)) {
  case BRENIER_CURVE_CIRCLE:
    return 0.5 * (BrenierDot(dim, curve->z1, curve->z1) + BrenierDot(dim, curve->z2, curve->z2)) +
           (curve->centre ? BrenierDot(dim, curve->centre, curve->centre) : 0.0);
  case BRENIER_CURVE_CHORD:
    return BrenierDot(dim, curve->z1, curve->z1) - curve->z1[curve->axis] * curve->z1[curve->axis] +
           brenier_uniform_moment;
  default:
    return source->law->second_moment(source);
  }
}

/* x <= 0 with standard normal mass p <= 1/2 below it. Newton for log Phi(x) = log p: the left side is concave and
   rises, so from a point below the root the tangent meets log p below the root again, and the iterates rise to it. */
static PetscReal LowerNormalQuantile(PetscReal p)
{
  const PetscInt max_it = 100;
  PetscReal      x      = -PetscSqrtReal(-2.0 * log(2.0 * p)); // Phi(x) <= exp(-x^2 / 2) / 2: not above the root

  for (PetscInt it = 0; it < max_it; ++it) {
    const PetscReal below   = 0.5 * erfc(-x / sqrt(2.0));
    const PetscReal density = exp(-0.5 * x * x) / sqrt(2.0 * PETSC_PI);
    const PetscReal step    = below / density * log(p / below);

    x += step;
    if (PetscAbsReal(step) <= 1e-16 * (1.0 + PetscAbsReal(x))) break;
  }
  return PetscMin(x, 0.0);
}

PetscReal BrenierSourceQuantile(BrenierSource source, PetscReal below, PetscReal above)
{
  const PetscReal scale = LineScale(source);

  if (source->law->measure == BRENIER_LINE_UNIFORM) return scale * (below < above ? below - 0.5 : 0.5 - above);
  return scale * (below < above ? LowerNormalQuantile(below) : -LowerNormalQuantile(above));
}
