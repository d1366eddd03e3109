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
  BRENIER_METHOD_ADAM,   /* descent.h: what AE-OT codes use */
  BRENIER_METHOD_ASGD    /* descent.h: averaged stochastic gradient descent */
} BrenierMethod;

/* Names of the methods, in their order, ended by NULL: the values of -method. */
PETSC_EXTERN const char *const BrenierMethodNames[];

/* Whether a method works on one fixed sample (newton.h, minimise.h) rather than on fresh samples (descent.h). Not
   collective. */
PETSC_EXTERN PetscBool BrenierMethodFixesSample(BrenierMethod method);
