/*
  dual_private.h - What a dual is made of.

  Files of this folder take the part they are about (a sample, its curves, ...); the whole dual goes to those that
  connect parts: a scan's sinks, certificates, the evaluation, snapshots.
*/
#pragma once

#include <brenier/base.h>
#include <brenier/dual.h>
#include "candidates.h"
#include "curve.h"
#include "halo.h"
#include "masses.h"
#include "pieces.h"
#include "sample.h"

/* How far heights may move before lists have to be looked at. Heights are normalised, arrays of shape [targets
   here]. */
typedef struct {
  PetscBool  is_kept;     /* whether there are lists at all */
  PetscBool  skips_check; /* lists are walked without asking for their certificates */
  PetscBool  changed;     /* slack or sample changed since the last evaluation */
  PetscReal *width;       /* how far each height may move */
  PetscReal *upper;       /* heights up to which the lists hold, gauged */
  PetscReal  shift;       /* sum nu h at the last evaluation */
} BrenierSkin;

/* What BrenierDualTakeSnapshot() noted beside the lists: the sample as it was. */
typedef struct {
  PetscInt        n_segments, n_local; /* n_segments = 0: nothing is noted */
  PetscReal      *upper;               /* as in BrenierSkin; NULL without lists */
  BrenierDualWork work;
} BrenierSnapshot;

struct _p_BrenierDual {
  /* parameters */
  MPI_Comm       comm;
  BrenierTargets targets; /* borrowed */
  PetscBool      verify;
  PetscBool      repeats; /* curves that are scanned were counted before */
  /* data */
  BrenierSample     sample;     /* which curves there are, and which of them this rank has */
  BrenierCurves     curves;     /* their family */
  BrenierCandidates candidates; /* lists of all local curves, and a saved generation */
  BrenierSkin       skin;       /* what the lists are good for */
  BrenierSnapshot   snapshot;
  /* data: the last evaluation */
  BrenierPieces pieces; /* envelopes of all local curves */
  BrenierHalo   halo;   /* targets that local curves touch, and their heights */
  BrenierMasses masses; /* by batch */
  /* status */
  BrenierDualWork work;
};

/* Heights, or slacks, in units of the normalised targets: done once, where they come in; shape [targets here]. Not
   collective. */
PetscErrorCode BrenierHeightsNormalise(BrenierTargets targets, Vec height, PetscReal h[]);
