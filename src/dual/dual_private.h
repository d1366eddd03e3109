/* dual_private.h - What the files of the dual share. */
#pragma once

#include <brenier/base.h>
#include <brenier/dual.h>
#include <petscsf.h>

/* Pieces of all local curves, one after the other. */
typedef struct {
  PetscInt64 *offset; /* curve c has pieces offset[c] to offset[c + 1] - 1; shape [n_local + 1] */
  PetscInt64  n, capacity;
  PetscInt   *target; /* global target; after the evaluation its leaf */
  PetscReal  *a, *b;  /* the plane along the curve, normalised targets */
  PetscReal  *start;
} BrenierPieces;

struct _p_BrenierDual {
  /* parameters */
  MPI_Comm           comm;
  BrenierTargets     targets; /* borrowed */
  BrenierSource      source;
  BrenierCurveType   curve_type;
  BrenierLineMeasure measure;
  PetscInt64         seed, n_curves;
  uint32_t           stream;
  PetscInt           n_batches;
  int                mass_bits; /* a whole curve is 2^mass_bits units of mass */
  /* layout */
  PetscInt64 first_curve;
  PetscInt   n_local;    /* curves on this rank */
  PetscInt   n_chunks;   /* the same on all ranks */
  PetscInt   chunk_size; /* curves a chunk holds at most */
  /* data: the last evaluation */
  BrenierPieces pieces;
  PetscInt      n_leaves;    /* different targets that own pieces here */
  PetscInt     *leaf_target; /* their global indices, ascending */
  PetscReal    *leaf_height; /* normalised */
  PetscSF       sf;          /* leaves to targets; NULL before the first evaluation */
  PetscInt64   *mass_units;  /* shape [n_batches, n targets here] */
  PetscReal    *batch_mass;  /* the same as shares */
  PetscReal    *potential;   /* int u along each local curve, normalised; shape [n_local] */
  PetscReal    *square;      /* mean |x|^2 along each local curve */
  /* status */
  BrenierDualWork work;
};

/* First curve of batch b, b = 0 .. n_batches. */
PetscInt64 BrenierDualBatchStart_Private(BrenierDual dual, PetscInt b);

/* Draws local curve c into z: z1 at z[0], z2 at z[dim]. */
void BrenierDualDraw_Private(BrenierDual dual, PetscInt c, PetscReal z[], BrenierCurve *curve);

/* Plane of a normalised target along a curve. */
void BrenierDualPlane_Private(BrenierDual dual, const BrenierCurve *curve, const PetscReal y[], PetscReal *a,
                              PetscReal *b);

/* Share of the curve's measure before t. */
PetscReal BrenierDualShare_Private(BrenierDual dual, PetscReal t);

/* End of piece p of local curve c. */
PetscReal BrenierDualPieceEnd_Private(BrenierDual dual, PetscInt c, PetscInt64 p);

/* Adds the envelope of the planes listed (targets global) as the pieces of the next local curve. */
PetscErrorCode BrenierPiecesAppend_Private(BrenierPieces *pieces, const BrenierEnvelope *envelope,
                                           const PetscInt target[], const PetscReal a[], const PetscReal b[]);
PetscErrorCode BrenierPiecesFree_Private(BrenierPieces *pieces);

/* Scans all curves: replaces dual->pieces (targets global) and dual->potential. h: normalised heights of the local targets. In scan.c. */
PetscErrorCode BrenierDualScan_Private(BrenierDual dual, const PetscReal h[]);

/* Finds the different targets of the pieces, renumbers the pieces' targets by them, and builds the star forest. */
PetscErrorCode BrenierDualBuildLeaves_Private(BrenierDual dual);
