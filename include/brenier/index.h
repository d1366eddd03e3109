/*
  index.h - What an index counts.

  One target has several numbers at once, and an array of numbers keeps its kind for as long as it lives:
    BrenierGlobal      among all targets, rank after rank; the number in files and messages
    BrenierLocal       among the targets of this rank
    BrenierGhost       among the targets that curves of this rank touch, ascending by their global numbers
    BrenierBlockRow    in the block of targets that a scan has at hand
  A curve has a number in its stream, BrenierCurveIndex, which names it for any number of ranks, and a place among the
  curves of this rank, a PetscInt c.
*/
#pragma once

#include <petscsys.h>

typedef PetscInt   BrenierGlobal, BrenierLocal, BrenierGhost;
typedef int32_t    BrenierBlockRow;
typedef PetscInt64 BrenierCurveIndex;
