/*
  dual.h - The sampled dual: energy, cell masses and Hessian at given heights, on a fixed set of random curves.

  E_C(h) = mean over C curves of int u along the curve - sum nu_i h_i, u(x) = max_i <x,y_i> + h_i. Along a curve u is an
  upper envelope of n functions of one variable, known exactly, so E_C is convex and once continuously differentiable:
    gradient_i = mass_i - nu_i,          mass_i = mean share of the curve that lies in cell i;
    hessian_ij = - mean over crossings from cell i to j of  density / |difference of derivatives|,  zero row sums.
  Gradient and Hessian are those of E_C itself, not separate estimates.

  Curves are split over the ranks; targets travel round a ring of ranks; every rank meets every curve of its own with
  every target by a certified filter (tile.h) and walks the exact envelope of what is left (envelope.h). Masses are
  summed as integers and energies by order-independent sums: bitwise the same for any number of ranks.
*/
#pragma once

#include <petscmat.h>
#include <brenier/index.h>
#include <brenier/source.h>
#include <brenier/store.h>
#include <brenier/targets.h>

typedef struct _p_BrenierDual *BrenierDual;

/* What one evaluation says besides the masses. */
typedef struct {
  PetscReal energy; /* E_C(h), in the units of the targets */
  PetscReal
      /* estimate of the sampling part of chi2: sum of Var(mass_i) / nu_i; 0 without at least 2 batches */
             sampling_chi2;
  PetscReal  sampling_l1; /* the same for L1: sum of the deviations of the masses */
  PetscInt64 n_pieces;    /* over all curves */
  PetscInt64 n_empty;     /* cells without mass */
} BrenierDualValue;

/* Work done since the dual was made, on this rank. */
typedef struct {
  PetscInt64     n_evaluations;
  PetscInt64     n_visits;               /* pairs that passed the filter */
  PetscInt64     n_scanned;              /* curves that met all targets, one counted as often as it did */
  PetscInt64     n_rescanned;            /* targets of this rank that met all curves for having risen too far */
  PetscInt64     n_fresh;                /* candidates that full scans found on curves without a list */
  PetscInt64     n_candidates, n_pieces; /* in the lists and on the envelopes at present */
  PetscLogDouble flops;                  /* of the scans: 2 dim per pair and curve vector */
  PetscLogDouble ring_bytes; /* of targets, sent to other nodes; what a node does not keep, to other ranks */
  PetscLogDouble scan_seconds, envelope_seconds;
} BrenierDualWork;

/*@
  BrenierDualCreate - Prepares the sampled dual

  Collective on the targets' communicator

  Input Parameters:
+ targets   - the targets; borrowed, must outlive the dual
. source    - the source; copied
. seed      - with `stream` names the sample
. stream    - a `BrenierStream`
. n_curves  - size C of the sample, at least 1; lowered to `BrenierSourceMaxCurves()`
- n_batches - parts of the sample whose masses are kept apart, for error estimates; 1 to C, lowered to C

  Output Parameter:
. dual - free with `BrenierDualDestroy()`
@*/
PETSC_EXTERN PetscErrorCode BrenierDualCreate(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                              uint32_t stream, PetscInt64 n_curves, PetscInt n_batches,
                                              BrenierDual *dual);

/*@
  BrenierDualEvaluate - Scans all curves at heights h

  Collective on the dual

  Input Parameters:
+ dual - the dual; keeps the pieces found until the next evaluation
- h    - heights, finite, laid out as the targets, in their units

  Output Parameters:
+ mass  - cell masses, same layout, summing to 1
- value - energy and counts, the same on all ranks

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h) before a chunk of at most 4,096 curves a rank met the
  targets. The dual can then only be saved as it was marked, or destroyed.

  Notes: 4 n dim C flops for circles, 2 n dim C for chords, over all ranks; memory some 30 bytes a piece kept, some 17
  pieces a circle, on top of one chunk of curves and two blocks of targets. The pieces of the last evaluation bound u
  from below in the next, which makes it faster the closer the heights.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualEvaluate(BrenierDual dual, Vec h, Vec mass, BrenierDualValue *value);

/*@
  BrenierDualSetSkin - Keeps candidate lists between evaluations, for heights that move by no more than their slack

  Collective on the dual

  Input Parameters:
+ dual  - the dual
- width - how far each height may move, at least 0; laid out as the targets, in the units of their heights

  Notes: an evaluation then scans only curves that are new or on which a piece fell further than its slack, and targets
  that rose further; the rest it walks. Results stay the same to the bit. Larger slacks make longer lists: 28 bytes a
  candidate. May be set again, which holds for curves scanned and targets moved from then on. Without effect in one
  dimension.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSetSkin(BrenierDual dual, Vec width);

/*
  BrenierDualMissing - How much the energy of the last evaluation is below that of the sample at most, by lists that
  were trusted

  Collective on the dual, evaluated by lists

  Notes: on each curve the planes that are not listed lie below the envelope l of its anchors at low, and the list holds
  these anchors; so where l is the plane of one that fell below its low, u is below what it should be by no more than
  that. An envelope of the anchors of each curve on which one fell.
*/
PETSC_EXTERN PetscErrorCode BrenierDualMissing(BrenierDual dual, PetscReal *missing);

/* Whether lists are kept. Not collective. */
PETSC_EXTERN PetscBool BrenierDualHasLists(BrenierDual dual);

/*@
  BrenierDualSkipListCheck - Whether evaluations walk the lists of curves without asking for their certificates

  Collective on the dual

  Notes: trusted lists give the energy, masses and Hessian of u without the planes that are not listed, convex and exact
  for what they are; few pieces are missing after steps of a few slacks. New curves are scanned all the same. An
  evaluation without trust, the default, mends every list that needs it and misses nothing.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSkipListCheck(BrenierDual dual, PetscBool skip);

/* Whether the next evaluations are made again, by a run that continues another: curves that they scan are not counted
   twice. Collective on the dual. */
PETSC_EXTERN PetscErrorCode BrenierDualRepeats(BrenierDual dual, PetscBool repeating);

/*@
  BrenierDualGrow - Enlarges the sample; the curves it has stay, and stay where they are

  Collective on the dual

  Input Parameters:
+ dual     - the dual
- n_curves - new size; the sample never shrinks. A sample can grow 63 times

  Notes: curve k is the same whether a sample was made at once or grew. Batches take the same part of each growth.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGrow(BrenierDual dual, PetscInt64 n_curves);

/*@
  BrenierDualTakeSnapshot - Notes the sample and its lists as they are, for BrenierDualSave()

  Collective on the dual, evaluated

  Notes: replaces the mark before. 12 bytes a curve and 8 a target, and what lists change later stays in memory beside
  what they were, so that an evaluation that is abandoned loses nothing.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualTakeSnapshot(BrenierDual dual);

/* Bytes that BrenierDualSave() writes, about. Collective on the dual, marked. */
PETSC_EXTERN PetscErrorCode BrenierDualSaveBytes(BrenierDual dual, PetscInt64 *bytes);

/*@
  BrenierDualSave - Writes what was marked into the group /sample of a file

  Collective on the dual, marked

  Notes: lists in the order of the sample, so that any number of ranks can read them: 8 bytes a candidate.
  Errors: as `BrenierStoreWriteRows()`
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSave(BrenierDual dual, BrenierStore store);

/*@
  BrenierDualLoad - Makes the dual that was saved

  Collective on the targets' communicator

  Input Parameters:
+ targets, source, seed, stream, n_batches - as for `BrenierDualCreate()`, those of the dual that was saved
. width - its slacks; NULL when it kept no lists
- store - the file

  Output Parameter:
. dual - to be evaluated once at the heights of the mark, its lists trusted: it then is what it was, whatever the number
         of ranks; the caller destroys it

  Errors: as `BrenierStoreReadRows()`; `PETSC_ERR_FILE_UNEXPECTED` - lists that are not lists of these targets
@*/
PETSC_EXTERN PetscErrorCode BrenierDualLoad(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                            uint32_t stream, PetscInt n_batches, Vec width, BrenierStore store,
                                            BrenierDual *dual);

/* For debugging: every evaluation by lists that are not just trusted is compared with one by a full scan; a difference
   is an error (a bug). Collective. */
PETSC_EXTERN PetscErrorCode BrenierDualSetVerify(BrenierDual dual, PetscBool verify);

/*@
  BrenierDualHessian - Assembles the Hessian at the heights of the last evaluation

  Collective on the dual

  Input Parameters:
+ dual   - the dual
- stride - 1 for the Hessian of the sample; k for that of every k-th of its curves, an estimate of it

  Output Parameter:
. hessian - MATAIJ laid out as the targets, constants attached as its null space; the caller destroys it

  Notes: rows of empty cells are zero. Some 200 bytes a piece of the curves used while it is made.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualHessian(BrenierDual dual, PetscInt64 stride, Mat *hessian);

/*@
  BrenierDualHeightScale - What height changes a mass by its own size, typically

  Collective on the dual, evaluated

  Output Parameter:
. height_scale - geometric mean over the pieces, weighted by their mass, of mass over what their ends add to the
           Hessian; in the units of the heights; 0 when no piece has an end

  Notes: the mean over pieces, not cells, does not depend on the size of the sample.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualHeightScale(BrenierDual dual, PetscReal *height_scale);

/*@
  BrenierDualBarycentres - Centres of mass of the cells, from the pieces of the last evaluation: exact moments of arcs
  and chords

  Collective on the dual, evaluated

  Output Parameter:
. barycentre - points of the source's space, shape [n targets here, dim]; NaN for cells without mass

  Notes: minus the gradient of the true height function at a target. Draws the curves again, scans nothing; sums of
  integers, bitwise the same for any number of ranks. 8 bytes an axis and cell met, a few axes at once so that it takes
  some 128 MB.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualBarycentres(BrenierDual dual, PetscReal barycentre[]);

/* Size of the sample. Not collective. */
PETSC_EXTERN PetscInt64 BrenierDualCurves(BrenierDual dual);

/*@
  BrenierDualLift - Raises the planes of empty cells until they touch u

  Collective on the dual

  Input Parameters:
+ dual - evaluated at h
. mass - the masses that evaluation returned
. most - at most how far beyond its gap a plane is raised, shape [targets here]; NULL when nothing is known. With 0
         throughout the energy falls: u stays as it is. Below 0 the plane stays that far below u
- h    - its heights; every empty cell's is raised by its gap, the least u - f_i over all curves, exact, and a twentieth
         of it, so that it comes to lie on top somewhere

  Output Parameters:
+ h        - the raised heights
- n_lifted - number of empty cells

  Notes: lowers the energy for every single plane raised to its gap (a plane below u does not change the integral of u,
  and -nu_i h_i falls). Cost of a scan of the empty cells' targets alone.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualLift(BrenierDual dual, Vec mass, const PetscReal most[], Vec h,
                                            PetscInt64 *n_lifted);

/*@
  BrenierDualGaps - The least u - f_i over all curves, for chosen targets

  Collective on the dual

  Input Parameters:
+ dual  - evaluated at h
. h     - its heights
. n     - number of targets chosen on this rank
- local - their local indices, shape [n]

  Output Parameter:
. gap - shape [n], at least 0 up to rounding; in the units of the heights
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGaps(BrenierDual dual, Vec h, PetscInt n, const BrenierLocal local[],
                                            PetscReal gap[]);

/*@
  BrenierDualGetBatches - Results of the last evaluation by batches of the sample

  Collective on the dual

  Output Parameters:
+ n_batches - number of batches B; batch b holds curves b C / B to (b + 1) C / B
. mass      - cell masses by batch, shape [B, n_local], or NULL; borrowed until the next evaluation
. energy    - mean over the batch of int u, shape [B]: the energy without its linear part; the caller's, or NULL
- square    - mean over the batch of |x|^2, shape [B]; the caller's, or NULL
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGetBatches(BrenierDual dual, PetscInt *n_batches, const PetscReal **mass,
                                                  PetscReal energy[], PetscReal square[]);

/* Pieces of local curve c after an evaluation: global targets and starts, for tests against slow twins. first_curve is
   the global index of this rank's curve 0, n_curves their number. Borrowed. Not collective. */
PETSC_EXTERN PetscErrorCode BrenierDualGetCurves(BrenierDual dual, PetscInt64 *first_curve, PetscInt *n_curves);
PETSC_EXTERN PetscErrorCode BrenierDualGetPieces(BrenierDual dual, PetscInt c, PetscInt *n, BrenierGlobal target[],
                                                 PetscReal start[], PetscInt capacity);

PETSC_EXTERN PetscErrorCode BrenierDualGetWork(BrenierDual dual, BrenierDualWork *work);

/* Collective; NULL is fine. */
PETSC_EXTERN PetscErrorCode BrenierDualDestroy(BrenierDual *dual);
