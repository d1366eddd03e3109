/* error.c - Implements error.h: a minimum over (rank at fault), then that rank's sentence for all. */
#include <brenier/compat.h>
#include <brenier/error.h>
#include <brenier/stop.h>

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

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
