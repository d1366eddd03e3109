/* mixture_file.c - Components of a mixture in a file: implements BrenierMixtureRead() of source.h. */
#include "file_state.h"
#include "hdf5_tools.h"

#include <brenier/array.h>
#include <brenier/base.h>
#include <brenier/error.h>
#include <brenier/source.h>

#include <stdio.h>

/* FILE:/NAME. */
static PetscErrorCode PlaceOf(const char file[], const char name[], char where[PETSC_MAX_PATH_LEN])
{
  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(where, PETSC_MAX_PATH_LEN, "%s:/%s", file, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierArrayGather(const BrenierArray *a, PetscReal all[])
{
  PetscMPIInt  size, n, *count, *offset;
  MPI_Datatype row;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(a->comm, &size));
  PetscCall(PetscMalloc2(size, &count, size, &offset));
  PetscCall(PetscMPIIntCast(a->n_local, &n));
  PetscCallMPI(MPI_Type_contiguous((int)a->dim, MPIU_REAL, &row));
  PetscCallMPI(MPI_Type_commit(&row));
  PetscCallMPI(MPI_Allgather(&n, 1, MPI_INT, count, 1, MPI_INT, a->comm));
  offset[0] = 0;
  for (PetscMPIInt r = 1; r < size; ++r) offset[r] = offset[r - 1] + count[r - 1];
  PetscCallMPI(MPI_Allgatherv(a->value, n, row, all, count, offset, row, a->comm));
  PetscCallMPI(MPI_Type_free(&row));
  PetscCall(PetscFree2(count, offset));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether rank 0 finds a dataset; not where the file cannot be opened, which its reader explains. */
static PetscErrorCode Has(MPI_Comm comm, const char file[], const char name[], PetscBool *has)
{
  PetscMPIInt rank;
  int         found = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0 && BrenierHdf5Start(file) >= 0) {
    H5E_BEGIN_TRY
    {
      const hid_t opened = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);

      found = opened >= 0 && H5Lexists(opened, name, H5P_DEFAULT) > 0;
      if (opened >= 0) H5Fclose(opened);
    }
    H5E_END_TRY;
  }
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, comm));
  *has = (PetscBool)found;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All rows of a dataset on all ranks, in an array to be freed. */
static PetscErrorCode ReadAll(MPI_Comm comm, const char file[], const char name[], BrenierArrayRole role, PetscInt *n,
                              PetscInt *width, PetscReal **all)
{
  BrenierArray a;
  char         where[PETSC_MAX_PATH_LEN];

  PetscFunctionBegin;
  PetscCall(PlaceOf(file, name, where));
  PetscCall(BrenierArrayRead(comm, where, role, &a));
  *n     = a.n;
  *width = a.dim;
  PetscCall(PetscMalloc1((size_t)a.n * (size_t)a.dim, all));
  PetscCall(BrenierArrayGather(&a, *all));
  PetscCall(BrenierArrayDestroy(&a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The weights, and the means by which they are checked. */
static PetscErrorCode ReadMeans(MPI_Comm comm, const char file[], PetscInt dim, BrenierMixtureParameters *p)
{
  PetscInt   n, width;
  PetscReal *weight, *mean;

  PetscFunctionBegin;
  PetscCall(ReadAll(comm, file, "weight", BRENIER_ARRAY_WEIGHTS, &p->n, &width, &weight));
  p->weight = weight;
  PetscCall(ReadAll(comm, file, "mean", BRENIER_ARRAY_DATA, &n, &width, &mean));
  p->mean = mean;
  PetscCheck(n == p->n && width == dim, comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: /mean has shape [%" PetscInt_FMT ", %" PetscInt_FMT "]; %" PetscInt_FMT
             " weights and targets of dimension %" PetscInt_FMT " go with [%" PetscInt_FMT ", %" PetscInt_FMT "]",
             file, n, width, p->n, dim, p->n, dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadFactors(MPI_Comm comm, const char file[], PetscInt dim, BrenierMixtureParameters *p)
{
  PetscInt   n, width;
  PetscReal *factor;
  PetscBool  has;

  PetscFunctionBegin;
  PetscCall(Has(comm, file, "factor", &has));
  if (!has) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadAll(comm, file, "factor", BRENIER_ARRAY_DATA, &n, &width, &factor));
  p->factor  = factor;
  p->factors = n == p->n && width == dim * dim ? n : 1;
  p->width   = n == dim && p->factors == 1 ? width : dim;
  PetscCheck(p->factors > 1 || (n == dim && width <= dim) || (n == 1 && width == dim * dim), comm,
             PETSC_ERR_FILE_UNEXPECTED,
             "%s: /factor has %" PetscInt_FMT " rows of %" PetscInt_FMT " numbers; its shape is [%" PetscInt_FMT
             ", %" PetscInt_FMT "] or fewer columns, one for all components, or [%" PetscInt_FMT ", %" PetscInt_FMT
             ", %" PetscInt_FMT "]",
             file, n, width, dim, dim, p->n, dim, dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Read(MPI_Comm comm, const char file[], PetscInt dim, BrenierMixtureParameters *p)
{
  PetscFunctionBegin;
  PetscCall(ReadMeans(comm, file, dim, p));
  PetscCall(ReadFactors(comm, file, dim, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureFree(BrenierMixtureParameters *p)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(p->weight));
  PetscCall(PetscFree(p->mean));
  PetscCall(PetscFree(p->factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMixtureRead(MPI_Comm comm, const char file[], PetscInt dim, BrenierMixtureParameters *p)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *p   = (BrenierMixtureParameters){0};
  ierr = Read(comm, file, dim, p);
  if (ierr) PetscCall(BrenierMixtureFree(p));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
