/*
  store_file.c - The life of a file being written: a temporary name, a probe of free space, then commit or abandon.

  All work happens on rank 0 and is noted in store->fault when it fails; every call ends in BrenierFaultAgree(), so the
  other ranks learn of it there and nobody waits for a rank that has given up.
*/
#define _POSIX_C_SOURCE 200809L
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What HDF5 needs besides the data: headers and attributes. */
static const PetscInt64 brenier_overhead_bytes = 65536;

/* Rows read at once by the verification, if a row is not longer. */
enum { VERIFY_BYTES = 1 << 22 };

void BrenierChecksumText(const XXH3_state_t *hash, char text[BRENIER_CHECKSUM_LENGTH])
{
  snprintf(text, BRENIER_CHECKSUM_LENGTH, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(hash));
}

/* ---- unfinished files, for a signal ---- */

/* Stores that have a temporary file; more than these are never written at once. */
static BrenierStore volatile brenier_unfinished[4];

enum { MOST_UNFINISHED = sizeof brenier_unfinished / sizeof brenier_unfinished[0] };

/* Puts `to` in the first place that holds `from`. */
static void Exchange(BrenierStore from, BrenierStore to)
{
  for (int i = 0; i < MOST_UNFINISHED; ++i)
    if (brenier_unfinished[i] == from) {
      brenier_unfinished[i] = to;
      return;
    }
}

const char *BrenierStoreRemoveUnfinished(void)
{
  const char *path = NULL;

  for (int i = 0; i < MOST_UNFINISHED; ++i)
    if (brenier_unfinished[i]) {
      path = brenier_unfinished[i]->path;
      unlink(brenier_unfinished[i]->temporary);
    }
  return path;
}

/* ---- space ---- */

static PetscInt64 FreeBytes(const char path[])
{
  char           folder[PETSC_MAX_PATH_LEN];
  struct statvfs about;

  BrenierStoreFolder(path, folder);
  if (statvfs(folder, &about)) return 0;
  return (PetscInt64)about.f_bavail * (PetscInt64)about.f_frsize;
}

/* Bytes that the file in hand would take on disk, headers and attributes included. */
static PetscInt64 FileBytes(BrenierStore store)
{
  hsize_t size     = 0;
  size_t  metadata = 0;

  if (store->file < 0 || H5Fget_filesize(store->file, &size) < 0) return 0;
  (void)H5Fget_mdc_size(store->file, NULL, NULL, &metadata, NULL);
  return (PetscInt64)(size + metadata);
}

/* The limit of a file's size where a file may come to exceed it, though its data would not: the last chunks of growing
   datasets are whole. HDF5 cannot close a file that has met the limit, so it must not come to that. 0 when there is
   room. */
static long long LimitInTheWay(BrenierStore store, PetscInt64 need, PetscInt64 *most)
{
  const PetscInt64 chunks = 8 * (PetscInt64)(1 << 20);
  struct rlimit    limit;

  *most = need + PetscMin(store->bytes_expected, chunks);
  if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY) return 0;
  return *most > (PetscInt64)limit.rlim_cur ? (long long)limit.rlim_cur : 0;
}

/* Notes a failed write after removing the file, so that the free space is what a second attempt would find. */
void BrenierStoreFailWrite(BrenierStore store, const char doing[], PetscInt64 bytes_more)
{
  const int        code = errno;
  const PetscInt64 data = PetscMax(store->bytes_expected, store->bytes_written + bytes_more) + brenier_overhead_bytes;
  const PetscInt64 need = PetscMax(data, FileBytes(store));
  PetscInt64       have, most;
  const long long  limit = LimitInTheWay(store, need, &most);

  if (store->fault.kind) return;
  BrenierStoreAbandon(store);
  have = FreeBytes(store->place);
  if (limit > 0)
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                    "%s: failed while %s: up to %" PetscInt64_FMT
                    " bytes needed, and the size of a file is limited to %lld (ulimit -f %lld); raise the limit",
                    store->path, doing, most, limit, limit >> 10);
  else if (need > have)
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                    "%s: disk full while %s: %" PetscInt64_FMT " bytes needed, %" PetscInt64_FMT
                    " free, %" PetscInt64_FMT " missing; free space or write elsewhere",
                    store->path, doing, need, have, need - have);
  else
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                    "%s: failed while %s: %s (%" PetscInt64_FMT " bytes needed); nothing was written", store->path,
                    doing, code ? strerror(code) : "HDF5 refused", need);
}

/* Makes the temporary file and sees whether the file system would give it all the bytes it will need. What replaces a
   file is nobody else's to read before it has the mode of that file. */
static void ProbeSpace(BrenierStore store)
{
  const mode_t     mode       = access(store->place, F_OK) ? 0666 : 0600;
  const int        descriptor = open(store->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const PetscInt64 bytes      = store->bytes_expected + brenier_overhead_bytes;
  PetscInt64       most;
  int              code;

  if (descriptor < 0) {
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: cannot write into its folder: %s", store->path,
                    strerror(errno));
    Exchange(store, NULL);
    store->temporary[0] = '\0';
    return;
  }
  code = LimitInTheWay(store, bytes, &most) ? EFBIG : posix_fallocate(descriptor, 0, (off_t)bytes);
  (void)!ftruncate(descriptor, 0);
  close(descriptor);
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    errno = code;
    BrenierStoreFailWrite(store, "reserving space", 0);
  }
}

/* ---- create, abandon, destroy ---- */

static void CloseDatasets(BrenierStore store)
{
  for (PetscInt i = 0; i < store->n_datasets; ++i) {
    if (store->dataset[i].id >= 0) H5Dclose(store->dataset[i].id);
    XXH3_freeState(store->dataset[i].hash);
  }
  free(store->dataset);
  store->dataset    = NULL;
  store->n_datasets = 0;
}

void BrenierStoreAbandon(BrenierStore store)
{
  if (store->file >= 0) BrenierHdf5Redirect(store->file);
  CloseDatasets(store);
  if (store->file >= 0) H5Fclose(store->file);
  store->file = -1;
  if (store->temporary[0]) unlink(store->temporary);
  Exchange(store, NULL);
  store->temporary[0] = '\0';
}

static void CreateFile(BrenierStore store, const char format[])
{
  const PetscInt64 version = BRENIER_FORMAT_VERSION;
  struct stat      about;

  if (!stat(store->path, &about) && !S_ISREG(about.st_mode)) {
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: is not a file; choose another name", store->path);
    return;
  }
  if (!BrenierStorePlace(store->path, store->place) || !BrenierStoreNameTemporary(store->place, store->temporary)) {
    store->temporary[0] = '\0';
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%.300s: cannot be written: %s", store->path, strerror(errno));
    return;
  }
  Exchange(NULL, store);
  ProbeSpace(store);
  if (store->fault.kind) return;
  errno       = 0;
  store->file = BrenierHdf5Create(store->temporary);
  if (store->file < 0 || BrenierHdf5SetText(store->file, "format", format) < 0 ||
      BrenierHdf5SetScalar(store->file, "format_version", H5T_STD_I64LE, H5T_NATIVE_INT64, &version) < 0)
    BrenierStoreFailWrite(store, "making the file", 0);
}

PetscErrorCode BrenierStoreCreate(MPI_Comm comm, const char path[], PetscInt64 bytes, const char format[],
                                  BrenierStore *store)
{
  BrenierStore   s;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(strlen(path) < sizeof s->path, comm, PETSC_ERR_FILE_OPEN, "%.100s...: the path is too long", path);
  PetscCall(PetscNew(&s));
  PetscCallMPI(MPI_Comm_rank(comm, &s->rank));
  PetscCall(PetscStrncpy(s->path, path, sizeof s->path));
  s->comm           = comm;
  s->writing        = PETSC_TRUE;
  s->bytes_expected = bytes;
  s->file           = -1;
  if (s->rank == 0) CreateFile(s, format);
  ierr = BrenierFaultAgree(comm, &s->fault);
  if (ierr) PetscCall(BrenierStoreDestroy(&s));
  PetscCall(ierr);
  *store = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreDestroy(BrenierStore *store)
{
  PetscFunctionBegin;
  if (!*store) PetscFunctionReturn(PETSC_SUCCESS);
  if ((*store)->writing) BrenierStoreAbandon(*store);
  else if ((*store)->file >= 0) H5Fclose((*store)->file);
  PetscCall(PetscFree(*store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- commit ---- */

/* Writes the checksums and the status, and closes the file; the records stay for the verification. */
static void FinishFile(BrenierStore store, const char status[])
{
  herr_t failed = 0;

  errno = 0;
  for (PetscInt i = 0; i < store->n_datasets && failed >= 0; ++i) {
    BrenierStoreDataset *d = &store->dataset[i];
    char                 text[BRENIER_CHECKSUM_LENGTH];

    BrenierChecksumText(d->hash, text);
    failed = BrenierHdf5SetText(d->id, "xxh3", text);
    if (H5Dclose(d->id) < 0) failed = -1;
    d->id = -1;
  }
  if (failed >= 0) failed = BrenierHdf5SetText(store->file, "status", status);
  if (failed >= 0) failed = BrenierHdf5Sync(store->file);
  if (failed >= 0) {
    failed      = H5Fclose(store->file);
    store->file = failed < 0 ? store->file : -1;
  }
  if (failed < 0) BrenierStoreFailWrite(store, "closing the file", 0);
}

/* fsync() of a file or folder; some file systems have nothing to sync for a folder and say EINVAL. */
static PetscBool MakeDurable(const char path[], PetscBool forget)
{
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  PetscBool done       = (PetscBool)(descriptor >= 0 && (!fsync(descriptor) || errno == EINVAL));

  // The verification should see the disk, not the memory it was written from
  if (done && forget) (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  if (descriptor >= 0) close(descriptor);
  return done;
}

/* Whether a dataset reads back with the checksum of the data given to HDF5. */
static PetscBool ReadsBack(hid_t file, const BrenierStoreDataset *d, void *buffer, size_t buffer_bytes)
{
  const size_t  row_bytes = BrenierRowBytes(d->type, d->dim);
  const hid_t   id        = H5Dopen2(file, d->name, H5P_DEFAULT);
  XXH3_state_t *hash      = XXH3_createState();
  PetscBool     same      = (PetscBool)(id >= 0 && hash);
  PetscInt64    at_once   = (PetscInt64)(buffer_bytes / row_bytes);

  if (same) XXH3_64bits_reset(hash);
  for (PetscInt64 first = 0; first < d->n && same; first += at_once) {
    const PetscInt64 n = PetscMin(at_once, d->n - first);

    same = (PetscBool)(BrenierHdf5ReadRows(id, BrenierHdf5Type(d->type), (hsize_t)first, (hsize_t)n, buffer) >= 0);
    if (same) XXH3_64bits_update(hash, buffer, (size_t)n * row_bytes);
  }
  same = (PetscBool)(same && XXH3_64bits_digest(hash) == XXH3_64bits_digest(d->hash));
  XXH3_freeState(hash);
  if (id >= 0) H5Dclose(id);
  return same;
}

static void VerifyFile(BrenierStore store)
{
  const hid_t file = BrenierHdf5Open(store->temporary);

  for (PetscInt i = 0; i < store->n_datasets && !store->fault.kind; ++i) {
    const BrenierStoreDataset *d      = &store->dataset[i];
    const size_t               bytes  = PetscMax(VERIFY_BYTES, BrenierRowBytes(d->type, d->dim));
    void                      *buffer = malloc(bytes);
    const PetscBool            same   = (PetscBool)(buffer && file >= 0 && ReadsBack(file, d, buffer, bytes));

    free(buffer);
    if (!same)
      BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                      "%s: dataset %s does not read back as written (disk full or defective); nothing was kept",
                      store->path, d->name);
  }
  if (file >= 0) H5Fclose(file);
  else
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: does not open after writing; nothing was kept", store->path);
}

/* Gives the file the owner and the mode of the one that it replaces; the owner as far as that is permitted. */
static void PreserveOwner(BrenierStore store)
{
  struct stat older;
  mode_t      mode;

  if (stat(store->place, &older)) return;
  mode = older.st_mode & 0777;
  if (chown(store->temporary, older.st_uid, older.st_gid) && chown(store->temporary, (uid_t)-1, older.st_gid))
    mode &= ~(mode_t)0070 | (mode & 0007) << 3; // another group gets no more than all others
  (void)!chmod(store->temporary, mode);
}

/* Puts the finished file in its place. */
static void RenameFile(BrenierStore store)
{
  PreserveOwner(store);
  if (store->older[0] && rename(store->place, store->older) && errno != ENOENT)
    BrenierStoreFailWrite(store, "renaming the older file", 0);
  if (!store->fault.kind && rename(store->temporary, store->place))
    BrenierStoreFailWrite(store, "renaming the file", 0);
}

static void CommitFile(BrenierStore store, const char status[])
{
  char folder[PETSC_MAX_PATH_LEN];

  FinishFile(store, status);
  if (!store->fault.kind && !MakeDurable(store->temporary, PETSC_TRUE))
    BrenierStoreFailWrite(store, "syncing the file", 0);
  if (!store->fault.kind) VerifyFile(store);
  if (!store->fault.kind) RenameFile(store);
  if (store->fault.kind) return;
  Exchange(store, NULL);
  store->temporary[0] = '\0';
  BrenierStoreFolder(store->place, folder);
  if (!MakeDurable(folder, PETSC_FALSE))
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: written, but its folder cannot be synced: %s", store->path,
                    strerror(errno));
}

PetscErrorCode BrenierStoreKeepOlder(BrenierStore store, const char older[])
{
  PetscFunctionBegin;
  PetscCheck(store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", store->path);
  PetscCall(PetscStrncpy(store->older, older, sizeof store->older));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreCommit(BrenierStore *store, const char status[])
{
  MPI_Comm     comm = (*store)->comm;
  BrenierFault fault;

  PetscFunctionBegin;
  PetscCheck((*store)->writing, comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", (*store)->path);
  if ((*store)->rank == 0 && !(*store)->fault.kind) CommitFile(*store, status);
  fault = (*store)->fault;
  PetscCall(BrenierStoreDestroy(store));
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}
