/*
  reader.h - Private to src/data: the two kinds of files an array is read from, behind one description.

  Rank 0 inspects a file and fills `BrenierArrayFile`; it is broadcast as bytes, then every rank with rows opens the
  file and reads them. Nothing here is collective; faults are noted, never raised.
*/
#pragma once

#include <brenier/array.h>
#include <brenier/error.h>

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  #error "Brenier's checksums are over little-endian bytes in memory: a big-endian host needs swaps in src/data"
#endif

enum { BRENIER_MAX_AXES = 32 };

typedef enum { BRENIER_FILE_NPY, BRENIER_FILE_HDF5 } BrenierFileKind;

typedef enum {
  BRENIER_NUMBER_FLOAT,
  BRENIER_NUMBER_SIGNED,
  BRENIER_NUMBER_UNSIGNED,
  BRENIER_NUMBER_BOOL /* a byte, not zero when true */
} BrenierNumberKind;

typedef struct {
  /* place */
  char            where[PETSC_MAX_PATH_LEN]; /* as the user wrote it, for messages */
  char            file[PETSC_MAX_PATH_LEN];
  char            dataset[PETSC_MAX_PATH_LEN]; /* HDF5 only; "" when the user named none */
  BrenierFileKind kind;
  PetscInt64      file_bytes, modified; /* size, and time of the last change in ns */
  /* shape */
  int        n_axes;
  PetscInt64 shape[BRENIER_MAX_AXES];
  /* numbers */
  BrenierNumberKind number;
  int               item_bytes; /* .npy: 1, 2, 4 or 8 */
  int               digits;     /* of a float, in bits: below 2^digits every whole number has its own */
  PetscReal         fill;       /* what is read where nothing was written */
  /* to be said once the file is accepted; "" for nothing */
  char notice[PETSC_MAX_PATH_LEN + 256], warning[PETSC_MAX_PATH_LEN + 2048];
  /* HDF5 only */
  PetscBool has_checksum; /* written by a store: to be read by one, which verifies it */
  /* .npy only */
  PetscInt64 data_offset; /* first byte of the data */
  PetscBool  big_endian;
} BrenierArrayFile;

/* Rows that a file promises and does not have; zero-initialised means none. */
typedef struct {
  PetscBool   found;
  PetscInt64  first, last;
  char        why[900]; /* "they were never written" */
  BrenierExit kind;
  PetscBool   readable; /* as the fill value, when the user allows it */
  PetscBool   is_inner; /* in a source of a virtual dataset, whose fill value it is then */
} BrenierGap;

/* What rows are read as: doubles, floats, or 64-bit integers (of an unsigned type uint64_t, else int64_t). */
typedef enum { BRENIER_AS_REAL, BRENIER_AS_SINGLE, BRENIER_AS_WHOLE } BrenierMemory;

/* product = a b for a, b >= 0; false when it does not fit. */
static inline PetscBool BrenierMultiply(PetscInt64 a, PetscInt64 b, PetscInt64 *product)
{
  if (a && b > INT64_MAX / a) return PETSC_FALSE;
  *product = a * b;
  return PETSC_TRUE;
}

/* Whether `file` has `n_axes` axes that suit `role`; for HDF5 also decides which dataset is meant. */
static inline PetscBool BrenierAxesSuit(BrenierArrayRole role, int n_axes, const PetscInt64 shape[])
{
  if (role == BRENIER_ARRAY_POINTS || role == BRENIER_ARRAY_TARGETS) return (PetscBool)(n_axes == 2);
  if (role == BRENIER_ARRAY_DATA) return (PetscBool)(n_axes >= 1);
  return (PetscBool)(n_axes == 1 || (n_axes == 2 && shape[1] == 1));
}

/* Reads exactly `bytes` bytes at `offset`; false with errno set, 0 when the file ends before. */
PetscBool BrenierReadAt(int descriptor, void *buffer, size_t bytes, PetscInt64 offset);

/* Parse the header or the dataset's description into shape and layout; check type, order and size of the file. */
void BrenierNpyInspect(BrenierArrayFile *file, BrenierFault *fault);
void BrenierHdf5Inspect(BrenierArrayFile *file, BrenierArrayRole role, BrenierFault *fault);

/* Look for rows that are not there, in a file whose shape has been accepted. */
void BrenierNpyFindGap(const BrenierArrayFile *file, BrenierGap *gap);
void BrenierHdf5FindGap(const BrenierArrayFile *file, BrenierGap *gap);

/* Read rows [first, first + n_local), n_local > 0, of `dim` numbers each. */
void BrenierNpyReadArray(const BrenierArrayFile *file, PetscInt64 first, PetscInt64 n_local, PetscInt dim,
                         BrenierMemory memory, void *rows, BrenierFault *fault);
void BrenierHdf5ReadArray(const BrenierArrayFile *file, PetscInt64 first, PetscInt64 n_local, PetscInt dim,
                          BrenierMemory memory, void *rows, BrenierFault *fault);
