/* check_classes.h - What brenier check is asked for, and the error of every class of a result. */
#pragma once

#include "class_option.h"

typedef struct {
  PetscInt64 seed, curves, threads; /* curves: 0 for exact cells, or as many as usual */
  PetscReal  tol;                   /* 0: not judged */
  PetscInt   device;
  PetscBool  is_checkpoint;
  ClassChoice class;
} CheckRequest;

/* Measures the maps of all classes, which are spread over the ranks by work, and reports them, the worst first.
   Collective on the world, on which the file is open; errors as BrenierClassFileRead(). */
PetscErrorCode BrenierCheckClasses(BrenierClassFile file, const CheckRequest *request, BrenierExit *outcome);
