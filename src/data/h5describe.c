/* h5describe.c - Describes why an HDF5 file or dataset cannot be read, in a sentence. */
#define _POSIX_C_SOURCE 200809L
#include "file_state.h"
#include "hdf5_tools.h"
#include "reader.h"

#include <brenier/compat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

/* Of a superblock: signature, version, then since version 2 sizes of offsets and lengths, and flags. */
enum { SIGNATURE_BYTES = 8, VERSION_AT = 8, FLAGS_AT = 11, SUPERBLOCK_BYTES = 12 };

/* A flag since version 3; the latest version that HDF5 1.10 reads, and the last that is no mere damage. */
enum { OPEN_FOR_WRITING = 1, LATEST_VERSION = 3, THINKABLE_VERSION = 9 };

/* The first bytes of a superblock, which is at 0, 512 or a power of two beyond; returns where, or -1. */
static PetscInt64 ReadSuperblock(const char path[], unsigned char block[SUPERBLOCK_BYTES])
{
  static const char signature[]   = "\x89HDF\r\n\x1a\n";
  const PetscInt64  smallest_user = 512;
  const int         descriptor    = open(path, O_RDONLY | O_CLOEXEC);
  PetscInt64        at            = 0;

  memset(block, 0, SUPERBLOCK_BYTES);
  while (descriptor >= 0 && at >= 0) {
    if (!BrenierReadAt(descriptor, block, SIGNATURE_BYTES, at)) at = -1;
    else if (!memcmp(block, signature, SIGNATURE_BYTES)) break;
    else at = at ? 2 * at : smallest_user;
  }
  if (descriptor >= 0 && at >= 0) (void)BrenierReadAt(descriptor, block, SUPERBLOCK_BYTES, at);
  if (descriptor >= 0) close(descriptor);
  return descriptor < 0 ? -1 : at;
}

PetscInt64 BrenierHdf5Start(const char path[])
{
  unsigned char block[SUPERBLOCK_BYTES];

  return ReadSuperblock(path, block);
}

void BrenierHdf5ExplainUnopened(const char where[], const char file[], BrenierFault *fault)
{
  unsigned char block[SUPERBLOCK_BYTES];
  char          who[128];

  if (ReadSuperblock(file, block) < 0) BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: not an HDF5 file", where);
  else if (BrenierFindWriter(file, sizeof who, who))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s has it open for writing; wait until it is closed there", where,
                    who);
  else if (block[VERSION_AT] > LATEST_VERSION && block[VERSION_AT] <= THINKABLE_VERSION)
    BrenierFaultSet(
        fault, BRENIER_EXIT_INPUT,
        "%s: written in a format of HDF5 (superblock version %d) newer than this program's; write it with an "
        "earlier libver",
        where, block[VERSION_AT]);
  else if (block[VERSION_AT] == LATEST_VERSION && block[FLAGS_AT] & OPEN_FOR_WRITING)
    BrenierFaultSet(
        fault, BRENIER_EXIT_IO,
        "%s: was never closed by the program that wrote it, which is still at work elsewhere or ended early; "
        "when it has ended, 'h5clear -s' on the file makes it readable as far as it was written",
        where);
  else BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: truncated or damaged HDF5 file; copy or make it again", where);
}

/* ---- filters ---- */

/* Filters that come as plugins, by the registry of the HDF Group. */
static const struct {
  int         id;
  const char *name;
} brenier_filters[] = {
    {H5Z_FILTER_SZIP, "szip"},
    {305, "LZO"},
    {307, "bzip2"},
    {32000, "lzf"},
    {32001, "blosc"},
    {32002, "MAFISC"},
    {32003, "Snappy"},
    {32004, "lz4"},
    {32006, "CBF"},
    {32007, "JPEG-XR"},
    {32008, "bitshuffle"},
    {32009, "SPDP"},
    {32010, "LPC-Rice"},
    {32011, "CCSDS-123"},
    {32012, "JPEG-LS"},
    {32013, "zfp"},
    {32014, "fpzip"},
    {32015, "zstd"},
    {32016, "B3D"},
    {32017, "SZ"},
    {32018, "FCIDECOMP"},
    {32019, "JPEG"},
    {32020, "VBZ"},
    {32021, "FAPEC"},
    {32022, "BitGroom"},
    {32023, "BitRound"},
    {32024, "SZ3"},
    {32025, "Delta-Rice"},
    {32026, "blosc2"},
    {32027, "FLAC"},
};

/* The registry's name, else the one that the file keeps. */
static const char *NameOfFilter(H5Z_filter_t id, const char in_file[])
{
  for (size_t i = 0; i < sizeof brenier_filters / sizeof brenier_filters[0]; ++i)
    if (brenier_filters[i].id == id) return brenier_filters[i].name;
  return in_file[0] ? in_file : "filter";
}

void BrenierHdf5ListLacking(hid_t dataset, size_t length, char list[])
{
  const hid_t creation = H5Dget_create_plist(dataset);
  const int   n        = H5Pget_nfilters(creation);
  size_t      used     = 0;

  list[0] = '\0';
  for (int i = 0; i < n; ++i) {
    char               name[64]  = "";
    size_t             n_numbers = 0;
    unsigned           flags;
    const H5Z_filter_t id =
        H5Pget_filter2(creation, (unsigned)i, &flags, &n_numbers, NULL, sizeof name - 1, name, NULL);

    if (id < 0 || H5Zfilter_avail(id) > 0 || used >= length) continue;
    used += (size_t)snprintf(list + used, length - used, "%s%s (%d)", used ? ", " : "", NameOfFilter(id, name), id);
  }
  H5Pclose(creation);
}

/* ---- types ---- */

/* Whether a compound is a real and an imaginary part, as h5py, PyTables and MATLAB write them. */
static PetscBool IsComplex(hid_t type)
{
  char     *member;
  PetscBool found;

  if (H5Tget_nmembers(type) != 2) return PETSC_FALSE;
  member = H5Tget_member_name(type, 1);
  found  = (PetscBool)(member && member[0] == 'i' && H5Tget_member_class(type, 1) == H5T_FLOAT);
  H5free_memory(member);
  return found;
}

const char *BrenierHdf5DescribeType(hid_t type)
{
  switch (H5Tget_class(type)) {
  case H5T_COMPOUND:
    return IsComplex(type) ? "complex numbers; write their real and imaginary parts as columns"
                           : "records (a compound type, a table); write their fields as the columns of an array";
  case H5T_STRING:
    return "text";
  case H5T_REFERENCE:
    return "references to other objects; name the dataset they lead to";
  case H5T_ARRAY:
    return "an array in each element; write it as a dataset with one axis more";
  case H5T_VLEN:
    return "rows of different lengths; write rows of one length";
  default:
    return "bits or bytes of no number type";
  }
}
