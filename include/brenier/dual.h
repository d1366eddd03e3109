/*
  dual.h - The sampled dual: energy, cell masses and Hessian at given heights, on a fixed sample of random curves.

  E_C(h) = mean over C curves of int u along the curve - sum nu_i h_i, u(x) = max_i <x,y_i> + h_i. It is the sample
  average approximation of E. Along a curve u is an upper envelope of n functions of one variable, which is computed
  exactly. So E_C is convex and once continuously differentiable:
    gradient_i = mass_i - nu_i,          mass_i = mean share of the curve that lies in cell i;
    hessian_ij = - mean over crossings from cell i to j of  density / |difference of derivatives|,  zero row sums.
  Gradient and Hessian are those of E_C itself, not separate estimates.

  Curves are split over the ranks; targets travel round a ring of ranks. A scan compares every curve with every target
  by a certified filter (tile.h), and computes the exact envelope of the planes that pass (envelope.h). Masses are
  summed as integers and energies by order-independent sums, so they are bitwise the same for any number of ranks.

  Candidate lists. A curve may store the planes that can appear on it while no height moves by more than the skin of its
  target (a Verlet list, Phys. Rev. 159 (1967)). An evaluation then uses the lists, and scans only where their
  certificates fail. A list is complete when its certificate holds at the present heights: no other plane appears.

  States: created; evaluated, by `BrenierDualEvaluate()`, until the next evaluation or growth; marked, by
  `BrenierDualTakeSnapshot()`. Functions say which state they need; it is not checked.
*/
#pragma once

#include <petscmat.h>
#include <brenier/index.h>
#include <brenier/source.h>
#include <brenier/store.h>
#include <brenier/targets.h>

typedef struct _p_BrenierDual *BrenierDual;

/* Results of an evaluation besides the masses. */
typedef struct {
  PetscReal energy; /* E_C(h); unit source target */
  PetscReal
      /* estimate of the sampling part of chi2: sum of Var(mass_i) / nu_i; 0 without at least 2 batches */
             sampling_chi2;
  PetscReal  sampling_l1; /* the same for L1: sum of the standard errors of the masses */
  PetscInt64 n_pieces;    /* over all curves */
  PetscInt64 n_empty;     /* cells without mass */
} BrenierDualValue;

/* Work of this rank since the dual was made. */
typedef struct {
  PetscInt64     n_evaluations;
  PetscInt64     n_visits;               /* pairs that passed the filter */
  PetscInt64     n_scanned;              /* scans of curves against all targets */
  PetscInt64     n_rescanned;            /* rescans of targets of this rank whose heights rose beyond their skin */
  PetscInt64     n_fresh;                /* candidates found by full scans on curves without a list */
  PetscInt64     n_candidates, n_pieces; /* in the lists and on the envelopes at present */
  PetscLogDouble flops;                  /* of the scans: 2 dim per pair and curve vector */
  PetscLogDouble ring_bytes; /* of targets, sent to other nodes, and to other ranks where a node keeps no copy */
  PetscLogDouble scan_seconds, envelope_seconds;
} BrenierDualWork;

/*@
  BrenierDualCreate - Makes the sampled dual of a new sample

  Collective on the targets' communicator

  Input Parameters:
+ targets   - the targets; borrowed, must outlive the dual
. source    - the source; referenced
. seed      - with `stream` names the sample
. stream    - a `BrenierStream`
. n_curves  - size C of the sample, at least 1; lowered to `BrenierSourceMaxCurves()`
- n_batches - number of batches, parts of the sample whose masses are kept apart for error estimates; at least 1,
              lowered to C

  Output Parameter:
. dual - free with `BrenierDualDestroy()`

  Errors: `PETSC_ERR_ARG_OUTOFRANGE` - no curve, or no batch

  Cost: O(C / P) operations; 16 n_batches bytes a target of this rank; no messages
@*/
PETSC_EXTERN PetscErrorCode BrenierDualCreate(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                              uint32_t stream, PetscInt64 n_curves, PetscInt n_batches,
                                              BrenierDual *dual);

/* All targets as scans pack them, kept from one scan to the next. */
typedef struct _p_BrenierScanCache *BrenierScanCache;

/*@
  BrenierScanCacheCreate - Makes an empty cache, for the duals of some targets that are evaluated one after the other

  Collective on the targets' communicator

  Input Parameter:
. targets - the targets; borrowed, must outlive the cache

  Output Parameter:
. cache - free with `BrenierScanCacheDestroy()`

  Errors: none of its own

  Cost: O(1). Scans keep at most 128 MiB of packed targets a rank in it, and one copy of the targets a node

  Notes: Results do not depend on it. Duals of many small samples save the packing. After targets were written to
  (`BrenierTargetsMoved()`) another cache is needed.
@*/
PETSC_EXTERN PetscErrorCode BrenierScanCacheCreate(BrenierTargets targets, BrenierScanCache *cache);

/*@
  BrenierScanCacheDestroy - Frees a cache, which may be NULL

  Collective on the targets' communicator

  Input/Output Parameter:
. cache - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierScanCacheDestroy(BrenierScanCache *cache);

/*@
  BrenierDualSetCache - Has a dual use a cache in the place of its own

  Collective on the dual

  Input Parameters:
+ dual  - the dual
- cache - of its targets; borrowed, must outlive the dual; NULL changes nothing

  Errors: `PETSC_ERR_ARG_WRONG` - the cache is of other targets

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSetCache(BrenierDual dual, BrenierScanCache cache);

/*@
  BrenierDualEvaluate - Computes energy and cell masses at heights h

  Collective on the dual

  Input Parameters:
+ dual - the dual; stores the pieces of the envelopes until the next evaluation
- h    - heights, finite, laid out as the targets; unit: source target

  Output Parameters:
+ mass  - cell masses, laid out as the targets, summing to 1; unit: 1
- value - energy and counts, the same on all ranks

  Errors:
+ `BRENIER_STOPPED` - a stop was asked for (stop.h) between two chunks of at most 4,096 curves a rank; the dual can
                      then only be saved as it was marked, or destroyed
- `PETSC_ERR_PLIB`  - after `BrenierDualSetVerify()` alone: lists and a full scan give different results

  Cost: without lists, 4 n dim C flops for circles and 2 n dim C for chords, over all ranks; all targets are sent round
  the ring. Memory is some 30 bytes a piece and some 17 pieces a circle, beside one chunk of curves and two blocks of
  targets. With lists, one envelope a curve, and scans where certificates fail

  Notes: The pieces of one evaluation bound u from below in the next. The closer the heights, the faster it is.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualEvaluate(BrenierDual dual, Vec h, Vec mass, BrenierDualValue *value);

/*@
  BrenierDualSetSkin - Makes the dual keep candidate lists, with a skin for each target

  Collective on the dual

  Input Parameters:
+ dual  - the dual
- width - skins: how far each height may move, at least 0, laid out as the targets; unit: source target

  Errors: none of its own

  Cost: O(n / P) now; later 28 bytes a candidate

  Notes: An evaluation then scans only curves that are new or on which the height of a piece fell by more than its skin,
  and targets whose heights rose by more. Results stay the same to the bit. Larger skins make longer lists. Skins may be
  set again; they hold for curves scanned and targets moved from then on. There is no effect in one dimension.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSetSkin(BrenierDual dual, Vec width);

/*@
  BrenierDualMissing - Bounds how far the energy of an evaluation by unchecked lists is below that of the sample

  Collective on the dual, evaluated

  Input Parameter:
. dual - the dual

  Output Parameter:
. missing - the bound; 0 without lists; unit: source target

  Errors: none of its own

  Cost: one envelope of the anchors for each curve on which an anchor fell; two reductions

  Notes: On each curve the planes that are not in its list lie below an envelope l of planes of the list, its anchors,
  at the heights `low`. Where l is the plane of an anchor whose height has fallen below `low`, u is too low by no more
  than that fall.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualMissing(BrenierDual dual, PetscReal *missing);

/*@
  BrenierDualHasLists - Tells whether the dual keeps candidate lists

  Not collective

  Input Parameter:
. dual - the dual

  Returns: true after `BrenierDualSetSkin()`, but not in one dimension

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierDualHasLists(BrenierDual dual);

/*@
  BrenierDualSkipListCheck - Sets whether evaluations use the lists of curves without checking their certificates

  Collective on the dual

  Input Parameters:
+ dual - the dual
- skip - true to skip the check; false, the default, to check and complete every list

  Errors: none of its own

  Cost: O(1)

  Notes: Unchecked lists give energy, masses and Hessian of the maximum over the listed planes alone. That function is
  convex, and its energy a lower bound. Few pieces are missing after steps of a few skins. New curves are scanned in
  either case.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSkipListCheck(BrenierDual dual, PetscBool skip);

/*@
  BrenierDualHoldGauge - Sets whether lists are compared with the heights as given, not up to an additive constant

  Collective on the dual, before its first evaluation

  Input Parameters:
+ dual - the dual, with lists
- hold - whether; false at first

  Errors: none of its own

  Cost: O(1)

  Notes: Certificates compare heights less their mean, so that a change of the gauge alone costs nothing. Where a few
  heights rise, that mean rises, and all others fall: without skins every curve is scanned again. Hold the gauge then.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualHoldGauge(BrenierDual dual, PetscBool hold);

/*@
  BrenierDualRepeats - Sets whether the next evaluations repeat those of an earlier run, whose scans were counted
  already

  Collective on the dual

  Input Parameters:
+ dual      - the dual
- repeating - true to leave scans of the next evaluations out of the counts of work

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualRepeats(BrenierDual dual, PetscBool repeating);

/*@
  BrenierDualGrow - Enlarges the sample; the curves it has stay, and stay where they are

  Collective on the dual

  Input Parameters:
+ dual     - the dual
- n_curves - new size; a smaller one than the present changes nothing

  Errors: `PETSC_ERR_ARG_OUTOFRANGE` - the sample has grown 63 times already

  Cost: O(C / P) operations, no messages; new curves are scanned by the next evaluation

  Notes: Curve k is the same whether a sample was made at once or grew. Batches take the same part of each growth.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGrow(BrenierDual dual, PetscInt64 n_curves);

/*@
  BrenierDualTakeSnapshot - Takes a snapshot of the sample and its lists, for `BrenierDualSave()`

  Collective on the dual, evaluated

  Input Parameter:
. dual - the dual

  Errors: none of its own

  Cost: 12 bytes a curve and 8 a target; lists that change later stay in memory in both versions

  Notes: It replaces the snapshot before. An evaluation that is abandoned does not change a snapshot.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualTakeSnapshot(BrenierDual dual);

/*@
  BrenierDualSaveBytes - Estimates the bytes that `BrenierDualSave()` writes

  Collective on the dual, marked

  Input Parameter:
. dual - the dual

  Output Parameter:
. bytes - the estimate; unit: byte

  Errors: none of its own

  Cost: one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSaveBytes(BrenierDual dual, PetscInt64 *bytes);

/*@
  BrenierDualSave - Writes the snapshot into the group /sample of a file

  Collective on the dual, marked

  Input Parameters:
+ dual  - the dual
- store - a store being written

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - as `BrenierStoreWriteRows()`
- `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: all lists pass to rank 0, 8 bytes a candidate, 4 a curve and 8 a target

  Notes: Lists are written in the order of the sample, so that any number of ranks can read them.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSave(BrenierDual dual, BrenierStore store);

/*@
  BrenierDualLoad - Makes a dual from a snapshot in a file

  Collective on the targets' communicator

  Input Parameters:
+ targets, source, seed, stream, n_batches - as for `BrenierDualCreate()`, those of the dual that was saved
. width - its skins, laid out as the targets; NULL when it kept no lists; unit: source target
- store - a store that is open for reading

  Output Parameter:
. dual - free with `BrenierDualDestroy()`

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierStoreReadRows()`; lists that are not lists of these targets
- `PETSC_ERR_ARG_WRONGSTATE`  - the store is being written

  Cost: each rank reads its lists once, 8 bytes a candidate; all targets are sent round the ring once

  Notes: The dual has to be evaluated once at the heights of the snapshot, without checking its lists. It is then in the
  state of the snapshot, for any number of ranks.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualLoad(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                            uint32_t stream, PetscInt n_batches, Vec width, BrenierStore store,
                                            BrenierDual *dual);

/*@
  BrenierDualSetVerify - Sets whether each evaluation by checked lists is compared with a full scan, for debugging

  Collective on the dual

  Input Parameters:
+ dual   - the dual
- verify - true to compare; a later evaluation returns `PETSC_ERR_PLIB` when the two differ

  Errors: none of its own

  Cost: O(1) now; later one more scan an evaluation
@*/
PETSC_EXTERN PetscErrorCode BrenierDualSetVerify(BrenierDual dual, PetscBool verify);

/*@
  BrenierDualHessian - Assembles the Hessian at the heights of the last evaluation

  Collective on the dual

  Input Parameters:
+ dual   - the dual
- stride - 1 for the Hessian of the sample; k for an estimate from every k-th of its curves

  Output Parameter:
. hessian - MATAIJ, rows laid out as the targets, constants attached as its null space, in units of 1/(source target);
            the caller destroys it

  Errors: none of its own

  Cost: O(pieces) operations; some 200 bytes a piece of the curves used while it is made; entries are sent to the owners
  of their rows

  Notes: Rows of empty cells are zero.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualHessian(BrenierDual dual, PetscInt64 stride, Mat *hessian);

/*@
  BrenierDualHeightScale - Computes the height scale: the change of a height that changes its mass by about 100%

  Collective on the dual, evaluated

  Input Parameter:
. dual - the dual

  Output Parameter:
. height_scale - the height scale; 0 when no piece has an end; unit: source target

  Errors: none of its own

  Cost: O(pieces) operations, 16 bytes a piece, two reductions

  Notes: It is a geometric mean over the pieces, weighted by their masses. The number of a piece is its mass over the
  contribution of its two ends to H_ii. A mean over pieces, not over cells, does not depend on the size of the sample.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualHeightScale(BrenierDual dual, PetscReal *height_scale);

/*@
  BrenierDualBarycentres - Computes the barycentres of the cells from exact moments of the pieces, arcs or chords

  Collective on the dual, evaluated

  Input Parameter:
. dual - the dual

  Output Parameter:
. barycentre - barycentres of this rank's cells, shape [n_local, dim], bitwise the same for any number of ranks; NaN for
               cells without mass; unit: source

  Errors: none of its own

  Cost: O(dim pieces) operations; the curves are drawn again, nothing is scanned. 8 bytes an axis and cell met are sent,
  a few axes at a time, so that memory stays at some 128 MB
@*/
PETSC_EXTERN PetscErrorCode BrenierDualBarycentres(BrenierDual dual, const BrenierMutablePoints *barycentre);

/*@
  BrenierDualCurves - Gives the size of the sample

  Not collective

  Input Parameter:
. dual - the dual

  Returns: number of curves over all ranks

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt64 BrenierDualCurves(BrenierDual dual);

/*@
  BrenierDualSource - Gives the source of the sample

  Not collective

  Input Parameter:
. dual - the dual

  Returns: the source, borrowed

  Cost: O(1)
@*/
PETSC_EXTERN BrenierSource BrenierDualSource(BrenierDual dual);

/*@
  BrenierDualLift - Raises the heights of empty cells until their planes touch u

  Collective on the dual, evaluated at h

  Input Parameters:
+ dual - the dual
. mass - the masses of that evaluation, laid out as the targets; unit: 1
- most - largest rise beyond the gap, shape [n_local], or NULL; below 0 the plane stays that far below u; unit: source
         target

  Input/Output Parameter:
. h - heights of the evaluation, then the raised heights, laid out as the targets; unit: source target

  Output Parameter:
. n_lifted - number of empty cells over all ranks

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); h is unchanged then

  Cost: a scan of the targets of empty cells alone

  Notes: The gap of a plane is the least u - f_i over all curves, computed exactly. The height rises by the gap, a
  twentieth of it and 1e-6 of the targets' unit, so that the plane is on top somewhere. A single plane that is raised by
  its gap lowers the energy: the integral of u stays, and -nu_i h_i falls. With 0 as `most` throughout, u stays as it
  is.
@*/
PETSC_EXTERN PetscErrorCode BrenierDualLift(BrenierDual dual, Vec mass, const PetscReal most[], Vec h,
                                            PetscInt64 *n_lifted);

/*@
  BrenierDualGaps - Computes the gaps of chosen targets: the least u - f_i over all curves

  Collective on the dual, evaluated at h

  Input Parameters:
+ dual  - the dual
. h     - heights of the evaluation, laid out as the targets; unit: source target
. n     - number of targets chosen on this rank, 0 allowed
- local - their local indices, shape [n]

  Output Parameter:
. gap - the gaps, shape [n], at least 0 up to rounding; unit: source target

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Cost: a scan of the chosen targets alone
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGaps(BrenierDual dual, Vec h, PetscInt n, const BrenierLocal local[],
                                            PetscReal gap[]);

/*@
  BrenierDualGetBatches - Gives the results of the last evaluation by batches of the sample

  Collective on the dual, evaluated

  Input Parameter:
. dual - the dual

  Output Parameters:
+ n_batches - number of batches B; batch b holds curves b C / B to (b + 1) C / B
. mass      - cell masses by batch, shape [B, n_local], borrowed until the next evaluation, or NULL; unit: 1
. energy    - mean over the batch of int u, the energy without its linear part, shape [B], of the caller, or NULL; unit:
              source target
- square    - mean over the batch of |x|^2, shape [B], of the caller, or NULL; unit: source^2

  Errors: none of its own

  Cost: O(C / P) operations; two reductions a batch for each of `energy` and `square`
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGetBatches(BrenierDual dual, PetscInt *n_batches, const PetscReal **mass,
                                                  PetscReal energy[], PetscReal square[]);

/*@
  BrenierDualGetCurves - Gives the curves of this rank, for tests

  Not collective

  Input Parameter:
. dual - a dual whose sample has not grown

  Output Parameters:
+ first_curve - number in the sample of this rank's curve 0
- n_curves    - number of curves on this rank

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGetCurves(BrenierDual dual, PetscInt64 *first_curve, PetscInt *n_curves);

/*@
  BrenierDualGetPieces - Gives the pieces of a curve after an evaluation, for tests

  Not collective

  Input Parameters:
+ dual     - the dual, evaluated
. c        - local curve
- capacity - room in the arrays

  Output Parameters:
+ n      - number of pieces, which may be above `capacity`
. target - global targets of the pieces, shape [capacity]
- start  - where they begin, shape [capacity]; unit: rad on circles, else source

  Errors: none of its own

  Cost: O(n)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGetPieces(BrenierDual dual, PetscInt c, PetscInt *n, BrenierGlobal target[],
                                                 PetscReal start[], PetscInt capacity);

/*@
  BrenierDualGetWork - Gives the work of this rank since the dual was made

  Not collective

  Input Parameter:
. dual - the dual

  Output Parameter:
. work - the work

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualGetWork(BrenierDual dual, BrenierDualWork *work);

/*@
  BrenierDualDestroy - Frees a dual, which may be NULL

  Collective on the dual

  Input/Output Parameter:
. dual - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierDualDestroy(BrenierDual *dual);
