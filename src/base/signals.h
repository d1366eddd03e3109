/* signals.h - Signals of the process, for the stop of a context (BrenierStopCatch() in stop.h). */
#pragma once

#include <petscsys.h>

/* Whether one came that asks to stop. Not collective. */
PetscBool BrenierSignalCame_Private(void);

/* Seconds since signals were first caught; 0 if they are not caught. Not collective. */
double BrenierSecondsSoFar_Private(void);
