/*
  candidates.c - Implements candidates.h: an arena with the entries of all lists.

  The list of curve c lies at offset[c] to offset[c] + n[c] - 1. A list that grows moves to the end of the arena, and
  its old entries are lost. Saved lists are offsets into the same arena: entries before fixed_end are never overwritten,
  and a list there moves before it changes. Compaction moves all lists, present and saved, together.
*/
#include "candidates.h"

#include <brenier/compat.h>

#include <stdlib.h>

/* Ratio of the length of all lists to that after full scans at which all curves are scanned again. */
static const PetscReal brenier_list_growth = 3.0;

PetscErrorCode BrenierCandidatesAddCurves(BrenierCandidates *lists, PetscInt n_curves)
{
  PetscFunctionBegin;
  PetscCall(PetscRealloc((size_t)n_curves * sizeof *lists->offset, &lists->offset));
  PetscCall(PetscRealloc((size_t)n_curves * sizeof *lists->n, &lists->n));
  for (PetscInt c = lists->n_curves; c < n_curves; ++c) {
    lists->n[c]      = -1;
    lists->offset[c] = 0;
  }
  lists->n_curves = n_curves;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GrowArena(BrenierCandidates *lists, PetscInt64 n)
{
  const size_t capacity = (size_t)n + (size_t)n / 8 + 1024;

  PetscFunctionBegin;
  if (n <= lists->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof *lists->global, &lists->global));
  PetscCall(PetscRealloc(capacity * sizeof *lists->ghost, &lists->ghost));
  PetscCall(PetscRealloc(capacity * sizeof *lists->a, &lists->a));
  PetscCall(PetscRealloc(capacity * sizeof *lists->b, &lists->b));
  if (lists->has_base) PetscCall(PetscRealloc(capacity * sizeof *lists->base, &lists->base));
  PetscCall(PetscRealloc(capacity * sizeof *lists->lower, &lists->lower));
  lists->capacity = (PetscInt64)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCandidatesSet(BrenierCandidates *lists, PetscInt c, PetscInt n, const BrenierGlobal global[],
                                    const PetscReal a[], const PetscReal b[], const PetscReal base[],
                                    const float lower[])
{
  PetscFunctionBegin;
  if (n > lists->n[c] || lists->offset[c] < lists->fixed_end) {
    PetscCall(GrowArena(lists, lists->end + n));
    lists->offset[c] = lists->end;
    lists->end += n;
  }
  lists->n_total += n - PetscMax(lists->n[c], 0);
  lists->n[c] = n;
  PetscCall(PetscArraycpy(lists->global + lists->offset[c], global, n));
  PetscCall(PetscArraycpy(lists->a + lists->offset[c], a, n));
  PetscCall(PetscArraycpy(lists->b + lists->offset[c], b, n));
  if (lists->has_base) PetscCall(PetscArraycpy(lists->base + lists->offset[c], base, n));
  PetscCall(PetscArraycpy(lists->lower + lists->offset[c], lower, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where a list lies, of a curve as it is or as it was saved. */
typedef struct {
  PetscInt64  begin;
  PetscInt    n;
  PetscInt64 *offset; /* who has to know */
} ListPlace;

static int ComparePlaces(const void *left, const void *right)
{
  const ListPlace *l = left, *r = right;

  return (l->begin > r->begin) - (l->begin < r->begin);
}

/* All lists in use that are not empty, in the order in which they lie; returns their number. */
static PetscInt64 CollectPlaces(BrenierCandidates *lists, ListPlace place[])
{
  BrenierSavedLists *saved = &lists->saved;
  PetscInt64         n     = 0;

  for (PetscInt c = 0; saved->n_total > 0 && c < saved->n_curves; ++c)
    if (saved->n[c] > 0) place[n++] = (ListPlace){saved->offset[c], saved->n[c], &saved->offset[c]};
  for (PetscInt c = 0; c < lists->n_curves; ++c)
    if (lists->n[c] > 0) place[n++] = (ListPlace){lists->offset[c], lists->n[c], &lists->offset[c]};
  qsort(place, (size_t)n, sizeof *place, ComparePlaces);
  return n;
}

static PetscErrorCode MoveList(BrenierCandidates *lists, PetscInt64 from, PetscInt64 to, PetscInt n)
{
  PetscFunctionBegin;
  PetscCall(PetscArraymove(lists->global + to, lists->global + from, n));
  PetscCall(PetscArraymove(lists->ghost + to, lists->ghost + from, n));
  PetscCall(PetscArraymove(lists->a + to, lists->a + from, n));
  PetscCall(PetscArraymove(lists->b + to, lists->b + from, n));
  if (lists->has_base) PetscCall(PetscArraymove(lists->base + to, lists->base + from, n));
  PetscCall(PetscArraymove(lists->lower + to, lists->lower + from, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCandidatesCompact(BrenierCandidates *lists)
{
  const BrenierSavedLists *saved = &lists->saved;
  ListPlace               *place;
  PetscInt64               n, end = 0;

  PetscFunctionBegin;
  // A third unused, or more with a saved generation: most lists are the saved ones
  if (lists->end <= lists->n_total + lists->n_total / 2 + saved->n_total) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((size_t)lists->n_curves + (size_t)saved->n_curves, &place));
  n = CollectPlaces(lists, place);
  for (PetscInt64 i = 0, last = 0; i < n; last = i++) {
    // A list that did not change since it was saved is the saved one as well
    if (i > 0 && place[i].begin == place[last].begin) {
      *place[i].offset = *place[last].offset;
      continue;
    }
    PetscCall(MoveList(lists, place[i].begin, end, place[i].n));
    *place[i].offset = end;
    end += place[i].n;
  }
  lists->end = end;
  if (saved->n_total > 0) lists->fixed_end = end; // after the move saved and present lists are not separate any more
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCandidatesTooLong(const BrenierCandidates *lists, MPI_Comm comm, PetscInt64 n_fresh,
                                        PetscBool *too_long)
{
  PetscInt64 n[2] = {lists->n_total, n_fresh};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, n, 2, MPIU_INT64, MPI_SUM, comm));
  *too_long = (PetscBool)((PetscReal)n[0] > brenier_list_growth * (PetscReal)n[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierCandidatesClear(BrenierCandidates *lists)
{
  for (PetscInt c = 0; c < lists->n_curves; ++c) lists->n[c] = -1;
  lists->n_total = 0;
  if (lists->saved.n_total == 0) lists->end = 0;
}

PetscErrorCode BrenierCandidatesClearSaved(BrenierCandidates *lists)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(lists->saved.offset));
  PetscCall(PetscFree(lists->saved.n));
  PetscCall(PetscMemzero(&lists->saved, sizeof lists->saved));
  lists->fixed_end = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierCandidatesSave(BrenierCandidates *lists)
{
  BrenierSavedLists *saved = &lists->saved;
  const PetscInt     n     = lists->n_curves;

  PetscFunctionBegin;
  PetscCall(BrenierCandidatesClearSaved(lists));
  PetscCall(BrenierCandidatesCompact(lists));
  PetscCall(PetscMalloc1(n, &saved->offset));
  PetscCall(PetscMalloc1(n, &saved->n));
  PetscCall(PetscArraycpy(saved->offset, lists->offset, n));
  PetscCall(PetscArraycpy(saved->n, lists->n, n));
  saved->n_curves  = n;
  saved->n_total   = lists->n_total;
  lists->fixed_end = lists->end;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt BrenierCandidatesLongest(const BrenierCandidates *lists)
{
  PetscInt most = 0;

  for (PetscInt c = 0; c < lists->n_curves; ++c) most = PetscMax(most, lists->n[c]);
  return most;
}

PetscErrorCode BrenierCandidatesFree(BrenierCandidates *lists)
{
  PetscFunctionBegin;
  PetscCall(BrenierCandidatesClearSaved(lists));
  PetscCall(PetscFree(lists->offset));
  PetscCall(PetscFree(lists->n));
  PetscCall(PetscFree(lists->global));
  PetscCall(PetscFree(lists->ghost));
  PetscCall(PetscFree(lists->a));
  PetscCall(PetscFree(lists->b));
  PetscCall(PetscFree(lists->base));
  PetscCall(PetscFree(lists->lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}
