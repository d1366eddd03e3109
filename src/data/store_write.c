/*
  store_write.c - The writing half of store.h.

  All work happens on rank 0 and is noted in store->fault when it fails; every call ends in BrenierFaultAgree(), so the
  other ranks learn of it there and nobody waits for a rank that has given up.
*/
#define _POSIX_C_SOURCE 200809L
#include "rows.h"
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Chunks of growing datasets: small ones for a history, large ones for samples. */
static const PetscInt64 brenier_min_chunk_bytes = 4096, brenier_max_chunk_bytes = 1 << 20;

/* What HDF5 needs besides the data: headers and attributes. */
static const PetscInt64 brenier_overhead_bytes = 65536;

/* Of the final name, as much as leaves room for host, process and counter in the 255 bytes of a file name. */
enum { NAME_KEPT = 120, HOST_KEPT = 64, VERIFY_BYTES = 1 << 22 };

void BrenierChecksumText(const XXH3_state_t *hash, char text[BRENIER_CHECKSUM_LENGTH])
{
  snprintf(text, BRENIER_CHECKSUM_LENGTH, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(hash));
}

/* ---- names and space ---- */

/* Folder part of a path: "." when there is none. */
static void GetFolder(const char path[], char folder[PETSC_MAX_PATH_LEN])
{
  const char *slash = strrchr(path, '/');

  if (!slash) strcpy(folder, ".");
  else if (slash == path) strcpy(folder, "/");
  else snprintf(folder, PETSC_MAX_PATH_LEN, "%.*s", (int)(slash - path), path);
}

/* A name beside the final one that no other run and no other store of this run has. */
static void NameTemporary(BrenierStore store)
{
  static int  counter;
  char        host[HOST_KEPT + 1] = "";
  const char *slash               = strrchr(store->path, '/');
  const int   folder_length       = slash ? (int)(slash - store->path) + 1 : 0;

  (void)gethostname(host, HOST_KEPT);
  snprintf(store->temporary, sizeof store->temporary, "%.*s%.*s.%s.%ld.%d.tmp", folder_length, store->path, NAME_KEPT,
           store->path + folder_length, host, (long)getpid(), ++counter);
}

static PetscInt64 FreeBytes(const char path[])
{
  char           folder[PETSC_MAX_PATH_LEN];
  struct statvfs about;

  GetFolder(path, folder);
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

/* Notes a failed write after removing the file, so that the free space is what a second attempt would find. */
static void FailWrite(BrenierStore store, const char doing[], PetscInt64 bytes_more)
{
  const int        code = errno;
  const PetscInt64 data = PetscMax(store->bytes_expected, store->bytes_written + bytes_more) + brenier_overhead_bytes;
  const PetscInt64 need = PetscMax(data, FileBytes(store));
  PetscInt64       have;

  if (store->fault.kind) return;
  BrenierStoreAbandon(store);
  have = FreeBytes(store->path);
  if (need > have)
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                    "%s: disk full while %s: %" PetscInt64_FMT " bytes needed, %" PetscInt64_FMT
                    " free, %" PetscInt64_FMT " missing; free space or write elsewhere",
                    store->path, doing, need, have, need - have);
  else
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO,
                    "%s: failed while %s: %s (%" PetscInt64_FMT " bytes needed); nothing was written", store->path,
                    doing, code ? strerror(code) : "HDF5 refused", need);
}

/* Makes the temporary file and sees whether the file system would give it all the bytes it will need. */
static void ProbeSpace(BrenierStore store)
{
  const int descriptor = open(store->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int       code;

  if (descriptor < 0) {
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: cannot write into its folder: %s", store->path,
                    strerror(errno));
    store->temporary[0] = '\0';
    return;
  }
  code = posix_fallocate(descriptor, 0, (off_t)(store->bytes_expected + brenier_overhead_bytes));
  (void)!ftruncate(descriptor, 0);
  close(descriptor);
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    errno = code;
    FailWrite(store, "reserving space", 0);
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
  NameTemporary(store);
  ProbeSpace(store);
  if (store->fault.kind) return;
  errno       = 0;
  store->file = BrenierHdf5Create(store->temporary);
  if (store->file < 0 || BrenierHdf5SetText(store->file, "format", format) < 0 ||
      BrenierHdf5SetScalar(store->file, "format_version", H5T_STD_I64LE, H5T_NATIVE_INT64, &version) < 0)
    FailWrite(store, "making the file", 0);
}

PetscErrorCode BrenierStoreCreate(MPI_Comm comm, const char path[], PetscInt64 bytes, const char format[],
                                  BrenierStore *store)
{
  BrenierStore   s;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(strlen(path) + NAME_KEPT + HOST_KEPT + 40 < PETSC_MAX_PATH_LEN, comm, PETSC_ERR_FILE_OPEN,
             "%.100s...: the path is too long", path);
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

/* ---- datasets ---- */

static BrenierStoreDataset *FindDataset(BrenierStore store, const char name[])
{
  for (PetscInt i = 0; i < store->n_datasets; ++i)
    if (!strcmp(store->dataset[i].name, name)) return &store->dataset[i];
  return NULL;
}

/* Rows of a chunk, from the size of the first block; the same for any number of ranks. */
static hsize_t ChunkRows(PetscInt64 n_first, PetscInt64 row_bytes)
{
  const PetscInt64 low  = PetscMax(brenier_min_chunk_bytes / row_bytes, 1);
  const PetscInt64 high = PetscMax(brenier_max_chunk_bytes / row_bytes, 1);

  return (hsize_t)PetscMin(PetscMax(n_first, low), high);
}

static hid_t DatasetCreation(PetscBool grows, int n_axes, const hsize_t chunk[])
{
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);

  H5Pset_obj_track_times(creation, 0);
  if (grows) {
    H5Pset_chunk(creation, n_axes, chunk);
    // The unused end of the last chunk is on disk too: zeros, not what memory held
    H5Pset_fill_time(creation, H5D_FILL_TIME_ALLOC);
  }
  return creation;
}

/* Makes an HDF5 dataset of n rows, or of none yet when it grows. */
static hid_t MakeDataset(BrenierStore store, const char name[], BrenierType type, PetscInt64 n, PetscInt dim,
                         PetscBool grows, const char unit[])
{
  const int     n_axes   = dim ? 2 : 1;
  const hsize_t size[2]  = {grows ? 0 : (hsize_t)n, (hsize_t)dim};
  const hsize_t limit[2] = {grows ? H5S_UNLIMITED : (hsize_t)n, (hsize_t)dim};
  const hsize_t chunk[2] = {ChunkRows(n, (PetscInt64)BrenierRowBytes(type, dim)), (hsize_t)dim};
  hid_t         creation, space, id = -1;

  if (BrenierHdf5MakeGroups(store->file, name, PETSC_FALSE) < 0) return -1;
  creation = DatasetCreation(grows, n_axes, chunk);
  space    = H5Screate_simple(n_axes, size, limit);
  if (space >= 0) id = H5Dcreate2(store->file, name, BrenierHdf5Type(type), space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (space >= 0) H5Sclose(space);
  H5Pclose(creation);
  if (id >= 0 && BrenierHdf5SetText(id, "unit", unit) < 0) {
    H5Dclose(id);
    return -1;
  }
  return id;
}

/* Begins a dataset and its record; NULL after a failure, which is noted. */
static BrenierStoreDataset *BeginDataset(BrenierStore store, const char name[], BrenierType type, PetscInt64 n,
                                         PetscInt dim, PetscBool grows, const char unit[])
{
  BrenierStoreDataset *more, *d;
  char                 doing[300];

  snprintf(doing, sizeof doing, "making %s", name);
  errno = 0;
  more  = (BrenierStoreDataset *)realloc(store->dataset, sizeof *more * (size_t)(store->n_datasets + 1));
  if (more) store->dataset = more;
  d = more ? &more[store->n_datasets] : NULL;
  if (d) {
    memset(d, 0, sizeof *d);
    d->id   = MakeDataset(store, name, type, n, dim, grows, unit);
    d->hash = d->id < 0 ? NULL : XXH3_createState();
  }
  if (!d || d->id < 0 || !d->hash) {
    FailWrite(store, doing, n * (PetscInt64)BrenierRowBytes(type, dim));
    return NULL;
  }
  snprintf(d->name, sizeof d->name, "%s", name);
  d->type = type;
  d->dim  = dim;
  XXH3_64bits_reset(d->hash);
  ++store->n_datasets;
  return d;
}

/* Context of WriteSlab(). */
typedef struct {
  BrenierStore         store;
  BrenierStoreDataset *dataset; /* NULL after a failure: rows still arrive and are dropped */
  PetscInt64           begin;   /* row of the dataset at which this block starts */
} SlabWriter;

static void WriteSlab(void *context, PetscInt64 first, PetscInt64 n, const void *rows)
{
  SlabWriter          *writer = (SlabWriter *)context;
  BrenierStoreDataset *d      = writer->dataset;
  size_t               bytes;

  if (!d || writer->store->fault.kind) return;
  bytes = (size_t)n * BrenierRowBytes(d->type, d->dim);
  XXH3_64bits_update(d->hash, rows, bytes);
  errno = 0;
  if (BrenierHdf5WriteRows(d->id, BrenierHdf5Type(d->type), (hsize_t)(writer->begin + first), (hsize_t)n, rows) < 0) {
    char doing[300];

    snprintf(doing, sizeof doing, "writing %s", d->name);
    FailWrite(writer->store, doing, (PetscInt64)bytes);
  } else writer->store->bytes_written += (PetscInt64)bytes;
}

/* Makes or extends the dataset so that n more rows fit. */
static void PrepareDataset(SlabWriter *writer, const char name[], BrenierType type, PetscInt64 n, PetscInt dim,
                           PetscBool grows, const char unit[])
{
  BrenierStore store = writer->store;

  writer->dataset = FindDataset(store, name);
  if (!writer->dataset) writer->dataset = BeginDataset(store, name, type, n, dim, grows, unit);
  if (!writer->dataset) return;
  writer->begin = writer->dataset->n;
  writer->dataset->n += n;
  if (grows) {
    const hsize_t size[2] = {(hsize_t)writer->dataset->n, (hsize_t)dim};

    errno = 0;
    if (H5Dset_extent(writer->dataset->id, size) < 0) FailWrite(store, "extending a dataset", 0);
  }
}

static PetscErrorCode WriteBlock(BrenierStore store, const char name[], BrenierType type, PetscInt n_local,
                                 PetscInt dim, PetscBool grows, const void *data, const char unit[])
{
  SlabWriter writer = {store, NULL, 0};
  PetscInt64 n      = n_local;

  PetscFunctionBegin;
  PetscCheck(store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", store->path);
  PetscCheck(name[0] == '/' && strlen(name) < sizeof writer.dataset->name, store->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "'%.100s' is not an absolute dataset name", name);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPIU_INT64, MPI_SUM, store->comm));
  if (store->rank == 0 && !store->fault.kind) PrepareDataset(&writer, name, type, n, dim, grows, unit);
  PetscCall(BrenierRowsToRoot(store->comm, n_local, BrenierRowBytes(type, dim), data, WriteSlab, &writer));
  PetscCall(BrenierFaultAgree(store->comm, &store->fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreWriteRows(BrenierStore store, const char name[], BrenierType type, PetscInt n_local,
                                     PetscInt dim, const void *data, const char unit[])
{
  PetscFunctionBegin;
  PetscCall(WriteBlock(store, name, type, n_local, dim, PETSC_FALSE, data, unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreAppendRows(BrenierStore store, const char name[], BrenierType type, PetscInt n_local,
                                      PetscInt dim, const void *data, const char unit[])
{
  PetscFunctionBegin;
  PetscCall(WriteBlock(store, name, type, n_local, dim, PETSC_TRUE, data, unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- attributes and groups ---- */

typedef herr_t (*AttributeWriter)(hid_t object, const char name[], const void *value);

static herr_t WriteReal(hid_t object, const char name[], const void *value)
{
  return BrenierHdf5SetScalar(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, value);
}

static herr_t WriteInt(hid_t object, const char name[], const void *value)
{
  return BrenierHdf5SetScalar(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, value);
}

static herr_t WriteText(hid_t object, const char name[], const void *value)
{
  return BrenierHdf5SetText(object, name, (const char *)value);
}

static PetscErrorCode SetAttribute(BrenierStore store, const char object[], const char name[], AttributeWriter write,
                                   const void *value)
{
  PetscFunctionBegin;
  PetscCheck(store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", store->path);
  if (store->rank == 0 && !store->fault.kind) {
    const hid_t opened = H5Oopen(store->file, object, H5P_DEFAULT);

    errno = 0;
    if (opened < 0 || write(opened, name, value) < 0) FailWrite(store, "writing an attribute", 0);
    if (opened >= 0) H5Oclose(opened);
  }
  PetscCall(BrenierFaultAgree(store->comm, &store->fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreSetReal(BrenierStore store, const char object[], const char name[], PetscReal value)
{
  PetscFunctionBegin;
  PetscCall(SetAttribute(store, object, name, WriteReal, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreSetInt(BrenierStore store, const char object[], const char name[], PetscInt64 value)
{
  PetscFunctionBegin;
  PetscCall(SetAttribute(store, object, name, WriteInt, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreSetText(BrenierStore store, const char object[], const char name[], const char value[])
{
  PetscFunctionBegin;
  PetscCall(SetAttribute(store, object, name, WriteText, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreAddGroup(BrenierStore store, const char name[])
{
  PetscFunctionBegin;
  PetscCheck(store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", store->path);
  if (store->rank == 0 && !store->fault.kind) {
    errno = 0;
    if (BrenierHdf5MakeGroups(store->file, name, PETSC_TRUE) < 0) FailWrite(store, "making a group", 0);
  }
  PetscCall(BrenierFaultAgree(store->comm, &store->fault));
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
  if (failed < 0) FailWrite(store, "closing the file", 0);
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

/* Whether a dataset reads back with the checksum of what was handed to HDF5. */
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

static void CommitFile(BrenierStore store, const char status[])
{
  char folder[PETSC_MAX_PATH_LEN];

  FinishFile(store, status);
  if (!store->fault.kind && !MakeDurable(store->temporary, PETSC_TRUE)) FailWrite(store, "syncing the file", 0);
  if (!store->fault.kind) VerifyFile(store);
  if (!store->fault.kind && rename(store->temporary, store->path)) FailWrite(store, "renaming the file", 0);
  if (store->fault.kind) return;
  store->temporary[0] = '\0';
  GetFolder(store->path, folder);
  if (!MakeDurable(folder, PETSC_FALSE))
    BrenierFaultSet(&store->fault, BRENIER_EXIT_IO, "%s: written, but its folder cannot be synced: %s", store->path,
                    strerror(errno));
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
