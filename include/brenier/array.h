/*
  array.h - Reads a distributed array of numbers, rows in contiguous blocks, each rank its own rows.

  A place to read from is written  file.npy  or  file.h5:/dataset  (the slash may be left out). For a .h5 file without a
  dataset the reader takes the only two-dimensional (for weights: one-dimensional) dataset of the root group. When there
  are several, the error lists them.

  Of NumPy files it reads header versions 1.0 to 3.0, C order, little or big endian floats f2, f4, f8, integers i1 to i8
  and u1 to u8, and bool; of HDF5 files datasets of any float, integer or bool type. Format of .npy: numpy.lib.format,
  NEP 1.
*/
#pragma once

#include <brenier/coordinates.h>

/* What an array is for: decides which shape is right, and the words of the messages. */
typedef enum {
  BRENIER_ARRAY_POINTS,  /* shape [n, d], n >= 1, 1 <= d <= 1e6 */
  BRENIER_ARRAY_WEIGHTS, /* shape [n] (or [n, 1]) */
  BRENIER_ARRAY_DATA,    /* shape [n, ...], rows flattened to length dim */
  BRENIER_ARRAY_LABELS,  /* whole numbers, shape [n] (or [n, 1]) */
  BRENIER_ARRAY_TARGETS  /* points; kept in single precision where the file holds no more */
} BrenierArrayRole;

/* A distributed array; BrenierArrayDestroy() frees what it owns. */
typedef struct {
  /* layout */
  MPI_Comm comm;
  PetscInt n;       /* rows over all ranks */
  PetscInt dim;     /* numbers in a row; 1 for weights */
  PetscInt first;   /* global index of this rank's first row */
  PetscInt n_local; /* rows on this rank: PETSC_DECIDE's split, 0 allowed */
  /* data */
  PetscReal  *value;       /* owned, shape [n_local, dim], C order, finite; NULL for labels, or where there is: */
  float      *single;      /* the same in single precision, of targets alone; owned */
  PetscInt64 *whole;       /* owned, shape [n_local], for labels alone, exact */
  PetscBool   borrowed;    /* `value` is the caller's, who frees it */
  PetscBool   past_signed; /* labels beyond 2^63 - 1 are among them: `whole` holds the bits of uint64_t */
  /* provenance */
  char       path[PETSC_MAX_PATH_LEN]; /* as given */
  PetscInt64 file_bytes;               /* size of the file that holds it */
  PetscInt64 hash; /* sum modulo 2^64 over rows of XXH3-64(the row as f8 little endian, seed = global
                                          row index), so the same for any number of ranks */
} BrenierArray;

/*@
  BrenierArrayRead - Reads an array and checks it

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that share the rows
. where - place to read from: `file.npy`, `file.h5` or `file.h5:/dataset`
- role  - what the array is for, which decides the shape that is right

  Output Parameter:
. array - the rows of this rank; free with `BrenierArrayDestroy()`

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - the file is missing, unreadable, or cannot be read to its end
- `PETSC_ERR_FILE_UNEXPECTED` - not a .npy or HDF5 file; truncated; Fortran order; wrong number of axes or wrong type;
                                no rows, or more than `PetscInt` holds; no such dataset; wrong checksum; NaN or Inf;
                                rows that the file promises and does not have; labels that are not whole, or of a
                                float too short to tell them apart

  Options:
. -allow_missing - read rows that are not there as the fill value of their dataset (0 unless it declares one), with a
                   warning

  Cost: each rank reads its own rows once; memory is its rows and one buffer. A dataset that Brenier wrote also passes
  by rank 0 once, which compares its checksum

  Notes: An error has one sentence that names file, place and remedy, the same on all ranks. A file that another program
  has open for writing is refused, and so is one that changes while it is read.
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayRead(MPI_Comm comm, const char where[], BrenierArrayRole role,
                                             BrenierArray *array);

/* Rows in memory. */
typedef struct {
  const void *data;
  PetscBool   is_single; /* of type float, not double */
  PetscInt    n;         /* rows here */
  PetscInt    dim;       /* numbers in a row, the same on all ranks */
  PetscInt64  stride;    /* from a row to the next, in numbers */
  PetscBool   borrow;    /* doubles one after the other are not copied, and may be written to */
} BrenierMemoryRows;

/*@
  BrenierArrayFromMemory - Makes an array of rows in memory, of the ranks that have them, and checks it

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that share the rows
. rows - rows of this rank
- name - what messages call it

  Output Parameter:
. array - free with `BrenierArrayDestroy()`

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - NaN or Inf; more rows than `PetscInt` holds

  Cost: one pass over the rows, and a copy unless they are borrowed; three reductions
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayFromMemory(MPI_Comm comm, const BrenierMemoryRows *rows, const char name[],
                                                   BrenierArray *array);

/*@
  BrenierArrayCoordinates - Gives the rows of this rank, in whatever precision they are

  Not collective

  Input Parameter:
. array - an array of numbers

  Returns: the rows, borrowed from the array; unit: that of the array

  Cost: O(1)
@*/
PETSC_EXTERN BrenierCoordinates BrenierArrayCoordinates(const BrenierArray *array);

/*@
  BrenierArrayGather - Gives all rows of an array to all ranks

  Collective on the ranks of the array

  Input Parameter:
. array - an array of numbers

  Output Parameter:
. all - the rows, shape [n, dim]; unit: that of the array

  Errors: none of its own

  Cost: one gathering
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayGather(const BrenierArray *array, PetscReal all[]);

/*@
  BrenierArrayFileOf - Gives the file of a place to read from: `file.h5` of `file.h5:/dataset`

  Not collective

  Input Parameter:
. where - place to read from

  Output Parameter:
. file - path of the file

  Cost: O(1)
@*/
PETSC_EXTERN void BrenierArrayFileOf(const char where[], char file[PETSC_MAX_PATH_LEN]);

/*@
  BrenierArrayDestroy - Frees what `BrenierArrayRead()` made and zeroes the struct, which may be zeroed already

  Not collective

  Input/Output Parameter:
. array - the array

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayDestroy(BrenierArray *array);
