/* help.h - What is answered without a run: usage, -help, -version, and the reference that the documentation is made of.
   */
#pragma once

#include "command.h"

/*@
  BrenierAnswer - Answers a command line that asks for words alone

  Not collective; needs neither MPI nor PETSc

  Input Parameters:
+ argc, argv - the command line
. command    - its command, or NULL
- speaks     - whether this process is the one that prints

  Output Parameter:
. outcome - the exit code, when there was no run to do

  Notes: returns false when there is a run to do.
@*/
PetscBool BrenierAnswer(int argc, char **argv, const BrenierCommand *command, PetscBool speaks, BrenierExit *outcome);
