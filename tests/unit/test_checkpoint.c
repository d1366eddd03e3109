static const char help[] =
    "Checks that a checkpoint gives back what was kept, and that a damaged one never gives anything else.\n";

#include "expect.h"
#include "problems.h"

#include <brenier/checkpoint.h>
#include <brenier/store.h>

enum { SEED = 23, N_TARGETS = 70, DIM = 4, N_CURVES = 90, N_BATCHES = 4, N_FLIPS = 1000, STEP = 512 };

static const char         name[] = "run.ckpt", older_name[] = "run.ckpt.1";
static BrenierProblemItem problem[]  = {{"-tol", "0.1"}, {"-seed", "23"}};
static const PetscReal    never      = 1e9; /* seconds */
static const PetscReal    skin_parts = 0.02;

typedef struct {
  BrenierTargets targets;
  BrenierSource  source;
  BrenierDual    dual;
  Vec            h, skin, mass;
} Problem;

static PetscErrorCode CreateProblem(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(MakeTargets(PETSC_COMM_WORLD, CLOUD_NORMAL, 7, N_TARGETS, DIM, 1.0, 0.0, &p->targets));
  PetscCall(BrenierSourceCreate(PETSC_COMM_WORLD, "gaussian", DIM, 1.0, &p->source));
  PetscCall(BrenierDualCreate(p->targets, p->source, SEED, BRENIER_STREAM_SOLVE, N_CURVES, N_BATCHES, &p->dual));
  PetscCall(BrenierTargetsCreateVec(p->targets, &p->h));
  PetscCall(VecDuplicate(p->h, &p->skin));
  PetscCall(VecDuplicate(p->h, &p->mass));
  PetscCall(VecSet(p->skin, skin_parts));
  PetscCall(BrenierDualSetSkin(p->dual, p->skin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyProblem(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(BrenierDualDestroy(&p->dual));
  PetscCall(VecDestroy(&p->h));
  PetscCall(VecDestroy(&p->skin));
  PetscCall(VecDestroy(&p->mass));
  PetscCall(BrenierSourceDestroy(&p->source));
  PetscCall(BrenierTargetsDestroy(&p->targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights of step number `step` of a path. */
static PetscErrorCode StepHeights(const Problem *p, PetscInt step, Vec h)
{
  PetscFunctionBeginUser;
  PetscCall(SetHeights(p->targets, 1.0, 0.01 * (PetscReal)(step + 1), 3, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Follow(const Problem *p, BrenierDual dual, PetscInt step, PetscBool skip, Vec h, Vec mass)
{
  BrenierDualValue value;

  PetscFunctionBeginUser;
  PetscCall(StepHeights(p, step, h));
  PetscCall(BrenierDualSkipListCheck(dual, skip));
  PetscCall(BrenierDualEvaluate(dual, h, mass, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ExpectSame(Vec a, Vec b, const char what[])
{
  PetscBool same;

  PetscFunctionBeginUser;
  PetscCall(VecEqual(a, b, &same));
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s differ", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Open(const Problem *p, BrenierCheckpoint *checkpoint)
{
  PetscFunctionBeginUser;
  PetscCall(BrenierCheckpointCreate(p->targets, Path(name), never, problem, 2, checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the dual's state under a number, and writes it. */
static PetscErrorCode Keep(const Problem *p, BrenierCheckpoint checkpoint, PetscInt64 number)
{
  BrenierSolveState         state = {.phase = BRENIER_PHASE_STAGE, .size = number, .wanted = 1.0 / 3.0};
  BrenierIteration          row   = {.iteration = (PetscReal)number, .rho = 0.5};
  const BrenierSolveVectors v     = {.h = p->h, .diagonal_step = p->h, .skin = p->skin};

  PetscFunctionBeginUser;
  state.newton.now = row;
  PetscCall(BrenierCheckpointAddRow(checkpoint, &row));
  PetscCall(BrenierCheckpointSave(checkpoint, &state, &v, p->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sample of a checkpoint, evaluated as it was. */
static PetscErrorCode Load(const Problem *p, BrenierCheckpoint checkpoint, Vec h, Vec mass, BrenierDual *dual)
{
  BrenierDualValue value;

  PetscFunctionBeginUser;
  PetscCall(BrenierCheckpointGet(checkpoint, &(BrenierSolveVectors){.h = h}));
  PetscCall(BrenierCheckpointLoadDual(checkpoint, p->source, SEED, BRENIER_STREAM_SOLVE, N_BATCHES, PETSC_TRUE, dual));
  PetscCall(BrenierDualSkipListCheck(*dual, PETSC_TRUE));
  PetscCall(BrenierDualEvaluate(*dual, h, mass, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A snapshot is read as it was taken, although the sample grew and its lists changed before it was written. */
static PetscErrorCode TestKept(void)
{
  Problem           p, twin;
  BrenierCheckpoint written, read;
  BrenierDual       loaded;
  Vec               h, mass;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(&p));
  PetscCall(CreateProblem(&twin));
  PetscCall(VecDuplicate(p.h, &h));
  PetscCall(VecDuplicate(p.h, &mass));
  PetscCall(Follow(&p, p.dual, 0, PETSC_FALSE, p.h, p.mass));
  PetscCall(BrenierDualGrow(p.dual, 2 * N_CURVES));
  PetscCall(Follow(&p, p.dual, 1, PETSC_TRUE, p.h, p.mass));
  PetscCall(Follow(&twin, twin.dual, 0, PETSC_FALSE, twin.h, twin.mass));
  PetscCall(BrenierDualGrow(twin.dual, 2 * N_CURVES));
  PetscCall(Follow(&twin, twin.dual, 1, PETSC_TRUE, twin.h, twin.mass));
  PetscCall(Open(&p, &written));
  PetscCall(Keep(&p, written, 5));
  for (PetscInt step = 2; step < 8; ++step) {
    PetscCall(BrenierDualGrow(p.dual, (step + 1) * N_CURVES));
    PetscCall(Follow(&p, p.dual, step, PETSC_FALSE, h, p.mass));
  }
  PetscCall(BrenierCheckpointWrite(written));
  PetscCall(Open(&p, &read));
  PetscCheck(BrenierCheckpointState(read)->size == 5 && BrenierCheckpointState(read)->wanted == 1.0 / 3.0,
             PETSC_COMM_WORLD, PETSC_ERR_PLIB, "the state differs");
  PetscCall(Load(&p, read, h, mass, &loaded));
  PetscCall(ExpectSame(h, twin.h, "heights"));
  PetscCall(ExpectSame(mass, twin.mass, "masses at the heights kept"));
  // Lazy lists miss planes after a long step: they must miss the same ones
  PetscCall(Follow(&twin, twin.dual, 9, PETSC_TRUE, twin.h, twin.mass));
  PetscCall(Follow(&p, loaded, 9, PETSC_TRUE, h, mass));
  PetscCall(ExpectSame(mass, twin.mass, "masses by lazy lists"));
  PetscCall(Follow(&twin, twin.dual, 3, PETSC_FALSE, twin.h, twin.mass));
  PetscCall(Follow(&p, loaded, 3, PETSC_FALSE, h, mass));
  PetscCall(ExpectSame(mass, twin.mass, "masses by mended lists"));
  PetscCall(BrenierCheckpointDestroy(&written));
  PetscCall(BrenierCheckpointDestroy(&read));
  PetscCall(BrenierDualDestroy(&loaded));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&mass));
  PetscCall(DestroyProblem(&p));
  PetscCall(DestroyProblem(&twin));
  CountFiles(PETSC_TRUE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Content of a file, the same on all ranks. */
static PetscErrorCode ReadBytes(const char path[], size_t *n, char **bytes)
{
  FILE *file = fopen(path, "rb");

  PetscFunctionBeginUser;
  PetscCheck(file && !fseek(file, 0, SEEK_END), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot read %s", path);
  *n = (size_t)ftell(file);
  rewind(file);
  PetscCall(PetscMalloc1(*n, bytes));
  PetscCheck(fread(*bytes, 1, *n, file) == *n, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot read %s", path);
  fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Replaces the newest generation. */
static PetscErrorCode PutBytes(size_t n, const char bytes[])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0) {
    FILE *file = fopen(Path(name), "wb");

    PetscCheck(file && fwrite(bytes, 1, n, file) == n && !fclose(file), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN,
               "cannot write");
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two generations, of numbers 1 and 2, with their heights and masses. */
typedef struct {
  Problem p;
  Vec     h[2], mass[2], read_h, read_mass;
} Generations;

static PetscErrorCode CreateGenerations(Generations *g)
{
  BrenierCheckpoint checkpoint;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(&g->p));
  PetscCall(VecDuplicate(g->p.h, &g->read_h));
  PetscCall(VecDuplicate(g->p.h, &g->read_mass));
  PetscCall(Open(&g->p, &checkpoint));
  for (PetscInt i = 0; i < 2; ++i) {
    PetscCall(Follow(&g->p, g->p.dual, i, PETSC_FALSE, g->p.h, g->p.mass));
    PetscCall(Keep(&g->p, checkpoint, i + 1));
    PetscCall(BrenierCheckpointWrite(checkpoint));
    PetscCall(VecDuplicate(g->p.h, &g->h[i]));
    PetscCall(VecDuplicate(g->p.h, &g->mass[i]));
    PetscCall(VecCopy(g->p.h, g->h[i]));
    PetscCall(VecCopy(g->p.mass, g->mass[i]));
  }
  PetscCall(BrenierCheckpointDestroy(&checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyGenerations(Generations *g)
{
  PetscFunctionBeginUser;
  for (int i = 0; i < 2; ++i) {
    PetscCall(VecDestroy(&g->h[i]));
    PetscCall(VecDestroy(&g->mass[i]));
  }
  PetscCall(VecDestroy(&g->read_h));
  PetscCall(VecDestroy(&g->read_mass));
  PetscCall(DestroyProblem(&g->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads what is there: generation 1 or 2, bit for bit; 0 for an error with exit code 3. */
static PetscErrorCode WhichIsRead(Generations *g, PetscInt64 *number)
{
  BrenierCheckpoint read = NULL;
  BrenierDual       dual;
  PetscErrorCode    ierr;

  PetscFunctionBeginUser;
  *number = 0;
  PetscCall(PetscPushErrorHandler(KeepSentence, NULL));
  ierr = Open(&g->p, &read);
  PetscCall(PetscPopErrorHandler());
  if (ierr) {
    PetscCheck(BrenierExitCode(ierr) == BRENIER_EXIT_INPUT, PETSC_COMM_SELF, PETSC_ERR_PLIB, "error %d: %s", (int)ierr,
               last_sentence);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *number = BrenierCheckpointState(read)->size;
  PetscCheck(*number == 1 || *number == 2, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a state of no generation");
  PetscCall(Load(&g->p, read, g->read_h, g->read_mass, &dual));
  PetscCall(ExpectSame(g->read_h, g->h[*number - 1], "heights of a generation"));
  PetscCall(ExpectSame(g->read_mass, g->mass[*number - 1], "masses of a generation"));
  PetscCall(BrenierDualDestroy(&dual));
  PetscCall(BrenierCheckpointDestroy(&read));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Counts of what damaged files led to. */
typedef struct {
  int older, intact;
} Tally;

/* Reads the damaged file with the older generation beside it. */
static PetscErrorCode Damage(Generations *g, size_t n, const char bytes[], Tally *tally)
{
  PetscInt64 number;

  PetscFunctionBeginUser;
  PetscCall(PutBytes(n, bytes));
  PetscCall(WhichIsRead(g, &number));
  PetscCheck(number > 0, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "the older generation was not used: %s", last_sentence);
  if (number == 1) ++tally->older;
  else ++tally->intact;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One rank tries all damages; several, which wait for each other at each step of reading, a quarter of them. */
static PetscErrorCode TestDamage(void)
{
  Generations g;
  Tally       truncated = {0}, flipped = {0};
  size_t      n;
  char       *bytes;
  PetscInt64  number;
  PetscMPIInt rank, size, share;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  share = size > 1 ? 4 : 1;
  PetscCall(CreateGenerations(&g));
  PetscCall(ReadBytes(Path(name), &n, &bytes));
  PetscCall(WhichIsRead(&g, &number));
  PetscCheck(number == 2, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "the newest generation was not used");
  for (size_t length = 0; length < n; length += STEP * share) PetscCall(Damage(&g, length, bytes, &truncated));
  PetscCheck(truncated.intact == 0, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "a truncated file was used");
  for (PetscInt i = 0; i < N_FLIPS; i += share) {
    const uint64_t bit = (uint64_t)i * 2654435761u % (8 * n);

    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    PetscCall(Damage(&g, n, bytes, &flipped));
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%d truncations; %d flips: %d to the older, %d harmless\n", truncated.older,
                        N_FLIPS / share, flipped.older, flipped.intact));
  PetscCheck(flipped.older > N_FLIPS / share / 2, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "flips of bits go unnoticed");
  if (rank == 0) unlink(Path(older_name));
  PetscCall(PutBytes(n / 2, bytes));
  ExpectError(BrenierCheckpointCreate(g.p.targets, Path(name), never, problem, 2, &(BrenierCheckpoint){NULL}),
              PETSC_ERR_FILE_UNEXPECTED, "no other generation can be used");
  PetscCall(PetscFree(bytes));
  PetscCall(DestroyGenerations(&g));
  CountFiles(PETSC_TRUE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another problem is refused, and the checkpoint of another run is not replaced. */
static PetscErrorCode TestOthers(void)
{
  Generations        g;
  BrenierCheckpoint  first, second;
  BrenierProblemItem other[] = {{"-tol", "0.2"}, {"-seed", "23"}};

  PetscFunctionBeginUser;
  PetscCall(CreateGenerations(&g));
  ExpectError(BrenierCheckpointCreate(g.p.targets, Path(name), never, other, 2, &first), PETSC_ERR_FILE_UNEXPECTED,
              "-tol is 0.1 there and 0.2 here");
  PetscCall(Open(&g.p, &first));
  PetscCall(PetscSleep(1.1)); // two runs of one process have one name within a second
  PetscCall(Open(&g.p, &second));
  PetscCall(Keep(&g.p, second, 3));
  PetscCall(BrenierCheckpointWrite(second));
  ExpectError(Keep(&g.p, first, 4), PETSC_ERR_FILE_OPEN, "another run has written it"); // the first is due at once
  PetscCall(BrenierCheckpointDestroy(&first));
  PetscCall(BrenierCheckpointDestroy(&second));
  PetscCall(Open(&g.p, &first));
  PetscCheck(BrenierCheckpointState(first)->size == 3, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "not the second run's");
  PetscCall(BrenierCheckpointFinish(first, 6, "an outcome"));
  PetscCall(BrenierCheckpointDestroy(&first));
  PetscCheck(CountFiles(PETSC_FALSE) == 1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a finished solve keeps one small file");
  PetscCall(Open(&g.p, &first));
  PetscCheck(BrenierCheckpointState(first)->phase == BRENIER_PHASE_FINISHED, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "not finished");
  PetscCall(BrenierCheckpointDestroy(&first));
  PetscCall(DestroyGenerations(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a phase keeps, in the order of BrenierSolveVectors: heights always, the skin only with a sample. */
enum { N_KEPT = 7 };
typedef struct {
  BrenierPhase phase;
  PetscBool    mean, scale, groups, lines, start;
} Kept;

static PetscBool Keeps(const Kept *kept, PetscInt k)
{
  const PetscBool has[N_KEPT] = {PETSC_TRUE,   kept->mean,  kept->scale, PETSC_FALSE,
                                 kept->groups, kept->lines, kept->start};

  return has[k];
}

/* Each phase returns the vectors that it has, whatever was saved before it, and leaves the others as they are. */
static PetscErrorCode TestVectors(void)
{
  static const Kept table[] = {{.phase = BRENIER_PHASE_WARM_UP, .mean = PETSC_TRUE},
                               {.phase = BRENIER_PHASE_READY},
                               {.phase = BRENIER_PHASE_SGD, .mean = PETSC_TRUE, .scale = PETSC_TRUE},
                               {BRENIER_PHASE_SGD, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, PETSC_FALSE},
                               {BRENIER_PHASE_SGD, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, PETSC_FALSE},
                               {BRENIER_PHASE_SGD, PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, PETSC_FALSE, PETSC_TRUE}};
  Problem           p;
  BrenierCheckpoint c;
  Vec               v[N_KEPT], got[N_KEPT];

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(&p));
  for (PetscInt k = 0; k < N_KEPT; ++k) {
    PetscCall(VecDuplicate(p.h, &v[k]));
    PetscCall(VecDuplicate(p.h, &got[k]));
    PetscCall(StepHeights(&p, k, v[k]));
  }
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    const BrenierSgdState sgd = {.of_nodes = table[i].groups, .of_lines = table[i].lines, .has_start = table[i].start};
    const BrenierSolveState state = {.phase = table[i].phase, .sgd = sgd, .height_scale = 1.0 / 7.0, .sgd_follows = 1};

    PetscCall(Open(&p, &c));
    PetscCall(BrenierCheckpointSave(c, &state, &(BrenierSolveVectors){v[0], v[1], v[2], v[3], v[4], v[5], v[6]}, NULL));
    PetscCall(BrenierCheckpointWrite(c));
    PetscCall(BrenierCheckpointDestroy(&c));
    PetscCall(Open(&p, &c));
    PetscCheck(BrenierCheckpointState(c)->height_scale == 1.0 / 7.0 && BrenierCheckpointState(c)->sgd_follows,
               PETSC_COMM_WORLD, PETSC_ERR_PLIB, "the state differs");
    for (PetscInt k = 0; k < N_KEPT; ++k) PetscCall(VecSet(got[k], -1.0));
    PetscCall(BrenierCheckpointGet(c, &(BrenierSolveVectors){got[0], got[1], got[2], got[3], got[4], got[5], got[6]}));
    PetscCall(BrenierCheckpointDestroy(&c));
    for (PetscInt k = 0; k < N_KEPT; ++k)
      if (!Keeps(&table[i], k)) PetscCall(VecSet(v[k], -1.0));
    for (PetscInt k = 0; k < N_KEPT; ++k) {
      PetscCall(ExpectSame(got[k], v[k], "vectors kept"));
      PetscCall(StepHeights(&p, k, v[k]));
    }
  }
  for (PetscInt k = 0; k < N_KEPT; ++k) {
    PetscCall(VecDestroy(&v[k]));
    PetscCall(VecDestroy(&got[k]));
  }
  PetscCall(DestroyProblem(&p));
  CountFiles(PETSC_TRUE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A state of the first layout, which had no number, is refused: its vectors mean something else. */
static PetscErrorCode TestOlderLayout(void)
{
  Problem           p;
  BrenierStore      store;
  BrenierCheckpoint c;

  PetscFunctionBeginUser;
  PetscCall(CreateProblem(&p));
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, Path(name), 1 << 16, "brenier-checkpoint", &store));
  PetscCall(BrenierStoreSetText(store, "/", "run", "an older one"));
  PetscCall(BrenierStoreSetInt(store, "/", "sequence", 1));
  PetscCall(BrenierStoreSetInt(store, "/", "progress", BRENIER_PHASE_SGD));
  PetscCall(BrenierStoreAddGroup(store, "/problem"));
  for (int i = 0; i < 2; ++i) PetscCall(BrenierStoreSetText(store, "/problem", problem[i].name, problem[i].value));
  PetscCall(BrenierStoreAddGroup(store, "/state"));
  PetscCall(BrenierStoreSetInt(store, "/state", "size", 5));
  PetscCall(BrenierStoreCommit(&store, "in averaged SGD"));
  ExpectError(BrenierCheckpointCreate(p.targets, Path(name), never, problem, 2, &c), PETSC_ERR_FILE_UNEXPECTED,
              "its state has layout 1");
  PetscCall(DestroyProblem(&p));
  CountFiles(PETSC_TRUE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCall(TestKept());
  PetscCall(TestDamage());
  PetscCall(TestVectors());
  PetscCall(TestOlderLayout());
  PetscCall(TestOthers());
  PetscCall(RemoveFolder());
  PetscCall(PetscFinalize());
  return 0;
}
