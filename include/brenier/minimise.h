/*
  minimise.h - General methods of PETSc TAO on the sampled dual: quasi-Newton, conjugate gradients, trust-region Newton.

  TAO sees the energy in the variables z_i = sqrt(nu_i) h_i / length and in units of length, so that
    gradient_i = (w_i - nu_i) / sqrt(nu_i),       its norm is rho;
    hessian_ij = length H_ij / sqrt(nu_i nu_j),   of diagonal about 1,
  length the mass-weighted geometric mean of w_i / H_ii at the start: the change of height that changes a cell's mass by
  its own size. Targets, weights and units of any size then look alike. The energy does not change with a constant added
  to all heights; every evaluation gauges its heights.

  Empty cells are lifted until they touch u (dual.h) before the first step. Later ones have a gradient that raises them,
  but a zero row in the Hessian; while there are some, `ntr` adds damping diag(B) to it, B_i the diagonal, at least a
  fiftieth of its geometric mean: otherwise the equation for the step has no solution, because the rest alone is
  singular for constants. Without empty cells, the Hessian is used as it is.

  Reference: Benson, McInnes, More and others, TAO Users Manual; Nocedal and Wright, Numerical Optimization (2006).
*/
#pragma once

#include <brenier/method.h>
#include <brenier/newton.h>

/*@
  BrenierMinimise - Minimises the sampled dual from heights h by a method of PETSc TAO

  Collective on the dual

  Input Parameters:
+ dual    - the sampled dual
. targets - its targets
. method  - `BRENIER_METHOD_LMVM`, `BRENIER_METHOD_CG` or `BRENIER_METHOD_NTR`
. options - max_it, noise_part, residual, monitor and context; linear_rtol and damping for `ntr` alone
- h       - heights to start from

  Output Parameters:
+ h      - heights reached, gauged (sum nu h = 0)
. last   - what is known of them; damping is 0, and so is linear_iterations but for `ntr`, where it counts the steps
           turned down, too
- reason - why it ended; not reaching the goal is an outcome, not an error

  Errors: `PETSC_ERR_ARG_OUTOFRANGE` - another method

  Notes: stops by the rule of `BrenierNewton()`. One evaluation at each point that TAO tries. `ntr` takes a step whose
  change of energy is below 1e-12 length, whichever its sign: rounding, to TAO. TAO's options, which begin with -tao_,
  apply.
@*/
PETSC_EXTERN PetscErrorCode BrenierMinimise(BrenierDual dual, BrenierTargets targets, BrenierMethod method,
                                            const BrenierNewtonOptions *options, Vec h, BrenierIteration *last,
                                            BrenierReason *reason);
