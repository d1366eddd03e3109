/* store_place.c - The place of a store: follows links to their end, and finds obstacles before any work. */
#define _XOPEN_SOURCE 700
#include "store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the final name, as much as leaves room for host, process and counter in the 255 bytes of a file name. */
enum { NAME_KEPT = 120, HOST_KEPT = 64 };

/* As many as Linux follows. */
enum { MOST_LINKS = 40 };

enum { WRITE_BITS = S_IWUSR | S_IWGRP | S_IWOTH };

/* ---- names ---- */

PetscBool BrenierStorePlace(const char path[], char place[PETSC_MAX_PATH_LEN])
{
  char target[PETSC_MAX_PATH_LEN];

  errno = ENAMETOOLONG;
  if (strlen(path) >= PETSC_MAX_PATH_LEN) return PETSC_FALSE;
  strcpy(place, path);
  for (int i = 0; i < MOST_LINKS; ++i) {
    const ssize_t length = readlink(place, target, sizeof target - 1);
    const char   *slash  = strrchr(place, '/');
    const size_t  kept   = length > 0 && target[0] != '/' && slash ? (size_t)(slash - place) + 1 : 0;

    if (length < 0) return PETSC_TRUE;
    errno = ENAMETOOLONG;
    if (kept + (size_t)length >= PETSC_MAX_PATH_LEN) return PETSC_FALSE;
    memcpy(place + kept, target, (size_t)length);
    place[kept + (size_t)length] = '\0';
  }
  errno = ELOOP;
  return PETSC_FALSE;
}

void BrenierStoreFolder(const char path[], char folder[PETSC_MAX_PATH_LEN])
{
  const char *slash = strrchr(path, '/');

  if (!slash) strcpy(folder, ".");
  else if (slash == path) strcpy(folder, "/");
  else snprintf(folder, PETSC_MAX_PATH_LEN, "%.*s", (int)(slash - path), path);
}

PetscBool BrenierStoreNameTemporary(const char place[], char temporary[PETSC_MAX_PATH_LEN])
{
  static int  counter;
  char        host[HOST_KEPT + 1] = "";
  const char *slash               = strrchr(place, '/');
  const int   folder_length       = slash ? (int)(slash - place) + 1 : 0;
  int         length;

  (void)gethostname(host, HOST_KEPT);
  length = snprintf(temporary, PETSC_MAX_PATH_LEN, "%.*s%.*s.%s.%ld.%d.tmp", folder_length, place, NAME_KEPT,
                    place + folder_length, host, (long)getpid(), ++counter);
  errno  = ENAMETOOLONG;
  return (PetscBool)(length < PETSC_MAX_PATH_LEN);
}

/* ---- what is in the way ---- */

/* Bits of the mode count for root, too: who took them away wants the file kept. */
static void CheckOlder(const char path[], const char place[], const struct stat *folder, BrenierFault *fault)
{
  struct stat about;

  if (stat(place, &about)) return;
  if (!(about.st_mode & WRITE_BITS))
    BrenierFaultSet(fault, BRENIER_EXIT_IO,
                    "%s is there already and read-only (mode %03o); name another file, or allow it to be replaced by "
                    "chmod u+w",
                    path, (unsigned)about.st_mode & 0777);
  else if (access(place, W_OK) ||
           ((folder->st_mode & S_ISVTX) && geteuid() && about.st_uid != geteuid() && folder->st_uid != geteuid()))
    BrenierFaultSet(fault, BRENIER_EXIT_IO,
                    "%s is there already and you have no permission to replace it; name another file", path);
}

/* Creates a file in the folder and removes it, since a file system may refuse it whatever the mode of the folder is. */
static void TryFolder(const char path[], const char place[], const char folder[], BrenierFault *fault)
{
  char      temporary[PETSC_MAX_PATH_LEN];
  const int fits       = BrenierStoreNameTemporary(place, temporary);
  const int descriptor = fits ? open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

  if (!fits) BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.100s...: the path is too long; name another file", path);
  else if (descriptor < 0)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write into the folder %s: %s", path, folder, strerror(errno));
  if (descriptor < 0) return;
  close(descriptor);
  unlink(temporary);
}

/* Looks at the folder that the file goes to, then at the file. */
static void CheckPlace(const char path[], const char place[], BrenierFault *fault)
{
  char        folder[PETSC_MAX_PATH_LEN];
  struct stat about, file;

  BrenierStoreFolder(place, folder);
  if (stat(folder, &about) && errno == ENOENT)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: the output folder %s does not exist; make it first", path, folder);
  else if (stat(folder, &about))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot reach the folder %s: %s", path, folder, strerror(errno));
  else if (!S_ISDIR(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s is not a folder; name another file", path, folder);
  else if (access(folder, W_OK | X_OK))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: no permission to write into the folder %s", path, folder);
  else if (lstat(place, &file) && errno != ENOENT)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.300s: cannot be written: %s; name another file", path, strerror(errno));
  if (!fault->kind) CheckOlder(path, place, &about, fault);
  if (!fault->kind) TryFolder(path, place, folder, fault);
}

void BrenierStoreCheckPlace(const char path[], BrenierFault *fault)
{
  char            place[PETSC_MAX_PATH_LEN];
  struct stat     about;
  const PetscBool there = (PetscBool)!stat(path, &about);
  const int       code  = there ? 0 : errno;
  const size_t    n     = strlen(path);

  if (there && S_ISDIR(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s is a folder; name a file instead", path);
  else if (there && !S_ISREG(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s is a pipe or a device; name a file instead", path);
  else if (n > 0 && path[n - 1] == '/')
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s ends with a slash, as a folder does; name a file instead", path);
  else if (!there && code != ENOENT && code != ENOTDIR) // a link that must not be followed, a name too long
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.300s: cannot be written: %s; name another file", path, strerror(code));
  else if (!BrenierStorePlace(path, place))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%.300s: cannot be written: %s; name another file", path, strerror(errno));
  else CheckPlace(path, place, fault);
}

/* ---- what is there ---- */

/* As text of at most length - 1 bytes; "" when there is none. */
static void CopyText(hid_t file, const char name[], char text[BRENIER_FORMAT_LENGTH])
{
  char *found = BrenierHdf5GetText(file, name);

  snprintf(text, BRENIER_FORMAT_LENGTH, "%s", found ? found : "");
  free(found);
}

BrenierFound BrenierStoreIdentify(const char path[], char format[BRENIER_FORMAT_LENGTH],
                                  char status[BRENIER_FORMAT_LENGTH])
{
  static const char ours[] = "brenier-";
  struct stat       about;
  hid_t             file;

  format[0] = status[0] = '\0';
  if (stat(path, &about)) return errno == ENOENT ? BRENIER_FOUND_NOTHING : BRENIER_FOUND_FOREIGN;
  if (!S_ISREG(about.st_mode) || access(path, R_OK)) return BRENIER_FOUND_FOREIGN;
  if (about.st_size == 0) return BRENIER_FOUND_EMPTY;
  file = BrenierHdf5Open(path);
  if (file < 0) return H5Fis_hdf5(path) > 0 ? BRENIER_FOUND_DAMAGED : BRENIER_FOUND_FOREIGN;
  CopyText(file, "format", format);
  CopyText(file, "status", status);
  H5Fclose(file);
  return strncmp(format, ours, strlen(ours)) ? BRENIER_FOUND_FOREIGN : BRENIER_FOUND_STORE;
}
