/*
  budget.h - How many curves, and by which method: the choices of a solve as functions of plain numbers.

  The sizes: curves of a stage, of its Hessian, of a measurement, of an epoch of SGD, of a descent. They follow from the
  tolerance and the memory. The choices: candidate lists or full scans, Newton or averaged SGD. solve.h has the reasons,
  tests/unit/test_budget.c has tables of results.

  Write K = C sampling_error^2, the sampling part of chi2 times the number of curves; K is about the same for every C.
  The minimiser of a sample of C curves has chi2 of about K / C on other curves, so
    C(tol) = K / tol^2 curves reach the tolerance, up to the margins below;
    C_eff = K / chi2 effective curves are what heights with an error of chi2 stand for.
  A stage, or an epoch, is at most brenier_growth times as large as what came before it.

  Nothing here is collective. All ranks have the same numbers; those that vary with the ranks are rounded to a few
  bits.
*/
#pragma once

#include <brenier/checkpoint.h>

/* The input of all choices. */
typedef struct {
  PetscInt   n, dim;       /* targets */
  PetscBool  circles;      /* curves are great circles, else chords */
  PetscBool  scales;       /* targets have scales: scales.h */
  PetscBool  newton;       /* the method */
  PetscBool  points;       /* a descent samples points, else curves */
  PetscBool  verify;       /* evaluations by lists are compared with full scans */
  PetscReal  tol;          /* 0: none */
  PetscInt64 curves;       /* asked for; 0: as the tolerance asks */
  PetscInt64 check_curves; /* the same of a measurement */
  PetscReal  warm_up;      /* curves of the warm-up over targets; below 0 to choose */
  PetscReal  sgd_from;     /* coordinates n dim from which averaged SGD may replace Newton */
  PetscReal  memory;       /* bytes of all ranks; 0: no bound */
  PetscInt64 most_curves;  /* of the source */
} BrenierBudget;

/* Accuracy of heights: by a measurement, or as predicted after a stage. */
typedef struct {
  PetscInt64 curves;         /* of the measurement */
  PetscReal  sampling_error; /* of rho on as many curves */
  PetscReal  rho, rho_high;  /* estimate, and upper end of its 95% interval */
} BrenierAccuracy;

/* Whether the targets have so many coordinates that one scan is expensive: a million. */
PetscBool BrenierBudgetIsLarge_Private(PetscInt n, PetscInt dim);

/*
  Whether to use candidate lists: where a scan of a curve costs more than the envelope of its list, which is for d >= 4
  and n d >= 10^4. In two and three dimensions a curve has hundreds of pieces, and a product costs two or three
  multiply-adds.
*/
PetscBool BrenierBudgetUsesLists_Private(PetscInt n, PetscInt dim);

/* Skin of the lists of a first sample, in height scales of the warm-up. */
extern const PetscReal brenier_first_skin;

/* Steps of averaged SGD, in a round of the warm-up or an epoch: so many that no single step dominates the mean. A large
   problem has fewer, and makes slightly less of its curves. */
PetscInt BrenierBudgetDescentSteps_Private(PetscInt n, PetscInt dim);

/* Clusters of the coarse steps of averaged SGD (methods/coarse.h): of a large problem; else 0. */
PetscInt BrenierBudgetCoarseClusters_Private(PetscInt n, PetscInt dim);

/* Curves asked for, or those that the tolerance is predicted to need before anything is measured. */
PetscReal BrenierBudgetPredictCurves_Private(const BrenierBudget *b);

/* Curves of the warm-up a target, before Newton or (alone) before SGD without Newton: as asked for, or a part of the
   predicted ones. */
PetscReal BrenierBudgetWarmUp_Private(const BrenierBudget *b, PetscBool alone);

/* Whether chords of the cube start from the solution on great circles for the Gaussian with the covariance of the cube.
   In fewer than five dimensions <x, y> is far from Gaussian for a uniform x, and a chord crosses many facets. */
PetscBool BrenierBudgetStartsOnCircles_Private(const BrenierBudget *b);

/* Number of clusters of the next coarser level for n targets: n / 8, or n / 32 where these are more than 1000, since
   the warm-up makes up for coarse clusters. 0 for no coarser level. */
PetscInt BrenierBudgetClusters_Private(PetscInt n);

/* Curves of a level. */
PetscInt64 BrenierBudgetLevelCurves_Private(PetscInt n_clusters, PetscBool circles);

/* Curves of the first stage. */
PetscInt64 BrenierBudgetFirstStageCurves_Private(const BrenierBudget *b);

/* Largest number of curves that memory holds: of fresh ones without lists; of a sample before it was scanned; of a
   sample with so many bytes of candidates and pieces a curve. */
PetscInt64 BrenierBudgetMaxFreshCurves_Private(const BrenierBudget *b);
PetscInt64 BrenierBudgetMaxUnscannedCurves_Private(const BrenierBudget *b, PetscBool lists);
PetscInt64 BrenierBudgetMaxSampleCurves_Private(const BrenierBudget *b, PetscReal bytes);

/* Bytes of so many candidates and pieces. */
PetscReal BrenierBudgetSampleBytes_Private(PetscReal n_candidates, PetscReal n_pieces);

/* Whether a sample of max_curves curves is of use to Newton on the way to `wanted`. */
PetscBool BrenierBudgetSampleIsUseful_Private(const BrenierBudget *b, PetscInt64 max_curves, PetscReal wanted);

/* Size of the next stage, after one of `now` curves, on the way to `wanted`: equal factors from stage to stage, at most
   max_curves. *sgd_follows: no larger sample fits. */
PetscInt64 BrenierBudgetNextStageCurves_Private(const BrenierBudget *b, PetscInt64 now, PetscReal wanted,
                                                PetscInt64 max_curves, PetscBool *sgd_follows);

/* Curves that the Hessian of a stage is assembled from. */
PetscInt64 BrenierBudgetHessianCurves_Private(const BrenierBudget *b);

/* C(tol), by the sampling error of a sample of `size` curves; and after a measurement above the tolerance, of heights
   fitted to `now` curves. */
PetscReal BrenierBudgetToleranceCurves_Private(const BrenierBudget *b, PetscReal sampling_error, PetscInt64 size);
PetscReal BrenierBudgetRetryCurves_Private(const BrenierBudget *b, const BrenierAccuracy *accuracy, PetscInt64 now);

/* Curves of a held-out measurement whose interval is narrow enough to decide whether heights fitted to `now` curves
   meet the tolerance. */
PetscInt64 BrenierBudgetMeasurementCurves_Private(const BrenierBudget *b, PetscInt64 now);

/* Whether averaged SGD follows the warm-up at once, without a stage of Newton. */
PetscBool BrenierBudgetSkipsNewton_Private(const BrenierBudget *b);

/* Whether averaged SGD follows a stage of `now` curves where `wanted` are needed: in large problems, and where targets
   have scales, in few dimensions only if Newton stalls. */
PetscBool BrenierBudgetSwitchesToSgd_Private(const BrenierBudget *b, PetscInt64 now, PetscReal wanted,
                                             PetscBool stalls);

/* Predicted held-out accuracy of heights fitted to so many curves, by sampling error and L1 residual in sample: the two
   errors in quadrature. */
BrenierAccuracy BrenierBudgetPredictHeldOut_Private(const BrenierBudget *b, PetscInt64 curves, PetscReal sampling_error,
                                                    PetscReal l1);

/* Plans the next epoch from the accuracy of its start, after `used` curves, of which Newton's sample has `sample`:
   number of steps and size of the mini-batch. sgd: as the epoch before left it; 0 before the first. */
void BrenierBudgetPlanEpoch_Private(const BrenierBudget *b, const BrenierAccuracy *accuracy, PetscInt64 sample,
                                    PetscInt64 used, BrenierSgdState *sgd);

/* Samples of a descent, points or curves: at attempt 0 as many as a perfect use of them would need for the tolerance,
   then twice as many at each attempt. */
PetscInt64 BrenierBudgetDescentSamples_Private(const BrenierBudget *b, PetscInt attempt);
