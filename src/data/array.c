/* array.c - Implements array.h: rank 0 inspects the file, all ranks agree, each rank reads and checks its own rows. */
#define _POSIX_C_SOURCE 200809L
#include "file_state.h"
#include "hdf5_tools.h"
#include "reader.h"

#include <brenier/compat.h>
#include <brenier/print.h>
#include <brenier/store.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* Beyond this a dimension is a mistake (a transposed array), not a latent space. */
static const PetscInt64 brenier_max_dim = 1000000;

/* From this dimension on targets are kept in single precision, where their file holds no more. */
enum { BRENIER_SINGLE_DIM = 4 };

static const char npy_magic[] = "\x93NUMPY", zip_magic[] = "PK\x03\x04", mat_magic[] = "MATLAB 5.0 MAT-file";

enum { MAGIC_BYTES = 20 };

/* ---- the file ---- */

/* Where `file.h5:/dataset` or `file.h5:dataset` is to be split; NULL when all of it is a file. Colons may be part of
   the name of a file or a dataset: the first counts that has a file before it, and without one the last that has a
   slash behind it. */
static char *FindColon(char where[])
{
  struct stat about;
  char       *last = NULL;

  if (!stat(where, &about)) return NULL;
  for (char *colon = strchr(where, ':'); colon; colon = strchr(colon + 1, ':')) {
    int missing;

    *colon  = '\0';
    missing = stat(where, &about) || !S_ISREG(about.st_mode);
    *colon  = ':';
    if (!missing) return colon;
    if (colon[1] == '/') last = colon;
  }
  return last;
}

void BrenierArrayFileOf(const char where[], char file[PETSC_MAX_PATH_LEN])
{
  char *colon;

  snprintf(file, PETSC_MAX_PATH_LEN, "%s", where);
  colon = FindColon(file);
  if (colon) *colon = '\0';
}

static void SplitPlace(BrenierArrayFile *file, const char where[], BrenierFault *fault)
{
  const char *dataset;

  if (strlen(where) >= sizeof file->where) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.100s...: the path is longer than %d characters", where,
                    PETSC_MAX_PATH_LEN - 1);
    return;
  }
  strcpy(file->where, where);
  BrenierArrayFileOf(where, file->file);
  if (!where[strlen(file->file)]) return;
  dataset = where + strlen(file->file) + 1;
  snprintf(file->dataset, sizeof file->dataset, "%s%.*s", dataset[0] == '/' || !dataset[0] ? "" : "/",
           (int)sizeof file->dataset - 2, dataset);
}

/* What a file that is neither .npy nor HDF5 may be. */
static void RefuseKind(const BrenierArrayFile *file, const char start[], BrenierFault *fault)
{
  if (!memcmp(start, zip_magic, sizeof zip_magic - 1))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: a .npz archive or another zip file; save the array by itself with np.save", file->where);
  else if (!memcmp(start, mat_magic, sizeof mat_magic - 1))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: a file of MATLAB before version 7.3, which is not HDF5; save it with '-v7.3'", file->where);
  else
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: neither a .npy nor an HDF5 file%s; make one with np.save or h5py",
                    file->where, file->file_bytes == 0 ? ", it is empty" : "");
}

/* Kind of the file, by its first bytes; HDF5 may begin behind a block of its user's. */
static void IdentifyKind(BrenierArrayFile *file, int descriptor, BrenierFault *fault)
{
  char start[MAGIC_BYTES] = "";

  if (!BrenierReadAt(descriptor, start, PetscMin(sizeof start, (size_t)file->file_bytes), 0)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot read: %s", file->where, strerror(errno));
  } else if (!memcmp(start, npy_magic, sizeof npy_magic - 1)) {
    file->kind = BRENIER_FILE_NPY;
    if (file->dataset[0])
      BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: a .npy file holds one array; leave out '%s'", file->where,
                      file->where + strlen(file->file));
  } else if (BrenierHdf5Start(file->file) >= 0) file->kind = BRENIER_FILE_HDF5;
  else RefuseKind(file, start, fault);
}

/* Time of the last change, in nanoseconds. */
static PetscInt64 ModifiedAt(const struct stat *about)
{
  const PetscInt64 second = 1000000000;

  return (PetscInt64)about->st_mtim.tv_sec * second + about->st_mtim.tv_nsec;
}

/* Size and kind of the file, and that nobody is writing it. */
static void Identify(BrenierArrayFile *file, BrenierFault *fault)
{
  char        who[128];
  struct stat about;
  const int   descriptor = open(file->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (descriptor < 0 || fstat(descriptor, &about)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open: %s", file->where, strerror(errno));
    if (descriptor >= 0) close(descriptor);
    return;
  }
  file->file_bytes = (PetscInt64)about.st_size;
  file->modified   = ModifiedAt(&about);
  if (!S_ISREG(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: not a file but a folder, pipe or device", file->where);
  else IdentifyKind(file, descriptor, fault);
  if (!fault->kind && BrenierFindWriter(file->file, sizeof who, who))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s has it open for writing; wait until it is closed there",
                    file->where, who);
  close(descriptor);
}

/* Refuses a file that was written to while it was read. */
static void CheckUnchanged(const BrenierArrayFile *file, BrenierFault *fault)
{
  struct stat about;

  if (stat(file->file, &about) || (PetscInt64)about.st_size != file->file_bytes || ModifiedAt(&about) != file->modified)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: changed while it was read; wait until its writer is done",
                    file->where);
}

/* ---- its shape ---- */

/* Rows and row length that `role` makes of the file's shape. */
static void InterpretShape(const BrenierArrayFile *file, BrenierArrayRole role, PetscInt64 *n, PetscInt64 *dim,
                           BrenierFault *fault)
{
  static const char *const wanted[] = {"[rows, dimension]", "[rows]", "[rows, ...]", "[rows]", "[rows, dimension]"};
  const PetscBool          points   = (PetscBool)(role == BRENIER_ARRAY_POINTS || role == BRENIER_ARRAY_TARGETS);
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
  else if (!fits || *dim > (points ? brenier_max_dim : PETSC_MAX_INT))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: has rows of %" PetscInt64_FMT " numbers; the limit is %" PetscInt64_FMT
                    ", is the array transposed?",
                    file->where, *dim, points ? brenier_max_dim : (PetscInt64)PETSC_MAX_INT);
}

/* Refuses rows that are not there, unless the user allows it; then they are read as the fill value, with a warning. */
static void CheckGap(BrenierArrayFile *file, PetscBool allow, BrenierFault *fault)
{
  BrenierGap gap = {.found = PETSC_FALSE};
  char       rows[64], fill[64] = "that source's fill value";

  if (file->has_checksum) return; // which would not be right
  if (file->kind == BRENIER_FILE_NPY) BrenierNpyFindGap(file, &gap);
  else BrenierHdf5FindGap(file, &gap);
  if (!gap.found) return;
  if (gap.first == gap.last) snprintf(rows, sizeof rows, "row %" PetscInt64_FMT " is", gap.first);
  else snprintf(rows, sizeof rows, "rows %" PetscInt64_FMT " to %" PetscInt64_FMT " are", gap.first, gap.last);
  if (!gap.is_inner) snprintf(fill, sizeof fill, "%g", (double)file->fill);
  if (!gap.readable)
    BrenierFaultSet(fault, gap.kind, "%s: %s not there (counted from 0): %s", file->where, rows, gap.why);
  else if (!allow)
    BrenierFaultSet(fault, gap.kind, "%s: %s not there (counted from 0): %s, or give -allow_missing to read %s there",
                    file->where, rows, gap.why, fill);
  else
    snprintf(file->warning, sizeof file->warning,
             "%s: %s not there (counted from 0), nor perhaps others; read as %s, as -allow_missing asks: %s",
             file->where, rows, fill, gap.why);
}

/* Refuses labels that no 64-bit integer holds. */
static void CheckWidth(const BrenierArrayFile *file, BrenierFault *fault)
{
  const int most = 8;

  if (file->number != BRENIER_NUMBER_FLOAT && file->item_bytes > most)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: has integers of %d bytes; labels have at most %d", file->where,
                    file->item_bytes, most);
}

/* Everything that one rank can find out; filled on rank 0, known to all on return. */
static PetscErrorCode InspectOnce(MPI_Comm comm, const char where[], BrenierArrayRole role, BrenierArrayFile *file,
                                  BrenierArray *array)
{
  PetscMPIInt  rank;
  PetscInt64   size[2] = {0, 0};
  PetscBool    allow   = PETSC_FALSE;
  BrenierFault fault   = {0};

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-allow_missing", &allow, NULL));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    SplitPlace(file, where, &fault);
    if (!fault.kind) Identify(file, &fault);
    if (!fault.kind && file->kind == BRENIER_FILE_NPY) BrenierNpyInspect(file, &fault);
    if (!fault.kind && file->kind == BRENIER_FILE_HDF5) BrenierHdf5Inspect(file, role, &fault);
    if (!fault.kind) InterpretShape(file, role, &size[0], &size[1], &fault);
    if (!fault.kind && role == BRENIER_ARRAY_LABELS) CheckWidth(file, &fault);
    if (!fault.kind) CheckGap(file, allow, &fault);
  }
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscCallMPI(MPI_Bcast(file, (PetscMPIInt)sizeof *file, MPI_BYTE, 0, comm));
  PetscCallMPI(MPI_Bcast(size, 2, MPIU_INT64, 0, comm));
  array->n   = (PetscInt)size[0];
  array->dim = (PetscInt)size[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- its rows ---- */

static void CheckFinite(const BrenierArray *array, BrenierFault *fault)
{
  const BrenierCoordinates rows = BrenierArrayCoordinates(array);

  for (PetscInt i = 0; i < rows.n; ++i)
    for (PetscInt k = 0; k < rows.dim; ++k) {
      const PetscReal x = BrenierCoordinate(&rows, i, k);

      if (isfinite(x)) continue;
      BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                      "%s: row %" PetscInt_FMT ", column %" PetscInt_FMT " (counted from 0) is %s; remove such rows",
                      array->path, array->first + i, k, isnan(x) ? "NaN" : "infinite");
      return;
    }
}

/* Whether all numbers of a row here are the fill value. */
static PetscBool IsFill(const BrenierArray *array, PetscInt i, PetscReal fill)
{
  const BrenierCoordinates rows = BrenierArrayCoordinates(array);

  for (PetscInt k = 0; k < array->dim; ++k)
    if (BrenierCoordinate(&rows, i, k) != fill) return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Warns of rows that look as if nobody had written them: where storage was reserved for all of a file that was filled
   halfway, no more can be seen. One such row is nothing unusual, nor are several of one number, or of integers, unless
   they follow each other. */
static PetscErrorCode WarnOfFill(const BrenierArrayFile *file, BrenierArrayRole role, const BrenierArray *array)
{
  PetscInt64 count = 0, first = array->n, last = -1;
  int        suspect;

  PetscFunctionBegin;
  if (role == BRENIER_ARRAY_WEIGHTS || role == BRENIER_ARRAY_LABELS || file->warning[0] || file->has_checksum)
    PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < array->n_local; ++i) {
    if (!IsFill(array, i, file->fill)) continue;
    last = array->first + i;
    if (count++ == 0) first = last;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPIU_INT64, MPI_SUM, array->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPIU_INT64, MPI_MIN, array->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &last, 1, MPIU_INT64, MPI_MAX, array->comm));
  suspect = (array->dim > 1) + (file->number == BRENIER_NUMBER_FLOAT) + (last - first + 1 == count);
  if (count > 1 && suspect > 1)
    PetscCall(BrenierPrintWarning(array->comm,
                                  "%s: %" PetscInt64_FMT " of its %" PetscInt_FMT " rows, from row %" PetscInt64_FMT
                                  " to %" PetscInt64_FMT
                                  " (counted from 0), hold nothing but %g; were they ever written?",
                                  array->path, count, array->n, first, last, (double)file->fill));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Turns labels that were read as floats into integers, which they must be beyond doubt. */
static PetscErrorCode MakeWhole(const BrenierArrayFile *file, BrenierArray *array, BrenierFault *fault)
{
  const PetscReal limit = ldexp(1.0, file->digits);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < array->n_local; ++i) {
    const PetscReal x = array->value[i];

    if (x != PetscFloorReal(x))
      BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: row %" PetscInt_FMT " is %g; labels are whole numbers",
                      array->path, array->first + i, (double)x);
    else if (PetscAbsReal(x) >= limit)
      BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                      "%s: row %" PetscInt_FMT
                      " is %.0f, but these floats tell whole numbers apart only below %.0f, so that it may be rounded; "
                      "save the labels as integers, from where they come",
                      array->path, array->first + i, (double)x, (double)limit);
    else array->whole[i] = (PetscInt64)x;
  }
  if (!array->borrowed) PetscCall(PetscFree(array->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether there are labels of an unsigned type beyond those of a signed one. */
static PetscErrorCode SetPastSigned(const BrenierArrayFile *file, BrenierArray *array)
{
  int past = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; file->number == BRENIER_NUMBER_UNSIGNED && i < array->n_local; ++i)
    past = past || array->whole[i] < 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &past, 1, MPI_INT, MPI_MAX, array->comm));
  array->past_signed = (PetscBool)past;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sum over rows of XXH3-64(row, seed = row number), modulo 2^64: any rank can add its share. */
static PetscErrorCode HashRows(BrenierArray *array)
{
  const BrenierCoordinates numbers   = BrenierArrayCoordinates(array);
  const size_t             row_bytes = (size_t)array->dim * sizeof *array->value;
  PetscReal               *work;
  uint64_t                 sum = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(array->dim, &work));
  for (PetscInt i = 0; i < array->n_local; ++i) {
    const void *row = array->whole ? (const void *)(array->whole + (size_t)i * (size_t)array->dim)
                                   : (const void *)BrenierPoint(&numbers, i, work);

    sum += XXH3_64bits_withSeed(row, row_bytes, (XXH64_hash_t)(array->first + i));
  }
  PetscCall(PetscFree(work));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, array->comm));
  memcpy(&array->hash, &sum, sizeof sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads this rank's rows from a file without a checksum. */
static void ReadPlainRows(const BrenierArrayFile *file, const BrenierArray *array, BrenierMemory memory, void *rows,
                          BrenierFault *fault)
{
  if (array->n_local == 0) return;
  if (file->kind == BRENIER_FILE_NPY)
    BrenierNpyReadArray(file, array->first, array->n_local, array->dim, memory, rows, fault);
  else BrenierHdf5ReadArray(file, array->first, array->n_local, array->dim, memory, rows, fault);
}

/* As ReadPlainRows(), from a file that Brenier wrote: damage is found. */
static PetscErrorCode ReadStoredRows(const BrenierArrayFile *file, const BrenierArray *array, BrenierMemory memory,
                                     void *rows)
{
  const BrenierType real  = memory == BRENIER_AS_SINGLE ? BRENIER_F4 : BRENIER_F8;
  const BrenierType whole = file->number == BRENIER_NUMBER_UNSIGNED ? BRENIER_U8 : BRENIER_I8;
  BrenierStore      store;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(array->comm, file->file, NULL, &store));
  ierr = BrenierStoreReadRows(store, file->dataset, memory == BRENIER_AS_WHOLE ? whole : real, array->first,
                              array->n_local, rows);
  PetscCall(BrenierStoreDestroy(&store));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rows are read as. In few dimensions targets are doubles: exact cells are made of them. */
static BrenierMemory MemoryOf(const BrenierArrayFile *file, BrenierArrayRole role, PetscInt dim)
{
  const PetscBool is_float = (PetscBool)(file->number == BRENIER_NUMBER_FLOAT);
  const PetscBool narrow   = (PetscBool)(is_float ? file->item_bytes <= 4 && file->digits <= 24
                                                  : file->number != BRENIER_NUMBER_BOOL && file->item_bytes <= 2);

  if (role == BRENIER_ARRAY_LABELS && !is_float) return BRENIER_AS_WHOLE;
  return role == BRENIER_ARRAY_TARGETS && dim >= BRENIER_SINGLE_DIM && narrow ? BRENIER_AS_SINGLE : BRENIER_AS_REAL;
}

/* Reads and checks this rank's rows; all ranks agree on the outcome. */
static PetscErrorCode ReadRows(const BrenierArrayFile *file, BrenierArrayRole role, BrenierArray *array)
{
  const PetscBool     labels   = (PetscBool)(role == BRENIER_ARRAY_LABELS);
  const BrenierMemory memory   = MemoryOf(file, role, array->dim);
  const size_t        n_values = (size_t)array->n_local * (size_t)array->dim;
  PetscMPIInt         rank;
  BrenierFault        fault = {0};
  void               *rows;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(array->comm, &rank));
  if (labels) PetscCall(PetscMalloc1((size_t)array->n_local, &array->whole));
  if (memory == BRENIER_AS_REAL) PetscCall(PetscMalloc1(n_values, &array->value));
  if (memory == BRENIER_AS_SINGLE) PetscCall(PetscMalloc1(n_values, &array->single));
  rows = array->whole;
  if (memory == BRENIER_AS_REAL) rows = array->value;
  if (memory == BRENIER_AS_SINGLE) rows = array->single;
  if (file->has_checksum) PetscCall(ReadStoredRows(file, array, memory, rows));
  else ReadPlainRows(file, array, memory, rows, &fault);
  if (rank == 0 && !fault.kind) CheckUnchanged(file, &fault);
  if (!fault.kind && memory != BRENIER_AS_WHOLE) CheckFinite(array, &fault);
  if (!fault.kind && labels && memory == BRENIER_AS_REAL) PetscCall(MakeWhole(file, array, &fault));
  PetscCall(BrenierFaultAgree(array->comm, &fault));
  if (labels) PetscCall(SetPastSigned(file, array));
  PetscCall(WarnOfFill(file, role, array));
  PetscCall(HashRows(array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierArrayRead(MPI_Comm comm, const char where[], BrenierArrayRole role, BrenierArray *array)
{
  BrenierArrayFile *file;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(array, sizeof *array));
  PetscCall(PetscNew(&file));
  array->comm = comm;
  ierr        = InspectOnce(comm, where, role, file, array);
  if (ierr) PetscCall(PetscFree(file));
  PetscCall(ierr);
  if (file->notice[0]) PetscCall(BrenierPrint(comm, "notice: %s", file->notice));
  if (file->warning[0]) PetscCall(BrenierPrintWarning(comm, "%s", file->warning));
  array->file_bytes = file->file_bytes;
  PetscCall(PetscStrncpy(array->path, file->where, sizeof array->path));
  array->n_local = PETSC_DECIDE;
  PetscCall(PetscSplitOwnership(comm, &array->n_local, &array->n));
  PetscCallMPI(MPI_Scan(&array->n_local, &array->first, 1, MPIU_INT, MPI_SUM, comm));
  array->first -= array->n_local;
  ierr = ReadRows(file, role, array);
  PetscCall(PetscFree(file));
  if (ierr) PetscCall(BrenierArrayDestroy(array));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

BrenierCoordinates BrenierArrayCoordinates(const BrenierArray *array)
{
  BrenierCoordinates rows = BrenierCoordinatesOf(array->n_local, array->dim, array->value);

  rows.single = array->single;
  return rows;
}

/* This rank's rows, converted and one after the other. */
static void CopyRows(const BrenierMemoryRows *rows, PetscReal value[])
{
  for (PetscInt i = 0; i < rows->n; ++i)
    for (PetscInt k = 0; k < rows->dim; ++k) {
      const size_t from = (size_t)i * (size_t)rows->stride + (size_t)k;

      value[(size_t)i * (size_t)rows->dim + (size_t)k] =
          rows->is_single ? (PetscReal)((const float *)rows->data)[from] : ((const double *)rows->data)[from];
    }
}

PetscErrorCode BrenierArrayFromMemory(MPI_Comm comm, const BrenierMemoryRows *rows, const char name[],
                                      BrenierArray *array)
{
  PetscInt64     n     = rows->n, first;
  BrenierFault   fault = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Scan(&n, &first, 1, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPIU_INT64, MPI_SUM, comm));
  PetscCheck(n <= PETSC_MAX_INT, comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: %" PetscInt64_FMT " rows are more than PETSc counts; build it with --with-64-bit-indices", name, n);
  *array = (BrenierArray){.comm       = comm,
                          .n          = (PetscInt)n,
                          .dim        = rows->dim,
                          .first      = (PetscInt)(first - rows->n),
                          .n_local    = rows->n,
                          .file_bytes = 0};
  PetscCall(PetscStrncpy(array->path, name, sizeof array->path));
  array->borrowed = (PetscBool)(rows->borrow && !rows->is_single && rows->stride == rows->dim);
  if (array->borrowed) array->value = (PetscReal *)rows->data; // lent for writing, as BrenierMemoryRows says
  else {
    PetscCall(PetscMalloc1((size_t)rows->n * (size_t)rows->dim, &array->value));
    CopyRows(rows, array->value);
  }
  CheckFinite(array, &fault);
  ierr = BrenierFaultAgree(comm, &fault);
  if (ierr) PetscCall(BrenierArrayDestroy(array));
  PetscCall(ierr);
  PetscCall(HashRows(array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierArrayDestroy(BrenierArray *array)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(array->value));
  PetscCall(PetscFree(array->single));
  PetscCall(PetscFree(array->whole));
  PetscCall(PetscMemzero(array, sizeof *array));
  PetscFunctionReturn(PETSC_SUCCESS);
}
