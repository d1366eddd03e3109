/* calls.c - How functions of brenier.h begin and end: errors become codes with a sentence. */
#include "library_impl.h"

#include <stdarg.h>
#include <stdio.h>

enum { BRENIER_SENTENCE_LENGTH = 1024 };

/* Of the last call in this thread: an error may come before there is any object that could hold it. */
static _Thread_local char brenier_sentence[BRENIER_SENTENCE_LENGTH];

/* Keeps the sentence of the first error. */
static PetscErrorCode Keep(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                           PetscErrorType type, const char *message, void *context)
{
  const char *text = NULL;

  (void)comm, (void)line, (void)function, (void)file, (void)context;
  if (type != PETSC_ERROR_INITIAL || brenier_sentence[0]) return code;
  if (!message || !message[0]) (void)PetscErrorMessage(code, &text, NULL);
  snprintf(brenier_sentence, sizeof brenier_sentence, "%s", text ? text : (message ? message : "unknown error"));
  return code;
}

/* Options of PETSc's are the caller's, for solvers of the caller's; what runs here sees none. */
static PetscOptions brenier_no_options;

static PetscErrorCode DestroyOptions(void)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsDestroy(&brenier_no_options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void LibraryBegin(void)
{
  brenier_sentence[0] = '\0';
  (void)PetscPushErrorHandler(Keep, NULL);
  if (!brenier_no_options) {
    (void)PetscOptionsCreate(&brenier_no_options);
    (void)PetscRegisterFinalize(DestroyOptions);
  }
  (void)PetscOptionsPush(brenier_no_options);
}

brenier_code LibraryEnd(PetscErrorCode ierr)
{
  const brenier_code code = (brenier_code)BrenierExitCode(ierr);

  (void)PetscOptionsPop();
  (void)PetscPopErrorHandler();
  if (code && !brenier_sentence[0]) snprintf(brenier_sentence, sizeof brenier_sentence, "%s", brenier_code_text(code));
  return code;
}

brenier_code LibraryRefuse(const char sentence[], ...)
{
  va_list args;

  va_start(args, sentence);
  vsnprintf(brenier_sentence, sizeof brenier_sentence, sentence, args);
  va_end(args);
  return BRENIER_CODE_ARGUMENT;
}

brenier_code LibraryFine(void)
{
  brenier_sentence[0] = '\0';
  return BRENIER_CODE_OK;
}

const char *brenier_message(void)
{
  return brenier_sentence;
}

const char *brenier_version(void)
{
  return BRENIER_VERSION;
}

const char *brenier_code_text(brenier_code code)
{
  switch (code) {
  case BRENIER_CODE_OK:
    return "done";
  case BRENIER_CODE_ARGUMENT:
    return "an argument is wrong";
  case BRENIER_CODE_INPUT:
    return "data or the content of a file are wrong";
  case BRENIER_CODE_IO:
    return "reading or writing failed";
  case BRENIER_CODE_NUMERICAL:
    return "numerical failure";
  case BRENIER_CODE_TOLERANCE:
    return "tolerance not reached";
  case BRENIER_CODE_MEMORY:
    return "memory ran out";
  case BRENIER_CODE_STOPPED:
    return "stopped";
  default:
    return "not foreseen: please report it";
  }
}
