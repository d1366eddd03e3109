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

/* How far heights may move before lists become invalid. Heights are normalised, arrays of shape [targets here]. */
typedef struct {
  PetscBool  is_kept;     /* whether there are lists at all */
  PetscBool  skips_check; /* evaluations are lazy: certificates.c */
  PetscBool  holds_gauge; /* heights are compared as given, not less their mean */
  PetscBool  changed;     /* skins or sample changed since the last evaluation */
  PetscReal *width;       /* how far each height may move */
  PetscReal *upper;       /* upper heights of the lists, gauged */
  PetscReal  shift;       /* sum nu h at the last evaluation, or 0: see holds_gauge */
} BrenierSkin;

/* What BrenierDualTakeSnapshot() saved beside the lists. */
typedef struct {
  PetscInt        n_segments, n_local; /* n_segments = 0: no snapshot */
  PetscReal      *upper;               /* as in BrenierSkin; NULL without lists */
  BrenierDualWork work;
} BrenierSnapshot;

struct _p_BrenierDual {
  /* parameters */
  MPI_Comm         comm;
  BrenierTargets   targets; /* borrowed */
  PetscBool        verify;
  BrenierScanCache cache; /* borrowed, unless owns_cache */
  PetscBool        owns_cache;
  PetscBool        repeats; /* scanned curves were counted by the run that this one continues */
  /* data */
  BrenierSample     sample;     /* which curves there are, and which of them this rank has */
  BrenierCurves     curves;     /* their family */
  BrenierCandidates candidates; /* lists of all local curves, and a saved generation */
  BrenierSkin       skin;       /* when the lists are complete */
  BrenierSnapshot   snapshot;
  /* data: the last evaluation */
  BrenierPieces pieces; /* envelopes of all local curves */
  BrenierHalo   halo;   /* targets that local curves touch, and their heights */
  BrenierMasses masses; /* by batch */
  /* status */
  BrenierDualWork work;
};

/* Heights or skins in units of the normalised targets, shape [targets here]. Called once, where they enter the dual.
   Not collective. */
PetscErrorCode BrenierHeightsNormalise(BrenierTargets targets, Vec height, PetscReal h[]);
