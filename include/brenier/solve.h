/*
  solve.h - From targets to heights: where to start, then Newton on samples that grow until the tolerance is met.

  Start. Gaussian and sphere: clusters of the targets (cluster.h) are solved first, clusters of these before them, by a
  factor of 8 to 32, and their heights carried over with the barycentres of their cells. The fewest clusters start from
  the heights that transport the Gaussian of the source's covariance to the Gaussian of the targets' (linear.h). Cube:
  in five dimensions or more, where <x,y> is nearly Gaussian for a uniform x and a chord crosses less than one facet,
  all this is done with great circles for the Gaussian with the cube's covariance I/12; in fewer, with chords.

  Warm-up. Averaged stochastic descent on fresh curves, each seen once, before Newton sees the sample:
    h <- h - rate length (w - nu) / max(nu, 1/n) / sqrt(step),  the heights of the second half averaged,
  length the mean over pieces of dual.h: the change of height that changes a mass by its own size. Around tight clusters
  it shrinks as their cells grow; another round with the new length follows then. It saves most of the Newton iterations
  (docs/solver.md). Reference: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992).

  Stages. The sample starts small and grows, earlier curves staying. K = noise^2 C, the sampling part of chi2 times the
  number of curves, is measured by Newton's own sample; the minimiser of C curves has chi2 of about K / C on curves it
  never saw, so the size for a tolerance is known after the first stage: C = K / tol^2, and a little more. The last
  stage is followed by a measurement on fresh curves; while the upper end of its interval is above the tolerance, the
  sample grows by what is missing. Slacks of the candidate lists (dual.h) are a multiple of what the heights are
  expected to move: the sampling error of the stage before, times nu_i / H_ii. Between the first evaluation of a stage
  and its end lists are trusted; with a fixed sample they are mended at the end, with a tolerance the measurement, by
  full scans of fresh curves, is what judges.

  Light cells. A cell that is due less than a piece cannot be fitted: while a tolerance asks, a stage of C circles is
  solved for weights of at least 1/(2 C), and before a measurement the cells so raised fall as far as their own weights
  ask (solve/light.h).

  Passes. A curve that Newton keeps costs a scan, a list, and a walk in every iteration; one that is seen once costs the
  scan. So where targets are many, in 16 dimensions or more, the first stage alone is Newton's, and passes over fresh
  curves (solve/sgd_epoch.h) go on from its heights to the tolerance: averaged descent in units of nu_i / H_ii, with
  steps as short as the error allows that the stage had. A pass is as large as that error says, K / chi2 curves being
  what heights are worth, at most 6 times what they are worth already, and is followed by a measurement; a pass between
  two measurements that made the error larger is taken back. Where the tolerance is expected to take 5 curves a target
  or less, there is no stage of Newton at all: the warm-up is as long as that, at most 2 curves a target, and passes go
  on from its heights, in units of its length. In fewer dimensions descent is slow at what spans many cells, and few
  targets are cheaper to walk than to scan.

  Beyond memory. Before anything is measured a curve is taken to have 100 candidates and 20 pieces (more in few
  dimensions), 4.8 kB, afterwards what it has. When the sample that is wanted does not fit, Newton ends on the one that
  does, and passes go on from there in any dimension, measured in parts that fit. Where not even half a circle (2
  chords) a target fits, they begin at the heights of the warm-up, in units of its length.

  Other methods. Those of minimise.h take Newton's place in a stage. Those of descent.h know no stages: they see as many
  fresh points or curves as -curves says, or a perfect use of them would need for the tolerance and then twice as many
  again and again, each time from the start, zero heights unless another is given.
*/
#pragma once

#include <brenier/checkpoint.h>
#include <brenier/descent.h>
#include <brenier/held_out.h>
#include <brenier/newton.h>
#include <brenier/stop.h>

typedef struct {
  BrenierMethod method;
  PetscReal     tol;          /* the upper end of the held-out interval of rho is to be below; 0: not judged */
  PetscInt64    curves;       /* size of the last sample; 0: as the tolerance asks */
  PetscInt64    check_curves; /* size of the held-out sample; 0: as the tolerance asks */
  PetscInt64    seed;
  PetscReal     warm_up; /* curves of the warm-up over number of targets; 0 for none, below 0 for as many as suit */
  PetscReal     memory;  /* bytes a rank of sample, measurement and pass, each in its turn; 0: no bound */
  PetscBool     verify;  /* compares lists with full scans, and so lets Newton see a sample */
  BrenierNewtonOptions newton;     /* its monitor sees all stages as one iteration */
  BrenierDescentSample sample;     /* adam, asgd: points or curves */
  BrenierCheckpoint    checkpoint; /* NULL for none; for Newton's method only. What it found is continued */
  PetscErrorCode (*on_measurement)(void                 *context,
                                   const BrenierHeldOut *held_out); /* sees each measurement; NULL for none */
  void *context;
} BrenierSolveOptions;

/* What came out. */
typedef struct {
  BrenierIteration last;
  BrenierReason    reason;          /* of the last stage */
  PetscInt64       curves;          /* that were used: the last sample and those streamed */
  PetscInt64       one_pass_curves; /* of them, fresh ones seen once, in passes; in those that were taken back, too */
  BrenierHeldOut   held_out;
  PetscBool        exact;                   /* masses are exact: no curves, no noise */
  PetscBool        within_tol, sgd_follows; /* judged against tol; no larger sample fits, or would pay: passes follow */
  BrenierStopReason stopped;                /* who asked to stop; with a checkpoint, nothing else is set then */
  BrenierDualWork   work;                   /* of this rank, all stages and passes, without warm-up and measurements */
} BrenierSolved;

enum { BRENIER_MAX_LEVELS = 12 };

/* What is known of a start. */
typedef struct {
  PetscReal height_scale; /* change of height that changes a typical mass by its own size; 0 when unknown */
  PetscInt  n_levels;     /* levels of clusters solved before */
  PetscInt  level[BRENIER_MAX_LEVELS]; /* their clusters, few first */
} BrenierStart;

/* What comes to be known of the cells of some heights; all the caller's. */
typedef struct {
  Vec        mass;       /* masses: on held-out curves, or exact */
  Vec        mass_error; /* standard errors of these; 0 of exact ones */
  PetscReal *barycentre; /* shape [n_local, dim]; NaN for cells without mass */
} BrenierCells;

/*@
  BrenierSolveStart - Heights to start from

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
- options - for the cube: size and seed of the circles' sample, and how Newton goes

  Output Parameters:
+ h     - heights, gauged
- start - see above

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); h is what there is by then: the Gaussian start, clusters'
  heights carried over, or the mean of the warm-up so far
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveStart(BrenierTargets targets, BrenierSource source,
                                              const BrenierSolveOptions *options, Vec h, BrenierStart *start);

/*@
  BrenierSolveRestart - Heights carried over from a solution for other targets

  Collective on the targets' communicator

  Input Parameters:
+ targets    - the targets
. source     - the source of both
. options    - as above
. before     - the targets solved before, of the same dimension, on the same ranks
. before_h   - their heights
- barycentre - of their cells, shape [before's n_local, dim]; NaN where unknown

  Output Parameters:
+ h     - heights, gauged
- start - see above

  Errors: as above

  Notes: of as many targets as before each is taken for the one of the same number, moved; of another number of targets
  each goes with the nearest of those before, as a member of a cluster does, and a warm-up follows.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveRestart(BrenierTargets targets, BrenierSource source,
                                                const BrenierSolveOptions *options, BrenierTargets before, Vec before_h,
                                                const PetscReal barycentre[], Vec h, BrenierStart *start);

/*@
  BrenierWarmUp - Averaged stochastic descent from heights h

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source; in one dimension, where nothing is random, this does nothing
. seed    - seed of its curves, which no other stream uses
. warm_up - curves over number of targets
. checkpoint - keeps the warm-up eight times a round; the warm-up that it found is continued; NULL for none
- h       - heights to start from

  Output Parameters:
+ h      - the averaged heights
- height_scale - as above

  Errors: `BRENIER_STOPPED` - a stop was asked for; h is then the mean of the round so far, later steps weighing more

  Notes: 4 n^2 dim (warm_up + 1) flops a round, in 128 steps (512 for small problems), 1 to 4 rounds; every rank count
  gives the same heights.
@*/
PETSC_EXTERN PetscErrorCode BrenierWarmUp(BrenierTargets targets, BrenierSource source, PetscInt64 seed,
                                          PetscReal warm_up, BrenierCheckpoint checkpoint, Vec h,
                                          PetscReal *height_scale);

/*@
  BrenierSolve - Newton on growing samples, to the tolerance

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. options - see above
. height_scale  - of BrenierSolveStart(), or 0
- h       - heights to start from

  Output Parameters:
+ h      - heights reached
. cells  - theirs: masses on held-out curves, barycentres on the solver's own sample, or where it keeps none on the
           held-out one or as many fresh curves
- solved - see above

  Notes: every curve is scanned once when it enters, and again when its list fails; work.n_scanned counts both. When a
  stop is asked for (stop.h), also before this call, the solve goes back to its last safe point. With a checkpoint that
  is written, and cells has no meaning. Without one the heights there are measured, on as many curves as
  the time left allows, 64 at least; where a measurement before found better heights, those are what comes out.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolve(BrenierTargets targets, BrenierSource source,
                                         const BrenierSolveOptions *options, PetscReal height_scale, Vec h,
                                         const BrenierCells *cells, BrenierSolved *solved);

/*@
  BrenierSolveExact - Newton on exact cells, to rounding

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets, in a dimension in which BrenierLaguerreKnows() the source
. source  - the source
. options - max_it, residual and linear_rtol of Newton, checkpoint, monitor; the tolerance judges, and asks for no less
            than all
. started - whether h holds heights to start from
- h       - these

  Output Parameters:
+ h      - heights reached
. cells  - theirs, exactly
. start  - the levels that were solved before
- solved - as above; its reason is BRENIER_REASON_UNSOUND when cells could not be computed, and nothing else is set
           then

  Notes: each iteration takes a convex hull of all targets on one rank, the cells on all, and a sparse linear solve.
  When a stop is asked for, h and its masses are those of the last iteration; with a checkpoint that is written.
@*/
PETSC_EXTERN PetscErrorCode BrenierSolveExact(BrenierTargets targets, BrenierSource source,
                                              const BrenierSolveOptions *options, PetscBool started, Vec h,
                                              const BrenierCells *cells, BrenierStart *start, BrenierSolved *solved);
