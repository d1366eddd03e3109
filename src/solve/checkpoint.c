/* checkpoint.c - Implements checkpoint.h: when to write, and from which generation to continue. */
#define _POSIX_C_SOURCE 200809L
#include "checkpoint_file.h"

#include <brenier/base.h>
#include <brenier/heights.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char BrenierCheckpointOlder[] = ".1";

/* A change of the sample is written at once if writing has taken at most this part of the time so far. */
static const PetscReal brenier_cost_part = 0.02;

PetscErrorCode BrenierCheckpointWrite(BrenierCheckpoint c)
{
  PetscLogDouble begun, ended;
  PetscInt64     bytes;

  PetscFunctionBegin;
  if (c->state.phase == BRENIER_PHASE_STAGE && !c->dual) {
    PetscCall(BrenierPrint(c->targets->comm, "checkpoint: nothing to add to %s",
                           c->source)); // stopped before its sample was loaded
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscTime(&begun));
  PetscCall(BrenierCheckpointFileBytes_Private(c, &bytes));
  PetscCall(BrenierCheckpointWriteFile_Private(c, bytes));
  PetscCall(PetscTime(&ended));
  ++c->sequence;
  c->newest_damaged = PETSC_FALSE;
  c->written        = ended;
  c->seconds_a_byte = (ended - begun) / (PetscReal)bytes;
  c->seconds_spent += ended - begun;
  c->curves_written = c->dual ? BrenierDualCurves(c->dual) : 0;
  PetscCall(BrenierPrint(c->targets->comm, "checkpoint: wrote %.1f MB to %s in %.2f s", (double)bytes * 1e-6, c->path,
                         ended - begun));
  PetscCall(BrenierLog(c->targets->comm, "checkpoint", "s path", c->path, "i bytes", bytes, "r checkpoint_seconds",
                       ended - begun, "i sequence", c->sequence, "s status", brenier_phase_names[c->state.phase],
                       "r iteration", c->state.newest.iteration, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointFinish(BrenierCheckpoint c, PetscInt64 exit_code, const char status[])
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->targets->comm, &rank));
  c->state.phase = BRENIER_PHASE_FINISHED;
  c->exit_code   = exit_code;
  PetscCall(PetscStrncpy(c->outcome, status, sizeof c->outcome));
  PetscCall(BrenierCheckpointWriteFile_Private(c, 1 << 16));
  if (rank == 0) (void)unlink(c->older);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- saving ---- */

static PetscErrorCode SaveVec(Vec from, Vec *saved)
{
  PetscFunctionBegin;
  if (!from || from == *saved) PetscFunctionReturn(PETSC_SUCCESS);
  if (!*saved) PetscCall(VecDuplicate(from, saved));
  PetscCall(VecCopy(from, *saved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights with their low parts. */
static PetscErrorCode SaveHeights(Vec from, Vec *saved)
{
  PetscFunctionBegin;
  if (!from || from == *saved) PetscFunctionReturn(PETSC_SUCCESS);
  if (!*saved) PetscCall(VecDuplicate(from, saved));
  PetscCall(BrenierHeightsCopy(from, *saved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether to write now: rank 0's clock decides. */
static PetscErrorCode IsDue(BrenierCheckpoint c, PetscBool *due)
{
  const PetscBool grown = (PetscBool)(c->dual && BrenierDualCurves(c->dual) != c->curves_written);
  PetscLogDouble  now;
  PetscInt64      bytes;
  int             decision;

  PetscFunctionBegin;
  PetscCall(BrenierCheckpointFileBytes_Private(c, &bytes));
  PetscCall(PetscTime(&now));
  BrenierStopSetCost(c->targets->comm, c->seconds_a_byte * (PetscReal)bytes);
  decision = now - c->written >= c->interval;
  if (grown)
    decision |= c->seconds_spent + c->seconds_a_byte * (PetscReal)bytes <= brenier_cost_part * (now - c->begun);
  PetscCallMPI(MPI_Bcast(&decision, 1, MPI_INT, 0, c->targets->comm));
  *due = (PetscBool)decision;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Writes; a full disk is a warning. */
static PetscErrorCode WriteOrWarn(BrenierCheckpoint c)
{
  char           sentence[BRENIER_SENTENCE_LENGTH] = "";
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(BrenierCheckpointStoreMessage_Private, sentence));
  ierr = BrenierCheckpointWrite(c);
  PetscCall(PetscPopErrorHandler());
  if (!ierr) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierCheckpointCheckOwner_Private(c));
  PetscCheck(BrenierExitCode(ierr) == BRENIER_EXIT_IO, c->targets->comm, ierr, "%s", sentence);
  PetscCall(PetscTime(&c->written)); // tries again after the next interval
  c->curves_written = c->dual ? BrenierDualCurves(c->dual) : 0;
  PetscCall(BrenierPrintWarning(c->targets->comm, "no checkpoint was written, the solve continues: %s", sentence));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointSave(BrenierCheckpoint c, const BrenierSolveState *state, const BrenierSolveVectors *v,
                                     BrenierDual dual)
{
  PetscBool due;

  PetscFunctionBegin;
  c->state   = *state;
  c->dual    = dual;
  c->n_saved = c->n_rows;
  PetscCall(SaveHeights(v->h, &c->saved.h));
  PetscCall(SaveVec(v->mean, &c->saved.mean));
  PetscCall(SaveVec(v->diagonal_step, &c->saved.diagonal_step));
  PetscCall(SaveVec(v->skin, &c->saved.skin));
  PetscCall(SaveVec(v->groups, &c->saved.groups));
  PetscCall(SaveVec(v->line_mass, &c->saved.line_mass));
  PetscCall(SaveVec(v->start, &c->saved.start));
  // Of a stage alone: afterwards Newton's vectors are gone
  if (state->phase != BRENIER_PHASE_STAGE) c->state.newton.certified = NULL;
  PetscCall(SaveVec(c->state.newton.certified, &c->certified));
  if (c->state.newton.certified) c->state.newton.certified = c->certified;
  if (dual) PetscCall(BrenierDualTakeSnapshot(dual));
  PetscCall(IsDue(c, &due));
  if (due) PetscCall(WriteOrWarn(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointSaveClasses(BrenierCheckpoint c, PetscInt64                      bytes,
                                            PetscErrorCode (*write)(void *, BrenierStore), void *context)
{
  PetscFunctionBegin;
  PetscCall(BrenierStoreDestroy(&c->store));
  c->state.phase     = BRENIER_PHASE_CLASSES;
  c->write_classes   = write;
  c->classes_context = context;
  c->classes_bytes   = bytes;
  PetscCall(WriteOrWarn(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierStore BrenierCheckpointStore(BrenierCheckpoint c)
{
  return c->state.phase == BRENIER_PHASE_CLASSES ? c->store : NULL;
}

PetscErrorCode BrenierCheckpointAddRow(BrenierCheckpoint c, const BrenierIteration *row)
{
  PetscFunctionBegin;
  if (c->n_rows == c->capacity) {
    c->capacity = 2 * c->capacity + 64;
    PetscCall(PetscRealloc((size_t)c->capacity * sizeof *c->row, &c->row));
  }
  c->row[c->n_rows++] = *row;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- reading ---- */

/* Whether rank 0 sees a file. */
static PetscErrorCode Exists(MPI_Comm comm, const char path[], PetscBool *exists)
{
  int there = !access(path, F_OK);

  PetscFunctionBegin;
  PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, comm));
  *exists = (PetscBool)there;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Tries one generation: *taken when it serves. A damaged one is passed over with a warning and noted in `fault`. */
static PetscErrorCode TryGeneration(BrenierCheckpoint c, const char path[], BrenierFault *fault, PetscBool *taken)
{
  char           sentence[BRENIER_SENTENCE_LENGTH] = "", differs[BRENIER_SENTENCE_LENGTH] = "";
  PetscErrorCode ierr;
  PetscBool      exists = PETSC_FALSE;

  PetscFunctionBegin;
  *taken = PETSC_FALSE;
  PetscCall(Exists(c->targets->comm, path, &exists));
  if (!exists) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscPushErrorHandler(BrenierCheckpointStoreMessage_Private, sentence));
  ierr = BrenierCheckpointReadFile_Private(c, path, sizeof differs, differs);
  PetscCall(PetscPopErrorHandler());
  if (!ierr) {
    PetscCheck(!differs[0], c->targets->comm, PETSC_ERR_FILE_UNEXPECTED,
               "%s: this checkpoint is of another problem: %s; remove it or give -checkpoint another file", path,
               differs);
    PetscCall(PetscStrncpy(c->source, path, sizeof c->source));
    *taken = PETSC_TRUE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(BrenierExitCode(ierr) != BRENIER_EXIT_BUG, c->targets->comm, ierr, "%s", sentence);
  PetscCall(BrenierStoreDestroy(&c->store));
  PetscCall(PetscMemzero(&c->state, sizeof c->state));
  c->n_rows = c->n_saved = 0;
  BrenierFaultSet(fault, BrenierExitCode(ierr), "%s; no other generation can be used; remove it to start again",
                  sentence);
  PetscCall(BrenierPrintWarning(c->targets->comm, "%s", sentence));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The newest generation that is whole. */
static PetscErrorCode Find(BrenierCheckpoint c)
{
  BrenierFault fault = {0};
  PetscBool    taken;

  PetscFunctionBegin;
  PetscCall(TryGeneration(c, c->path, &fault, &taken));
  if (taken) PetscFunctionReturn(PETSC_SUCCESS);
  c->newest_damaged = (PetscBool)(fault.kind != BRENIER_EXIT_DONE);
  PetscCall(TryGeneration(c, c->older, &fault, &taken));
  if (!taken) PetscCall(BrenierFaultAgree(c->targets->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Announce(BrenierCheckpoint c)
{
  const char *generation = strcmp(c->source, c->path) ? "older generation" : "newest generation";

  PetscFunctionBegin;
  if (!c->source[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierPrint(
      c->targets->comm, "checkpoint: continues from %s (%s, number %" PetscInt64_FMT "): %s, %.0f iterations in %.1f s",
      c->source, generation, c->sequence, brenier_phase_names[c->state.phase], c->state.newest.iteration,
      c->state.newest.seconds));
  PetscCall(BrenierLog(c->targets->comm, "resume", "s path", c->source, "i sequence", c->sequence, "s status",
                       brenier_phase_names[c->state.phase], "r iteration", c->state.newest.iteration, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The generation before lies beside the file that links lead to: a rename does not leave a file system. */
static PetscErrorCode NameOlder(BrenierCheckpoint c)
{
  char place[PETSC_MAX_PATH_LEN];

  PetscFunctionBegin;
  if (!BrenierStorePlace(c->path, place)) PetscCall(PetscStrncpy(place, c->path, sizeof place));
  PetscCallMPI(MPI_Bcast(place, (PetscMPIInt)sizeof place, MPI_CHAR, 0, c->targets->comm));
  PetscCheck(strlen(place) + strlen(BrenierCheckpointOlder) < sizeof c->older, c->targets->comm, PETSC_ERR_FILE_OPEN,
             "%.100s...: the path is too long", place);
  PetscCall(PetscSNPrintf(c->older, sizeof c->older, "%s%s", place, BrenierCheckpointOlder));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointCreate(BrenierTargets targets, const char path[], PetscReal interval,
                                       const BrenierProblemItem problem[], PetscInt n_items,
                                       BrenierCheckpoint *checkpoint)
{
  BrenierCheckpoint c;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  c->targets  = targets;
  c->interval = interval;
  c->n_items  = n_items;
  PetscCall(PetscStrncpy(c->path, path, sizeof c->path));
  PetscCall(NameOlder(c));
  PetscCall(PetscMalloc1(n_items, &c->problem));
  PetscCall(PetscArraycpy(c->problem, problem, n_items));
  PetscCall(BrenierCheckpointNameRun_Private(c));
  PetscCall(PetscTime(&c->begun));
  c->written = c->begun;
  ierr       = Find(c);
  if (ierr) PetscCall(BrenierCheckpointDestroy(&c));
  PetscCall(ierr);
  PetscCall(Announce(c));
  *checkpoint = c;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointSetLevels(BrenierCheckpoint c, PetscInt n, const PetscInt level[])
{
  PetscFunctionBegin;
  c->n_levels = PetscMin(n, BRENIER_MOST_LEVELS);
  for (PetscInt i = 0; i < c->n_levels; ++i) c->level[i] = level[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointGetLevels(BrenierCheckpoint c, PetscInt capacity, PetscInt *n, PetscInt level[])
{
  PetscFunctionBegin;
  *n = PetscMin(c->n_levels, capacity);
  for (PetscInt i = 0; i < *n; ++i) level[i] = (PetscInt)c->level[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

const BrenierSolveState *BrenierCheckpointState(BrenierCheckpoint c)
{
  return &c->state;
}

const char *BrenierCheckpointOutcome(BrenierCheckpoint c, PetscInt64 *exit_code)
{
  *exit_code = c->exit_code;
  return c->outcome;
}

PetscErrorCode BrenierCheckpointHistory(BrenierCheckpoint c, PetscInt *n, const BrenierIteration **row)
{
  PetscFunctionBegin;
  *n   = c->n_saved;
  *row = c->row;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointGet(BrenierCheckpoint c, const BrenierSolveVectors *v)
{
  PetscFunctionBegin;
  if (v->h && c->saved.h) PetscCall(BrenierHeightsCopy(c->saved.h, v->h));
  if (v->mean && c->saved.mean) PetscCall(VecCopy(c->saved.mean, v->mean));
  if (v->diagonal_step && c->saved.diagonal_step) PetscCall(VecCopy(c->saved.diagonal_step, v->diagonal_step));
  if (v->skin && c->saved.skin) PetscCall(VecCopy(c->saved.skin, v->skin));
  if (v->groups && c->saved.groups) PetscCall(VecCopy(c->saved.groups, v->groups));
  if (v->line_mass && c->saved.line_mass) PetscCall(VecCopy(c->saved.line_mass, v->line_mass));
  if (v->start && c->saved.start) PetscCall(VecCopy(c->saved.start, v->start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointLoadDual(BrenierCheckpoint c, BrenierSource source, PetscInt64 seed, uint32_t stream,
                                         PetscInt n_batches, PetscBool lists, BrenierDual *dual)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualLoad(c->targets, source, seed, stream, n_batches, lists ? c->saved.skin : NULL, c->store, dual));
  PetscCall(BrenierStoreDestroy(&c->store));
  c->curves_written = BrenierDualCurves(*dual);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointDestroy(BrenierCheckpoint *checkpoint)
{
  BrenierCheckpoint c = *checkpoint;

  PetscFunctionBegin;
  if (!c) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreDestroy(&c->store));
  PetscCall(PetscFree(c->problem));
  PetscCall(PetscFree(c->row));
  PetscCall(VecDestroy(&c->saved.h));
  PetscCall(VecDestroy(&c->saved.mean));
  PetscCall(VecDestroy(&c->saved.diagonal_step));
  PetscCall(VecDestroy(&c->saved.skin));
  PetscCall(VecDestroy(&c->saved.groups));
  PetscCall(VecDestroy(&c->saved.line_mass));
  PetscCall(VecDestroy(&c->saved.start));
  PetscCall(VecDestroy(&c->certified));
  PetscCall(PetscFree(*checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}
