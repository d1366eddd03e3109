/*
  array.h - Reads a distributed array of numbers, rows in contiguous blocks, each rank its own rows.

  A place to read from is written  file.npy  or  file.h5:/dataset  (the slash may be left out); for a .h5 file without a
  dataset the reader takes the only two-dimensional (for weights: one-dimensional) dataset of the root group, and says
  which there are when the choice is not unique. NumPy header versions 1.0 to 3.0, C order, little or big endian floats
  f2, f4, f8, integers i1 to i8 and u1 to u8, and bool; HDF5 datasets of any float, integer or bool type. Format of
  .npy: numpy.lib.format, NEP 1.
*/
#pragma once

#include <petscsys.h>

/* What an array is for; decides the shape that is right and the words of the messages. */
typedef enum {
  BRENIER_ARRAY_POINTS,  /* shape [n, d], n >= 1, 1 <= d <= 1e6 */
  BRENIER_ARRAY_WEIGHTS, /* shape [n] (or [n, 1]) */
  BRENIER_ARRAY_DATA,    /* shape [n, ...], rows flattened to length dim */
  BRENIER_ARRAY_LABELS   /* whole numbers, shape [n] (or [n, 1]) */
} BrenierArrayRole;

typedef struct {
  /* layout */
  MPI_Comm comm;
  PetscInt n;       /* rows over all ranks */
  PetscInt dim;     /* numbers in a row; 1 for weights */
  PetscInt first;   /* global index of this rank's first row */
  PetscInt n_local; /* rows on this rank: PETSC_DECIDE's split, 0 allowed */
  /* data */
  PetscReal  *value;       /* owned, shape [n_local, dim], C order, finite; NULL for labels */
  PetscInt64 *whole;       /* owned, shape [n_local], for labels alone, exact */
  PetscBool   past_signed; /* labels beyond 2^63 - 1 are among them: `whole` holds the bits of uint64_t */
  /* provenance */
  char       path[PETSC_MAX_PATH_LEN]; /* as given */
  PetscInt64 file_bytes;               /* size of the file that holds it */
  PetscInt64 hash; /* sum modulo 2^64 over rows of XXH3-64(the row as f8 little endian, seed = global
                                          row index), so the same for any number of ranks */
} BrenierArray;

/*@
  BrenierArrayRead - Reads and checks an array

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that share the rows
. where - place to read from: `file.npy`, `file.h5` or `file.h5:/dataset`
- role  - what shape is right

  Output Parameter:
. array - the rows of this rank; free with `BrenierArrayDestroy()`

  Errors, each with one sentence naming file, place and remedy, the same on all ranks:
+ `PETSC_ERR_FILE_OPEN`       - the file is missing, unreadable, or cannot be read to its end
- `PETSC_ERR_FILE_UNEXPECTED` - not a .npy or HDF5 file, truncated, Fortran order, wrong number of axes or type, no
                                rows, more rows than `PetscInt` holds, no such dataset, checksum wrong, NaN or Inf (the
                                first row and column of it are named); rows that the file promises and does not have;
                                labels that are not whole, or of a float too short to tell them apart

  Options Database Key:
. -allow_missing - read rows that are not there as the fill value of their dataset (0 unless it declares one), with a
  warning

  Notes:
  A file that another program has open for writing is refused, as is one that changes while it is read.
  Each rank reads its own rows once; no rank holds more than its rows and one buffer. A dataset that Brenier wrote is
  compared with its checksum on the way.
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayRead(MPI_Comm comm, const char where[], BrenierArrayRole role,
                                             BrenierArray *array);

/*@
  BrenierArrayFileOf - The file that a place to read from is in: `file.h5` of `file.h5:/dataset`

  Not collective
@*/
PETSC_EXTERN void BrenierArrayFileOf(const char where[], char file[PETSC_MAX_PATH_LEN]);

/*@
  BrenierArrayDestroy - Frees what `BrenierArrayRead()` made and zeroes the struct; a zeroed struct is fine

  Not collective
@*/
PETSC_EXTERN PetscErrorCode BrenierArrayDestroy(BrenierArray *array);
