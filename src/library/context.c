/* context.c - Implements the context of brenier.h, and what the library starts and ends. */
#include "library_impl.h"

#include <brenier/threads.h>

enum { BRENIER_MOST_THREADS = 1024 };

/* Of the process, as MPI and PETSc are. */
static int brenier_owns_mpi, brenier_owns_petsc, brenier_contexts;

/* PETSc gets a world of one process: then its start and its end need no other rank, whichever ranks make contexts. */
static PetscErrorCode StartPetsc(void)
{
  PetscBool started;

  PetscFunctionBegin;
  PetscCall(PetscInitialized(&started));
  if (started) PetscFunctionReturn(PETSC_SUCCESS);
  PETSC_COMM_WORLD = MPI_COMM_SELF;
  // Signals are the caller's, and so are files of options
  PetscCall(PetscOptionsSetValue(NULL, "-no_signal_handler", "true"));
  PetscCall(PetscOptionsSetValue(NULL, "-skip_petscrc", "true"));
  PetscCall(PetscInitializeNoArguments());
  brenier_owns_petsc = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Starts what the caller has not. */
static brenier_code Start(void)
{
  int started, ended, provided;

  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  if (ended) return LibraryRefuse("brenier_context_create: MPI has ended");
  if (!started) {
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided)) return BRENIER_CODE_BUG;
    brenier_owns_mpi = 1;
  }
  return StartPetsc() ? BRENIER_CODE_BUG : BRENIER_CODE_OK;
}

brenier_code brenier_finalize(void)
{
  const int petsc = brenier_owns_petsc, mpi = brenier_owns_mpi;

  if (brenier_contexts)
    return LibraryRefuse("brenier_finalize: %d context%s still there; destroy them before", brenier_contexts,
                         brenier_contexts == 1 ? " is" : "s are");
  brenier_owns_petsc = brenier_owns_mpi = 0;
  if (petsc && PetscFinalize()) return BRENIER_CODE_BUG;
  if (mpi && MPI_Finalize()) return BRENIER_CODE_BUG;
  return LibraryFine();
}

/* Hands a line to the printer of the caller. */
static void Print(void *user, BrenierPrintKind kind, const char line[])
{
  const brenier_context *context = user;

  if (context->printer) context->printer(context->user, kind == BRENIER_PRINT_WARNING, line);
}

static PetscErrorCode Create(MPI_Comm comm, brenier_context *context)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_dup(comm, &context->comm));
  PetscCall(BrenierContextCreate(context->comm));
  PetscCall(BrenierContextSetPrinter(context->comm, Print, context));
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_context_create(MPI_Comm comm, brenier_context **context)
{
  brenier_context *c;
  brenier_code     code;

  if (!context) return LibraryRefuse("brenier_context_create: context is NULL");
  *context = NULL;
  if (comm == MPI_COMM_NULL) return LibraryRefuse("brenier_context_create: the communicator is MPI_COMM_NULL");
  if ((code = Start())) return code;
  if (!(c = calloc(1, sizeof *c))) return BRENIER_CODE_MEMORY;
  LibraryBegin();
  if ((code = LibraryEnd(Create(comm, c)))) {
    free(c);
    return code;
  }
  ++brenier_contexts;
  *context = c;
  return BRENIER_CODE_OK;
}

static PetscErrorCode Destroy(brenier_context *context)
{
  PetscFunctionBegin;
  PetscCall(BrenierLogClose(context->comm));
  PetscCall(BrenierContextDestroy(context->comm));
  PetscCallMPI(MPI_Comm_free(&context->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_context_destroy(brenier_context **context)
{
  brenier_code code;

  if (!context || !*context) return LibraryFine();
  if ((*context)->objects)
    return LibraryRefuse("brenier_context_destroy: %d of its targets, results and facets %s still there; destroy them "
                         "before",
                         (*context)->objects, (*context)->objects == 1 ? "is" : "are");
  LibraryBegin();
  code = LibraryEnd(Destroy(*context));
  --brenier_contexts;
  free(*context);
  *context = NULL;
  return code;
}

MPI_Comm brenier_context_comm(const brenier_context *context)
{
  return context ? context->comm : MPI_COMM_NULL;
}

brenier_code brenier_context_set_printer(brenier_context *context, brenier_printer printer, void *user)
{
  if (!context) return LibraryRefuse("brenier_context_set_printer: context is NULL");
  context->printer = printer;
  context->user    = user;
  return LibraryFine();
}

void brenier_print_to_streams(void *user, int is_warning, const char line[])
{
  BrenierPrintToStreams(user, is_warning ? BRENIER_PRINT_WARNING : BRENIER_PRINT_LINE, line);
}

static PetscErrorCode SetLog(brenier_context *context, const char path[])
{
  PetscFunctionBegin;
  PetscCall(BrenierLogClose(context->comm));
  if (path) PetscCall(BrenierLogOpen(context->comm, path));
  PetscFunctionReturn(PETSC_SUCCESS);
}

brenier_code brenier_context_set_log(brenier_context *context, const char path[])
{
  if (!context) return LibraryRefuse("brenier_context_set_log: context is NULL");
  LibraryBegin();
  return LibraryEnd(SetLog(context, path));
}

brenier_code brenier_context_set_threads(brenier_context *context, int n)
{
  if (!context) return LibraryRefuse("brenier_context_set_threads: context is NULL");
  if (n < 1 || n > BRENIER_MOST_THREADS)
    return LibraryRefuse("brenier_context_set_threads: %d threads; give 1 to %d", n, BRENIER_MOST_THREADS);
  LibraryBegin();
  return LibraryEnd(BrenierThreadsSet(context->comm, n));
}

brenier_code brenier_context_set_stop_file(brenier_context *context, const char path[])
{
  if (!context) return LibraryRefuse("brenier_context_set_stop_file: context is NULL");
  if (path && strlen(path) >= sizeof context->stop_file)
    return LibraryRefuse("brenier_context_set_stop_file: the path is longer than %zu characters",
                         sizeof context->stop_file - 1);
  snprintf(context->stop_file, sizeof context->stop_file, "%s", path ? path : "");
  return LibraryFine();
}

brenier_code brenier_context_catch_signals(brenier_context *context)
{
  if (!context) return LibraryRefuse("brenier_context_catch_signals: context is NULL");
  BrenierStopCatch();
  return LibraryFine();
}

void brenier_context_request_stop(brenier_context *context)
{
  if (context) context->stop = 1;
}
