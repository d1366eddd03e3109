/* launcher.c - Implements launcher.h by the variables that srun, Open MPI, MPICH and Intel MPI set. */
#define _GNU_SOURCE
#include "launcher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of each launcher: the variables with the number of processes and with this one's. */
static const struct {
  const char *name, *size, *rank;
} brenier_launchers[] = {{"mpiexec", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                         {"mpiexec", "PMI_SIZE", "PMI_RANK"},
                         {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};

enum { LAUNCHERS = sizeof brenier_launchers / sizeof brenier_launchers[0], SLURM = LAUNCHERS - 1 };

/* The number that an environment variable holds; 0 without one. */
static long NumberOf(const char variable[])
{
  const char *text = getenv(variable);

  return text ? strtol(text, NULL, 10) : 0;
}

/* The first launcher, from one on, that says it started several; LAUNCHERS for none. */
static int FindLauncher(int first)
{
  while (first < LAUNCHERS && NumberOf(brenier_launchers[first].size) <= 1) ++first;
  return first;
}

/* Whether nobody listens where a server of PMIx says it does, as ...;tcp4://127.0.0.1:43299; an address of another kind
   counts as one that answers. */
static PetscBool IsDeaf(const char uri[])
{
  const char        *place   = strstr(uri, "tcp4://");
  struct sockaddr_in address = {.sin_family = AF_INET};
  char               host[64];
  unsigned           port;
  int                speaker, deaf;

  if (!place || sscanf(place, "tcp4://%63[0-9.]:%u", host, &port) != 2) return PETSC_FALSE;
  address.sin_port = htons((uint16_t)port);
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return PETSC_FALSE;
  speaker = socket(AF_INET, SOCK_STREAM, 0);
  deaf    = speaker >= 0 && connect(speaker, (struct sockaddr *)&address, sizeof address) && errno == ECONNREFUSED;
  if (speaker >= 0) close(speaker);
  return (PetscBool)deaf;
}

/* Whether the server of PMIx that the environment names has ended: its folder is gone, and nobody answers. */
static PetscBool IsGone(void)
{
  const char *folder = getenv("PMIX_SERVER_TMPDIR"), *uri = getenv("PMIX_SERVER_URI2");

  return (PetscBool)(folder && uri && access(folder, F_OK) && errno == ENOENT && IsDeaf(uri));
}

BrenierLauncher BrenierLauncherFind(void)
{
  static const char *const told[] = {"PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"};
  PetscBool                mute   = PETSC_TRUE;

  if (IsGone()) return BRENIER_LAUNCHER_GONE;
  for (size_t i = 0; i < sizeof told / sizeof told[0]; ++i)
    if (getenv(told[i])) mute = PETSC_FALSE;
  if (mute && FindLauncher(SLURM) == SLURM) return BRENIER_LAUNCHER_MUTE;
  return FindLauncher(0) < LAUNCHERS ? BRENIER_LAUNCHER_SEVERAL : BRENIER_LAUNCHER_NONE;
}

PetscBool BrenierLauncherPrintsFirst(void)
{
  for (int i = 0; i < LAUNCHERS; ++i)
    if (NumberOf(brenier_launchers[i].rank) > 0) return PETSC_FALSE;
  return (PetscBool)(NumberOf("PMIX_RANK") <= 0);
}

PetscBool BrenierLauncherIsOthers(void)
{
  int size;

  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return (PetscBool)(size == 1 && FindLauncher(0) < SLURM);
}

/* Whether a variable is a launcher's. */
static PetscBool IsLaunchers(const char variable[])
{
  static const char *const prefixes[] = {
      "PMIX_",          "PMI_",       "OMPI_COMM_WORLD_", "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix",
      "OMPI_UNIVERSE_", "OMPI_FILE_", "OMPI_APP_CTX_",    "OMPI_FIRST_",    "SLURM_"};

  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; ++i)
    if (!strncmp(variable, prefixes[i], strlen(prefixes[i]))) return PETSC_TRUE;
  return PETSC_FALSE;
}

void BrenierLauncherDisable(void)
{
  char **kept = environ;

  for (char **e = environ; *e; ++e)
    if (!IsLaunchers(*e)) *kept++ = *e;
  *kept = NULL;
}

void BrenierLauncherStandAlone(void)
{
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);
}

/* Whether a launcher is the parent of this process, and not a shell in which its variables are still set. */
static PetscBool HasLauncherForParent(void)
{
  static const char *const names[] = {"orted", "prted", "mpiexec", "mpirun", "hydra",
                                      "slurm", "srun",  "pmi",     "orterun"};
  char                     path[64], name[64] = "";
  FILE                    *file;

  snprintf(path, sizeof path, "/proc/%ld/comm", (long)getppid());
  file = fopen(path, "r");
  if (file) {
    (void)!fgets(name, sizeof name, file);
    fclose(file);
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (!strncmp(name, names[i], strlen(names[i]))) return PETSC_TRUE;
  return PETSC_FALSE;
}

void BrenierLauncherRefuse(void)
{
  const BrenierLauncher found = BrenierLauncherFind();
  const int             i     = found == BRENIER_LAUNCHER_MUTE ? SLURM : FindLauncher(0);

  if (found == BRENIER_LAUNCHER_GONE)
    fprintf(stderr,
            "brenier: error: the launcher that set PMIX_SERVER_URI2 in this shell has ended; start from a new shell, "
            "or unset what begins with PMIX_ and OMPI_\n");
  if (found == BRENIER_LAUNCHER_GONE || i == LAUNCHERS) return;
  if (NumberOf(brenier_launchers[i].rank) > 0 && HasLauncherForParent()) return; // the first one speaks
  fprintf(stderr,
          "brenier: error: %s started %ld processes, but each of them runs alone; use the launcher of the "
          "MPI that Brenier was built with (under Slurm: srun --mpi=pmix, see srun --mpi=list), or unset %s if it is "
          "left from an older run\n",
          brenier_launchers[i].name, NumberOf(brenier_launchers[i].size), brenier_launchers[i].size);
}
