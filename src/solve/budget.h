/*
  budget.h - How many curves, and by which method: the choices of a solve as functions of plain numbers.

  How many curves a stage, its Hessian, a measurement, a pass and a descent have, by what the tolerance asks and what
  memory holds; whether lists and passes pay. solve.h says why; tests/unit/test_budget.c has tables of what comes out. K
  = noise^2 C, the sampling part of chi2 times the number of curves, is about the same for every C, and K / chi2 curves
  are what heights are worth.

  Nothing here is collective. All ranks have the same numbers, rounded to their first bits where ranks would differ.
*/
#pragma once

#include <brenier/checkpoint.h>

/* What the choices follow from. */
typedef struct {
  PetscInt   n, dim;       /* targets */
  PetscBool  circles;      /* curves are great circles, else chords */
  PetscBool  scales;       /* targets have scales: scales.h */
  PetscBool  newton;       /* the method */
  PetscBool  points;       /* a descent sees points, else curves */
  PetscBool  verify;       /* lists are compared with full scans */
  PetscReal  tol;          /* 0: none */
  PetscInt64 curves;       /* asked for; 0: as the tolerance asks */
  PetscInt64 check_curves; /* the same of a measurement */
  PetscReal  warm_up;      /* curves of the warm-up over targets; below 0 for as many as suit */
  PetscReal  memory;       /* bytes of all ranks; 0: no bound */
  PetscInt64 most_curves;  /* that the source can give */
} BrenierBudget;

/* What a measurement, or a stage that takes the place of one, says of the heights. */
typedef struct {
  PetscInt64 curves;         /* it was made on */
  PetscReal  sampling_error; /* sampling part of rho of as many */
  PetscReal  rho, rho_high;  /* measured, and the upper end of its interval */
} BrenierAccuracy;

/* Whether targets have so many coordinates that to go through them once costs: a million. */
PetscBool BrenierBudgetIsLarge_Private(PetscInt n, PetscInt dim);

/*
  Whether candidate lists pay, which they do where a scan costs more than a walk. In the plane and in space it never
  does: there are hundreds of pieces on a curve, whose walk grows with the length of the list, and a product is two or
  three multiply-adds.
*/
PetscBool BrenierBudgetUsesLists_Private(PetscInt n, PetscInt dim);

/* Slack of the lists of a first sample, in parts of the length of the warm-up. */
extern const PetscReal brenier_first_skin;

/* Steps of an averaged descent, a round of warm-up or a pass: enough for the mean to forget the last of them; fewer,
   with a little less use of the curves, for a large problem. */
PetscInt BrenierBudgetDescentSteps_Private(PetscInt n, PetscInt dim);

/* Curves that the tolerance, or the user, will take, before anything is measured. */
PetscReal BrenierBudgetPredictCurves_Private(const BrenierBudget *b);

/* Curves of the warm-up a target, before Newton or (alone) before passes at once: as asked for, or a part of those
   expected. */
PetscReal BrenierBudgetWarmUp_Private(const BrenierBudget *b, PetscBool alone);

/* Whether a start by great circles for the Gaussian of the cube's covariance serves chords: in fewer dimensions <x,y>
   is far from Gaussian for a uniform x, and a chord crosses many facets. */
PetscBool BrenierBudgetStartsOnCircles_Private(const BrenierBudget *b);

/* Clusters that n targets are solved by first: few where all is quickly solved, more of many targets, down to some
   number, as the warm-up evens out the rest and finer clusters cost more than they save; 0 where there are too few to
   be worth it. */
PetscInt BrenierBudgetClusters_Private(PetscInt n);

/* Curves that so many clusters are solved on. */
PetscInt64 BrenierBudgetLevelCurves_Private(PetscInt n_clusters, PetscBool circles);

/* Curves of a first stage. */
PetscInt64 BrenierBudgetFirstStageCurves_Private(const BrenierBudget *b);

/* Curves that memory holds: seen once and forgotten; of a sample before any is seen; of so many bytes of candidates and
   pieces each. */
PetscInt64 BrenierBudgetMaxFreshCurves_Private(const BrenierBudget *b);
PetscInt64 BrenierBudgetMaxUnscannedCurves_Private(const BrenierBudget *b, PetscBool lists);
PetscInt64 BrenierBudgetMaxSampleCurves_Private(const BrenierBudget *b, PetscReal bytes);

/* Bytes of candidates in lists and of pieces on envelopes. */
PetscReal BrenierBudgetSampleBytes_Private(PetscReal n_candidates, PetscReal n_pieces);

/* Whether a sample of `fit` curves at most is of use to Newton on the way to `wanted`. */
PetscBool BrenierBudgetSampleIsUseful_Private(const BrenierBudget *b, PetscInt64 max_curves, PetscReal wanted);

/* Size of the next stage, after one of `now` curves, on the way to `wanted`: equal growth from stage to stage, and what
   fits. *passes when no larger sample fits. */
PetscInt64 BrenierBudgetNextStageCurves_Private(const BrenierBudget *b, PetscInt64 now, PetscReal wanted,
                                                PetscInt64 max_curves, PetscBool *sgd_follows);

/* Curves of a stage's Hessian. */
PetscInt64 BrenierBudgetHessianCurves_Private(const BrenierBudget *b);

/* Curves that the tolerance asks for, by the noise of a sample of `size` curves; and after a measurement above it of
   heights of `now` curves. */
PetscReal BrenierBudgetToleranceCurves_Private(const BrenierBudget *b, PetscReal sampling_error, PetscInt64 size);
PetscReal BrenierBudgetRetryCurves_Private(const BrenierBudget *b, const BrenierAccuracy *accuracy, PetscInt64 now);

/* Curves of a held-out sample whose interval is narrow enough to tell whether heights of `now` curves meet the
   tolerance. */
PetscInt64 BrenierBudgetMeasurementCurves_Private(const BrenierBudget *b, PetscInt64 now);

/* Whether passes to the tolerance pay from the warm-up on, without a stage of Newton: whatever else the solve finds
   out. */
PetscBool BrenierBudgetSkipsNewton_Private(const BrenierBudget *b);

/* Whether passes pay after a stage of `now` curves, with `wanted` to come to. */
PetscBool BrenierBudgetSwitchesToSgd_Private(const BrenierBudget *b, PetscInt64 now, PetscReal wanted);

/* What heights of `curves` curves are expected to be measured as, by their noise and L1 residual in sample. */
BrenierAccuracy BrenierBudgetPredictHeldOut_Private(PetscInt64 curves, PetscReal sampling_error, PetscReal l1);

/* Steps of the next pass, and curves of each: by what the heights are worth, after `used` curves, `sample` of them
   Newton's. `pass` comes as the pass before has left it, all 0 before the first. */
void BrenierBudgetPlanEpoch_Private(const BrenierBudget *b, const BrenierAccuracy *accuracy, PetscInt64 sample,
                                    PetscInt64 used, BrenierSgdState *sgd);

/* Samples of a descent, points or curves, twice as many at each attempt: a perfect use of the first would meet the
   tolerance. */
PetscInt64 BrenierBudgetDescentSamples_Private(const BrenierBudget *b, PetscInt attempt);
