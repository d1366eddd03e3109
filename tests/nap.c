/* For tests that stop a run: it takes its time, and computes little. Preloaded, so the program stays as it is.

   With BRENIER_TEST_NAP=SECONDS a process sleeps after each file that it puts in its place, as it does with every
   checkpoint; a signal wakes it. Without, nothing changes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int rename(const char *from, const char *to)
{
  const char  *wanted  = getenv("BRENIER_TEST_NAP");
  const double seconds = wanted ? atof(wanted) : 0.0;
  const int    failed  = renameat(AT_FDCWD, from, AT_FDCWD, to);

  if (!failed && seconds > 0.0) {
    const struct timespec nap = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};

    nanosleep(&nap, NULL);
  }
  return failed;
}
