/*
  affine.h - Private to src/data: an affine change of coordinates x = m + L z of a source.

  References are counted, as sources that were reduced or copied share it.
*/
#pragma once

#include <petscsys.h>

typedef struct {
  PetscInt   dim, owners;
  PetscInt   width;  /* numbers in a row of the factor: 1 where it is diagonal, else dim */
  PetscReal *mean;   /* m, shape [dim] */
  PetscReal *factor; /* L row by row, shape [dim, width] */
} BrenierAffine;

/* Copies m and L; NULL stands for zeros, or ones of a diagonal. Errors: `PETSC_ERR_USER_INPUT` - a number is not
   finite. Collective on comm. */
PetscErrorCode BrenierAffineCreate(MPI_Comm comm, PetscInt dim, const PetscReal mean[], PetscInt width,
                                   const PetscReal factor[], BrenierAffine **affine);
PetscErrorCode BrenierAffineDestroy(BrenierAffine **affine);

/* x = m + L x, in place; threads may call it at once. */
void BrenierAffineApply(const BrenierAffine *affine, PetscReal x[]);

/* z = L^T y, and <m, y>. Not collective. */
void      BrenierAffineTranspose(const BrenierAffine *affine, const PetscReal y[], PetscReal z[]);
PetscReal BrenierAffinePairing(const BrenierAffine *affine, const PetscReal y[]);

/* |m|^2 + variance |L|^2, the second moment where each coordinate of z has mean 0 and this variance. */
PetscReal BrenierAffineSecondMoment(const BrenierAffine *affine, PetscReal variance);

/* A number that no coordinate of x exceeds in size, if none of z exceeds `reach`. */
PetscReal BrenierAffineReach(const BrenierAffine *affine, PetscReal reach);
