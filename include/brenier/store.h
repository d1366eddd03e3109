/*
  store.h - HDF5 files that are either whole or not there.

  Writing: a store is written under a unique temporary name beside its final one, by rank 0 alone with HDF5's serial
  driver (parallel collective writes report success on a full disk); rows of the other ranks come to it in slabs of
  bounded size. Commit closes, reopens and verifies the checksum (XXH3-64) of every dataset, fsyncs, renames, and fsyncs
  the folder. Until then the final name is untouched, so an older file of that name survives any failure.
  Object times are not tracked: the same content gives the same bytes, whatever the number of ranks. A failed write
  removes the temporary file at once; later calls on that store repeat the error, Destroy is still due. A symbolic link
  of the final name stays: the file it leads to is written, and need not be there yet. A file that is replaced leaves
  its mode to the new one, and its owner where that is permitted.

  Reading: every rank opens the file read-only and reads its own rows. A bit turned anywhere in the file is an error or
  harmless: rows have XXH3, attributes lie in object headers, which HDF5 protects by a checksum of its own.
*/
#pragma once

#include <brenier/error.h>

#include <petscvec.h>

typedef struct _p_BrenierStore *BrenierStore;

/* Element types on disk; in memory f8 is PetscReal, i8 PetscInt64, u8 uint64_t, and f4 is float. */
typedef enum {
  BRENIER_F4, /* memory: float */
  BRENIER_F8, /* memory: PetscReal */
  BRENIER_I8, /* memory: PetscInt64 */
  BRENIER_I4, /* memory: int32_t */
  BRENIER_U8  /* memory: uint64_t */
} BrenierType;

/* What a path leads to. */
typedef enum {
  BRENIER_FOUND_NOTHING,
  BRENIER_FOUND_EMPTY,   /* a file without a byte */
  BRENIER_FOUND_STORE,   /* a file of Brenier's */
  BRENIER_FOUND_DAMAGED, /* an HDF5 file that does not open */
  BRENIER_FOUND_FOREIGN  /* anything else */
} BrenierFound;

/* Room for a format or a status with its final zero. */
enum { BRENIER_FORMAT_LENGTH = 128 };

/*@
  BrenierStorePlace - The path that symbolic links at the end of a path lead to, whether a file is there or not

  Not collective

  Returns: false, with `errno`, when they go in a circle or the path is too long
@*/
PETSC_EXTERN PetscBool BrenierStorePlace(const char path[], char place[PETSC_MAX_PATH_LEN]);

/* Folder part of a path: "." when there is none. Not collective. */
PETSC_EXTERN void BrenierStoreFolder(const char path[], char folder[PETSC_MAX_PATH_LEN]);

/*@
  BrenierStoreCheckPlace - Notes why no store could appear at `path`, before any work is done for it

  Not collective

  Input Parameters:
+ path  - the final name
- fault - `BRENIER_EXIT_IO`, when it is a folder, pipe or device, its folder is missing or not writable, no file can
          have this name, or the file there is read-only

  Notes: makes an empty file in the folder and removes it.
@*/
PETSC_EXTERN void BrenierStoreCheckPlace(const char path[], BrenierFault *fault);

/*@
  BrenierStoreIdentify - What is at `path`, and the root attributes format and status of a store, "" of anything else

  Not collective
@*/
PETSC_EXTERN BrenierFound BrenierStoreIdentify(const char path[], char format[BRENIER_FORMAT_LENGTH],
                                               char status[BRENIER_FORMAT_LENGTH]);

/* The command that makes files of a format: "brenier solve". */
PETSC_EXTERN const char *BrenierStoreMaker(const char format[]);

/*@
  BrenierStoreCreate - Starts a file that will appear at `path` when it is committed

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that hold rows
. path   - final name; its folder must exist
. bytes  - estimate of the size of all data, for the probe of free space
- format - value of the root attribute `format`, such as "brenier-result"; `format_version` is written with it

  Errors: `PETSC_ERR_FILE_OPEN` - folder missing or not writable, or not enough space (the sentence names the path and
  the bytes missing); the same on all ranks

  Notes:
  The temporary name holds host, process id and a counter, so two runs never share it.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreCreate(MPI_Comm comm, const char path[], PetscInt64 bytes, const char format[],
                                               BrenierStore *store);

/*@
  BrenierStoreWriteRows - Writes one dataset from contiguous blocks of rows, in rank order

  Collective on the store

  Input Parameters:
+ store   - a store being written
. name    - absolute dataset name; missing groups are made
. type    - element type in memory and on disk
. n_local - rows on this rank
. dim     - row length; 0 makes a dataset of shape [n] instead of [n, dim]
. data    - this rank's rows, shape [n_local, dim], of the type's memory type
- unit    - value of the dataset's attribute `unit`, in words ("dimensionless", "same as the input", ...)

  Errors: `PETSC_ERR_FILE_OPEN` - write failed (full disk): the sentence names path and bytes missing
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreWriteRows(BrenierStore store, const char name[], BrenierType type,
                                                  PetscInt n_local, PetscInt dim, const void *data, const char unit[]);

/* As BrenierStoreWriteRows(), the entries of a vector as f8, shape [n]. Collective on the store. */
PETSC_EXTERN PetscErrorCode BrenierStoreWriteVec(BrenierStore store, const char name[], Vec v, const char unit[]);

/*@
  BrenierStoreAppendRows - As `BrenierStoreWriteRows()`, for a dataset that grows by blocks: first axis unlimited,
  chunked

  Collective on the store; the first call on a name makes the dataset, later ones add rows behind the earlier ones
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreAppendRows(BrenierStore store, const char name[], BrenierType type,
                                                   PetscInt n_local, PetscInt dim, const void *data, const char unit[]);

/*@
  BrenierStoreSetReal - Writes a scalar f8 attribute of an object ("/" for the root); rank 0's value counts

  Collective on the store
.seealso: `BrenierStoreSetInt()`, `BrenierStoreSetText()`
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreSetReal(BrenierStore store, const char object[], const char name[],
                                                PetscReal value);
PETSC_EXTERN PetscErrorCode BrenierStoreSetInt(BrenierStore store, const char object[], const char name[],
                                               PetscInt64 value);
PETSC_EXTERN PetscErrorCode BrenierStoreSetText(BrenierStore store, const char object[], const char name[],
                                                const char value[]);
/* Makes an empty group to hang attributes on, such as "/provenance". Collective on the store. */
PETSC_EXTERN PetscErrorCode BrenierStoreAddGroup(BrenierStore store, const char name[]);

/*@
  BrenierStoreKeepOlder - Has the commit move a file of the final name out of the way instead of replacing it

  Collective on the store

  Input Parameters:
+ store - a store being written
- older - name that file gets, in the same folder; one of that name is replaced

  Notes: between the two renames of the commit only `older` is there.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreKeepOlder(BrenierStore store, const char older[]);

/*@
  BrenierStoreCommit - Verifies the file, makes it durable and gives it its final name, then frees the store

  Collective on the store

  Input Parameters:
+ store  - set to NULL
- status - value of the root attribute `status`, the last thing written

  Errors: `PETSC_ERR_FILE_OPEN` - the file is not as written; temporary file removed, final name untouched
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreCommit(BrenierStore *store, const char status[]);

/*@
  BrenierStoreOpen - Opens a file of Brenier's for reading

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that will read rows
. path   - file name
- format - the value its root attribute `format` must have, or NULL for any of "brenier-..."

  Errors: `PETSC_ERR_FILE_OPEN` - missing or unreadable; `PETSC_ERR_FILE_UNEXPECTED` - truncated, not HDF5, other format
  (the sentence says which it is and which command makes the right one), newer format_version, no `status` (unfinished)
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreOpen(MPI_Comm comm, const char path[], const char format[],
                                             BrenierStore *store);

/*@
  BrenierStoreGetShape - Global shape of a dataset; dim = 0 for shape [n]; n = -1 when there is no such dataset

  Collective on the store
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreGetShape(BrenierStore store, const char name[], PetscInt64 *n, PetscInt *dim);

/*@
  BrenierStoreReadRows - Reads this rank's rows [first, first + n_local) of a dataset, converting to `type`

  Collective on the store

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - no such dataset, rows out of range, checksum wrong (verified when the ranks'
  blocks cover the whole dataset in rank order; the rows then pass by rank 0 once, in slabs)
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreReadRows(BrenierStore store, const char name[], BrenierType type,
                                                 PetscInt64 first, PetscInt n_local, void *data);

/*@
  BrenierStoreVerify - Reads every dataset once and compares it with its checksum

  Collective on the store

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - a dataset that cannot be read or differs; the sentence names it

  Notes: rank 0 reads, in slabs.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreVerify(BrenierStore store);

/*@
  BrenierStoreGetReal - Reads a scalar attribute; an error names the attribute and the file when it is not there

  Collective on the store
.seealso: `BrenierStoreGetInt()`, `BrenierStoreGetText()`
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreGetReal(BrenierStore store, const char object[], const char name[],
                                                PetscReal *value);
PETSC_EXTERN PetscErrorCode BrenierStoreGetInt(BrenierStore store, const char object[], const char name[],
                                               PetscInt64 *value);
PETSC_EXTERN PetscErrorCode BrenierStoreGetText(BrenierStore store, const char object[], const char name[],
                                                size_t length, char value[]);
/* Calls visit(context, name, value as text) for every attribute of an object, in name order. Collective on the
   store. */
PETSC_EXTERN PetscErrorCode BrenierStoreVisitAttributes(BrenierStore store, const char object[],
                                                        PetscErrorCode (*visit)(void *, const char[], const char[]),
                                                        void *context);

/*@
  BrenierStoreRemoveUnfinished - Removes the temporary files of this process, which is about to end

  Not collective; safe in a signal handler

  Returns: the final name of one of them, NULL when there was none
@*/
PETSC_EXTERN const char *BrenierStoreRemoveUnfinished(void);

/*@
  BrenierStoreDestroy - Closes a store; one being written is removed without a trace

  Collective on the store; NULL is fine
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreDestroy(BrenierStore *store);
