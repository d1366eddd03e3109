/* shared.c - Implements shared.h by POSIX shared memory. */
#include <brenier/compat.h>
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BRENIER_SHARED_NAME = 64 };

const char brenier_no_shared_memory[] =
    "notice: no shared memory for the targets (is /dev/shm too small?); every rank keeps a copy";

static const size_t brenier_cache_bytes = (size_t)192 << 20, brenier_share_bytes = (size_t)1 << 20;

/* The ranks of this rank's node. */
static PetscErrorCode SplitNode(MPI_Comm comm, PetscMPIInt most, MPI_Comm *node)
{
  PetscMPIInt rank;
  MPI_Comm    machine;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, node));
  if (most == 0) PetscFunctionReturn(PETSC_SUCCESS);
  machine = *node;
  PetscCallMPI(MPI_Comm_rank(machine, &rank));
  PetscCallMPI(MPI_Comm_split(machine, rank / most, rank, node));
  PetscCallMPI(MPI_Comm_free(&machine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Numbers the nodes in the order of their first ranks. leader: the first rank of each rank's node. */
static PetscErrorCode NumberNodes(BrenierNodes nodes, PetscMPIInt size, const PetscMPIInt leader[])
{
  PetscMPIInt *next;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(size, &next));
  for (PetscMPIInt r = 0; r < size; ++r)
    if (leader[r] == r) next[r] = nodes->n++;
  PetscCall(PetscCalloc1(nodes->n + 1, &nodes->first));
  PetscCall(PetscMalloc1(size, &nodes->member));
  for (PetscMPIInt r = 0; r < size; ++r) ++nodes->first[next[leader[r]] + 1];
  nodes->least = size;
  for (PetscMPIInt m = 0; m < nodes->n; ++m) {
    nodes->least = PetscMin(nodes->least, nodes->first[m + 1]);
    nodes->first[m + 1] += nodes->first[m];
  }
  PetscCallMPI(MPI_Comm_rank(nodes->comm, &nodes->rank));
  nodes->here = next[leader[nodes->rank]];
  for (PetscMPIInt r = 0; r < size; ++r)
    if (leader[r] == r) next[r] = nodes->first[next[r]];
  for (PetscMPIInt r = 0; r < size; ++r) nodes->member[next[leader[r]]++] = r;
  PetscCall(PetscFree(next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets the nodes of nodes->comm. */
static PetscErrorCode FindNodes(BrenierNodes nodes, PetscMPIInt most)
{
  PetscMPIInt size, first, *leader;

  PetscFunctionBegin;
  PetscCall(SplitNode(nodes->comm, most, &nodes->node));
  PetscCallMPI(MPI_Comm_size(nodes->comm, &size));
  PetscCallMPI(MPI_Comm_rank(nodes->comm, &first));
  PetscCallMPI(MPI_Bcast(&first, 1, MPI_INT, 0, nodes->node));
  PetscCall(PetscMalloc1(size, &leader));
  PetscCallMPI(MPI_Allgather(&first, 1, MPI_INT, leader, 1, MPI_INT, nodes->comm));
  nodes->n = 0;
  PetscCall(NumberNodes(nodes, size, leader));
  PetscCallMPI(MPI_Comm_rank(nodes->node, &nodes->rank));
  PetscCall(PetscFree(leader));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ForgetNodes(BrenierNodes nodes)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_free(&nodes->node));
  PetscCall(PetscFree(nodes->first));
  PetscCall(PetscFree(nodes->member));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNodesCreate(MPI_Comm comm, PetscMPIInt most, BrenierNodes *nodes)
{
  PetscFunctionBegin;
  PetscCall(PetscNew(nodes));
  (*nodes)->comm        = comm;
  (*nodes)->cache_bytes = brenier_cache_bytes;
  (*nodes)->share_bytes = brenier_share_bytes;
  PetscCall(FindNodes(*nodes, most));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNodesSeparate(BrenierNodes nodes)
{
  PetscFunctionBegin;
  PetscCall(ForgetNodes(nodes));
  PetscCall(FindNodes(nodes, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierNodesDestroy(BrenierNodes *nodes)
{
  PetscFunctionBegin;
  if (!*nodes) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ForgetNodes(*nodes));
  PetscCall(PetscFree(*nodes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A new object, and its name; -1 when there can be none. */
static int MakeObject(size_t bytes, char name[BRENIER_SHARED_NAME])
{
  static int count;
  int        file;

  do {
    snprintf(name, BRENIER_SHARED_NAME, "/brenier-%ld-%d", (long)getpid(), count++);
    file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  } while (file < 0 && errno == EEXIST);
  if (file >= 0 && !ftruncate(file, (off_t)bytes)) return file;
  if (file >= 0) {
    close(file);
    shm_unlink(name);
  }
  name[0] = '\0';
  return -1;
}

/* Makes sure of the pages of this rank's part, which come to lie near it: the node's NUMA domains all get some. Writing
   beyond what the file system holds would kill the process. */
static int FillPart(int file, size_t bytes, PetscMPIInt rank, PetscMPIInt size)
{
  const size_t page  = (size_t)sysconf(_SC_PAGESIZE);
  const size_t begin = bytes * (size_t)rank / (size_t)size / page * page;
  const size_t end   = rank + 1 < size ? bytes * ((size_t)rank + 1) / (size_t)size / page * page : bytes;
  int          failed;

  if (begin == end) return 0;
  do failed = posix_fallocate(file, (off_t)begin, (off_t)(end - begin));
  while (failed == EINTR);
  return failed;
}

/* Whether all ranks of the node succeeded. */
static PetscErrorCode AllOfNode(BrenierNodes nodes, PetscBool mine, PetscBool *all)
{
  int yes = mine;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &yes, 1, MPI_INT, MPI_LAND, nodes->node));
  *all = (PetscBool)yes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSharedCreate(BrenierNodes nodes, size_t bytes, BrenierShared *shared, PetscBool *found)
{
  char        name[BRENIER_SHARED_NAME] = "";
  int         file                      = -1;
  PetscMPIInt size;
  void       *memory = MAP_FAILED;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(shared, sizeof *shared));
  shared->bytes = PetscMax(bytes, 1);
  PetscCallMPI(MPI_Comm_size(nodes->node, &size));
  if (size == 1) {
    shared->memory = calloc(shared->bytes, 1);
    *found         = (PetscBool)(shared->memory != NULL);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (nodes->rank == 0) file = MakeObject(shared->bytes, name);
  PetscCallMPI(MPI_Bcast(name, sizeof name, MPI_CHAR, 0, nodes->node));
  if (nodes->rank > 0 && name[0]) file = shm_open(name, O_RDWR, 0);
  if (file >= 0 && !FillPart(file, shared->bytes, nodes->rank, size))
    memory = mmap(NULL, shared->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  PetscCall(AllOfNode(nodes, (PetscBool)(memory != MAP_FAILED), found));
  // Without its name it goes with the processes, however they end
  if (nodes->rank == 0 && name[0]) shm_unlink(name);
  if (file >= 0) close(file);
  if (memory != MAP_FAILED) {
    shared->memory    = memory;
    shared->is_mapped = 1;
  }
  if (!*found) BrenierSharedFree(shared);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSharedBarrier(BrenierNodes nodes)
{
  PetscFunctionBegin;
  atomic_thread_fence(memory_order_seq_cst);
  PetscCallMPI(MPI_Barrier(nodes->node));
  atomic_thread_fence(memory_order_seq_cst);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSharedFree(BrenierShared *shared)
{
  if (shared->is_mapped) munmap(shared->memory, shared->bytes);
  else free(shared->memory);
  shared->memory    = NULL;
  shared->is_mapped = 0;
}
