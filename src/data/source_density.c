/*
  source_density.c - The density f of a source, where it has one in closed form.

    gaussian   (2 pi s^2)^(-d/2) exp(-|x|^2 / (2 s^2)), s the scale
    cube       1 in [-1/2, 1/2]^d
    ball       Gamma(d/2 + 1) pi^(-d/2) for |x| <= 1
    spherical  Gamma(d/2) / (2 pi^(d/2)) |x|^(1-d) for |x| <= 1, as the area of the sphere of radius r is
               2 pi^(d/2) r^(d-1) / Gamma(d/2)
    student    Gamma((nu + d)/2) / Gamma(nu/2) (nu pi)^(-d/2) (1 + |x|^2 / nu)^(-(nu + d)/2)
    mixture    sum_k p_k N(m_k, L_k L_k^T), where every L_k is square: the logarithms of the terms are added
               relative to the largest
  Where x = m + L z it is that of z, divided by |det L|. The sphere has none: its mass lies on a surface. Nor has a
  mixture of components that lie in subspaces.
*/
#include "source_impl.h"

#include <brenier/compat.h>
#include <brenier/dot.h>

#include <math.h>
#include <petscblaslapack.h>
#include <string.h>

static PetscReal Gaussian(BrenierSource source, PetscReal square)
{
  const PetscReal s = source->scale;

  return -0.5 * square / (s * s) - 0.5 * (PetscReal)source->dim * log(2.0 * PETSC_PI * s * s);
}

static PetscReal Ball(BrenierSource source, PetscReal square)
{
  const PetscReal half = 0.5 * (PetscReal)source->dim;

  return square <= 1.0 ? lgamma(half + 1.0) - half * log(PETSC_PI) : -PETSC_INFINITY;
}

static PetscReal Spherical(BrenierSource source, PetscReal square)
{
  const PetscReal half = 0.5 * (PetscReal)source->dim;

  if (square > 1.0) return -PETSC_INFINITY;
  return lgamma(half) - log(2.0) - half * log(PETSC_PI) - (half - 0.5) * log(square);
}

static PetscReal Student(BrenierSource source, PetscReal square)
{
  const PetscReal dof = source->dof, half = 0.5 * (PetscReal)source->dim;

  return lgamma(0.5 * dof + half) - lgamma(0.5 * dof) - half * log(dof * PETSC_PI) -
         (0.5 * dof + half) * log1p(square / dof);
}

/* Laws that depend on |x|^2 alone. */
static const struct {
  const char *name;
  PetscReal (*log_density)(BrenierSource source, PetscReal square);
} brenier_radial[] = {{"gaussian", Gaussian}, {"ball", Ball}, {"spherical", Spherical}, {"student", Student}};

enum { N_RADIAL = sizeof brenier_radial / sizeof brenier_radial[0] };

static PetscInt FindRadial(BrenierSource source)
{
  for (PetscInt k = 0; k < N_RADIAL; ++k)
    if (!strcmp(source->name, brenier_radial[k].name)) return k;
  return -1;
}

static PetscBool IsCube(BrenierSource source)
{
  return (PetscBool)!strcmp(source->name, "cube");
}

/* Whether all components of a mixture have a density. */
static PetscBool HasSquareFactors(BrenierSource source)
{
  const BrenierMixture *m = source->mixture;

  return (PetscBool)(source->law->has_mixture && (!m || m->factors == 0 || m->width == m->dim));
}

PetscBool BrenierSourceHasDensity(BrenierSource source)
{
  const PetscBool known = (PetscBool)(FindRadial(source) >= 0 || IsCube(source) || HasSquareFactors(source));

  return (PetscBool)(source->dim == source->ambient && known);
}

/* z of x = m + L z in place, by an LU decomposition; log |det L|. */
static PetscErrorCode Undo(const BrenierAffine *a, PetscReal x[], PetscReal *log_det)
{
  PetscBLASInt n, one = 1, info, *pivot;
  PetscScalar *lu;

  PetscFunctionBegin;
  *log_det = 0.0;
  for (PetscInt k = 0; k < a->dim; ++k) x[k] -= a->mean[k];
  if (a->width == 1) {
    for (PetscInt k = 0; k < a->dim; ++k) {
      x[k] /= a->factor[k];
      *log_det += log(PetscAbsReal(a->factor[k]));
    }
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscBLASIntCast(a->dim, &n));
  PetscCall(PetscMalloc2((size_t)n * (size_t)n, &lu, n, &pivot));
  PetscCall(PetscArraycpy(lu, a->factor, (size_t)n * (size_t)n)); // rows, which LAPACK takes for columns: L^T
  PetscCallBLAS("LAPACKgetrf", LAPACKgetrf_(&n, &n, lu, &n, pivot, &info));
  for (PetscInt k = 0; k < a->dim; ++k) *log_det += log(PetscAbsReal(lu[(size_t)k * (size_t)(n + 1)]));
  if (info == 0) PetscCallBLAS("LAPACKgetrs", LAPACKgetrs_("T", &n, &one, lu, &n, pivot, x, &n, &info));
  PetscCall(PetscFree2(lu, pivot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* log p_k + the logarithm of the density of component k; z: work, shape [dim]. */
static PetscErrorCode LogOfComponent(const BrenierMixture *m, PetscInt k, const PetscReal x[], PetscReal z[],
                                     PetscReal *term)
{
  const size_t  dim     = (size_t)m->dim;
  BrenierAffine a       = {.dim = m->dim, .width = m->dim, .mean = m->mean + (size_t)k * dim};
  PetscReal     log_det = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscArraycpy(z, x, dim));
  if (m->factors) {
    a.factor = m->factor + (m->factors > 1 ? (size_t)k : 0) * dim * dim;
    PetscCall(Undo(&a, z, &log_det));
  } else
    for (size_t i = 0; i < dim; ++i) z[i] -= a.mean[i];
  *term = log(m->weight[k]) - 0.5 * BrenierDot(dim, z, z) - 0.5 * (PetscReal)dim * log(2.0 * PETSC_PI) - log_det;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mixture(const BrenierMixture *m, const PetscReal x[], PetscReal *log_density)
{
  PetscReal *term, *z, largest = -PETSC_INFINITY, sum = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(m->n, &term, m->dim, &z));
  for (PetscInt k = 0; k < m->n; ++k) {
    PetscCall(LogOfComponent(m, k, x, z, &term[k]));
    largest = PetscMax(largest, term[k]);
  }
  for (PetscInt k = 0; k < m->n; ++k) sum += exp(term[k] - largest);
  *log_density = largest + log(sum);
  PetscCall(PetscFree2(term, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceLogDensity(BrenierSource source, PetscReal x[], PetscReal *log_density)
{
  const PetscInt radial  = FindRadial(source);
  PetscReal      log_det = 0.0;

  PetscFunctionBegin;
  if (source->affine) PetscCall(Undo(source->affine, x, &log_det));
  *log_density = 0.0;
  if (radial >= 0) *log_density = brenier_radial[radial].log_density(source, BrenierDot((size_t)source->dim, x, x));
  else if (source->mixture) PetscCall(Mixture(source->mixture, x, log_density));
  else if (source->law->has_mixture) *log_density = Gaussian(source, BrenierDot((size_t)source->dim, x, x));
  else
    for (PetscInt k = 0; k < source->dim; ++k)
      if (PetscAbsReal(x[k]) > 0.5) *log_density = -PETSC_INFINITY;
  *log_density -= log_det;
  PetscFunctionReturn(PETSC_SUCCESS);
}
