/* frechet.c - brenier frechet: the Frechet distance of two sets of features, with its interval, and the map. */
#include "codes.h"

#include <brenier/array.h>
#include <brenier/frechet.h>

enum { BRENIER_LEAST_SPLITS = 4, BRENIER_LEAST_ROWS = 4 };

/* Features whose fourth powers neither overflow nor vanish. */
static const PetscReal brenier_least_size = 1e-70, brenier_most_size = 1e70;

#define FRECHET_OPTIONS(OWN)                                                                                           \
  OWN(OUTPUT, map, "-map", "OUT.h5", .format = "brenier-affine",                                                       \
      .text = "file to write the optimal affine map from A to B to: /matrix, /mean, /target_mean")                     \
  OWN(INT, splits, "-splits", "N", .low = 0, .high = 1000000, .standard = "8",                                         \
      .text = "random halvings of both sets for bias and interval: at least 4, or 0 for none")                         \
  OWN(INT, seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1", .text = "seed of the halves")

typedef struct {
  FRECHET_OPTIONS(BRENIER_OPTION_MEMBER)
} FrechetRequest;

#define ROW(...) BRENIER_OPTION_ROW(FrechetRequest, __VA_ARGS__)
static const BrenierOption frechet_options[] = {FRECHET_OPTIONS(ROW) BRENIER_ARRAY_OPTIONS BRENIER_OPTION_END};

static PetscErrorCode ReadFrechetRequest(FrechetRequest *r)
{
  PetscFunctionBegin;
  *r = (FrechetRequest){0};
  PetscCall(BrenierOptionsRead(frechet_options, r));
  PetscCheck(!r->splits || r->splits >= BRENIER_LEAST_SPLITS, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "option -splits takes 0 or a whole number from %d on, not %" PetscInt64_FMT, BRENIER_LEAST_SPLITS,
             r->splits);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses a set that has no covariance, or one that double precision cannot hold. */
static PetscErrorCode CheckSet(const BrenierArray *a)
{
  PetscReal size = 0.0;

  PetscFunctionBegin;
  PetscCheck(a->n > 1, a->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: one row has no covariance; the Frechet distance needs at least 2 rows in each set", a->path);
  for (size_t i = 0; i < (size_t)a->n_local * (size_t)a->dim; ++i) size = PetscMax(size, PetscAbsReal(a->value[i]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &size, 1, MPIU_REAL, MPI_MAX, a->comm));
  PetscCheck(size == 0.0 || (size >= brenier_least_size && size <= brenier_most_size), a->comm,
             PETSC_ERR_FILE_UNEXPECTED,
             "%s: its largest entry is %.3g, and covariances need features between %g and %g; scale both sets", a->path,
             (double)size, (double)brenier_least_size, (double)brenier_most_size);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadSets(const char *const argument[], BrenierArray set[2])
{
  PetscFunctionBegin;
  for (int s = 0; s < 2; ++s) {
    PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[s], BRENIER_ARRAY_POINTS, &set[s]));
    PetscCall(CheckSet(&set[s]));
    PetscCall(BrenierPrintWorld("%c: %" PetscInt_FMT " rows of %" PetscInt_FMT " feature%s, %s", 'A' + s, set[s].n,
                                set[s].dim, BrenierPlural(set[s].dim), set[s].path));
  }
  PetscCheck(set[0].dim == set[1].dim, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED,
             "%s has rows of %" PetscInt_FMT " features, but %s of %" PetscInt_FMT
             "; both must come from the same network",
             set[0].path, set[0].dim, set[1].path, set[1].dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How often to halve: not at all when a half would not have two rows. */
static PetscErrorCode SplitsOf(const FrechetRequest *r, const BrenierArray set[2], PetscInt *splits)
{
  const PetscInt n = PetscMin(set[0].n, set[1].n), dim = set[0].dim;

  PetscFunctionBegin;
  *splits = n < BRENIER_LEAST_ROWS ? 0 : (PetscInt)r->splits;
  if (r->splits && !*splits)
    PetscCall(BrenierPrintWorld("notice: no interval: halving needs at least %d rows in each set", BRENIER_LEAST_ROWS));
  else if (*splits && n / 4 < dim)
    PetscCall(BrenierPrintWorld(
        "notice: %" PetscInt_FMT " rows are few for %" PetscInt_FMT
        " features, so the bias is not of order 1/n alone and the interval may miss the distance: give "
        "at least %" PetscInt64_FMT " rows",
        n, dim, 4 * (PetscInt64)dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintDistance(const BrenierFrechet *f)
{
  const BrenierBures *b = &f->bures;

  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld(
      "Frechet distance %.10g   (means %.6g, covariances %.6g, of ranks %" PetscInt_FMT " and %" PetscInt_FMT ")",
      (double)b->value, (double)b->mean_part, (double)(b->value - b->mean_part), b->rank[0], b->rank[1]));
  if (!PetscIsInfOrNanReal(f->extrapolated))
    PetscCall(BrenierPrintWorld("without bias      %.6g   95%% interval %.6g to %.6g   (estimated bias %.3g)",
                                PetscMax((double)f->extrapolated, 0.0), PetscMax((double)f->low, 0.0),
                                PetscMax((double)f->high, 0.0), (double)(b->value - f->extrapolated)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LogDistance(const BrenierFrechet *f, PetscInt splits, const char output[])
{
  const BrenierBures *b = &f->bures;

  PetscFunctionBegin;
  PetscCall(BrenierLogEvent("frechet", "r value", b->value, "r mean_part", b->mean_part, "r trace_a", b->trace[0],
                            "r trace_b", b->trace[1], "r trace_root", b->root, "i rank_a", (PetscInt64)b->rank[0],
                            "i rank_b", (PetscInt64)b->rank[1], "i splits", (PetscInt64)splits, "r extrapolated",
                            f->extrapolated, "r error", f->error, "r low", f->low, "r high", f->high, "s output",
                            output, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What every rank knows is written from rank 0, as a block of rows of which the others have none. */
static PetscErrorCode WriteMap(const char path[], const BrenierArray set[2], const BrenierFrechet *f,
                               const BrenierBuresMap *map)
{
  const PetscInt64 bytes = ((PetscInt64)map->dim + 2) * map->dim * (PetscInt64)sizeof(PetscReal);
  PetscMPIInt      rank;
  PetscInt         rows;
  PetscReal       *matrix;
  BrenierStore     store;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  rows = rank == 0 ? map->dim : 0;
  PetscCall(PetscMalloc1((size_t)map->dim * (size_t)map->dim, &matrix));
  PetscCall(BrenierBuresMapMatrix(map, matrix));
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, path, bytes, "brenier-affine", &store));
  PetscCall(BrenierStoreWriteRows(store, "/matrix", BRENIER_F8, rows, map->dim, matrix, "dimensionless"));
  PetscCall(BrenierStoreWriteRows(store, "/mean", BRENIER_F8, rows, 0, map->mean, "same as the input"));
  PetscCall(BrenierStoreWriteRows(store, "/target_mean", BRENIER_F8, rows, 0, map->target_mean, "same as the input"));
  PetscCall(BrenierSetOrigin(store, set[0].path, set[0].file_bytes, set[0].hash));
  PetscCall(BrenierStoreSetText(store, "/", "target_input", set[1].path));
  PetscCall(BrenierStoreSetInt(store, "/", "dim", map->dim));
  PetscCall(BrenierStoreSetReal(store, "/", "frechet", f->bures.value));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(PetscFree(matrix));
  PetscCall(BrenierPrintWorld("map in %s", path));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunFrechet(const char *const argument[], BrenierExit *outcome)
{
  FrechetRequest  r;
  PetscInt        splits;
  BrenierArray    set[2];
  BrenierRows     rows[2];
  BrenierFrechet  f;
  BrenierBuresMap map[2];

  PetscFunctionBegin;
  PetscCall(ReadFrechetRequest(&r));
  PetscCall(ReadSets(argument, set));
  PetscCall(SplitsOf(&r, set, &splits));
  for (int s = 0; s < 2; ++s) rows[s] = (BrenierRows){set[s].n, set[s].first, set[s].n_local, set[s].dim, set[s].value};
  PetscCall(BrenierFrechetMeasure(PETSC_COMM_WORLD, rows, splits, r.seed, &f, map));
  PetscCall(PrintDistance(&f));
  if (r.map[0]) PetscCall(WriteMap(r.map, set, &f, &map[0]));
  PetscCall(LogDistance(&f, splits, r.map));
  for (int s = 0; s < 2; ++s) {
    PetscCall(BrenierBuresMapDestroy(&map[s]));
    PetscCall(BrenierArrayDestroy(&set[s]));
  }
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const frechet_example[] = {"The distance of two sets of image features:",
                                              "mpiexec -n 2 brenier frechet real.h5:/features made.h5:/features", NULL};

const BrenierCommand brenier_command_frechet = {
    .name        = "frechet",
    .arguments   = "A B",
    .n_arguments = 2,
    .summary     = "Frechet distance (FID) of two sets of features, with a 95% interval",
    .description = "The distance is that of the normal distributions with the means and covariances of the two sets. "
                   "Random halves of both sets estimate its bias, which falls as 1/n, and its interval.",
    .files       = "A and B are file.npy or file.h5:/dataset, a row for each image. OUT.h5 holds /matrix, /mean and "
                   "/target_mean.",
    .example     = frechet_example,
    .see_also    = "encode",
    .option      = frechet_options,
    .run         = RunFrechet};
