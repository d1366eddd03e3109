/* store_impl.h - Private to src/data: what a store is, shared by its writing and its reading half. */
#pragma once

#include "hdf5_tools.h"

#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/store.h>

#include <xxhash.h>

/* Raised when a reader of the old version would misread the new one. */
enum { BRENIER_FORMAT_VERSION = 1 };

enum { BRENIER_CHECKSUM_LENGTH = 17 }; /* 64 bits in hexadecimal, and the final zero */

/* A dataset being written, on rank 0: open until the commit, so that rows can be appended. */
typedef struct {
  char          name[256];
  BrenierType   type;
  PetscInt      dim;
  hid_t         id;
  PetscInt64    n; /* rows so far */
  XXH3_state_t *hash;
} BrenierStoreDataset;

struct _p_BrenierStore {
  /* parameters */
  MPI_Comm    comm;
  PetscMPIInt rank;
  PetscBool   writing;
  char        path[PETSC_MAX_PATH_LEN];  /* final name, as given */
  char        place[PETSC_MAX_PATH_LEN]; /* writing on rank 0: where links lead from there */
  char        older[PETSC_MAX_PATH_LEN]; /* where a file of the final name goes; "" to replace it */
  PetscInt64  bytes_expected;            /* the caller's estimate */
  /* data */
  hid_t file; /* reading: on every rank; writing: on rank 0, else -1 */
  /* work, writing on rank 0 */
  char                 temporary[PETSC_MAX_PATH_LEN];
  PetscInt64           bytes_written;
  PetscInt             n_datasets;
  BrenierStoreDataset *dataset;
  /* status */
  BrenierFault fault; /* the first failure of a write; everything after it repeats it */
};

/* Bytes of a row of `dim` numbers, 0 meaning a dataset of one axis. */
static inline size_t BrenierRowBytes(BrenierType type, PetscInt dim)
{
  return BrenierTypeBytes(type) * (size_t)(dim ? dim : 1);
}

/* The text of a checksum, as in the attribute `xxh3`. */
void BrenierChecksumText(const XXH3_state_t *hash, char text[BRENIER_CHECKSUM_LENGTH]);

/* A name beside the final one that no other run and no other store of this run has; false when it is too long. */
PetscBool BrenierStoreNameTemporary(const char place[], char temporary[PETSC_MAX_PATH_LEN]);

/* Removes the unfinished file, if any, and closes what rank 0 has open; safe after a failed write. Not collective. */
void BrenierStoreAbandon(BrenierStore store);

/*
  Notes a failed write of rank 0, `doing` saying what ("writing /heights"), with the bytes missing when the disk is
  full; abandons the file. Reads errno. `bytes_more` is what was being written.
*/
void BrenierStoreFailWrite(BrenierStore store, const char doing[], PetscInt64 bytes_more);
