/* method.c - Implements method.h. */
#include <brenier/compat.h>
#include <brenier/method.h>

const char *const BrenierMethodNames[] = {"newton", "lmvm", "cg", "ntr", "adam", "asgd", NULL};

const char *const BrenierMethodTexts[] = {"damped Newton for log mass = log nu (default)",
                                          "limited-memory quasi-Newton of PETSc TAO on the same sample",
                                          "nonlinear conjugate gradients of PETSc TAO on the same sample",
                                          "Newton in a trust region of PETSc TAO on the same sample",
                                          "Adam on fresh points, more of them when the error stalls",
                                          "averaged stochastic gradient descent, each sample seen once",
                                          NULL};

PetscBool BrenierMethodFixesSample(BrenierMethod method)
{
  return (PetscBool)(method < BRENIER_METHOD_ADAM);
}
