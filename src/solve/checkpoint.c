/* checkpoint.c - Implements checkpoint.h. */
#define _POSIX_C_SOURCE 200809L
#include <brenier/base.h>
#include <brenier/checkpoint.h>
#include <brenier/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char brenier_checkpoint_format[] = "brenier-checkpoint";

const char BrenierCheckpointOlder[] = ".1";

/* Names of the phases: the file's status. */
static const char *const brenier_phase_names[] = {"in the start", "in the warm-up", "start finished",
                                                  "in a stage",   "in a pass",      "finished"};

/* A change of the sample is written when what was written so far took at most this part of the time. */
static const PetscReal brenier_cost_part = 0.02;

enum { BRENIER_TOKEN_LENGTH = 256, BRENIER_SENTENCE_LENGTH = 1024 };

/* Rows of the file's dataset /iterations. */
enum { ROW_BEFORE, ROW_NEWEST, ROW_NEWTON, ROWS };

enum { MOST_LEVELS = 64 };

struct _p_BrenierCheckpoint {
  /* parameters */
  BrenierTargets      targets;
  char                path[PETSC_MAX_PATH_LEN], older[PETSC_MAX_PATH_LEN];
  PetscReal           interval;
  BrenierProblemItem *problem;
  PetscInt            n_items;
  char                token[BRENIER_TOKEN_LENGTH]; /* names this run */
  /* data: what is kept */
  BrenierSolveState state;
  Vec               h, scale, slack, certified;
  BrenierDual       dual; /* borrowed, marked; NULL without a sample */
  BrenierIteration *row;
  PetscInt          n_levels;
  PetscInt64        level[MOST_LEVELS];
  PetscInt          n_rows, n_kept, capacity; /* of the history; those from n_kept on came after the safe point */
  /* data: what was found */
  char         source[PETSC_MAX_PATH_LEN]; /* the file; "" for none */
  char         found_token[BRENIER_TOKEN_LENGTH];
  char         outcome[64];
  PetscInt64   exit_code;
  BrenierStore store; /* open until the sample is loaded */
  PetscBool    newest_damaged;
  /* status */
  PetscInt64     sequence;
  PetscInt64     curves_written; /* size of the sample when it was last written */
  PetscReal      seconds_a_byte, seconds_spent;
  PetscLogDouble begun, written;
};

/* ---- errors that are not the end ---- */

/* Keeps the sentence of the first error instead of printing it. */
static PetscErrorCode KeepSentence(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *sentence)
{
  (void)line, (void)function, (void)file;
  if (code == PETSC_ERR_MEM && comm == PETSC_COMM_SELF)
    BrenierMemoryEnd(message ? message : ""); // the other ranks wait
  if (type == PETSC_ERROR_INITIAL && message) snprintf(sentence, BRENIER_SENTENCE_LENGTH, "%s", message);
  return code;
}

/* ---- who writes ---- */

/* A name that no other run has, a requeued one of the same job included. */
static void NameRun(char token[BRENIER_TOKEN_LENGTH])
{
  const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
  char        host[65] = "";

  (void)gethostname(host, sizeof host - 1);
  snprintf(token, BRENIER_TOKEN_LENGTH, "%s.%ld.%lld job %.32s restart %.16s", host, (long)getpid(),
           (long long)time(NULL), job ? job : "-", restart ? restart : "0");
}

/* Whether the file at `path` was written by neither this run nor the one that it continues; on one rank. */
static PetscBool IsOthers(BrenierCheckpoint c)
{
  char           token[BRENIER_TOKEN_LENGTH] = "", sentence[BRENIER_SENTENCE_LENGTH];
  BrenierStore   store                       = NULL;
  PetscErrorCode ierr;

  if (c->newest_damaged || access(c->path, R_OK) || PetscPushErrorHandler(KeepSentence, sentence)) return PETSC_FALSE;
  ierr = BrenierStoreOpen(PETSC_COMM_SELF, c->path, brenier_checkpoint_format, &store);
  if (!ierr) ierr = BrenierStoreGetText(store, "/", "run", sizeof token, token);
  if (store) (void)BrenierStoreDestroy(&store);
  (void)PetscPopErrorHandler();
  return (PetscBool)(!ierr && strcmp(token, c->token) != 0 && strcmp(token, c->found_token) != 0);
}

/* Refuses to replace the checkpoint of another run. */
static PetscErrorCode CheckOwner(BrenierCheckpoint c)
{
  PetscMPIInt  rank;
  BrenierFault fault = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->targets->comm, &rank));
  if (rank == 0 && IsOthers(c))
    BrenierFaultSet(&fault, BRENIER_EXIT_IO,
                    "%s: another run has written it since this one began; that one goes on and this one ends", c->path);
  PetscCall(BrenierFaultAgree(c->targets->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- writing ---- */

/* The numbers of the state, by name; to be written or read. */
static void ListNumbers(BrenierCheckpoint c, PetscInt64 whole[], PetscReal real[])
{
  const BrenierSolveState *s = &c->state;

  whole[0]  = s->attempt;
  whole[1]  = s->size;
  whole[2]  = s->last;
  whole[3]  = s->curves;
  whole[4]  = s->newton.tidied;
  whole[5]  = s->newton.reason;
  whole[6]  = s->passes;
  whole[7]  = s->warm.round;
  whole[8]  = s->warm.step;
  whole[9]  = s->pass.pass;
  whole[10] = s->pass.step;
  whole[11] = s->pass.n_steps;
  whole[12] = s->pass.first;
  whole[13] = s->pass.batch;
  whole[14] = s->pass.before;
  whole[15] = s->newton.distrusts;
  whole[16] = s->newton.certified != NULL;
  real[0]   = s->length;
  real[1]   = s->wanted;
  real[2]   = s->newton.length;
  real[3]   = s->warm.length;
  real[4]   = s->pass.noise;
  real[5]   = s->pass.worth;
  real[6]   = s->pass.gain;
  real[7]   = s->newton.energy;
}

static void TakeNumbers(BrenierCheckpoint c, const PetscInt64 whole[], const PetscReal real[])
{
  BrenierSolveState *s = &c->state;

  s->attempt          = whole[0];
  s->size             = whole[1];
  s->last             = (PetscBool)(whole[2] != 0);
  s->curves           = whole[3];
  s->newton.tidied    = (PetscBool)(whole[4] != 0);
  s->newton.reason    = (BrenierNewtonReason)whole[5];
  s->passes           = (PetscBool)(whole[6] != 0);
  s->warm.round       = whole[7];
  s->warm.step        = whole[8];
  s->pass.pass        = whole[9];
  s->pass.step        = whole[10];
  s->pass.n_steps     = whole[11];
  s->pass.first       = whole[12];
  s->pass.batch       = whole[13];
  s->pass.before      = whole[14];
  s->length           = real[0];
  s->wanted           = real[1];
  s->newton.length    = real[2];
  s->warm.length      = real[3];
  s->pass.noise       = real[4];
  s->pass.worth       = real[5];
  s->pass.gain        = real[6];
  s->newton.energy    = real[7];
  s->newton.distrusts = (PetscBool)(whole[15] != 0);
}

static const char *const brenier_whole_names[] = {"attempt",   "size",       "last",       "curves",     "tidied",
                                                  "reason",    "passes",     "warm_round", "warm_step",  "pass",
                                                  "pass_step", "pass_steps", "pass_first", "pass_batch", "pass_before",
                                                  "distrusts", "certified"};
static const char *const brenier_real_names[]  = {"length",     "wanted",     "newton_length", "warm_length",
                                                  "pass_noise", "pass_worth", "pass_gain",     "energy"};
enum { N_WHOLE = 17, N_REAL = 8 };

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

static PetscErrorCode WriteState(BrenierCheckpoint c, BrenierStore store)
{
  const BrenierIteration rows[ROWS] = {c->state.before, c->state.newest, c->state.newton.now};
  PetscInt64             whole[N_WHOLE];
  PetscReal              real[N_REAL];
  PetscMPIInt            rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->targets->comm, &rank));
  ListNumbers(c, whole, real);
  PetscCall(BrenierStoreAddGroup(store, "/state"));
  for (int i = 0; i < N_WHOLE; ++i) PetscCall(BrenierStoreSetInt(store, "/state", brenier_whole_names[i], whole[i]));
  for (int i = 0; i < N_REAL; ++i) PetscCall(BrenierStoreSetReal(store, "/state", brenier_real_names[i], real[i]));
  PetscCall(BrenierStoreWriteRows(store, "/state/iterations", BRENIER_F8, rank == 0 ? ROWS : 0,
                                  BRENIER_ITERATION_COLUMNS, rows, "as /history: before, newest, Newton's"));
  PetscCall(
      BrenierStoreWriteRows(store, "/state/levels", BRENIER_I8, rank == 0 ? c->n_levels : 0, 0, c->level, "clusters"));
  PetscCall(BrenierStoreWriteRows(store, "/history", BRENIER_F8, rank == 0 ? c->n_kept : 0, BRENIER_ITERATION_COLUMNS,
                                  c->row, "see the attribute columns"));
  PetscCall(BrenierStoreSetText(store, "/history", "columns", BrenierIterationNames));
  PetscCall(BrenierStoreWriteVec(store, "/heights", c->h, "product of a source length and a target length"));
  if (c->state.phase == BRENIER_PHASE_READY) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreWriteVec(store, "/scale", c->scale, "as the heights"));
  if (c->state.phase == BRENIER_PHASE_WARM_UP) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreWriteVec(store, "/slack", c->slack, "as the heights"));
  if (c->state.phase == BRENIER_PHASE_PASS) PetscFunctionReturn(PETSC_SUCCESS);
  if (c->state.newton.certified) PetscCall(BrenierStoreWriteVec(store, "/certified", c->certified, "as the heights"));
  PetscCall(BrenierDualSave(c->dual, store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes of the file, about. Collective. */
static PetscErrorCode FileBytes(BrenierCheckpoint c, PetscInt64 *bytes)
{
  PetscInt64 sample = 0;

  PetscFunctionBegin;
  if (c->state.phase == BRENIER_PHASE_STAGE) PetscCall(BrenierDualSaveBytes(c->dual, &sample));
  *bytes = (1 << 16) + sample + (PetscInt64)c->n_kept * (PetscInt64)sizeof *c->row;
  if (c->state.phase == BRENIER_PHASE_WARM_UP) *bytes += 16 * (PetscInt64)c->targets->n;
  if (c->state.phase == BRENIER_PHASE_READY) *bytes += 8 * (PetscInt64)c->targets->n;
  if (c->state.phase >= BRENIER_PHASE_STAGE) *bytes += 32 * (PetscInt64)c->targets->n;
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
  } else if (c->state.phase > BRENIER_PHASE_START) PetscCall(WriteState(c, store));
  PetscCall(CheckOwner(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteFile(BrenierCheckpoint c, PetscInt64 bytes)
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
  PetscCall(FileBytes(c, &bytes));
  PetscCall(WriteFile(c, bytes));
  PetscCall(PetscTime(&ended));
  ++c->sequence;
  c->newest_damaged = PETSC_FALSE;
  c->written        = ended;
  c->seconds_a_byte = (ended - begun) / (PetscReal)bytes;
  c->seconds_spent += ended - begun;
  c->curves_written = c->dual ? BrenierDualCurves(c->dual) : 0;
  PetscCall(BrenierPrint(c->targets->comm, "checkpoint: %.1f MB in %.2f s to %s", (double)bytes * 1e-6, ended - begun,
                         c->path));
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
  PetscCall(WriteFile(c, 1 << 16));
  if (rank == 0) (void)unlink(c->older);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- keeping ---- */

static PetscErrorCode KeepVec(Vec from, Vec *kept)
{
  PetscFunctionBegin;
  if (!from || from == *kept) PetscFunctionReturn(PETSC_SUCCESS);
  if (!*kept) PetscCall(VecDuplicate(from, kept));
  PetscCall(VecCopy(from, *kept));
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
  PetscCall(FileBytes(c, &bytes));
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
  PetscCall(PetscPushErrorHandler(KeepSentence, sentence));
  ierr = BrenierCheckpointWrite(c);
  PetscCall(PetscPopErrorHandler());
  if (!ierr) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CheckOwner(c));
  PetscCheck(BrenierExitCode(ierr) == BRENIER_EXIT_IO, c->targets->comm, ierr, "%s", sentence);
  PetscCall(PetscTime(&c->written)); // tries again after the next interval
  c->curves_written = c->dual ? BrenierDualCurves(c->dual) : 0;
  PetscCall(BrenierPrintWarning(c->targets->comm, "no checkpoint was written, the solve goes on: %s", sentence));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointKeep(BrenierCheckpoint c, const BrenierSolveState *state, Vec h, Vec scale, Vec slack,
                                     BrenierDual dual)
{
  PetscBool due;

  PetscFunctionBegin;
  c->state  = *state;
  c->dual   = dual;
  c->n_kept = c->n_rows;
  PetscCall(KeepVec(h, &c->h));
  PetscCall(KeepVec(scale, &c->scale));
  PetscCall(KeepVec(slack, &c->slack));
  // Of a stage alone: afterwards Newton's vectors are gone
  if (state->phase != BRENIER_PHASE_STAGE) c->state.newton.certified = NULL;
  PetscCall(KeepVec(c->state.newton.certified, &c->certified));
  if (c->state.newton.certified) c->state.newton.certified = c->certified;
  if (dual) PetscCall(BrenierDualMark(dual));
  PetscCall(IsDue(c, &due));
  if (due) PetscCall(WriteOrWarn(c));
  PetscFunctionReturn(PETSC_SUCCESS);
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

static PetscErrorCode ReadHistory(BrenierCheckpoint c, BrenierStore store)
{
  PetscInt64 n;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/history", &n, &dim));
  PetscCheck(dim == BRENIER_ITERATION_COLUMNS && n >= 0 && n < PETSC_MAX_INT, c->targets->comm,
             PETSC_ERR_FILE_UNEXPECTED, "its history has not the columns of this version");
  PetscCall(PetscFree(c->row));
  PetscCall(PetscMalloc1(n + 1, &c->row));
  c->capacity = (PetscInt)n + 1;
  c->n_rows = c->n_kept = (PetscInt)n;
  PetscCall(BrenierStoreReadRows(store, "/history", BRENIER_F8, 0, c->n_rows, c->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadLevels(BrenierCheckpoint c, BrenierStore store)
{
  PetscInt64 n;
  PetscInt   dim;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/state/levels", &n, &dim));
  PetscCheck(dim == 0 && n >= 0 && n <= MOST_LEVELS, c->targets->comm, PETSC_ERR_FILE_UNEXPECTED,
             "its levels are none");
  c->n_levels = (PetscInt)n;
  PetscCall(BrenierStoreReadRows(store, "/state/levels", BRENIER_I8, 0, c->n_levels, c->level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadState(BrenierCheckpoint c, BrenierStore store)
{
  BrenierIteration rows[ROWS];
  PetscInt64       whole[N_WHOLE];
  PetscReal        real[N_REAL];
  PetscBool        has_certified;

  PetscFunctionBegin;
  for (int i = 0; i < N_WHOLE; ++i) PetscCall(BrenierStoreGetInt(store, "/state", brenier_whole_names[i], &whole[i]));
  for (int i = 0; i < N_REAL; ++i) PetscCall(BrenierStoreGetReal(store, "/state", brenier_real_names[i], &real[i]));
  TakeNumbers(c, whole, real);
  has_certified = (PetscBool)(whole[N_WHOLE - 1] != 0);
  PetscCall(BrenierStoreReadRows(store, "/state/iterations", BRENIER_F8, 0, ROWS, rows));
  c->state.before     = rows[ROW_BEFORE];
  c->state.newest     = rows[ROW_NEWEST];
  c->state.newton.now = rows[ROW_NEWTON];
  PetscCall(ReadLevels(c, store));
  PetscCall(ReadHistory(c, store));
  PetscCall(ReadVec(c, store, "/heights", &c->h));
  if (c->state.phase == BRENIER_PHASE_READY) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadVec(c, store, "/scale", &c->scale));
  if (c->state.phase == BRENIER_PHASE_WARM_UP) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadVec(c, store, "/slack", &c->slack));
  if (c->state.phase != BRENIER_PHASE_STAGE || !has_certified) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadVec(c, store, "/certified", &c->certified));
  c->state.newton.certified = c->certified;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A value as it was given: numbers are stored with all their digits. */
static const char *AsGiven(const char value[], char text[BRENIER_NUMBER_LENGTH])
{
  char           *end;
  const PetscReal x = strtod(value, &end);

  return strchr(value, '.') && end > value && !*end ? BrenierNumber(x, text) : value;
}

/* Names what differs between the problem of the file and this one; "" when nothing does. */
static PetscErrorCode Compare(BrenierCheckpoint c, BrenierStore store, size_t length, char differs[])
{
  char value[sizeof c->problem->value], there[BRENIER_NUMBER_LENGTH], here[BRENIER_NUMBER_LENGTH];

  PetscFunctionBegin;
  differs[0] = '\0';
  for (PetscInt i = 0; i < c->n_items; ++i) {
    const size_t used = strlen(differs);

    PetscCall(BrenierStoreGetText(store, "/problem", c->problem[i].name, sizeof value, value));
    if (strcmp(value, c->problem[i].value))
      snprintf(differs + used, length - used, "%s%s is %s there and %s here", used ? ", " : "", c->problem[i].name,
               AsGiven(value, there), AsGiven(c->problem[i].value, here));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads one generation; everything in it has been compared with its checksums when this returns. */
static PetscErrorCode ReadGeneration(BrenierCheckpoint c, const char path[], size_t length, char differs[])
{
  PetscInt64 phase;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(c->targets->comm, path, brenier_checkpoint_format, &c->store));
  PetscCall(BrenierStoreVerify(c->store));
  PetscCall(Compare(c, c->store, length, differs));
  if (differs[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreGetInt(c->store, "/", "progress", &phase));
  PetscCheck(phase >= BRENIER_PHASE_START && phase <= BRENIER_PHASE_FINISHED, c->targets->comm,
             PETSC_ERR_FILE_UNEXPECTED, "%s: its phase is none", path);
  c->state.phase = (BrenierPhase)phase;
  PetscCall(BrenierStoreGetInt(c->store, "/", "sequence", &c->sequence));
  PetscCall(BrenierStoreGetText(c->store, "/", "run", sizeof c->found_token, c->found_token));
  if (c->state.phase == BRENIER_PHASE_FINISHED) {
    PetscCall(BrenierStoreGetInt(c->store, "/", "exit", &c->exit_code));
    PetscCall(BrenierStoreGetText(c->store, "/", "outcome", sizeof c->outcome, c->outcome));
  } else if (c->state.phase > BRENIER_PHASE_START) PetscCall(ReadState(c, c->store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

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
  PetscCall(PetscPushErrorHandler(KeepSentence, sentence));
  ierr = ReadGeneration(c, path, sizeof differs, differs);
  PetscCall(PetscPopErrorHandler());
  if (!ierr) {
    PetscCheck(!differs[0], c->targets->comm, PETSC_ERR_FILE_UNEXPECTED,
               "%s: the checkpoint of another problem: %s; remove it or name another file behind -checkpoint", path,
               differs);
    PetscCall(PetscStrncpy(c->source, path, sizeof c->source));
    *taken = PETSC_TRUE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(BrenierExitCode(ierr) != BRENIER_EXIT_BUG, c->targets->comm, ierr, "%s", sentence);
  PetscCall(BrenierStoreDestroy(&c->store));
  PetscCall(PetscMemzero(&c->state, sizeof c->state));
  c->n_rows = c->n_kept = 0;
  BrenierFaultSet(fault, BrenierExitCode(ierr), "%s; no other generation can be used, remove it to begin anew",
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
  NameRun(c->token);
  PetscCallMPI(MPI_Bcast(c->token, BRENIER_TOKEN_LENGTH, MPI_CHAR, 0, targets->comm));
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
  c->n_levels = PetscMin(n, MOST_LEVELS);
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
  *n   = c->n_kept;
  *row = c->row;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointGet(BrenierCheckpoint c, Vec h, Vec scale, Vec slack)
{
  PetscFunctionBegin;
  if (h && c->h) PetscCall(VecCopy(c->h, h));
  if (scale && c->scale) PetscCall(VecCopy(c->scale, scale));
  if (slack && c->slack) PetscCall(VecCopy(c->slack, slack));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCheckpointLoadDual(BrenierCheckpoint c, const BrenierSource *source, PetscInt64 seed,
                                         uint32_t stream, PetscInt n_batches, PetscBool lists, BrenierDual *dual)
{
  PetscFunctionBegin;
  PetscCall(BrenierDualLoad(c->targets, source, seed, stream, n_batches, lists ? c->slack : NULL, c->store, dual));
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
  PetscCall(VecDestroy(&c->h));
  PetscCall(VecDestroy(&c->scale));
  PetscCall(VecDestroy(&c->slack));
  PetscCall(VecDestroy(&c->certified));
  PetscCall(PetscFree(*checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}
