/* report.h - How commands print and log held-out statistics. */
#pragma once

#include <brenier/held_out.h>

/* Lines for people, and an event of the log. Collective on the world. */
PetscErrorCode BrenierReportHeldOut(const char event[], const BrenierHeldOut *held_out);
