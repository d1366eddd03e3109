/*
  iteration.h - What is recorded of an iteration of any method, when the iteration stops, and why it stopped.

  Of a sample of C curves with masses w:
    l1 = sum |w_i - nu_i|,   rho^2 = sum (w_i - nu_i)^2 / nu_i,   and the sampling error, in the norm of rho.
  The sampling error is estimated from batches of the sample. When rho is a small part of it, more iterations do not
  make the masses better; more curves do.
*/
#pragma once

#include <petscsys.h>

/* Why a method stopped: positive when it met its criterion. */
typedef enum {
  BRENIER_REASON_SAMPLING  = 1,  /* rho in sample is a small part of the sampling error */
  BRENIER_REASON_RESIDUAL  = 2,  /* l1 is below the residual asked for */
  BRENIER_REASON_ROUNDING  = 3,  /* residual at rounding level */
  BRENIER_REASON_QUANTILES = 4,  /* one dimension: heights come from quantiles, without iteration */
  BRENIER_REASON_SEEN      = 5,  /* a stochastic method has drawn all its samples */
  BRENIER_REASON_MAX_IT    = -1, /* iteration limit */
  BRENIER_REASON_STALLED   = -2, /* no step lowers the energy */
  BRENIER_REASON_LINEAR    = -3, /* the linear solver failed */
  BRENIER_REASON_UNSOUND   = -4  /* exact cells could not be computed: laguerre.h */
} BrenierReason;

/*@
  BrenierReasonText - Says in words why a method stopped

  Not collective

  Input Parameter:
. reason - the reason

  Returns: a phrase; a constant

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierReasonText(BrenierReason reason);

/* What is known after an iteration, in the order of the columns of /history: NEXT(member, name in the log, meaning),
   FIRST the same for the first. docs/reference/log.md has this table. To add a column: a line here, and its value where
   an iteration is measured. */
#define BRENIER_ITERATION_FIELDS(FIRST, NEXT)                                                                          \
  FIRST(iteration, iteration, "number of the Newton step, from 0")                                                     \
  NEXT(evaluations, evaluations, "energy, masses and Hessian at given heights, so often so far")                       \
  NEXT(seconds, solver_seconds, "wall time since the solve began")                                                     \
  NEXT(energy, energy, "sampled energy E")                                                                             \
  NEXT(l1, l1, "sum abs(w_i - nu_i) on the solver's own curves")                                                       \
  NEXT(rho, rho, "sqrt(sum (w_i - nu_i)^2 / nu_i) on the solver's own curves: a stopping rule, not the error")         \
  NEXT(sampling_error, sampling_error,                                                                                 \
       "sampling error: rho that the finite number of curves would show of perfect heights")                           \
  NEXT(empty, empty, "cells without mass")                                                                             \
  NEXT(damping, damping, "Levenberg-Marquardt damping, relative to the diagonal of the Hessian")                       \
  NEXT(step, step, "largest entry of the accepted step")                                                               \
  NEXT(linear_iterations, linear_iterations, "iterations of the linear solver in the accepted step")                   \
  NEXT(curves, curves, "size of the sample; it grows from stage to stage")                                             \
  NEXT(scanned, scanned, "curves that met all targets so far, one counted as often as it did")                         \
  NEXT(candidates, candidates, "mean length of the candidate lists; 0 without lists")

#define BRENIER_ITERATION_MEMBER(member, name, meaning) PetscReal member;
#define BRENIER_ITERATION_COUNT(member, name, meaning)  +1

typedef struct {
  BRENIER_ITERATION_FIELDS(BRENIER_ITERATION_MEMBER, BRENIER_ITERATION_MEMBER)
} BrenierIteration;

enum { BRENIER_ITERATION_COLUMNS = BRENIER_ITERATION_FIELDS(BRENIER_ITERATION_COUNT, BRENIER_ITERATION_COUNT) };

#undef BRENIER_ITERATION_MEMBER
#undef BRENIER_ITERATION_COUNT

PETSC_EXTERN const char BrenierIterationNames[]; /* "iteration,evaluations,..." */

/* When an iteration on a fixed sample stops, besides at rounding level. */
typedef struct {
  PetscInt  max_it;
  PetscReal sampling_part; /* when rho <= sampling_part * sampling error */
  PetscReal l1_part;       /* or when l1 <= l1_part * sampling error; a few heavy cells hardly change l1; 0 for never */
  PetscReal residual;      /* or when l1 <= residual; 0 for never */
  PetscReal rho;           /* or when rho <= rho; 0 for never */
} BrenierConvergence;

#define BRENIER_DEFAULT_MAX_IT 50

/*@
  BrenierConvergenceDefaults - Sets the default criteria: BRENIER_DEFAULT_MAX_IT iterations, rho at a tenth of the
  sampling error, no others

  Not collective

  Output Parameter:
. convergence - the criteria

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierConvergenceDefaults(BrenierConvergence *convergence);
