/*
  duplicates.c - Finds equal rows over all ranks.

  Every row travels as (128-bit hash, row, weight) to the rank that its hash names; there, sorted by (hash, row), equal
  rows lie side by side. The owner of each affected row gets back its new weight, or 0 for a row that goes.
*/
#include <brenier/compat.h>

#include "duplicates.h"

#include <stdlib.h>
#include <xxhash.h>

static size_t RowBytes(const BrenierMutablePoints *y)
{
  return (size_t)y->dim * (y->single ? sizeof *y->single : sizeof *y->value);
}

static void *RowAt(const BrenierMutablePoints *y, PetscInt i)
{
  return (y->single ? (char *)y->single : (char *)y->value) + (size_t)i * RowBytes(y);
}

typedef struct {
  XXH128_hash_t hash;
  PetscInt64    row;
  PetscReal     nu;
} RowKey;

static int CompareKeys(const void *left, const void *right)
{
  const RowKey *l = left, *r = right;

  if (l->hash.high64 != r->hash.high64) return l->hash.high64 < r->hash.high64 ? -1 : 1;
  if (l->hash.low64 != r->hash.low64) return l->hash.low64 < r->hash.low64 ? -1 : 1;
  return (l->row > r->row) - (l->row < r->row);
}

static PetscBool SameHash(const RowKey *l, const RowKey *r)
{
  return (PetscBool)(l->hash.high64 == r->hash.high64 && l->hash.low64 == r->hash.low64);
}

/* Sends key i to rank to[i]; returns what this rank received, to be freed by the caller. */
static PetscErrorCode Exchange(MPI_Comm comm, PetscInt n, const RowKey key[], const PetscMPIInt to[], PetscInt *n_got,
                               RowKey **got)
{
  PetscMPIInt  size;
  PetscMPIInt *count, *start, *in_count, *in_start;
  RowKey      *out;
  MPI_Datatype type;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscCalloc5(size, &count, size + 1, &start, size, &in_count, size + 1, &in_start, n, &out));
  for (PetscInt i = 0; i < n; ++i) ++count[to[i]];
  for (PetscMPIInt r = 0; r < size; ++r) start[r + 1] = start[r] + count[r];
  for (PetscInt i = 0; i < n; ++i) out[start[to[i]]++] = key[i];
  for (PetscMPIInt r = 0; r < size; ++r) start[r] -= count[r];
  PetscCallMPI(MPI_Alltoall(count, 1, MPI_INT, in_count, 1, MPI_INT, comm));
  for (PetscMPIInt r = 0; r < size; ++r) in_start[r + 1] = in_start[r] + in_count[r];
  *n_got = in_start[size];
  PetscCall(PetscMalloc1(*n_got, got));
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)sizeof(RowKey), MPI_BYTE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  PetscCallMPI(MPI_Alltoallv(out, count, start, type, *got, in_count, in_start, type, comm));
  PetscCallMPI(MPI_Type_free(&type));
  PetscCall(PetscFree5(count, start, in_count, in_start, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps, of sorted keys, only rows that change: the first of equal rows with its new weight, the others with 0. */
static PetscInt SelectChanged(PetscInt n, RowKey key[])
{
  PetscInt kept = 0;

  for (PetscInt first = 0, next; first < n; first = next) {
    const RowKey head = key[first];
    PetscReal    sum  = head.nu;
    PetscInt     slot = kept;

    for (next = first + 1; next < n && SameHash(&head, &key[next]); ++next) {
      sum += key[next].nu;
      key[++kept]  = key[next];
      key[kept].nu = 0.0;
    }
    if (next == first + 1) continue;
    key[slot]    = head;
    key[slot].nu = sum;
    ++kept;
  }
  return kept;
}

/* -0 becomes 0, so that both hash alike. */
static void ClearSigns(const BrenierMutablePoints *y, PetscInt i)
{
  const size_t from = (size_t)i * (size_t)y->dim, end = from + (size_t)y->dim;

  for (size_t k = from; y->single && k < end; ++k) y->single[k] += 0.0f;
  for (size_t k = from; !y->single && k < end; ++k) y->value[k] += 0.0;
}

static PetscErrorCode HashRows(PetscInt n, const BrenierMutablePoints *y, const PetscReal nu[], const PetscInt64 row[],
                               PetscMPIInt size, RowKey key[], PetscMPIInt to[])
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; ++i) {
    ClearSigns(y, i);
    key[i].hash = XXH3_128bits(RowAt(y, i), RowBytes(y));
    key[i].row  = row[i];
    key[i].nu   = nu[i];
    to[i]       = (PetscMPIInt)(key[i].hash.low64 % (uint64_t)size);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters the new weights and closes the gaps that dropped rows leave. */
static PetscErrorCode ApplyChanges(PetscInt n_changed, const RowKey changed[], PetscInt first,
                                   const BrenierMutablePoints *y, PetscInt *n_local, PetscReal nu[], PetscInt64 row[])
{
  PetscInt kept = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n_changed; ++i) nu[changed[i].row - first] = changed[i].nu;
  for (PetscInt i = 0; i < *n_local; ++i) {
    if (nu[i] == 0.0) continue;
    if (kept < i) PetscCall(PetscMemmove(RowAt(y, kept), RowAt(y, i), RowBytes(y)));
    nu[kept]    = nu[i];
    row[kept++] = row[i];
  }
  *n_local = kept;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierMergeDuplicates_Private(MPI_Comm comm, PetscLayout layout, const BrenierMutablePoints *y,
                                              PetscInt *n_local, PetscReal nu[], PetscInt64 row[], PetscInt64 *n_merged)
{
  PetscMPIInt  size;
  PetscMPIInt *to;
  PetscInt     n = *n_local, n_got, n_changed, first;
  RowKey      *key, *got, *changed;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscLayoutGetRange(layout, &first, NULL));
  PetscCall(PetscMalloc2(n, &key, n, &to));
  PetscCall(HashRows(n, y, nu, row, size, key, to));
  PetscCall(Exchange(comm, n, key, to, &n_got, &got));
  PetscCall(PetscFree2(key, to));
  if (n_got) qsort(got, (size_t)n_got, sizeof *got, CompareKeys); // got is NULL when there are none
  n_got = SelectChanged(n_got, got);
  PetscCall(PetscMalloc1(n_got, &to));
  for (PetscInt i = 0; i < n_got; ++i) PetscCall(PetscLayoutFindOwner(layout, (PetscInt)got[i].row, &to[i]));
  PetscCall(Exchange(comm, n_got, got, to, &n_changed, &changed));
  PetscCall(PetscFree(to));
  PetscCall(PetscFree(got));
  PetscCall(ApplyChanges(n_changed, changed, first, y, n_local, nu, row));
  PetscCall(PetscFree(changed));
  *n_merged = n - *n_local;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n_merged, 1, MPIU_INT64, MPI_SUM, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}
