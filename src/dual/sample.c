/* sample.c - Implements sample.h. */
#include "sample.h"

#include <brenier/base.h>

/* Units of mass over all curves stay below 2^62. */
static const int brenier_total_mass_bits = 62;

static int MassBits(PetscInt64 n_curves)
{
  int bits = brenier_total_mass_bits;

  for (PetscInt64 c = 1; c < n_curves; c *= 2) --bits;
  return bits;
}

PetscErrorCode BrenierSampleGrow(BrenierSample *sample, BrenierCurveIndex n_curves)
{
  const PetscInt64  length = n_curves - sample->n_curves;
  BrenierSegment   *s      = &sample->segment[sample->n_segments];
  PetscMPIInt       rank, size;
  BrenierCurveIndex end;

  PetscFunctionBegin;
  PetscCheck(sample->n_segments < BRENIER_MAX_SEGMENTS, sample->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "The sample grew too often");
  PetscCallMPI(MPI_Comm_rank(sample->comm, &rank));
  PetscCallMPI(MPI_Comm_size(sample->comm, &size));
  s->begin = sample->n_curves;
  s->end   = n_curves;
  // 128-bit products: curves times ranks may pass 2^63
  s->first = s->begin + (PetscInt64)((__int128)length * rank / size);
  end      = s->begin + (PetscInt64)((__int128)length * (rank + 1) / size);
  s->local = sample->n_local;
  PetscCall(PetscIntCast(sample->n_local + (end - s->first), &sample->n_local));
  PetscCall(PetscRealloc((size_t)sample->n_local * sizeof *sample->square, &sample->square));
  ++sample->n_segments;
  sample->n_curves  = n_curves;
  sample->mass_bits = MassBits(n_curves);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSampleFree(BrenierSample *sample)
{
  PetscFunctionBegin;
  PetscCall(BrenierSourceDestroy(&sample->source));
  PetscCall(PetscFree(sample->square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First curve of batch b of a segment, b = 0 .. n_batches. Batches are independent: they consist of whole groups, where
   there are enough curves for that. */
static BrenierCurveIndex BatchStart(const BrenierSample *sample, const BrenierSegment *s, PetscInt b)
{
  const PetscInt64        group = BrenierSourceCurveGroup(sample->source);
  const BrenierCurveIndex start = s->begin + (PetscInt64)((__int128)(s->end - s->begin) * b / sample->n_batches);

  if (b == 0 || b == sample->n_batches || s->end - s->begin < group * sample->n_batches) return start;
  return PetscMax(start / group * group, s->begin);
}

void BrenierSampleBatch(const BrenierSample *sample, PetscInt b, PetscInt segment, PetscInt *from, PetscInt *to)
{
  const BrenierSegment *s     = &sample->segment[segment];
  const PetscInt        after = segment + 1 < sample->n_segments ? s[1].local : sample->n_local;

  *from = (PetscInt)PetscMin(s->local + PetscMax(BatchStart(sample, s, b) - s->first, 0), after);
  *to   = (PetscInt)PetscMin(s->local + PetscMax(BatchStart(sample, s, b + 1) - s->first, 0), after);
}

PetscInt64 BrenierSampleBatchSize(const BrenierSample *sample, PetscInt b)
{
  PetscInt64 size = 0;

  for (PetscInt s = 0; s < sample->n_segments; ++s)
    size += BatchStart(sample, &sample->segment[s], b + 1) - BatchStart(sample, &sample->segment[s], b);
  return size;
}

PetscErrorCode BrenierSampleSumBatch(const BrenierSample *sample, PetscInt b, const PetscReal x[], PetscReal *sum)
{
  PetscInt   n = 0, from, to;
  PetscReal *term;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(sample->n_local, &term));
  for (PetscInt s = 0; s < sample->n_segments; ++s) {
    BrenierSampleBatch(sample, b, s, &from, &to);
    for (PetscInt c = from; c < to; ++c) term[n++] = x[c];
  }
  PetscCall(BrenierExactSum(sample->comm, n, 1, term, sum));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierCurveIndex BrenierSampleIndex(const BrenierSample *sample, PetscInt c)
{
  const BrenierSegment *s = &sample->segment[sample->n_segments - 1];

  while (s->local > c) --s;
  return s->first + (c - s->local);
}

void BrenierSampleDraw(const BrenierSample *sample, PetscInt c, PetscReal z[], BrenierCurve *curve)
{
  curve->z1 = z;
  curve->z2 = z + BrenierSourceDim(sample->source);
  BrenierSourceDrawCurve(sample->source, sample->seed, sample->stream, BrenierSampleIndex(sample, c), curve);
}

void BrenierSampleFirstDraw(BrenierSample *sample, PetscInt c, PetscReal z[], BrenierCurve *curve)
{
  BrenierSampleDraw(sample, c, z, curve);
  sample->square[c] = BrenierCurveSecondMoment(sample->source, curve);
}
