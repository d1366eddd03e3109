/* signals.c - Signals of the process: a flag that asks to stop, and the time when they were first caught. They are the
   only state of the library that belongs to the process and not to a context. */
#define _POSIX_C_SOURCE 200809L
#include "signals.h"

#include <brenier/compat.h>
#include <brenier/stop.h>

#include <signal.h>
#include <time.h>
#include <unistd.h>

/* A second TERM after so many seconds is meant; sooner it is the first, which some launchers send twice. */
static const double brenier_term_again = 1.0;

static volatile sig_atomic_t brenier_signal_came;
static struct timespec       brenier_term_came; /* when TERM came first; 0 for not yet */
static struct timespec       brenier_caught;    /* when signals were first caught; 0 for not yet */
static void (*brenier_clean)(void);

/* Seconds between two readings of one clock. */
static double Between(const struct timespec *begin, const struct timespec *end)
{
  return (double)(end->tv_sec - begin->tv_sec) + 1e-9 * (double)(end->tv_nsec - begin->tv_nsec);
}

/* A second request ends the process at once: a library that hangs never reaches a safe point. */
static void EndIfAgain(void)
{
  static const char sentence[] =
      "brenier: error: a second TERM came, so the run ends here; its last checkpoint stands\n";
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  if (brenier_term_came.tv_sec == 0) brenier_term_came = now;
  if (Between(&brenier_term_came, &now) < brenier_term_again) return;
  (void)!write(STDERR_FILENO, sentence, sizeof sentence - 1);
  BrenierStopCleanNow();
  _exit(128 + SIGTERM);
}

void BrenierStopClean(void (*clean)(void))
{
  brenier_clean = clean;
}

void BrenierStopCleanNow(void)
{
  if (brenier_clean) brenier_clean();
}

static void NoteSignal(int signal)
{
  if (signal == SIGTERM) EndIfAgain();
  brenier_signal_came = 1;
}

void BrenierStopCatch(void)
{
  static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGXCPU};
  struct sigaction action    = {.sa_handler = NoteSignal, .sa_flags = SA_RESTART};

  if (brenier_caught.tv_sec == 0) clock_gettime(CLOCK_MONOTONIC, &brenier_caught);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; ++i) sigaction(signals[i], &action, NULL);
}

PetscBool BrenierSignalCame_Private(void)
{
  return (PetscBool)(brenier_signal_came != 0);
}

double BrenierSecondsSoFar_Private(void)
{
  struct timespec now;

  if (brenier_caught.tv_sec == 0) return 0.0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Between(&brenier_caught, &now);
}
