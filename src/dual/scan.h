/*
  scan.h - A scan of the curves of this rank with the targets of all ranks; the survivors of the filter go to a sink.

  The sink gives planes below u before the scan, and gets the survivors of each curve. Pieces, new lists and additions
  to lists are three sinks (sinks.h).
*/
#pragma once

#include <brenier/envelope.h>
#include <brenier/targets.h>
#include "blocks.h"
#include "curve.h"
#include "sample.h"
#include "survivors.h"

/* n planes along a curve. */
typedef struct {
  PetscInt         n;
  const PetscReal *a, *b, *h;
} BrenierPlanes;

/* The curves and targets of a scan. Arrays are borrowed. */
typedef struct {
  const char          *what; /* in the line of progress */
  BrenierTargets       targets;
  BrenierScanCache     cache;  /* of these targets */
  BrenierSample       *sample; /* gets the mean |x|^2 of the curves */
  const BrenierCurves *curves;
  PetscInt             n_curves;
  const PetscInt      *curve;   /* local curves, shape [n_curves] */
  PetscBool            chooses; /* some targets of each rank are scanned, not all */
  PetscInt             n_targets;
  const BrenierLocal  *target; /* those chosen of this rank, shape [n_targets], ascending */
  const PetscReal     *lower;  /* heights at which targets bound u from below, normalised; shape [targets here] */
  const PetscReal     *upper;  /* heights at which they are tested; at least lower */
} BrenierScanInput;

/*
  A sink: what a scan starts from, and what gets its results.

  below  - gives planes that lie below u along curve c, from which its bounds start; valid until the thread's next call
  finish - prepares the survivors of curve c, exact and by ascending target, for `enter`; the envelope is for both
  enter  - stores the survivors; curves come in the order of the scan
  end    - called after each chunk of curves; *enough ends the scan; collective

  Threads call the first two at once, for different curves, with scratch of their own; these return -1 when memory is
  out. One thread calls the other two. Those that are NULL are left out, but for `enter`.
*/
typedef struct {
  void     *context;
  PetscBool thins;   /* lists are thinned during the scan: not where few survivors are expected */
  PetscBool refines; /* they are thinned once more at the end */
  int (*below)(const void *context, PetscInt c, BrenierScratch *scratch, BrenierPlanes *planes);
  int (*finish)(void *context, PetscInt c, BrenierScratch *scratch, BrenierSurvivors *list, BrenierEnvelope *envelope);
  PetscErrorCode (*enter)(void *context, PetscInt c, BrenierScratch *scratch, const BrenierSurvivors *list,
                          const BrenierEnvelope *envelope);
  PetscErrorCode (*end)(void *context, PetscBool *enough);
} BrenierScanSink;

/* Work of a scan on this rank. */
typedef struct {
  PetscBool      enough;   /* the sink wanted no more; the same on all ranks */
  PetscInt64     n_visits; /* pairs that passed the filter */
  PetscLogDouble flops, ring_bytes, seconds;
} BrenierScanWork;

/*
  BrenierScan - Scans curves with targets, chunk by chunk of curves, block by block of targets

  Collective. The sink's results do not depend on ranks and threads. Targets that are all of them stay packed in
  the cache for the next scan, as blocks.h says.

  Errors: `BRENIER_STOPPED` - a stop was asked for before a chunk; *work holds what was done.
*/
PetscErrorCode BrenierScan(const BrenierScanInput *input, const BrenierScanSink *sink, BrenierScanWork *work);

/* Curves, times the threads, whose envelopes are walked at once before they are entered one after the other. */
enum { BRENIER_ENVELOPES_AT_ONCE = 16 };
