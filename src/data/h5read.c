/*
  h5read.c - Reads arrays from HDF5 files: finds the dataset that is meant, then its rows, converted by HDF5.

  Each rank reads with the serial driver: reading needs no agreement between ranks.
*/
#include "hdf5_tools.h"
#include "reader.h"

#include <brenier/compat.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shape of a dataset of numbers; n_axes = -1 when `name` is something else. */
typedef struct {
  int        n_axes;
  PetscInt64 shape[BRENIER_MAX_AXES];
} Extent;

/* Whether a type is one of numbers: floats, integers, enumerations (h5py's bool), and the bytes that PyTables keeps a
   bool in. */
static PetscBool IsNumber(hid_t type)
{
  const H5T_class_t class = H5Tget_class(type);

  return (PetscBool)(class == H5T_FLOAT || class == H5T_INTEGER || class == H5T_ENUM ||
                     (class == H5T_BITFIELD && H5Tget_size(type) == 1));
}

static Extent GetExtent(hid_t file, const char name[])
{
  Extent  extent = {.n_axes = -1};
  hsize_t size[H5S_MAX_RANK];
  hid_t   dataset, type, space;

  if (!BrenierHdf5HasDataset(file, name)) return extent;
  dataset = H5Dopen2(file, name, H5P_DEFAULT);
  type    = H5Dget_type(dataset);
  space   = H5Dget_space(dataset);
  if (IsNumber(type)) extent.n_axes = H5Sget_simple_extent_dims(space, size, NULL);
  for (int axis = 0; axis < extent.n_axes; ++axis)
    extent.shape[axis] = size[axis] > (hsize_t)INT64_MAX ? INT64_MAX : (PetscInt64)size[axis];
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(dataset);
  return extent;
}

/* ---- which dataset ---- */

/* Appends ", name [3, 4]" to the list of what a file holds, as far as there is room. */
static void AppendDescription(size_t length, char list[], const char name[], const Extent *extent)
{
  size_t used = strlen(list);

  used += (size_t)snprintf(list + used, length - used, "%s%s [", used ? ", " : "", name);
  for (int axis = 0; axis < extent->n_axes && used < length; ++axis)
    used += (size_t)snprintf(list + used, length - used, "%s%" PetscInt64_FMT, axis ? ", " : "", extent->shape[axis]);
  if (used < length) snprintf(list + used, length - used, "]");
}

/* Datasets of a file that suit a role. */
typedef struct {
  BrenierArrayRole role;
  char             list[512];
} Suited;

/* Adds a dataset anywhere in the file to the list, if it suits; MATLAB's inner groups begin with #. */
static herr_t ListSuited(hid_t file, const char name[], const H5O_info_t *info, void *context)
{
  Suited *suited = (Suited *)context;
  char    place[256];
  Extent  extent;

  if (info->type != H5O_TYPE_DATASET || name[0] == '#' || strlen(name) + 2 > sizeof place) return 0;
  snprintf(place, sizeof place, "/%s", name);
  extent = GetExtent(file, place);
  if (extent.n_axes >= 0 && BrenierAxesSuit(suited->role, extent.n_axes, extent.shape) && extent.shape[0] > 0)
    AppendDescription(sizeof suited->list, suited->list, place, &extent);
  return strlen(suited->list) + 1 < sizeof suited->list ? 0 : 1;
}

/* The list of what could be read in a role, from all of the file; "" for nothing. */
static Suited FindSuited(hid_t opened, BrenierArrayRole role)
{
  Suited suited = {role, ""};

  (void)H5Ovisit(opened, H5_INDEX_NAME, H5_ITER_INC, ListSuited, &suited);
  return suited;
}

/* Looks through the root group for the only dataset that suits `role`. */
static void FindDataset(BrenierArrayFile *file, hid_t opened, BrenierArrayRole role, BrenierFault *fault)
{
  H5G_info_t group;
  Suited     suited;
  char       list[512] = "";
  int        n_suited  = 0;

  if (H5Gget_info(opened, &group) < 0) group.nlinks = 0;
  for (hsize_t i = 0; i < group.nlinks; ++i) {
    char   name[256] = "/";
    Extent extent;

    if (H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, i, name + 1, sizeof name - 1, H5P_DEFAULT) < 0)
      continue;
    extent = GetExtent(opened, name);
    if (extent.n_axes < 0) continue;
    AppendDescription(sizeof list, list, name, &extent);
    if (BrenierAxesSuit(role, extent.n_axes, extent.shape)) {
      ++n_suited;
      snprintf(file->dataset, sizeof file->dataset, "%s", name);
    }
  }
  if (n_suited == 1) return;
  suited = FindSuited(opened, role);
  if (n_suited == 0 && suited.list[0]) strcpy(list, suited.list);
  BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: which dataset is meant? Write %s:/NAME; the file holds %s",
                  file->where, file->file, list[0] ? list : "no dataset of numbers");
}

/* ---- what is wrong with it ---- */

/* A group where a dataset is wanted: AnnData and MATLAB keep sparse matrices in one. */
static void RefuseGroup(const BrenierArrayFile *file, hid_t group, const char readable[], BrenierFault *fault)
{
  char           *encoding = BrenierHdf5GetText(group, "encoding-type");
  const PetscBool sparse =
      (PetscBool)((encoding && (!strncmp(encoding, "csr", 3) || !strncmp(encoding, "csc", 3))) ||
                  H5Aexists(group, "MATLAB_sparse") > 0 || H5Aexists(group, "h5sparse_format") > 0);

  BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: %s is a group%s%s%s, not a dataset; %s%s", file->where, file->dataset,
                  sparse ? " that holds a sparse matrix" : "", encoding ? " of type " : "", encoding ? encoding : "",
                  readable[0] ? "the file holds " : "write a dense array", readable);
  free(encoding);
}

/* Where a link leads that cannot be followed; false when `name` is none. */
static PetscBool FollowLink(hid_t file, const char name[], size_t length, char target[])
{
  H5L_info_t  info;
  char        value[PETSC_MAX_PATH_LEN] = "";
  const char *inside, *path;
  unsigned    flags;

  if (H5Lget_info(file, name, &info, H5P_DEFAULT) < 0 || info.type == H5L_TYPE_HARD) return PETSC_FALSE;
  if (info.u.val_size > sizeof value || H5Lget_val(file, name, value, sizeof value, H5P_DEFAULT) < 0)
    return PETSC_FALSE;
  if (info.type == H5L_TYPE_SOFT) snprintf(target, length, "%s", value);
  else if (info.type == H5L_TYPE_EXTERNAL && H5Lunpack_elink_val(value, info.u.val_size, &flags, &path, &inside) >= 0)
    snprintf(target, length, "%s:%s", path, inside);
  else return PETSC_FALSE;
  return PETSC_TRUE;
}

/* Describes the object at a path where a dataset was expected. */
static void RefuseObject(const BrenierArrayFile *file, hid_t opened, BrenierArrayRole role, BrenierFault *fault)
{
  const Suited suited = FindSuited(opened, role);
  const hid_t  object = H5Oopen(opened, file->dataset, H5P_DEFAULT);
  char         target[300];

  if (object >= 0 && H5Iget_type(object) == H5I_GROUP) RefuseGroup(file, object, suited.list, fault);
  else if (FollowLink(opened, file->dataset, sizeof target, target))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: %s is a link to %s, which cannot be opened; bring that back",
                    file->where, file->dataset, target);
  else
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: there is no dataset %s in the file; %s%s", file->where,
                    file->dataset, suited.list[0] ? "it holds " : "h5ls -r lists what there is", suited.list);
  if (object >= 0) H5Oclose(object);
}

/* MATLAB marks what it writes: text is kept as numbers, an empty array as its sizes, and columns become rows. */
static void CheckMatlab(BrenierArrayFile *file, hid_t dataset, const Extent *extent, BrenierFault *fault)
{
  char *class = BrenierHdf5GetText(dataset, "MATLAB_class");

  if (class && H5Aexists(dataset, "MATLAB_empty") > 0)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: %s is an empty array of MATLAB's; save one with rows", file->where,
                    file->dataset);
  else if (class && !strcmp(class, "char"))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: %s holds text of MATLAB's, not real numbers", file->where,
                    file->dataset);
  else if (class && extent->n_axes == 2)
    snprintf(file->notice, sizeof file->notice,
             "%s: MATLAB stores arrays transposed, so the rows here are its columns: %" PetscInt64_FMT
             " rows of %" PetscInt64_FMT " numbers",
             file->where, extent->shape[0], extent->shape[1]);
  free(class);
}

/* ---- inspection ---- */

static PetscBool HasChecksum(hid_t file, const char name[])
{
  return (PetscBool)(H5Aexists_by_name(file, name, "xxh3", H5P_DEFAULT) > 0 && H5Aexists(file, "format") > 0);
}

/* Bits of a float's significand, up to those of a double, which it is read as. */
static int DigitsOf(hid_t type)
{
  size_t    sign, exponent_at, exponent_bits, fraction_at, fraction_bits = 0;
  const int most = 53, hidden = H5Tget_norm(type) == H5T_NORM_IMPLIED;

  H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &fraction_at, &fraction_bits);
  return (int)PetscMin(fraction_bits + (size_t)hidden, (size_t)most);
}

/* Kind and precision of the numbers. */
static void SetNumber(BrenierArrayFile *file, hid_t type)
{
  const H5T_class_t class = H5Tget_class(type);
  hid_t base;

  file->item_bytes = (int)H5Tget_size(type);
  file->digits     = class == H5T_FLOAT ? DigitsOf(type) : 64;
  if (class == H5T_FLOAT) file->number = BRENIER_NUMBER_FLOAT;
  else if (class == H5T_BITFIELD) file->number = BRENIER_NUMBER_BOOL;
  else {
    base         = class == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
    file->number = H5Tget_sign(base) == H5T_SGN_NONE ? BRENIER_NUMBER_UNSIGNED : BRENIER_NUMBER_SIGNED;
    H5Tclose(base);
  }
}

/* The value of elements that were never written; zero unless the dataset says otherwise. */
static PetscReal GetFill(hid_t dataset)
{
  const hid_t      creation = H5Dget_create_plist(dataset);
  PetscReal        fill     = 0.0;
  H5D_fill_value_t defined;

  if (H5Pfill_value_defined(creation, &defined) < 0 || defined != H5D_FILL_VALUE_USER_DEFINED ||
      H5Pget_fill_value(creation, H5T_NATIVE_DOUBLE, &fill) < 0)
    fill = 0.0;
  H5Pclose(creation);
  return fill;
}

static void InspectNumbers(BrenierArrayFile *file, hid_t opened, const Extent *extent, BrenierFault *fault)
{
  const hid_t dataset = H5Dopen2(opened, file->dataset, H5P_DEFAULT);
  const hid_t type    = H5Dget_type(dataset);

  if (extent->n_axes < 0)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: dataset %s does not hold real numbers but %s", file->where,
                    file->dataset, BrenierHdf5DescribeType(type));
  else {
    CheckMatlab(file, dataset, extent, fault);
    SetNumber(file, type);
    file->fill = GetFill(dataset);
  }
  H5Tclose(type);
  H5Dclose(dataset);
}

static void InspectDataset(BrenierArrayFile *file, hid_t opened, BrenierArrayRole role, BrenierFault *fault)
{
  const Extent extent = GetExtent(opened, file->dataset);

  if (!BrenierHdf5HasDataset(opened, file->dataset)) {
    RefuseObject(file, opened, role, fault);
    return;
  }
  InspectNumbers(file, opened, &extent, fault);
  file->has_checksum = HasChecksum(opened, file->dataset);
  file->n_axes       = extent.n_axes;
  memcpy(file->shape, extent.shape, sizeof file->shape);
}

void BrenierHdf5Inspect(BrenierArrayFile *file, BrenierArrayRole role, BrenierFault *fault)
{
  const hid_t opened = BrenierHdf5Open(file->file);

  if (opened < 0) {
    BrenierHdf5ExplainUnopened(file->where, file->file, fault);
    return;
  }
  if (!file->dataset[0]) FindDataset(file, opened, role, fault);
  if (!fault->kind) InspectDataset(file, opened, role, fault);
  H5Fclose(opened);
}

/* ---- rows ---- */

/* Reads bytes that HDF5 takes for bits, and does not convert: not zero is true. */
static herr_t ReadBools(hid_t dataset, PetscInt64 first, PetscInt64 n, PetscInt dim, BrenierMemory memory, void *rows)
{
  const size_t   n_values = (size_t)n * (size_t)dim;
  unsigned char *byte     = malloc(n_values);
  herr_t         failed   = byte ? BrenierHdf5ReadRows(dataset, H5T_NATIVE_B8, (hsize_t)first, (hsize_t)n, byte) : -1;

  for (size_t i = 0; i < n_values && failed >= 0; ++i) {
    if (memory == BRENIER_AS_REAL) ((PetscReal *)rows)[i] = byte[i] ? 1.0 : 0.0;
    else ((int64_t *)rows)[i] = byte[i] != 0;
  }
  free(byte);
  return failed;
}

static herr_t ReadNumbers(const BrenierArrayFile *file, hid_t dataset, PetscInt64 first, PetscInt64 n, PetscInt dim,
                          BrenierMemory memory, void *rows)
{
  hid_t type = H5T_NATIVE_DOUBLE;

  if (file->number == BRENIER_NUMBER_BOOL) return ReadBools(dataset, first, n, dim, memory, rows);
  if (memory == BRENIER_AS_SINGLE) type = H5T_NATIVE_FLOAT;
  if (memory == BRENIER_AS_WHOLE) type = file->number == BRENIER_NUMBER_UNSIGNED ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
  return BrenierHdf5ReadRows(dataset, type, (hsize_t)first, (hsize_t)n, rows);
}

void BrenierHdf5ReadArray(const BrenierArrayFile *file, PetscInt64 first, PetscInt64 n_local, PetscInt dim,
                          BrenierMemory memory, void *rows, BrenierFault *fault)
{
  const hid_t opened  = BrenierHdf5Open(file->file);
  const hid_t dataset = opened < 0 ? -1 : H5Dopen2(opened, file->dataset, H5P_DEFAULT);
  char        lacking[256];

  if (dataset < 0) BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open on every rank", file->where);
  else if (ReadNumbers(file, dataset, first, n_local, dim, memory, rows) < 0) {
    BrenierHdf5ListLacking(dataset, sizeof lacking, lacking);
    if (lacking[0])
      BrenierFaultSet(fault, BRENIER_EXIT_IO,
                      "%s: %s is packed by a filter that this HDF5 lacks: %s; repack the file where it can be read "
                      "(h5repack -f GZIP=4 IN OUT), or set HDF5_PLUGIN_PATH to the folder of its plugin",
                      file->where, file->dataset, lacking);
    else
      BrenierFaultSet(fault, BRENIER_EXIT_IO,
                      "%s: HDF5 cannot read rows %" PetscInt64_FMT " to %" PetscInt64_FMT
                      " of %s: damaged; copy or make it again",
                      file->where, first, first + n_local - 1, file->dataset);
  }
  if (dataset >= 0) H5Dclose(dataset);
  if (opened >= 0) H5Fclose(opened);
}
