/* check_classes.h - What brenier check is asked for, and the error of every class of a result. */
#pragma once

#include "class_option.h"

#include <brenier/run.h>

#define CHECK_OPTIONS(OWN)                                                                                             \
  OWN(INT, curves, "-curves", "N", .low = BRENIER_FEWEST_CURVES, .high = BRENIER_MOST_COUNT,                           \
      .text = "number of fresh curves",                                                                                \
      .rule = "none where cells are exact (targets span 2 or 3 dimensions), else 4 circles or 16 chords per target")   \
  OWN(INT, seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1",                                   \
      .text = "seed of these curves; for any seed they are independent of those of the solve")                         \
  OWN(REAL, tol, "-tol", "RHO", .low = BRENIER_LEAST_TOLERANCE, .high = BRENIER_MOST_TOLERANCE, .rule = "none",        \
      .text = "end with exit code 6 when the upper end of the 95% interval of rho is above RHO")                       \
  BRENIER_THREADS_OPTION(OWN)                                                                                          \
  BRENIER_DEVICE_OPTION(OWN)                                                                                           \
  OWN(SWITCH, is_checkpoint, "-checkpoint",                                                                            \
      .text = "the file is a checkpoint: compare it with its checksums, and do nothing else")

/* Numbers that are not given are 0. */
typedef struct {
  CHECK_OPTIONS(BRENIER_OPTION_MEMBER)
  ClassChoice class;
} CheckRequest;

/* Measures the maps of all classes, which are spread over the ranks by work, and reports them, the worst first.
   Collective on the world, on which the file is open; errors as BrenierClassFileRead(). */
PetscErrorCode BrenierCheckClasses(BrenierClassFile file, const CheckRequest *request, BrenierExit *outcome);
