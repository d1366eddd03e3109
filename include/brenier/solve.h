/*
  solve.h - From targets to heights: a start, then Newton on samples that grow, or averaged SGD, until the tolerance is
  met.

  Start. For the Gaussian and the sphere, clusters of the targets (cluster.h) are solved first, and clusters of these
  before, in levels of 8 to 32 times fewer. The heights of a level, with the barycentres of its cells, give the start of
  the next. The coarsest level starts from the heights that transport the Gaussian with the covariance of the source to
  the Gaussian with the covariance of the targets (linear.h). For the cube in five dimensions or more all this is done
  with great circles of the Gaussian with the covariance I/12 of the cube: there <x,y> is nearly Gaussian for a uniform
  x, and a chord crosses less than one facet. In fewer dimensions the cube uses chords.

  Warm-up. Averaged SGD on fresh curves, before the first sample is drawn:
    h <- h - rate s (w - nu) / max(nu, 1/n) / sqrt(step).
  The result is the mean of the heights of the second half of the steps. s is the height scale of dual.h, the change of
  a height that changes its mass by 100%. Around tight clusters it shrinks as their cells grow; then another round with
  the new s follows. The warm-up saves most of the Newton iterations (docs/devlog/2026-11.md). Reference: Polyak and
  Juditsky, SIAM J. Control Optim. 30 (1992).

  Stages. The sample starts small and grows; its earlier curves stay. Let K = C times the sampling part of chi2,
  measured on the sample of C curves that Newton minimises on. The minimiser of C curves has a chi2 of about K / C on
  held-out curves, so after the first stage the size for a tolerance is known: C = K / tol^2, and a little more. The
  last stage is followed by a measurement on held-out curves. While the upper end of its interval is above the
  tolerance, the sample grows by as many curves as are missing. The skins of the candidate lists (dual.h) are a multiple
  of the expected change of the heights: the sampling error of the stage before, times nu_i / H_ii. Between the first
  evaluation of a stage and its end the lists are not checked. With a fixed sample they are checked and completed at the
  end; with a tolerance, the measurement, a full scan of fresh curves, decides.

  Light cells. A cell whose weight is below that of a piece cannot be fitted. With a tolerance, a stage of C circles is
  therefore solved for weights of at least 1/(2 C). Before a measurement the heights of such cells are lowered until
  their masses suit their own weights (solve/light.h).

  Averaged SGD. Newton pays for each curve one scan, a stored list, and one envelope per iteration; SGD pays one scan.
  With great circles, from 16 dimensions and n d = 10^6 on, Newton therefore solves the first sample only, and epochs of
  averaged SGD on fresh curves (solve/sgd_epoch.h) continue from its heights to the tolerance. So they do in any
  dimension where targets have scales (scales.h). Steps are in units of nu_i / H_ii. The step
  size follows from the effective curves C_eff = K / chi2 of the present heights. An epoch draws at most about 6 C_eff
  curves and is followed by a measurement. An epoch after which the held-out error is larger is rejected. When the
  tolerance is expected to take 5 curves a target or fewer, Newton is left out: the warm-up is as long as that, at most
  2 curves a target, and epochs follow, in units of its height scale. In lower dimension SGD converges slowly for errors
  that span many cells, and Newton is used.

  Memory. Before anything is measured, a curve is assumed to have 100 candidates and 20 pieces (more in low dimension),
  4.8 kB; afterwards the measured numbers count. When the sample that is wanted does not fit, Newton ends on the largest
  that does, and averaged SGD continues in any dimension, measured in parts that fit. When not even half a circle (2
  chords) a target fits, SGD starts at the heights of the warm-up, in units of its height scale.

  Other methods. Those of minimise.h take the place of Newton in a stage. Those of descent.h have no stages. They draw
  as many fresh points or curves as -curves says; else as many as an ideal method would need for the tolerance, then
  twice as many, again and again, each time from the start: zero heights unless others are given.
*/
#pragma once

#include <brenier/checkpoint.h>
#include <brenier/descent.h>
#include <brenier/held_out.h>
#include <brenier/newton.h>
#include <brenier/stop.h>

/* Coordinates n dim of the targets from which averaged SGD follows the first sample, and may do without it. */
#define BRENIER_DEFAULT_SGD_FROM 1000000

/* What is asked of a solve. */
typedef struct {
  BrenierMethod        method;
  PetscReal            tol;          /* for the upper end of the held-out interval of rho; 0: none */
  PetscInt64           curves;       /* size of the last sample; 0: chosen for the tolerance */
  PetscInt64           check_curves; /* size of the held-out sample; 0: chosen for the tolerance */
  PetscInt64           seed;
  PetscReal            warm_up;    /* curves of the warm-up over number of targets; 0 for none, below 0: chosen */
  PetscReal            sgd_from;   /* n dim from which averaged SGD follows the first sample; 0: the default */
  PetscReal            memory;     /* bytes of a rank for sample, measurement or epoch, one at a time; 0: no bound */
  PetscBool            verify;     /* compares lists with full scans; Newton is then never left out */
  BrenierNewtonOptions newton;     /* its monitor gets all stages as one iteration */
  BrenierDescentSample sample;     /* adam, asgd: points or curves */
  BrenierCheckpoint    checkpoint; /* NULL for none; for Newton only. A state that it found is continued */
  PetscErrorCode (*on_measurement)(void                 *context,
                                   const BrenierHeldOut *held_out); /* gets each measurement; NULL for none */
  void *context;
} BrenierSolveOptions;

/* The outcome of a solve. */
typedef struct {
  BrenierIteration  last;
  BrenierReason     reason;          /* of the last stage */
  PetscInt64        curves;          /* used in all: the last sample and those of averaged SGD */
  PetscInt64        one_pass_curves; /* of these, fresh ones of averaged SGD, rejected epochs included */
  BrenierHeldOut    held_out;
  PetscBool         exact;                   /* whether masses are exact: no curves, no sampling error */
  PetscBool         within_tol, sgd_follows; /* whether tol was met; whether averaged SGD followed Newton */
  BrenierStopReason stopped;                 /* who asked to stop; with a checkpoint nothing else is set then */
  BrenierDualWork   work;                    /* of this rank, all stages and epochs, without warm-up and measurements */
} BrenierSolved;

enum { BRENIER_MAX_LEVELS = 12 };

/* What is known of the heights to start from. */
typedef struct {
  PetscReal height_scale;              /* height scale; 0 when unknown; unit source target */
  PetscInt  n_levels;                  /* levels of clusters that were solved before */
  PetscInt  level[BRENIER_MAX_LEVELS]; /* their numbers of clusters, ascending */
} BrenierStart;

/* Cells of the heights reached: vectors and arrays of the caller. */
typedef struct {
  Vec                  mass;       /* masses: on held-out curves, or exact */
  Vec                  mass_error; /* standard errors of these; 0 of exact ones */
  BrenierMutablePoints barycentre; /* of this rank's cells; NaN for cells without mass */
} BrenierCells;

/*@
  BrenierSolveStart - Computes heights to start from, by levels of clusters and the warm-up

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
- options - what is asked of the solve

  Output Parameters:
+ h     - heights, gauged, laid out as the targets; 0 for a method of descent.h; unit: source target
- start - what is known of them

  Errors:
+ `BRENIER_STOPPED`           - a stop was asked for (stop.h); h then holds the Gaussian start, heights from a level of
                                clusters, or the mean of the warm-up so far
. `PETSC_ERR_NOT_CONVERGED`   - as `BrenierGaussianStart()`
. `PETSC_ERR_FILE_UNEXPECTED` - the targets have more than 30,000 dimensions
- `PETSC_ERR_FILE_OPEN`       - as `BrenierCheckpointSave()`

  Cost: levels of 8 to 32 times fewer targets are solved by Newton; the warm-up has 4 n^2 dim (warm_up + 1) flops a
  round
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveStart(BrenierTargets targets, BrenierSource source,
                                              const BrenierSolveOptions *options, Vec h, BrenierStart *start);

/*@
  BrenierSolveRestart - Computes heights to start from, from a solution for other targets

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. source     - the source of both
. options    - what is asked of the solve
. before     - the targets solved before, of the same dimension, on the same ranks
. before_h   - their heights, laid out as the targets `before`; unit: source target
- barycentre - barycentres of their cells, shape [n_local of `before`, dim]; NaN where unknown; unit: source

  Output Parameters:
+ h     - heights, gauged, laid out as the targets; unit: source target
- start - what is known of them

  Errors:
+ `BRENIER_STOPPED`           - a stop was asked for (stop.h); h then holds the Gaussian start, heights from `before`,
                                or the mean of the warm-up so far
. `PETSC_ERR_NOT_CONVERGED`   - as `BrenierGaussianStart()`
. `PETSC_ERR_FILE_UNEXPECTED` - the targets have more than 30,000 dimensions
- `PETSC_ERR_FILE_OPEN`       - as `BrenierCheckpointSave()`

  Cost: for the same number of targets one scan of some curves; else `BrenierTransportApply()` to n points and a warm-up

  Notes: If the number of targets is the same, target i is taken for target i of `before`, moved. Else each target
  starts as a member of a cluster at the nearest target of `before`, and a warm-up follows.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveRestart(BrenierTargets targets, BrenierSource source,
                                                const BrenierSolveOptions *options, BrenierTargets before, Vec before_h,
                                                const PetscReal barycentre[], Vec h, BrenierStart *start);

/*@
  BrenierWarmUp - Runs averaged SGD on fresh curves from heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source; if it is sampled by one line, nothing is done
. seed    - seed of the curves; no other function draws from their streams
. warm_up - curves of a round over number of targets; unit: 1
- checkpoint - keeps the state eight times a round; a warm-up that it found is continued; NULL for none

  Input/Output Parameter:
. h - heights to start from, then the averaged heights, laid out as the targets; unit: source target

  Output Parameter:
. height_scale - height scale; 0 when nothing was done; unit: source target

  Errors:
+ `BRENIER_STOPPED`     - a stop was asked for (stop.h); h is then the mean of the round so far, later steps weighing
                        more
- `PETSC_ERR_FILE_OPEN` - as `BrenierCheckpointSave()`

  Cost: 4 n^2 dim (warm_up + 1) flops a round, in 128 steps (512 for small problems), 1 to 4 rounds

  Notes: Every number of ranks gives the same heights.
@*/
PETSC_EXTERN PetscErrorCode BrenierWarmUp(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                          PetscReal warm_up, BrenierCheckpoint checkpoint, Vec h,
                                          PetscReal *height_scale);

/*@
  BrenierSolve - Solves by Newton on growing samples and averaged SGD, or by another method, to the tolerance

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. options - what is asked of the solve
- height_scale  - height scale, of `BrenierSolveStart()`, or 0; unit: source target

  Input/Output Parameter:
. h - heights to start from, then the heights reached, laid out as the targets; unit: source target

  Output Parameters:
+ cells  - cells of these heights: masses on held-out curves; barycentres on the last sample, or, if there is none, on
           the held-out one or on as many fresh curves
- solved - the outcome; a tolerance that was not met and a stop are outcomes, not errors

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - as `BrenierCheckpointSave()`
- `PETSC_ERR_FILE_UNEXPECTED` - the sample in the checkpoint cannot be read (`BrenierDualLoad()`)

  Cost: a scan (`BrenierDualEvaluate()`) of every curve when it enters, and again when its list is not complete;
  work.n_scanned counts both. Newton adds one envelope a curve and a sparse linear system an iteration. Memory is
  bounded by `options->memory`

  Notes: When a stop is asked for (stop.h), even before this call, the solve goes back to its last safe point. With a
  checkpoint, that state is written, and `cells` has no meaning. Without one, its heights are measured on as many curves
  as the time left allows, at least 64; if an earlier measurement found better heights, those are returned.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolve(BrenierTargets targets, BrenierSource source,
                                         const BrenierSolveOptions *options, PetscReal height_scale, Vec h,
                                         const BrenierCells *cells, BrenierSolved *solved);

/*@
  BrenierSolveExact - Solves by Newton on exact cells, to rounding

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - a source of which `BrenierLaguerreKnows()` the cells
. options - max_it, residual and linear_rtol of Newton, checkpoint, monitor, and tol, which decides within_tol alone:
            Newton always goes on to rounding
- started - whether h holds heights to start from

  Input/Output Parameter:
. h - heights to start from, then the heights reached, laid out as the targets; unit: source target

  Output Parameters:
+ cells  - exact cells of these heights
. start  - zeroed by the caller; gets the levels that were solved before, when `started` is false
- solved - the outcome; its reason is BRENIER_REASON_UNSOUND when cells could not be computed, and nothing else is set
           then

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - the cells of the source are not known
. `PETSC_ERR_FILE_OPEN`      - as `BrenierCheckpointSave()`
- `PETSC_ERR_LIB`            - LAPACK failed on the covariance of a cluster

  Cost: an iteration computes a convex hull of all targets on one rank, the cells on all ranks, and solves a sparse
  linear system

  Notes: When a stop is asked for, h and its masses are those of the last iteration. With a checkpoint, that state is
  written.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveExact(BrenierTargets targets, BrenierSource source,
                                              const BrenierSolveOptions *options, PetscBool started, Vec h,
                                              const BrenierCells *cells, BrenierStart *start, BrenierSolved *solved);
