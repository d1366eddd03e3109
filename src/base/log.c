/* log.c - Implements log.h; JSON by cJSON, so names and texts are always quoted right. */
#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/log.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* One log for a program, as there is one standard output; rank 0 alone has it open. */
static FILE      *brenier_log_file;
static char       brenier_log_path[PETSC_MAX_PATH_LEN];
static PetscInt64 brenier_log_bytes; /* in whole lines */
static double     brenier_log_start;

PetscErrorCode BrenierLogOpen(const char path[])
{
  PetscMPIInt  rank;
  BrenierFault fault = {0};

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  brenier_log_start = MPI_Wtime();
  brenier_log_bytes = 0;
  if (rank == 0 && path && path[0]) {
    PetscCall(PetscStrncpy(brenier_log_path, path, sizeof brenier_log_path));
    brenier_log_file = fopen(path, "w");
    if (!brenier_log_file)
      BrenierFaultSet(&fault, BRENIER_EXIT_IO, "%s: cannot write the log: %s", path, strerror(errno));
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
  fclose(brenier_log_file);
  brenier_log_file = NULL;
  (void)!truncate(brenier_log_path, (off_t)brenier_log_bytes);
}

PetscErrorCode BrenierLogEvent(const char event[], ...)
{
  PetscFunctionBegin;
  if (brenier_log_file) {
    cJSON  *line = cJSON_CreateObject();
    char   *text;
    int     bytes;
    va_list args;

    cJSON_AddStringToObject(line, "event", event);
    cJSON_AddNumberToObject(line, "seconds", MPI_Wtime() - brenier_log_start);
    va_start(args, event);
    AddFields(line, args);
    va_end(args);
    text  = cJSON_PrintUnformatted(line);
    bytes = text ? fprintf(brenier_log_file, "%s\n", text) : -1;
    if (bytes < 0 || fflush(brenier_log_file)) GiveUp(text ? (PetscInt64)strlen(text) + 1 : 0);
    else brenier_log_bytes += bytes;
    cJSON_free(text);
    cJSON_Delete(line);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierLogClose(void)
{
  PetscFunctionBegin;
  if (brenier_log_file) fclose(brenier_log_file);
  brenier_log_file = NULL;
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

PetscErrorCode BrenierSay(const char format[], ...)
{
  PetscMPIInt rank;
  va_list     args;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
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
