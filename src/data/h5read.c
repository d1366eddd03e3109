/*
  h5read.c - Reads arrays from HDF5 files: finds the dataset that is meant, then its rows, converted to double by HDF5.

  Each rank reads with the serial driver: reading needs no agreement between ranks.
*/
#include "hdf5_tools.h"
#include "reader.h"

#include <brenier/compat.h>

#include <stdio.h>
#include <string.h>

/* Shape of a dataset of numbers; n_axes = -1 when `name` is something else. */
typedef struct {
  int        n_axes;
  PetscInt64 shape[BRENIER_MAX_AXES];
} Extent;

static Extent GetExtent(hid_t file, const char name[])
{
  Extent  extent = {.n_axes = -1};
  hsize_t size[H5S_MAX_RANK];
  hid_t   dataset, type, space;
  H5T_class_t class;

  if (!BrenierHdf5HasDataset(file, name)) return extent;
  dataset = H5Dopen2(file, name, H5P_DEFAULT);
  type    = H5Dget_type(dataset);
  space   = H5Dget_space(dataset);
  class   = H5Tget_class(type);
  if (class == H5T_FLOAT || class == H5T_INTEGER) extent.n_axes = H5Sget_simple_extent_dims(space, size, NULL);
  for (int axis = 0; axis < extent.n_axes; ++axis)
    extent.shape[axis] = size[axis] > (hsize_t)INT64_MAX ? INT64_MAX : (PetscInt64)size[axis];
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(dataset);
  return extent;
}

/* Appends ", name [3, 4]" to the list of what a file holds, as far as there is room. */
static void AppendDescription(size_t length, char list[], const char name[], const Extent *extent)
{
  size_t used = strlen(list);

  used += (size_t)snprintf(list + used, length - used, "%s%s [", used ? ", " : "", name);
  for (int axis = 0; axis < extent->n_axes && used < length; ++axis)
    used += (size_t)snprintf(list + used, length - used, "%s%" PetscInt64_FMT, axis ? ", " : "", extent->shape[axis]);
  if (used < length) snprintf(list + used, length - used, "]");
}

/* Looks through the root group for the only dataset that suits `role`. */
static void FindDataset(BrenierArrayFile *file, hid_t opened, BrenierArrayRole role, BrenierFault *fault)
{
  H5G_info_t group;
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
  if (n_suited != 1)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: which dataset is meant? Write %s:/NAME; the file holds %s",
                    file->where, file->where, list[0] ? list : "no dataset of numbers in its root group");
}

static PetscBool HasChecksum(hid_t file, const char name[])
{
  return (PetscBool)(H5Aexists_by_name(file, name, "xxh3", H5P_DEFAULT) > 0 && H5Aexists(file, "format") > 0);
}

static void InspectDataset(BrenierArrayFile *file, hid_t opened, BrenierFault *fault)
{
  const Extent extent = GetExtent(opened, file->dataset);

  if (!BrenierHdf5HasDataset(opened, file->dataset))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: there is no dataset %s in the file; h5ls -r lists what there is",
                    file->where, file->dataset);
  else if (extent.n_axes < 0)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: dataset %s does not hold real numbers", file->where, file->dataset);
  file->has_checksum = HasChecksum(opened, file->dataset);
  file->n_axes       = extent.n_axes;
  memcpy(file->shape, extent.shape, sizeof file->shape);
}

void BrenierHdf5Inspect(BrenierArrayFile *file, BrenierArrayRole role, BrenierFault *fault)
{
  const hid_t opened = BrenierHdf5Open(file->file);

  if (opened < 0) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: truncated or damaged HDF5 file; copy or make it again",
                    file->where);
    return;
  }
  if (!file->dataset[0]) FindDataset(file, opened, role, fault);
  if (!fault->kind) InspectDataset(file, opened, fault);
  H5Fclose(opened);
}

void BrenierHdf5ReadArray(const BrenierArrayFile *file, PetscInt64 first, PetscInt64 n_local, PetscReal value[],
                          BrenierFault *fault)
{
  const hid_t opened  = BrenierHdf5Open(file->file);
  const hid_t dataset = opened < 0 ? -1 : H5Dopen2(opened, file->dataset, H5P_DEFAULT);

  if (dataset < 0) BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open on every rank", file->where);
  else if (BrenierHdf5ReadRows(dataset, H5T_NATIVE_DOUBLE, (hsize_t)first, (hsize_t)n_local, value) < 0)
    BrenierFaultSet(fault, BRENIER_EXIT_IO,
                    "%s: HDF5 cannot read rows %" PetscInt64_FMT " to %" PetscInt64_FMT
                    " of %s: damaged, or packed by a filter this HDF5 lacks",
                    file->where, first, first + n_local - 1, file->dataset);
  if (dataset >= 0) H5Dclose(dataset);
  if (opened >= 0) H5Fclose(opened);
}
