/*
  main.c - brenier COMMAND ARGUMENTS [-options]: finds the command, starts MPI and PETSc, runs it, returns its exit
  code.

  command.h lists the commands, command_line.h checks what is behind one, endings.h says how a run ends that fails.
*/
#define _GNU_SOURCE
#include "command_line.h"
#include "endings.h"
#include "help.h"
#include "launcher.h"
#include "limits.h"
#include "petsc_words.h"

#include <brenier/store.h>

#include <malloc.h>
#include <unistd.h>

static PetscErrorCode RunCommand(int argc, char **argv, const BrenierCommand *command, BrenierExit *outcome)
{
  const char    *argument[BRENIER_MAX_ARGUMENTS] = {NULL};
  BrenierLogPath log                             = "";

  PetscFunctionBegin;
  PetscCall(BrenierContextCreate(PETSC_COMM_WORLD));
  PetscCall(BrenierContextSetPrinter(PETSC_COMM_WORLD, BrenierPrintToStreams, NULL));
  PetscCall(BrenierCommandLine(argc, argv, command, argument, log));
  PetscCall(BrenierLogOpen(PETSC_COMM_WORLD, log));
  PetscCall(command->run(argument, outcome));
  PetscCall(BrenierLogClose(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything between the start of PETSc and its end. */
static BrenierExit RunUnderPetsc(int argc, char **argv, const BrenierCommand *command)
{
  BrenierExit    outcome = BRENIER_EXIT_BUG;
  PetscBool      plain;
  PetscErrorCode ierr;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  BrenierEndingsOfPetsc(command, &plain);
  ierr = RunCommand(argc, argv, command, &outcome);
  if (ierr) outcome = BrenierExitCode(ierr);
  (void)BrenierStoreRemoveUnfinished();
  // After a bug the ranks may have parted, and no collective call is safe
  if (outcome == BRENIER_EXIT_BUG) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  BrenierEndingsRelease(plain);
  (void)BrenierContextDestroy(PETSC_COMM_WORLD);
  if (PetscFinalize()) outcome = BRENIER_EXIT_BUG;
  return outcome;
}

/* Everything between the start of MPI and its end. */
static BrenierExit RunUnderMpi(int argc, char **argv, const BrenierCommand *command)
{
  BrenierExit outcome;
  int         rank;

  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  BrenierEndingsOfMpi();
  if (BrenierAnswer(argc, argv, command, (PetscBool)(rank == 0), &outcome)) return outcome;
  if (!command->only_reads && BrenierLauncherIsOthers()) {
    BrenierLauncherRefuse();
    return BRENIER_EXIT_USAGE;
  }
  if ((outcome = BrenierLimitsReserve()) || (outcome = BrenierPetscWordsCheck(argc, argv))) return outcome;
  return RunUnderPetsc(argc, argv, command);
}

/* Open MPI may have told the allocator to keep all that is freed. Between two scans that is as much as the targets
   take, so large blocks go back to the system again; MPI follows them by hooks of its own. */
static void ReturnFreedMemory(void)
{
#ifdef __GLIBC__
  enum { MOST_BLOCKS = 65536, LARGE = 4 << 20 };

  mallopt(M_MMAP_MAX, MOST_BLOCKS);
  mallopt(M_MMAP_THRESHOLD, LARGE);
  mallopt(M_TRIM_THRESHOLD, LARGE);
#endif
}

int main(int argc, char **argv)
{
  BrenierExit           outcome;
  int                   provided;
  const BrenierCommand *command = argc > 1 ? BrenierCommandFind(argv[1]) : NULL;
  BrenierLauncher       launcher;

  BrenierEndingsBegin(argc, argv, environ);
  launcher = BrenierLauncherFind();
  if (launcher != BRENIER_LAUNCHER_SEVERAL && BrenierAnswer(argc, argv, command, PETSC_TRUE, &outcome))
    return (int)outcome;
  if (launcher >= BRENIER_LAUNCHER_MUTE && !(command && command->only_reads)) {
    BrenierLauncherRefuse();
    return BRENIER_EXIT_USAGE;
  }
  if (launcher >= BRENIER_LAUNCHER_MUTE) BrenierLauncherDisable();
  if (launcher != BRENIER_LAUNCHER_SEVERAL) BrenierLauncherStandAlone();
  if ((outcome = BrenierLimitsCheck(BrenierLauncherPrintsFirst()))) return (int)outcome;
  // Threads leave MPI to the one that started them
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  ReturnFreedMemory();
  outcome = RunUnderMpi(argc, argv, command);
  MPI_Finalize();
  return (int)outcome;
}
