/* solve_report.h - What brenier solve prints and logs while it runs. */
#pragma once

#include "solve_run.h"

#include <brenier/held_out.h>

/* What is solved, and the heads of the columns that follow. Collective on the world. */
PetscErrorCode BrenierSolveAnnounce(const SolveRun *run);

/* Adds an iteration to the history and to the log. Collective on the world. */
PetscErrorCode BrenierSolveAddIteration(SolveHistory *history, const BrenierIteration *now);

/* The same, and prints it; the context is the history. */
PetscErrorCode BrenierSolveMonitor(void *context, const BrenierIteration *now);

/* Reports what was measured on fresh curves. Collective on the world. */
PetscErrorCode BrenierSolveOnMeasurement(void *context, const BrenierHeldOut *held_out);

/* Where the time went, how much was scanned, and the fastest that the cores could have. Collective on the world. */
PetscErrorCode BrenierSolveReportWork(BrenierTargets targets, BrenierSource source, const BrenierSolved *solved);
