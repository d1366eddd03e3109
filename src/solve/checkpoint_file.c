/*
  checkpoint_file.c - Implements checkpoint_file.h.

  /problem has what must be the same for a run to continue, /state the numbers of BrenierSolveState by the names of
  brenier_fields, /history the iterations; vectors and the sample follow where the phase has them:
  docs/howto/restart.md. An older layout is refused: its vectors meant something else. Names in the file are part of the
  layout: some are older than the names in the code (length for height_scale, pass for sgd, scale for diagonal_step,
  slack for skin).
*/
#define _POSIX_C_SOURCE 200809L
#include "checkpoint_file.h"

#include <brenier/base.h>
#include <brenier/heights.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char brenier_checkpoint_format[] = "brenier-checkpoint";

/* Of the state and the vectors; raised when they change. 1, which had no number, had the mean of heights in /scale and
   /slack; 2 had no lines, 3 no start of an epoch. */
enum { STATE_LAYOUT = 4 };

/* Names of the phases: the file's status. */
const char *const brenier_phase_names[] = {"in the start", "in the warm-up", "start finished", "in a stage",
                                           "in an epoch",  "finished",       "between classes"};

/* Rows of the file's dataset /state/iterations. */
enum { ROW_BEFORE, ROW_NEWEST, ROW_NEWTON, ROWS };

/* A number of the state, by its name in the file. */
typedef struct {
  const char *name;
  enum { FIELD_INT, FIELD_BOOL, FIELD_REASON, FIELD_REAL } type;
  size_t offset;
} Field;

#define FIELD(name, type, member)                                                                                      \
  {                                                                                                                    \
    name, type, offsetof(BrenierSolveState, member)                                                                    \
  }

static const Field brenier_fields[] = {
    FIELD("attempt", FIELD_INT, attempt),
    FIELD("size", FIELD_INT, size),
    FIELD("last", FIELD_BOOL, last),
    FIELD("curves", FIELD_INT, curves),
    FIELD("passes", FIELD_BOOL, sgd_follows),
    FIELD("length", FIELD_REAL, height_scale),
    FIELD("wanted", FIELD_REAL, wanted),
    FIELD("warm_round", FIELD_INT, warm.round),
    FIELD("warm_step", FIELD_INT, warm.step),
    FIELD("warm_length", FIELD_REAL, warm.height_scale),
    FIELD("pass", FIELD_INT, sgd.epoch),
    FIELD("pass_step", FIELD_INT, sgd.step),
    FIELD("pass_steps", FIELD_INT, sgd.n_steps),
    FIELD("pass_first", FIELD_INT, sgd.first),
    FIELD("pass_batch", FIELD_INT, sgd.batch),
    FIELD("pass_before", FIELD_INT, sgd.before),
    FIELD("pass_noise", FIELD_REAL, sgd.sampling_k),
    FIELD("pass_worth", FIELD_REAL, sgd.effective_curves),
    FIELD("pass_gain", FIELD_REAL, sgd.efficiency),
    FIELD("pass_of_nodes", FIELD_BOOL, sgd.of_nodes),
    FIELD("sgd_of_lines", FIELD_BOOL, sgd.of_lines),
    FIELD("sgd_has_start", FIELD_BOOL, sgd.has_start),
    FIELD("sgd_start_attempt", FIELD_INT, sgd.start_attempt),
    FIELD("sgd_start_curves", FIELD_INT, sgd.start_curves),
    FIELD("sgd_start_at_once", FIELD_INT, sgd.start_at_once),
    FIELD("sgd_start_rho_high", FIELD_REAL, sgd.start_rho_high),
    FIELD("tidied", FIELD_BOOL, newton.lifted_last),
    FIELD("distrusts", FIELD_BOOL, newton.needs_check),
    FIELD("reason", FIELD_REASON, newton.reason),
    FIELD("newton_length", FIELD_REAL, newton.height_scale),
    FIELD("newton_error", FIELD_REAL, newton.error),
    FIELD("energy", FIELD_REAL, newton.energy),
};

enum { N_FIELDS = sizeof brenier_fields / sizeof brenier_fields[0] };

/* ---- errors that are not the end ---- */

PetscErrorCode BrenierCheckpointStoreMessage_Private(MPI_Comm comm, int line, const char *function, const char *file,
                                                     PetscErrorCode code, PetscErrorType type, const char *message,
                                                     void *sentence)
{
  (void)line, (void)function, (void)file;
  if (code == PETSC_ERR_MEM && comm == PETSC_COMM_SELF)
    BrenierMemoryEnd(message ? message : ""); // the other ranks wait
  if (type == PETSC_ERROR_INITIAL && message) snprintf(sentence, BRENIER_SENTENCE_LENGTH, "%s", message);
  return code;
}

/* ---- who writes ---- */

PetscErrorCode BrenierCheckpointNameRun_Private(BrenierCheckpoint c)
{
  const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
  char        host[65] = "";

  PetscFunctionBegin;
  (void)gethostname(host, sizeof host - 1);
  snprintf(c->token, sizeof c->token, "%s.%ld.%lld job %.32s restart %.16s", host, (long)getpid(),
           (long long)time(NULL), job ? job : "-", restart ? restart : "0");
  PetscCallMPI(MPI_Bcast(c->token, BRENIER_TOKEN_LENGTH, MPI_CHAR, 0, c->targets->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the file at `path` was written by neither this run nor the one that it continues; on one rank. */
static PetscBool IsOthers(BrenierCheckpoint c)
{
  char           token[BRENIER_TOKEN_LENGTH] = "", sentence[BRENIER_SENTENCE_LENGTH];
  BrenierStore   store                       = NULL;
  PetscErrorCode ierr;

  if (c->newest_damaged || access(c->path, R_OK) ||
      PetscPushErrorHandler(BrenierCheckpointStoreMessage_Private, sentence))
    return PETSC_FALSE;
  ierr = BrenierStoreOpen(PETSC_COMM_SELF, c->path, brenier_checkpoint_format, &store);
  if (!ierr) ierr = BrenierStoreGetText(store, "/", "run", sizeof token, token);
  if (store) (void)BrenierStoreDestroy(&store);
  (void)PetscPopErrorHandler();
  return (PetscBool)(!ierr && strcmp(token, c->token) != 0 && strcmp(token, c->found_token) != 0);
}

PetscErrorCode BrenierCheckpointCheckOwner_Private(BrenierCheckpoint c)
{
  PetscMPIInt  rank;
  BrenierFault fault = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->targets->comm, &rank));
  if (rank == 0 && IsOthers(c))
    BrenierFaultSet(&fault, BRENIER_EXIT_IO,
                    "%s: another run has written it since this run began; this run ends, the other one continues",
                    c->path);
  PetscCall(BrenierFaultAgree(c->targets->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- writing ---- */

static PetscErrorCode WriteRoot(BrenierCheckpoint c, BrenierStore store)
{
  char date[64];

  PetscFunctionBegin;
  PetscCall(PetscGetDate(date, sizeof date));
  PetscCall(BrenierStoreSetText(store, "/", "software", "Brenier"));
  PetscCall(BrenierStoreSetText(store, "/", "version", BRENIER_VERSION));
  PetscCall(BrenierStoreSetText(store, "/", "commit", BRENIER_GIT_COMMIT));
  PetscCall(BrenierStoreSetText(store, "/", "created", date));
  PetscCall(BrenierStoreSetText(store, "/", "run", c->token));
  PetscCall(BrenierStoreSetInt(store, "/", "sequence", c->sequence + 1));
  PetscCall(BrenierStoreSetInt(store, "/", "progress", c->state.phase));
  PetscCall(BrenierStoreAddGroup(store, "/problem"));
  for (PetscInt i = 0; i < c->n_items; ++i)
    PetscCall(BrenierStoreSetText(store, "/problem", c->problem[i].name, c->problem[i].value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Low parts of the heights (heights.h), where these have some. */
static const char brenier_low[] = "/heights_low";

/* Vectors that a phase has, by their names in the file; /certified only where Newton has one. */
typedef struct {
  const char *name;
  Vec        *v;
  PetscBool   has;
} NamedVec;

enum { N_VECTORS = 8 };

static void ListVectors(BrenierCheckpoint c, PetscBool certified, NamedVec list[N_VECTORS])
{
  const PetscBool warm   = (PetscBool)(c->state.phase == BRENIER_PHASE_WARM_UP);
  const PetscBool stage  = (PetscBool)(c->state.phase == BRENIER_PHASE_STAGE);
  const PetscBool in_sgd = (PetscBool)(c->state.phase == BRENIER_PHASE_SGD);

  list[0] = (NamedVec){"/heights", &c->saved.h, PETSC_TRUE};
  list[1] = (NamedVec){"/mean", &c->saved.mean, (PetscBool)(warm || in_sgd)};
  list[2] = (NamedVec){"/scale", &c->saved.diagonal_step, (PetscBool)(stage || in_sgd)};
  list[3] = (NamedVec){"/slack", &c->saved.skin, stage};
  list[5] = (NamedVec){"/group_scale", &c->saved.groups, (PetscBool)(in_sgd && c->state.sgd.of_nodes)};
  list[6] = (NamedVec){"/line_mass", &c->saved.line_mass, (PetscBool)(in_sgd && c->state.sgd.of_lines)};
  list[7] = (NamedVec){"/start", &c->saved.start, (PetscBool)(in_sgd && c->state.sgd.has_start)};
  list[4] = (NamedVec){"/certified", &c->certified, (PetscBool)(stage && certified)};
}

static PetscErrorCode WriteFields(const BrenierSolveState *state, BrenierStore store)
{
  PetscFunctionBegin;
  for (int i = 0; i < N_FIELDS; ++i) {
    const Field *f     = &brenier_fields[i];
    const char  *from  = (const char *)state + f->offset;
    PetscInt64   whole = 0;

    switch (f->type) {
    case FIELD_REAL:
      PetscCall(BrenierStoreSetReal(store, "/state", f->name, *(const PetscReal *)from));
      continue;
    case FIELD_INT:
      whole = *(const PetscInt64 *)from;
      break;
    case FIELD_BOOL:
      whole = *(const PetscBool *)from;
      break;
    case FIELD_REASON:
      whole = *(const BrenierReason *)from;
      break;
    }
    PetscCall(BrenierStoreSetInt(store, "/state", f->name, whole));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteState(BrenierCheckpoint c, BrenierStore store)
{
  const BrenierIteration rows[ROWS] = {c->state.before, c->state.newest, c->state.newton.now};
  NamedVec               list[N_VECTORS];
  PetscMPIInt            rank;
  Vec                    low;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->targets->comm, &rank));
  PetscCall(BrenierStoreAddGroup(store, "/state"));
  PetscCall(BrenierStoreSetInt(store, "/state", "layout", STATE_LAYOUT));
  PetscCall(BrenierStoreSetInt(store, "/state", "certified", c->state.newton.certified != NULL));
  PetscCall(WriteFields(&c->state, store));
  PetscCall(BrenierStoreWriteRows(store, "/state/iterations", BRENIER_F8, rank == 0 ? ROWS : 0,
                                  BRENIER_ITERATION_COLUMNS, rows, "as /history: before, newest, Newton's"));
  PetscCall(
      BrenierStoreWriteRows(store, "/state/levels", BRENIER_I8, rank == 0 ? c->n_levels : 0, 0, c->level, "clusters"));
  PetscCall(BrenierStoreWriteRows(store, "/history", BRENIER_F8, rank == 0 ? c->n_saved : 0, BRENIER_ITERATION_COLUMNS,
                                  c->row, "see the attribute columns"));
  PetscCall(BrenierStoreSetText(store, "/history", "columns", BrenierIterationNames));
  ListVectors(c, (PetscBool)(c->state.newton.certified != NULL), list);
  PetscCall(BrenierStoreWriteVec(store, list[0].name, *list[0].v, "product of a source length and a target length"));
  for (int i = 1; i < N_VECTORS; ++i)
    if (list[i].has) PetscCall(BrenierStoreWriteVec(store, list[i].name, *list[i].v, "as the heights"));
  PetscCall(BrenierHeightsLow(c->saved.h, &low));
  if (low) PetscCall(BrenierStoreWriteVec(store, brenier_low, low, "as the heights"));
  if (c->state.phase == BRENIER_PHASE_STAGE) PetscCall(BrenierDualSave(c->dual, store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointFileBytes_Private(BrenierCheckpoint c, PetscInt64 *bytes)
{
  PetscInt64 sample = 0;

  PetscFunctionBegin;
  if (c->state.phase == BRENIER_PHASE_CLASSES) {
    *bytes = c->classes_bytes;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (c->state.phase == BRENIER_PHASE_STAGE) PetscCall(BrenierDualSaveBytes(c->dual, &sample));
  *bytes = (1 << 16) + sample + (PetscInt64)c->n_saved * (PetscInt64)sizeof *c->row;
  if (c->state.phase == BRENIER_PHASE_WARM_UP) *bytes += 16 * (PetscInt64)c->targets->n;
  if (c->state.phase == BRENIER_PHASE_READY) *bytes += 16 * (PetscInt64)c->targets->n;
  if (c->state.phase >= BRENIER_PHASE_STAGE) *bytes += 32 * (PetscInt64)c->targets->n;
  if (c->state.phase == BRENIER_PHASE_SGD && c->state.sgd.has_start) *bytes += 8 * (PetscInt64)c->targets->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills a store that is open for writing; the caller commits or destroys it. */
static PetscErrorCode Fill(BrenierCheckpoint c, BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(WriteRoot(c, store));
  if (c->state.phase == BRENIER_PHASE_FINISHED) {
    PetscCall(BrenierStoreSetInt(store, "/", "exit", c->exit_code));
    PetscCall(BrenierStoreSetText(store, "/", "outcome", c->outcome));
  } else if (c->state.phase == BRENIER_PHASE_CLASSES) PetscCall(c->write_classes(c->classes_context, store));
  else if (c->state.phase > BRENIER_PHASE_START) PetscCall(WriteState(c, store));
  PetscCall(BrenierCheckpointCheckOwner_Private(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointWriteFile_Private(BrenierCheckpoint c, PetscInt64 bytes)
{
  BrenierStore   store;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(c->targets->comm, c->path, bytes, brenier_checkpoint_format, &store));
  // A damaged file does not push out the older one that is whole
  if (!c->newest_damaged && c->state.phase != BRENIER_PHASE_FINISHED) PetscCall(BrenierStoreKeepOlder(store, c->older));
  ierr = Fill(c, store);
  if (ierr) PetscCall(BrenierStoreDestroy(&store));
  PetscCall(ierr);
  PetscCall(BrenierStoreCommit(&store, brenier_phase_names[c->state.phase]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- reading ---- */

static PetscErrorCode ReadVec(BrenierCheckpoint c, BrenierStore store, const char name[], Vec *v)
{
  PetscScalar *a;

  PetscFunctionBegin;
  if (!*v) PetscCall(BrenierTargetsCreateVec(c->targets, v));
  PetscCall(VecGetArrayWrite(*v, &a));
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, c->targets->first, c->targets->n_local, a));
  PetscCall(VecRestoreArrayWrite(*v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Low parts of the heights that were read, where there are some. */
static PetscErrorCode ReadLow(BrenierCheckpoint c, BrenierStore store)
{
  PetscInt64 n;
  PetscInt   width;
  Vec        low;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, brenier_low, &n, &width));
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierHeightsExtend(c->saved.h));
  PetscCall(BrenierHeightsLow(c->saved.h, &low));
  PetscCall(ReadVec(c, store, brenier_low, &low));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadHistory(BrenierCheckpoint c, BrenierStore store)
{
  PetscInt64 n;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/history", &n, &dim));
  PetscCheck(dim == BRENIER_ITERATION_COLUMNS && n >= 0 && n < PETSC_MAX_INT, c->targets->comm,
             PETSC_ERR_FILE_UNEXPECTED, "its history does not have the columns of this version");
  PetscCall(PetscFree(c->row));
  PetscCall(PetscMalloc1(n + 1, &c->row));
  c->capacity = (PetscInt)n + 1;
  c->n_rows = c->n_saved = (PetscInt)n;
  PetscCall(BrenierStoreReadRows(store, "/history", BRENIER_F8, 0, c->n_rows, c->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadLevels(BrenierCheckpoint c, BrenierStore store)
{
  PetscInt64 n;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/state/levels", &n, &dim));
  PetscCheck(dim == 0 && n >= 0 && n <= BRENIER_MOST_LEVELS, c->targets->comm, PETSC_ERR_FILE_UNEXPECTED,
             "its levels cannot be right");
  c->n_levels = (PetscInt)n;
  PetscCall(BrenierStoreReadRows(store, "/state/levels", BRENIER_I8, 0, c->n_levels, c->level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadFields(BrenierStore store, BrenierSolveState *state)
{
  PetscFunctionBegin;
  for (int i = 0; i < N_FIELDS; ++i) {
    const Field *f     = &brenier_fields[i];
    char        *to    = (char *)state + f->offset;
    PetscInt64   whole = 0;

    if (f->type == FIELD_REAL) PetscCall(BrenierStoreGetReal(store, "/state", f->name, (PetscReal *)to));
    else PetscCall(BrenierStoreGetInt(store, "/state", f->name, &whole));
    if (f->type == FIELD_INT) *(PetscInt64 *)to = whole;
    if (f->type == FIELD_BOOL) *(PetscBool *)to = (PetscBool)(whole != 0);
    if (f->type == FIELD_REASON) *(BrenierReason *)to = (BrenierReason)whole;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Notes that there is a layout. */
static PetscErrorCode SeeLayout(void *context, const char name[], const char value[])
{
  PetscBool *seen = context;

  PetscFunctionBegin;
  (void)value;
  if (!strcmp(name, "layout")) *seen = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses a layout other than this program's: vectors of the same names mean something else there. */
static PetscErrorCode CheckLayout(BrenierCheckpoint c, BrenierStore store, const char path[])
{
  PetscInt64 layout = 1;
  PetscBool  seen   = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(BrenierStoreVisitAttributes(store, "/state", SeeLayout, &seen));
  if (seen) PetscCall(BrenierStoreGetInt(store, "/state", "layout", &layout));
  PetscCheck(layout == STATE_LAYOUT, c->targets->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: its state has layout %" PetscInt64_FMT
             ", this program reads layout %d; continue with the version of Brenier that wrote it",
             path, layout, STATE_LAYOUT);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadState(BrenierCheckpoint c, BrenierStore store, const char path[])
{
  BrenierIteration rows[ROWS];
  NamedVec         list[N_VECTORS];
  PetscInt64       certified;

  PetscFunctionBegin;
  PetscCall(CheckLayout(c, store, path));
  PetscCall(ReadFields(store, &c->state));
  PetscCall(BrenierStoreGetInt(store, "/state", "certified", &certified));
  PetscCall(BrenierStoreReadRows(store, "/state/iterations", BRENIER_F8, 0, ROWS, rows));
  c->state.before     = rows[ROW_BEFORE];
  c->state.newest     = rows[ROW_NEWEST];
  c->state.newton.now = rows[ROW_NEWTON];
  PetscCall(ReadLevels(c, store));
  PetscCall(ReadHistory(c, store));
  ListVectors(c, (PetscBool)(certified != 0), list);
  for (int i = 0; i < N_VECTORS; ++i)
    if (list[i].has) PetscCall(ReadVec(c, store, list[i].name, list[i].v));
  PetscCall(ReadLow(c, store));
  c->state.newton.certified = certified && c->state.phase == BRENIER_PHASE_STAGE ? c->certified : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A value as it was given: numbers are stored with all their digits. */
static const char *AsGiven(const char value[], char text[BRENIER_NUMBER_LENGTH])
{
  char           *end;
  const PetscReal x = strtod(value, &end);

  return strchr(value, '.') && end > value && !*end ? BrenierNumber(x, text) : value;
}

/* What a file has of the items of a problem. */
typedef struct {
  PetscInt            n;
  BrenierProblemItem *item; /* their names are set */
} ItemsThere;

static PetscErrorCode NoteItem(void *context, const char name[], const char value[])
{
  ItemsThere *there = context;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < there->n; ++i)
    if (!strcmp(there->item[i].name, name))
      PetscCall(PetscStrncpy(there->item[i].value, value, sizeof there->item->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Names what differs between the problem of the file and this one; "" when nothing does. The value of an item that the
   file does not have is "none". */
static PetscErrorCode Compare(BrenierCheckpoint c, BrenierStore store, size_t length, char differs[])
{
  char       there[BRENIER_NUMBER_LENGTH], here[BRENIER_NUMBER_LENGTH];
  ItemsThere found = {.n = c->n_items};

  PetscFunctionBegin;
  differs[0] = '\0';
  PetscCall(PetscMalloc1(found.n, &found.item));
  for (PetscInt i = 0; i < found.n; ++i) found.item[i] = (BrenierProblemItem){c->problem[i].name, "none"};
  PetscCall(BrenierStoreVisitAttributes(store, "/problem", NoteItem, &found));
  for (PetscInt i = 0; i < found.n; ++i) {
    const size_t used = strlen(differs);

    if (strcmp(found.item[i].value, c->problem[i].value))
      snprintf(differs + used, length - used, "%s%s is %s there and %s here", used ? ", " : "", c->problem[i].name,
               AsGiven(found.item[i].value, there), AsGiven(c->problem[i].value, here));
  }
  PetscCall(PetscFree(found.item));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointReadFile_Private(BrenierCheckpoint c, const char path[], size_t length, char differs[])
{
  PetscInt64 phase;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(c->targets->comm, path, brenier_checkpoint_format, &c->store));
  PetscCall(BrenierStoreVerify(c->store));
  PetscCall(Compare(c, c->store, length, differs));
  if (differs[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreGetInt(c->store, "/", "progress", &phase));
  PetscCheck(phase >= BRENIER_PHASE_START && phase <= BRENIER_PHASE_CLASSES, c->targets->comm,
             PETSC_ERR_FILE_UNEXPECTED, "%s: its phase is not one that this program knows", path);
  c->state.phase = (BrenierPhase)phase;
  PetscCall(BrenierStoreGetInt(c->store, "/", "sequence", &c->sequence));
  PetscCall(BrenierStoreGetText(c->store, "/", "run", sizeof c->found_token, c->found_token));
  if (c->state.phase == BRENIER_PHASE_FINISHED) {
    PetscCall(BrenierStoreGetInt(c->store, "/", "exit", &c->exit_code));
    PetscCall(BrenierStoreGetText(c->store, "/", "outcome", sizeof c->outcome, c->outcome));
  } else if (c->state.phase > BRENIER_PHASE_START && c->state.phase < BRENIER_PHASE_FINISHED)
    PetscCall(ReadState(c, c->store, path));
  PetscFunctionReturn(PETSC_SUCCESS);
}
