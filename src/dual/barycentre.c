/*
  barycentre.c - Centres of mass of the cells.

  On a piece of a circle the moment is  int x = z1 int cos + z2 int sin;  on one of a chord it is z (e - s) across the axis and
  int t along it. Both are integrals of planes (envelope.h), with a, b, h one of them 1 and the others 0. Moments are
  summed as integers, so they do not depend on the order.
*/
#include "dual_private.h"

#include <math.h>

/* Bytes of moments at once on a rank. */
static const size_t brenier_moment_bytes = (size_t)128 << 20;

/* Coordinate k of the moment of a piece whose first and second basis function integrate to `first` and `second`. */
static PetscReal Moment(BrenierDual dual, const BrenierCurve *curve, PetscInt k, PetscReal first, PetscReal second)
{
  switch (dual->curve_type) {
  case BRENIER_CURVE_CIRCLE:
    return first * curve->z1[k] + second * curve->z2[k];
  case BRENIER_CURVE_CHORD:
    return k == curve->axis ? second : first * curve->z1[k];
  default:
    return curve->z1[0] * second;
  }
}

static PetscReal Integral(BrenierDual dual, PetscReal a, PetscReal b, PetscReal s, PetscReal e)
{
  return dual->curve_type == BRENIER_CURVE_CIRCLE ? BrenierCircleIntegral(a, b, 0.0, s, e)
                                                  : BrenierLineIntegral(dual->measure, a, b, 0.0, s, e);
}

/* Adds the moments of local curve c along axes [first, first + count) to its leaves, shape [n_leaves, count]. */
static void AddMoments(BrenierDual dual, PetscInt c, PetscInt first, PetscInt count, PetscReal unit, PetscReal z[],
                       PetscInt64 moment[])
{
  BrenierCurve curve;

  BrenierDualDraw_Private(dual, c, z, &curve);
  for (PetscInt64 p = dual->pieces.offset[c]; p < dual->pieces.offset[c + 1]; ++p) {
    const PetscReal s = dual->pieces.start[p], e = BrenierDualPieceEnd_Private(dual, c, p);
    const PetscReal one = Integral(dual, 1.0, 0.0, s, e), two = Integral(dual, 0.0, 1.0, s, e);
    PetscInt64     *sum = moment + (size_t)dual->pieces.target[p] * count;

    for (PetscInt k = 0; k < count; ++k) sum[k] += llrint(Moment(dual, &curve, first + k, one, two) / unit);
  }
}

/* Moments in units become barycentres; cells without mass have none. */
static void DivideByMass(BrenierDual dual, PetscInt k, const PetscInt64 moment[], PetscReal unit,
                         PetscReal barycentre[])
{
  const PetscInt  n = dual->targets->n_local, dim = dual->targets->dim;
  const PetscReal one = ldexp(1.0, dual->mass_bits);

  for (PetscInt i = 0; i < n; ++i) {
    PetscInt64 mass = 0;

    for (PetscInt b = 0; b < dual->n_batches; ++b) mass += dual->mass_units[(size_t)b * n + i];
    barycentre[(size_t)i * dim + k] = mass > 0 ? (PetscReal)moment[i] * unit * one / (PetscReal)mass : NAN;
  }
}

PetscErrorCode BrenierDualBarycentres(BrenierDual dual, PetscReal barycentre[])
{
  const PetscInt dim     = dual->targets->dim;
  PetscInt       at_once = (PetscInt)(brenier_moment_bytes / (sizeof(PetscInt64) * ((size_t)dual->n_leaves + 1)));
  PetscInt64    *moment, *axis, *whole;
  PetscReal     *z, unit;
  int            exponent;

  PetscFunctionBegin;
  // The sum of all curves stays below 2^62 units
  (void)frexp(BrenierSourceReach(dual->source) * (PetscReal)dual->n_curves, &exponent);
  unit    = ldexp(1.0, exponent - 62);
  at_once = PetscMin(PetscMax(at_once, 1), dim);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &at_once, 1, MPIU_INT, MPI_MIN, dual->comm));
  PetscCall(PetscMalloc4((size_t)at_once * dual->n_leaves, &moment, dual->n_leaves, &axis, dual->targets->n_local,
                         &whole, 2 * (size_t)dim, &z));
  for (PetscInt first = 0; first < dim; first += at_once) {
    const PetscInt count = PetscMin(at_once, dim - first);

    PetscCall(PetscArrayzero(moment, (size_t)count * dual->n_leaves));
    for (PetscInt c = 0; c < dual->n_local; ++c) AddMoments(dual, c, first, count, unit, z, moment);
    for (PetscInt k = 0; k < count; ++k) {
      for (PetscInt i = 0; i < dual->n_leaves; ++i) axis[i] = moment[(size_t)i * count + k];
      PetscCall(PetscArrayzero(whole, dual->targets->n_local));
      PetscCall(PetscSFReduceBegin(dual->sf, MPIU_INT64, axis, whole, MPI_SUM));
      PetscCall(PetscSFReduceEnd(dual->sf, MPIU_INT64, axis, whole, MPI_SUM));
      DivideByMass(dual, first + k, whole, unit, barycentre);
    }
  }
  PetscCall(PetscFree4(moment, axis, whole, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}
