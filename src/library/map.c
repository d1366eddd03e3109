/* map.c - Implements the measurement, the map and the samples of brenier.h. */
#include "library_impl.h"

#include <brenier/extension.h>
#include <brenier/transport.h>

/* Degrees that no angle exceeds. */
static const double brenier_largest_angle = 180.0;

brenier_code LibraryCheckSample(const char function[], int64_t curves, int64_t seed)
{
  if ((!curves || curves >= BRENIER_FEWEST_CURVES) && curves <= PETSC_MAX_INT && seed >= 0) return BRENIER_CODE_OK;
  return LibraryRefuse("%s: %lld curves and seed %lld; give %d curves or more, or 0, and a seed of 0 or more", function,
                       (long long)curves, (long long)seed, BRENIER_FEWEST_CURVES);
}

brenier_code brenier_check(const brenier_result *result, int64_t curves, int64_t seed, brenier_measurement *measurement)
{
  BrenierHeldOut held_out;
  brenier_code   code;

  if (!result || !measurement) return LibraryRefuse("brenier_check: %s is NULL", result ? "measurement" : "result");
  if ((code = LibraryCheckSample("brenier_check", curves, seed))) return code;
  LibraryBegin();
  code = LibraryEnd(BrenierMeasureHeights(result->targets->targets, result->outcome.about.source, result->outcome.h,
                                          seed, curves, &held_out));
  if (!code) *measurement = LibraryMeasurement(&held_out);
  return code;
}

/* Room for the indices that a caller does not want. */
static PetscErrorCode Transport(const brenier_result *r, PetscInt n, const PetscReal x[], int64_t index[], double u[],
                                double code[])
{
  PetscInt64    *numbers = index;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (!index) PetscCall(PetscMalloc1(n, &numbers));
  ierr = BrenierTransportApply(r->targets->targets, r->outcome.h, n, x, numbers, u, code);
  if (!index) PetscCall(PetscFree(numbers));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(const brenier_result *r, const brenier_rows *points, int64_t index[], double u[],
                          double code[])
{
  BrenierArray   x = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(LibraryReadRows(r->targets->context->comm, points, "points", r->targets->targets->dim, &x));
  ierr = Transport(r, x.n_local, x.value, index, u, code);
  PetscCall(BrenierArrayDestroy(&x));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_map(const brenier_result *result, const brenier_rows *points, int64_t index[], double potential[],
                         double code[])
{
  if (!result) return LibraryRefuse("brenier_map: result is NULL");
  LibraryBegin();
  return LibraryEnd(Map(result, points, index, potential, code));
}

void brenier_extension_default(brenier_extension *extension)
{
  if (extension)
    *extension = (brenier_extension){
        .neighbours = BRENIER_NEIGHBOURS, .angle = BRENIER_LIFTED, .threshold = brenier_largest_angle, .project = 1};
}

/* The extended map; `crosses` is an array of PETSc's type, or NULL. */
static PetscErrorCode Extend(const brenier_result *r, const brenier_extension *e, const BrenierArray *x,
                             int64_t index[], double code[], PetscBool crosses[])
{
  const BrenierTargets   t         = r->targets->targets;
  const BrenierExtension extension = {.n_neighbours = (PetscInt)e->neighbours,
                                      .barycentre   = r->outcome.barycentre.value,
                                      .projects     = (PetscBool)(e->project != 0),
                                      .convention   = (BrenierAngle)e->angle,
                                      .threshold    = e->threshold};
  PetscInt64            *numbers   = index;
  PetscErrorCode         ierr;

  PetscFunctionBegin;
  PetscCheck(e->neighbours >= 1 && e->neighbours <= t->n, t->comm, PETSC_ERR_USER_INPUT,
             "extension: %lld neighbours; give 1 to %" PetscInt_FMT ", the number of targets", (long long)e->neighbours,
             t->n);
  PetscCheck(e->threshold >= 0.0, t->comm, PETSC_ERR_USER_INPUT, "extension: the threshold is %g; give 0 to 180",
             e->threshold);
  if (!index) PetscCall(PetscMalloc1(x->n_local, &numbers));
  ierr = BrenierExtensionApply(&extension, t, r->outcome.h, x->n_local, x->value,
                               &(BrenierExtended){numbers, NULL, code, crosses});
  if (!index) PetscCall(PetscFree(numbers));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MapExtended(const brenier_result *r, const brenier_extension *e, const brenier_rows *points,
                                  int64_t index[], double code[], int crosses[])
{
  BrenierArray   x     = {0};
  PetscBool     *cross = NULL;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(LibraryReadRows(r->targets->context->comm, points, "points", r->targets->targets->dim, &x));
  PetscCall(PetscMalloc1(x.n_local, &cross));
  ierr = Extend(r, e, &x, index, code, cross);
  for (PetscInt i = 0; !ierr && crosses && i < x.n_local; ++i) crosses[i] = cross[i] ? 1 : 0;
  PetscCall(PetscFree(cross));
  PetscCall(BrenierArrayDestroy(&x));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_map_extended(const brenier_result *result, const brenier_extension *extension,
                                  const brenier_rows *points, int64_t index[], double code[], int crosses[])
{
  brenier_extension defaults;

  if (!result) return LibraryRefuse("brenier_map_extended: result is NULL");
  if (!code && points && points->n) return LibraryRefuse("brenier_map_extended: code is NULL");
  brenier_extension_default(&defaults);
  if (defaults.neighbours > result->targets->targets->n) defaults.neighbours = result->targets->targets->n;
  LibraryBegin();
  return LibraryEnd(MapExtended(result, extension ? extension : &defaults, points, index, code, crosses));
}

static PetscErrorCode Sample(const brenier_result *r, int64_t seed, int64_t first, int64_t n, double x[],
                             int64_t index[], double code[])
{
  const size_t   dim   = (size_t)r->targets->targets->dim;
  BrenierFault   fault = {0};
  double        *drawn = x;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (seed < 0 || first < 0 || n < 0 || n > PETSC_MAX_INT)
    BrenierFaultSet(&fault, BRENIER_EXIT_USAGE, "sample: seed %lld, first %lld and n %lld have to be 0 or more",
                    (long long)seed, (long long)first, (long long)n);
  PetscCall(BrenierFaultAgree(r->targets->context->comm, &fault));
  if (!x) PetscCall(PetscMalloc1((size_t)n * dim, &drawn));
  for (int64_t i = 0; i < n; ++i)
    BrenierSourceDrawPoint(r->outcome.about.source, seed, BRENIER_STREAM_SAMPLE, first + i, drawn + (size_t)i * dim);
  ierr = Transport(r, (PetscInt)n, drawn, index, NULL, code);
  if (!x) PetscCall(PetscFree(drawn));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_sample(const brenier_result *result, int64_t seed, int64_t first, int64_t n, double x[],
                            int64_t index[], double code[])
{
  if (!result) return LibraryRefuse("brenier_sample: result is NULL");
  LibraryBegin();
  return LibraryEnd(Sample(result, seed, first, n, x, index, code));
}
