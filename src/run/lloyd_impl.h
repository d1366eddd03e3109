/* lloyd_impl.h - The state of a loop of lloyd.h, and its parts. */
#pragma once

#include <brenier/lloyd.h>

struct _p_BrenierLloyd {
  /* parameters */
  BrenierLloydOptions options;
  BrenierTargets      given; /* borrowed */
  MPI_Comm            quiet; /* of the solves; its context prints nothing and can be stopped */
  MPI_Comm            inner; /* what PETSc makes of it, held so that it is made once */
  /* data */
  BrenierTargets     first; /* the first points, on the quiet communicator; NULL once they have maps */
  BrenierLloydPoints now;   /* of the last step; its targets are NULL before the first maps */
  /* checkpoint */
  BrenierCheckpoint checkpoint; /* NULL for none */
  PetscReal         interval;
  double            saved; /* time of the last file */
};

/* Solves for the maps to `points->targets`, from those of `before`, which may have none, and fills cost, move, rho and
   next. *stopped: a stop came, and nothing else is set. Collective; errors as BrenierRunSolve(). */
PetscErrorCode BrenierLloydSolve_Private(BrenierLloyd lloyd, const BrenierLloydPoints *before,
                                         BrenierLloydPoints *points, PetscBool *stopped);

/* Sets the next points, the means of the barycentres, and the move. Collective. */
PetscErrorCode BrenierLloydNext_Private(BrenierLloyd lloyd, BrenierLloydPoints *points);

/* Frees what points own, and zeroes them. Collective. */
PetscErrorCode BrenierLloydFree_Private(BrenierLloyd lloyd, BrenierLloydPoints *points);

/* Room for maps of points that have targets. Collective. */
PetscErrorCode BrenierLloydAllocate_Private(BrenierLloyd lloyd, BrenierLloydPoints *points);

/* The last step to the checkpoint, when that is due or `must` says so. Collective; errors as
   BrenierCheckpointSaveClasses(). */
PetscErrorCode BrenierLloydSave_Private(BrenierLloyd lloyd, PetscBool must);

/* The last step of an earlier run. Collective; errors as BrenierStoreReadRows(). */
PetscErrorCode BrenierLloydLoad_Private(BrenierLloyd lloyd, BrenierStore store);
