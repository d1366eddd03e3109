/* hdf5_tools.c - Implements hdf5_tools.h. */
#define _GNU_SOURCE /* memfd_create() */
#include "hdf5_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

hid_t BrenierHdf5Creation(hid_t class)
{
  const unsigned all_in_header = 65535, back_to_header = 65534;
  const hid_t    creation = H5Pcreate(class);

  H5Pset_obj_track_times(creation, 0);
  H5Pset_attr_phase_change(creation, all_in_header, back_to_header);
  return creation;
}

static hid_t FileAccess(H5F_close_degree_t degree)
{
  hid_t access;

  // Before HDF5 starts: the sources of virtual datasets are opened without our settings, and where locks fail read as
  // zeros
  (void)setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  access = H5Pcreate(H5P_FILE_ACCESS);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5Pset_fclose_degree(access, degree);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_file_locking(access, 0, 1);
  return access;
}

hid_t BrenierHdf5Open(const char path[])
{
  // Weak, as HDF5 opens the sources of a virtual dataset: it does not open a file twice in two ways, and takes zeros
  // instead
  const hid_t access = FileAccess(H5F_CLOSE_WEAK);
  const hid_t file   = H5Fopen(path, H5F_ACC_RDONLY, access);

  H5Pclose(access);
  return file;
}

/* Keeps all metadata in memory until a flush: BrenierHdf5Discard() must be able to close without reading the file. */
static void SetMetadataCache(hid_t access)
{
  H5AC_cache_config_t config = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};

  H5Pget_mdc_config(access, &config);
  config.evictions_enabled = 0;
  config.incr_mode         = H5C_incr__off;
  config.flash_incr_mode   = H5C_flash_incr__off;
  config.decr_mode         = H5C_decr__off;
  H5Pset_mdc_config(access, &config);
}

hid_t BrenierHdf5Create(const char path[])
{
  const hid_t access   = FileAccess(H5F_CLOSE_STRONG);
  const hid_t creation = BrenierHdf5Creation(H5P_FILE_CREATE);
  hid_t       file;

  SetMetadataCache(access);
  file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  H5Pclose(creation);
  H5Pclose(access);
  return file;
}

/* The descriptor of the serial driver; negative when there is none. */
static int Descriptor(hid_t file)
{
  void *handle = NULL;

  return H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 || !handle ? -1 : *(int *)handle;
}

/* Has the file system reserve what the file may grow to; false with errno set when it has not got that much. */
static PetscBool ReserveAll(hid_t file, int descriptor)
{
  hsize_t size     = 0;
  size_t  metadata = 0;

  // Some metadata, all of it in memory, gets its place in the file during the flush only
  if (H5Fget_filesize(file, &size) < 0 || H5Fget_mdc_size(file, NULL, NULL, &metadata, NULL) < 0) return PETSC_FALSE;
  errno = posix_fallocate(descriptor, 0, (off_t)(size + metadata));
  return (PetscBool)(errno != ENOSPC && errno != EDQUOT && errno != EFBIG);
}

herr_t BrenierHdf5Sync(hid_t file)
{
  const int descriptor = Descriptor(file);
  hsize_t   size;

  if (descriptor < 0 || !ReserveAll(file, descriptor) || H5Fflush(file, H5F_SCOPE_LOCAL) < 0) return -1;
  if (H5Fget_filesize(file, &size) < 0 || ftruncate(descriptor, (off_t)size)) return -1;
  return fsync(descriptor) ? -1 : 0;
}

void BrenierHdf5Redirect(hid_t file)
{
  const int descriptor = Descriptor(file);
  const int memory     = memfd_create("brenier-discarded", MFD_CLOEXEC);

  if (descriptor >= 0 && memory >= 0) (void)dup2(memory, descriptor);
  if (memory >= 0) close(memory);
}

/* Makes one group unless it is there. */
static herr_t MakeGroup(hid_t file, const char name[])
{
  const htri_t there = H5Lexists(file, name, H5P_DEFAULT);
  hid_t        creation, group;

  if (there) return there < 0 ? -1 : 0;
  creation = BrenierHdf5Creation(H5P_GROUP_CREATE);
  group    = H5Gcreate2(file, name, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Pclose(creation);
  return group < 0 ? -1 : H5Gclose(group);
}

herr_t BrenierHdf5MakeGroups(hid_t file, const char name[], PetscBool itself)
{
  // Not H5Pset_create_intermediate_group: groups made that way keep their time of creation
  for (const char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    char   parent[PETSC_MAX_PATH_LEN];
    size_t length = (size_t)(slash - name);

    if (length >= sizeof parent) return -1;
    memcpy(parent, name, length);
    parent[length] = '\0';
    if (MakeGroup(file, parent) < 0) return -1;
  }
  return itself ? MakeGroup(file, name) : 0;
}

PetscBool BrenierHdf5HasDataset(hid_t file, const char name[])
{
  const hid_t     object = H5Oopen(file, name, H5P_DEFAULT);
  const PetscBool is_set = (PetscBool)(object >= 0 && H5Iget_type(object) == H5I_DATASET);

  if (object >= 0) H5Oclose(object);
  return is_set;
}

hid_t BrenierHdf5Type(BrenierType type)
{
  switch (type) {
  case BRENIER_F4:
    return H5T_IEEE_F32LE;
  case BRENIER_F8:
    return H5T_IEEE_F64LE;
  case BRENIER_I4:
    return H5T_STD_I32LE;
  case BRENIER_U8:
    return H5T_STD_U64LE;
  default:
    return H5T_STD_I64LE;
  }
}

size_t BrenierTypeBytes(BrenierType type)
{
  return type == BRENIER_F4 || type == BRENIER_I4 ? 4 : 8;
}

/* The rows' places in the file and in memory. */
static herr_t SelectRows(hid_t dataset, hsize_t first, hsize_t n, hid_t *disk, hid_t *memory)
{
  hsize_t start[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK] = {0};
  int     n_axes;

  *disk   = H5Dget_space(dataset);
  n_axes  = H5Sget_simple_extent_dims(*disk, count, NULL);
  *memory = -1;
  if (n_axes < 1) return -1;
  start[0] = first;
  count[0] = n;
  *memory  = H5Screate_simple(n_axes, count, NULL);
  return H5Sselect_hyperslab(*disk, H5S_SELECT_SET, start, NULL, count, NULL);
}

/* Reads into `to`, or writes `from` when `to` is NULL. */
static herr_t MoveRows(hid_t dataset, hid_t memory, hsize_t first, hsize_t n, const void *from, void *to)
{
  hid_t  disk, rows;
  herr_t failed;

  if (n == 0) return 0;
  failed = SelectRows(dataset, first, n, &disk, &rows);
  if (failed >= 0)
    failed = to ? H5Dread(dataset, memory, rows, disk, H5P_DEFAULT, to)
                : H5Dwrite(dataset, memory, rows, disk, H5P_DEFAULT, from);
  if (disk >= 0) H5Sclose(disk);
  if (rows >= 0) H5Sclose(rows);
  return failed;
}

herr_t BrenierHdf5WriteRows(hid_t dataset, hid_t memory, hsize_t first, hsize_t n, const void *rows)
{
  return MoveRows(dataset, memory, first, n, rows, NULL);
}

herr_t BrenierHdf5ReadRows(hid_t dataset, hid_t memory, hsize_t first, hsize_t n, void *rows)
{
  return MoveRows(dataset, memory, first, n, NULL, rows);
}

herr_t BrenierHdf5SetScalar(hid_t object, const char name[], hid_t disk, hid_t memory, const void *value)
{
  const hid_t space = H5Screate(H5S_SCALAR);
  hid_t       attribute;
  herr_t      failed = -1;

  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  attribute = H5Acreate2(object, name, disk, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Sclose(space);
  if (attribute < 0) return -1;
  failed = H5Awrite(attribute, memory, value);
  return H5Aclose(attribute) < 0 ? -1 : failed;
}

herr_t BrenierHdf5SetText(hid_t object, const char name[], const char value[])
{
  const hid_t text = H5Tcopy(H5T_C_S1);
  herr_t      failed;

  H5Tset_size(text, strlen(value) + 1);
  H5Tset_cset(text, H5T_CSET_UTF8);
  failed = BrenierHdf5SetScalar(object, name, text, text, value);
  H5Tclose(text);
  return failed;
}

/* Reads an attribute of variable length; HDF5 allocates the text, the copy is ours. */
static char *ReadVariableText(hid_t attribute, hid_t type)
{
  char *inside = NULL, *copy = NULL;

  if (H5Aread(attribute, type, &inside) < 0 || !inside) return NULL;
  copy = strdup(inside);
  H5free_memory(inside);
  return copy;
}

static char *ReadFixedText(hid_t attribute, hid_t type)
{
  char *copy = (char *)calloc(H5Tget_size(type) + 1, 1);

  if (copy && H5Aread(attribute, type, copy) < 0) {
    free(copy);
    copy = NULL;
  }
  return copy;
}

char *BrenierHdf5GetText(hid_t object, const char name[])
{
  char *value = NULL;
  hid_t attribute, type, space;

  if (H5Aexists(object, name) <= 0) return NULL;
  attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0) return NULL;
  type  = H5Aget_type(attribute);
  space = H5Aget_space(attribute);
  if (H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1)
    value = H5Tis_variable_str(type) > 0 ? ReadVariableText(attribute, type) : ReadFixedText(attribute, type);
  H5Sclose(space);
  H5Tclose(type);
  H5Aclose(attribute);
  return value;
}
