/* For tests that run side by side: a rank that waits for a message sleeps. Preloaded, so the program stays as it is.

   With mpi_yield_when_idle such a rank calls sched_yield() again and again. Linux runs it in turn with all that
   compute, each of them for some milliseconds, and it sees its message that much later. Who has slept runs at once. */
#include <time.h>

int sched_yield(void);

int sched_yield(void)
{
  const struct timespec shortest = {0, 1}; /* with the slack of Linux' timers some 50 microseconds */

  nanosleep(&shortest, NULL);
  return 0;
}
