static const char help[] =
    "Checks that stores hold what was written, on any number of ranks, and every documented error.\n";

#define _POSIX_C_SOURCE 200809L
#include "expect.h"

#include <brenier/error.h>
#include <brenier/stop.h>
#include <brenier/store.h>

#include <fcntl.h>
#include <hdf5.h>
#include <sys/wait.h>

/* Uneven blocks on purpose: rank 0 holds no row when there are several ranks. */
static PetscErrorCode Split(MPI_Comm comm, PetscInt n, PetscInt *first, PetscInt *n_local)
{
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  *first   = size == 1 ? 0 : n * PetscMax(rank - 1, 0) / (size - 1);
  *n_local = size == 1 ? n : (rank == 0 ? 0 : n * rank / (size - 1) - *first);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Value of row i, column k, exact in single precision. */
static PetscReal Value(PetscInt64 i, PetscInt k)
{
  return (PetscReal)((i * 7 + k * 3) % 1000) / 8.0 - 5.0;
}

enum { N_ROWS = 1003, DIM = 5, N_APPENDED = 3 };

/* One store with every type and layout in it. */
static PetscErrorCode WriteSample(MPI_Comm comm, const char path[], PetscInt n, const char status[])
{
  PetscInt     first, n_local;
  float       *f4;
  PetscReal   *f8;
  PetscInt64  *i8;
  BrenierStore store;

  PetscFunctionBeginUser;
  PetscCall(Split(comm, n, &first, &n_local));
  PetscCall(PetscMalloc3(n_local * DIM, &f4, n_local, &f8, n_local, &i8));
  for (PetscInt i = 0; i < n_local; ++i) {
    for (PetscInt k = 0; k < DIM; ++k) f4[i * DIM + k] = (float)Value(first + i, k);
    f8[i] = Value(first + i, 0) / 3.0;
    i8[i] = ((PetscInt64)1 << 60) + first + i;
  }
  PetscCall(BrenierStoreCreate(comm, path, (PetscInt64)n * 40, "brenier-result", &store));
  PetscCall(BrenierStoreWriteRows(store, "/targets", BRENIER_F4, n_local, DIM, f4, "same as the input"));
  PetscCall(BrenierStoreWriteRows(store, "/heights", BRENIER_F8, n_local, 0, f8, "dimensionless"));
  PetscCall(BrenierStoreWriteRows(store, "/deep/down/index", BRENIER_I8, n_local, 1, i8, "index"));
  for (PetscInt block = 0; block < N_APPENDED; ++block)
    PetscCall(BrenierStoreAppendRows(store, "/history", BRENIER_F8, n_local, 0, f8, "mixed"));
  PetscCall(BrenierStoreAddGroup(store, "/provenance"));
  PetscCall(BrenierStoreSetReal(store, "/", "rho", 0.125));
  PetscCall(BrenierStoreSetReal(store, "/", "rho", 0.0625));
  PetscCall(BrenierStoreSetInt(store, "/provenance", "seed", (PetscInt64)1 << 40));
  PetscCall(BrenierStoreSetText(store, "/provenance", "input", "Gau\xc3\x9f.npy"));
  PetscCall(BrenierStoreSetText(store, "/provenance", "empty", ""));
  PetscCall(BrenierStoreCommit(&store, status));
  PetscCheck(!store, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a committed store is still there");
  PetscCall(PetscFree3(f4, f8, i8));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadBack(BrenierStore store, PetscInt n)
{
  PetscInt    first, n_local;
  PetscReal  *targets, *heights;
  PetscInt64 *index;

  PetscFunctionBeginUser;
  PetscCall(Split(PETSC_COMM_WORLD, n, &first, &n_local));
  PetscCall(PetscMalloc3(n_local * DIM, &targets, n_local, &heights, n_local, &index));
  PetscCall(BrenierStoreReadRows(store, "/targets", BRENIER_F8, first, n_local, targets));
  PetscCall(BrenierStoreReadRows(store, "/heights", BRENIER_F8, first, n_local, heights));
  PetscCall(BrenierStoreReadRows(store, "/deep/down/index", BRENIER_I8, first, n_local, index));
  for (PetscInt i = 0; i < n_local; ++i) {
    PetscBool same = (PetscBool)(heights[i] == Value(first + i, 0) / 3.0);

    for (PetscInt k = 0; k < DIM; ++k) same = (PetscBool)(same && targets[i * DIM + k] == Value(first + i, k));
    same = (PetscBool)(same && index[i] == ((PetscInt64)1 << 60) + first + i);
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "row %" PetscInt_FMT " differs", first + i);
  }
  // A part that does not cover the dataset, on all ranks the same, in single precision
  if (n > 2) {
    float some[DIM];

    PetscCall(BrenierStoreReadRows(store, "/targets", BRENIER_F4, 2, 1, some));
    PetscCheck(some[3] == (float)Value(2, 3), PETSC_COMM_SELF, PETSC_ERR_PLIB, "row 2 differs");
  }
  PetscCall(PetscFree3(targets, heights, index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ExpectShape(BrenierStore store, const char name[], PetscInt64 n, PetscInt dim)
{
  PetscInt64 found_n;
  PetscInt   found_dim;

  PetscFunctionBeginUser;
  PetscCall(BrenierStoreGetShape(store, name, &found_n, &found_dim));
  PetscCheck(found_n == n && found_dim == dim, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s has shape %" PetscInt64_FMT " x %" PetscInt_FMT, name, found_n, found_dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

enum { LIST_LENGTH = 512 };

static PetscErrorCode AppendToList(void *context, const char name[], const char value[])
{
  char *list = (char *)context;

  PetscFunctionBeginUser;
  snprintf(list + strlen(list), LIST_LENGTH - strlen(list), "%s=%s;", name, value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckAttributes(BrenierStore store)
{
  PetscReal  rho;
  PetscInt64 seed;
  char       text[64], list[LIST_LENGTH] = "";

  PetscFunctionBeginUser;
  PetscCall(BrenierStoreGetReal(store, "/", "rho", &rho));
  PetscCall(BrenierStoreGetInt(store, "/provenance", "seed", &seed));
  PetscCall(BrenierStoreGetText(store, "/provenance", "input", sizeof text, text));
  PetscCheck(rho == 0.0625 && seed == (PetscInt64)1 << 40 && !strcmp(text, "Gau\xc3\x9f.npy"), PETSC_COMM_SELF,
             PETSC_ERR_PLIB, "attributes differ");
  PetscCall(BrenierStoreVisitAttributes(store, "/provenance", AppendToList, list));
  PetscCheck(!strcmp(list, "empty=;input=Gau\xc3\x9f.npy;seed=1099511627776;"), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "visited %s", list);
  ExpectError(BrenierStoreGetReal(store, "/", "rhubarb", &rho), PETSC_ERR_FILE_UNEXPECTED, "rhubarb");
  ExpectError(BrenierStoreGetReal(store, "/", "status", &rho), PETSC_ERR_FILE_UNEXPECTED, "another type");
  ExpectError(BrenierStoreGetText(store, "/", "status", 3, text), PETSC_ERR_FILE_UNEXPECTED, "longer");
  ExpectError(BrenierStoreVisitAttributes(store, "/nothing", AppendToList, list), PETSC_ERR_FILE_UNEXPECTED,
              "/nothing");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRoundTrip(PetscInt n)
{
  BrenierStore store;

  PetscFunctionBeginUser;
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path("whole.h5"), n, "converged"));
  PetscCheck(CountFiles(PETSC_FALSE) == 1, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a temporary file was left behind");
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, Path("whole.h5"), "brenier-result", &store));
  PetscCall(ExpectShape(store, "/targets", n, DIM));
  PetscCall(ExpectShape(store, "/heights", n, 0));
  PetscCall(ExpectShape(store, "/deep/down/index", n, 1));
  PetscCall(ExpectShape(store, "/history", N_APPENDED * n, 0));
  PetscCall(ExpectShape(store, "/no/such", -1, 0));
  PetscCall(ReadBack(store, n));
  PetscCall(CheckAttributes(store));
  ExpectError(BrenierStoreReadRows(store, "/no/such", BRENIER_F8, 0, 0, NULL), PETSC_ERR_FILE_UNEXPECTED, "no dataset");
  ExpectError(BrenierStoreReadRows(store, "/heights", BRENIER_F8, n, 1, NULL), PETSC_ERR_FILE_UNEXPECTED, "asked for");
  PetscCall(BrenierStoreDestroy(&store));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whole file as bytes, on every rank. */
static PetscErrorCode Slurp(const char path[], char **bytes, size_t *length)
{
  FILE *file = fopen(path, "rb");

  PetscFunctionBeginUser;
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot open %s", path);
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  PetscCall(PetscMalloc1(*length, bytes));
  PetscCheck(fread(*bytes, 1, *length, file) == *length, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "cannot read %s", path);
  fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Writes on rank 0 the first `length` of `bytes`, with one bit of byte `flip` turned (-1 for none). */
static PetscErrorCode Spill(const char path[], const char bytes[], size_t length, long flip)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    FILE *file = fopen(path, "wb");

    PetscCheck(file && fwrite(bytes, 1, length, file) == length, PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE,
               "cannot write %s", path);
    if (flip >= 0) {
      fseek(file, flip, SEEK_SET);
      fputc(bytes[flip] ^ 16, file);
    }
    fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The bytes depend neither on the time of writing nor on the number of ranks. */
static PetscErrorCode TestSameContentSameBytes(void)
{
  PetscMPIInt rank;
  char       *one, *two;
  size_t      length_one, length_two;

  PetscFunctionBeginUser;
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path("one.h5"), N_ROWS, "converged"));
  PetscCall(PetscSleep(1.1));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) PetscCall(WriteSample(PETSC_COMM_SELF, Path("two.h5"), N_ROWS, "converged"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Slurp(Path("one.h5"), &one, &length_one));
  PetscCall(Slurp(Path("two.h5"), &two, &length_two));
  PetscCheck(length_one == length_two && !memcmp(one, two, length_one), PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "the same content gave other bytes");
  PetscCall(PetscFree(one));
  PetscCall(PetscFree(two));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Finds where the heights are in the file and turns a bit there: HDF5 itself would not notice. */
static PetscErrorCode TestDamageIsFound(void)
{
  const PetscReal height = Value(700, 0) / 3.0;
  char           *bytes, *at;
  size_t          length;
  PetscInt        first, n_local;
  PetscReal      *heights;
  BrenierStore    store;

  PetscFunctionBeginUser;
  PetscCall(Split(PETSC_COMM_WORLD, N_ROWS, &first, &n_local));
  PetscCall(PetscMalloc1(n_local, &heights));
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path("damaged.h5"), N_ROWS, "converged"));
  PetscCall(Slurp(Path("damaged.h5"), &bytes, &length));
  for (at = bytes; memcmp(at, &height, sizeof height); ++at)
    PetscCheck(at + sizeof height < bytes + length, PETSC_COMM_SELF, PETSC_ERR_PLIB, "row 700 is not in the file");
  PetscCall(Spill(Path("damaged.h5"), bytes, length, at - bytes));
  PetscCall(BrenierStoreOpen(PETSC_COMM_WORLD, Path("damaged.h5"), "brenier-result", &store));
  ExpectError(BrenierStoreReadRows(store, "/heights", BRENIER_F8, first, n_local, heights), PETSC_ERR_FILE_UNEXPECTED,
              "damaged");
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(Spill(Path("damaged.h5"), bytes, length / 2, -1));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path("damaged.h5"), NULL, &store), PETSC_ERR_FILE_UNEXPECTED,
              "truncated");
  PetscCall(PetscFree(bytes));
  PetscCall(PetscFree(heights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Heights and attributes of a sample that may be damaged; 0 or the first error. */
static PetscErrorCode ReadSome(const char path[], PetscInt n, PetscReal heights[], char list[])
{
  BrenierStore   store = NULL;
  PetscInt       first, n_local;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(Split(PETSC_COMM_WORLD, n, &first, &n_local));
  list[0] = '\0';
  PetscCall(PetscPushErrorHandler(KeepSentence, NULL));
  ierr = BrenierStoreOpen(PETSC_COMM_WORLD, path, "brenier-result", &store);
  if (!ierr) ierr = BrenierStoreReadRows(store, "/heights", BRENIER_F8, first, n_local, heights);
  if (!ierr) ierr = BrenierStoreVisitAttributes(store, "/", AppendToList, list);
  if (!ierr) ierr = BrenierStoreVisitAttributes(store, "/provenance", AppendToList, list);
  if (!ierr) ierr = BrenierStoreVisitAttributes(store, "/heights", AppendToList, list);
  PetscCall(PetscPopErrorHandler());
  PetscCall(BrenierStoreDestroy(&store));
  PetscFunctionReturn(ierr);
}

/* One turned bit, anywhere in the file: it is found, or harms nothing that is read. */
static PetscErrorCode TestAnyFlippedBit(void)
{
  const PetscInt n      = 10;
  const long     stride = 41;
  char          *bytes, good[LIST_LENGTH], list[LIST_LENGTH];
  size_t         length;
  PetscReal      heights[10];
  PetscInt       first, n_local, n_found = 0;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(Split(PETSC_COMM_WORLD, n, &first, &n_local));
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path("flip.h5"), n, "converged"));
  PetscCall(ReadSome(Path("flip.h5"), n, heights, good));
  PetscCall(Slurp(Path("flip.h5"), &bytes, &length));
  for (long at = 0; at < (long)length; at += stride) {
    PetscBool same = PETSC_TRUE;

    PetscCall(Spill(Path("flip.h5"), bytes, length, at));
    ierr = ReadSome(Path("flip.h5"), n, heights, list);
    n_found += ierr != 0;
    for (PetscInt i = 0; i < n_local; ++i) same = (PetscBool)(same && heights[i] == Value(first + i, 0) / 3.0);
    PetscCheck(ierr || (same && !strcmp(list, good)), PETSC_COMM_SELF, PETSC_ERR_PLIB, "byte %ld: read %s", at, list);
  }
  PetscCheck(n_found > 10, PETSC_COMM_SELF, PETSC_ERR_PLIB, "only %d found", (int)n_found);
  PetscCall(PetscFree(bytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 changes a finished file behind the library's back. */
static PetscErrorCode Tamper(const char path[], const char remove[], PetscInt64 version)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    const hid_t file      = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, "format_version", H5P_DEFAULT);

    PetscCheck(H5Awrite(attribute, H5T_NATIVE_INT64, &version) >= 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "H5Awrite");
    H5Aclose(attribute);
    if (remove) H5Adelete(file, remove);
    H5Fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOpenErrors(void)
{
  const char  *path = "open.h5";
  BrenierStore store;

  PetscFunctionBeginUser;
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path("absent.h5"), NULL, &store), PETSC_ERR_FILE_OPEN, "No such file");
  PetscCall(Spill(Path(path), "not HDF5", 8, -1));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path(path), NULL, &store), PETSC_ERR_FILE_UNEXPECTED, "not an HDF5");
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path(path), 10, "converged"));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path(path), "brenier-codes", &store), PETSC_ERR_FILE_UNEXPECTED,
              "'brenier encode' makes");
  PetscCall(Tamper(Path(path), NULL, 2));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path(path), NULL, &store), PETSC_ERR_FILE_UNEXPECTED, "newer Brenier");
  PetscCall(Tamper(Path(path), "status", 1));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path(path), NULL, &store), PETSC_ERR_FILE_UNEXPECTED, "unfinished");
  PetscCall(Tamper(Path(path), "format", 1));
  ExpectError(BrenierStoreOpen(PETSC_COMM_WORLD, Path(path), NULL, &store), PETSC_ERR_FILE_UNEXPECTED, "not one that");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestCreateErrors(void)
{
  const PetscInt64 too_much = (PetscInt64)1 << 50;
  BrenierStore     store    = NULL;
  int              n_files;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  n_files = CountFiles(PETSC_FALSE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  ExpectError(BrenierStoreCreate(PETSC_COMM_WORLD, Path("no/folder.h5"), 0, "brenier-result", &store),
              PETSC_ERR_FILE_OPEN, "No such file");
  ExpectError(BrenierStoreCreate(PETSC_COMM_WORLD, folder, 0, "brenier-result", &store), PETSC_ERR_FILE_OPEN,
              "is not a file");
  ExpectError(BrenierStoreCreate(PETSC_COMM_WORLD, Path("large.h5"), too_much, "brenier-result", &store),
              PETSC_ERR_FILE_OPEN, "missing");
  PetscCheck(!store && CountFiles(PETSC_FALSE) == n_files, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "something was left behind");
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A store given up keeps the older file of its name, and leaves nothing else. */
static PetscErrorCode TestAbandonKeepsOlderFile(void)
{
  const PetscReal value = 1.0;
  PetscMPIInt     rank;
  BrenierStore    store;
  int             n_files;
  char           *before, *after;
  size_t          length_before, length_after;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(WriteSample(PETSC_COMM_WORLD, Path("kept.h5"), 10, "converged"));
  PetscCall(Slurp(Path("kept.h5"), &before, &length_before));
  n_files = CountFiles(PETSC_FALSE);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, Path("kept.h5"), 0, "brenier-result", &store));
  PetscCall(BrenierStoreWriteRows(store, "/a", BRENIER_F8, rank == 0 ? 1 : 0, 0, &value, "dimensionless"));
  PetscCall(BrenierStoreDestroy(&store));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Slurp(Path("kept.h5"), &after, &length_after));
  PetscCheck(CountFiles(PETSC_FALSE) == n_files && length_before == length_after &&
                 !memcmp(before, after, length_before),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "an abandoned store left a trace");
  PetscCall(PetscFree(before));
  PetscCall(PetscFree(after));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void RemoveUnfinished(void)
{
  (void)BrenierStoreRemoveUnfinished();
}

/* A process of its own, as it ends; on one rank, since MPI would end the others, too. */
static PetscErrorCode TestMemoryThatRunsOutLeavesNothing(void)
{
  BrenierStore store;
  int          n_files = CountFiles(PETSC_FALSE), status;
  pid_t        child;

  PetscFunctionBeginUser;
  child = fork();
  if (!child) {
    BrenierStopClean(RemoveUnfinished);
    if (BrenierStoreCreate(PETSC_COMM_SELF, Path("half.h5"), 0, "brenier-result", &store)) _exit(1);
    if (CountFiles(PETSC_FALSE) != n_files + 1) _exit(2);
    BrenierMemoryEnd("");
  }
  PetscCheck(child > 0 && waitpid(child, &status, 0) == child, PETSC_COMM_SELF, PETSC_ERR_SYS, "no process");
  PetscCheck(WIFEXITED(status) && WEXITSTATUS(status) == BRENIER_EXIT_RESOURCE, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "ended with status %d", status);
  PetscCheck(CountFiles(PETSC_FALSE) == n_files, PETSC_COMM_SELF, PETSC_ERR_PLIB, "half a file was left");
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCall(TestRoundTrip(N_ROWS));
  PetscCall(TestRoundTrip(3));
  PetscCall(TestRoundTrip(0));
  PetscCall(TestSameContentSameBytes());
  PetscCall(TestDamageIsFound());
  PetscCall(TestAnyFlippedBit());
  PetscCall(TestOpenErrors());
  PetscCall(TestCreateErrors());
  PetscCall(TestAbandonKeepsOlderFile());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) PetscCall(TestMemoryThatRunsOutLeavesNothing());
  PetscCall(RemoveFolder());
  PetscCall(PetscFinalize());
  return 0;
}
