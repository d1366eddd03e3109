/*
  sample.h - Which curves there are, which of them this rank has, and which batch each belongs to.

  A sample grows by segments. Each segment is split over the ranks in contiguous ranges, and over the batches by the
  same fractions, so that a curve stays where it is when the sample grows.
*/
#pragma once

#include <brenier/index.h>
#include <brenier/source.h>

enum { BRENIER_MAX_SEGMENTS = 64 };

/* Curves that were added together. */
typedef struct {
  BrenierCurveIndex begin, end;
  BrenierCurveIndex first; /* of this rank */
  PetscInt          local; /* its local number */
} BrenierSegment;

typedef struct {
  /* parameters */
  MPI_Comm      comm;
  BrenierSource source; /* a reference */
  PetscInt64    seed;
  uint32_t      stream;
  PetscInt      n_batches;
  /* layout */
  BrenierCurveIndex n_curves;  /* over all ranks */
  PetscInt          n_local;   /* on this rank */
  int               mass_bits; /* a whole curve is 2^mass_bits units of mass */
  BrenierSegment    segment[BRENIER_MAX_SEGMENTS];
  PetscInt          n_segments;
  /* data */
  PetscReal *square; /* mean |x|^2 along each local curve, once it was drawn; shape [n_local] */
} BrenierSample;

/* Appends curves until there are n_curves. Collective: each rank gets its share of them. O(1) beside the array. */
PetscErrorCode BrenierSampleGrow(BrenierSample *sample, BrenierCurveIndex n_curves);
PetscErrorCode BrenierSampleFree(BrenierSample *sample);

/* This rank's part [from, to) of batch b in one segment, in local curves, and the size of the batch over all ranks.
   Not collective. */
void       BrenierSampleBatch(const BrenierSample *sample, PetscInt b, PetscInt segment, PetscInt *from, PetscInt *to);
PetscInt64 BrenierSampleBatchSize(const BrenierSample *sample, PetscInt b);

/* Sum over batch b of x, shape [n_local], the same for any number of ranks. Collective. */
PetscErrorCode BrenierSampleSumBatch(const BrenierSample *sample, PetscInt b, const PetscReal x[], PetscReal *sum);

/* What names local curve c in the stream. Not collective. O(segments). */
BrenierCurveIndex BrenierSampleIndex(const BrenierSample *sample, PetscInt c);

/* Draws local curve c into z, shape [2 dim]: z1 at z[0], z2 at z[dim]. Not collective; threads may call it at once. */
void BrenierSampleDraw(const BrenierSample *sample, PetscInt c, PetscReal z[], BrenierCurve *curve);

/* Draws it and notes its mean |x|^2. Threads may call it at once for different curves. */
void BrenierSampleFirstDraw(BrenierSample *sample, PetscInt c, PetscReal z[], BrenierCurve *curve);
