/* stop.c - Implements stop.h: a flag that signals raise, a clock and a file that rank 0 looks at, one maximum over the ranks. */
#define _POSIX_C_SOURCE 200809L
#include <brenier/compat.h>
#include <brenier/stop.h>

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const double brenier_file_interval = 1.0; /* seconds between two looks for the file */

/* One for a program, as its signals are. */
static volatile sig_atomic_t brenier_signal_came;
static struct {
  PetscBool         active, held;
  double            deadline;           /* by MPI_Wtime(); 0 for none */
  double            cost, longest_gap;  /* seconds */
  double            last_asked, looked; /* by MPI_Wtime(); 0 for never */
  BrenierStopReason reason;             /* the first found; the same on all ranks */
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

void BrenierStopCatch(void)
{
  static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM};
  struct sigaction action    = {.sa_handler = NoteSignal, .sa_flags = SA_RESTART};

  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; ++i) sigaction(signals[i], &action, NULL);
}

PetscErrorCode BrenierStopSetup(PetscReal max_time, const char file[])
{
  const double job = SecondsOfJob();

  PetscFunctionBegin;
  BrenierStopCatch(); // once more: PETSc has put its own handlers in
  PetscCall(PetscMemzero(&brenier_stop, sizeof brenier_stop));
  brenier_stop.active = PETSC_TRUE;
  if (max_time > 0.0) brenier_stop.deadline = MPI_Wtime() + max_time;
  if (job >= 0.0 && (max_time <= 0.0 || job < max_time)) brenier_stop.deadline = MPI_Wtime() + job;
  PetscCall(PetscStrncpy(brenier_stop.file, file ? file : "", sizeof brenier_stop.file));
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

/* What the clock and the file say, on one rank. */
static BrenierStopReason Look(void)
{
  const double now = MPI_Wtime();

  if (brenier_stop.last_asked > 0.0)
    brenier_stop.longest_gap = PetscMax(brenier_stop.longest_gap, now - brenier_stop.last_asked);
  brenier_stop.last_asked = now;
  if (brenier_stop.file[0] && now >= brenier_stop.looked + brenier_file_interval) {
    brenier_stop.looked = now;
    if (!access(brenier_stop.file, F_OK)) return BRENIER_STOP_FILE;
  }
  if (brenier_stop.deadline > 0.0 && now + brenier_stop.cost + brenier_stop.longest_gap >= brenier_stop.deadline)
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
  *reason = brenier_stop.reason;
  if (*reason) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
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
