/*
  minimise.h - General methods of PETSc TAO on the sampled dual: quasi-Newton, conjugate gradients, trust-region Newton.

  TAO minimises the energy in the variables z_i = sqrt(nu_i) h_i / s and in units of s, so that
    gradient_i = (w_i - nu_i) / sqrt(nu_i),       its norm is rho;
    hessian_ij = s H_ij / sqrt(nu_i nu_j),        of diagonal about 1.
  s is the height scale at the start, the mass-weighted geometric mean of w_i / H_ii: the change of height that changes
  a mass by 100%. The variables do not depend on the size of targets, weights and units. A constant added to all heights
  does not change the energy; every evaluation gauges its heights.

  Empty cells are lifted until they touch u (dual.h) before the first step. Cells that become empty later have a
  gradient that raises them, but a zero row in the Hessian. While there are some, `ntr` adds damping diag(B) to the
  Hessian, B_i its diagonal, at least a fiftieth of the geometric mean. Otherwise the equation for the step would have
  no solution, because the other rows alone are singular for constants. Without empty cells the Hessian is not changed.

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
- options - max_it, noise_part, residual, monitor and context; linear_rtol and damping for `ntr` alone

  Input/Output Parameter:
. h - heights to start from, then the heights reached, gauged, laid out as the targets; unit: source target

  Output Parameters:
+ last   - record of the last iteration; damping is 0; linear_iterations is 0 but for `ntr`, where rejected steps count
- reason - why it stopped; not to meet the criterion is an outcome, not an error

  Errors:
+ `PETSC_ERR_ARG_OUTOFRANGE` - another method
- `BRENIER_STOPPED`          - a stop was asked for (stop.h)

  Cost: one evaluation at each point that TAO tries; for `ntr` one Hessian and one linear solve a step

  Notes: It stops by the criteria of `BrenierNewton()`. `ntr` accepts a step whose change of energy is below 1e-12 s, of
  either sign, because TAO takes it for rounding. Options of TAO, which begin with -tao_, apply.
@*/
PETSC_EXTERN PetscErrorCode BrenierMinimise(BrenierDual dual, BrenierTargets targets, BrenierMethod method,
                                            const BrenierNewtonOptions *options, Vec h, BrenierIteration *last,
                                            BrenierReason *reason);
