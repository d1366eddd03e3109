/* signals.h - What signals of the process tell whoever can be stopped (BrenierStopCatch() in stop.h). */
#pragma once

#include <petscsys.h>

/* Whether one came that asks to stop. Not collective. */
PetscBool BrenierSignalCame_Private(void);

/* Seconds since signals were first caught; 0 where they are not. Not collective. */
double BrenierSecondsSoFar_Private(void);
