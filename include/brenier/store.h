/*
  store.h - HDF5 files that are either whole or not there.

  Writing. A store is written under a unique temporary name beside its final one. Rank 0 alone writes, with HDF5's
  serial driver, because parallel collective writes report success on a full disk. Rows of the other ranks come to it in
  slabs of bounded size. The commit closes the file, opens it again, verifies the checksum (XXH3-64) of every dataset,
  syncs the file, renames it, and syncs the folder. Until then the final name is untouched, so an older file of that
  name survives any failure.

  Object times are not tracked: the same content gives the same bytes for any number of ranks. A failed write removes
  the temporary file at once. Later calls on that store return the same error; it still has to be destroyed. If the
  final name is a symbolic link, the link stays and the file that it leads to is written, whether that exists or not. A
  new file takes the mode of the file that it replaces, and its owner where that is permitted.

  Reading. Every rank opens the file read-only and reads its own rows. A changed bit anywhere in the file is an error or
  harmless: rows have a checksum, and attributes lie in object headers, which HDF5 protects by a checksum of its own.
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
  BrenierStorePlace - Follows symbolic links at the end of a path, whether a file is there or not

  Not collective

  Input Parameter:
. path - the path

  Output Parameter:
. place - the path that the links lead to

  Returns: false, with `errno`, when links form a circle or the path is too long

  Cost: one system call a link, 40 at most
@*/
PETSC_EXTERN PetscBool BrenierStorePlace(const char path[], char place[PETSC_MAX_PATH_LEN]);

/*@
  BrenierStoreFolder - Gives the folder of a path

  Not collective

  Input Parameter:
. path - the path

  Output Parameter:
. folder - its folder; "." when it names none

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierStoreFolder(const char path[], char folder[PETSC_MAX_PATH_LEN]);

/*@
  BrenierStoreCheckPlace - Notes why no store could appear at `path`, before any work is done for it

  Not collective

  Input Parameter:
. path - the final name

  Input/Output Parameter:
. fault - gets `BRENIER_EXIT_IO` when the path is a folder, pipe or device, when its folder is missing or not writable,
          when no file can have this name, or when the file there is read-only

  Cost: some system calls; an empty file is made in the folder and removed
@*/
PETSC_EXTERN void BrenierStoreCheckPlace(const char path[], BrenierFault *fault);

/*@
  BrenierStoreIdentify - Tells what is at a path, and the root attributes format and status of a store

  Not collective

  Input Parameter:
. path - the path

  Output Parameters:
+ format - format of the store; "" when there is none
- status - its status; "" when there is none

  Returns: what is there

  Cost: opens the file and reads two attributes
@*/
PETSC_EXTERN BrenierFound BrenierStoreIdentify(const char path[], char format[BRENIER_FORMAT_LENGTH],
                                               char status[BRENIER_FORMAT_LENGTH]);

/*@
  BrenierStoreMaker - Names the command that makes files of a format

  Not collective

  Input Parameter:
. format - value of the root attribute `format`

  Returns: the command, such as "brenier solve"; "another command" for an unknown format; a constant

  Cost: O(1)
@*/
PETSC_EXTERN const char *BrenierStoreMaker(const char format[]);

/*@
  BrenierStoreCreate - Starts a file that will appear at `path` when it is committed

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that hold rows
. path   - final name; its folder must exist
. bytes  - estimate of the size of all data, for the probe of free space; unit: byte
- format - value of the root attribute `format`, such as "brenier-result"; `format_version` is written with it

  Output Parameter:
. store - ends in `BrenierStoreCommit()` or `BrenierStoreDestroy()`

  Errors: `PETSC_ERR_FILE_OPEN` - folder missing or not writable, or not enough space (the sentence names the path and
  the bytes missing); the same on all ranks

  Cost: one reduction; rank 0 reserves `bytes` on the disk and releases them

  Notes: The temporary name holds host, process id and a counter, so two runs never share it.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreCreate(MPI_Comm comm, const char path[], PetscInt64 bytes, const char format[],
                                               BrenierStore *store);

/*@
  BrenierStoreWriteRows, BrenierStoreAppendRows - Writes a dataset, or adds rows to one that grows, from contiguous
  blocks of rows in rank order

  Collective on the store

  Input Parameters:
+ store   - a store being written
. name    - absolute dataset name; missing groups are made
. type    - element type in memory and on disk
. n_local - rows on this rank
. dim     - row length; 0 makes a dataset of shape [n] instead of [n, dim]
. data    - this rank's rows, shape [n_local, dim], of the type's memory type
- unit    - value of the dataset's attribute `unit`, in words ("dimensionless", "same as the input", ...)

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the write failed (full disk): the sentence names path and bytes missing
. `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading, or the dataset was written before and does not grow
- `PETSC_ERR_ARG_OUTOFRANGE` - the name is not absolute or too long, or a row has more than 2^31 bytes

  Cost: all rows pass to rank 0 in slabs of bounded size; a gather of counts and two reductions

  Notes: The first call of `BrenierStoreAppendRows()` on a name makes a dataset with an unlimited first axis, in chunks.
  Later calls add rows behind the earlier ones.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreWriteRows(BrenierStore store, const char name[], BrenierType type,
                                                  PetscInt n_local, PetscInt dim, const void *data, const char unit[]);

/*@
  BrenierStoreWriteVec - Writes the entries of a vector as a dataset of f8, shape [n]

  Collective on the store

  Input Parameters:
+ store - a store being written
. name  - absolute dataset name
. v     - the vector, laid out as the rows of the dataset; unit: the next parameter
- unit  - value of the dataset's attribute `unit`, in words

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the write failed (full disk): the sentence names path and bytes missing
. `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading, or the dataset was written before
- `PETSC_ERR_ARG_OUTOFRANGE` - the name is not absolute, or too long

  Cost: that of `BrenierStoreWriteRows()`
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreWriteVec(BrenierStore store, const char name[], Vec v, const char unit[]);

/* As BrenierStoreWriteRows(), see there. */
PETSC_EXTERN PetscErrorCode BrenierStoreAppendRows(BrenierStore store, const char name[], BrenierType type,
                                                   PetscInt n_local, PetscInt dim, const void *data, const char unit[]);

/*@
  BrenierStoreSetReal, BrenierStoreSetInt, BrenierStoreSetText - Writes a scalar attribute of an object: f8, i8 or text

  Collective on the store; the value of rank 0 counts

  Input Parameters:
+ store  - a store being written
. object - path of a dataset or group; "/" for the root
. name   - name of the attribute
- value  - its value; unit: the caller's

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the write failed, or there is no such object
- `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreSetReal(BrenierStore store, const char object[], const char name[],
                                                PetscReal value);
PETSC_EXTERN PetscErrorCode BrenierStoreSetInt(BrenierStore store, const char object[], const char name[],
                                               PetscInt64 value);
PETSC_EXTERN PetscErrorCode BrenierStoreSetText(BrenierStore store, const char object[], const char name[],
                                                const char value[]);

/*@
  BrenierStoreAddGroup - Makes an empty group for attributes, such as "/provenance"

  Collective on the store

  Input Parameters:
+ store - a store being written
- name  - absolute name of the group

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the write failed
- `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreAddGroup(BrenierStore store, const char name[]);

/*@
  BrenierStoreKeepOlder - Makes the commit rename a file of the final name instead of replacing it

  Collective on the store

  Input Parameters:
+ store - a store being written
- older - new name of that file, in the same folder; a file of that name is replaced

  Errors: `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: O(1)

  Notes: Between the two renames of the commit only `older` exists.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreKeepOlder(BrenierStore store, const char older[]);

/*@
  BrenierStoreCommit - Verifies the file, makes it durable and gives it its final name, then frees the store

  Collective on the store

  Input/Output Parameter:
. store - a store being written; NULL afterwards

  Input Parameter:
. status - value of the root attribute `status`, which is written last

  Errors:
+ `PETSC_ERR_FILE_OPEN`      - the file is not as written, or could not be renamed or synced; the temporary file is
                               removed
- `PETSC_ERR_ARG_WRONGSTATE` - the store is open for reading

  Cost: rank 0 reads the file once; one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreCommit(BrenierStore *store, const char status[]);

/*@
  BrenierStoreOpen - Opens a file of Brenier's for reading

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that will read rows
. path   - file name
- format - the value its root attribute `format` must have, or NULL for any of "brenier-..."

  Output Parameter:
. store - free with `BrenierStoreDestroy()`

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - truncated; not HDF5; another format (the sentence names it, and the command that makes
                                the right one); a newer format_version; no `status`, so unfinished

  Cost: every rank opens the file; one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreOpen(MPI_Comm comm, const char path[], const char format[],
                                             BrenierStore *store);

/*@
  BrenierStoreGetShape - Gives the global shape of a dataset

  Collective on the store

  Input Parameters:
+ store - a store that is open for reading
- name  - absolute name of the dataset

  Output Parameters:
+ n   - number of rows; -1 when there is no such dataset
- dim - length of a row; 0 for shape [n]

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - more than two axes, or rows longer than `PetscInt` holds

  Cost: one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreGetShape(BrenierStore store, const char name[], PetscInt64 *n, PetscInt *dim);

/*@
  BrenierStoreGetType - Gives the type that the numbers of a dataset have in the file

  Not collective

  Input Parameters:
+ store - a store that is open for reading
- name  - absolute name of the dataset

  Input/Output Parameter:
. type - left as it is when there is no such dataset, or when its type is none of these

  Errors: none of its own

  Cost: the rank opens the dataset
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreGetType(BrenierStore store, const char name[], BrenierType *type);

/*@
  BrenierStoreReadRows - Reads this rank's rows [first, first + n_local) of a dataset

  Collective on the store

  Input Parameters:
+ store   - a store that is open for reading
. name    - absolute name of the dataset
. type    - element type in memory, to which numbers are converted
. first   - first row
- n_local - number of rows

  Output Parameter:
. data - the rows, shape [n_local, dim], of the type's memory type

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - no such dataset, rows out of range, cannot be read, wrong checksum
. `PETSC_ERR_ARG_WRONGSTATE`  - the store is being written
- `PETSC_ERR_LIB`             - HDF5 cannot convert the numbers

  Cost: each rank reads its rows once; some reductions

  Notes: The checksum is verified when the blocks of the ranks cover the whole dataset in rank order. The rows then pass
  by rank 0 once, in slabs.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreReadRows(BrenierStore store, const char name[], BrenierType type,
                                                 PetscInt64 first, PetscInt n_local, void *data);

/*@
  BrenierStoreReadChosenRows - Reads rows of a dataset by their numbers

  Collective on the store

  Input Parameters:
+ store - a store that is open for reading
. name  - absolute name of the dataset
. type  - element type in memory, to which numbers are converted
. n     - number of rows wanted on this rank, 0 allowed
- row   - their numbers, ascending, shape [n]

  Output Parameter:
. data - the rows, shape [n, dim], of the type's memory type

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - no such dataset, rows out of range, cannot be read
- `PETSC_ERR_ARG_WRONGSTATE`  - the store is being written

  Cost: one read for each run of consecutive rows; one reduction

  Notes: The checksum is that of the whole dataset, and is not compared.
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreReadChosenRows(BrenierStore store, const char name[], BrenierType type,
                                                       PetscInt n, const PetscInt64 row[], void *data);

/*@
  BrenierStoreVerify - Reads every dataset once and compares it with its checksum

  Collective on the store

  Input Parameter:
. store - a store that is open for reading

  Errors:
+ `PETSC_ERR_FILE_UNEXPECTED` - a dataset cannot be read or differs; the sentence names it
- `PETSC_ERR_ARG_WRONGSTATE`  - the store is being written

  Cost: rank 0 reads the file once, in slabs of 16 MiB; one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreVerify(BrenierStore store);

/*@
  BrenierStoreGetReal, BrenierStoreGetInt, BrenierStoreGetText - Reads a scalar attribute of an object: a number as f8
  or i8, or text

  Collective on the store

  Input Parameters:
+ store  - a store that is open for reading
. object - path of a dataset or group; "/" for the root
. name   - name of the attribute
- length - of text: room in `value`, its final zero included

  Output Parameter:
. value - its value; unit: that of the file

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - the attribute is missing, is of another type, or does not fit; the sentence
  names it and the file

  Cost: every rank reads it; one reduction
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreGetReal(BrenierStore store, const char object[], const char name[],
                                                PetscReal *value);
PETSC_EXTERN PetscErrorCode BrenierStoreGetInt(BrenierStore store, const char object[], const char name[],
                                               PetscInt64 *value);
PETSC_EXTERN PetscErrorCode BrenierStoreGetText(BrenierStore store, const char object[], const char name[],
                                                size_t length, char value[]);

/*@
  BrenierStoreHasAttribute - Says whether an object has an attribute

  Collective on the store

  Input Parameters:
+ store  - a store that is open for reading
. object - path of a dataset or group; "/" for the root
- name   - name of the attribute

  Output Parameter:
. has - whether rank 0 finds it

  Errors: none of its own

  Cost: one broadcast
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreHasAttribute(BrenierStore store, const char object[], const char name[],
                                                     PetscBool *has);

/*@
  BrenierStoreVisitAttributes - Calls a function for every attribute of an object, in the order of their names

  Collective on the store

  Input Parameters:
+ store   - a store that is open for reading
. object  - path of a dataset or group; "/" for the root
. visit   - called as visit(context, name, value), the value as text; an error of it ends the visit
- context - handed to `visit`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - there is no such object, or an attribute cannot be read

  Cost: one reduction an attribute
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreVisitAttributes(BrenierStore store, const char object[],
                                                        PetscErrorCode (*visit)(void *, const char[], const char[]),
                                                        void *context);

/*@
  BrenierStoreRemoveUnfinished - Removes the temporary files of this process, which is about to end

  Not collective; safe in a signal handler

  Returns: the final name of one of them; NULL when there was none

  Cost: one system call a file
@*/
PETSC_EXTERN const char *BrenierStoreRemoveUnfinished(void);

/*@
  BrenierStoreDestroy - Closes a store, which may be NULL; the temporary file of one being written is removed

  Collective on the store

  Input/Output Parameter:
. store - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierStoreDestroy(BrenierStore *store);
