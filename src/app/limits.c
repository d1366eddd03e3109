/*
  limits.c - Implements limits.h.

  Where address space is limited (ulimit -v, RLIMIT_DATA), OpenBLAS would wait in a loop for the buffer that the system
  refuses it, one of 128 MiB for each thread. So the program looks for that much room at its start, and has BLAS take
  its buffer there.
*/
#define _GNU_SOURCE
#include "limits.h"

#include <errno.h>
#include <fcntl.h>
#include <petscblaslapack.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* What Open MPI and PMIx need to start on one node: a file of shared memory, descriptors, the stack of a daemon. */
static const struct {
  int         resource;
  rlim_t      least, unit;
  const char *option, *what, *unit_name;
  BrenierExit code;
} brenier_needs[] = {
    {RLIMIT_FSIZE, 4200 << 10, 1 << 10, "-f", "the size of a file", " KiB", BRENIER_EXIT_IO},
    {RLIMIT_NOFILE, 64, 1, "-n", "the number of open files", "", BRENIER_EXIT_RESOURCE},
    {RLIMIT_STACK, 512 << 10, 1 << 10, "-s", "the stack", " KiB", BRENIER_EXIT_RESOURCE},
};

enum { NEEDS = sizeof brenier_needs / sizeof brenier_needs[0] };

/* What BLAS takes for its buffer, and some more for what comes after; the same with MPI, which crashes where it finds
   none. */
static const size_t brenier_room = (size_t)192 << 20, brenier_room_with_mpi = (size_t)448 << 20;

static const char brenier_blas_threads[] = "OPENBLAS_NUM_THREADS=";

/* ---- before the libraries ---- */

static int IsLimited(int resource)
{
  struct rlimit limit;

  return !getrlimit(resource, &limit) && limit.rlim_cur != RLIM_INFINITY;
}

/* A file that is opened on the number of a closed stream would get what is printed. */
static void OpenStreams(void)
{
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (fcntl(stream, F_GETFD) < 0) (void)!open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

static void RaiseSoftLimits(void)
{
  struct rlimit limit;

  for (int i = 0; i < NEEDS; ++i) {
    if (brenier_needs[i].resource == RLIMIT_FSIZE || getrlimit(brenier_needs[i].resource, &limit)) continue;
    if (limit.rlim_cur >= brenier_needs[i].least || limit.rlim_max <= limit.rlim_cur) continue;
    limit.rlim_cur = PetscMin(brenier_needs[i].least, limit.rlim_max);
    (void)setrlimit(brenier_needs[i].resource, &limit);
  }
}

/* XCPU, which can be caught, has to come before KILL, which cannot. */
static void PartProcessorLimits(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_CPU, &limit) || limit.rlim_max == RLIM_INFINITY) return;
  if (limit.rlim_max <= 1 || limit.rlim_cur < limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max - 1;
  (void)setrlimit(RLIMIT_CPU, &limit);
}

/* The library starts its threads before the program does, each with a buffer of its own. */
static void LimitBlasToOneThread(char **argv, char **environment)
{
  enum { MOST = 4096 };
  static char  one[sizeof brenier_blas_threads + 1] = "OPENBLAS_NUM_THREADS=1";
  static char *changed[MOST + 2];
  const size_t length = sizeof brenier_blas_threads - 1;
  int          n      = 0;

  if (!IsLimited(RLIMIT_AS) && !IsLimited(RLIMIT_DATA)) return;
  for (char **e = environment; *e && n < MOST; ++e) {
    if (!strcmp(*e, one)) return;
    if (strncmp(*e, brenier_blas_threads, length)) changed[n++] = *e;
  }
  changed[n] = one;
  (void)execve("/proc/self/exe", argv, changed); // where that cannot be, threads are what the user asked for
}

void BrenierLimitsPrepare(char **argv, char **environment)
{
  struct sigaction ignore = {.sa_handler = SIG_IGN};

  sigemptyset(&ignore.sa_mask);
  sigaction(SIGXFSZ, &ignore, NULL);
  OpenStreams();
  RaiseSoftLimits();
  PartProcessorLimits();
  LimitBlasToOneThread(argv, environment);
}

/* ---- at the start of MPI ---- */

/* Whether that much memory can be had. */
static PetscBool HasRoom(size_t bytes)
{
  void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (room == MAP_FAILED) return PETSC_FALSE;
  (void)munmap(room, bytes);
  return PETSC_TRUE;
}

static BrenierExit RefuseForMemory(PetscBool speaks, size_t bytes)
{
  char text[128];

  BrenierMemoryLimit(sizeof text, text);
  if (speaks)
    fprintf(stderr, "brenier: error: no memory: %zu bytes are wanted to begin with, but %s; raise the limit\n", bytes,
            text);
  return BRENIER_EXIT_RESOURCE;
}

BrenierExit BrenierLimitsCheck(PetscBool speaks)
{
  char folder[PETSC_MAX_PATH_LEN];

  for (int i = 0; i < NEEDS; ++i) {
    struct rlimit limit;

    if (getrlimit(brenier_needs[i].resource, &limit) || limit.rlim_cur >= brenier_needs[i].least) continue;
    if (speaks)
      fprintf(stderr,
              "brenier: error: %s is limited to %llu%s (ulimit %s), and MPI needs %llu%s to start; raise the limit\n",
              brenier_needs[i].what, (unsigned long long)(limit.rlim_cur / brenier_needs[i].unit),
              brenier_needs[i].unit_name, brenier_needs[i].option,
              (unsigned long long)(brenier_needs[i].least / brenier_needs[i].unit), brenier_needs[i].unit_name);
    return brenier_needs[i].code;
  }
  if (!getcwd(folder, sizeof folder) && errno == ENOENT) {
    if (speaks) fprintf(stderr, "brenier: error: the working folder has been removed; change to one that is there\n");
    return BRENIER_EXIT_IO;
  }
  if ((IsLimited(RLIMIT_AS) || IsLimited(RLIMIT_DATA)) && !HasRoom(brenier_room_with_mpi))
    return RefuseForMemory(speaks, brenier_room_with_mpi);
  return BRENIER_EXIT_DONE;
}

/* ---- memory ---- */

/* Calls BLAS for something, large enough to need the buffer. */
static void UseBlas(void)
{
  enum { SIZE = 64 };
  static PetscScalar a[SIZE * SIZE], b[SIZE * SIZE];
  const PetscBLASInt n   = SIZE;
  const PetscScalar  one = 1.0;

  BLASgemm_("N", "N", &n, &n, &n, &one, a, &n, a, &n, &one, b, &n);
}

BrenierExit BrenierLimitsReserve(void)
{
  const PetscBool limited = (PetscBool)(IsLimited(RLIMIT_AS) || IsLimited(RLIMIT_DATA));
  int             rank, size, first;

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  first = limited && !HasRoom(brenier_room) ? rank : size;
  if (limited && first == size) UseBlas();
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return first == size ? BRENIER_EXIT_DONE : RefuseForMemory((PetscBool)(rank == first), brenier_room);
}

/* Libraries that get no memory end a run themselves (hypre by code -1), with words that do not say what it means. Takes
   MPI's place as a profiling tool would. */
int MPI_Abort(MPI_Comm comm, int code)
{
  static PetscBool ending;
  static const int of_hypre = -1;
  const PetscBool  first    = (PetscBool)!ending;

  ending = PETSC_TRUE;
  if (first && code != BRENIER_EXIT_RESOURCE && (code == of_hypre || BrenierMemoryIsOut()))
    BrenierMemoryEnd("a library could not go on");
  return PMPI_Abort(comm, code);
}
