/*
  class_loop.h - Work that is done class by class: large classes by all ranks together, the others by one rank each.

  Each rank walks through its own classes without waiting for the others, on a communicator of its own whose context is
  quiet. The ranks meet when an interval has passed, when a stop is asked for, and at the end: there they exchange what
  is done, and a checkpoint can be written. Between meetings rank 0 hears of each class by a message, and reports it.
*/
#pragma once

#include "command.h"

#include <brenier/class_result.h>

/* What is to be done. */
typedef struct {
  /* parameters */
  BrenierClasses     classes;
  const PetscMPIInt *owner;     /* as BrenierClassesSchedule() gives it, shape [n_classes] */
  PetscReal          interval;  /* between meetings; PETSC_INFINITY for the end alone; unit: s */
  PetscReal          max_time;  /* 0: no limit; unit: s */
  const char        *stop_file; /* "" for none */
  PetscInt           threads;   /* of a rank */
  PetscBool          stops;     /* asks between classes whether to stop */
  void              *context;   /* handed to the functions */
  /* Does the work of class k and fills its record; *finished is set, and may be cleared: then the class is not done. A
     collective function of `comm`: all ranks, or one. */
  PetscErrorCode (*work)(void *context, MPI_Comm comm, PetscInt k, BrenierClassRecord *record, PetscBool *finished);
  /* Rank 0 hears of a class that is done; NULL to tell nothing. */
  PetscErrorCode (*tell)(void *context, const BrenierClassRecord *record);
  /* At a meeting, collective on the world: all ranks have the records of what is done; NULL for nothing. */
  PetscErrorCode (*meet)(void *context);
  /* data */
  PetscBool          *done;   /* shape [n_classes]; some may be done before */
  BrenierClassRecord *record; /* the same */
  /* status */
  BrenierStopReason stopped; /* who asked to stop, on any rank */
} ClassLoop;

/* Does the work of all classes that are not done. Collective on the world. Errors: those of `work`, on whichever rank,
   and of `meet`; the sentence is that of the first rank that has one. */
PetscErrorCode BrenierClassLoop(ClassLoop *loop);
