/* facets.c - Implements facets.h. */
#include <brenier/base.h>
#include <brenier/dual.h>
#include <brenier/facets.h>
#include <brenier/held_out.h>
#include <brenier/laguerre.h>
#include <brenier/reduction.h>

#include <math.h>
#include <petscsf.h>

const char *const BrenierAngleNames[] = {"lifted", "unlifted", NULL};

static PetscReal Length(PetscInt dim, const PetscReal y[], PetscReal last)
{
  PetscReal sum = last * last;

  for (PetscInt k = 0; k < dim; ++k) sum += y[k] * y[k];
  return PetscSqrtReal(sum);
}

/* 2 atan(|a - b| / |a + b|) for unit vectors a and b: accurate at either end, where acos of a product is not. */
PetscReal BrenierAngleBetween(BrenierAngle convention, PetscInt dim, const PetscReal y[], const PetscReal z[])
{
  const PetscReal last = convention == BRENIER_ANGLE_LIFTED ? -1.0 : 0.0;
  const PetscReal ly = Length(dim, y, last), lz = Length(dim, z, last);
  PetscReal       minus = PetscSqr(last / ly - last / lz), plus = PetscSqr(last / ly + last / lz);

  if (ly == 0.0 || lz == 0.0) return 90.0;
  for (PetscInt k = 0; k < dim; ++k) {
    minus += PetscSqr(y[k] / ly - z[k] / lz);
    plus += PetscSqr(y[k] / ly + z[k] / lz);
  }
  return 360.0 / PETSC_PI * atan2(PetscSqrtReal(minus), PetscSqrtReal(plus));
}

/* Pairs i < j of this rank's rows of the Hessian, with -H_ij as mass. */
static PetscErrorCode CollectPairs(BrenierTargets t, Mat hessian, BrenierFacets *f)
{
  const PetscInt    *column;
  const PetscScalar *v;
  PetscInt           n_columns;

  PetscFunctionBegin;
  for (int pass = 0; pass < 2; ++pass) {
    if (pass) PetscCall(PetscMalloc3(2 * (size_t)f->n, &f->pair, f->n, &f->angle, f->n, &f->mass));
    f->n = 0;
    for (PetscInt i = t->first; i < t->first + t->n_local; ++i) {
      PetscCall(MatGetRow(hessian, i, &n_columns, &column, &v));
      for (PetscInt k = 0; k < n_columns; ++k)
        if (column[k] > i && v[k] != 0.0) {
          if (pass) {
            f->pair[2 * (size_t)f->n]     = i;
            f->pair[2 * (size_t)f->n + 1] = column[k];
            f->mass[f->n]                 = -v[k];
          }
          ++f->n;
        }
      PetscCall(MatRestoreRow(hessian, i, &n_columns, &column, &v));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The different second targets of the facets, ascending, and where each facet's is among them. */
static PetscErrorCode FindOthers(const BrenierFacets *f, PetscInt *n, PetscInt **other, PetscInt **place)
{
  PetscFunctionBegin;
  *n = f->n;
  PetscCall(PetscMalloc1(f->n, other));
  PetscCall(PetscMalloc1(f->n, place));
  for (PetscInt k = 0; k < f->n; ++k) (*other)[k] = (PetscInt)f->pair[2 * (size_t)k + 1];
  PetscCall(PetscSortRemoveDupsInt(n, *other));
  for (PetscInt k = 0; k < f->n; ++k)
    PetscCall(PetscFindInt((PetscInt)f->pair[2 * (size_t)k + 1], *n, *other, &(*place)[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What -H_ij |y - z| is to be multiplied by. A chord along axis l crosses a facet only if y and z differ in coordinate
   l, and every such axis gives the same in the mean: with m of them the sampled Hessian holds m / dim of the facet, dim
   those of the source that the chords are in; NULL when there are none. */
static PetscReal ChordFactor(BrenierSource source, PetscInt dim, const PetscReal y[], const PetscReal z[])
{
  PetscInt m = 0;

  if (!source || BrenierSourceCurveType(source) != BRENIER_CURVE_CHORD) return 1.0;
  for (PetscInt k = 0; k < dim; ++k) m += y[k] != z[k];
  return (PetscReal)BrenierSourceDim(source) / (PetscReal)PetscMax(m, 1);
}

/* Angles, and masses from -H_ij. */
static PetscErrorCode MeasurePairs(BrenierTargets t, BrenierSource source, BrenierAngle convention, BrenierFacets *f)
{
  const BrenierCoordinates own = BrenierTargetsCoordinates(t, PETSC_FALSE);
  const size_t             dim = (size_t)t->dim;
  PetscInt                 n, *other, *place;
  PetscInt64              *index;
  PetscReal               *row, *work;

  PetscFunctionBegin;
  PetscCall(FindOthers(f, &n, &other, &place));
  PetscCall(PetscMalloc3(n, &index, (size_t)n * dim, &row, dim, &work));
  for (PetscInt k = 0; k < n; ++k) index[k] = other[k];
  PetscCall(BrenierTargetsFetch(t, n, index, row));
  for (PetscInt k = 0; k < f->n; ++k) {
    const PetscReal *y      = BrenierPoint(&own, (PetscInt)(f->pair[2 * (size_t)k] - t->first), work);
    const PetscReal *z      = row + (size_t)place[k] * dim;
    PetscReal        square = 0.0;

    for (size_t l = 0; l < dim; ++l) square += PetscSqr(y[l] - z[l]);
    f->mass[k] *= PetscSqrtReal(square) * ChordFactor(source, t->dim, y, z);
    f->angle[k] = BrenierAngleBetween(convention, t->dim, y, z);
  }
  PetscCall(PetscFree3(index, row, work));
  PetscCall(PetscFree(other));
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Hessian that a sample gives. */
static PetscErrorCode SampleHessian(BrenierTargets t, BrenierSource source, Vec h, PetscInt64 seed, PetscInt64 n_curves,
                                    Mat *hessian)
{
  BrenierDual      dual;
  BrenierDualValue value;
  Vec              mass;

  PetscFunctionBegin;
  PetscCall(BrenierDualCreate(t, source, seed, BRENIER_STREAM_FACETS, n_curves, 1, &dual));
  PetscCall(VecDuplicate(h, &mass));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscCall(BrenierDualHessian(dual, 1, hessian));
  PetscCall(VecDestroy(&mass));
  PetscCall(BrenierDualDestroy(&dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* That of exact cells; *sound is false, and there is none, where these are not known. */
static PetscErrorCode ExactHessian(BrenierTargets t, BrenierSource source, Vec h, Mat *hessian, PetscBool *sound)
{
  BrenierLaguerre laguerre;
  PetscReal       energy;

  PetscFunctionBegin;
  PetscCall(BrenierLaguerreAt(t, source, h, NULL, &energy, &laguerre));
  *sound = (PetscBool)(laguerre != NULL);
  if (*sound) PetscCall(BrenierLaguerreHessian(laguerre, hessian));
  PetscCall(BrenierLaguerreDestroy(&laguerre));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierFacetsMeasure(BrenierTargets t, BrenierSource source, Vec h, BrenierAngle convention,
                                    PetscInt64 seed, PetscInt64 n_curves, BrenierFacets *facets)
{
  BrenierReduction r;
  PetscBool        exact = PETSC_FALSE;
  Mat              hessian;

  PetscFunctionBegin;
  facets->comm = t->comm;
  PetscCall(BrenierReductionCreate(t, source, &r));
  PetscCall(BrenierReductionHeights(r, BRENIER_REDUCTION_IN, h));
  if (n_curves == 0) PetscCall(ExactHessian(r->targets, r->source, h, &hessian, &exact));
  if (n_curves == 0) n_curves = BrenierHeldOutDefaultCurves(r->source, t->n);
  if (!exact) PetscCall(SampleHessian(r->targets, r->source, h, seed, n_curves, &hessian));
  PetscCall(CollectPairs(t, hessian, facets));
  PetscCall(MatDestroy(&hessian));
  PetscCall(MeasurePairs(t, exact ? NULL : r->source, convention, facets));
  PetscCall(BrenierReductionHeights(r, BRENIER_REDUCTION_OUT, h));
  PetscCall(BrenierReductionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mass of the facets up to an angle. */
static PetscErrorCode MassUpTo(const BrenierFacets *f, PetscReal angle, PetscReal term[], PetscReal *mass)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < f->n; ++k) term[k] = f->angle[k] <= angle ? f->mass[k] : 0.0;
  PetscCall(BrenierExactSum(f->comm, f->n, 1, term, mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Largest angle of a facet that is not above `most`; -1 when there is none. */
static PetscErrorCode LargestAngle(const BrenierFacets *f, PetscReal most, PetscReal *angle)
{
  PetscFunctionBegin;
  *angle = -1.0;
  for (PetscInt k = 0; k < f->n; ++k)
    if (f->angle[k] <= most) *angle = PetscMax(*angle, f->angle[k]);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, angle, 1, MPIU_REAL, MPI_MAX, f->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bisection of the angle; at the end no double lies between the two bounds, so the upper one is the angle of a
   facet. */
PetscErrorCode BrenierFacetsQuantile(const BrenierFacets *f, PetscReal q, PetscReal *angle)
{
  PetscReal *term, low, high, all, mass;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(f->n, &term));
  PetscCall(LargestAngle(f, 180.0, &high));
  PetscCall(MassUpTo(f, 180.0, term, &all));
  low = -1.0;
  while (high > low) {
    const PetscReal middle = low + 0.5 * (high - low);

    if (middle <= low || middle >= high) break;
    PetscCall(MassUpTo(f, middle, term, &mass));
    if (mass >= q * all && mass > 0.0) PetscCall(LargestAngle(f, middle, &high));
    else low = middle;
  }
  *angle = PetscMax(high, 0.0);
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lowers the labels at both ends of the uncut facets of this rank until they agree. */
static PetscBool SpreadLabels(const BrenierFacets *f, PetscReal threshold, PetscInt first, const PetscInt place[],
                              PetscInt label[], PetscInt other[])
{
  PetscBool changed = PETSC_FALSE, again = PETSC_TRUE;

  while (again) {
    again = PETSC_FALSE;
    for (PetscInt k = 0; k < f->n; ++k) {
      PetscInt *const a = &label[f->pair[2 * (size_t)k] - first], *const b = &other[place[k]];

      if (f->angle[k] > threshold || *a == *b) continue;
      *a = *b = PetscMin(*a, *b);
      again = changed = PETSC_TRUE;
    }
  }
  return changed;
}

/* Labels of components: the lowest target of each. */
static PetscErrorCode LabelComponents(BrenierTargets t, const BrenierFacets *f, PetscReal threshold, PetscInt label[])
{
  PetscInt  n, *other, *place, *remote;
  PetscSF   sf;
  PetscBool changed = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(FindOthers(f, &n, &other, &place));
  PetscCall(PetscMalloc1(n, &remote));
  PetscCall(PetscSFCreate(t->comm, &sf));
  PetscCall(PetscSFSetGraphLayout(sf, t->layout, n, NULL, PETSC_OWN_POINTER, other));
  for (PetscInt i = 0; i < t->n_local; ++i) label[i] = t->first + i;
  while (changed) {
    PetscCall(PetscSFBcastBegin(sf, MPIU_INT, label, remote, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(sf, MPIU_INT, label, remote, MPI_REPLACE));
    changed = SpreadLabels(f, threshold, t->first, place, label, remote);
    PetscCall(PetscSFReduceBegin(sf, MPIU_INT, remote, label, MPI_MIN));
    PetscCall(PetscSFReduceEnd(sf, MPIU_INT, remote, label, MPI_MIN));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &changed, 1, MPIU_BOOL, MPI_LOR, t->comm));
  }
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscFree(remote));
  PetscCall(PetscFree(other));
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierFacetsModes(BrenierTargets t, const BrenierFacets *f, PetscReal threshold, PetscInt64 mode[],
                                  PetscInt64 *n_modes)
{
  PetscInt  *label;
  PetscInt64 n_here = 0, next;
  PetscReal *number, *fetched;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(t->n_local, &label, t->n_local, &number, t->n_local, &fetched));
  PetscCall(LabelComponents(t, f, threshold, label));
  for (PetscInt i = 0; i < t->n_local; ++i) n_here += label[i] == t->first + i;
  PetscCallMPI(MPI_Scan(&n_here, &next, 1, MPIU_INT64, MPI_SUM, t->comm));
  PetscCallMPI(MPI_Allreduce(&n_here, n_modes, 1, MPIU_INT64, MPI_SUM, t->comm));
  next -= n_here;
  // The lowest target of a mode knows its number, which is fetched from there as a real: exact below 2^53
  for (PetscInt i = 0; i < t->n_local; ++i) {
    number[i] = label[i] == t->first + i ? (PetscReal)next++ : 0.0;
    mode[i]   = label[i];
  }
  PetscCall(BrenierTargetsFetchRows(t, t->n_local, mode, 1, number, fetched));
  for (PetscInt i = 0; i < t->n_local; ++i) mode[i] = (PetscInt64)fetched[i];
  PetscCall(PetscFree3(label, number, fetched));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierFacetsDestroy(BrenierFacets *f)
{
  PetscFunctionBegin;
  PetscCall(PetscFree3(f->pair, f->angle, f->mass));
  PetscFunctionReturn(PETSC_SUCCESS);
}
