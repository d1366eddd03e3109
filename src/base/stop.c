/*
  stop.c - Implements stop.h: a flag that signals raise, a clock and a file that rank 0 looks at, one maximum over the
  ranks.
*/
#define _POSIX_C_SOURCE 200809L
#include "context_impl.h"
#include "job_end.h"
#include "signals.h"

#include <brenier/compat.h>
#include <brenier/stop.h>
#include <brenier/threads.h>

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const double brenier_file_interval = 1.0; /* seconds between two looks for the file */

/* What a run may take to wind up after a signal: a part of the time so far, and seconds; and beyond its limit. */
static const double brenier_wind_part = 0.1, brenier_wind_least = 5.0, brenier_over_part = 0.05,
                    brenier_over_least = 1.0;

/* The limit of processor time, in seconds; 0 for none. */
static double ProcessorLimit(void)
{
  struct rlimit limit;

  return getrlimit(RLIMIT_CPU, &limit) || limit.rlim_cur == RLIM_INFINITY ? 0.0 : (double)limit.rlim_cur;
}

/* Seconds until processor time is over, all threads at work; infinite without a limit. */
static double ProcessorLeft(const BrenierContext *context)
{
  struct timespec used;

  if (context->stop.processor <= 0.0) return PETSC_INFINITY;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (context->stop.processor - (double)used.tv_sec - 1e-9 * (double)used.tv_nsec) / (double)context->threads;
}

/* Seconds until the sooner of all limits; infinite without one. */
static double Left(const BrenierContext *context)
{
  const double wall = context->stop.limited ? context->stop.deadline - MPI_Wtime() : PETSC_INFINITY;

  return PetscMin(wall, ProcessorLeft(context));
}

/* For tests: BRENIER_TEST_STOP_AT=N stops at the Nth safe point, as a signal would; N,M calls the Mth one late while
   winding up. */
static void ReadTest(BrenierContextStop *stop)
{
  const char *text = getenv("BRENIER_TEST_STOP_AT");
  char       *end;

  if (!text) return;
  stop->test_stop = strtol(text, &end, 10);
  if (*end == ',') stop->test_late = strtol(end + 1, NULL, 10);
}

/* Whether it is a test's turn. */
static PetscBool IsUp(long *to_go)
{
  return (PetscBool)(*to_go > 0 && --*to_go == 0);
}

/* The sooner of deadlines counts. */
static void SetDeadline(BrenierContextStop *stop, double when)
{
  if (!stop->limited || when < stop->deadline) stop->deadline = when;
  stop->limited = PETSC_TRUE;
}

/* Stops asked for before are forgotten. The first look for the file is due at once. */
static PetscErrorCode Activate(double begun, PetscReal max_time, const char file[], BrenierContextStop *stop)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(stop, sizeof *stop));
  stop->active = PETSC_TRUE;
  stop->begun  = begun;
  stop->looked = begun - brenier_file_interval; // MPI_Wtime() may begin at 0
  if (max_time > 0.0) SetDeadline(stop, begun + max_time);
  PetscCall(PetscStrncpy(stop->file, file ? file : "", sizeof stop->file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStopSetup(MPI_Comm comm, PetscReal max_time, const char file[])
{
  char                sentence[256];
  const double        job = BrenierSecondsOfJob_Private(sizeof sentence, sentence), processor = ProcessorLimit();
  BrenierContext     *context;
  BrenierContextStop *stop;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  stop = &context->stop;
  BrenierStopCatch(); // once more: PETSc has put its own handlers in
  if (sentence[0]) PetscCall(BrenierPrint(comm, "%s", sentence));
  PetscCall(Activate(MPI_Wtime() - BrenierSecondsSoFar_Private(), max_time, file, stop));
  stop->processor = processor;
  if (job >= 0.0) {
    stop->of_job = (PetscBool)(!stop->limited || MPI_Wtime() + job < stop->deadline);
    SetDeadline(stop, MPI_Wtime() + job);
  }
  ReadTest(stop);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStopBegin(MPI_Comm comm, PetscReal max_time, const char file[],
                                const volatile sig_atomic_t *request)
{
  BrenierContext *context;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  PetscCall(Activate(MPI_Wtime(), max_time, file, &context->stop));
  context->stop.request = request;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStopEnd(MPI_Comm comm)
{
  BrenierContext *context;

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  PetscCall(PetscMemzero(&context->stop, sizeof context->stop));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What can be stopped on a communicator; NULL where nobody can ask. */
static BrenierContextStop *StopOf(MPI_Comm comm)
{
  BrenierContext *context = BrenierContextGet_Private(comm);

  return context && context->stop.active ? &context->stop : NULL;
}

void BrenierStopSetCost(MPI_Comm comm, PetscReal seconds)
{
  BrenierContextStop *stop = StopOf(comm);

  if (stop) stop->cost = seconds;
}

void BrenierStopHold(MPI_Comm comm, PetscBool hold)
{
  BrenierContextStop *stop = StopOf(comm);

  if (stop) stop->held = hold;
}

void BrenierStopNow(MPI_Comm comm)
{
  BrenierContextStop *stop = StopOf(comm);

  if (stop && !stop->reason) stop->reason = BRENIER_STOP_TIME;
}

void BrenierStopWindUp(MPI_Comm comm)
{
  BrenierContextStop *stop = StopOf(comm);
  const double        now  = MPI_Wtime();

  if (!stop || stop->winding_up) return;
  stop->winding_up = PETSC_TRUE;
  if (stop->reason != BRENIER_STOP_TIME || !stop->limited)
    SetDeadline(stop, now + brenier_wind_least + brenier_wind_part * (now - stop->begun));
}

PetscErrorCode BrenierStopLeft(MPI_Comm comm, PetscReal *seconds)
{
  const BrenierContext *context = BrenierContextGet_Private(comm);

  PetscFunctionBegin;
  *seconds = PETSC_INFINITY;
  if (!context) PetscFunctionReturn(PETSC_SUCCESS);
  *seconds = Left(context);
  PetscCallMPI(MPI_Bcast(seconds, 1, MPIU_REAL, 0, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierStopLimit(MPI_Comm comm)
{
  const BrenierContextStop *stop = StopOf(comm);
  double                    most;

  if (!stop) return 0.0;
  most = stop->limited ? stop->deadline - stop->begun : PETSC_INFINITY;
  if (stop->processor > 0.0) most = PetscMin(most, stop->processor / (double)BrenierThreads(comm));
  return most < PETSC_INFINITY ? most : 0.0;
}

/* Whether winding up takes too long, on one rank. */
static BrenierStopReason PollTimeLimits(BrenierContext *context)
{
  BrenierContextStop *stop = &context->stop;
  const double        over = brenier_over_least + brenier_over_part * (stop->deadline - stop->begun);

  if (IsUp(&stop->test_late) || ProcessorLeft(context) <= 0.0) return BRENIER_STOP_TIME;
  return MPI_Wtime() >= stop->deadline + over ? BRENIER_STOP_TIME : BRENIER_STOP_NONE;
}

/* What the clock and the file say, on one rank. */
static BrenierStopReason Poll(BrenierContext *context)
{
  BrenierContextStop *stop = &context->stop;
  const double        now  = MPI_Wtime();

  if (IsUp(&stop->test_stop)) return BRENIER_STOP_SIGNAL;
  if (stop->last_asked > 0.0) stop->longest_gap = PetscMax(stop->longest_gap, now - stop->last_asked);
  stop->last_asked = now;
  if (stop->file[0] && now >= stop->looked + brenier_file_interval) {
    stop->looked = now;
    if (!access(stop->file, F_OK)) return BRENIER_STOP_FILE;
  }
  if (Left(context) <= stop->cost + stop->longest_gap) return BRENIER_STOP_TIME;
  return BRENIER_STOP_NONE;
}

PetscErrorCode BrenierStopAsk(MPI_Comm comm, BrenierStopReason *reason)
{
  BrenierContextStop *stop = StopOf(comm);
  BrenierContext     *context;
  PetscMPIInt         rank;
  int                 found = BRENIER_STOP_NONE;

  PetscFunctionBegin;
  *reason = BRENIER_STOP_NONE;
  if (!stop || stop->held) PetscFunctionReturn(PETSC_SUCCESS);
  context = BrenierContextGet_Private(comm);
  if (!stop->winding_up) *reason = stop->reason;
  if (*reason) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (stop->winding_up) {
    if (rank == 0) found = (int)PollTimeLimits(context);
    PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, comm));
    *reason = (BrenierStopReason)found;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (rank == 0) found = (int)Poll(context);
  if (BrenierSignalCame_Private() || (stop->request && *stop->request)) found = BRENIER_STOP_SIGNAL;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MAX, comm));
  *reason = stop->reason = (BrenierStopReason)found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStopHere(MPI_Comm comm)
{
  BrenierStopReason reason;

  PetscFunctionBegin;
  PetscCall(BrenierStopAsk(comm, &reason));
  PetscFunctionReturn(reason == BRENIER_STOP_NONE ? PETSC_SUCCESS : BRENIER_STOPPED);
}

BrenierStopReason BrenierStopAsked(MPI_Comm comm)
{
  const BrenierContextStop *stop = StopOf(comm);

  return stop ? stop->reason : BRENIER_STOP_NONE;
}

const char *BrenierStopText(MPI_Comm comm, BrenierStopReason reason)
{
  const BrenierContextStop *stop = StopOf(comm);

  switch (reason) {
  case BRENIER_STOP_TIME:
    return stop && stop->of_job ? "end of the job by SLURM_JOB_END_TIME" : "time limit";
  case BRENIER_STOP_FILE:
    return "stop file";
  case BRENIER_STOP_SIGNAL:
    return "signal";
  default:
    return "nobody asked";
  }
}
