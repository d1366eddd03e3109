/* result_impl.h - What the readers of result files share. */
#pragma once

#include <brenier/result.h>

/* The checksum says that a file is as written; this check says that it is a result. The targets are rows file_row[i] of
   the file, or first + i where file_row is NULL. Collective on comm; error PETSC_ERR_FILE_UNEXPECTED. */
PETSC_INTERN PetscErrorCode BrenierResultCheckValues_Private(MPI_Comm comm, const char path[], PetscInt n,
                                                             PetscInt64 first, const PetscInt64 file_row[],
                                                             const PetscReal nu[], const PetscReal h[]);
