/* survivors.c - Implements survivors.h. */
#include "survivors.h"

#include <stdlib.h>
#include <string.h>

/* Makes the array that *array points to hold n entries of some size; 0, or -1 when memory is out. */
static int Resize(void *array, size_t n, size_t size)
{
  void *p;

  memcpy(&p, array, sizeof p);
  p = realloc(p, n * size);
  if (!p) return -1;
  memcpy(array, &p, sizeof p);
  return 0;
}

int BrenierSurvivorsReserve(BrenierSurvivors *list, PetscInt n)
{
  const size_t capacity = (size_t)PetscMax(2 * list->capacity, PetscMax(n, BRENIER_LIST_START));

  if (n <= list->capacity) return 0;
  if (Resize(&list->global, capacity, sizeof *list->global) || Resize(&list->row, capacity, sizeof *list->row) ||
      Resize(&list->a, capacity, sizeof *list->a) || Resize(&list->b, capacity, sizeof *list->b) ||
      Resize(&list->base, capacity, sizeof *list->base) || Resize(&list->height, capacity, sizeof *list->height) ||
      Resize(&list->lower, capacity, sizeof *list->lower) || Resize(&list->upper, capacity, sizeof *list->upper))
    return -1;
  list->capacity = (PetscInt)capacity;
  return 0;
}

void BrenierSurvivorsFree(BrenierSurvivors *list)
{
  free(list->global);
  free(list->row);
  free(list->a);
  free(list->b);
  free(list->base);
  free(list->height);
  free(list->lower);
  free(list->upper);
}

int BrenierScratchReserve(BrenierScratch *scratch, PetscInt n)
{
  const size_t capacity = 2 * (size_t)n;

  if (n <= scratch->capacity) return 0;
  if (Resize(&scratch->run, capacity, sizeof *scratch->run) ||
      Resize(&scratch->above, capacity, sizeof *scratch->above) ||
      Resize(&scratch->height, capacity, sizeof *scratch->height) ||
      Resize(&scratch->lower, capacity, sizeof *scratch->lower))
    return -1;
  scratch->capacity = (PetscInt)capacity;
  return 0;
}

void BrenierScratchFree(BrenierScratch *scratch)
{
  BrenierSurvivorsFree(&scratch->list);
  free(scratch->run);
  free(scratch->above);
  free(scratch->height);
  free(scratch->lower);
}

void BrenierSurvivorsKeepAbove(BrenierSurvivors *list, const PetscReal above[])
{
  PetscInt i = 0, kept = 0;

  for (; i < list->n_exact; ++i)
    if (above[i] >= 0.0) BrenierSurvivorsCopy(list, i, list, kept++);
  list->n_exact = kept;
  for (; i < list->n; ++i) {
    if (!(above[i] >= 0.0)) continue;
    list->row[kept]   = list->row[i];
    list->a[kept]     = list->a[i];
    list->b[kept]     = list->b[i];
    list->base[kept]  = list->base[i];
    list->lower[kept] = list->lower[i];
    list->upper[kept] = list->upper[i];
    ++kept;
  }
  list->n = list->n_bounds = kept;
}

/* Where ascending runs of the list begin, by their first targets; returns their number. */
static PetscInt FindRuns(const BrenierSurvivors *list, PetscInt run[])
{
  PetscInt n_runs = 0;

  for (PetscInt i = 0; i < list->n; ++i) {
    PetscInt r = n_runs;

    if (i > 0 && list->global[i - 1] < list->global[i]) continue;
    for (; r > 0 && list->global[run[r - 1]] > list->global[i]; --r) run[r] = run[r - 1];
    run[r] = i;
    ++n_runs;
  }
  return n_runs;
}

/* Targets come in ascending runs, one a block and none overlapping another, so the runs are put in order. */
int BrenierSurvivorsSort(BrenierSurvivors *list, BrenierScratch *scratch)
{
  BrenierSurvivors *sorted   = &scratch->list;
  BrenierSurvivors  unsorted = *list;
  PetscInt          n_runs, n = 0;

  if (BrenierSurvivorsReserve(sorted, list->n) || BrenierScratchReserve(scratch, list->n)) return -1;
  n_runs = FindRuns(list, scratch->run);
  if (n_runs < 2) return 0;
  for (PetscInt r = 0; r < n_runs; ++r) {
    PetscInt i = scratch->run[r];

    do BrenierSurvivorsCopy(list, i, sorted, n++);
    while (++i < list->n && list->global[i - 1] < list->global[i]);
  }
  sorted->n        = list->n;
  sorted->n_exact  = list->n_exact;
  sorted->n_bounds = list->n_bounds;
  sorted->limit    = list->limit;
  *list            = *sorted;
  scratch->list    = unsorted;
  return 0;
}
