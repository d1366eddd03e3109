/* class_maps.c - Implements class_maps.h. */
#include "class_maps.h"

#include <brenier/extension.h>

PetscErrorCode BrenierClassMapsRead(BrenierClassFile file, ClassMaps *maps, BrenierSource *source)
{
  BrenierResult result;
  PetscReal     sum = 0.0;

  PetscFunctionBegin;
  *maps   = (ClassMaps){.n = file->classes->n_classes, .dim = file->dim, .file = file};
  *source = NULL;
  PetscCall(PetscCalloc3(maps->n, &maps->targets, maps->n, &maps->h, maps->n, &maps->cumulative));
  for (PetscInt k = 0; k < maps->n; ++k) {
    PetscCall(BrenierClassFileRead(file, k, &result, &maps->targets[k], &maps->h[k]));
    if (k == 0) *source = result.source;
    else PetscCall(BrenierSourceDestroy(&result.source));
    maps->cumulative[k] = sum += file->record[k].weight;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierClassMapsDraw(const ClassMaps *maps, PetscInt64 seed, PetscInt64 draw)
{
  PetscInt  low = 0, high = maps->n - 1;
  PetscReal where;

  BrenierRandomUniform((uint64_t)seed, BRENIER_STREAM_CLASS, (uint64_t)draw, 1, &where);
  where *= maps->cumulative[maps->n - 1]; // 1 but for rounding
  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (where < maps->cumulative[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* Points of one class, brought together. */
typedef struct {
  PetscInt    n;
  PetscInt   *of; /* their numbers among all points here */
  PetscInt64 *index, *row;
  PetscReal  *x, *code;
} Group;

/* Carries the points of a group. */
static PetscErrorCode ApplyGroup(const ClassMaps *maps, PetscInt k, Group *g)
{
  const BrenierExtension nearest = {.n_neighbours = 1, .threshold = 180.0};

  PetscFunctionBegin;
  PetscCall(BrenierExtensionApply(&nearest, maps->targets[k], maps->h[k], g->n, g->x,
                                  &(BrenierExtended){g->index, NULL, g->code, NULL}));
  PetscCall(BrenierTargetsFetchWhole(maps->targets[k], g->n, g->index,
                                     BrenierClassFileRows(maps->file, k, maps->targets[k]), g->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points by classes: those of class k are order[begin[k]] to order[begin[k + 1] - 1]; count: over all ranks. */
static PetscErrorCode SortPoints(const ClassMaps *maps, PetscInt n, const PetscInt class[], PetscInt begin[],
                                 PetscInt order[], PetscInt count[])
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k <= maps->n; ++k) begin[k] = 0;
  for (PetscInt i = 0; i < n; ++i) ++begin[class[i] + 1];
  for (PetscInt k = 0; k < maps->n; ++k) {
    count[k] = begin[k + 1];
    begin[k + 1] += begin[k];
  }
  for (PetscInt i = 0; i < n; ++i) order[begin[class[i]]++] = i;
  for (PetscInt k = maps->n; k > 0; --k) begin[k] = begin[k - 1];
  begin[0] = 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, (PetscMPIInt)maps->n, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassMapsApply(const ClassMaps *maps, PetscInt n, const PetscInt class[], const PetscReal x[],
                                     PetscInt64 index[], PetscInt64 label[], PetscReal code[])
{
  const size_t dim = (size_t)maps->dim;
  PetscInt    *begin, *order, *count;
  Group        g;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(maps->n + 1, &begin, n, &order, maps->n, &count));
  PetscCall(PetscMalloc4(n, &g.index, n, &g.row, (size_t)n * dim, &g.x, (size_t)n * dim, &g.code));
  PetscCall(SortPoints(maps, n, class, begin, order, count));
  for (PetscInt k = 0; k < maps->n; ++k) {
    if (count[k] == 0) continue;
    g.n  = begin[k + 1] - begin[k];
    g.of = order + begin[k];
    for (PetscInt i = 0; i < g.n; ++i) PetscCall(PetscArraycpy(g.x + (size_t)i * dim, x + (size_t)g.of[i] * dim, dim));
    PetscCall(ApplyGroup(maps, k, &g));
    for (PetscInt i = 0; i < g.n; ++i) {
      index[g.of[i]] = g.row[i];
      label[g.of[i]] = maps->file->classes->label[k];
      PetscCall(PetscArraycpy(code + (size_t)g.of[i] * dim, g.code + (size_t)i * dim, dim));
    }
  }
  PetscCall(PetscFree3(begin, order, count));
  PetscCall(PetscFree4(g.index, g.row, g.x, g.code));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassMapsDestroy(ClassMaps *maps)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < maps->n; ++k) {
    PetscCall(BrenierTargetsDestroy(&maps->targets[k]));
    PetscCall(VecDestroy(&maps->h[k]));
  }
  PetscCall(PetscFree3(maps->targets, maps->h, maps->cumulative));
  *maps = (ClassMaps){0};
  PetscFunctionReturn(PETSC_SUCCESS);
}
