/*
  iteration.h - What an iteration of any method tells, when it has got where it should, and why it ended.

  Of a sample of C curves with masses w:
    l1 = sum |w_i - nu_i|,   rho^2 = sum (w_i - nu_i)^2 / nu_i,   noise: the sampling part of rho,
  by batches of the sample. Below a part of the noise more curves would help and more iterations would not.
*/
#pragma once

#include <petscsys.h>

/* Why a method ended: positive when it got where it should. */
typedef enum {
  BRENIER_REASON_NOISE     = 1,  /* rho in sample is a small part of the sampling error */
  BRENIER_REASON_RESIDUAL  = 2,  /* the L1 residual asked for */
  BRENIER_REASON_ROUNDING  = 3,  /* residual at rounding level */
  BRENIER_REASON_QUANTILES = 4,  /* one dimension: the heights are known, no iteration was needed */
  BRENIER_REASON_SEEN      = 5,  /* a stochastic method has seen its samples */
  BRENIER_REASON_MAX_IT    = -1, /* iteration limit */
  BRENIER_REASON_STALLED   = -2, /* no step gives descent */
  BRENIER_REASON_LINEAR    = -3, /* the linear solver failed */
  BRENIER_REASON_UNSOUND   = -4  /* exact cells could not be computed: laguerre.h */
} BrenierReason;

/* A reason in words. Not collective. */
PETSC_EXTERN const char *BrenierReasonText(BrenierReason reason);

/* What is known after an iteration; also the columns of /history, in this order. */
typedef struct {
  PetscReal iteration, evaluations; /* both counted from the start */
  PetscReal seconds;
  PetscReal energy;
  PetscReal l1, rho; /* in-sample residuals: sum |w - nu|; root-mean-square relative error */
  PetscReal noise;   /* estimated sampling part of rho */
  PetscReal empty;
  PetscReal damping;
  PetscReal step;              /* largest |p_i| */
  PetscReal linear_iterations; /* of the accepted step */
  PetscReal curves;            /* size of the sample */
  PetscReal scanned;           /* curves that met all targets so far, one counted as often as it did */
  PetscReal candidates;        /* mean length of the candidate lists */
} BrenierIteration;

enum { BRENIER_ITERATION_COLUMNS = 14 };
PETSC_EXTERN const char BrenierIterationNames[]; /* "iteration,evaluations,..." */

/* When an iteration on a fixed sample ends, besides at rounding level. */
typedef struct {
  PetscInt  max_it;
  PetscReal noise_part; /* when rho <= noise_part * noise */
  PetscReal l1_part;    /* or when l1 <= l1_part * noise, which a few heavy cells do not spoil; 0 for never */
  PetscReal residual;   /* or when l1 <= residual; 0 for never */
  PetscReal rho;        /* or when rho <= rho; 0 for never */
} BrenierConvergence;

/* Defaults: 50 iterations, rho a tenth of the noise. Not collective. */
PETSC_EXTERN void BrenierConvergenceDefaults(BrenierConvergence *convergence);
