/*
  scalapack.h - The ScaLAPACK and BLACS routines that Brenier calls, and the block-cyclic matrix they work on.

  Neither library ships a C header. Character arguments of Fortran routines carry their length behind the last argument
  (gfortran's calling convention); PBLAS and BLACS are written in C and have none.
*/
#pragma once

#include <brenier/linear.h>

#include <petscblaslapack.h>

/* BLACS: process grids. */
int  Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int *context, const char *order, int rows, int cols);
void Cblacs_gridinfo(int context, int *rows, int *cols, int *row, int *col);
void Cblacs_gridexit(int context);
void Cblacs_set(int context, int what, const int *value);

/* What Cblacs_set() sets to 1 so that sums over processes are made in one order, not in that of arrival. */
enum { BRENIER_BLACS_REPEATABLE = 15 };

/* Tools. */
int  numroc_(const int *n, const int *nb, const int *process, const int *source, const int *processes);
void descinit_(int *desc, const int *m, const int *n, const int *mb, const int *nb, const int *row_source,
               const int *col_source, const int *context, const int *lld, int *info);

/* PBLAS: products. */
void pdsymm_(const char *side, const char *uplo, const int *m, const int *n, const double *alpha, const double *a,
             const int *ia, const int *ja, const int *desca, const double *b, const int *ib, const int *jb,
             const int *descb, const double *beta, double *c, const int *ic, const int *jc, const int *descc);
void pdsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha, const double *a,
             const int *ia, const int *ja, const int *desca, const double *beta, double *c, const int *ic,
             const int *jc, const int *descc);

/* Eigenvalues and eigenvectors by implicit QR. */
void pdsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *ia, const int *ja,
             const int *desca, double *w, double *z, const int *iz, const int *jz, const int *descz, double *work,
             const int *lwork, int *info, size_t jobz_length, size_t uplo_length);

/* Eigenvalues and eigenvectors by multiple relatively robust representations. */
void pdsyevr_(const char *jobz, const char *range, const char *uplo, const int *n, double *a, const int *ia,
              const int *ja, const int *desca, const double *vl, const double *vu, const int *il, const int *iu, int *m,
              int *nz, double *w, double *z, const int *iz, const int *jz, const int *descz, double *work,
              const int *lwork, int *iwork, const int *liwork, int *info, size_t jobz_length, size_t range_length,
              size_t uplo_length);

/* A symmetric n x n matrix in square blocks dealt to a process grid; ranks outside of the grid hold nothing of it. */
typedef struct {
  /* layout */
  MPI_Comm comm;
  int      n;
  int      handle, context;        /* BLACS; context < 0 outside of the grid */
  int      rows, cols, row, col;   /* shape of the grid, this rank's place in it */
  int      local_rows, local_cols; /* of this rank's part, column by column in memory */
  int      desc[9];
  /* data */
  PetscReal *value; /* this rank's part; only the lower triangle means anything */
} BrenierBlockMatrix;

/* Makes a zero matrix on the grid that fits n. Collective on comm. PETSC_ERR_FILE_UNEXPECTED when n is too large. */
PetscErrorCode BrenierBlockMatrixCreate(MPI_Comm comm, PetscInt n, BrenierBlockMatrix *matrix);
PetscErrorCode BrenierBlockMatrixDestroy(BrenierBlockMatrix *matrix);

/* Takes columns [first, first + count) from `column`, shape [count, n], of which rows below the diagonal and on it are
   read. Not collective: every rank has the columns and keeps its own entries. */
void BrenierBlockMatrixSetColumns(BrenierBlockMatrix *matrix, PetscInt first, PetscInt count, const PetscReal column[]);

/* All eigenvalues w[n], descending, and the first k eigenvectors v[k, n], as BrenierEigenSymmetric() promises them.
   Collective on the matrix, same result on all ranks; the matrix is not changed. */
PetscErrorCode BrenierBlockMatrixEigen(const BrenierBlockMatrix *matrix, PetscInt k, PetscReal w[], PetscReal v[],
                                       BrenierEigenCheck *check);
