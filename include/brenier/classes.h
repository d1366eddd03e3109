/*
  classes.h - The rows of an array by their labels, and which rank works on which class.

  A class is the set of rows with one label. Classes are numbered by ascending label; the rows of a class keep their
  order. Every rank knows all of them: 8 bytes a row, and 8 more while they are sorted.
*/
#pragma once

#include <petscsys.h>

typedef struct _p_BrenierClasses *BrenierClasses;

struct _p_BrenierClasses {
  PetscInt    n, n_classes; /* rows, classes */
  PetscInt64 *label;        /* ascending, shape [n_classes] */
  PetscInt   *begin;        /* rows of class k are row[begin[k]] to row[begin[k + 1] - 1]; shape [n_classes + 1] */
  PetscInt64 *row;          /* class after class, shape [n] */
};

/* Instead of a rank: all ranks work on this class together. */
enum { BRENIER_ALL_RANKS = -1 };

/*@
  BrenierClassesCreate - Sorts rows by their labels

  Collective on `comm`

  Input Parameters:
+ comm    - the ranks
. n_local - rows of this rank, which are contiguous and in the order of the ranks
- label   - their labels, shape [n_local]

  Output Parameter:
. classes - the same on all ranks; free with `BrenierClassesDestroy()`

  Errors: `PETSC_ERR_MEM` - no memory for the labels

  Cost: a gather of 8 bytes a row; O(n log n) comparisons on every rank
@*/
PETSC_EXTERN PetscErrorCode BrenierClassesCreate(MPI_Comm comm, PetscInt n_local, const PetscInt64 label[],
                                                 BrenierClasses *classes);

/*@
  BrenierClassesSize - Gives the number of rows of a class

  Not collective

  Input Parameters:
+ classes - the classes
- k       - number of the class

  Returns: the number of its rows

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt BrenierClassesSize(BrenierClasses classes, PetscInt k);

/*@
  BrenierClassesFind - Finds the class of a label

  Not collective

  Input Parameters:
+ classes - the classes
- label   - the label

  Returns: its number, or -1 when there is none

  Cost: O(log n_classes)
@*/
PETSC_EXTERN PetscInt BrenierClassesFind(BrenierClasses classes, PetscInt64 label);

/*@
  BrenierClassesHash - Hashes the label of every row by XXH3

  Not collective

  Input Parameter:
. classes - the classes

  Returns: the hash, the same for any number of ranks

  Cost: O(n) operations
@*/
PETSC_EXTERN PetscInt64 BrenierClassesHash(BrenierClasses classes);

/*@
  BrenierClassSeed - Gives a class a seed of its own

  Not collective

  Input Parameters:
+ seed  - seed of the run
- label - label of the class

  Returns: the 53 highest bits of the XXH3 hash of the label, seeded by `seed`: it depends on no other class

  Cost: O(1)
@*/
PETSC_EXTERN PetscInt64 BrenierClassSeed(PetscInt64 seed, PetscInt64 label);

/*@
  BrenierClassesSchedule - Spreads classes over ranks by their work

  Not collective; all ranks get the same

  Input Parameters:
+ classes - the classes
. size    - number of ranks
. cost    - work of each class, shape [n_classes]; unit: any
. least   - work from which on a class may be shared by all ranks; unit: the same
- done    - classes that need no rank any more, shape [n_classes]; NULL for none

  Output Parameter:
. owner - rank of each class, or `BRENIER_ALL_RANKS`, shape [n_classes]

  Errors: none of its own

  Cost: O(n_classes (log n_classes + size))

  Notes: A class goes to all ranks when its work is at least `least` and above the fair share of a rank, which is a part
  1 / size of the work of all classes, those that are done included. The others go, by falling work, each to the rank
  that has least so far (Graham, SIAM J. Appl. Math. 17 (1969): at most 4/3 of the best time).
@*/
PETSC_EXTERN PetscErrorCode BrenierClassesSchedule(BrenierClasses classes, PetscMPIInt size, const PetscReal cost[],
                                                   PetscReal least, const PetscBool done[], PetscMPIInt owner[]);

/*@
  BrenierClassesDestroy - Frees classes, which may be NULL

  Not collective

  Input/Output Parameter:
. classes - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierClassesDestroy(BrenierClasses *classes);
