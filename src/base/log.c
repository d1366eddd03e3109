/* log.c - Implements log.h; JSON by cJSON, so names and texts are always quoted right. */
#define _POSIX_C_SOURCE 200809L
#include "print_impl.h"

#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/log.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What every log begins with. */
static const char brenier_log_begins[] = "{\"event\":\"";

static const int brenier_log_patience = 10000; /* milliseconds that the reader of a pipe may sleep */

/* Descriptor of standard output or error if the path leads to one of them: a file opened twice would be overwritten
   from its beginning. */
static int StreamOf(const struct stat *about)
{
  for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; ++stream) {
    struct stat here;

    if (!fstat(stream, &here) && here.st_dev == about->st_dev && here.st_ino == about->st_ino) return stream;
  }
  return -1;
}

/* Whether a file is empty or an older log. */
static PetscBool IsLog(const char path[])
{
  char          start[sizeof brenier_log_begins] = "";
  const int     descriptor                       = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const ssize_t n = descriptor < 0 ? -1 : read(descriptor, start, sizeof brenier_log_begins - 1);

  if (descriptor >= 0) close(descriptor);
  return (PetscBool)(n == 0 || (n > 0 && !strcmp(start, brenier_log_begins)));
}

/* Refuses an existing file that is not a log. */
static void CheckLog(const char path[], const struct stat *about, BrenierFault *fault)
{
  const mode_t kind = about->st_mode & S_IFMT;

  if (kind != S_IFREG && kind != S_IFIFO && kind != S_IFCHR)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: it is a %s; name a file behind -log", path,
                    kind == S_IFDIR ? "folder" : "device or socket");
  else if (!(about->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)))
    BrenierFaultSet(fault, BRENIER_EXIT_IO,
                    "%s: cannot write the log: the file is read-only (mode %03o); name another one behind -log, or "
                    "allow it to be replaced by chmod u+w",
                    path, (unsigned)about->st_mode & 0777);
  else if (kind == S_IFREG && !IsLog(path))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "%s is there already and is not a log of Brenier's; name another file behind -log, or move this "
                    "one away",
                    path);
}

/* Opens a path that is not standard output or error. */
static void OpenLog(BrenierContextLog *log, const char path[], PetscBool is_there, BrenierFault *fault)
{
  // Without O_NONBLOCK a pipe would wait for its reader
  const int   flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (is_there ? 0 : O_CREAT);
  struct stat about;

  log->descriptor = open(path, flags, 0666);
  if (log->descriptor < 0 && errno == ENXIO)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: nobody reads this pipe; start its reader first",
                    path);
  else if (log->descriptor < 0 || fstat(log->descriptor, &about))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: %s", path, strerror(errno));
  if (fault->kind) return;
  log->is_file = (PetscBool)S_ISREG(about.st_mode);
  if (log->is_file && ftruncate(log->descriptor, 0))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: %s", path, strerror(errno));
}

PetscErrorCode BrenierLogOpen(MPI_Comm comm, const char path[])
{
  BrenierContext    *context;
  BrenierContextLog *log;
  PetscMPIInt        rank;
  struct stat        about;
  BrenierFault       fault = {0};

  PetscFunctionBegin;
  PetscCall(BrenierContextNeed_Private(comm, &context));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  log          = &context->log;
  log->start   = MPI_Wtime();
  log->bytes   = 0;
  log->is_file = PETSC_FALSE;
  if (rank == 0 && path && path[0]) {
    const PetscBool is_there = (PetscBool)!stat(path, &about);
    const int       stream   = is_there ? StreamOf(&about) : -1;

    PetscCall(PetscStrncpy(log->path, path, sizeof log->path));
    if (is_there && stream < 0) CheckLog(path, &about, &fault);
    if (stream >= 0) log->descriptor = dup(stream);
    else if (!fault.kind) OpenLog(log, path, is_there, &fault);
  }
  PetscCall(BrenierFaultAgree(comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the pairs of BrenierLog() to a JSON object. */
static void AddFields(cJSON *line, va_list args)
{
  for (const char *field = va_arg(args, const char *); field; field = va_arg(args, const char *)) {
    const char *name = field + 2;

    if (field[0] == 'i') cJSON_AddNumberToObject(line, name, (double)va_arg(args, PetscInt64));
    else if (field[0] == 'r') {
      const PetscReal value = va_arg(args, PetscReal);

      if (isfinite(value)) cJSON_AddNumberToObject(line, name, value);
      else cJSON_AddNullToObject(line, name);
    } else cJSON_AddStringToObject(line, name, va_arg(args, const char *));
  }
}

/* Ends the log with its last whole line, after a write that failed; reads errno. */
static void GiveUp(BrenierContext *context, PetscInt64 line_bytes)
{
  const int          code = errno;
  BrenierContextLog *log  = &context->log;
  struct statvfs     about;
  PetscInt64         have = 0;
  struct rlimit      limit;

  if (!statvfs(log->path, &about)) have = (PetscInt64)about.f_bavail * (PetscInt64)about.f_frsize;
  if (line_bytes > have)
    BrenierPrintHere_Private(context, BRENIER_PRINT_WARNING,
                             "%s: disk full while writing the log: %" PetscInt64_FMT " bytes needed, %" PetscInt64_FMT
                             " free, %" PetscInt64_FMT " missing; the log ends here, the run goes on",
                             log->path, line_bytes, have, line_bytes - have);
  else if (code == EFBIG && !getrlimit(RLIMIT_FSIZE, &limit))
    BrenierPrintHere_Private(context, BRENIER_PRINT_WARNING,
                             "%s: cannot write the log: the size of a file is limited to %lld bytes (ulimit -f %lld); "
                             "it ends here, the run goes on",
                             log->path, (long long)limit.rlim_cur, (long long)limit.rlim_cur >> 10);
  else
    BrenierPrintHere_Private(context, BRENIER_PRINT_WARNING,
                             "%s: cannot write the log: %s; it ends here, the run goes on", log->path, strerror(code));
  if (log->is_file) (void)!ftruncate(log->descriptor, (off_t)log->bytes);
  close(log->descriptor);
  log->descriptor = -1;
}

/* Writes all bytes; false with errno set. */
static PetscBool WriteAll(int descriptor, const char text[], size_t bytes)
{
  while (bytes > 0) {
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    const ssize_t done  = write(descriptor, text, bytes);

    if (done < 0 && errno == EAGAIN && poll(&ready, 1, brenier_log_patience) == 0) errno = ETIMEDOUT;
    if (done < 0 && errno != EAGAIN && errno != EINTR) return PETSC_FALSE;
    text += PetscMax(done, 0);
    bytes -= (size_t)PetscMax(done, 0);
  }
  return PETSC_TRUE;
}

/* Writes a line and its newline, in one call where possible. */
static void WriteLine(BrenierContext *context, const char text[])
{
  const size_t length = text ? strlen(text) : 0;
  char        *line   = text ? malloc(length + 1) : NULL;

  errno = ENOMEM;
  if (line) {
    memcpy(line, text, length);
    line[length] = '\n';
  }
  if (line && WriteAll(context->log.descriptor, line, length + 1)) context->log.bytes += (PetscInt64)length + 1;
  else GiveUp(context, line ? (PetscInt64)length + 1 : 0);
  free(line);
}

PetscErrorCode BrenierLog(MPI_Comm comm, const char event[], ...)
{
  BrenierContext *context = BrenierContextGet_Private(comm);
  cJSON          *line;
  char           *text;
  va_list         args;

  PetscFunctionBegin;
  if (!context || context->log.descriptor < 0) PetscFunctionReturn(PETSC_SUCCESS);
  line = cJSON_CreateObject();
  cJSON_AddStringToObject(line, "event", event);
  cJSON_AddNumberToObject(line, "seconds", MPI_Wtime() - context->log.start);
  va_start(args, event);
  AddFields(line, args);
  va_end(args);
  text = cJSON_PrintUnformatted(line);
  WriteLine(context, text);
  cJSON_free(text);
  cJSON_Delete(line);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLogClose(MPI_Comm comm)
{
  BrenierContext *context = BrenierContextGet_Private(comm);

  PetscFunctionBegin;
  if (context && context->log.descriptor >= 0) close(context->log.descriptor);
  if (context) context->log.descriptor = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}
