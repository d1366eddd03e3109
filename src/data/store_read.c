/* store_read.c - The reading half of store.h: every rank reads for itself, then all agree. */
#define _POSIX_C_SOURCE 200809L
#include "rows.h"
#include "store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Which command makes a file of which format. */
static const struct {
  const char *format, *command;
} brenier_makers[] = {
    {"brenier-result", "brenier solve"},    {"brenier-checkpoint", "brenier solve -checkpoint"},
    {"brenier-codes", "brenier encode"},    {"brenier-data", "brenier decode"},
    {"brenier-map", "brenier map"},         {"brenier-samples", "brenier sample"},
    {"brenier-facets", "brenier facets"},   {"brenier-affine", "brenier frechet -map"},
    {"brenier-density", "brenier density"}, {"brenier-polar", "brenier polar"},
};

const char *BrenierStoreMaker(const char format[])
{
  for (size_t i = 0; i < sizeof brenier_makers / sizeof brenier_makers[0]; ++i)
    if (!strcmp(brenier_makers[i].format, format)) return brenier_makers[i].command;
  return "another command";
}

/* ---- open ---- */

static void CheckFormat(BrenierStore store, const char wanted[], const char found[], BrenierFault *fault)
{
  if (!found || strncmp(found, "brenier-", strlen("brenier-")))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: an HDF5 file, but not one that Brenier wrote", store->path);
  else if (wanted && strcmp(found, wanted))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: holds a %s (made by '%s'); needed is a %s, which '%s' makes",
                    store->path, found, BrenierStoreMaker(found), wanted, BrenierStoreMaker(wanted));
}

static void CheckVersion(BrenierStore store, BrenierFault *fault)
{
  PetscInt64  version   = 0;
  const hid_t attribute = H5Aopen(store->file, "format_version", H5P_DEFAULT);

  if (attribute < 0 || H5Aread(attribute, H5T_NATIVE_INT64, &version) < 0 || version < 1)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: its attribute format_version is missing or damaged", store->path);
  else if (version > BRENIER_FORMAT_VERSION)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: has format version %" PetscInt64_FMT ", this program reads up to %d; use a newer Brenier",
                    store->path, version, BRENIER_FORMAT_VERSION);
  if (attribute >= 0) H5Aclose(attribute);
}

static void OpenFile(BrenierStore store, const char format[], BrenierFault *fault)
{
  char       *found, *status;
  struct stat about;

  if (access(store->path, R_OK)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open: %s", store->path, strerror(errno));
    return;
  }
  // Opening a pipe would wait for its writer
  if (!stat(store->path, &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: not a file but a pipe or device", store->path);
    return;
  }
  store->file = BrenierHdf5Open(store->path);
  if (store->file < 0) {
    BrenierHdf5ExplainUnopened(store->path, store->path, fault);
    return;
  }
  found  = BrenierHdf5GetText(store->file, "format");
  status = BrenierHdf5GetText(store->file, "status");
  CheckFormat(store, format, found, fault);
  if (!fault->kind) CheckVersion(store, fault);
  if (!status)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: unfinished, it has no status; make it again", store->path);
  free(found);
  free(status);
}

PetscErrorCode BrenierStoreOpen(MPI_Comm comm, const char path[], const char format[], BrenierStore *store)
{
  BrenierStore   s;
  BrenierFault   fault = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(strlen(path) < sizeof s->path, comm, PETSC_ERR_FILE_OPEN, "%.100s...: the path is too long", path);
  PetscCall(PetscNew(&s));
  PetscCallMPI(MPI_Comm_rank(comm, &s->rank));
  PetscCall(PetscStrncpy(s->path, path, sizeof s->path));
  s->comm = comm;
  s->file = -1;
  OpenFile(s, format, &fault);
  ierr = BrenierFaultAgree(comm, &fault);
  if (ierr) PetscCall(BrenierStoreDestroy(&s));
  PetscCall(ierr);
  *store = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- datasets ---- */

/* Shape of an open dataset as [n, dim]; -1 when it has more than two axes or is too wide. */
static herr_t GetSize(hid_t dataset, PetscInt64 *n, PetscInt *dim)
{
  const hid_t space              = H5Dget_space(dataset);
  hsize_t     size[H5S_MAX_RANK] = {0, 0};
  const int   n_axes             = H5Sget_simple_extent_dims(space, size, NULL);

  H5Sclose(space);
  if (n_axes < 1 || n_axes > 2 || size[1] > (hsize_t)PETSC_MAX_INT) return -1;
  *n   = (PetscInt64)size[0];
  *dim = n_axes == 2 ? (PetscInt)size[1] : 0;
  return 0;
}

static hid_t OpenDataset(BrenierStore store, const char name[], PetscInt64 *n, PetscInt *dim, BrenierFault *fault)
{
  const hid_t dataset = BrenierHdf5HasDataset(store->file, name) ? H5Dopen2(store->file, name, H5P_DEFAULT) : -1;

  if (dataset >= 0 && GetSize(dataset, n, dim) >= 0) return dataset;
  BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: %s dataset %s; make the file again", store->path,
                  dataset < 0 ? "there is no" : "cannot understand the shape of", name);
  if (dataset >= 0) H5Dclose(dataset);
  return -1;
}

PetscErrorCode BrenierStoreGetShape(BrenierStore store, const char name[], PetscInt64 *n, PetscInt *dim)
{
  BrenierFault fault = {0};

  PetscFunctionBegin;
  *n   = -1;
  *dim = 0;
  if (BrenierHdf5HasDataset(store->file, name)) {
    const hid_t dataset = OpenDataset(store, name, n, dim, &fault);

    if (dataset >= 0) H5Dclose(dataset);
  }
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The store's type that a dataset has on disk; `other` when it has none of them, so that HDF5 converts to that. */
static BrenierType DiskType(hid_t dataset, BrenierType other)
{
  const hid_t disk  = dataset < 0 ? -1 : H5Dget_type(dataset);
  BrenierType found = other;

  if (disk < 0) return other;
  for (int type = BRENIER_F4; type <= BRENIER_U8; ++type)
    if (H5Tequal(disk, BrenierHdf5Type((BrenierType)type)) > 0) found = (BrenierType)type;
  H5Tclose(disk);
  return found;
}

PetscErrorCode BrenierStoreGetType(BrenierStore store, const char name[], BrenierType *type)
{
  hid_t dataset = -1;

  PetscFunctionBegin;
  if (BrenierHdf5HasDataset(store->file, name)) dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
  *type = DiskType(dataset, *type);
  if (dataset >= 0) H5Dclose(dataset);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Context of HashSlab(). */
typedef struct {
  XXH3_state_t *hash;
  size_t        row_bytes;
} SlabHash;

static void HashSlab(void *context, PetscInt64 first, PetscInt64 n, const void *rows)
{
  SlabHash *slab = (SlabHash *)context;

  (void)first;
  XXH3_64bits_update(slab->hash, rows, (size_t)n * slab->row_bytes);
}

/* Compares the rows, as they are on disk, with the checksum stored beside them; rank 0 sees them all pass by. */
static PetscErrorCode VerifyRows(BrenierStore store, const char name[], hid_t dataset, PetscInt n_local,
                                 size_t row_bytes, const void *raw)
{
  BrenierFault fault = {0};
  SlabHash     slab  = {NULL, row_bytes};
  char        *expected, found[BRENIER_CHECKSUM_LENGTH];

  PetscFunctionBegin;
  slab.hash = XXH3_createState();
  PetscCheck(slab.hash, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a checksum");
  XXH3_64bits_reset(slab.hash);
  PetscCall(BrenierRowsToRoot(store->comm, n_local, row_bytes, raw, HashSlab, &slab));
  BrenierChecksumText(slab.hash, found);
  XXH3_freeState(slab.hash);
  expected = BrenierHdf5GetText(dataset, "xxh3");
  if (store->rank == 0 && (!expected || strcmp(expected, found)))
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT,
                    "%s: dataset %s is damaged: its checksum is %s, the file says %s; copy or make it again",
                    store->path, name, found, expected ? expected : "nothing");
  free(expected);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the ranks' blocks, in rank order, are all the rows, so that the checksum can be compared. */
static PetscErrorCode CoverAll(BrenierStore store, PetscInt64 first, PetscInt64 n_local, PetscInt64 n, PetscBool *all)
{
  PetscInt64 end = n_local, total = n_local;
  int        fits;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Scan(&n_local, &end, 1, MPIU_INT64, MPI_SUM, store->comm));
  PetscCallMPI(MPI_Allreduce(&n_local, &total, 1, MPIU_INT64, MPI_SUM, store->comm));
  fits = total == n && (n_local == 0 || first == end - n_local);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &fits, 1, MPI_INT, MPI_MIN, store->comm));
  *all = (PetscBool)fits;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows that a rank wants, of n that there are. */
typedef struct {
  PetscInt64 first, n;
  PetscInt   n_local;
} RowRange;

/* Reads this rank's rows into memory of type `memory`, unless a fault is noted already. */
static void CheckedRead(BrenierStore store, const char name[], hid_t dataset, BrenierType memory, RowRange wanted,
                        void *rows, BrenierFault *fault)
{
  if (fault->kind) return;
  if (wanted.first < 0 || wanted.n_local < 0 || wanted.first > wanted.n - wanted.n_local)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: dataset %s has %" PetscInt64_FMT " rows; rows %" PetscInt64_FMT " to %" PetscInt64_FMT
                    " were asked for",
                    store->path, name, wanted.n, wanted.first, wanted.first + wanted.n_local - 1);
  else if (BrenierHdf5ReadRows(dataset, BrenierHdf5Type(memory), (hsize_t)wanted.first, (hsize_t)wanted.n_local, rows) <
           0)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: cannot read dataset %s: damaged; copy or make it again",
                    store->path, name);
}

/* Converts in place, as HDF5 does, then hands over; `raw` has room for the wider type. */
static PetscErrorCode Convert(BrenierType from, BrenierType to, size_t n_values, void *raw, void *data)
{
  PetscFunctionBegin;
  if (n_values == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(H5Tconvert(BrenierHdf5Type(from), BrenierHdf5Type(to), n_values, raw, NULL, H5P_DEFAULT) >= 0,
             PETSC_COMM_SELF, PETSC_ERR_LIB, "HDF5 cannot convert numbers");
  PetscCall(PetscMemcpy(data, raw, n_values * BrenierTypeBytes(to)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreReadRows(BrenierStore store, const char name[], BrenierType type, PetscInt64 first,
                                    PetscInt n_local, void *data)
{
  PetscInt64     n   = 0;
  PetscInt       dim = 0;
  BrenierType    disk;
  BrenierFault   fault = {0};
  void          *raw   = data;
  size_t         n_values;
  hid_t          dataset;
  PetscBool      all = PETSC_FALSE;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(!store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is being written", store->path);
  dataset  = OpenDataset(store, name, &n, &dim, &fault);
  disk     = DiskType(dataset, type);
  n_values = (size_t)PetscMax(n_local, 0) * (size_t)(dim ? dim : 1);
  if (disk != type) PetscCall(PetscMalloc(n_values * sizeof(PetscInt64), &raw));
  CheckedRead(store, name, dataset, disk, (RowRange){first, n, n_local}, raw, &fault);
  ierr = BrenierFaultAgree(store->comm, &fault);
  if (!ierr) PetscCall(CoverAll(store, first, n_local, n, &all));
  if (!ierr && all) ierr = VerifyRows(store, name, dataset, n_local, BrenierRowBytes(disk, dim), raw);
  if (!ierr && disk != type) PetscCall(Convert(disk, type, n_values, raw, data));
  if (disk != type) PetscCall(PetscFree(raw));
  if (dataset >= 0) H5Dclose(dataset);
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreReadChosenRows(BrenierStore store, const char name[], BrenierType type, PetscInt n,
                                          const PetscInt64 row[], void *data)
{
  PetscInt64   n_rows = 0;
  PetscInt     dim    = 0;
  BrenierFault fault  = {0};
  hid_t        dataset;

  PetscFunctionBegin;
  PetscCheck(!store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is being written", store->path);
  dataset = OpenDataset(store, name, &n_rows, &dim, &fault);
  for (PetscInt i = 0, end; i < n && !fault.kind; i = end) {
    for (end = i + 1; end < n && row[end] == row[end - 1] + 1;) ++end;
    CheckedRead(store, name, dataset, type, (RowRange){row[i], n_rows, end - i},
                (char *)data + (size_t)i * BrenierRowBytes(type, dim), &fault);
  }
  if (dataset >= 0) H5Dclose(dataset);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Context of VerifyObject(). */
typedef struct {
  BrenierStore  store;
  BrenierFault *fault;
} Verification;

/* Hashes a dataset, as it is on disk, slab by slab. */
static herr_t HashDataset(hid_t dataset, XXH3_state_t *hash)
{
  const size_t      slab_bytes = (size_t)1 << 24;
  const BrenierType type       = DiskType(dataset, BRENIER_I8);
  PetscInt64        n          = 0;
  PetscInt          dim        = 0;
  size_t            row_bytes;
  PetscInt64        at_once;
  void             *rows;
  herr_t            failed = GetSize(dataset, &n, &dim);

  if (failed < 0) return failed;
  row_bytes = BrenierRowBytes(type, dim);
  at_once   = (PetscInt64)PetscMax(slab_bytes / row_bytes, 1);
  rows      = malloc((size_t)PetscMin(at_once, PetscMax(n, 1)) * row_bytes);
  if (!rows) failed = -1;
  for (PetscInt64 first = 0; first < n && failed >= 0; first += at_once) {
    const PetscInt64 count = PetscMin(at_once, n - first);

    failed = BrenierHdf5ReadRows(dataset, BrenierHdf5Type(type), (hsize_t)first, (hsize_t)count, rows);
    if (failed >= 0) XXH3_64bits_update(hash, rows, (size_t)count * row_bytes);
  }
  free(rows);
  return failed;
}

static herr_t VerifyObject(hid_t file, const char name[], const H5O_info_t *info, void *context)
{
  Verification *v = (Verification *)context;
  char         *expected, found[BRENIER_CHECKSUM_LENGTH] = "unreadable";
  XXH3_state_t *hash;
  hid_t         dataset;

  if (info->type != H5O_TYPE_DATASET || v->fault->kind) return 0;
  dataset  = H5Dopen2(file, name, H5P_DEFAULT);
  expected = dataset < 0 ? NULL : BrenierHdf5GetText(dataset, "xxh3");
  hash     = XXH3_createState();
  if (hash) XXH3_64bits_reset(hash);
  if (hash && dataset >= 0 && HashDataset(dataset, hash) >= 0) BrenierChecksumText(hash, found);
  XXH3_freeState(hash);
  if (!expected || strcmp(expected, found))
    BrenierFaultSet(v->fault, BRENIER_EXIT_INPUT,
                    "%s: dataset /%s is damaged: its checksum is %s, the file says %s; copy or make it again",
                    v->store->path, name, found, expected ? expected : "nothing");
  free(expected);
  if (dataset >= 0) H5Dclose(dataset);
  return 0;
}

PetscErrorCode BrenierStoreVerify(BrenierStore store)
{
  BrenierFault fault = {0};
  Verification v     = {store, &fault};

  PetscFunctionBegin;
  PetscCheck(!store->writing, store->comm, PETSC_ERR_ARG_WRONGSTATE, "%s is being written", store->path);
  if (store->rank == 0 && H5Ovisit(store->file, H5_INDEX_NAME, H5_ITER_INC, VerifyObject, &v) < 0)
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: its list of datasets is damaged; copy or make it again",
                    store->path);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- attributes ---- */

/* Opens attribute `name` of `object`; negative when there is none, or when it is a text but a number is wanted. */
static hid_t OpenNumber(hid_t file, const char object[], const char name[])
{
  hid_t attribute = -1, type, space;

  if (H5Aexists_by_name(file, object, name, H5P_DEFAULT) <= 0) return -1;
  attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  type      = H5Aget_type(attribute);
  space     = H5Aget_space(attribute);
  if ((H5Tget_class(type) != H5T_FLOAT && H5Tget_class(type) != H5T_INTEGER) ||
      H5Sget_simple_extent_npoints(space) != 1) {
    H5Aclose(attribute);
    attribute = -1;
  }
  H5Sclose(space);
  H5Tclose(type);
  return attribute;
}

static void NoteMissing(BrenierStore store, const char object[], const char name[], BrenierFault *fault)
{
  BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: attribute %s of %s is missing or of another type; make it again",
                  store->path, name, object);
}

static PetscErrorCode GetNumber(BrenierStore store, const char object[], const char name[], hid_t memory, void *value)
{
  BrenierFault fault     = {0};
  const hid_t  attribute = OpenNumber(store->file, object, name);

  PetscFunctionBegin;
  if (attribute < 0 || H5Aread(attribute, memory, value) < 0) NoteMissing(store, object, name, &fault);
  if (attribute >= 0) H5Aclose(attribute);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreGetReal(BrenierStore store, const char object[], const char name[], PetscReal *value)
{
  PetscFunctionBegin;
  PetscCall(GetNumber(store, object, name, H5T_NATIVE_DOUBLE, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreGetInt(BrenierStore store, const char object[], const char name[], PetscInt64 *value)
{
  PetscFunctionBegin;
  PetscCall(GetNumber(store, object, name, H5T_NATIVE_INT64, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A text attribute as a copy to be freed with free(); NULL when there is none. */
static char *CopyText(hid_t file, const char object[], const char name[])
{
  const hid_t opened = H5Oopen(file, object, H5P_DEFAULT);
  char       *text   = opened < 0 ? NULL : BrenierHdf5GetText(opened, name);

  if (opened >= 0) H5Oclose(opened);
  return text;
}

PetscErrorCode BrenierStoreGetText(BrenierStore store, const char object[], const char name[], size_t length,
                                   char value[])
{
  BrenierFault fault = {0};
  char        *text  = CopyText(store->file, object, name);

  PetscFunctionBegin;
  if (!text) NoteMissing(store, object, name, &fault);
  else if (strlen(text) >= length)
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: attribute %s of %s is longer than %zu bytes", store->path, name,
                    object, length - 1);
  else strcpy(value, text);
  free(text);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierStoreHasAttribute(BrenierStore store, const char object[], const char name[], PetscBool *has)
{
  int found = H5Aexists_by_name(store->file, object, name, H5P_DEFAULT) > 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, store->comm));
  *has = (PetscBool)found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number as text, an integer or a real one with 15 digits; false when it cannot be read. */
static PetscBool DescribeNumber(hid_t attribute, size_t length, char text[])
{
  const hid_t     type  = H5Aget_type(attribute);
  const PetscBool whole = (PetscBool)(H5Tget_class(type) == H5T_INTEGER);
  PetscInt64      i     = 0;
  PetscReal       x     = 0.0;
  herr_t          failed;

  failed = whole ? H5Aread(attribute, H5T_NATIVE_INT64, &i) : H5Aread(attribute, H5T_NATIVE_DOUBLE, &x);
  if (whole) snprintf(text, length, "%" PetscInt64_FMT, i);
  else snprintf(text, length, "%.15g", x);
  H5Tclose(type);
  return (PetscBool)(failed >= 0);
}

/* Any scalar attribute as text to be freed with free(); NULL when it cannot be read. */
static char *Describe(hid_t file, const char object[], const char name[])
{
  char       *text      = CopyText(file, object, name);
  const hid_t attribute = text ? -1 : OpenNumber(file, object, name);
  char        number[40];

  if (attribute >= 0) {
    if (DescribeNumber(attribute, sizeof number, number)) text = strdup(number);
    H5Aclose(attribute);
  }
  return text;
}

/* How many attributes an object has; -1 when there is no such object. */
static int CountAttributes(hid_t file, const char object[])
{
  const hid_t opened = H5Oopen(file, object, H5P_DEFAULT);
  const int   n      = opened < 0 ? -1 : H5Aget_num_attrs(opened);

  if (opened >= 0) H5Oclose(opened);
  return n;
}

PetscErrorCode BrenierStoreVisitAttributes(BrenierStore store, const char                                     object[],
                                           PetscErrorCode (*visit)(void *, const char[], const char[]), void *context)
{
  BrenierFault   fault = {0};
  const int      n     = CountAttributes(store->file, object);
  char           name[256];
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (n < 0) BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: there is no object %s", store->path, object);
  PetscCall(BrenierFaultAgree(store->comm, &fault));
  for (int i = 0; i < n; ++i) {
    char         *value = NULL;
    const ssize_t got =
        H5Aget_name_by_idx(store->file, object, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i, name, sizeof name, H5P_DEFAULT);

    if (got >= 0) value = Describe(store->file, object, name);
    if (!value)
      BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: cannot read attribute %d of %s: damaged; copy or make it again",
                      store->path, i, object);
    ierr = BrenierFaultAgree(store->comm, &fault);
    if (!ierr) ierr = visit(context, name, value);
    free(value);
    PetscCall(ierr);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
