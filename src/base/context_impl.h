/* context_impl.h - What a context holds; each member is one file's. */
#pragma once

#include <brenier/print.h>
#include <brenier/stop.h>

#include <signal.h>

/* log.c: open on rank 0 alone. */
typedef struct {
  int        descriptor; /* -1 for no log */
  PetscBool  is_file;
  PetscInt64 bytes; /* in whole lines */
  double     start; /* by MPI_Wtime() */
  char       path[PETSC_MAX_PATH_LEN];
} BrenierContextLog;

/* stop.c. Times are by MPI_Wtime(), which may count from now: any may be negative. */
typedef struct {
  PetscBool                    active, held, winding_up, limited;
  PetscBool                    of_job; /* the deadline is the end of the job */
  double                       begun, deadline;
  double                       processor;            /* seconds of it that this process may use; 0 for no limit */
  double                       cost, longest_gap;    /* seconds */
  double                       last_asked, looked;   /* 0 for never */
  BrenierStopReason            reason;               /* the first found; the same on all ranks */
  long                         test_stop, test_late; /* safe points to go until a test stops; 0 for none */
  char                         file[PETSC_MAX_PATH_LEN];
  const volatile sig_atomic_t *request; /* not 0: a stop is asked for; NULL where nobody can */
} BrenierContextStop;

typedef struct {
  int references; /* communicators that it is attached to */
  /* print.c */
  BrenierPrinter printer;
  void          *user;
  /* threads.c */
  PetscInt threads;

  /* src/device/device.c */
  void *device; /* or NULL */
  void (*close_device)(void *device);
  PetscBool device_is_asked, device_is_lost;

  BrenierContextLog  log;
  BrenierContextStop stop;
} BrenierContext;

/* The context of a communicator; NULL for none. Not collective. */
BrenierContext *BrenierContextGet_Private(MPI_Comm comm);

/* The same, with the error `PETSC_ERR_ARG_WRONGSTATE` without a context. Not collective; all ranks must call it. */
PetscErrorCode BrenierContextNeed_Private(MPI_Comm comm, BrenierContext **context);
