/*
  source_impl.h - Private to src/data: what a source file supplies, and what a source is.

  A file src/data/source_NAME.c defines `const BrenierSourceLaw brenier_source_NAME`. All that is not there is the same
  for all sources and stands in source.c.
*/
#pragma once

#include <brenier/source.h>

#include "affine.h"
#include "mixture.h"

/* The law of a source. Functions are pure, as in source.h. */
typedef struct {
  BrenierCurveType   curve;   /* the family in two dimensions and more */
  BrenierLineMeasure measure; /* of t on chords and on the line */
  PetscReal
      line; /* s of the line s t, in scales; 0 where the law in one dimension, reduced or not, is no such line's */
  BrenierSymmetry symmetry;
  PetscBool       has_scale; /* whether there is a factor of lengths to choose */
  PetscInt        least_dim;
  PetscInt        group;   /* curves k group to (k + 1) group - 1 are drawn together; 0: each by itself */
  const char     *refusal; /* why fewer dimensions are refused, to end a sentence */

  /* Sequences 2 index and 2 index + 1 of the stream are the curve's, 3 2^62 + k those of group k. Not called for the
     line. */
  void (*draw_curve)(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve);
  /* Sequence `index` of the stream is the point's. */
  void (*draw_point)(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[]);
  PetscReal (*second_moment)(BrenierSource source);
  BrenierExactLaw (*exact)(BrenierSource source);           /* NULL: none */
  BrenierCoordinateLaw (*coordinate)(BrenierSource source); /* where that is BRENIER_EXACT_ARC */
  PetscReal (*reach)(BrenierSource source);                 /* NULL: that of normal numbers */
  PetscBool has_mixture;                                    /* whether it is of components */
  PetscBool has_dof;                                        /* whether there are degrees of freedom to choose */
} BrenierSourceLaw;

#define BRENIER_SOURCE(name) extern const BrenierSourceLaw brenier_source_##name;
#include "source_list.h"
#undef BRENIER_SOURCE

struct _p_BrenierSource {
  const BrenierSourceLaw *law;
  const char             *name;
  PetscInt                dim;     /* that are seen */
  PetscInt                ambient; /* of the whole source; dim unless it was reduced */
  PetscReal               scale, dof;
  BrenierAffine          *affine;       /* x = m + L z, z of the law; NULL for x = z */
  BrenierMixture         *mixture;      /* components of a mixture of several; else NULL */
  PetscReal               whole_moment; /* of the source that this is the standard of; 0: none */
  PetscInt                owners;
};

/* No normal number exceeds this: they come from 53 random bits. */
#define BRENIER_FARTHEST 16.0

/* One uniform number of a curve or point, beside those of its own sequences: of sequence 2^63 + index. */
PetscReal BrenierSourceUniform_Private(PetscInt64 seed, uint32_t stream, PetscInt64 index);

/* Multiplies a vector by a radius. */
void BrenierSourceScale_Private(size_t dim, PetscReal factor, PetscReal x[]);

/* Adds a law of that name; both stay the caller's and must last. Returns false when there is a source of that name, or
   no room for one more. */
PetscBool BrenierSourceRegister_Private(const char name[], const BrenierSourceLaw *law);

/* The circle of radius 1 and the point with |x| = 1 in R^ambient of which dim coordinates are seen: source_sphere.c. */
void BrenierSphereDrawCurve_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                    BrenierCurve *curve);
void BrenierSphereDrawPoint_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                    PetscReal x[]);

/* The same of the ball |x| <= 1: source_ball.c. */
void BrenierBallDrawCurve_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                  BrenierCurve *curve);
void BrenierBallDrawPoint_Private(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index,
                                  PetscReal x[]);
