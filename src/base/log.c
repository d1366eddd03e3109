/* log.c - Implements log.h; JSON by cJSON, so names and texts are always quoted right. */
#define _POSIX_C_SOURCE 200809L
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

/* One log for a program, as there is one standard output; rank 0 alone has it open. */
static int        brenier_log = -1; /* descriptor */
static PetscBool  brenier_log_is_file;
static char       brenier_log_path[PETSC_MAX_PATH_LEN];
static PetscInt64 brenier_log_bytes; /* in whole lines */
static double     brenier_log_start;

/* Standard output or error when the path leads to one of them, by whatever name: opened once more, a file would be
   written from its beginning by both. */
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

/* Refuses what is there already and nobody's log. */
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

/* Opens what is not standard output or error. */
static void OpenLog(const char path[], PetscBool is_there, BrenierFault *fault)
{
  // Without O_NONBLOCK a pipe would wait for its reader
  const int   flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (is_there ? 0 : O_CREAT);
  struct stat about;

  brenier_log = open(path, flags, 0666);
  if (brenier_log < 0 && errno == ENXIO)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: nobody reads this pipe; start its reader first",
                    path);
  else if (brenier_log < 0 || fstat(brenier_log, &about))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: %s", path, strerror(errno));
  if (fault->kind) return;
  brenier_log_is_file = (PetscBool)S_ISREG(about.st_mode);
  if (brenier_log_is_file && ftruncate(brenier_log, 0))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot write the log: %s", path, strerror(errno));
}

PetscErrorCode BrenierLogOpen(const char path[])
{
  PetscMPIInt  rank;
  struct stat  about;
  BrenierFault fault = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  brenier_log_start   = MPI_Wtime();
  brenier_log_bytes   = 0;
  brenier_log_is_file = PETSC_FALSE;
  if (rank == 0 && path && path[0]) {
    const PetscBool is_there = (PetscBool)!stat(path, &about);
    const int       stream   = is_there ? StreamOf(&about) : -1;

    PetscCall(PetscStrncpy(brenier_log_path, path, sizeof brenier_log_path));
    if (is_there && stream < 0) CheckLog(path, &about, &fault);
    if (stream >= 0) brenier_log = dup(stream);
    else if (!fault.kind) OpenLog(path, is_there, &fault);
  }
  PetscCall(BrenierFaultAgree(PETSC_COMM_WORLD, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the pairs of BrenierLogEvent() to a JSON object. */
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
static void GiveUp(PetscInt64 line_bytes)
{
  const int      code = errno;
  struct statvfs about;
  PetscInt64     have = 0;
  struct rlimit  limit;

  if (!statvfs(brenier_log_path, &about)) have = (PetscInt64)about.f_bavail * (PetscInt64)about.f_frsize;
  if (line_bytes > have)
    fprintf(stderr,
            "brenier: warning: %s: disk full while writing the log: %" PetscInt64_FMT " bytes needed, %" PetscInt64_FMT
            " free, %" PetscInt64_FMT " missing; the log ends here, the run goes on\n",
            brenier_log_path, line_bytes, have, line_bytes - have);
  else if (code == EFBIG && !getrlimit(RLIMIT_FSIZE, &limit))
    fprintf(
        stderr,
        "brenier: warning: %s: cannot write the log: the size of a file is limited to %lld bytes (ulimit -f %lld); it ends "
        "here, the run goes on\n",
        brenier_log_path, (long long)limit.rlim_cur, (long long)limit.rlim_cur >> 10);
  else
    fprintf(stderr, "brenier: warning: %s: cannot write the log: %s; it ends here, the run goes on\n", brenier_log_path,
            strerror(code));
  if (brenier_log_is_file) (void)!ftruncate(brenier_log, (off_t)brenier_log_bytes);
  close(brenier_log);
  brenier_log = -1;
}

/* Writes all bytes; false with errno set. */
static PetscBool WriteAll(const char text[], size_t bytes)
{
  while (bytes > 0) {
    struct pollfd ready = {.fd = brenier_log, .events = POLLOUT};
    const ssize_t done  = write(brenier_log, text, bytes);

    if (done < 0 && errno == EAGAIN && poll(&ready, 1, brenier_log_patience) == 0) errno = ETIMEDOUT;
    if (done < 0 && errno != EAGAIN && errno != EINTR) return PETSC_FALSE;
    text += PetscMax(done, 0);
    bytes -= (size_t)PetscMax(done, 0);
  }
  return PETSC_TRUE;
}

/* Writes a line with its end, in one piece where that can be. */
static void WriteLine(const char text[])
{
  const size_t length = text ? strlen(text) : 0;
  char        *line   = text ? malloc(length + 1) : NULL;

  errno = ENOMEM;
  if (line) {
    memcpy(line, text, length);
    line[length] = '\n';
  }
  if (line && WriteAll(line, length + 1)) brenier_log_bytes += (PetscInt64)length + 1;
  else GiveUp(line ? (PetscInt64)length + 1 : 0);
  free(line);
}

PetscErrorCode BrenierLogEvent(const char event[], ...)
{
  PetscFunctionBegin;
  if (brenier_log >= 0) {
    cJSON  *line = cJSON_CreateObject();
    char   *text;
    va_list args;

    cJSON_AddStringToObject(line, "event", event);
    cJSON_AddNumberToObject(line, "seconds", MPI_Wtime() - brenier_log_start);
    va_start(args, event);
    AddFields(line, args);
    va_end(args);
    text = cJSON_PrintUnformatted(line);
    WriteLine(text);
    cJSON_free(text);
    cJSON_Delete(line);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLogClose(void)
{
  PetscFunctionBegin;
  if (brenier_log >= 0) close(brenier_log);
  brenier_log = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

const char *BrenierNumber(PetscReal x, char text[BRENIER_NUMBER_LENGTH])
{
  const int most = 17; // digits that tell any two doubles apart

  for (int digits = 1; digits <= most; ++digits) {
    snprintf(text, BRENIER_NUMBER_LENGTH, "%.*g", digits, (double)x);
    if (strtod(text, NULL) == (double)x) break;
  }
  return text;
}

/* Prints a line from rank 0. */
static PetscErrorCode Print(FILE *file, const char begin[], const char format[], va_list args)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    fputs(begin, file);
    vfprintf(file, format, args);
    fputs("\n", file);
    fflush(file);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSay(const char format[], ...)
{
  PetscErrorCode ierr;
  va_list        args;

  PetscFunctionBegin;
  va_start(args, format);
  ierr = Print(stdout, "", format, args);
  va_end(args);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierWarn(const char format[], ...)
{
  PetscErrorCode ierr;
  va_list        args;

  PetscFunctionBegin;
  va_start(args, format);
  ierr = Print(stderr, "brenier: warning: ", format, args);
  va_end(args);
  PetscFunctionReturn(ierr);
}

PetscErrorCode BrenierProgressBegin(BrenierProgress *progress, const char what[])
{
  PetscFunctionBegin;
  progress->what = what;
  PetscCall(PetscTime(&progress->begun));
  progress->said = progress->begun;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierProgressTell(BrenierProgress *progress, PetscReal done, PetscReal all)
{
  const PetscLogDouble every = 20.0;
  PetscLogDouble       now;

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  if (now - progress->said < every || done <= 0.0 || done >= all) PetscFunctionReturn(PETSC_SUCCESS);
  progress->said = now;
  PetscCall(BrenierSay("  %s: %.0f%%, about %.0f s remain", progress->what, 100.0 * done / all,
                       (now - progress->begun) * (all - done) / done));
  PetscFunctionReturn(PETSC_SUCCESS);
}
