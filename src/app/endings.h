/*
  endings.h - How a run ends that does not get to its end: by a signal, by an error, for want of memory or of time.

  The library returns PETSc errors; a foreseen one prints its sentence, once, from rank 0, and the program ends in order
  on every rank with the documented code. Memory that runs out on one rank ends all from there. Anything else prints
  PETSc's traceback and aborts with code 1. A signal that ends the run takes a half-written file away first.
*/
#pragma once

#include "command.h"

/* Signals, before MPI: what was ignored stays so, and a signal that comes while the libraries start is noted. Where the
   system permits, most of it has been done before main(). Not collective. */
void BrenierEndingsBegin(int argc, char **argv, char **environment);

/* Errors inside MPI. Collective on the world of MPI. */
void BrenierEndingsOfMpi(void);

/* Errors and signals while PETSc runs; *plain: PETSc's handler was asked not to be there. Collective on the world. */
void BrenierEndingsOfPetsc(const BrenierCommand *command, PetscBool *plain);

/* Gives PETSc its own handlers back. Collective on the world. */
void BrenierEndingsRelease(PetscBool plain);
