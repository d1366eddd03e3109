/*
  candidates.h - The candidate lists of all local curves, which outlive the evaluation they were made for; and one saved
  generation of them.

  Lists lie in one arena; one that grows moves to its end, and the arena is compacted when much of it is not in use.
  Entries of the saved generation do not change. certificates.c says when a list is complete.
*/
#pragma once

#include <brenier/index.h>

/* The lists as they were when they were saved. Their entries are in the arena still. */
typedef struct {
  PetscInt    n_curves;
  PetscInt64 *offset;
  PetscInt   *n;
  PetscInt64  n_total; /* entries; 0: nothing is saved */
} BrenierSavedLists;

typedef struct {
  PetscBool   has_base; /* of curve.h; set before the first list */
  PetscInt    n_curves; /* on this rank */
  PetscInt64 *offset;   /* the list of curve c is the n[c] entries from offset[c] on, by ascending target */
  PetscInt   *n;        /* -1: the curve was never scanned */
  PetscInt64  n_total;  /* entries in use */
  PetscInt64  end, capacity;
  PetscInt64  fixed_end; /* entries before are the saved generation's */
  /* entries */
  BrenierGlobal *global;
  BrenierGhost  *ghost; /* undefined between a scan and the halo that follows it */
  PetscReal     *a, *b;
  PetscReal     *base;  /* NULL unless has_base */
  float         *lower; /* lower height of a plane of the support; -INFINITY for the others */
  /* data */
  BrenierSavedLists saved;
} BrenierCandidates;

/* Height of the plane of entry i along its curve, where its target has height h. */
static inline PetscReal BrenierCandidateHeight(const BrenierCandidates *lists, PetscInt64 i, PetscReal h)
{
  return lists->has_base ? h + lists->base[i] : h;
}

/* Makes the number of curves larger; new ones have no list. Not collective. */
PetscErrorCode BrenierCandidatesAddCurves(BrenierCandidates *lists, PetscInt n_curves);

/* Sets the list of local curve c, replacing what it had; its ghosts are undefined. base: unused unless has_base. Not
   collective. O(n), amortised. */
PetscErrorCode BrenierCandidatesSet(BrenierCandidates *lists, PetscInt c, PetscInt n, const BrenierGlobal global[],
                                    const PetscReal a[], const PetscReal b[], const PetscReal base[],
                                    const float lower[]);

/* Moves the lists, present and saved, side by side if much of the arena is unused. Not collective. */
PetscErrorCode BrenierCandidatesCompact(BrenierCandidates *lists);

/* Whether the lists are so much longer than the n_fresh entries that full scans made that all curves are to be scanned
   again. Collective. */
PetscErrorCode BrenierCandidatesTooLong(const BrenierCandidates *lists, MPI_Comm comm, PetscInt64 n_fresh,
                                        PetscBool *too_long);

/* Removes the lists of all curves, but not the saved ones. Not collective. */
void BrenierCandidatesClear(BrenierCandidates *lists);

/* Saves the present lists, or removes the saved ones. Not collective. 12 bytes a curve. */
PetscErrorCode BrenierCandidatesSave(BrenierCandidates *lists);
PetscErrorCode BrenierCandidatesClearSaved(BrenierCandidates *lists);

/* Length of the longest list. Not collective. */
PetscInt BrenierCandidatesLongest(const BrenierCandidates *lists);

PetscErrorCode BrenierCandidatesFree(BrenierCandidates *lists);
