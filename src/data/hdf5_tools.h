/*
  hdf5_tools.h - Private to src/data: the few HDF5 calls that readers and stores share, with this project's settings.

  Serial driver, no file locking (it fails on some NFS and Lustre), no object times, file format of HDF5 1.10, whose
  object headers carry checksums. Not collective. A negative result is a failure, as in HDF5.
*/
#pragma once

#include <brenier/error.h>
#include <brenier/store.h>

#include <hdf5.h>

/* Open for reading, or make anew. Both switch off HDF5's own printing of errors: the caller says it in one sentence. */
hid_t BrenierHdf5Open(const char path[]);
hid_t BrenierHdf5Create(const char path[]);

/*
  Creation properties of a file, group or dataset: no times, so that the same content gives the same bytes; all
  attributes in the object header, which has a checksum (from 9 on, HDF5 would move them to a heap that has none).
*/
hid_t BrenierHdf5Creation(hid_t class);

/*
  Flushes and syncs. The space is reserved first: when a flush of HDF5 meets a full disk, the file cannot be closed any
  more and the library crashes at the end of the program. After a failure: BrenierHdf5Redirect().
*/
herr_t BrenierHdf5Sync(hid_t file);

/* Redirects further writes of HDF5 to a file into memory, so that a file that is to be removed can be closed. */
void BrenierHdf5Redirect(hid_t file);

/* Makes the groups above `name`, and `name` itself when `itself`. */
herr_t BrenierHdf5MakeGroups(hid_t file, const char name[], PetscBool itself);

/* Whether there is a dataset of this name; its groups may be missing as well. */
PetscBool BrenierHdf5HasDataset(hid_t file, const char name[]);

/* Element types; the same on disk and in memory, hosts being little endian. Not to be closed. */
hid_t  BrenierHdf5Type(BrenierType type);
size_t BrenierTypeBytes(BrenierType type);

/* Rows [first, first + n) of a dataset to or from memory of type `memory`. */
herr_t BrenierHdf5WriteRows(hid_t dataset, hid_t memory, hsize_t first, hsize_t n, const void *rows);
herr_t BrenierHdf5ReadRows(hid_t dataset, hid_t memory, hsize_t first, hsize_t n, void *rows);

/* Notes in one sentence why HDF5 does not open `file`, which `where` names for messages: another program writes to it,
   nobody ever closed it, it is none, or damaged. */
void BrenierHdf5ExplainUnopened(const char where[], const char file[], BrenierFault *fault);

/* Where an HDF5 file begins, behind a user block if it has one; -1 when it is none. */
PetscInt64 BrenierHdf5Start(const char path[]);

/* The filters that a dataset was packed by and that HDF5 has not got here: "blosc (32001)"; "" for none. */
void BrenierHdf5ListLacking(hid_t dataset, size_t length, char list[]);

/* What the elements of a dataset are that holds no numbers, and what to do about it. */
const char *BrenierHdf5DescribeType(hid_t type);

/*
  Attributes: an older one of the name is replaced. Texts are UTF-8 of fixed length: they stay in the object header,
  which has a checksum; a damaged heap of texts of variable length makes HDF5 1.10 return other texts, or hang.
*/
herr_t BrenierHdf5SetScalar(hid_t object, const char name[], hid_t disk, hid_t memory, const void *value);
herr_t BrenierHdf5SetText(hid_t object, const char name[], const char value[]);

/* A text attribute of fixed or variable length, as a copy to be freed with free(); NULL when there is none. */
char *BrenierHdf5GetText(hid_t object, const char name[]);
