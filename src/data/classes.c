/* classes.c - Implements classes.h. */
#include <brenier/base.h>
#include <brenier/classes.h>

#include <stdlib.h>
#include <xxhash.h>

/* A seed is a whole number that a double holds. */
enum { SEED_BITS = 53 };

typedef struct {
  PetscInt64 label, row;
} LabelledRow;

static int Order(PetscInt64 a, PetscInt64 b)
{
  return (a > b) - (a < b);
}

static int CompareRows(const void *first, const void *second)
{
  const LabelledRow *a = first, *b = second;

  return a->label != b->label ? Order(a->label, b->label) : Order(a->row, b->row);
}

/* The labels of all ranks, in the order of the rows. */
static PetscErrorCode GatherLabels(MPI_Comm comm, PetscInt n_local, const PetscInt64 label[], PetscInt *n,
                                   PetscInt64 **all)
{
  PetscMPIInt size, here, *count, *begin;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMPIIntCast(n_local, &here));
  PetscCall(PetscMalloc2(size, &count, size, &begin));
  PetscCallMPI(MPI_Allgather(&here, 1, MPI_INT, count, 1, MPI_INT, comm));
  *n = 0;
  for (PetscMPIInt r = 0; r < size; ++r) {
    PetscCall(PetscMPIIntCast(*n, &begin[r]));
    *n += count[r];
  }
  PetscCall(PetscMalloc1(*n, all));
  PetscCallMPI(MPI_Allgatherv(label, here, MPIU_INT64, *all, count, begin, MPIU_INT64, comm));
  PetscCall(PetscFree2(count, begin));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets the classes of sorted rows. */
static PetscErrorCode SetClasses(BrenierClasses c, const LabelledRow sorted[])
{
  PetscInt k = -1;

  PetscFunctionBegin;
  c->n_classes = 0;
  for (PetscInt i = 0; i < c->n; ++i) c->n_classes += i == 0 || sorted[i].label != sorted[i - 1].label;
  PetscCall(PetscMalloc3(c->n_classes, &c->label, c->n_classes + 1, &c->begin, c->n, &c->row));
  for (PetscInt i = 0; i < c->n; ++i) {
    if (i == 0 || sorted[i].label != sorted[i - 1].label) {
      c->label[++k] = sorted[i].label;
      c->begin[k]   = i;
    }
    c->row[i] = sorted[i].row;
  }
  c->begin[c->n_classes] = c->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassesCreate(MPI_Comm comm, PetscInt n_local, const PetscInt64 label[], BrenierClasses *classes)
{
  BrenierClasses c;
  LabelledRow   *sorted;
  PetscInt64    *all;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  PetscCall(GatherLabels(comm, n_local, label, &c->n, &all));
  PetscCall(PetscMalloc1(c->n, &sorted));
  for (PetscInt i = 0; i < c->n; ++i) sorted[i] = (LabelledRow){all[i], i};
  PetscCall(PetscFree(all));
  qsort(sorted, (size_t)c->n, sizeof *sorted, CompareRows);
  PetscCall(SetClasses(c, sorted));
  PetscCall(PetscFree(sorted));
  *classes = c;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierClassesSize(BrenierClasses c, PetscInt k)
{
  return c->begin[k + 1] - c->begin[k];
}

PetscInt BrenierClassesFind(BrenierClasses c, PetscInt64 label)
{
  PetscInt low = 0, high = c->n_classes - 1;

  while (low <= high) {
    const PetscInt middle = low + (high - low) / 2;

    if (c->label[middle] == label) return middle;
    if (c->label[middle] < label) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

PetscInt64 BrenierClassesHash(BrenierClasses c)
{
  uint64_t sum = 0; // of hashes of pairs of label and row

  for (PetscInt k = 0; k < c->n_classes; ++k)
    for (PetscInt i = c->begin[k]; i < c->begin[k + 1]; ++i) {
      const PetscInt64 pair[] = {c->label[k], c->row[i]};

      sum += XXH3_64bits(pair, sizeof pair);
    }
  return (PetscInt64)sum;
}

PetscInt64 BrenierClassSeed(PetscInt64 seed, PetscInt64 label)
{
  return (PetscInt64)(XXH3_64bits_withSeed(&label, sizeof label, (uint64_t)seed) >> (64 - SEED_BITS));
}

/* ---- who works on which ---- */

typedef struct {
  PetscReal cost;
  PetscInt  k;
} CostOfClass;

/* By falling cost; classes of one cost by their number. */
static int CompareCosts(const void *first, const void *second)
{
  const CostOfClass *a = first, *b = second;

  if (a->cost != b->cost) return a->cost < b->cost ? 1 : -1;
  return Order(a->k, b->k);
}

PetscErrorCode BrenierClassesSchedule(BrenierClasses c, PetscMPIInt size, const PetscReal cost[], PetscReal least,
                                      const PetscBool done[], PetscMPIInt owner[])
{
  CostOfClass *order;
  PetscReal   *load, all = 0.0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(c->n_classes, &order));
  PetscCall(PetscCalloc1(size, &load));
  for (PetscInt k = 0; k < c->n_classes; ++k) {
    order[k] = (CostOfClass){cost[k], k};
    all += cost[k];
  }
  qsort(order, (size_t)c->n_classes, sizeof *order, CompareCosts);
  for (PetscInt i = 0; i < c->n_classes; ++i) {
    const PetscInt k            = order[i].k;
    PetscMPIInt    least_loaded = 0;

    owner[k] = 0;
    if (size > 1 && cost[k] >= least && cost[k] > all / size) owner[k] = BRENIER_ALL_RANKS;
    if (owner[k] == BRENIER_ALL_RANKS || (done && done[k])) continue;
    for (PetscMPIInt r = 1; r < size; ++r)
      if (load[r] < load[least_loaded]) least_loaded = r;
    owner[k] = least_loaded;
    load[least_loaded] += cost[k];
  }
  PetscCall(PetscFree(order));
  PetscCall(PetscFree(load));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassesDestroy(BrenierClasses *classes)
{
  BrenierClasses c = *classes;

  PetscFunctionBegin;
  if (!c) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree3(c->label, c->begin, c->row));
  PetscCall(PetscFree(*classes));
  PetscFunctionReturn(PETSC_SUCCESS);
}
