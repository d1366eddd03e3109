/*
  expect.h - What unit tests share: an error that must come, with words of its sentence, and a folder of their own.

  Included once by a test program.
*/
#pragma once

#include <brenier/compat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of this test's own, the same on all ranks; removed at the end. */
static char folder[256];

/* What the last error said. */
static char last_sentence[2048];

static PetscErrorCode KeepSentence(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *context)
{
  (void)comm, (void)line, (void)function, (void)file, (void)context;
  if (type == PETSC_ERROR_INITIAL) snprintf(last_sentence, sizeof last_sentence, "%s", message);
  return code;
}

/* Runs `call` and requires the error `code` with `words` in its sentence, on every rank. */
#define ExpectError(call, code, words)                                                                                 \
  do {                                                                                                                 \
    PetscErrorCode got_;                                                                                               \
    PetscCall(PetscPushErrorHandler(KeepSentence, NULL));                                                              \
    got_ = (call);                                                                                                     \
    PetscCall(PetscPopErrorHandler());                                                                                 \
    PetscCheck(got_ == (code) && strstr(last_sentence, words), PETSC_COMM_SELF, PETSC_ERR_PLIB,                        \
               "expected error %d with '%s', got %d: %s", (int)(code), words, (int)got_, last_sentence);               \
  } while (0)

static const char *Path(const char name[])
{
  static char path[512];

  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static PETSC_UNUSED PetscErrorCode MakeFolder(void)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  strcpy(folder, "brenier_test_XXXXXX");
  if (rank == 0) PetscCheck(mkdtemp(folder), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot make %s", folder);
  PetscCallMPI(MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number of files in the folder; removes them when `empty`. */
static int CountFiles(PetscBool empty)
{
  DIR           *listing = opendir(folder);
  struct dirent *entry;
  int            n = 0;

  while (listing && (entry = readdir(listing))) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    ++n;
    if (empty) unlink(Path(entry->d_name));
  }
  if (listing) closedir(listing);
  return n;
}

/* Removes the folder once all ranks are done with it. */
static PETSC_UNUSED PetscErrorCode RemoveFolder(void)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  CountFiles(PETSC_TRUE);
  rmdir(folder);
  PetscFunctionReturn(PETSC_SUCCESS);
}
