/*
  newton.h - Damped Newton for log mass = log nu on the sampled dual.

  One iteration solves  (H + damping diag(B)) p = r,  r_i = w_i log(nu_i / w_i) where w_i < nu_i, nu_i - w_i up to 4
  nu_i, and -w_i (log(w_i / (4 nu_i)) + 3/4) beyond, the larger of the two parts scaled down so that r sums to zero; B_i
  is H_ii, at least a fiftieth of the geometric mean of the diagonal, so that rows of empty cells are not singular. A
  cell's mass behaves like an exponential of its height: the plain residual asks a cell with nu/1000 to rise a thousand
  times too far, and one with 1000 nu to fall a factor e at a time. Near the solution all residuals agree to second
  order, so convergence stays quadratic.

  A step is taken when the energy falls by a twentieth of what its slope promises (Armijo); convexity gives the same
  guarantee from the slope at the new point when the energy's difference drowns in rounding. Otherwise the damping is
  raised. Empty cells are lifted until they touch u (dual.h) before the first step and after each that leaves some;
  while candidate lists are kept, only when they are more than a few, and once more at the end. Lists are trusted in the
  first iterations; meanwhile no entry of a step exceeds 10 lengths, and 2 lengths up where a cell has few pieces.

  No step, lift or run of them that raises the energy of the sample is kept, but for rounding (1e-13 of it). Lists in
  which nothing is missing give that energy, and every step and lift is compared by it; heights compared so are
  certified. Trusted lists give a lower bound: steps by them are provisional until the iteration ends, well or not, or
  trust does. Then the energy by trusted lists and what they lack at most (dual.h, from the lists alone) must not be
  above that of the last certified heights; else lists are mended, and where the energy rose these come back, more
  damped, and lists are not trusted any more. Several empty cells that come up at once may raise it, too: then they are
  lifted by less beyond their gaps, at last by none, which leaves u as it is.

  Where distances of the targets span decades (scales.h), the system is that of the groups at all scales
  (src/methods/nodes.h), and lists are not kept.

  Reference for exact masses: Kitagawa, Merigot and Thibert, J. Eur. Math. Soc. 21 (2019). Their rule, to halve steps
  until no cell falls below a floor, stalls on sampled masses.
*/
#pragma once

#include <brenier/dual.h>
#include <brenier/iteration.h>

/* Besides heights and sample, what an iteration continues from. */
typedef struct {
  BrenierIteration now;
  PetscReal        height_scale;             /* geometric mean of nu_i / H_ii; 0 before the first Hessian */
  PetscReal        energy;                   /* of `certified`, by lists in which nothing was missing */
  Vec              certified;                /* heights to go back to; borrowed; NULL before there are any */
  PetscBool        lifted_last, needs_check; /* distrusts: lists, since steps by them raised the energy */
  PetscReal        error;                    /* exact cells: largest |mass / nu - 1| of the iteration before */
  BrenierReason    reason;                   /* 0 while there is more to do */
} BrenierNewtonState;

typedef struct {
  /* parameters */
  BrenierConvergence convergence;
  PetscReal          damping; /* to begin with */
  PetscReal          linear_rtol;
  PetscInt64 hessian_curves; /* curves that the Hessian is made from, about, when the sample is larger; 0 for all */
  PetscReal  height_scale;   /* what height changes a typical mass by its own size; 0 for unknown */
  PetscBool  certify;        /* whether the end must hold with every candidate list mended */
  PetscBool  lazy_lists;     /* whether the candidate lists that there are may be trusted from the start */
  Vec        diagonal_step;  /* NULL, or gets nu_i / H_ii, within a factor of 30 of its geometric mean */
  PetscErrorCode (*monitor)(void *context, const BrenierIteration *iteration); /* NULL for none; collective */
  /* Sees the state before the first iteration and after each, heights and sample belonging to it; an error ends the
     iteration at once, with heights of no meaning. NULL for none; collective */
  PetscErrorCode (*safe_point)(void *context, const BrenierNewtonState *state);
  void *context;
  const BrenierNewtonState
      *resume; /* NULL, or a state that safe_point saw, with its heights and sample, to go on from */
} BrenierNewtonOptions;

#define BRENIER_DEFAULT_DAMPING     0.1
#define BRENIER_DEFAULT_LINEAR_RTOL 0.01

/* Defaults: these, and of the convergence. Not collective. */
PETSC_EXTERN void BrenierNewtonDefaults(BrenierNewtonOptions *options);

/*@
  BrenierNewton - Minimises the sampled dual from heights h

  Collective on the dual

  Input Parameters:
+ dual    - the sampled dual
. targets - its targets
. options - see above
- h       - heights to start from

  Output Parameters:
+ h      - heights reached, gauged (sum nu h = 0)
. last   - what is known of them
- reason - why it ended; not reaching the goal is an outcome, not an error

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h); heights and sample are between two states

  Notes: the linear solver is PETSc's KSP without a prefix: CG by default, see docs/solver.md for the preconditioner;
  its options apply. One evaluation and one Hessian an iteration when steps are accepted at once.
@*/
PETSC_EXTERN PetscErrorCode BrenierNewton(BrenierDual dual, BrenierTargets targets, const BrenierNewtonOptions *options,
                                          Vec h, BrenierIteration *last, BrenierReason *reason);

/*@
  BrenierNewtonUseOptions - Marks the linear solver's options as used by reading them once into a solver of no effect

  Collective on the world

  Notes: lets a program refuse an option that nothing reads before the work instead of after it.
@*/
PETSC_EXTERN PetscErrorCode BrenierNewtonUseOptions(void);
