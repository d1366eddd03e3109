/*
  h5missing.c - Finds what an HDF5 dataset promises and does not have. HDF5 reads all of it as the fill value, without a
  word:

    chunked     chunks that were never written
    contiguous  datasets that were never written, and holes in the file
    external    files of raw data that are missing or too short
    virtual     sources that are missing, or have such gaps themselves, and rows without a source

  The first gap found is told, with its rows.
*/
#define _POSIX_C_SOURCE 200809L
#include "file_state.h"
#include "hdf5_tools.h"
#include "reader.h"

#include <brenier/compat.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Virtual datasets of virtual datasets are followed so far. */
enum { DEEPEST_VIRTUAL = 8 };

/* A dataset under inspection. */
typedef struct {
  hid_t       file, id, creation;
  const char *path;  /* of its file */
  int         level; /* 0, or behind how many virtual datasets */
  int         n_axes;
  hsize_t     size[H5S_MAX_RANK];
  hsize_t     row_bytes;
} Dataset;

static void CheckDataset(const Dataset *d, BrenierGap *gap);

/* Notes a gap, and why, as printf() does. */
static void SetGap(BrenierGap *gap, BrenierExit kind, hsize_t first, hsize_t last, PetscBool readable, const char why[],
                   ...) PETSC_ATTRIBUTE_FORMAT(6, 7);

static void SetGap(BrenierGap *gap, BrenierExit kind, hsize_t first, hsize_t last, PetscBool readable, const char why[],
                   ...)
{
  va_list args;

  gap->found    = PETSC_TRUE;
  gap->kind     = kind;
  gap->first    = (PetscInt64)first;
  gap->last     = (PetscInt64)last;
  gap->readable = readable;
  va_start(args, why);
  vsnprintf(gap->why, sizeof gap->why, why, args);
  va_end(args);
}

static PetscBool OpenDataset(hid_t file, const char path[], const char name[], int level, Dataset *d)
{
  hid_t space, type;

  d->file  = file;
  d->path  = path;
  d->level = level;
  d->id    = BrenierHdf5HasDataset(file, name) ? H5Dopen2(file, name, H5P_DEFAULT) : -1;
  if (d->id < 0) return PETSC_FALSE;
  d->creation  = H5Dget_create_plist(d->id);
  space        = H5Dget_space(d->id);
  type         = H5Dget_type(d->id);
  d->n_axes    = H5Sget_simple_extent_dims(space, d->size, NULL);
  d->row_bytes = H5Tget_size(type);
  for (int axis = 1; axis < d->n_axes; ++axis) d->row_bytes *= d->size[axis];
  H5Tclose(type);
  H5Sclose(space);
  return PETSC_TRUE;
}

static void CloseDataset(Dataset *d)
{
  if (d->id < 0) return;
  H5Pclose(d->creation);
  H5Dclose(d->id);
}

/* ---- contiguous ---- */

static void FindHole(const Dataset *d, const char path[], hsize_t offset, hsize_t first_row, hsize_t n, BrenierGap *gap)
{
  PetscInt64 first, last;

  if (!n || !BrenierFindHole(path, (PetscInt64)offset, (PetscInt64)d->row_bytes, (PetscInt64)n, &first, &last)) return;
  SetGap(gap, BRENIER_EXIT_INPUT, first_row + (hsize_t)first, first_row + (hsize_t)last, PETSC_TRUE,
         "nothing was ever written there (a hole in %s); finish the file", path);
}

static void CheckContiguous(const Dataset *d, BrenierGap *gap)
{
  H5D_space_status_t status;
  haddr_t            offset;

  if (H5Dget_space_status(d->id, &status) >= 0 && status == H5D_SPACE_STATUS_NOT_ALLOCATED) {
    SetGap(gap, BRENIER_EXIT_INPUT, 0, d->size[0] - 1, PETSC_TRUE,
           "nothing was ever written to the dataset; finish the file");
    return;
  }
  offset = H5Dget_offset(d->id);
  if (offset != HADDR_UNDEF) FindHole(d, d->path, (hsize_t)offset, 0, d->size[0], gap);
}

/* ---- chunked ---- */

/* Whether a chunk of this block of rows is missing. */
static PetscBool LacksChunk(const Dataset *d, const hsize_t chunk[], hsize_t block)
{
  hsize_t at[H5S_MAX_RANK] = {block * chunk[0]};

  for (;;) {
    hsize_t bytes = 0;
    int     axis  = d->n_axes - 1;

    if (H5Dget_chunk_storage_size(d->id, at, &bytes) < 0 || bytes == 0) return PETSC_TRUE;
    for (; axis > 0; --axis) { // the next chunk of the block, as an odometer turns
      at[axis] += chunk[axis];
      if (at[axis] < d->size[axis]) break;
      at[axis] = 0;
    }
    if (axis == 0) return PETSC_FALSE;
  }
}

static void CheckChunks(const Dataset *d, BrenierGap *gap)
{
  hsize_t      chunk[H5S_MAX_RANK], there = 0, wanted = 1, n_blocks, first = 0, end;
  const hid_t  space  = H5Dget_space(d->id);
  const herr_t failed = H5Dget_num_chunks(d->id, space, &there);

  H5Sclose(space);
  if (failed < 0 || H5Pget_chunk(d->creation, d->n_axes, chunk) < 0) return;
  for (int axis = 0; axis < d->n_axes; ++axis) wanted *= (d->size[axis] + chunk[axis] - 1) / chunk[axis];
  if (there >= wanted) return;
  n_blocks = (d->size[0] + chunk[0] - 1) / chunk[0];
  while (first < n_blocks && !LacksChunk(d, chunk, first)) ++first;
  if (first == n_blocks) return;
  for (end = first + 1; end < n_blocks && LacksChunk(d, chunk, end);) ++end;
  SetGap(gap, BRENIER_EXIT_INPUT, first * chunk[0], PetscMin(end * chunk[0], d->size[0]) - 1, PETSC_TRUE,
         "%llu of the %llu chunks of the dataset were never written; finish the file",
         (unsigned long long)(wanted - there), (unsigned long long)wanted);
}

/* ---- external ---- */

/* `prefix` as HDF5 takes it from its environment variables: ${ORIGIN} is the folder of the file that holds the
   dataset. */
static void JoinPath(const char prefix[], size_t prefix_length, const char origin[], const char name[],
                     char path[PETSC_MAX_PATH_LEN])
{
  static const char variable[] = "${ORIGIN}";
  const char       *slash      = strrchr(origin, '/');
  const size_t      length     = sizeof variable - 1;

  if (prefix_length >= length && !strncmp(prefix, variable, length))
    (void)PetscSNPrintf(path, PETSC_MAX_PATH_LEN, "%.*s%.*s/%s", slash ? (int)(slash - origin) : 1,
                        slash ? origin : ".", (int)(prefix_length - length), prefix + length, name);
  else
    (void)PetscSNPrintf(path, PETSC_MAX_PATH_LEN, "%.*s%s%s", (int)prefix_length, prefix, prefix_length ? "/" : "",
                        name);
}

static void CheckExternal(const Dataset *d, BrenierGap *gap)
{
  const char   *prefix = getenv("HDF5_EXTFILE_PREFIX");
  const int     n      = H5Pget_external_count(d->creation);
  const hsize_t all    = d->row_bytes * d->size[0];
  hsize_t       done   = 0;

  for (int i = 0; i < n && done < all && !gap->found; ++i) {
    char        name[PETSC_MAX_PATH_LEN] = "", path[PETSC_MAX_PATH_LEN];
    off_t       offset                   = 0;
    hsize_t     size                     = 0, have;
    struct stat about;

    if (H5Pget_external(d->creation, (unsigned)i, sizeof name - 1, name, &offset, &size) < 0) return;
    JoinPath(prefix, prefix && name[0] != '/' ? strlen(prefix) : 0, d->path, name, path);
    size = PetscMin(size, all - done);
    if (stat(path, &about) || access(path, R_OK)) {
      SetGap(gap, BRENIER_EXIT_IO, done / d->row_bytes, (done + size - 1) / d->row_bytes, PETSC_FALSE,
             "the file of its raw data, %s, is missing or cannot be read from this folder; bring it back, or set "
             "HDF5_EXTFILE_PREFIX to its folder",
             path);
      return;
    }
    have = about.st_size > offset ? (hsize_t)(about.st_size - offset) : 0;
    if (have < size) {
      SetGap(gap, BRENIER_EXIT_INPUT, (done + have) / d->row_bytes, (done + size - 1) / d->row_bytes, PETSC_TRUE,
             "the file of its raw data, %s, is %llu bytes too short; copy or make it again", path,
             (unsigned long long)(size - have));
    } else if (done % d->row_bytes == 0)
      FindHole(d, path, (hsize_t)offset, done / d->row_bytes, size / d->row_bytes, gap);
    done += size;
  }
  if (done >= all || gap->found) return;
  SetGap(gap, BRENIER_EXIT_INPUT, done / d->row_bytes, d->size[0] - 1, PETSC_FALSE,
         "the files of its raw data do not hold them; make the file again");
}

/* ---- virtual ---- */

/* Rows of a virtual dataset that a source fills. */
typedef struct {
  hsize_t first, end;
} Span;

/* One source of a virtual dataset. */
typedef struct {
  char  file[PETSC_MAX_PATH_LEN], name[1024]; /* as the dataset gives them; %b stands for a number that counts blocks */
  hid_t target, space;                        /* the elements it fills, and which of its own */
  Span  rows;
} Source;

static void CloseSource(Source *s)
{
  H5Sclose(s->target);
  H5Sclose(s->space);
}

/* False when it cannot be understood, or fills nothing. */
static PetscBool GetSource(const Dataset *d, size_t i, Source *s)
{
  hsize_t low[H5S_MAX_RANK] = {0}, high[H5S_MAX_RANK] = {0};

  if (H5Pget_virtual_filename(d->creation, i, s->file, sizeof s->file) < 0 ||
      H5Pget_virtual_dsetname(d->creation, i, s->name, sizeof s->name) < 0)
    return PETSC_FALSE;
  s->target = H5Pget_virtual_vspace(d->creation, i);
  s->space  = H5Pget_virtual_srcspace(d->creation, i);
  if (H5Sget_select_bounds(s->target, low, high) < 0) high[0] = d->size[0] - 1; // of unlimited extent
  s->rows.first = PetscMin(low[0], d->size[0]);
  s->rows.end   = high[0] < d->size[0] ? high[0] + 1 : d->size[0];
  if (H5Sget_select_npoints(s->target) != 0) return PETSC_TRUE;
  CloseSource(s);
  return PETSC_FALSE;
}

/* A name with its %b replaced by the number of a block, and %% by %. */
static void NumberName(const char name[], hsize_t block, size_t length, char numbered[])
{
  size_t used = 0;

  for (const char *at = name; *at && used + 24 < length; ++at) {
    if (at[0] == '%' && at[1] == 'b') used += (size_t)sprintf(numbered + used, "%llu", (unsigned long long)block), ++at;
    else numbered[used++] = *at, at += at[0] == '%' && at[1] == '%';
  }
  numbered[used] = '\0';
}

/* Opens what `path` is, if it is an HDF5 file; negative when it is none, with a fault when it is there all the same. */
static hid_t TryToOpen(const char path[], char found[PETSC_MAX_PATH_LEN], BrenierFault *fault)
{
  hid_t file;

  if (access(path, R_OK)) return -1;
  snprintf(found, PETSC_MAX_PATH_LEN, "%s", path);
  file = BrenierHdf5Open(path);
  if (file < 0) BrenierHdf5ExplainUnopened(path, path, fault);
  return file;
}

/* Opens a source's file where HDF5 looks for it: as named; in HDF5_VDS_PREFIX; beside the dataset's file; in the
   working folder; beside what the file's name is a link to. */
static hid_t OpenSourceFile(const Dataset *d, const char name[], char found[PETSC_MAX_PATH_LEN], BrenierFault *fault)
{
  const char *slash  = name[0] == '/' ? strrchr(name, '/') : NULL;
  const char *base   = slash ? slash + 1 : name;
  const char *prefix = getenv("HDF5_VDS_PREFIX");
  char        path[PETSC_MAX_PATH_LEN], who[128], *actual;
  hid_t       file = -1;

  if (slash) file = TryToOpen(name, found, fault);
  while (file < 0 && prefix && *prefix) {
    const size_t length = strcspn(prefix, ":");

    JoinPath(prefix, length, d->path, base, path);
    file = TryToOpen(path, found, fault);
    prefix += length + (prefix[length] == ':');
  }
  if (file < 0) {
    JoinPath("${ORIGIN}", strlen("${ORIGIN}"), d->path, base, path);
    file = TryToOpen(path, found, fault);
  }
  if (file < 0) file = TryToOpen(base, found, fault);
  if (file < 0 && (actual = realpath(d->path, NULL))) {
    JoinPath("${ORIGIN}", strlen("${ORIGIN}"), actual, base, path);
    file = TryToOpen(path, found, fault);
    free(actual);
  }
  if (file >= 0) *fault = (BrenierFault){0}; // an earlier place was missing, which does not matter
  if (file >= 0 && BrenierFindLock(found, sizeof who, who))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s has it open for writing; wait until it is closed there", found,
                    who);
  return file;
}

/* Whether a source has all the elements that are wanted of it. */
static PetscBool IsLargeEnough(const Dataset *source, const Source *s)
{
  const hssize_t n_filled          = H5Sget_select_npoints(s->target);
  hsize_t        low[H5S_MAX_RANK] = {0}, high[H5S_MAX_RANK] = {0}, all = 1;

  for (int axis = 0; axis < source->n_axes; ++axis) all *= source->size[axis];
  // All of it, whatever its size: as many as are to be filled, unless these go on without end
  if (H5Sget_select_type(s->space) == H5S_SEL_ALL)
    return (PetscBool)(n_filled < 0 || n_filled > INT64_MAX / 2 || all >= (hsize_t)n_filled);
  if (H5Sget_select_bounds(s->space, low, high) < 0) return PETSC_TRUE; // without end: as much as there is
  for (int axis = 0; axis < source->n_axes; ++axis)
    if (high[axis] >= source->size[axis] && high[axis] < (hsize_t)INT64_MAX) return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Looks at an open source's dataset. */
static void CheckSourceDataset(const Dataset *d, hid_t file, const char path[], const char name[], const Source *s,
                               BrenierGap *gap)
{
  Dataset    source;
  BrenierGap inner = {0};

  if (!OpenDataset(file, path, name, d->level + 1, &source)) {
    SetGap(gap, BRENIER_EXIT_INPUT, s->rows.first, s->rows.end - 1, PETSC_TRUE,
           "the source of this virtual dataset, %s, has no dataset %s; make it again", path, name);
    return;
  }
  if (!IsLargeEnough(&source, s)) {
    SetGap(gap, BRENIER_EXIT_INPUT, s->rows.first, s->rows.end - 1, PETSC_FALSE,
           "the source of this virtual dataset, %s:%s, is smaller than what is wanted of it; make it again", path,
           name);
  } else CheckDataset(&source, &inner);
  CloseDataset(&source);
  if (!inner.found) return;
  gap->is_inner = PETSC_TRUE;
  SetGap(gap, inner.kind, s->rows.first, s->rows.end - 1, inner.readable,
         "the source of this virtual dataset, %s:%s, lacks its rows %" PetscInt64_FMT " to %" PetscInt64_FMT ": %s",
         path, name, inner.first, inner.last, inner.why);
}

/* Checks one source; `block` replaces %b in its name. */
static void CheckSource(const Dataset *d, const Source *s, hsize_t block, BrenierGap *gap)
{
  char         file_name[PETSC_MAX_PATH_LEN], name[1024], path[PETSC_MAX_PATH_LEN] = "";
  BrenierFault fault = {0};
  hid_t        file;

  NumberName(s->file, block, sizeof file_name, file_name);
  NumberName(s->name, block, sizeof name, name);
  if (!strcmp(file_name, ".")) { // the dataset's own
    CheckSourceDataset(d, d->file, d->path, name, s, gap);
    return;
  }
  file = OpenSourceFile(d, file_name, path, &fault);
  if (file < 0 || fault.kind) {
    if (fault.kind)
      SetGap(gap, BRENIER_EXIT_IO, s->rows.first, s->rows.end - 1, (PetscBool)(file < 0),
             "the source of this virtual dataset: %s", fault.sentence);
    else
      SetGap(gap, BRENIER_EXIT_IO, s->rows.first, s->rows.end - 1, PETSC_TRUE,
             "the source of this virtual dataset, %s, is missing or cannot be read; bring it back, or set "
             "HDF5_VDS_PREFIX to its folder",
             file_name);
  } else CheckSourceDataset(d, file, path, name, s, gap);
  if (file >= 0) H5Fclose(file);
}

/* Checks all files of a source with %b in its name: one for each block of rows. */
static void CheckNumbered(const Dataset *d, Source *s, BrenierGap *gap)
{
  hsize_t start[H5S_MAX_RANK], stride[H5S_MAX_RANK], count[H5S_MAX_RANK], block[H5S_MAX_RANK];
  int     axis = 0;

  if (H5Sis_regular_hyperslab(s->target) <= 0 || H5Sget_regular_hyperslab(s->target, start, stride, count, block) < 0)
    return;
  while (axis < d->n_axes - 1 && count[axis] != H5S_UNLIMITED) ++axis;
  for (hsize_t b = 0; start[axis] + b * stride[axis] < d->size[axis] && !gap->found; ++b) {
    const hsize_t first = start[axis] + b * stride[axis];

    if (axis == 0) s->rows = (Span){first, PetscMin(first + block[axis], d->size[0])};
    CheckSource(d, s, b, gap);
  }
}

static int CompareSpans(const void *a, const void *b)
{
  const hsize_t x = ((const Span *)a)->first, y = ((const Span *)b)->first;

  return (x > y) - (x < y);
}

/* Looks for rows that no source fills, or not all of: `filled` is the number of elements that are. */
static void FindUnmapped(const Dataset *d, size_t n, Span *span, hsize_t filled, BrenierGap *gap)
{
  hsize_t all = 1, end = 0;
  size_t  i = 0;

  for (int axis = 0; axis < d->n_axes; ++axis) all *= d->size[axis];
  qsort(span, n, sizeof *span, CompareSpans);
  for (; i < n && span[i].first <= end; ++i) end = PetscMax(end, span[i].end);
  if (end < d->size[0])
    SetGap(gap, BRENIER_EXIT_INPUT, end, (i < n ? span[i].first : d->size[0]) - 1, PETSC_TRUE,
           "no source of this virtual dataset fills them; make it again");
  else if (filled < all)
    SetGap(gap, BRENIER_EXIT_INPUT, 0, d->size[0] - 1, PETSC_TRUE,
           "no source of this virtual dataset fills a part of them; make it again");
}

static void CheckVirtual(const Dataset *d, BrenierGap *gap)
{
  size_t  n      = 0;
  hsize_t filled = 0;
  Span   *span;

  if (H5Pget_virtual_count(d->creation, &n) < 0 || !(span = malloc((n + 1) * sizeof *span))) return;
  for (size_t i = 0; i < n && !gap->found; ++i) {
    Source s;

    span[i] = (Span){0, 0};
    if (!GetSource(d, i, &s)) continue;
    span[i] = s.rows;
    if (s.rows.end > s.rows.first && (strstr(s.file, "%b") || strstr(s.name, "%b"))) CheckNumbered(d, &s, gap);
    else if (s.rows.end > s.rows.first) CheckSource(d, &s, 0, gap);
    // A selection without end has a huge number of elements or none at all; then rows alone are compared
    filled += H5Sget_select_npoints(s.target) > 0 ? (hsize_t)H5Sget_select_npoints(s.target) : (hsize_t)INT64_MAX / 2;
    filled = PetscMin(filled, (hsize_t)INT64_MAX / 2);
    CloseSource(&s);
  }
  if (!gap->found) FindUnmapped(d, n, span, filled, gap);
  free(span);
}

static void CheckDataset(const Dataset *d, BrenierGap *gap)
{
  if (d->level > DEEPEST_VIRTUAL || d->n_axes < 1 || !d->size[0] || !d->row_bytes) return;
  switch (H5Pget_layout(d->creation)) {
  case H5D_CONTIGUOUS:
    if (H5Pget_external_count(d->creation) > 0) CheckExternal(d, gap);
    else CheckContiguous(d, gap);
    break;
  case H5D_CHUNKED:
    CheckChunks(d, gap);
    break;
  case H5D_VIRTUAL:
    CheckVirtual(d, gap);
    break;
  default:
    break; // compact: kept with the dataset's description
  }
}

void BrenierHdf5FindGap(const BrenierArrayFile *file, BrenierGap *gap)
{
  const hid_t opened = BrenierHdf5Open(file->file);
  Dataset     d;

  if (opened < 0) return;
  if (OpenDataset(opened, file->file, file->dataset, 0, &d)) {
    CheckDataset(&d, gap);
    CloseDataset(&d);
  }
  H5Fclose(opened);
}
