/*
  newton.h - Damped Newton for log mass = log nu on the sampled dual.

  System. One iteration solves  (H + damping diag(B)) p = r  with
    r_i = w_i log(nu_i / w_i)                     where w_i < nu_i,
    r_i = nu_i - w_i                              where nu_i <= w_i <= 4 nu_i,
    r_i = -w_i (log(w_i / (4 nu_i)) + 3/4)        where w_i > 4 nu_i.
  The larger of the positive and the negative part of r is scaled down so that r sums to zero. B_i is H_ii, at least a
  fiftieth of the geometric mean of the diagonal, so that rows of empty cells are not singular. The mass of a cell is
  about an exponential of its height: the plain residual nu_i - w_i would raise a cell of mass nu/1000 a thousand times
  too far, and lower one of mass 1000 nu by a factor e at a time. Near the solution all residuals agree to second order,
  so convergence stays quadratic.

  Line search. A step is accepted when the energy decreases by a twentieth of the decrease that its slope predicts
  (Armijo). When the difference of the energies is below rounding, the slope at the new point gives the same guarantee
  by convexity. Otherwise the damping is raised.

  Empty cells. They are lifted until their planes touch u (dual.h), before the first step and after each step that
  leaves some. With candidate lists they are lifted only when there are more than a few, and once more at the end.

  Candidate lists. In the first iterations they are not checked. Step entries are then limited to ten height scales in
  size, and to two upwards for cells with few pieces.

  Descent. No step, lift or sequence of these is kept that raises the energy of the sample, but for rounding (1e-13 of
  it). Complete lists give that energy, and steps and lifts are compared by it; heights compared in this way are
  certified. Lists that are not checked give a lower bound of the energy. Steps that rest on them are provisional until
  the iteration ends or the lists are checked. Then this bound plus the largest possible deficit
  (`BrenierDualMissing()`) must not exceed the energy of the last certified heights. Otherwise the lists are completed;
  if the energy rose, the certified heights are restored with more damping, and lists are checked from then on. Several
  empty cells that are lifted at once may raise the energy, too. They are then lifted by less beyond their gaps, at last
  by nothing, which leaves u unchanged.

  Where distances of the targets span decades (scales.h), the system is that of the groups at all scales
  (src/methods/nodes.h), and there are no candidate lists.

  Reference for exact masses: Kitagawa, Merigot and Thibert, J. Eur. Math. Soc. 21 (2019). Their rule, which halves
  steps until no cell falls below a floor, stalls on sampled masses.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/iteration.h>

/* State of an iteration besides heights and sample. */
typedef struct {
  BrenierIteration now;
  PetscReal        height_scale;      /* geometric mean of nu_i / H_ii; 0 before the first Hessian */
  PetscReal        energy;            /* of `certified`, by complete lists */
  Vec              certified;         /* heights to go back to; borrowed; NULL before there are any */
  PetscBool lifted_last, needs_check; /* the last lift was done; lists are checked, as steps had raised the energy */
  PetscReal error;                    /* exact cells: largest |mass / nu - 1| of the iteration before */
  BrenierReason reason;               /* 0 while there is more to do */
} BrenierNewtonState;

/* How Newton proceeds. */
typedef struct {
  /* parameters */
  BrenierConvergence convergence;
  PetscReal          damping; /* of the first iteration */
  PetscReal          linear_rtol;
  PetscInt64 hessian_curves; /* about how many curves the Hessian is made from, if the sample is larger; 0 for all */
  PetscReal  height_scale;   /* height scale; 0 for unknown */
  PetscBool  certify;        /* whether the criterion must be met with complete candidate lists */
  PetscBool  lazy_lists;     /* whether present candidate lists may go unchecked from the start */
  Vec        diagonal_step;  /* NULL, or gets nu_i / H_ii, within a factor of 30 of its geometric mean */
  PetscErrorCode (*monitor)(void *context, const BrenierIteration *iteration); /* NULL for none; collective */
  /* Called before the first iteration and after each, when heights and sample belong to the state. An error ends the
     iteration at once; heights then have no meaning. NULL for none; collective */
  PetscErrorCode (*safe_point)(void *context, const BrenierNewtonState *state);
  void *context;
  const BrenierNewtonState
      *resume; /* NULL, or a state that safe_point got, with its heights and sample, to continue from */
} BrenierNewtonOptions;

#define BRENIER_DEFAULT_DAMPING     0.1
#define BRENIER_DEFAULT_LINEAR_RTOL 0.01

/*@
  BrenierNewtonDefaults - Sets default options: BRENIER_DEFAULT_DAMPING, BRENIER_DEFAULT_LINEAR_RTOL, the criteria of
  `BrenierConvergenceDefaults()`, complete lists at the end, no callbacks

  Not collective

  Output Parameter:
. options - the options

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierNewtonDefaults(BrenierNewtonOptions *options);

/*@
  BrenierNewton - Minimises the sampled dual from heights h

  Collective on the dual

  Input Parameters:
+ dual    - the sampled dual
. targets - its targets
- options - how Newton proceeds

  Input/Output Parameter:
. h - heights to start from, then the heights reached, gauged, laid out as the targets; unit: source target

  Output Parameters:
+ last   - record of the last iteration
- reason - why it stopped; not to meet the criterion is an outcome, not an error

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); heights and sample are between two states then. Errors of
  the callbacks are passed on

  Cost: one evaluation, one Hessian and one sparse linear solve an iteration when steps are accepted at once; an
  evaluation more for each step that is not

  Notes: The linear solver is PETSc's KSP without a prefix, CG by default (docs/devlog/2026-11.md names the
  preconditioner). Its options apply.
@*/
PETSC_EXTERN PetscErrorCode BrenierNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options,
                                          Vec h, BrenierIteration *last, BrenierReason *reason);

/*@
  BrenierNewtonUseOptions - Marks the options of the linear solver as used, by reading them into a solver of size 4

  Collective on PETSC_COMM_WORLD

  Errors: none of its own

  Cost: O(1)

  Notes: A program can then refuse options that nothing reads before the work instead of after it.
@*/
PETSC_EXTERN PetscErrorCode BrenierNewtonUseOptions(void);
