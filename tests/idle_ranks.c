/* For tests that run side by side: a rank that waits for a message sleeps. Preloaded, so the program stays as it is.

   With mpi_yield_when_idle such a rank calls sched_yield() again and again. Linux runs it in turn with all that
   compute, each of them for some milliseconds, and it sees its message that much later. Who has slept runs at once.
   In a wait of more than a millisecond it sleeps longer: each look for a message takes time from those that compute. */
#include <time.h>

int sched_yield(void);

static long Microseconds(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int sched_yield(void)
{
  enum { LOOK = 30, SHORT_SLEEPS = 20 };                             // a look takes less than so many microseconds
  const struct timespec     shortest = {0, 1}, longer = {0, 200000}; // with the slack of Linux' timers: 50, 250
  static _Thread_local long ended;                                   // the last sleep
  static _Thread_local int  n_sleeps;                                // in this wait

  n_sleeps = Microseconds() - ended < LOOK ? n_sleeps + 1 : 0;
  nanosleep(n_sleeps < SHORT_SLEEPS ? &shortest : &longer, NULL);
  ended = Microseconds();
  return 0;
}
