/* quadratic.h - Means of quadratic forms over the batches of a sample: controls of its energy (held_out.h). */
#pragma once

#include <brenier/dual.h>

/* Forms of x: |x|^2 and x' A x. */
enum { BRENIER_QUADRATICS = 2 };

/*@
  BrenierDualQuadratics - Gives the means of |x|^2 and of x' A x over each batch of a sample of circles

  Collective on the targets' communicator

  Input Parameters:
+ dual - the dual, of circles
- a    - symmetric matrix A, shape [dim, dim], the same on all ranks; unit: any

  Output Parameter:
. mean - means over the batches, shape [BRENIER_QUADRATICS, n_batches], the same for any number of ranks; unit:
         source^2, that of a source^2

  Errors: none of its own

  Cost: 2 dim^2 multiply-adds for each curve of this rank, which is drawn again; a reduction for each batch and form
@*/
PETSC_EXTERN PetscErrorCode BrenierDualQuadratics(BrenierDual dual, const PetscReal a[], PetscReal mean[]);
