/* facets.c - Implements the facets of brenier.h. */
#include "library_impl.h"

#include <math.h>

static PetscErrorCode Measure(const brenier_result *r, brenier_angle angle, int64_t curves, int64_t seed,
                              brenier_facets **facets)
{
  brenier_facets *f = calloc(1, sizeof *f);
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCheck(f, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for facets");
  ierr = BrenierFacetsMeasure(r->targets->targets, r->outcome.about.source, r->outcome.h, (BrenierAngle)angle, seed,
                              curves, &f->facets);
  if (ierr) free(f);
  PetscCall(ierr);
  f->targets = r->targets;
  ++f->targets->owners;
  ++f->targets->context->objects;
  *facets = f;
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_facets_measure(const brenier_result *result, brenier_angle angle, int64_t curves, int64_t seed,
                                    brenier_facets **facets)
{
  brenier_code code;

  if (facets) *facets = NULL;
  if (!result || !facets) return LibraryRefuse("brenier_facets_measure: %s is NULL", result ? "facets" : "result");
  if (angle != BRENIER_LIFTED && angle != BRENIER_UNLIFTED)
    return LibraryRefuse("brenier_facets_measure: angle is %d; give BRENIER_LIFTED or BRENIER_UNLIFTED", (int)angle);
  if ((code = LibraryCheckSample("brenier_facets_measure", curves, seed))) return code;
  LibraryBegin();
  return LibraryEnd(Measure(result, angle, curves, seed, facets));
}

static PetscErrorCode Destroy(brenier_facets *f)
{
  PetscFunctionBegin;
  PetscCall(BrenierFacetsDestroy(&f->facets));
  --f->targets->context->objects;
  PetscCall(LibraryReleaseTargets(&f->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_facets_destroy(brenier_facets **facets)
{
  brenier_code code;

  if (!facets || !*facets) return LibraryFine();
  LibraryBegin();
  code = LibraryEnd(Destroy(*facets));
  free(*facets);
  *facets = NULL;
  return code;
}

int64_t brenier_facets_count_here(const brenier_facets *facets)
{
  return facets ? facets->facets.n : 0;
}

const int64_t *brenier_facets_pairs(const brenier_facets *facets)
{
  return facets ? facets->facets.pair : NULL;
}

const double *brenier_facets_angles(const brenier_facets *facets)
{
  return facets ? facets->facets.angle : NULL;
}

const double *brenier_facets_masses(const brenier_facets *facets)
{
  return facets ? facets->facets.mass : NULL;
}

brenier_code brenier_facets_quantile(const brenier_facets *facets, double q, double *angle)
{
  if (!facets || !angle) return LibraryRefuse("brenier_facets_quantile: %s is NULL", facets ? "angle" : "facets");
  if (!(q >= 0.0 && q <= 1.0)) return LibraryRefuse("brenier_facets_quantile: q is %g; give 0 to 1", q);
  LibraryBegin();
  return LibraryEnd(BrenierFacetsQuantile(&facets->facets, q, angle));
}

brenier_code brenier_facets_modes(const brenier_facets *facets, double threshold, int64_t mode[], int64_t *n_modes)
{
  if (!facets || !n_modes) return LibraryRefuse("brenier_facets_modes: %s is NULL", facets ? "n_modes" : "facets");
  if (isnan(threshold)) return LibraryRefuse("brenier_facets_modes: the threshold is not a number");
  if (!mode && facets->targets->targets->n_local) return LibraryRefuse("brenier_facets_modes: mode is NULL");
  LibraryBegin();
  return LibraryEnd(BrenierFacetsModes(facets->targets->targets, &facets->facets, threshold, mode, n_modes));
}
