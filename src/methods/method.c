/* method.c - Implements method.h. */
#include <brenier/compat.h>
#include <brenier/method.h>

const char *const BrenierMethodNames[] = {"newton", "lmvm", "cg", "ntr", "adam", "asgd", NULL};

PetscBool BrenierMethodFixesSample(BrenierMethod method)
{
  return (PetscBool)(method < BRENIER_METHOD_ADAM);
}
