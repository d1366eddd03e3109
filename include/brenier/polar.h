/*
  polar.h - The polar factorisation of a map: phi = grad u o s, s preserves mu.

  Theorem (Brenier, Communications on Pure and Applied Mathematics 44 (1991)). Let phi be square integrable under mu,
  with mu(phi^-1(N)) = 0 for every set N of measure zero. Then phi = grad u o s with u convex and s # mu = mu. Both are
  unique. Of all maps that preserve mu, s is nearest to phi in the mean square under mu, and its distance is W2 of mu
  and phi # mu.

  Here phi is known at points x_i drawn from mu. The values phi(x_i) are the targets of a solve, which gives u. Then
  s(x_i) lies in the cell of phi(x_i). A point drawn from mu restricted to the cell gives s # mu = mu, as far as the
  cells have their masses. The barycentre of the cell is the mean of s(x_i) given phi(x_i).
*/
#pragma once

#include <petscvec.h>
#include <brenier/array.h>
#include <brenier/source.h>
#include <brenier/targets.h>

/*@
  BrenierTargetsOfRows - Finds the target of each row that targets were made from, duplicates among them

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. n       - rows of the input on this rank: `PETSC_DECIDE`'s split of all
- y       - the rows, shape [n, dim]; unit: target

  Output Parameter:
. index - global target of each row, shape [n]

  Errors: none of its own

  Cost: one exchange; where there are duplicates, that of `BrenierTransportNearest()` for all rows
@*/
PETSC_EXTERN PetscErrorCode BrenierTargetsOfRows(BrenierTargets targets, PetscInt n, const PetscReal y[],
                                                 PetscInt64 index[]);

/*@
  BrenierCellPoints - Draws a point of mu in the cell of each row, different ones for different rows

  Collective on the targets' communicator

  Input Parameters:
+ targets - the targets
. source  - the source
. h       - heights, laid out as the targets; unit: source target
. seed    - names the points; no other function draws from their stream
. n       - number of rows on this rank
- index   - target of each row, shape [n]

  Output Parameters:
+ x       - a point of its cell for each row, NaN where none was found, shape [n, dim]; unit: source
- n_found - number of rows with a point, over all ranks

  Errors: `BRENIER_STOPPED` - a stop was asked for (stop.h)

  Cost: draws of mu until each row has its point, at most BRENIER_MOST_DRAWS a row, some log n where masses are right;
  20 bytes a row of all ranks on every rank. The same for any number of ranks
@*/
PETSC_EXTERN PetscErrorCode BrenierCellPoints(BrenierTargets targets, BrenierSource source, Vec h, PetscInt64 seed,
                                              PetscInt n, const PetscInt64 index[], PetscReal x[], PetscInt64 *n_found);

/* Draws for each row at most. */
#define BRENIER_MOST_DRAWS 64

/* How far a sample is from as many points drawn from the source. */
typedef struct {
  PetscReal ks;            /* largest Kolmogorov-Smirnov distance of two samples along an axis */
  PetscReal bound;         /* what two samples of one law exceed along any of the axes with a chance of 1% at most */
  PetscReal second_moment; /* mean of |x|^2; unit: source^2 */
} BrenierSampleDistance;

/*@
  BrenierCompareWithSource - Compares points with as many points drawn from a source, axis by axis

  Collective on `comm`

  Input Parameters:
+ comm   - the ranks that share the points
. source - the source
. seed   - names the points that are drawn
. n      - number of points on this rank; rows with NaN are left out
- x      - points, shape [n, dim]; unit: source

  Output Parameter:
. distance - the distances

  Errors: none of its own

  Cost: 16 bytes a point of all ranks on rank 0, which sorts them along each axis
@*/
PETSC_EXTERN PetscErrorCode BrenierCompareWithSource(MPI_Comm comm, BrenierSource source, PetscInt64 seed, PetscInt n,
                                                     const PetscReal x[], BrenierSampleDistance *distance);
