/*
  mixture.h - Private to src/data: the components of a mixture of normal laws, sum_k p_k N(m_k, L_k L_k^T).

  References are counted, as sources that were copied share them.
*/
#pragma once

#include <brenier/source.h>

typedef struct {
  PetscInt   n;       /* number of components */
  PetscInt   dim;     /* of points */
  PetscInt   width;   /* of z in x = m_k + L_k z, z standard normal; dim where factors are the identity */
  PetscInt   factors; /* 0: the identity for all; 1: one for all; n */
  PetscReal *weight;  /* p_k, shape [n], which sum to 1 */
  PetscReal *below;   /* p_0 + ... + p_k, shape [n] */
  PetscReal *mean;    /* m_k, shape [n, dim] */
  PetscReal *factor;  /* L_k row by row, shape [factors, dim, width] */
  PetscInt   owners;
} BrenierMixture;

/* Copies and checks the components in dimension dim; weights are divided by their sum. Errors: `PETSC_ERR_USER_INPUT`
   - weights that are negative, not finite or do not sum to 1; numbers that are not finite; no component. Collective on
   comm. */
PetscErrorCode BrenierMixtureCreate(MPI_Comm comm, PetscInt dim, const BrenierMixtureParameters *given,
                                    BrenierMixture **mixture);
PetscErrorCode BrenierMixtureDestroy(BrenierMixture **mixture);

/* Takes the mean of all out of the components, mean[dim], and one square factor of full rank that all share,
   factor[dim, dim]: x = mean + factor z, z of the mixture that is left. *has_factor: whether there was one. Errors:
   `PETSC_ERR_USER_INPUT` - a factor is singular. Collective on comm. */
PetscErrorCode BrenierMixtureStandardise(MPI_Comm comm, BrenierMixture *mixture, PetscReal mean[], PetscReal factor[],
                                         PetscBool *has_factor);

/* The law of Q x, of rank rows; Q = NULL stands for the first coordinates. Not collective. */
PetscErrorCode BrenierMixtureProject(const BrenierMixture *mixture, PetscInt rank, const PetscReal basis[],
                                     BrenierMixture **projected);

/* The component that a number u in (0, 1) falls to: each has its weight. */
PetscInt BrenierMixtureComponent(const BrenierMixture *mixture, PetscReal u);

/* x = L_k z; z has `width` numbers. Threads may call it at once. */
void BrenierMixtureApply(const BrenierMixture *mixture, PetscInt k, const PetscReal z[], PetscReal x[]);

/* E |x|^2. */
PetscReal BrenierMixtureSecondMoment(const BrenierMixture *mixture);

/* Largest size of a coordinate of any mean, and the largest sum of sizes in a row of any factor. */
void BrenierMixtureReach(const BrenierMixture *mixture, PetscReal *mean, PetscReal *row);
