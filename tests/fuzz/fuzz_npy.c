/*
  fuzz_npy.c - What libFuzzer calls with bytes that pretend to be a .npy file: the reader must take them or refuse them.

  Built with clang by tests/fuzz/run; with replay.c it is the test that reads the corpus again in every ./check.
*/
#define _GNU_SOURCE /* memfd_create() */
#include <brenier/array.h>
#include <brenier/compat.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal is an answer, and is not printed. */
static PetscErrorCode Refuse(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                             PetscErrorType type, const char *message, void *context)
{
  (void)comm, (void)line, (void)function, (void)file, (void)type, (void)message, (void)context;
  return code;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv; // libFuzzer's own
  if (PetscInitializeNoArguments() || PetscPushErrorHandler(Refuse, NULL)) abort();
  return 0;
}

/* Reads the file in one role. Refused must be as documented; what is taken must be whole. */
static void Read(const char path[], size_t size, BrenierArrayRole role)
{
  BrenierArray         array;
  const PetscErrorCode ierr = BrenierArrayRead(PETSC_COMM_SELF, path, role, &array);

  if (ierr && ierr != PETSC_ERR_FILE_OPEN && ierr != PETSC_ERR_FILE_UNEXPECTED) abort();
  if (ierr) return;
  if (array.n < 1 || array.dim < 1 || array.n_local != array.n || (size_t)array.n > size / (size_t)array.dim) abort();
  if (role == BRENIER_ARRAY_LABELS ? !array.whole : !array.value) abort();
  for (size_t i = 0; array.value && i < (size_t)array.n * (size_t)array.dim; ++i)
    if (!isfinite(array.value[i])) abort();
  if (BrenierArrayDestroy(&array)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char hdf5_magic[] = "\x89HDF";
  char              path[64];
  int               descriptor;

  if (size >= sizeof hdf5_magic - 1 && !memcmp(data, hdf5_magic, sizeof hdf5_magic - 1)) return 0; // HDF5's to read
  descriptor = memfd_create("fuzz", 0);
  if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) abort();
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  for (BrenierArrayRole role = BRENIER_ARRAY_POINTS; role <= BRENIER_ARRAY_LABELS; ++role) Read(path, size, role);
  close(descriptor);
  return 0;
}
