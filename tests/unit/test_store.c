static const char help[] = "Checks that stores hold what was written, on any number of ranks, and every documented error.\n";

#define _POSIX_C_SOURCE 200809L
#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/store.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of this test's own, the same on all ranks; removed at the end. */
static char folder[256];

/* What the last error said. */
static char last_sentence[2048];

static PetscErrorCode KeepSentence(MPI_Comm comm, int line, const char *function, const char *file,
                                   PetscErrorCode code, PetscErrorType type, const char *message, void *context)
{
  (void)comm, (void)line, (void)function, (void)file, (void)context;
  if (type == PETSC_ERROR_INITIAL) snprintf(last_sentence, sizeof last_sentence, "%s", message);
  return code;
}

/* Runs `call` and requires the error `code` with `words` in its sentence, on every rank. */
#define ExpectError(call, code, words)                                                                                 \
  do {                                                                                                                 \
    PetscErrorCode got_;                                                                                               \
    PetscCall(PetscPushErrorHandler(KeepSentence, NULL));                                                              \
    got_ = (call);                                                                                                     \
    PetscCall(PetscPopErrorHandler());                                                                                 \
    PetscCheck(got_ == (code) && strstr(last_sentence, words), PETSC_COMM_SELF, PETSC_ERR_PLIB,                        \
               "expected error %d with '%s', got %d: %s", (int)(code), words, (int)got_, last_sentence);               \
  } while (0)

static const char *Path(const char name[])
{
  static char path[512];

  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static PetscErrorCode MakeFolder(void)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  strcpy(folder, "test_store_XXXXXX");
  if (rank == 0) PetscCheck(mkdtemp(folder), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot make %s", folder);
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number of files in the folder; removes them when `empty`. */
static int CountFiles(PetscBool empty)
{
  DIR           *listing = opendir(folder);
  struct dirent *entry;
  int            n = 0;

  while (listing && (entry = readdir(listing))) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    ++n;
    if (empty) unlink(Path(entry->d_name));
  }
  if (listing) closedir(listing);
  return n;
}

static PetscErrorCode Barrier(void)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Uneven blocks on purpose: rank 0 holds no row when there are several ranks. */
static PetscErrorCode Split(PetscInt n, PetscInt *first, PetscInt *n_local)
{
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
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
static PetscErrorCode WriteSample(const char path[], PetscInt n, const char status[])
{
  PetscInt     first, n_local;
  float       *f4;
  PetscReal   *f8;
  PetscInt64  *i8;
  BrenierStore store;

  PetscFunctionBeginUser;
  PetscCall(Split(n, &first, &n_local));
  PetscCall(PetscMalloc3(n_local * DIM, &f4, n_local, &f8, n_local, &i8));
  for (PetscInt i = 0; i < n_local; ++i) {
    for (PetscInt k = 0; k < DIM; ++k) f4[i * DIM + k] = (float)Value(first + i, k);
    f8[i] = Value(first + i, 0) / 3.0;
    i8[i] = ((PetscInt64)1 << 60) + first + i;
  }
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, path, (PetscInt64)n * 40, "brenier-result", &store));
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
  PetscCall(Split(n, &first, &n_local));
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

static PetscErrorCode AppendToList(void *context, const char name[], const char value[])
{
  char *list = (char *)context;

  PetscFunctionBeginUser;
  snprintf(list + strlen(list), 256 - strlen(list), "%s=%s;", name, value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckAttributes(BrenierStore store)
{
  PetscReal  rho;
  PetscInt64 seed;
  char       text[64], list[256] = "";

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
  ExpectError(BrenierStoreVisitAttributes(store, "/nothing", AppendToList, list), PETSC_ERR_FILE_UNEXPECTED, "/nothing");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRoundTrip(PetscInt n)
{
  BrenierStore store;

  PetscFunctionBeginUser;
  PetscCall(WriteSample(Path("whole.h5"), n, "converged"));
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
  PetscCall(Barrier());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCall(TestRoundTrip(N_ROWS));
  PetscCall(TestRoundTrip(3));
  PetscCall(Barrier());
  CountFiles(PETSC_TRUE);
  rmdir(folder);
  PetscCall(PetscFinalize());
  return 0;
}
