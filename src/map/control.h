/*
  control.h - Control variates of the energy: quadratic forms of x, whose means are known.

  The potential u of targets with covariance S is near x' S^(1/2) x / 2, which it would be for a normal law. Batch b of
  a sample has the energy u_b. Let q_b be its means of two forms, |x|^2 and x' A x with A near S^(1/2), less their
  expected values. The numbers
    u_b - <beta_b, q_b>,   beta_b fitted to the batches but b by least squares,
  have the mean of u, as beta_b and q_b are independent and q_b has mean zero. Their spread is smaller. A may be any
  matrix that does not depend on the sample.

  References: Glasserman, "Monte Carlo Methods in Financial Engineering" (2003), 4.1; for splitting, Avramidis and
  Wilson, Oper. Res. Lett. 14 (1993).
*/
#pragma once

#include <brenier/quadratic.h>

/* Most batches that controls are fitted to. */
enum { BRENIER_CONTROL_BATCHES = 64 };

/* Controls of the batches. */
typedef struct {
  PetscInt   n;    /* batches; 0 where there are no controls */
  PetscReal *mean; /* less the expected values, shape [BRENIER_QUADRATICS, n] */
} BrenierControl;

/* The controls of a sample that is drawn. There are none where curves are no circles of a law that is invariant under
   rotations, in many dimensions, and for few or very many batches. Collective on the targets. */
PetscErrorCode BrenierControlCreate(BrenierTargets targets, BrenierSource source, BrenierDual dual, PetscInt n_batches,
                                    BrenierControl *control);
PetscErrorCode BrenierControlDestroy(BrenierControl *control);

/* Subtracts from x, shape [n], what the controls explain; the mean of what was subtracted. Not collective. */
PetscReal BrenierControlSubtract(const BrenierControl *control, PetscReal x[]);
