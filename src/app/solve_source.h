/* solve_source.h - The source that the command line of brenier solve asks for. */
#pragma once

#include "solve_options.h"

/* The options of a source, lines of a table, of a command whose request has them in the members of a SolveRequest `in`:
   "solve." or nothing. What follows belongs to the line of -source. */
// clang-format knows no lines of tables in macros
// clang-format off
#define BRENIER_SOURCE_OPTIONS(request, in, ...)                                                                       \
  {"-source", BRENIER_CHOICE(request, in source, BrenierSourceNames), .standard = "gaussian", .problem = PETSC_TRUE,   \
   __VA_ARGS__,                                                                                                        \
   .text = "source measure mu: standard normal; uniform on [-1/2, 1/2]^d, on the unit sphere or in the unit ball; of " \
           "uniform direction and uniform length in [0, 1]; Student's"},                                               \
  {"-source_mean", "M", BRENIER_FILE(request, in source_mean, VALUES), .rule = "0", .advanced = PETSC_TRUE,            \
   .text = "mean m of the source x = m + L z, z as -source says: a number for all coordinates, or shape [d]; not of "  \
           "cube"},                                                                                                    \
  {"-source_factor", "L", BRENIER_FILE(request, in source_factor, VALUES), .rule = "1", .advanced = PETSC_TRUE,        \
   .text = "factor L of the source: a number, its diagonal, shape [d], or shape [d, d]; of a normal law L L^T is the " \
           "covariance; not of cube"},                                                                                 \
  {"-source_low", "A", BRENIER_FILE(request, in source_low, VALUES), .rule = "-0.5", .advanced = PETSC_TRUE,           \
   .text = "least coordinates of cube: a number for all, or shape [d]"},                                               \
  {"-source_high", "B", BRENIER_FILE(request, in source_high, VALUES), .rule = "0.5", .advanced = PETSC_TRUE,          \
   .text = "largest coordinates of cube: a number for all, or shape [d]"},                                             \
  {"-source_dof", "NU", BRENIER_REAL(request, in source_dof, 2.0, 1e9),                                                \
   .standard = BRENIER_WORDS(BRENIER_DEFAULT_DOF), .rule = "with -source student", .advanced = PETSC_TRUE,             \
   .text = "degrees of freedom of Student's law, above 2"}
// clang-format on

/* Reads mean, factor, low and high, numbers or files, and makes the source of -source in dimension dim. Collective on
   the world; errors are PETSC_ERR_USER_INPUT, and those of BrenierArrayRead() and BrenierSourceCreateWith(). */
PetscErrorCode BrenierSolveSourceCreate(const SolveRequest *request, PetscInt dim, BrenierSource *source);

/* Refuses options of other sources. Collective on the world; errors are PETSC_ERR_USER_INPUT. */
PetscErrorCode BrenierSolveSourceCheck(const SolveRequest *request);
