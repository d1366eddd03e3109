/* loop_options.h - What the command lines of quantise and barycentre ask for, and the loop that both run (lloyd.h). */
#pragma once

#include "solve_source.h"

#include <brenier/lloyd.h>

/* Step limit and move_tol by default. */
#define BRENIER_LOOP_STEPS    100
#define BRENIER_LOOP_MOVE_TOL 0.01

/* Options of both commands: OWN, and PART for those whose value goes to a member of the SolveRequest. */
#define BRENIER_LOOP_FILES(PART)                                                                                       \
  PART(OUTPUT, output, "-o", "FILE", .format = "brenier-result", .needed = PETSC_TRUE, .group = "files",               \
       .text = "result file to write: the points, and the map to them")                                                \
  PART(INPUT, weights, "-weights", "FILE", .rule = "equal",                                                            \
       .text = "weights nu_i of the points, shape [n], which no step changes: file.npy or file.h5:/dataset")

#define BRENIER_LOOP_PROBLEM(PART, ...)                                                                                \
  PART(INT, solve.curves, "-curves", "N", __VA_ARGS__.low = 1, .high = BRENIER_MOST_COUNT, .problem = PETSC_TRUE,      \
       .rule = "none where cells are exact (points span 2 or 3 dimensions), else 4 circles or 16 chords per point",    \
       .text = "size of the one sample that all steps use")                                                            \
  PART(INT, solve.seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1", .problem = PETSC_TRUE,     \
       .text = "seed of all random numbers")

#define BRENIER_LOOP_METHOD(OWN)                                                                                       \
  OWN(INT, max_steps, "-steps", "N", .low = 0, .high = 1000000, .standard = BRENIER_WORDS(BRENIER_LOOP_STEPS),         \
      .problem = PETSC_TRUE, .group = "method",                                                                        \
      .text = "largest number of steps; exit code 6 says that it was reached")                                         \
  OWN(REAL, move_tol, "-move_tol", "X", .low = 0.0, .high = 1.0, .standard = BRENIER_WORDS(BRENIER_LOOP_MOVE_TOL),     \
      .problem = PETSC_TRUE,                                                                                           \
      .text    = "end when the root-mean-square move of the points is at most X times the distance; 0: when the cost " \
                 "does not fall")

#define BRENIER_LOOP_MACHINE(PART)                                                                                     \
  PART(REAL, memory, "-memory", "GIB", .low = 1e-6, .high = 1e9, .group = "machine",                                   \
       .rule = BRENIER_WORDS(BRENIER_MEMORY_PERCENT) "% of the node's", .text = "memory of a node for the sample")     \
  BRENIER_THREADS_OPTION(PART)                                                                                         \
  BRENIER_DEVICE_OPTION(PART)

#define BRENIER_LOOP_STOPS(PART)                                                                                       \
  PART(CHECKPOINT, checkpoint, "-checkpoint", "FILE", .group = "stopping and continuing",                              \
       .format = "brenier-checkpoint",                                                                                 \
       .text   = "write steps to FILE; after a stop the same command continues after the last one")                    \
  PART(REAL, interval, "-checkpoint_interval", "S", .low = 0.0, .high = 1e9,                                           \
       .standard = BRENIER_WORDS(BRENIER_CHECKPOINT_INTERVAL), .advanced = PETSC_TRUE,                                 \
       .text = "seconds between two checkpoints; 0: one after every step")                                             \
  PART(REAL, max_time, "-max_time", "S", .low = 1e-3, .high = 1e9, .rule = "no limit",                                 \
       .text = "end within 1.1 S + 5 seconds: with a checkpoint, or else with the points of the last step")            \
  PART(STOP, stop_file, "-stop_file", "FILE", .text = "stop when this file appears")

typedef struct {
  SolveRequest solve; /* output, weights, source, curves, seed, memory, threads, device, checkpoint and stops */
  BRENIER_LOOP_METHOD(BRENIER_OPTION_MEMBER)
} LoopRequest;

/* Rows of a table, of a member of the request and of its SolveRequest. */
#define BRENIER_LOOP_ROW(...)                BRENIER_OPTION_ROW(LoopRequest, __VA_ARGS__)
#define BRENIER_LOOP_PART(kind, member, ...) BRENIER_OPTION_ROW(LoopRequest, kind, solve.member, __VA_ARGS__)

/* All but the options of the sources; the first of those after them may begin a group of -help. */
#define BRENIER_LOOP_BEFORE BRENIER_LOOP_FILES(BRENIER_LOOP_PART) BRENIER_ARRAY_OPTIONS
#define BRENIER_LOOP_AFTER(...)                                                                                        \
  BRENIER_LOOP_PROBLEM(BRENIER_LOOP_PART, __VA_ARGS__)                                                                 \
  BRENIER_LOOP_METHOD(BRENIER_LOOP_ROW)                                                                                \
  BRENIER_LOOP_MACHINE(BRENIER_LOOP_PART) BRENIER_LOOP_STOPS(BRENIER_LOOP_PART) BRENIER_OPTION_END

/* What a command has found out before its loop. */
typedef struct {
  const BrenierOption *table;
  BrenierTargets       points;
  PetscInt             n_sources;
  BrenierSource       *source;
  PetscReal           *lambda;
} LoopProblem;

/* Reads the options of a table into a request, and sets threads and memory. Collective on the world; errors are
   PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierLoopRequestRead(const BrenierOption table[], LoopRequest *request);

/* Reads the first points and their weights. Collective on the world; errors as BrenierTargetsCreate(). */
PetscErrorCode BrenierLoopReadPoints(const char where[], const LoopRequest *request, BrenierTargets *points);

/* Runs the loop, tells of its steps, and writes the result, or a checkpoint after a stop. Collective on the world;
   errors as of lloyd.h. */
PetscErrorCode BrenierLoopRun(const LoopRequest *request, const LoopProblem *problem, BrenierExit *outcome);
