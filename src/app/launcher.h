/* launcher.h - Whether processes started together know of each other, and what an older launcher left behind. */
#pragma once

#include <petscsys.h>

/* What the environment says of the launcher; from MUTE on, MPI_Init() would not survive. */
typedef enum {
  BRENIER_LAUNCHER_NONE,    /* this process is alone */
  BRENIER_LAUNCHER_SEVERAL, /* it is one of several, or so it says */
  BRENIER_LAUNCHER_MUTE,    /* srun started several without telling them of each other */
  BRENIER_LAUNCHER_GONE     /* it has ended, and its variables are still set */
} BrenierLauncher;

/* Needs no MPI. Not collective. */
BrenierLauncher BrenierLauncherFind(void);

/* Whether this is the first process, as far as the environment tells. Needs no MPI. Not collective. */
PetscBool BrenierLauncherPrintsFirst(void);

/* Whether MPI knows of this process alone, where a launcher of another MPI says it started several: each would do the
   whole work and write the same files. Not collective. */
PetscBool BrenierLauncherIsOthers(void);

/* Says why such a process, or one whose launcher is mute or gone, does nothing. Needs no MPI. Not collective. */
void BrenierLauncherRefuse(void);

/* Has MPI start without the launcher, for this process alone. Before MPI; not collective. */
void BrenierLauncherDisable(void);

/* Has Open MPI start no daemon and make no folder for a process that nobody launched. The daemon would serve processes
   that are started later, of which there are none, and takes as long to start as the process. The folders of all such
   processes lie in one, which the last of them removes: one that starts at that moment fails. Before MPI; not
   collective. */
void BrenierLauncherStandAlone(void);
