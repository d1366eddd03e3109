/*
  survivors.h - The targets that the filter let through to one curve, while a scan lasts; and a thread's room to work on
  them.

  Plain C that threads may call at once, each with room of its own: functions return 0, or -1 when memory is out.
*/
#pragma once

#include <brenier/index.h>

/* Room that a list has at least, and the length before which it is not thinned. */
enum { BRENIER_LIST_START = 256 };

typedef struct {
  PetscInt         n, limit; /* at `limit` the list is thinned */
  PetscInt         n_exact;  /* the first that many have their planes in double, ... */
  PetscInt         n_bounds; /* ... that many have raised the bounds */
  PetscInt         capacity;
  BrenierGlobal   *global; /* of the exact ones */
  BrenierBlockRow *row;    /* of the others, in the present block */
  PetscReal       *a, *b;
  PetscReal       *base;          /* what the plane adds to the height of its target along this curve: curve.h */
  PetscReal       *lower, *upper; /* heights of the plane: of its target, and `base` */
  PetscReal       *height;        /* of the exact ones: lower height of the target alone */
} BrenierSurvivors;

/* One thread's room: a list, and a number of each kind for each of its candidates. */
typedef struct {
  BrenierSurvivors list;
  PetscInt         capacity; /* of what follows */
  PetscInt        *run;
  PetscReal       *above;
  PetscReal       *height;
  float           *lower;
} BrenierScratch;

/* Room for n candidates; for n numbers of each kind. */
int BrenierSurvivorsReserve(BrenierSurvivors *list, PetscInt n);
int BrenierScratchReserve(BrenierScratch *scratch, PetscInt n);

void BrenierSurvivorsFree(BrenierSurvivors *list);
void BrenierScratchFree(BrenierScratch *scratch);

/* Copies exact candidate i of one list to place k of another. */
static inline void BrenierSurvivorsCopy(const BrenierSurvivors *from, PetscInt i, BrenierSurvivors *to, PetscInt k)
{
  to->global[k] = from->global[i];
  to->a[k]      = from->a[i];
  to->b[k]      = from->b[i];
  to->base[k]   = from->base[i];
  to->height[k] = from->height[i];
  to->lower[k]  = from->lower[i];
  to->upper[k]  = from->upper[i];
}

/* Drops the candidates whose `above` is negative. */
void BrenierSurvivorsKeepAbove(BrenierSurvivors *list, const PetscReal above[]);

/* Puts exact candidates in order of ascending target, so that ties do not depend on the ranks. */
int BrenierSurvivorsSort(BrenierSurvivors *list, BrenierScratch *scratch);
