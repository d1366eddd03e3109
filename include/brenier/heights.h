/*
  heights.h - Heights in twice the precision of a double.

  The facet between the cells of targets y_i and y_j is (h_i - h_j) / |y_j - y_i| away from the origin. Where targets
  are close, rounding of heights to doubles moves it by more than a light cell can bear. So a height may be the sum of
  two doubles: the nearest one, and its low part, which is what the nearest one leaves. Reference: Dekker, Numerische
  Mathematik 18 (1971).

  A vector of heights holds the nearest doubles. The vector of low parts is composed with it, as PETSc calls that: a
  function that knows of low parts finds them, any other sees heights as doubles. Vectors that PETSc duplicates from
  one with low parts have none until they are given some.
*/
#pragma once

#include <petscvec.h>
#include <brenier/compat.h>

/*@
  BrenierHeightsExtend - Gives heights low parts, which are zero

  Collective on the heights' communicator

  Input/Output Parameter:
. h - the heights, laid out as the targets; low parts that they had are dropped; unit: source target

  Errors: none of its own

  Cost: 8 bytes a target of this rank
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsExtend(Vec h);

/*@
  BrenierHeightsDrop - Makes heights doubles again: for what moves them without regard to low parts

  Collective on the heights' communicator

  Input/Output Parameter:
. h - the heights, laid out as the targets, with low parts or without; unit: source target

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsDrop(Vec h);

/*@
  BrenierHeightsLow - Gives the low parts of heights

  Not collective

  Input Parameter:
. h - the heights, laid out as the targets; unit: source target

  Output Parameter:
. low - laid out as the targets, borrowed; NULL when the heights are doubles; unit: source target

  Errors: none of its own

  Cost: O(1)
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsLow(Vec h, Vec *low);

/*@
  BrenierHeightsCopy - Copies heights with their low parts

  Collective on the heights' communicator

  Input Parameter:
. from - the heights, laid out as the targets; unit: source target

  Output Parameter:
. to - the same, laid out as the targets; its low parts are dropped where `from` has none; unit: source target

  Errors: none of its own

  Cost: O(n / P) operations; 8 bytes a target of this rank when `to` gets low parts
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsCopy(Vec from, Vec to);

/*@
  BrenierHeightsAdd - Adds a multiple of a vector to heights: h + t step

  Collective on the heights' communicator

  Input Parameters:
+ t    - the factor; unit: 1
- step - laid out as the targets; unit: source target

  Input/Output Parameter:
. h - the heights, laid out as the targets; with low parts t step_i, a double, is added with an error of 1e-31 of the
      height; unit: source target

  Errors: none of its own

  Cost: O(n / P) operations
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsAdd(Vec h, PetscReal t, Vec step);

/*@
  BrenierHeightsShift - Adds a constant to heights

  Collective on the heights' communicator

  Input Parameter:
. by - the constant; unit: source target

  Input/Output Parameter:
. h - the heights, laid out as the targets; as for `BrenierHeightsAdd()`; unit: source target

  Errors: none of its own

  Cost: O(n / P) operations
@*/
PETSC_EXTERN PetscErrorCode BrenierHeightsShift(Vec h, PetscReal by);
