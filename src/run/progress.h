/* progress.h - What a run prints and logs on its way. */
#pragma once

#include <brenier/run.h>

/* What is solved, and the heads of the columns that follow. Collective on the run. */
PetscErrorCode BrenierRunAnnounce_Private(const BrenierRun *run);

/* Adds an iteration to the history and to the log. Collective on the communicator. */
PetscErrorCode BrenierRunAddIteration_Private(MPI_Comm comm, BrenierIterations *history, const BrenierIteration *now);

/* The same, and prints it; the context is the run. */
PetscErrorCode BrenierRunMonitor_Private(void *context, const BrenierIteration *now);

/* Reports what was measured on fresh curves; the context is the run. */
PetscErrorCode BrenierRunOnMeasurement_Private(void *context, const BrenierHeldOut *held_out);

/* Where the time went, how much was scanned, and the fastest that the cores could have. Collective on the targets. */
PetscErrorCode BrenierRunReportWork_Private(BrenierTargets targets, BrenierSource source, const BrenierSolved *solved);
