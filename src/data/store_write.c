/* store_write.c - Datasets, attributes and groups of a store being written; work and faults as in store_file.c. */
#define _POSIX_C_SOURCE 200809L
#include "rows.h"
#include "store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chunks of growing datasets: small ones for a history, large ones for samples. */
static const PetscInt64 brenier_min_chunk_bytes = 4096, brenier_max_chunk_bytes = 1 << 20;

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
  const hid_t creation = BrenierHdf5Creation(H5P_DATASET_CREATE);

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
    BrenierStoreFailWrite(store, doing, n * (PetscInt64)BrenierRowBytes(type, dim));
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
    BrenierStoreFailWrite(writer->store, doing, (PetscInt64)bytes);
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
    if (H5Dset_extent(writer->dataset->id, size) < 0) BrenierStoreFailWrite(store, "extending a dataset", 0);
  }
}

static PetscErrorCode WriteBlock(BrenierStore store, const char name[], BrenierType type, PetscInt n_local,
                                 PetscInt dim, PetscBool grows, const void *data, const char unit[])
{
  SlabWriter           writer = {store, NULL, 0};
  PetscInt64           n      = n_local;
  BrenierStoreDataset *known;

  PetscFunctionBegin;
  PetscCheck(store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is open for reading", store->path);
  PetscCheck(name[0] == '/' && strlen(name) < sizeof writer.dataset->name, store->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "'%.100s' is not an absolute dataset name", name);
  known = FindDataset(store, name);
  PetscCheck(!known || (grows && known->type == type && known->dim == dim), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE,
             "%s is written twice", name);
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
    char        doing[300];

    snprintf(doing, sizeof doing, "writing attribute %.100s of %.150s", name, object);
    errno = 0;
    if (opened < 0 || write(opened, name, value) < 0) BrenierStoreFailWrite(store, doing, 0);
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
    if (BrenierHdf5MakeGroups(store->file, name, PETSC_TRUE) < 0) BrenierStoreFailWrite(store, "making a group", 0);
  }
  PetscCall(BrenierFaultAgree(store->comm, &store->fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreWriteVec(BrenierStore store, const char name[], Vec v, const char unit[])
{
  const PetscScalar *a;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(VecGetArrayRead(v, &a));
  PetscCall(BrenierStoreWriteRows(store, name, BRENIER_F8, n, 0, a, unit));
  PetscCall(VecRestoreArrayRead(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}
