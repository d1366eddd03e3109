/* loop_options.h - What the command lines of quantise and barycentre ask for, and the loop that both run (lloyd.h). */
#pragma once

#include "solve_source.h"

#include <brenier/lloyd.h>

typedef struct {
  SolveRequest solve; /* output, weights, source, curves, seed, memory, threads, checkpoint and stops */
  PetscInt64   max_steps;
  PetscReal    move_tol;
} LoopRequest;

/* Step limit and move_tol by default. */
#define BRENIER_LOOP_STEPS    100
#define BRENIER_LOOP_MOVE_TOL 0.01

/* Options of both commands, lines of a table of a LoopRequest: files, and all that follows the source; a group of the
   first of these may be given. */
// clang-format knows no lines of tables in macros
// clang-format off
#define BRENIER_LOOP_FILES                                                                                             \
  {"-o", "FILE", BRENIER_FILE(LoopRequest, solve.output, OUTPUT), .format = "brenier-result", .needed = PETSC_TRUE,    \
   .group = "files", .text = "result file to write: the points, and the map to them"},                                 \
  {"-weights", "FILE", BRENIER_FILE(LoopRequest, solve.weights, INPUT), .rule = "equal",                               \
   .text = "weights nu_i of the points, shape [n], which no step changes: file.npy or file.h5:/dataset"},              \
  BRENIER_ARRAY_OPTIONS

#define BRENIER_LOOP_OPTIONS(...)                                                                                      \
  {"-curves", "N", BRENIER_INT(LoopRequest, solve.solve.curves, 1, BRENIER_MOST_COUNT), .problem = PETSC_TRUE,         \
   __VA_ARGS__                                                                                                         \
   .rule = "none where cells are exact (points span 2 or 3 dimensions), else 4 circles or 16 chords per point",        \
   .text = "size of the one sample that all steps use"},                                                               \
  {"-seed", "N", BRENIER_INT(LoopRequest, solve.solve.seed, 0, BRENIER_MOST_SEED), .standard = "1",                    \
   .problem = PETSC_TRUE, .text = "seed of all random numbers"},                                                       \
  {"-steps", "N", BRENIER_INT(LoopRequest, max_steps, 0, 1000000), .standard = BRENIER_WORDS(BRENIER_LOOP_STEPS),      \
   .problem = PETSC_TRUE, .group = "method",                                                                           \
   .text = "largest number of steps; exit code 6 says that it was reached"},                                           \
  {"-move_tol", "X", BRENIER_REAL(LoopRequest, move_tol, 0.0, 1.0),                                                    \
   .standard = BRENIER_WORDS(BRENIER_LOOP_MOVE_TOL), .problem = PETSC_TRUE,                                            \
   .text = "end when the root-mean-square move of the points is at most X times the distance; 0: when the cost does "  \
           "not fall"},                                                                                                \
  {"-memory", "GIB", BRENIER_REAL(LoopRequest, solve.memory, 1e-6, 1e9), .group = "machine",                           \
   .rule = BRENIER_WORDS(BRENIER_MEMORY_PERCENT) "% of the node's", .text = "memory of a node for the sample"},        \
  BRENIER_THREADS_OPTION(LoopRequest, solve.threads),                                                                  \
  {"-checkpoint", "FILE", BRENIER_FILE(LoopRequest, solve.checkpoint, CHECKPOINT),                                     \
   .group = "stopping and continuing", .format = "brenier-checkpoint",                                                 \
   .text = "write steps to FILE; after a stop the same command continues after the last one"},                         \
  {"-checkpoint_interval", "S", BRENIER_REAL(LoopRequest, solve.interval, 0.0, 1e9), .standard = "900",                \
   .advanced = PETSC_TRUE, .text = "seconds between two checkpoints; 0: one after every step"},                        \
  {"-max_time", "S", BRENIER_REAL(LoopRequest, solve.max_time, 1e-3, 1e9), .rule = "no limit",                         \
   .text = "end within 1.1 S + 5 seconds: with a checkpoint, or else with the points of the last step"},               \
  {"-stop_file", "FILE", BRENIER_FILE(LoopRequest, solve.stop_file, STOP), .text = "stop when this file appears"}
// clang-format on

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
