/* threads.c - Implements threads.h. */
#include <brenier/threads.h>

static PetscInt brenier_threads = 1;

void BrenierThreadsSet(PetscInt n)
{
  brenier_threads = n;
}

PetscInt BrenierThreads(void)
{
  return brenier_threads;
}
