/* source_lines.h - Several sources from a text file. */
#pragma once

#include <brenier/source.h>

/* Sources and their weights. */
typedef struct {
  PetscInt       n;
  BrenierSource *source; /* shape [n] */
  PetscReal     *lambda; /* positive, with sum 1, shape [n] */
} SourceLines;

/* Reads a file with a line for each source: its weight, then options as of solve, "-source gaussian -source_mean M".
   Empty lines and what follows # do not count. Collective on the world; errors: PETSC_ERR_FILE_OPEN, and
   PETSC_ERR_FILE_UNEXPECTED, which names the line; errors of BrenierSolveSourceCreate(). */
PetscErrorCode BrenierSourceLinesRead(const char path[], PetscInt dim, SourceLines *lines);

PetscErrorCode BrenierSourceLinesDestroy(SourceLines *lines);
