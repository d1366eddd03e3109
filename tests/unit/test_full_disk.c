static const char help[] =
    "Checks that a full disk is reported with the bytes missing, leaves nothing behind and ends in order.\n";

#define _GNU_SOURCE /* unshare() */
#include "expect.h"

#include <brenier/store.h>

#include <sched.h>
#include <sys/mount.h>

enum { DISK_BYTES = 1 << 20, ROW_BYTES = 64, DIM = ROW_BYTES / 8 };

/* What fills the disk. */
typedef enum { FILL_ROWS, FILL_APPENDED, FILL_TEXT, FILL_GROUPS, N_FILLS } Fill;

/* Gives rank 0, which alone writes, a disk of 1 MB that vanishes with the process; false when that is not allowed. */
static PetscErrorCode MountSmallDisk(PetscBool *mounted)
{
  PetscMPIInt rank;
  int         done = 1;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0)
    done = !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
           !mount("tmpfs", folder, "tmpfs", 0, "size=1m");
  PetscCallMPI(MPI_Bcast(&done, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  *mounted = (PetscBool)done;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of zeros, all from the last rank so that they travel. */
static PetscErrorCode WriteZeros(BrenierStore store, PetscInt bytes, PetscBool append)
{
  PetscMPIInt    rank, size;
  PetscInt       n_local;
  PetscReal     *rows;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  n_local = rank == size - 1 ? bytes / ROW_BYTES : 0;
  PetscCall(PetscCalloc1(n_local * DIM, &rows));
  if (append) ierr = BrenierStoreAppendRows(store, "/rows", BRENIER_F8, n_local, DIM, rows, "dimensionless");
  else ierr = BrenierStoreWriteRows(store, "/rows", BRENIER_F8, n_local, DIM, rows, "dimensionless");
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(ierr);
}

static PetscErrorCode WriteLongText(BrenierStore store, PetscInt bytes)
{
  char          *text;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(bytes + 1, &text));
  memset(text, 'x', (size_t)bytes);
  text[bytes] = '\0';
  ierr        = BrenierStoreSetText(store, "/", "text", text);
  PetscCall(PetscFree(text));
  PetscFunctionReturn(ierr);
}

/* Tries to write a store of about `bytes` bytes; `*result` is 0 or the error of the first call that failed. */
static PetscErrorCode TryStore(Fill fill, PetscInt bytes, PetscInt64 estimate, PetscErrorCode *result)
{
  const PetscInt group_bytes = 128, n_groups = bytes / group_bytes, n_appends = 4;
  BrenierStore   store = NULL;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(PetscPushErrorHandler(KeepSentence, NULL));
  ierr = BrenierStoreCreate(PETSC_COMM_WORLD, Path("x.h5"), estimate, "brenier-result", &store);
  if (!ierr && fill == FILL_ROWS) ierr = WriteZeros(store, bytes, PETSC_FALSE);
  if (!ierr && fill == FILL_TEXT) ierr = WriteLongText(store, bytes);
  for (PetscInt i = 0; fill == FILL_APPENDED && i < n_appends && !ierr; ++i)
    ierr = WriteZeros(store, bytes / n_appends, PETSC_TRUE);
  for (PetscInt i = 0; fill == FILL_GROUPS && i < n_groups && !ierr; ++i) {
    char name[32];

    snprintf(name, sizeof name, "/group%d", (int)i);
    ierr = BrenierStoreAddGroup(store, name);
  }
  if (!ierr) ierr = BrenierStoreSetReal(store, "/", "rho", 1.0);
  if (!ierr) ierr = BrenierStoreCommit(&store, "converged");
  PetscCall(PetscPopErrorHandler());
  PetscCall(BrenierStoreDestroy(&store));
  *result = ierr;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 alone sees the disk. */
static PetscErrorCode ExpectFiles(int n)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0)
    PetscCheck(CountFiles(PETSC_FALSE) == n, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d files instead of %d",
               CountFiles(PETSC_FALSE), n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ExpectFull(PetscErrorCode result)
{
  PetscFunctionBeginUser;
  PetscCheck(result == PETSC_ERR_FILE_OPEN && strstr(last_sentence, "disk full") && strstr(last_sentence, " missing") &&
                 strstr(last_sentence, "x.h5"),
             PETSC_COMM_SELF, PETSC_ERR_PLIB, "error %d: %s", result, last_sentence);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sizes from a quarter of the disk to more than the disk: each is written whole or not at all. Thousands of groups on
   several ranks are mostly waits for each other, so these try one size in four. */
static PetscErrorCode TestAroundTheEdge(Fill fill)
{
  PetscInt    step = DISK_BYTES / 32, n_full = 0, n_whole = 0;
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (fill == FILL_GROUPS && size > 1) step *= 4;
  for (PetscInt bytes = DISK_BYTES / 4; bytes < DISK_BYTES + 4 * step; bytes += step) {
    PetscErrorCode result;

    PetscCall(TryStore(fill, bytes, 0, &result));
    if (result) PetscCall(ExpectFull(result));
    PetscCall(ExpectFiles(result ? 0 : 1));
    n_full += result != 0;
    n_whole += result == 0;
    if (rank == 0) CountFiles(PETSC_TRUE);
  }
  PetscCheck(n_full && n_whole, PETSC_COMM_SELF, PETSC_ERR_PLIB, "fill %d: %d whole, %d full", fill, (int)n_whole,
             (int)n_full);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An older file survives, and the probe refuses before anything is written. */
static PetscErrorCode TestOlderFileAndProbe(void)
{
  PetscErrorCode result;

  PetscFunctionBeginUser;
  PetscCall(TryStore(FILL_ROWS, DISK_BYTES / 2, DISK_BYTES / 2, &result));
  PetscCheck(!result, PETSC_COMM_SELF, PETSC_ERR_PLIB, "half the disk does not fit: %s", last_sentence);
  PetscCall(TryStore(FILL_ROWS, DISK_BYTES * 3 / 4, 0, &result));
  PetscCall(ExpectFull(result));
  PetscCall(ExpectFiles(1));
  PetscCall(TryStore(FILL_ROWS, ROW_BYTES, DISK_BYTES, &result));
  PetscCall(ExpectFull(result));
  PetscCheck(strstr(last_sentence, "reserving space"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s", last_sentence);
  PetscCall(ExpectFiles(1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool mounted;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCall(MountSmallDisk(&mounted));
  if (mounted) {
    for (Fill fill = FILL_ROWS; fill < N_FILLS; ++fill) PetscCall(TestAroundTheEdge(fill));
    PetscCall(TestOlderFileAndProbe());
    umount2(folder, MNT_DETACH);
  } else PetscCall(PetscPrintf(PETSC_COMM_WORLD, "SKIPPED: only root may mount the small disk of this test\n"));
  PetscCall(RemoveFolder());
  PetscCall(PetscFinalize());
  return 0;
}
