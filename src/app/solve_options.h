/* solve_options.h - The options of brenier solve, a line each, and the request that they make. */
#pragma once

#include "command.h"

#include <brenier/run.h>

/* The options, by groups of -help: OWN, and PART for those whose value goes to a member of BrenierSolveOptions. */
#define BRENIER_SOLVE_FILES(OWN)                                                                                       \
  OWN(OUTPUT, output, "-o", "FILE", .format = "brenier-result", .needed = PETSC_TRUE, .group = "files",                \
      .text = "result file to write")                                                                                  \
  OWN(INPUT, weights, "-weights", "FILE", .rule = "equal",                                                             \
      .text = "weights nu_i of the targets, shape [n]: file.npy or file.h5:/dataset")                                  \
  OWN(START, start, "-start", "RESULT.h5",                                                                             \
      .text = "warm start: begin with the heights of this result, for the same or similar targets")                    \
  OWN(INPUT, classes, "-classes", "LABELS", .rule = "one map for all targets",                                         \
      .text = "labels of the targets, integers of shape [n]: one map for each label, in one result")                   \
  OWN(INPUT, conditions, "-conditions", "C", .rule = "none", .advanced = PETSC_TRUE,                                   \
      .text = "conditions c_i of the targets, shape [n, q]: the map from pairs (x, c), c one of the c_i and "          \
              "independent of x, to (y_i, c_i), for the cost abs(x - y)^2 + B abs(c - c')^2")                          \
  OWN(REAL, condition_weight, "-condition_weight", "B", .low = 1e-12, .high = 1e12, .rule = "with -conditions",        \
      .advanced = PETSC_TRUE, .text = "weight B of the conditions in the cost")

#define BRENIER_SOURCE_OPTIONS(OWN)                                                                                    \
  OWN(CHOICE, source, "-source", .choice = BrenierSourceNames, .standard = "gaussian", .problem = PETSC_TRUE,          \
      .group = "problem",                                                                                              \
      .text  = "source measure mu: standard normal; uniform on [-1/2, 1/2]^d, on the unit sphere or in the unit "      \
               "ball; of uniform direction and uniform length in [0, 1]; Student's; a mixture of normal laws")         \
  OWN(VALUES, source_mean, "-source_mean", "M", .rule = "0", .advanced = PETSC_TRUE,                                   \
      .text = "mean m of the source x = m + L z, z as -source says: a number for all coordinates, or shape [d]; "      \
              "not of cube")                                                                                           \
  OWN(VALUES, source_factor, "-source_factor", "L", .rule = "1", .advanced = PETSC_TRUE,                               \
      .text = "factor L of the source: a number, its diagonal, shape [d], or shape [d, d]; of a normal law L L^T "     \
              "is the covariance; not of cube")                                                                        \
  OWN(VALUES, source_low, "-source_low", "A", .rule = "-0.5", .advanced = PETSC_TRUE,                                  \
      .text = "least coordinates of cube: a number for all, or shape [d]")                                             \
  OWN(VALUES, source_high, "-source_high", "B", .rule = "0.5", .advanced = PETSC_TRUE,                                 \
      .text = "largest coordinates of cube: a number for all, or shape [d]")                                           \
  OWN(INPUT, source_file, "-source_file", "M.h5", .rule = "with -source mixture", .advanced = PETSC_TRUE,              \
      .text = "components of a mixture of normal laws: /weight [K], /mean [K, d], and /factor [K, d, d] or [d, d], "   \
              "the identity without")                                                                                  \
  OWN(REAL, source_dof, "-source_dof", "NU", .low = 2.0, .high = 1e9, .standard = BRENIER_WORDS(BRENIER_DEFAULT_DOF),  \
      .rule = "with -source student", .advanced = PETSC_TRUE, .text = "degrees of freedom of Student's law, above 2")

#define BRENIER_SOLVE_PROBLEM(OWN, PART)                                                                               \
  BRENIER_SOURCE_OPTIONS(OWN)                                                                                          \
  PART(REAL, solve.tol, "-tol", "RHO", .low = BRENIER_LEAST_TOLERANCE, .high = BRENIER_MOST_TOLERANCE,                 \
       .standard = BRENIER_WORDS(BRENIER_DEFAULT_TOLERANCE), .rule = "without -curves", .problem = PETSC_TRUE,         \
       .text = "add curves until the upper end of the 95% interval of the held-out rho is below RHO")                  \
  PART(INT, solve.curves, "-curves", "N", .low = 1, .high = BRENIER_MOST_COUNT, .rule = "as many as -tol needs",       \
       .problem = PETSC_TRUE,                                                                                          \
       .text    = "fixed size of the sample; with -tol as well, exit code 6 says that rho is above it")                \
  PART(INT, solve.check_curves, "-held_out_curves", "N", .low = BRENIER_FEWEST_CURVES, .high = BRENIER_MOST_COUNT,     \
       .alias = "-check_curves", .rule = "as many as -tol needs, or as -curves", .problem = PETSC_TRUE,                \
       .advanced = PETSC_TRUE, .text = "curves of a held-out measurement")                                             \
  PART(INT, solve.seed, "-seed", "N", .low = 0, .high = BRENIER_MOST_SEED, .standard = "1", .problem = PETSC_TRUE,     \
       .text = "seed of all random numbers")

#define BRENIER_SOLVE_METHOD(OWN, PART)                                                                                \
  OWN(CHOICE, cells, "-cells", .choice = BrenierCellsNames, .problem = PETSC_TRUE, .group = "method",                  \
      .rule = "exact where the targets span 2 or 3 dimensions, else curves",                                           \
      .text = "cell masses: exact, from polygons or polyhedra, or sampled along curves")                               \
  OWN(CHOICE, method, "-method", .choice = BrenierMethodNames, .standard = "newton",                                   \
      .text = "damped Newton; lmvm, cg or ntr of PETSc's TAO; or stochastic gradient descent: adam, asgd")             \
  OWN(CHOICE, sample, "-sample", .choice = BrenierDescentSampleNames, .standard = "points", .advanced = PETSC_TRUE,    \
      .text = "what a mini-batch of adam and asgd consists of")                                                        \
  PART(REAL, solve.warm_up, "-warm_up", "X", .low = 0.0, .high = 1e6, .rule = "at most 2", .problem = PETSC_TRUE,      \
       .advanced = PETSC_TRUE,                                                                                         \
       .text     = "warm-up: curves of averaged SGD before the first Newton stage, per target; 0: none")               \
  PART(REAL, solve.sgd_from, "-sgd_from", "N", .low = 1.0, .high = 1e18,                                               \
       .standard = BRENIER_WORDS(BRENIER_DEFAULT_SGD_FROM), .advanced = PETSC_TRUE,                                    \
       .text = "coordinates n d of all targets from which averaged SGD on fresh curves follows the first sample")      \
  OWN(INT, max_it, "-max_it", "N", .low = 0, .high = 1000000, .standard = BRENIER_WORDS(BRENIER_DEFAULT_MAX_IT),       \
      .rule = "with curves, " BRENIER_WORDS(BRENIER_EXACT_MAX_IT) " with exact cells", .problem = PETSC_TRUE,          \
      .advanced = PETSC_TRUE, .text = "largest number of Newton iterations of a stage")                                \
  PART(REAL, solve.newton.convergence.residual, "-l1_tol", "L1", .low = 0.0, .high = 2.0, .alias = "-residual",        \
       .standard = "0", .problem = PETSC_TRUE, .advanced = PETSC_TRUE,                                                 \
       .text = "stop when L1 = sum abs(w_i - nu_i) in sample is at most this; rho in sample at a tenth of the "        \
               "sampling error stops as well (at a fifth where -tol chooses the curves)")                              \
  PART(REAL, solve.newton.damping, "-damping", "X", .low = 1e-9, .high = 1e6,                                          \
       .standard = BRENIER_WORDS(BRENIER_DEFAULT_DAMPING), .problem = PETSC_TRUE, .advanced = PETSC_TRUE,              \
       .text = "damping of the first Newton iteration")                                                                \
  PART(REAL, solve.newton.linear_rtol, "-linear_rtol", "X", .low = 1e-14, .high = 0.5,                                 \
       .standard = BRENIER_WORDS(BRENIER_DEFAULT_LINEAR_RTOL), .problem = PETSC_TRUE, .advanced = PETSC_TRUE,          \
       .text = "relative tolerance of the linear solver")

#define BRENIER_SOLVE_MACHINE(OWN)                                                                                     \
  OWN(REAL, memory, "-memory", "GIB", .low = 1e-6, .high = 1e9, .group = "machine",                                    \
      .rule = BRENIER_WORDS(BRENIER_MEMORY_PERCENT) "% of the node's",                                                 \
      .text = "memory of a node for the sample; where it does not suffice, averaged SGD draws fresh curves")           \
  BRENIER_THREADS_OPTION(OWN)                                                                                          \
  BRENIER_DEVICE_OPTION(OWN)

#define BRENIER_SOLVE_STOPS(OWN)                                                                                       \
  OWN(CHECKPOINT, checkpoint, "-checkpoint", "FILE", .group = "stopping and continuing",                               \
      .format = "brenier-checkpoint",                                                                                  \
      .text   = "write checkpoints to FILE; after a stop the same command continues from there")                       \
  OWN(REAL, interval, "-checkpoint_interval", "S", .low = 0.0, .high = 1e9,                                            \
      .standard = BRENIER_WORDS(BRENIER_CHECKPOINT_INTERVAL), .advanced = PETSC_TRUE,                                  \
      .text = "seconds between two checkpoints; 0: one at every safe point")                                           \
  OWN(REAL, max_time, "-max_time", "S", .low = 1e-3, .high = 1e9, .rule = "no limit",                                  \
      .text = "end within 1.1 S + 5 seconds: with a checkpoint, or else with a result and its error")                  \
  OWN(STOP, stop_file, "-stop_file", "FILE", .text = "stop when this file appears")

#define BRENIER_SOLVE_DEBUGGING(PART)                                                                                  \
  PART(SWITCH, solve.verify, "-verify_lists", .group = "debugging", .advanced = PETSC_TRUE,                            \
       .text = "compare every evaluation by candidate lists with a scan of all targets (slow)")

/* As read, then as it is done. */
typedef struct {
  BRENIER_SOLVE_FILES(BRENIER_OPTION_MEMBER)
  BRENIER_SOLVE_PROBLEM(BRENIER_OPTION_MEMBER, BRENIER_OPTION_NO_MEMBER)
  BRENIER_SOLVE_METHOD(BRENIER_OPTION_MEMBER, BRENIER_OPTION_NO_MEMBER)
  BRENIER_SOLVE_MACHINE(BRENIER_OPTION_MEMBER)
  BRENIER_SOLVE_STOPS(BRENIER_OPTION_MEMBER)
  PetscBool           has_cells, has_max_it;
  BrenierSolveOptions solve;
} SolveRequest;

extern const BrenierOption BrenierSolveTable[];

/* Reads and checks the options of solve, those of PETSc's linear solver too, and sets the threads. Collective on the
   world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveRequestRead(SolveRequest *request);

/* The same as a run wants it; its texts are the request's, the source is borrowed. Not collective. */
void BrenierSolveRequestRun(const SolveRequest *request, BrenierSource source, BrenierRunOptions *options);

/* Finds the checkpoint of an earlier run of the same problem, if one is asked for. Collective on the world; errors as
   BrenierRunSetCheckpoint(). */
PetscErrorCode BrenierSolveRequestCheckpoint(SolveRequest *request, BrenierRun *run);

/* The same of a run with one map for each class: in request->solve.checkpoint, which is the caller's to destroy; NULL
   when none is asked for. Collective on the world; errors as BrenierProblemFindCheckpoint(). */
PetscErrorCode BrenierSolveRequestClassesCheckpoint(SolveRequest *request, BrenierTargets input, BrenierSource source,
                                                    BrenierClasses classes);
