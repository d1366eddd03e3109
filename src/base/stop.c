/* stop.c - Implements stop.h: a flag that signals raise, a clock and a file that rank 0 looks at, one maximum over the ranks. */
#define _POSIX_C_SOURCE 200809L
#include <brenier/compat.h>
#include <brenier/log.h>
#include <brenier/stop.h>
#include <brenier/threads.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const double brenier_file_interval = 1.0; /* seconds between two looks for the file */

/* What a run may take to wind up after a signal: a part of the time so far, and seconds; and beyond its limit. */
static const double brenier_wind_part = 0.1, brenier_wind_least = 5.0, brenier_over_part = 0.05,
                    brenier_over_least = 1.0;

/* The end of a job that is so long past is another job's; beyond the second, no job has one. Seconds. */
static const double brenier_long_past = 600.0, brenier_far_ahead = 1e9;

/* A second TERM after so many seconds is meant; sooner it is the first, which some launchers send twice. */
static const double brenier_term_again = 1.0;

static const char brenier_job_end[] = "SLURM_JOB_END_TIME";

/* One for a program, as its signals are. */
static volatile sig_atomic_t brenier_signal_came;
static struct timespec       brenier_term_came; /* when TERM came first; 0 for not yet */
static struct timespec       brenier_caught;    /* when signals were first caught; 0 for not yet */
static struct {
  PetscBool         active, held, winding_up, limited;
  PetscBool         of_job;               /* the deadline is the end of the job */
  double            begun, deadline;      /* by MPI_Wtime(), which may count from now: either may be negative */
  double            processor;            /* seconds of it that this process may use; 0 for no limit */
  double            cost, longest_gap;    /* seconds */
  double            last_asked, looked;   /* by MPI_Wtime(); 0 for never */
  BrenierStopReason reason;               /* the first found; the same on all ranks */
  long              test_stop, test_late; /* safe points to go until a test stops; 0 for none */
  char              file[PETSC_MAX_PATH_LEN];
} brenier_stop;

/* Seconds between two readings of one clock. */
static double Between(const struct timespec *begin, const struct timespec *end)
{
  return (double)(end->tv_sec - begin->tv_sec) + 1e-9 * (double)(end->tv_nsec - begin->tv_nsec);
}

static void (*brenier_clean)(void);

/* Whoever asks twice does not want to wait for a safe point, which a library that hangs never comes to. */
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

/* The time that a date as Slurm prints it means, 2026-11-29T12:00:00 in local time; -1 when it is none. */
static double TimeOfDate(const char text[])
{
  struct tm when = {.tm_isdst = -1};
  int       end  = 0;

  if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour, &when.tm_min,
             &when.tm_sec, &end) != 6 ||
      text[end])
    return -1.0;
  when.tm_year -= 1900;
  when.tm_mon -= 1;
  return (double)mktime(&when);
}

/* Whether Slurm's words say that a job has no end. */
static PetscBool IsEndless(const char text[])
{
  static const char *const words[] = {"", "UNLIMITED", "INFINITE", "NONE", "N/A", "UNKNOWN", "0"};

  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
    if (!strcasecmp(text, words[i])) return PETSC_TRUE;
  return PETSC_FALSE;
}

/* Seconds to the end of the job; negative without one, when *sentence says what else the variable holds, if it holds something. */
static double SecondsOfJob(size_t length, char sentence[])
{
  const char *text = getenv(brenier_job_end);
  char       *end;
  double      when, left;

  sentence[0] = '\0';
  if (!text || IsEndless(text)) return -1.0;
  when = (double)strtoll(text, &end, 10);
  if (end == text || *end) when = TimeOfDate(text);
  left = when - (double)time(NULL);
  if (when <= 0.0)
    snprintf(sentence, length, "notice: %s is '%.40s', which is no time; it is ignored", brenier_job_end, text);
  else if (left < -brenier_long_past)
    snprintf(sentence, length,
             "notice: %s is '%.40s', %.1f hours ago: it is taken for that of another job, and ignored; unset it",
             brenier_job_end, text, -left / 3600.0);
  else if (left < brenier_far_ahead) return PetscMax(left, 0.0);
  return -1.0;
}

/* Seconds since signals were first caught. */
static double SecondsSoFar(void)
{
  struct timespec now;

  if (brenier_caught.tv_sec == 0) return 0.0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Between(&brenier_caught, &now);
}

/* The limit of processor time, in seconds; 0 for none. */
static double ProcessorLimit(void)
{
  struct rlimit limit;

  return getrlimit(RLIMIT_CPU, &limit) || limit.rlim_cur == RLIM_INFINITY ? 0.0 : (double)limit.rlim_cur;
}

/* Seconds until processor time is over, all threads at work; infinite without a limit. */
static double ProcessorLeft(void)
{
  struct timespec used;

  if (brenier_stop.processor <= 0.0) return PETSC_INFINITY;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (brenier_stop.processor - (double)used.tv_sec - 1e-9 * (double)used.tv_nsec) / (double)BrenierThreads();
}

/* Seconds until the sooner of all limits; infinite without one. */
static double Left(void)
{
  const double wall = brenier_stop.limited ? brenier_stop.deadline - MPI_Wtime() : PETSC_INFINITY;

  return PetscMin(wall, ProcessorLeft());
}

void BrenierStopCatch(void)
{
  static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGXCPU};
  struct sigaction action    = {.sa_handler = NoteSignal, .sa_flags = SA_RESTART};

  if (brenier_caught.tv_sec == 0) clock_gettime(CLOCK_MONOTONIC, &brenier_caught);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; ++i) sigaction(signals[i], &action, NULL);
}

/* For tests: BRENIER_TEST_STOP_AT=N stops at the Nth safe point, as a signal would; N,M calls the Mth one late while winding
   up. */
static void ReadTest(void)
{
  const char *text = getenv("BRENIER_TEST_STOP_AT");
  char       *end;

  if (!text) return;
  brenier_stop.test_stop = strtol(text, &end, 10);
  if (*end == ',') brenier_stop.test_late = strtol(end + 1, NULL, 10);
}

/* Whether it is a test's turn. */
static PetscBool IsUp(long *to_go)
{
  return (PetscBool)(*to_go > 0 && --*to_go == 0);
}

/* The sooner of deadlines counts. */
static void SetDeadline(double when)
{
  if (!brenier_stop.limited || when < brenier_stop.deadline) brenier_stop.deadline = when;
  brenier_stop.limited = PETSC_TRUE;
}

PetscErrorCode BrenierStopSetup(PetscReal max_time, const char file[])
{
  char         sentence[256];
  const double job = SecondsOfJob(sizeof sentence, sentence), processor = ProcessorLimit();

  PetscFunctionBegin;
  BrenierStopCatch(); // once more: PETSc has put its own handlers in
  if (sentence[0]) PetscCall(BrenierSay("%s", sentence));
  PetscCall(PetscMemzero(&brenier_stop, sizeof brenier_stop));
  brenier_stop.active    = PETSC_TRUE;
  brenier_stop.begun     = MPI_Wtime() - SecondsSoFar();
  brenier_stop.processor = processor;
  if (max_time > 0.0) SetDeadline(brenier_stop.begun + max_time);
  if (job >= 0.0) {
    brenier_stop.of_job = (PetscBool)(!brenier_stop.limited || MPI_Wtime() + job < brenier_stop.deadline);
    SetDeadline(MPI_Wtime() + job);
  }
  PetscCall(PetscStrncpy(brenier_stop.file, file ? file : "", sizeof brenier_stop.file));
  ReadTest();
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierStopSetCost(PetscReal seconds)
{
  brenier_stop.cost = seconds;
}

void BrenierStopHold(PetscBool hold)
{
  brenier_stop.held = hold;
}

void BrenierStopNow(void)
{
  if (brenier_stop.active && !brenier_stop.reason) brenier_stop.reason = BRENIER_STOP_TIME;
}

void BrenierStopWindUp(void)
{
  const double now = MPI_Wtime(), most = brenier_wind_least + brenier_wind_part * (now - brenier_stop.begun);

  if (brenier_stop.winding_up) return;
  brenier_stop.winding_up = PETSC_TRUE;
  if (brenier_stop.reason != BRENIER_STOP_TIME || !brenier_stop.limited) SetDeadline(now + most);
}

PetscErrorCode BrenierStopLeft(MPI_Comm comm, PetscReal *seconds)
{
  PetscFunctionBegin;
  *seconds = Left();
  PetscCallMPI(MPI_Bcast(seconds, 1, MPIU_REAL, 0, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierStopLimit(void)
{
  double most = brenier_stop.limited ? brenier_stop.deadline - brenier_stop.begun : PETSC_INFINITY;

  if (brenier_stop.processor > 0.0) most = PetscMin(most, brenier_stop.processor / (double)BrenierThreads());
  return most < PETSC_INFINITY ? most : 0.0;
}

/* Whether winding up takes too long, on one rank. */
static BrenierStopReason LookAtEnd(void)
{
  const double over = brenier_over_least + brenier_over_part * (brenier_stop.deadline - brenier_stop.begun);

  if (IsUp(&brenier_stop.test_late) || ProcessorLeft() <= 0.0) return BRENIER_STOP_TIME;
  return MPI_Wtime() >= brenier_stop.deadline + over ? BRENIER_STOP_TIME : BRENIER_STOP_NONE;
}

/* What the clock and the file say, on one rank. */
static BrenierStopReason Look(void)
{
  const double now = MPI_Wtime();

  if (IsUp(&brenier_stop.test_stop)) return BRENIER_STOP_SIGNAL;
  if (brenier_stop.last_asked > 0.0)
    brenier_stop.longest_gap = PetscMax(brenier_stop.longest_gap, now - brenier_stop.last_asked);
  brenier_stop.last_asked = now;
  if (brenier_stop.file[0] && now >= brenier_stop.looked + brenier_file_interval) {
    brenier_stop.looked = now;
    if (!access(brenier_stop.file, F_OK)) return BRENIER_STOP_FILE;
  }
  if (Left() <= brenier_stop.cost + brenier_stop.longest_gap) return BRENIER_STOP_TIME;
  return BRENIER_STOP_NONE;
}

PetscErrorCode BrenierStopAsk(MPI_Comm comm, BrenierStopReason *reason)
{
  PetscMPIInt rank;
  int         found = BRENIER_STOP_NONE;

  PetscFunctionBegin;
  *reason = BRENIER_STOP_NONE;
  if (!brenier_stop.active || brenier_stop.held) PetscFunctionReturn(PETSC_SUCCESS);
  if (!brenier_stop.winding_up) *reason = brenier_stop.reason;
  if (*reason) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (brenier_stop.winding_up) {
    if (rank == 0) found = (int)LookAtEnd();
    PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, comm));
    *reason = (BrenierStopReason)found;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (rank == 0) found = (int)Look();
  if (brenier_signal_came) found = BRENIER_STOP_SIGNAL;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MAX, comm));
  *reason = brenier_stop.reason = (BrenierStopReason)found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStopHere(MPI_Comm comm)
{
  BrenierStopReason reason;

  PetscFunctionBegin;
  PetscCall(BrenierStopAsk(comm, &reason));
  PetscFunctionReturn(reason == BRENIER_STOP_NONE ? PETSC_SUCCESS : BRENIER_STOPPED);
}

BrenierStopReason BrenierStopAsked(void)
{
  return brenier_stop.reason;
}

const char *BrenierStopText(BrenierStopReason reason)
{
  switch (reason) {
  case BRENIER_STOP_TIME:
    return brenier_stop.of_job ? "end of the job by SLURM_JOB_END_TIME" : "time limit";
  case BRENIER_STOP_FILE:
    return "stop file";
  case BRENIER_STOP_SIGNAL:
    return "signal";
  default:
    return "nobody asked";
  }
}
