/* job_end.h - How long the job that a run is part of still has. */
#pragma once

#include <stddef.h>

/* Seconds to the end of the job; negative if it is unknown. Then `sentence`, shape [length], describes a variable that
   cannot be read as a time, if there is one. Not collective. */
double BrenierSecondsOfJob_Private(size_t length, char sentence[]);
