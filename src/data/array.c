/* array.c - Implements array.h: rank 0 inspects the file, all ranks agree, each rank reads and checks its own rows. */
#define _POSIX_C_SOURCE 200809L
#include "reader.h"

#include <brenier/compat.h>
#include <brenier/store.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* Beyond this a dimension is a mistake (a transposed array), not a latent space. */
static const PetscInt64 brenier_max_dim = 1000000;

static const char npy_magic[] = "\x93NUMPY", hdf5_magic[] = "\x89HDF\r\n\x1a\n", zip_magic[] = "PK\x03\x04";

enum { MAGIC_BYTES = 8 };

/* Splits `file.h5:/dataset` at the last ":/". */
static void SplitPlace(BrenierArrayFile *file, const char where[], BrenierFault *fault)
{
  char *colon = NULL;

  if (strlen(where) >= sizeof file->where) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.100s...: the path is longer than %d characters", where,
                    PETSC_MAX_PATH_LEN - 1);
    return;
  }
  strcpy(file->where, where);
  strcpy(file->file, where);
  for (char *found = strstr(file->file, ":/"); found; found = strstr(found + 1, ":/")) colon = found;
  if (colon) {
    strcpy(file->dataset, colon + 1);
    *colon = '\0';
  }
}

/* Size and kind of the file, by its first bytes. */
static void Identify(BrenierArrayFile *file, BrenierFault *fault)
{
  char        start[MAGIC_BYTES] = "";
  struct stat about;
  const int   descriptor = open(file->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (descriptor < 0 || fstat(descriptor, &about)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open: %s", file->where, strerror(errno));
    return;
  }
  file->file_bytes = (PetscInt64)about.st_size;
  if (!S_ISREG(about.st_mode)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: not a file but a folder, pipe or device", file->where);
  } else if (!BrenierReadAt(descriptor, start, PetscMin(sizeof start, (size_t)about.st_size), 0)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot read: %s", file->where, strerror(errno));
  } else if (!memcmp(start, npy_magic, sizeof npy_magic - 1)) {
    file->kind = BRENIER_FILE_NPY;
    if (file->dataset[0])
      BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: a .npy file holds one array; leave out ':%s'", file->where,
                      file->dataset);
  } else if (!memcmp(start, hdf5_magic, sizeof hdf5_magic - 1)) {
    file->kind = BRENIER_FILE_HDF5;
  } else if (!memcmp(start, zip_magic, sizeof zip_magic - 1)) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: a .npz archive; save the array by itself with np.save",
                    file->where);
  } else {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: neither a .npy nor an HDF5 file%s; make one with np.save or h5py",
                    file->where, about.st_size == 0 ? ", it is empty" : "");
  }
  close(descriptor);
}

/* Rows and row length that `role` makes of the file's shape. */
static void InterpretShape(const BrenierArrayFile *file, BrenierArrayRole role, PetscInt64 *n, PetscInt64 *dim,
                           BrenierFault *fault)
{
  static const char *const wanted[] = {"[rows, dimension]", "[rows]", "[rows, ...]"};
  PetscBool                fits     = PETSC_TRUE;

  *n   = file->shape[0];
  *dim = 1;
  for (int axis = 1; axis < file->n_axes; ++axis)
    fits = (PetscBool)(BrenierMultiply(*dim, file->shape[axis], dim) && fits);
  if (!BrenierAxesSuit(role, file->n_axes, file->shape))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: has %d %s%s; the shape must be %s", file->where, file->n_axes,
                    file->n_axes == 1 ? "axis" : "axes", file->n_axes == 2 ? " and more than one column" : "",
                    wanted[role]);
  else if (*n < 1 || *dim < 1)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: is empty: it has %" PetscInt64_FMT " rows of %" PetscInt64_FMT " numbers", file->where, *n,
                    *dim);
  else if (*n > PETSC_MAX_INT)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: has %" PetscInt64_FMT " rows, more than this PETSc counts (%" PetscInt_FMT
                    "); use a PETSc with 64-bit indices",
                    file->where, *n, PETSC_MAX_INT);
  else if (!fits || *dim > (role == BRENIER_ARRAY_POINTS ? brenier_max_dim : PETSC_MAX_INT))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: has rows of %" PetscInt64_FMT " numbers; the limit is %" PetscInt64_FMT
                    ", is the array transposed?",
                    file->where, *dim, role == BRENIER_ARRAY_POINTS ? brenier_max_dim : (PetscInt64)PETSC_MAX_INT);
}

/* Everything that one rank can find out; filled on rank 0, known to all on return. */
static PetscErrorCode InspectOnce(MPI_Comm comm, const char where[], BrenierArrayRole role, BrenierArrayFile *file,
                                  BrenierArray *array)
{
  PetscMPIInt  rank;
  PetscInt64   size[2] = {0, 0};
  BrenierFault fault   = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    SplitPlace(file, where, &fault);
    if (!fault.kind) Identify(file, &fault);
    if (!fault.kind && file->kind == BRENIER_FILE_NPY) BrenierNpyInspect(file, &fault);
    if (!fault.kind && file->kind == BRENIER_FILE_HDF5) BrenierHdf5Inspect(file, role, &fault);
    if (!fault.kind) InterpretShape(file, role, &size[0], &size[1], &fault);
  }
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscCallMPI(MPI_Bcast(file, (PetscMPIInt)sizeof *file, MPI_BYTE, 0, comm));
  PetscCallMPI(MPI_Bcast(size, 2, MPIU_INT64, 0, comm));
  array->n   = (PetscInt)size[0];
  array->dim = (PetscInt)size[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void CheckFinite(const BrenierArray *array, BrenierFault *fault)
{
  const size_t n_values = (size_t)array->n_local * (size_t)array->dim;

  for (size_t i = 0; i < n_values; ++i) {
    if (isfinite(array->value[i])) continue;
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: row %" PetscInt_FMT ", column %" PetscInt_FMT " (counted from 0) is %s; remove such rows",
                    array->path, array->first + (PetscInt)(i / (size_t)array->dim), (PetscInt)(i % (size_t)array->dim),
                    isnan(array->value[i]) ? "NaN" : "infinite");
    return;
  }
}

/* Sum over rows of XXH3-64(row, seed = row number), modulo 2^64: any rank can add its share. */
static PetscErrorCode HashRows(BrenierArray *array)
{
  const size_t row_bytes = (size_t)array->dim * sizeof *array->value;
  uint64_t     sum       = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < array->n_local; ++i)
    sum += XXH3_64bits_withSeed(&array->value[(size_t)i * (size_t)array->dim], row_bytes,
                                (XXH64_hash_t)(array->first + i));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, array->comm));
  memcpy(&array->hash, &sum, sizeof sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads this rank's rows from a file without a checksum. */
static void ReadPlainRows(const BrenierArrayFile *file, BrenierArray *array, BrenierFault *fault)
{
  if (array->n_local == 0) return;
  if (file->kind == BRENIER_FILE_NPY)
    BrenierNpyReadArray(file, array->first, array->n_local, array->dim, array->value, fault);
  else BrenierHdf5ReadArray(file, array->first, array->n_local, array->value, fault);
}

/* As ReadPlainRows(), from a file that Brenier wrote: damage is found. */
static PetscErrorCode ReadStoredRows(const BrenierArrayFile *file, BrenierArray *array)
{
  BrenierStore   store;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(array->comm, file->file, NULL, &store));
  ierr = BrenierStoreReadRows(store, file->dataset, BRENIER_F8, array->first, array->n_local, array->value);
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads and checks this rank's rows; all ranks agree on the outcome. */
static PetscErrorCode ReadRows(const BrenierArrayFile *file, BrenierArray *array)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  if (file->has_checksum) PetscCall(ReadStoredRows(file, array));
  else ReadPlainRows(file, array, &fault);
  if (!fault.kind) CheckFinite(array, &fault);
  PetscCall(BrenierFaultAgree(array->comm, &fault));
  PetscCall(HashRows(array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierArrayRead(MPI_Comm comm, const char where[], BrenierArrayRole role, BrenierArray *array)
{
  BrenierArrayFile file;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&file, sizeof file));
  PetscCall(PetscMemzero(array, sizeof *array));
  array->comm = comm;
  PetscCall(InspectOnce(comm, where, role, &file, array));
  array->file_bytes = file.file_bytes;
  PetscCall(PetscStrncpy(array->path, file.where, sizeof array->path));
  array->n_local = PETSC_DECIDE;
  PetscCall(PetscSplitOwnership(comm, &array->n_local, &array->n));
  PetscCallMPI(MPI_Scan(&array->n_local, &array->first, 1, MPIU_INT, MPI_SUM, comm));
  array->first -= array->n_local;
  PetscCall(PetscMalloc1((size_t)array->n_local * (size_t)array->dim, &array->value));
  ierr = ReadRows(&file, array);
  if (ierr) PetscCall(BrenierArrayDestroy(array));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierArrayDestroy(BrenierArray *array)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(array->value));
  PetscCall(PetscMemzero(array, sizeof *array));
  PetscFunctionReturn(PETSC_SUCCESS);
}
