/* error.c - Implements error.h: a minimum over (rank at fault), then that rank's sentence for all. */
#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/stop.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct {
  BrenierExit    kind;
  PetscErrorCode code;
} brenier_error_table[] = {
    {BRENIER_EXIT_USAGE, PETSC_ERR_USER_INPUT}, {BRENIER_EXIT_INPUT, PETSC_ERR_FILE_UNEXPECTED},
    {BRENIER_EXIT_IO, PETSC_ERR_FILE_OPEN},     {BRENIER_EXIT_NUMERICAL, PETSC_ERR_NOT_CONVERGED},
    {BRENIER_EXIT_RESOURCE, PETSC_ERR_MEM},     {BRENIER_EXIT_STOPPED, BRENIER_STOPPED},
};

static const size_t brenier_error_kinds = sizeof brenier_error_table / sizeof brenier_error_table[0];

PetscBool BrenierMemoryIsOut(void)
{
  const size_t some   = (size_t)4 << 20; // what a library asks for at once
  void        *memory = mmap(NULL, some, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED) return PETSC_TRUE;
  (void)munmap(memory, some);
  return PETSC_FALSE;
}

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
    fprintf(
        stderr,
        "brenier: error: out of memory on rank %d of %d%s%s%s; use a larger machine, or fewer ranks on it (solve -memory "
        "bounds its sample)\n",
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

void BrenierFaultSet(BrenierFault *fault, BrenierExit kind, const char sentence[], ...)
{
  PetscBool out;
  int       used = 0;
  va_list   args;

  if (fault->kind) return;
  out         = BrenierMemoryIsOut();
  fault->kind = out ? BRENIER_EXIT_RESOURCE : kind;
  if (out && kind != BRENIER_EXIT_RESOURCE)
    used = snprintf(fault->sentence, sizeof fault->sentence, "memory ran out, so that this failed: ");
  va_start(args, sentence);
  vsnprintf(fault->sentence + used, sizeof fault->sentence - (size_t)used, sentence, args);
  va_end(args);
}

PetscErrorCode BrenierFaultAgree(MPI_Comm comm, const BrenierFault *fault)
{
  PetscMPIInt    rank, size, first;
  BrenierFault   all  = *fault;
  PetscErrorCode code = PETSC_ERR_PLIB;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  first = fault->kind ? rank : size;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm));
  if (first == size) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Bcast(&all, (PetscMPIInt)sizeof all, MPI_BYTE, first, comm));
  for (size_t i = 0; i < brenier_error_kinds; ++i)
    if (brenier_error_table[i].kind == all.kind) code = brenier_error_table[i].code;
  SETERRQ(comm, code, "%s", all.sentence);
}

BrenierExit BrenierExitCode(PetscErrorCode ierr)
{
  if (!ierr) return BRENIER_EXIT_DONE;
  for (size_t i = 0; i < brenier_error_kinds; ++i)
    if (brenier_error_table[i].code == ierr) return brenier_error_table[i].kind;
  return BRENIER_EXIT_BUG;
}
