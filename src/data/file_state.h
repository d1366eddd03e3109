/* file_state.h - Private to src/data: state of a file to be read, by the operating system. Not collective; called on
   one rank. Where the system does not know, the answer is no. */
#pragma once

#include <petscsys.h>

/* Whether another program has a file open for writing or holds HDF5's lock for that; says in words which, as far as it
   can be seen: "process 4242 (python3)" or "another program". */
PetscBool BrenierFindWriter(const char path[], size_t length, char who[]);

/* As BrenierFindWriter(), by the lock alone, which is quick. */
PetscBool BrenierFindLock(const char path[], size_t length, char who[]);

/*
  BrenierFindHole - Finds rows of which nothing was ever written: they lie in a hole of the file and read as zeros

  offset: of row 0 in the file. Returns whether there are any, the first such block being rows *first to *last. A file
  system that makes holes of zeros (ZFS) has none.
*/
PetscBool BrenierFindHole(const char path[], PetscInt64 offset, PetscInt64 row_bytes, PetscInt64 n, PetscInt64 *first,
                          PetscInt64 *last);
