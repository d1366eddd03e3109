/* library_impl.h - Private to src/library: the objects behind brenier.h, and how its functions begin and end. */
#pragma once

#include <brenier/brenier.h>
#include <brenier/facets.h>
#include <brenier/run.h>
#include <brenier/stop.h>

struct brenier_context {
  MPI_Comm              comm; /* owned */
  volatile sig_atomic_t stop; /* not 0: asked for */
  int                   objects;
  brenier_printer       printer;
  void                 *user;
  char                  stop_file[PETSC_MAX_PATH_LEN];
};

struct brenier_targets {
  brenier_context *context; /* borrowed */
  BrenierTargets   targets;
  int              owners; /* the caller and results */
};

struct brenier_result {
  brenier_targets   *targets; /* counted */
  BrenierOutcome     outcome;
  const PetscScalar *h, *mass, *mass_error; /* of the outcome's vectors, while the result exists */
};

struct brenier_facets {
  brenier_targets *targets; /* counted */
  BrenierFacets    facets;
};

/*
  A function that can fail is

    LibraryBegin();
    return LibraryEnd(Work(...));

  In between errors of PETSc are kept as sentences instead of being printed, and PETSc has no options.
*/
void         LibraryBegin(void);
brenier_code LibraryEnd(PetscErrorCode ierr);

/* What is wrong with an argument on this rank alone, which needs no other rank. */
brenier_code LibraryRefuse(const char sentence[], ...) PETSC_ATTRIBUTE_FORMAT(1, 2);

/* Forgets the last sentence; for functions that cannot fail any more. */
brenier_code LibraryFine(void);

/* Rows as the array below has them. `dim` is the number of columns that there must be; 0: any, the same on all ranks.
   Notes a fault when they are wrong. Not collective. */
void LibraryCheckRows(const brenier_rows *rows, const char what[], int64_t dim, BrenierFault *fault);

/* The same, agreed, and made an array. Collective. */
PetscErrorCode LibraryReadRows(MPI_Comm comm, const brenier_rows *rows, const char what[], int64_t dim,
                               BrenierArray *array);

/* One owner less; the last one frees the targets. Collective. */
PetscErrorCode LibraryReleaseTargets(brenier_targets **targets);

/* Completes a result whose outcome is set, for these targets, which it counts as one more owner. Collective. */
PetscErrorCode LibraryMakeResult(brenier_targets *targets, BrenierOutcome *outcome, brenier_result **result);

/* Reads a result, with targets of its own. Collective on the context; errors as BrenierOutcomeRead(). */
PetscErrorCode LibraryReadResult(brenier_context *context, const char path[], brenier_result **result);

/* Refuses a sample of a measurement of so many curves, 0 for as many as usual, with this seed. Not collective. */
brenier_code LibraryCheckSample(const char function[], int64_t curves, int64_t seed);

/* A measurement as the caller sees it. */
brenier_measurement LibraryMeasurement(const BrenierHeldOut *held_out);
