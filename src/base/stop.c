/* stop.c - Implements stop.h: a flag that signals raise, a clock and a file that rank 0 looks at, one maximum over the ranks. */
#define _POSIX_C_SOURCE 200809L
#include <brenier/compat.h>
#include <brenier/stop.h>

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const double brenier_file_interval = 1.0; /* seconds between two looks for the file */

/* What a run may take to wind up after a signal: a part of the time so far, and seconds; and beyond its limit. */
static const double brenier_wind_part = 0.1, brenier_wind_least = 5.0, brenier_over_part = 0.05,
                    brenier_over_least = 1.0;

/* One for a program, as its signals are. */
static volatile sig_atomic_t brenier_signal_came;
static struct timespec       brenier_caught; /* when signals were first caught; 0 for not yet */
static struct {
  PetscBool         active, held, winding_up, limited;
  double            begun, deadline;    /* by MPI_Wtime(), which may count from now: either may be negative */
  double            cost, longest_gap;  /* seconds */
  double            last_asked, looked; /* by MPI_Wtime(); 0 for never */
  BrenierStopReason reason;             /* the first found; the same on all ranks */
  long              test_stop, test_late; /* safe points to go until a test stops; 0 for none */
  char              file[PETSC_MAX_PATH_LEN];
} brenier_stop;

static void NoteSignal(int signal)
{
  (void)signal;
  brenier_signal_came = 1;
}

/* Seconds to the end of the job; negative without one. */
static double SecondsOfJob(void)
{
  const char *end    = getenv("SLURM_JOB_END_TIME");
  const long  second = end ? strtol(end, NULL, 10) : 0;

  return second > 0 ? PetscMax((double)second - (double)time(NULL), 0.0) : -1.0;
}

/* Seconds since signals were first caught. */
static double SecondsSoFar(void)
{
  struct timespec now;

  if (brenier_caught.tv_sec == 0) return 0.0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - brenier_caught.tv_sec) + 1e-9 * (double)(now.tv_nsec - brenier_caught.tv_nsec);
}

void BrenierStopCatch(void)
{
  static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM};
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
  const double job = SecondsOfJob();

  PetscFunctionBegin;
  BrenierStopCatch(); // once more: PETSc has put its own handlers in
  PetscCall(PetscMemzero(&brenier_stop, sizeof brenier_stop));
  brenier_stop.active = PETSC_TRUE;
  brenier_stop.begun  = MPI_Wtime() - SecondsSoFar();
  if (max_time > 0.0) SetDeadline(brenier_stop.begun + max_time);
  if (job >= 0.0) SetDeadline(MPI_Wtime() + job);
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
  if (brenier_stop.reason != BRENIER_STOP_TIME) SetDeadline(now + most);
}

PetscErrorCode BrenierStopLeft(MPI_Comm comm, PetscReal *seconds)
{
  PetscFunctionBegin;
  *seconds = brenier_stop.limited ? brenier_stop.deadline - MPI_Wtime() : PETSC_INFINITY;
  PetscCallMPI(MPI_Bcast(seconds, 1, MPIU_REAL, 0, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierStopLimit(void)
{
  return brenier_stop.limited ? brenier_stop.deadline - brenier_stop.begun : 0.0;
}

/* Whether winding up takes too long, on one rank. */
static BrenierStopReason LookAtEnd(void)
{
  const double over = brenier_over_least + brenier_over_part * (brenier_stop.deadline - brenier_stop.begun);

  return IsUp(&brenier_stop.test_late) || MPI_Wtime() >= brenier_stop.deadline + over ? BRENIER_STOP_TIME
                                                                                      : BRENIER_STOP_NONE;
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
  if (brenier_stop.limited && now + brenier_stop.cost + brenier_stop.longest_gap >= brenier_stop.deadline)
    return BRENIER_STOP_TIME;
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
    return "time limit";
  case BRENIER_STOP_FILE:
    return "stop file";
  case BRENIER_STOP_SIGNAL:
    return "signal";
  default:
    return "nobody asked";
  }
}
