/* class_loop.c - Implements class_loop.h. */
#include "class_loop.h"

#include <brenier/device.h>
#include <brenier/threads.h>

#include <stdio.h>
#include <stdlib.h>

/* Messages to rank 0: the record of a class; that a rank has come to the meeting. */
enum { TAG_RECORD = 1, TAG_ARRIVED };

enum { SENTENCE_LENGTH = 1024 };

/* A loop under way on this rank. */
typedef struct {
  ClassLoop   *loop;
  MPI_Comm     own, together; /* this rank alone; all ranks */
  MPI_Comm     inner;         /* what PETSc makes of `own`, held so that it is made once */
  PetscMPIInt  rank, size;
  PetscInt    *queue; /* own classes, those of most work first */
  PetscInt     n_queue, next;
  PetscInt    *fresh; /* done since the last meeting */
  PetscInt     n_fresh;
  PetscMPIInt  n_arrived; /* on rank 0: others at the meeting */
  double       meeting;   /* time of the next one */
  BrenierFault fault;
} Walk;

/* An error handler that stores the sentence and prints nothing: the other ranks are told at the meeting. */
static PetscErrorCode StoreSentence(MPI_Comm comm, int line, const char *function, const char *file,
                                    PetscErrorCode code, PetscErrorType type, const char *message, void *sentence)
{
  (void)line, (void)file;
  if (type != PETSC_ERROR_INITIAL) return code;
  BrenierMemoryEndIfOut(comm, function, code, message);
  if (message) snprintf(sentence, SENTENCE_LENGTH, "%s", message);
  return code;
}

/* ---- beginning and end ---- */

/* A communicator with a quiet context that can be stopped. */
static PetscErrorCode MakeQuiet(const ClassLoop *loop, MPI_Comm from, MPI_Comm *comm)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_dup(from, comm));
  PetscCall(BrenierContextCreate(*comm));
  PetscCall(BrenierThreadsSet(*comm, loop->threads));
  PetscCall(BrenierDeviceShare(PETSC_COMM_WORLD, *comm));
  if (loop->stops) PetscCall(BrenierStopSetup(*comm, loop->max_time, loop->stop_file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeQuiet(MPI_Comm *comm)
{
  PetscFunctionBegin;
  PetscCall(BrenierContextDestroy(*comm));
  PetscCallMPI(MPI_Comm_free(comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Class and number of its targets. */
typedef struct {
  PetscInt k, n;
} SizeOfClass;

/* The larger first. */
static int CompareSizes(const void *first, const void *second)
{
  const SizeOfClass *a = first, *b = second;

  if (a->n != b->n) return a->n < b->n ? 1 : -1;
  return (a->k > b->k) - (a->k < b->k);
}

/* Own classes that are not done, the largest first. */
static PetscErrorCode FillQueue(Walk *w)
{
  const ClassLoop *loop = w->loop;
  SizeOfClass     *own;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(loop->classes->n_classes, &own));
  for (PetscInt k = 0; k < loop->classes->n_classes; ++k)
    if (loop->owner[k] == w->rank && !loop->done[k])
      own[w->n_queue++] = (SizeOfClass){k, BrenierClassesSize(loop->classes, k)};
  qsort(own, (size_t)w->n_queue, sizeof *own, CompareSizes);
  for (PetscInt i = 0; i < w->n_queue; ++i) w->queue[i] = own[i].k;
  PetscCall(PetscFree(own));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BeginWalk(ClassLoop *loop, Walk *w)
{
  const PetscInt n = loop->classes->n_classes;

  PetscFunctionBegin;
  *w = (Walk){.loop = loop};
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &w->rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &w->size));
  PetscCall(MakeQuiet(loop, MPI_COMM_SELF, &w->own));
  PetscCall(MakeQuiet(loop, PETSC_COMM_WORLD, &w->together));
  PetscCall(PetscCommDuplicate(w->own, &w->inner, NULL));
  PetscCall(PetscMalloc2(n, &w->queue, n, &w->fresh));
  PetscCall(FillQueue(w));
  w->meeting = MPI_Wtime() + loop->interval;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EndWalk(Walk *w)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(w->queue, w->fresh));
  PetscCall(PetscCommDestroy(&w->inner));
  PetscCall(FreeQuiet(&w->own));
  PetscCall(FreeQuiet(&w->together));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- messages ---- */

static PetscErrorCode Tell(Walk *w, const BrenierClassRecord *record)
{
  PetscFunctionBegin;
  if (!w->loop->tell) PetscFunctionReturn(PETSC_SUCCESS);
  if (w->rank == 0) PetscCall(w->loop->tell(w->loop->context, record));
  else PetscCallMPI(MPI_Send(record, (PetscMPIInt)sizeof *record, MPI_BYTE, 0, TAG_RECORD, w->together));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 takes the next message. */
static PetscErrorCode Receive(Walk *w)
{
  BrenierClassRecord record = {0};
  MPI_Status         status;

  PetscFunctionBegin;
  PetscCallMPI(
      MPI_Recv(&record, (PetscMPIInt)sizeof record, MPI_BYTE, MPI_ANY_SOURCE, MPI_ANY_TAG, w->together, &status));
  if (status.MPI_TAG == TAG_RECORD) PetscCall(w->loop->tell(w->loop->context, &record));
  else ++w->n_arrived;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 takes all messages that have come. */
static PetscErrorCode ReceiveAll(Walk *w)
{
  int there = w->rank == 0;

  PetscFunctionBegin;
  while (there) {
    PetscCallMPI(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, w->together, &there, MPI_STATUS_IGNORE));
    if (there) PetscCall(Receive(w));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- own classes ---- */

/* Does the work of an own class; an error is noted, and the rank goes to the meeting. */
static PetscErrorCode DoOwn(Walk *w, PetscInt k)
{
  ClassLoop          *loop                      = w->loop;
  BrenierClassRecord *record                    = &loop->record[k];
  char                sentence[SENTENCE_LENGTH] = "";
  PetscBool           finished                  = PETSC_TRUE;
  PetscErrorCode      ierr;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(StoreSentence, sentence));
  ierr = loop->work(loop->context, w->own, k, record, &finished);
  PetscCall(PetscPopErrorHandler());
  if (ierr) BrenierFaultSet(&w->fault, BrenierExitCode(ierr), "%s", sentence);
  if (ierr || !finished) PetscFunctionReturn(PETSC_SUCCESS);
  loop->done[k]          = PETSC_TRUE;
  w->fresh[w->n_fresh++] = k;
  PetscCall(Tell(w, record));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether to stop; the reason stays in the loop. */
static PetscErrorCode AskStop(Walk *w, MPI_Comm comm, PetscBool *stop)
{
  BrenierStopReason reason = BRENIER_STOP_NONE;

  PetscFunctionBegin;
  if (w->loop->stops && !w->loop->stopped) PetscCall(BrenierStopAsk(comm, &reason));
  if (reason) w->loop->stopped = reason;
  *stop = (PetscBool)(w->loop->stopped != BRENIER_STOP_NONE);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Own classes until the next meeting. */
static PetscErrorCode DoQueue(Walk *w)
{
  PetscBool stop;

  PetscFunctionBegin;
  while (w->next < w->n_queue && !w->fault.kind) {
    PetscCall(AskStop(w, w->own, &stop));
    if (stop) break;
    PetscCall(DoOwn(w, w->queue[w->next++]));
    if (BrenierStopAsked(w->own)) w->loop->stopped = BrenierStopAsked(w->own);
    PetscCall(ReceiveAll(w));
    if (MPI_Wtime() >= w->meeting) break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the meeting ---- */

/* Rank 0 waits for the others, telling what comes in meanwhile. */
static PetscErrorCode Arrive(Walk *w)
{
  PetscFunctionBegin;
  if (w->rank > 0) PetscCallMPI(MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_ARRIVED, w->together));
  else
    while (w->n_arrived < w->size - 1) PetscCall(Receive(w));
  w->n_arrived = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All ranks get the records of what is done since the last meeting. */
static PetscErrorCode Exchange(Walk *w)
{
  ClassLoop          *loop = w->loop;
  BrenierClassRecord *mine, *all;
  PetscMPIInt        *count, *begin, here, sum = 0;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(w->n_fresh * (PetscInt)sizeof *mine, &here));
  PetscCall(PetscMalloc3(w->size, &count, w->size, &begin, w->n_fresh, &mine));
  for (PetscInt i = 0; i < w->n_fresh; ++i) mine[i] = loop->record[w->fresh[i]];
  PetscCallMPI(MPI_Allgather(&here, 1, MPI_INT, count, 1, MPI_INT, PETSC_COMM_WORLD));
  for (PetscMPIInt r = 0; r < w->size; sum += count[r++]) begin[r] = sum;
  PetscCall(PetscMalloc1((size_t)sum / sizeof *all, &all));
  PetscCallMPI(MPI_Allgatherv(mine, here, MPI_BYTE, all, count, begin, MPI_BYTE, PETSC_COMM_WORLD));
  for (size_t i = 0; i < (size_t)sum / sizeof *all; ++i) {
    const PetscInt k = BrenierClassesFind(loop->classes, all[i].label);

    loop->record[k] = all[i];
    loop->done[k]   = PETSC_TRUE;
  }
  PetscCall(PetscFree3(count, begin, mine));
  PetscCall(PetscFree(all));
  w->n_fresh = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All ranks agree on errors, on a stop and on what is done; *over when nothing is left to do. */
static PetscErrorCode Meet(Walk *w, PetscBool *over)
{
  ClassLoop *loop     = w->loop;
  int        state[2] = {(int)loop->stopped, w->next < w->n_queue};

  PetscFunctionBegin;
  PetscCall(Arrive(w));
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &w->fault));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, state, 2, MPI_INT, MPI_MAX, PETSC_COMM_WORLD));
  loop->stopped = (BrenierStopReason)state[0];
  *over         = (PetscBool)(loop->stopped || !state[1]);
  PetscCall(Exchange(w));
  if (loop->meet) PetscCall(loop->meet(loop->context));
  w->meeting = MPI_Wtime() + loop->interval;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- classes of all ranks ---- */

/* Whether rank 0 finds that it is time to meet. */
static PetscErrorCode IsTime(const Walk *w, PetscBool *is)
{
  int due = MPI_Wtime() >= w->meeting;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Bcast(&due, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  *is = (PetscBool)due;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DoTogether(Walk *w, PetscInt k)
{
  ClassLoop *loop     = w->loop;
  PetscBool  finished = PETSC_TRUE, due = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(loop->work(loop->context, w->together, k, &loop->record[k], &finished));
  if (BrenierStopAsked(w->together)) loop->stopped = BrenierStopAsked(w->together);
  if (!finished) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Bcast(&loop->record[k], (PetscMPIInt)sizeof *loop->record, MPI_BYTE, 0, PETSC_COMM_WORLD));
  loop->done[k] = PETSC_TRUE;
  if (w->rank == 0) PetscCall(Tell(w, &loop->record[k]));
  PetscCall(IsTime(w, &due));
  if (!due) PetscFunctionReturn(PETSC_SUCCESS);
  if (loop->meet) PetscCall(loop->meet(loop->context));
  w->meeting = MPI_Wtime() + loop->interval;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassLoop(ClassLoop *loop)
{
  PetscBool stop = PETSC_FALSE, over = PETSC_FALSE;
  Walk      w;

  PetscFunctionBegin;
  loop->stopped = BRENIER_STOP_NONE;
  PetscCall(BeginWalk(loop, &w));
  for (PetscInt k = 0; k < loop->classes->n_classes && !stop; ++k) {
    if (loop->owner[k] != BRENIER_ALL_RANKS || loop->done[k]) continue;
    PetscCall(AskStop(&w, w.together, &stop));
    if (!stop) PetscCall(DoTogether(&w, k));
  }
  while (!over) {
    PetscCall(DoQueue(&w));
    PetscCall(Meet(&w, &over));
  }
  PetscCall(EndWalk(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}
