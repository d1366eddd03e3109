/* job_end.h - How long the job that a run is part of still has. */
#pragma once

#include <stddef.h>

/* Seconds to the end of the job; negative without one, when `sentence`, shape [length], says what else the variable
   holds, if it holds something. Not collective. */
double BrenierSecondsOfJob_Private(size_t length, char sentence[]);
