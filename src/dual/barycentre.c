/*
  barycentre.c - Barycentres of the cells: exact moments of the pieces, summed over the curves.

    circle   int x = z1 int cos t dt + z2 int sin t dt over the piece
    chord    int x_k = int t dt along its axis k, and z_i (e - s) for the other coordinates i

  Both are integrals of planes (envelope.h), with one of a, b, h equal to 1 and the others 0. Moments are summed as
  integers, so they do not depend on the order.
*/
#include "dual_private.h"

#include <brenier/dot.h>

#include <math.h>

/* Bytes of moments at once on a rank. */
static const size_t brenier_moment_bytes = (size_t)128 << 20;

/* Axes [first, first + count) of the moments, summed in units. */
typedef struct {
  PetscInt  first, count;
  PetscReal unit;
} Axes;

/* Adds the moments of local curve c along some axes to its ghosts, shape [ghosts, count]. z: shape [3 dim], for the
   vectors of the curve and the moment of a piece. */
static void AddMoments(BrenierDual dual, PetscInt c, const Axes *axes, PetscReal z[], PetscInt64 moment[])
{
  const BrenierCurves *curves   = &dual->curves;
  const BrenierPieces *pieces   = &dual->pieces;
  const BrenierPlane   unit[3]  = {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
  PetscReal           *of_piece = z + 2 * (size_t)dual->targets->dim;
  BrenierCurve         curve;
  BrenierSpan          piece = BrenierCurvesSpanAt(curves, pieces->start[pieces->offset[c]]);

  BrenierSampleDraw(&dual->sample, c, z, &curve);
  for (PetscInt64 p = pieces->offset[c]; p < pieces->offset[c + 1]; ++p) {
    PetscInt64 *sum = moment + (size_t)pieces->ghost[p] * axes->count;
    PetscReal   integral[3];

    BrenierCurvesNextSpan(curves, BrenierPieceEnd(pieces, curves, c, p), &piece);
    for (int i = 0; i < 3; ++i) integral[i] = BrenierCurvesIntegral(curves, &unit[i], &piece);
    curves->family->moment(&curve, axes->first, axes->count, integral, of_piece);
    BrenierAddRounded((size_t)axes->count, 1.0 / axes->unit, of_piece, sum);
  }
}

/* Moments in units along axis k become barycentres; cells without mass have none. */
static void DivideByMass(BrenierDual dual, PetscInt k, const PetscInt64 moment[], PetscReal unit,
                         const BrenierMutablePoints *barycentre)
{
  const PetscInt  n   = dual->targets->n_local;
  const PetscReal one = ldexp(1.0, dual->sample.mass_bits);

  for (BrenierLocal i = 0; i < n; ++i) {
    const PetscInt64 mass = BrenierMassesOf(&dual->masses, dual->sample.n_batches, n, i);

    BrenierPointsSet(barycentre, i, k, mass > 0 ? (PetscReal)moment[i] * unit * one / (PetscReal)mass : NAN);
  }
}

PetscErrorCode BrenierDualBarycentres(BrenierDual dual, const BrenierMutablePoints *barycentre)
{
  const PetscInt dim = dual->targets->dim, n = dual->targets->n_local, n_ghosts = dual->halo.n;
  PetscInt       at_once = (PetscInt)(brenier_moment_bytes / (sizeof(PetscInt64) * ((size_t)n_ghosts + 1)));
  Axes           axes;
  PetscInt64    *moment, *axis, *whole;
  PetscReal     *z;
  int            exponent;

  PetscFunctionBegin;
  // The sum of all curves stays below 2^62 units
  (void)frexp(BrenierSourceReach(dual->sample.source) * (PetscReal)dual->sample.n_curves, &exponent);
  axes.unit = ldexp(1.0, exponent - 62); // a power of two, as its inverse
  at_once   = PetscMin(PetscMax(at_once, 1), dim);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &at_once, 1, MPIU_INT, MPI_MIN, dual->comm));
  PetscCall(PetscMalloc4((size_t)at_once * n_ghosts, &moment, n_ghosts, &axis, n, &whole, 3 * (size_t)dim, &z));
  for (axes.first = 0; axes.first < dim; axes.first += at_once) {
    axes.count = PetscMin(at_once, dim - axes.first);
    PetscCall(PetscArrayzero(moment, (size_t)axes.count * n_ghosts));
    for (PetscInt c = 0; c < dual->sample.n_local; ++c) AddMoments(dual, c, &axes, z, moment);
    for (PetscInt k = 0; k < axes.count; ++k) {
      for (BrenierGhost i = 0; i < n_ghosts; ++i) axis[i] = moment[(size_t)i * axes.count + k];
      PetscCall(PetscArrayzero(whole, n));
      PetscCall(BrenierHaloAdd(&dual->halo, axis, whole));
      DivideByMass(dual, axes.first + k, whole, axes.unit, barycentre);
    }
  }
  PetscCall(PetscFree4(moment, axis, whole, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}
