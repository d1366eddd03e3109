/*
  shared.h - Nodes, and memory that the ranks of a node have in common.

  MPI_Win_allocate_shared() would give the memory as well, but some implementations (Open MPI 4.1) hang instead of
  failing where the file system behind it is full, as in containers with 64 MB of it.
*/
#pragma once

#include <petscsys.h>

/* Which ranks share memory. */
typedef struct _p_BrenierNodes {
  size_t       cache_bytes; /* cache limit of a node: so many bytes a rank, of two ranks at least */
  size_t       share_bytes; /* packed targets from which the ranks of a node share a copy, bytes */
  MPI_Comm     comm;        /* all ranks; borrowed */
  MPI_Comm     node;        /* those of this node, in the order of comm */
  PetscMPIInt  rank;        /* in node */
  PetscMPIInt  n;           /* nodes */
  PetscMPIInt  here;        /* this one */
  PetscMPIInt  least;       /* ranks of the smallest */
  PetscMPIInt *first;       /* where each node's ranks begin in `member`, shape [n + 1] */
  PetscMPIInt *member;      /* ranks of comm, one node after the other, ascending in each */
} * BrenierNodes;

/* Finds the nodes. Collective on comm. most: at most so many ranks of a node count as one, 0 for all; with 1 no memory
   is shared, and tests make several nodes of one machine. */
PetscErrorCode BrenierNodesCreate(MPI_Comm comm, PetscMPIInt most, BrenierNodes *nodes);

/* What is said where memory cannot be shared. */
extern const char brenier_no_shared_memory[];

/* Makes every rank a node of its own, where memory cannot be shared. Collective. */
PetscErrorCode BrenierNodesSeparate(BrenierNodes nodes);

/* Collective; NULL is fine. */
PetscErrorCode BrenierNodesDestroy(BrenierNodes *nodes);

typedef struct {
  void  *memory; /* at an address of each rank's own; NULL when there is none */
  size_t bytes;
  int    is_mapped; /* otherwise it is one rank's, from malloc() */
} BrenierShared;

/*
  BrenierSharedCreate - Memory of a node

  Collective on nodes->node. *found: whether it could be had, the same on all ranks of the node. What ranks write the
  others see after BrenierSharedBarrier(). It begins as zeros.
*/
PetscErrorCode BrenierSharedCreate(BrenierNodes nodes, size_t bytes, BrenierShared *shared, PetscBool *found);
PetscErrorCode BrenierSharedBarrier(BrenierNodes nodes);

/* Not collective: memory goes with the last rank that lets go of it. */
void BrenierSharedFree(BrenierShared *shared);
