/*
  class_result.h - Results that hold one map for each class of targets.

  Such a result has the datasets of result.h, with the rows of all classes in the order of the input: heights with
  sum nu_i h_i = 0 within each class, weights and masses that sum to 1 within each class. /label is the label of each
  row. The group /class has one entry a class, by ascending label: the label, and the numbers of BrenierClassRecord.
  docs/reference/files.md lists them.
*/
#pragma once

#include <brenier/classes.h>
#include <brenier/result.h>
#include <brenier/store.h>

/* Instead of an exit code: nothing was done for this class before the run was stopped. */
enum { BRENIER_CLASS_NOT_SOLVED = -1 };

/* What is known of the map of a class. */
typedef struct {
  PetscInt64     label, n, merged; /* targets, and rows that were duplicates of them */
  PetscInt64     seed, curves, one_pass_curves, exact;
  PetscInt64     exit; /* a BrenierExit, or BRENIER_CLASS_NOT_SOLVED */
  PetscReal      weight, iterations, seconds;
  BrenierHeldOut held_out;
} BrenierClassRecord;

/* Its numbers in the group /class: X(type, name, member, meaning) as in held_out.h. To add a number: a member, and a
   line here. */
#define BRENIER_CLASS_NUMBERS(X)                                                                                       \
  X(i, label, label, "label")                                                                                          \
  X(i, n_targets, n, "targets, duplicates merged")                                                                     \
  X(i, merged, merged, "rows that were duplicates of these")                                                           \
  X(r, weight, weight, "share of the class in the weights of all targets")                                             \
  X(i, seed, seed, "seed of its solve")                                                                                \
  X(i, curves, curves, "curves that its heights were fitted to")                                                       \
  X(i, one_pass_curves, one_pass_curves, "of these, curves of averaged SGD")                                           \
  X(i, exact, exact, "1 where its cells are exact, else 0")                                                            \
  X(i, exit, exit, "exit code of its solve; -1 when the run was stopped before it")                                    \
  X(r, iterations, iterations, "iterations")                                                                           \
  X(r, class_seconds, seconds, "seconds of its solve")                                                                 \
  X(i, held_out_curves, held_out.curves, "held-out curves; 0 where cells are exact")                                   \
  X(r, rho, held_out.rho, "rho, as the root attribute")                                                                \
  X(r, rho_low, held_out.rho_low, "the same")                                                                          \
  X(r, rho_high, held_out.rho_high, "the same")                                                                        \
  X(r, sampling_error, held_out.sampling_error, "the same")                                                            \
  X(r, tv, held_out.tv, "the same")                                                                                    \
  X(r, largest_error, held_out.largest_error, "the same")                                                              \
  X(i, empty, held_out.empty, "the same")                                                                              \
  X(i, missing, held_out.missing, "the same")                                                                          \
  X(r, largest_log, held_out.largest_log, "the same")                                                                  \
  X(i, unresolved, held_out.unresolved, "the same")                                                                    \
  X(r, unresolved_weight, held_out.unresolved_weight, "the same")                                                      \
  X(r, unresolved_mass, held_out.unresolved_mass, "the same")                                                          \
  X(i, wrong, held_out.wrong, "the same")                                                                              \
  X(r, wrong_weight, held_out.wrong_weight, "the same")                                                                \
  X(r, worst, held_out.worst, "the same")                                                                              \
  X(r, energy, held_out.energy, "the same")                                                                            \
  X(r, energy_error, held_out.energy_error, "the same")                                                                \
  X(r, dual, held_out.dual.value, "the same")                                                                          \
  X(r, dual_low, held_out.dual.low, "the same")                                                                        \
  X(r, dual_high, held_out.dual.high, "the same")                                                                      \
  X(r, primal, held_out.primal.value, "the same")                                                                      \
  X(r, primal_low, held_out.primal.low, "the same")                                                                    \
  X(r, primal_high, held_out.primal.high, "the same")                                                                  \
  X(r, gap, held_out.gap.value, "the same")                                                                            \
  X(r, gap_low, held_out.gap.low, "the same")                                                                          \
  X(r, gap_high, held_out.gap.high, "the same")

/* What a result with classes has beside that of one map. */
typedef struct BrenierResultClasses {
  PetscInt                  n;
  const BrenierClassRecord *record;     /* shape [n], by ascending label */
  const PetscInt64         *label;      /* of this rank's targets, shape [n_local] */
  const float              *barycentre; /* of this rank's cells, shape [n_local, dim]; unit: source */
} BrenierResultClasses;

/*@
  BrenierClassRecordsWrite - Writes the group /class

  Collective on the store

  Input Parameters:
+ store  - a store being written
. comm   - its communicator
. n      - number of classes
- record - their records, shape [n]; those of rank 0 count

  Errors: `PETSC_ERR_FILE_OPEN` - as `BrenierStoreWriteRows()`

  Cost: 8 n bytes a number, from rank 0
@*/
PETSC_EXTERN PetscErrorCode BrenierClassRecordsWrite(BrenierStore store, MPI_Comm comm, PetscInt n,
                                                     const BrenierClassRecord record[]);

/*@
  BrenierClassRecordsRead - Reads the group /class

  Collective on the store

  Input Parameters:
+ store - a store that is open for reading
. comm  - its communicator
- n     - number of classes that it must have

  Output Parameter:
. record - their records, shape [n], the same on all ranks

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - a dataset is missing or has another length

  Cost: every rank reads 8 n bytes a number
@*/
PETSC_EXTERN PetscErrorCode BrenierClassRecordsRead(BrenierStore store, MPI_Comm comm, PetscInt n,
                                                    BrenierClassRecord record[]);

/*@
  BrenierClassRecordsTotal - Sums the measurements of all classes, as weights of the classes say

  Not collective

  Input Parameters:
+ n      - number of classes
- record - their records, shape [n]

  Output Parameter:
. total - chi2, tv, energies and W2^2 / 2: means over the classes by their weights; rho: the root of that chi2; counts:
          sums; largest errors and worst: those of the worst class. Ends of intervals are means of ends, so these
          intervals are wider than necessary. Classes that were not solved do not count

  Cost: O(n)
@*/
PETSC_EXTERN void BrenierClassRecordsTotal(PetscInt n, const BrenierClassRecord record[], BrenierHeldOut *total);

/*@
  BrenierClassRecordsWorst - Finds the class with the largest upper end of the interval of rho

  Not collective

  Input Parameters:
+ n      - number of classes
- record - their records, shape [n]

  Returns: its number, the first of several; -1 when no class was solved

  Cost: O(n)
@*/
PETSC_EXTERN PetscInt BrenierClassRecordsWorst(PetscInt n, const BrenierClassRecord record[]);

typedef struct _p_BrenierClassFile *BrenierClassFile;

/* A result with classes that is open for reading. */
struct _p_BrenierClassFile {
  MPI_Comm            comm;
  BrenierStore        store;
  BrenierSource       source;
  char                path[PETSC_MAX_PATH_LEN];
  PetscInt            dim;
  BrenierClasses      classes; /* rows are those of the file */
  BrenierClassRecord *record;  /* shape [classes->n_classes], the same on all ranks */
};

/*@
  BrenierClassFileOpen - Opens a result, and reads which classes it has

  Collective on `comm`

  Input Parameters:
+ comm - the ranks that will share the targets of a class
- path - file name

  Output Parameter:
. file - free with `BrenierClassFileDestroy()`; NULL when the result has one map

  Errors:
+ `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierStoreOpen()` and `BrenierStoreReadRows()`; shapes that do not fit

  Cost: that of `BrenierClassesCreate()`
@*/
PETSC_EXTERN PetscErrorCode BrenierClassFileOpen(MPI_Comm comm, const char path[], BrenierClassFile *file);

/*@
  BrenierClassFileRead - Reads targets, source and heights of a class

  Collective on the file's communicator

  Input Parameters:
+ file - the file
- k    - number of the class

  Output Parameters:
+ result  - as of `BrenierResultRead()`, of this class; destroy its source
. targets - free with `BrenierTargetsDestroy()`
- h       - heights, laid out as the targets; the caller destroys them; unit: source target

  Errors: `PETSC_ERR_FILE_UNEXPECTED` - the class was not solved; as `BrenierStoreReadChosenRows()`; a height that is
  not finite, a weight that is not positive

  Cost: each rank reads its rows of the class once
@*/
PETSC_EXTERN PetscErrorCode BrenierClassFileRead(BrenierClassFile file, PetscInt k, BrenierResult *result,
                                                 BrenierTargets *targets, Vec *h);

/*@
  BrenierClassFileRows - Gives the rows of the file that the targets of a class on this rank have

  Not collective

  Input Parameters:
+ file    - the file
. k       - number of the class
- targets - its targets, by `BrenierClassFileRead()`

  Returns: the rows, borrowed from the file, shape [n_local]

  Cost: O(1)
@*/
PETSC_EXTERN const PetscInt64 *BrenierClassFileRows(BrenierClassFile file, PetscInt k, BrenierTargets targets);

/*@
  BrenierClassFileDestroy - Closes the file, which may be NULL

  Collective on the file's communicator

  Input/Output Parameter:
. file - NULL afterwards

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierClassFileDestroy(BrenierClassFile *file);

/*@
  BrenierResultReadClass - Reads targets, source and heights of the class with a label

  Collective on `comm`

  Input Parameters:
+ comm  - the ranks that share the targets
. path  - file name
- label - the label

  Output Parameters:
+ result  - as of `BrenierClassFileRead()`
. targets - free with `BrenierTargetsDestroy()`
- h       - heights, laid out as the targets; the caller destroys them; unit: source target

  Errors: `PETSC_ERR_USER_INPUT` - the result has one map, or no class of this label; else as `BrenierClassFileOpen()`
  and `BrenierClassFileRead()`

  Cost: that of `BrenierClassFileOpen()` and `BrenierClassFileRead()`
@*/
PETSC_EXTERN PetscErrorCode BrenierResultReadClass(MPI_Comm comm, const char path[], PetscInt64 label,
                                                   BrenierResult *result, BrenierTargets *targets, Vec *h);

/*@
  BrenierResultReadClassBarycentres - Reads the barycentres of the cells of a class, if the result has them

  Collective on the targets' communicator

  Input Parameters:
+ path    - the result file
. label   - label of the class
- targets - its targets

  Output Parameters:
+ barycentre - barycentres of this rank's cells, shape [n_local, dim]; unit: source
- found      - whether the file has them, in the shape of the targets

  Errors:
+ `PETSC_ERR_USER_INPUT`      - the result has no class of this label
. `PETSC_ERR_FILE_OPEN`       - missing or unreadable
- `PETSC_ERR_FILE_UNEXPECTED` - as `BrenierClassFileOpen()` and `BrenierStoreReadChosenRows()`

  Cost: that of `BrenierClassFileOpen()`; each rank reads its rows once
@*/
PETSC_EXTERN PetscErrorCode BrenierResultReadClassBarycentres(const char path[], PetscInt64 label,
                                                              BrenierTargets targets, PetscReal barycentre[],
                                                              PetscBool *found);
