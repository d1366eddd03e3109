/* limits.h - What the system and the shell leave a run to work with (ulimit, open streams), made fit or refused in a
   sentence. */
#pragma once

#include <brenier/base.h>

/* Before the libraries are initialised: opens what standard streams are closed on /dev/null, has a write beyond the
   limit of a file's size fail instead of killing, raises soft limits that are below what a start needs, has XCPU come a
   second before KILL, and keeps BLAS to one thread where address space is limited, for which the program begins anew.
   Async-signal-safe functions only. Not collective. */
void BrenierLimitsPrepare(char **argv, char **environment);

/* What the limits leave no room for, found before MPI starts: BRENIER_EXIT_DONE when there is nothing. `speaks`:
   whether this is the process that says it. Not collective. */
BrenierExit BrenierLimitsCheck(PetscBool speaks);

/* Has BLAS take its buffer while it can be refused: it asks for ever later on. Collective on the world of MPI, before
   PETSc. */
BrenierExit BrenierLimitsReserve(void);
