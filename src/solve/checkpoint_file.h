/* checkpoint_file.h - A checkpoint as a file: what is in it, and whose it is. */
#pragma once

#include <brenier/checkpoint.h>
#include <brenier/store.h>

enum { BRENIER_TOKEN_LENGTH = 256, BRENIER_SENTENCE_LENGTH = 1024, BRENIER_MOST_LEVELS = 64 };

struct _p_BrenierCheckpoint {
  /* parameters */
  BrenierTargets      targets;
  char                path[PETSC_MAX_PATH_LEN], older[PETSC_MAX_PATH_LEN];
  PetscReal           interval;
  BrenierProblemItem *problem;
  PetscInt            n_items;
  char                token[BRENIER_TOKEN_LENGTH]; /* names this run */
  /* data: what is saved */
  BrenierSolveState   state;
  BrenierSolveVectors saved;
  Vec                 certified;
  BrenierDual         dual; /* borrowed, with a snapshot; NULL without a sample */
  BrenierIteration   *row;
  PetscInt            n_levels;
  PetscInt64          level[BRENIER_MOST_LEVELS];
  PetscErrorCode (*write_classes)(void *, BrenierStore); /* BRENIER_PHASE_CLASSES: writes what is saved */
  void      *classes_context;
  PetscInt64 classes_bytes;
  PetscInt   n_rows, n_saved, capacity; /* of the history; those from n_saved on came after the safe point */
  /* data: what was found */
  char         source[PETSC_MAX_PATH_LEN]; /* the file; "" for none */
  char         found_token[BRENIER_TOKEN_LENGTH];
  char         outcome[64];
  PetscInt64   exit_code;
  BrenierStore store; /* open until the sample is loaded */
  PetscBool    newest_damaged;
  /* status */
  PetscInt64     sequence;
  PetscInt64     curves_written; /* size of the sample when it was last written */
  PetscReal      seconds_a_byte, seconds_spent;
  PetscLogDouble begun, written;
};

/* Names of the phases: the file's status. */
extern const char *const brenier_phase_names[];

/* An error handler that stores the sentence of the first error, shape [BRENIER_SENTENCE_LENGTH], and prints nothing. */
PetscErrorCode BrenierCheckpointStoreMessage_Private(MPI_Comm comm, int line, const char *function, const char *file,
                                                     PetscErrorCode code, PetscErrorType type, const char *message,
                                                     void *sentence);

/* Gives this run a name that no other has, a requeued one of the same job included. Collective on the targets. */
PetscErrorCode BrenierCheckpointNameRun_Private(BrenierCheckpoint checkpoint);

/* Refuses, with `PETSC_ERR_FILE_OPEN`, to replace the checkpoint of another run. Collective on the targets. */
PetscErrorCode BrenierCheckpointCheckOwner_Private(BrenierCheckpoint checkpoint);

/* Bytes of the file, about. Collective on the targets. */
PetscErrorCode BrenierCheckpointFileBytes_Private(BrenierCheckpoint checkpoint, PetscInt64 *bytes);

/* Writes what is saved, so many bytes. Collective on the targets. Errors: as BrenierStoreCreate() and what follows
   it. */
PetscErrorCode BrenierCheckpointWriteFile_Private(BrenierCheckpoint checkpoint, PetscInt64 bytes);

/*@
  BrenierCheckpointReadFile_Private - Reads one generation, every byte of it compared with its checksums

  Collective on the targets' communicator

  Input Parameters:
+ checkpoint - its problem is compared with the file's
. path       - the file
- length     - of `differs`

  Output Parameters:
+ checkpoint - what is in the file, which stays open for the sample; as before where the problem is another
- differs    - what differs between the problems, in words; "" when nothing does

  Errors: those of store.h; `PETSC_ERR_FILE_UNEXPECTED` - damaged, or laid out by another version
@*/
PetscErrorCode BrenierCheckpointReadFile_Private(BrenierCheckpoint checkpoint, const char path[], size_t length,
                                                 char differs[]);
