/* memory.c - What happens when memory runs out (error.h): which rank reports it, the message, and the removal of
   unfinished files. */
#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/stop.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void BrenierMemoryLimit(size_t length, char text[])
{
  static const struct {
    int         resource;
    const char *what, *option;
  } limits[] = {{RLIMIT_AS, "address space", "-v"}, {RLIMIT_DATA, "data", "-d"}};
  struct rlimit limit;

  text[0] = '\0';
  for (size_t i = 0; i < sizeof limits / sizeof limits[0] && !text[0]; ++i)
    if (!getrlimit(limits[i].resource, &limit) && limit.rlim_cur != RLIM_INFINITY)
      snprintf(text, length, "%s is limited to %llu KiB (ulimit %s)", limits[i].what,
               (unsigned long long)(limit.rlim_cur >> 10), limits[i].option);
}

/* What MPI_Abort() does may fail for want of memory, too, and end with another code. */
static void EndNow(void)
{
  _exit(BRENIER_EXIT_RESOURCE);
}

void BrenierMemoryEnd(const char wanted[])
{
  const char     *number = strstr(wanted, "equested ");
  char            limit[128], what[256] = "";
  struct timespec turn = {0, 0};
  int             rank, size;

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  BrenierMemoryLimit(sizeof limit, limit);
  if (number) snprintf(what, sizeof what, ": %.20s bytes more were wanted", number + 9);
  else if (wanted[0]) snprintf(what, sizeof what, ": %.200s", wanted);
  // Where all run out at once, the first speaks, and its end comes to the others as a signal
  turn.tv_nsec = 50000000L * PetscMin(rank, 15);
  if (!nanosleep(&turn, NULL))
    fprintf(stderr,
            "brenier: error: out of memory on rank %d of %d%s%s%s; use a larger machine, or fewer ranks on it (solve "
            "-memory bounds its sample)\n",
            rank, size, what, limit[0] ? "; " : "", limit);
  (void)fflush(NULL);
  BrenierStopCleanNow();
  (void)atexit(EndNow);
  if (size > 1) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_RESOURCE);
  EndNow();
}

/* PETSc does not always say how much an allocation that failed was for. */
static size_t brenier_wanted;
static PetscErrorCode (*brenier_malloc)(size_t, PetscBool, int, const char[], const char[], void **);
static PetscErrorCode (*brenier_realloc)(size_t, int, const char[], const char[], void **);

static PetscErrorCode NoteMalloc(size_t bytes, PetscBool clear, int line, const char function[], const char file[],
                                 void **result)
{
  brenier_wanted = bytes;
  return brenier_malloc(bytes, clear, line, function, file, result);
}

static PetscErrorCode NoteRealloc(size_t bytes, int line, const char function[], const char file[], void **result)
{
  brenier_wanted = bytes;
  return brenier_realloc(bytes, line, function, file, result);
}

void BrenierMemoryWatch(void)
{
  brenier_malloc  = PetscTrMalloc;
  brenier_realloc = PetscTrRealloc;
  PetscTrMalloc   = NoteMalloc;
  PetscTrRealloc  = NoteRealloc;
}

void BrenierMemoryUnwatch(void)
{
  PetscTrMalloc  = brenier_malloc;
  PetscTrRealloc = brenier_realloc;
}

void BrenierMemoryEndIfOut(MPI_Comm comm, const char function[], PetscErrorCode code, const char message[])
{
  static const char *const allocates[] = {"PetscMalloc", "PetscRealloc", "PetscTrMalloc", "PetscTrRealloc"};
  char                     text[64];

  snprintf(text, sizeof text, "Memory requested %zu", brenier_wanted);
  for (size_t i = 0; function && i < sizeof allocates / sizeof allocates[0]; ++i)
    if (!strncmp(function, allocates[i], strlen(allocates[i]))) BrenierMemoryEnd(text);
  if (code == PETSC_ERR_MEM && comm == PETSC_COMM_SELF) BrenierMemoryEnd(message ? message : "");
  if (BrenierMemoryIsOut()) BrenierMemoryEnd("");
}
