/*
  method.h - The methods that minimise the dual, by name.
*/
#pragma once

#include <petscsys.h>

typedef enum {
  BRENIER_METHOD_NEWTON, /* newton.h */
  BRENIER_METHOD_LMVM,   /* minimise.h: limited-memory quasi-Newton */
  BRENIER_METHOD_CG,     /* minimise.h: nonlinear conjugate gradients */
  BRENIER_METHOD_NTR,    /* minimise.h: Newton in a trust region */
  BRENIER_METHOD_ADAM,   /* descent.h: Adam, the method of AE-OT codes */
  BRENIER_METHOD_ASGD    /* descent.h: averaged stochastic gradient descent */
} BrenierMethod;

/* Names of the methods, in their order, ended by NULL: the values of -method. */
PETSC_EXTERN const char *const BrenierMethodNames[];

/*@
  BrenierMethodFixesSample - Tells whether a method works on one fixed sample (newton.h, minimise.h) or on fresh ones
  (descent.h)

  Not collective

  Input Parameter:
. method - the method

  Returns: true for a fixed sample

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierMethodFixesSample(BrenierMethod method);
