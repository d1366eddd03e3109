/* source_file.c - Sources in files: implements BrenierSourceSave(), BrenierSourceLoad() and BrenierSourceHash() of
   source.h. */
#include "source_impl.h"
#include "store_impl.h"

#include <brenier/base.h>

#include <xxhash.h>

static const char brenier_mean_name[] = "/source_mean", brenier_factor_name[] = "/source_factor";

/* The components of a mixture. */
static const char brenier_weights_name[] = "/component_weight", brenier_means_name[] = "/component_mean";
static const char brenier_factors_name[] = "/component_factor";

/* Mean and factor, by rank 0. */
static PetscErrorCode SaveAffine(const BrenierAffine *a, BrenierStore store)
{
  PetscMPIInt rank;
  PetscInt    rows;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(store->comm, &rank));
  rows = rank == 0 ? a->dim : 0;
  PetscCall(BrenierStoreWriteRows(store, brenier_mean_name, BRENIER_F8, rows, 0, a->mean, "same as the source"));
  PetscCall(BrenierStoreWriteRows(store, brenier_factor_name, BRENIER_F8, rows, a->width == 1 ? 0 : a->dim, a->factor,
                                  "same as the source"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Components, by rank 0. */
static PetscErrorCode SaveMixture(const BrenierMixture *m, BrenierStore store)
{
  PetscMPIInt rank;
  PetscInt    rows, factors;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(store->comm, &rank));
  rows    = rank == 0 ? m->n : 0;
  factors = rank == 0 ? m->factors : 0;
  PetscCall(BrenierStoreWriteRows(store, brenier_weights_name, BRENIER_F8, rows, 0, m->weight, "1"));
  PetscCall(BrenierStoreWriteRows(store, brenier_means_name, BRENIER_F8, rows, m->dim, m->mean, "same as the source"));
  if (m->factors)
    PetscCall(BrenierStoreWriteRows(store, brenier_factors_name, BRENIER_F8, factors, m->dim * m->width, m->factor,
                                    "same as the source"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceSave(BrenierSource source, BrenierStore store)
{
  PetscFunctionBegin;
  PetscCall(BrenierStoreSetText(store, "/", "source", BrenierSourceName(source)));
  PetscCall(BrenierStoreSetReal(store, "/", "source_scale", BrenierSourceScale(source)));
  if (BrenierSourceTakesDof(BrenierSourceName(source)))
    PetscCall(BrenierStoreSetReal(store, "/", "source_dof", BrenierSourceDof(source)));
  if (source->affine) PetscCall(SaveAffine(source->affine, store));
  if (source->mixture) PetscCall(SaveMixture(source->mixture, store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A dataset of n rows from rank 0 on all ranks. */
static PetscErrorCode ReadOnAll(BrenierStore store, const char name[], PetscInt n, PetscInt width, PetscReal x[])
{
  PetscMPIInt rank, count;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(n * width, &count));
  PetscCallMPI(MPI_Comm_rank(store->comm, &rank));
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, rank == 0 ? 0 : n, rank == 0 ? n : 0, x));
  PetscCallMPI(MPI_Bcast(x, count, MPIU_REAL, 0, store->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean and factor, where the file has them, in arrays to be freed. */
static PetscErrorCode LoadAffine(BrenierStore store, PetscInt dim, BrenierSourceParameters *p, PetscReal **mean,
                                 PetscReal **factor)
{
  PetscInt64 n, rows;
  PetscInt   none, width;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, brenier_mean_name, &n, &none));
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreGetShape(store, brenier_factor_name, &rows, &width));
  PetscCheck(n == dim && none == 0 && rows == dim && (width == 0 || width == dim), store->comm,
             PETSC_ERR_FILE_UNEXPECTED,
             "%s: %s and %s are not those of a source of dimension %" PetscInt_FMT "; the file is damaged, solve again",
             store->path, brenier_mean_name, brenier_factor_name, dim);
  p->factor_width = PetscMax(width, 1);
  PetscCall(PetscMalloc1(dim, mean));
  PetscCall(PetscMalloc1((size_t)dim * (size_t)p->factor_width, factor));
  PetscCall(ReadOnAll(store, brenier_mean_name, dim, 1, *mean));
  PetscCall(ReadOnAll(store, brenier_factor_name, dim, p->factor_width, *factor));
  p->mean   = *mean;
  p->factor = *factor;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refuses components whose shapes do not fit each other. */
static PetscErrorCode CheckMixture(BrenierStore store, PetscInt dim, PetscInt64 n, const PetscInt64 rows[2],
                                   const PetscInt width[3])
{
  const PetscBool means   = (PetscBool)(n >= 1 && width[0] == 0 && rows[0] == n && width[1] == dim);
  const PetscBool factors = (PetscBool)((rows[1] == n || rows[1] == 1) && width[2] > 0 && width[2] % dim == 0);

  PetscFunctionBegin;
  PetscCheck(means && (rows[1] < 0 || factors), store->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: %s, %s and %s are not those of a source of dimension %" PetscInt_FMT
             "; the file is damaged, solve again",
             store->path, brenier_weights_name, brenier_means_name, brenier_factors_name, dim);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Components, where the file has them; to be freed. */
static PetscErrorCode LoadMixture(BrenierStore store, PetscInt dim, BrenierMixtureParameters *m)
{
  PetscInt64 n, rows[2];
  PetscInt   width[3];

  PetscFunctionBegin;
  *m = (BrenierMixtureParameters){.is_standard = PETSC_TRUE};
  PetscCall(BrenierStoreGetShape(store, brenier_weights_name, &n, &width[0]));
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(BrenierStoreGetShape(store, brenier_means_name, &rows[0], &width[1]));
  PetscCall(BrenierStoreGetShape(store, brenier_factors_name, &rows[1], &width[2]));
  PetscCall(CheckMixture(store, dim, n, rows, width));
  m->n       = (PetscInt)n;
  m->factors = (PetscInt)PetscMax(rows[1], 0);
  m->width   = m->factors ? width[2] / dim : 0;
  PetscCall(PetscMalloc1(m->n, &m->weight));
  PetscCall(PetscMalloc1((size_t)m->n * (size_t)dim, &m->mean));
  PetscCall(ReadOnAll(store, brenier_weights_name, m->n, 1, m->weight));
  PetscCall(ReadOnAll(store, brenier_means_name, m->n, dim, m->mean));
  if (!m->factors) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)m->factors * (size_t)width[2], &m->factor));
  PetscCall(ReadOnAll(store, brenier_factors_name, m->factors, width[2], m->factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSourceLoad(BrenierStore store, PetscInt dim, BrenierSource *source)
{
  BrenierMixtureParameters mixture = {0};
  char                     name[64];
  BrenierSourceParameters  p    = {.dof = BRENIER_DEFAULT_DOF};
  PetscReal               *mean = NULL, *factor = NULL;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetText(store, "/", "source", sizeof name, name));
  PetscCall(BrenierStoreGetReal(store, "/", "source_scale", &p.scale));
  PetscCheck(BrenierSourceLeastDim(name) < PETSC_MAX_INT, store->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: unknown source '%s'; it was written by another version of Brenier", store->path, name);
  if (BrenierSourceTakesDof(name)) PetscCall(BrenierStoreGetReal(store, "/", "source_dof", &p.dof));
  PetscCall(LoadAffine(store, dim, &p, &mean, &factor));
  if (BrenierSourceTakesMixture(name)) PetscCall(LoadMixture(store, dim, &mixture));
  if (BrenierSourceTakesMixture(name)) p.mixture = &mixture; // none in the file: one, N(0, I)
  PetscCall(BrenierSourceCreateWith(store->comm, name, dim, &p, source));
  PetscCall(BrenierMixtureFree(&mixture));
  PetscCall(PetscFree(mean));
  PetscCall(PetscFree(factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSourceHash(BrenierSource source, PetscInt64 *hash)
{
  const BrenierAffine  *a = source->affine;
  const BrenierMixture *m = source->mixture;
  XXH64_hash_t          h = 0;

  if (source->dof > 0.0) h = XXH3_64bits_withSeed(&source->dof, sizeof source->dof, h);
  if (a) h = XXH3_64bits_withSeed(a->mean, (size_t)a->dim * sizeof *a->mean, h);
  if (a) h = XXH3_64bits_withSeed(a->factor, (size_t)a->dim * (size_t)a->width * sizeof *a->factor, h);
  if (m) h = XXH3_64bits_withSeed(m->weight, (size_t)m->n * sizeof *m->weight, h);
  if (m) h = XXH3_64bits_withSeed(m->mean, (size_t)m->n * (size_t)m->dim * sizeof *m->mean, h);
  if (m && m->factors)
    h = XXH3_64bits_withSeed(m->factor, (size_t)m->factors * (size_t)m->dim * (size_t)m->width * sizeof *m->factor, h);
  *hash = (PetscInt64)h;
}
