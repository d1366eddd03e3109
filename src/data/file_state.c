/* file_state.c - Implements file_state.h. */
#define _GNU_SOURCE /* SEEK_HOLE */
#include "file_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- who writes ---- */

/* Whether this descriptor of a process is open for writing. */
static PetscBool IsForWriting(const char process[], const char descriptor[])
{
  char     path[600], line[128];
  unsigned flags = O_RDONLY;
  FILE    *file;

  snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%.20s", process, descriptor);
  file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "flags: %o", &flags) == 1) break;
  if (file) fclose(file);
  return (PetscBool)((flags & O_ACCMODE) != O_RDONLY);
}

/* Whether a process has the file open for writing. Names are compared, not files: to ask for a file could hang where
   its file system does. */
static PetscBool Writes(const char process[], const char absolute[])
{
  char           path[600], target[PETSC_MAX_PATH_LEN];
  PetscBool      found = PETSC_FALSE;
  DIR           *list;
  struct dirent *entry;

  snprintf(path, sizeof path, "/proc/%.20s/fd", process);
  list = opendir(path);
  while (list && !found && (entry = readdir(list))) {
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", process, entry->d_name);
    length = readlink(path, target, sizeof target - 1);
    if (length <= 0) continue;
    target[length] = '\0';
    found          = (PetscBool)(!strcmp(target, absolute) && IsForWriting(process, entry->d_name));
  }
  if (list) closedir(list);
  return found;
}

/* "process 4242 (python3)" */
static void NameProcess(const char process[], size_t length, char who[])
{
  char  path[64], name[64] = "";
  FILE *file;

  snprintf(path, sizeof path, "/proc/%.20s/comm", process);
  file = fopen(path, "r");
  if (file && !fgets(name, sizeof name, file)) name[0] = '\0';
  if (file) fclose(file);
  name[strcspn(name, "\n")] = '\0';
  snprintf(who, length, "process %.20s%s%s%s", process, name[0] ? " (" : "", name, name[0] ? ")" : "");
}

/* Searches the processes of this machine that may be inspected. */
static PetscBool FindProcess(const char path[], size_t length, char who[])
{
  char          *absolute = realpath(path, NULL);
  DIR           *list     = absolute ? opendir("/proc") : NULL;
  PetscBool      found    = PETSC_FALSE;
  struct dirent *entry;

  while (list && !found && (entry = readdir(list))) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || atol(entry->d_name) == (long)getpid()) continue;
    found = Writes(entry->d_name, absolute);
    if (found) NameProcess(entry->d_name, length, who);
  }
  if (list) closedir(list);
  free(absolute);
  return found;
}

/* Whether HDF5, in another program, has locked a file to write to it. */
static PetscBool IsLocked(const char path[])
{
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  PetscBool locked;

  if (descriptor < 0) return PETSC_FALSE;
  locked = (PetscBool)(flock(descriptor, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK);
  close(descriptor); // and our lock with it
  return locked;
}

PetscBool BrenierFindLock(const char path[], size_t length, char who[])
{
  if (!IsLocked(path)) return PETSC_FALSE;
  if (!FindProcess(path, length, who)) snprintf(who, length, "another program");
  return PETSC_TRUE;
}

PetscBool BrenierFindWriter(const char path[], size_t length, char who[])
{
  return (PetscBool)(FindProcess(path, length, who) || BrenierFindLock(path, length, who));
}

/* ---- what was never written ---- */

/* Whether blocks of zeros that were written may be stored as holes. */
static PetscBool MakesHoles(int descriptor)
{
  const long    zfs = 0x2fc12fc1;
  struct statfs about;

  return (PetscBool)(fstatfs(descriptor, &about) || (long)about.f_type == zfs);
}

PetscBool BrenierFindHole(const char path[], PetscInt64 offset, PetscInt64 row_bytes, PetscInt64 n, PetscInt64 *first,
                          PetscInt64 *last)
{
  const PetscInt64 end        = offset + row_bytes * n;
  const int        descriptor = open(path, O_RDONLY | O_CLOEXEC);
  PetscInt64       at         = offset;
  PetscBool        found      = PETSC_FALSE;

  while (descriptor >= 0 && !found && at < end && !MakesHoles(descriptor)) {
    const off_t hole = lseek(descriptor, (off_t)at, SEEK_HOLE);
    off_t       data;

    if (hole < 0 || hole >= end) break;
    data = lseek(descriptor, hole, SEEK_DATA);
    if (data < 0 && errno != ENXIO) break;
    at     = data < 0 ? end : PetscMin((PetscInt64)data, end); // without data behind it, the hole goes to the end
    *first = (PetscMax((PetscInt64)hole, offset) - offset + row_bytes - 1) / row_bytes;
    *last  = (at - offset) / row_bytes - 1;
    found  = (PetscBool)(*last >= *first);
  }
  if (descriptor >= 0) close(descriptor);
  return found;
}
