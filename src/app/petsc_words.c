/* petsc_words.c - Implements petsc_words.h. */
#include "petsc_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Words in this variable are read as if they stood in front of the command line's. */
static const char brenier_petsc_variable[] = "PETSC_OPTIONS";

static const char brenier_petsc_server[] = "-mpi_linear_solver_server", brenier_petsc_skip[] = "-skip_petscrc";

enum { RC_FILES = 3 };

/* The command line, for whoever asks later. */
static int    brenier_argc;
static char **brenier_argv;

/* Whether a file can be read to its end and holds no zero byte, at which PETSc would stop reading in silence. */
static PetscBool IsText(const char path[])
{
  FILE *file = fopen(path, "r");
  int   c    = 1;

  while (file && c > 0) c = getc(file);
  if (file) fclose(file);
  return (PetscBool)(c == EOF);
}

/* Refuses a file of options that is none. */
static void CheckOptionsFile(const char option[], const char path[], BrenierFault *fault)
{
  struct stat about;

  if (!path) BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "option %s needs a file behind it", option);
  else if (access(path, R_OK) || stat(path, &about) || !S_ISREG(about.st_mode))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: %s needs a file of options that can be read", path, option);
  else if (!IsText(path))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s: %s needs a text file, and this is none", path, option);
}

/* Takes the sentence of an error for a fault of the command line, instead of printing a traceback. */
static PetscErrorCode StoreMessage(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *fault)
{
  (void)comm, (void)line, (void)function, (void)file;
  if (type == PETSC_ERROR_INITIAL) BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s", message ? message : "");
  return code;
}

/* A file may quote itself in a sentence, whatever it holds. */
static void MakePlain(char sentence[])
{
  for (char *c = sentence; *c; ++c)
    if (*c < ' ' || *c > '~') *c = '?';
}

/* Reads the options that one word of the command line stands for into a scratch. */
static void TryWord(int n_left, char **word, PetscOptions scratch, BrenierFault *fault)
{
  BrenierFault found = {0};

  PetscPushErrorHandler(StoreMessage, &found);
  (void)PetscOptionsInsertArgs(scratch, PetscMin(n_left, 2), word);
  PetscPopErrorHandler();
  MakePlain(found.sentence);
  if (found.kind)
    BrenierFaultSet(fault, found.kind, "PETSc cannot read '%s %s': %s", word[0], n_left > 1 ? word[1] : "",
                    found.sentence);
}

/* A file that PETSc reads at every start, if there is one: in the home folder, then in the working folder. */
static PetscBool FindRcFile(int i, size_t length, char path[])
{
  const char *home = getenv("HOME");
  struct stat about;

  if (i == 0) snprintf(path, length, "%s/.petscrc", home ? home : "");
  else snprintf(path, length, "%s", i == 1 ? ".petscrc" : "petscrc");
  return (PetscBool)(!(i == 0 && !(home && home[0])) && !access(path, R_OK) && !stat(path, &about) &&
                     S_ISREG(about.st_mode));
}

/* Whether a word is on the command line. */
static PetscBool IsGiven(const char word[])
{
  for (int i = 1; i < brenier_argc; ++i)
    if (!strcasecmp(brenier_argv[i], word)) return PETSC_TRUE;
  return PETSC_FALSE;
}

static void TryRcFiles(PetscOptions scratch, BrenierFault *fault)
{
  char path[PETSC_MAX_PATH_LEN];

  for (int i = 0; i < RC_FILES && !fault->kind && !IsGiven(brenier_petsc_skip); ++i) {
    BrenierFault found = {0};

    if (!FindRcFile(i, sizeof path, path)) continue;
    PetscPushErrorHandler(StoreMessage, &found);
    if (!IsText(path)) BrenierFaultSet(&found, BRENIER_EXIT_USAGE, "it is no text");
    else (void)PetscOptionsInsertFile(PETSC_COMM_SELF, scratch, path, PETSC_TRUE);
    PetscPopErrorHandler();
    MakePlain(found.sentence);
    if (found.kind)
      BrenierFaultSet(fault, found.kind,
                      "%s: PETSc, which reads this file at every start, cannot: %s; mend it, or give %s", path,
                      found.sentence, brenier_petsc_skip);
  }
}

/* Whether a word stands for more options than itself. */
static PetscBool StandsForMore(const char word[])
{
  return (PetscBool)(!strncasecmp(word, "-options_", 9) || !strncasecmp(word, "-prefix_", 8));
}

static void RefuseServer(BrenierFault *fault)
{
  BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "option %s would take all ranks but one from the run; leave it out",
                  brenier_petsc_server);
}

/* Reads such words, and the files that PETSc reads unasked, on one rank, by a PETSc of its own, which does not see the
   environment's: a mistake in a file of options is a sentence here, and a traceback when PETSc starts on all ranks. */
static void TryWords(int n, char **word, BrenierFault *fault)
{
  const char  *given = getenv(brenier_petsc_variable);
  char        *kept = given ? strdup(given) : NULL, program[] = "brenier", skip[] = "-skip_petscrc";
  char        *plain[] = {program, skip, NULL}, **args = plain;
  int          n_args = 2;
  PetscBool    serves = PETSC_FALSE;
  PetscOptions scratch;

  PETSC_COMM_WORLD = MPI_COMM_SELF;
  unsetenv(brenier_petsc_variable);
  if (PetscInitialize(&n_args, &args, NULL, NULL)) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  if (kept) setenv(brenier_petsc_variable, kept, 1);
  free(kept);
  PetscOptionsCreate(&scratch);
  for (int i = 0; i < n && !fault->kind; ++i)
    if (StandsForMore(word[i])) TryWord(n - i, word + i, scratch, fault);
  if (!fault->kind) TryRcFiles(scratch, fault);
  (void)PetscOptionsHasName(scratch, NULL, brenier_petsc_server, &serves);
  if (serves) RefuseServer(fault);
  PetscOptionsDestroy(&scratch);
  PetscOptionsClear(NULL); // what the environment asks to be reported at the end belongs to the run
  if (PetscFinalize()) MPI_Abort(MPI_COMM_WORLD, BRENIER_EXIT_BUG);
  PETSC_COMM_WORLD = MPI_COMM_NULL;
}

char **BrenierPetscWords(int argc, char **argv, int *n)
{
  const char  *given = getenv(brenier_petsc_variable);
  const size_t bytes = (given ? strlen(given) : 0) + 1, most = (size_t)argc + bytes / 2;
  char       **word = malloc(most * sizeof *word + bytes); // the copy of the environment's is behind the words
  char        *text = word ? (char *)(word + most) : NULL;

  *n = 0;
  if (!word) return NULL;
  memcpy(text, given ? given : "", bytes);
  for (int i = 1; i < argc; ++i) word[(*n)++] = argv[i];
  for (char *w = strtok(text, " \t\n"); w; w = strtok(NULL, " \t\n")) word[(*n)++] = w;
  return word;
}

/* On one rank. */
static void CheckWordsOfPetsc(int argc, char **argv, BrenierFault *fault)
{
  int    n, n_more = 0;
  char **word = BrenierPetscWords(argc, argv, &n), path[PETSC_MAX_PATH_LEN];

  for (int i = 0; i < RC_FILES; ++i) n_more += FindRcFile(i, sizeof path, path);
  for (int i = 0; i < n; ++i) {
    if (!strcasecmp(word[i], brenier_petsc_server)) RefuseServer(fault);
    if (!strcasecmp(word[i], "-options_file") || !strcasecmp(word[i], "-options_file_yaml"))
      CheckOptionsFile(word[i], i + 1 < n ? word[i + 1] : NULL, fault);
    n_more += StandsForMore(word[i]);
  }
  if (n_more && !fault->kind) TryWords(n, word, fault);
  free(word);
}

BrenierExit BrenierPetscWordsCheck(int argc, char **argv)
{
  int          rank, outcome;
  BrenierFault fault = {0};

  brenier_argc = argc;
  brenier_argv = argv;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) CheckWordsOfPetsc(argc, argv, &fault);
  if (fault.kind) fprintf(stderr, "brenier: error: %s\n", fault.sentence);
  outcome = (int)fault.kind;
  MPI_Bcast(&outcome, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return (BrenierExit)outcome;
}

/* Whether a file of options has an option, for all ranks. */
static PetscErrorCode HasOption(const char path[], const char name[], PetscBool *has)
{
  PetscOptions scratch;
  char         option[128];

  PetscFunctionBegin;
  snprintf(option, sizeof option, "-%s", name);
  PetscCall(PetscOptionsCreate(&scratch));
  PetscCall(PetscOptionsInsertFile(PETSC_COMM_WORLD, scratch, path, PETSC_FALSE));
  PetscCall(PetscOptionsHasName(scratch, NULL, option, has));
  PetscCall(PetscOptionsDestroy(&scratch));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a list of words, parted by blanks, has an option. */
static PetscBool IsAmong(const char words[], const char name[])
{
  const size_t length = strlen(name);

  for (const char *w = words; (w = strchr(w, '-')); ++w)
    if ((w == words || strchr(" \t\n", w[-1])) && !strncasecmp(w + 1, name, length) && strchr(" \t\n", w[1 + length]))
      return PETSC_TRUE;
  return PETSC_FALSE;
}

PetscErrorCode BrenierPetscWordsOrigin(const char name[], size_t length, char origin[])
{
  const char *words                    = getenv(brenier_petsc_variable);
  char        path[PETSC_MAX_PATH_LEN] = "", option[128];
  PetscBool   has                      = PETSC_FALSE;

  PetscFunctionBegin;
  snprintf(option, sizeof option, "-%s", name);
  origin[0] = '\0';
  if (IsGiven(option)) PetscFunctionReturn(PETSC_SUCCESS);
  if (words && IsAmong(words, name)) {
    snprintf(origin, length, " (from %s)", brenier_petsc_variable);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (int i = 1; i + 1 < brenier_argc && !has; ++i)
    if (!strcasecmp(brenier_argv[i], "-options_file")) {
      PetscCall(HasOption(brenier_argv[i + 1], name, &has));
      if (has) snprintf(origin, length, " (from %s)", brenier_argv[i + 1]);
    }
  for (int i = 0; i < RC_FILES && !has; ++i) {
    int there = FindRcFile(i, sizeof path, path);

    PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, PETSC_COMM_WORLD));
    if (there) PetscCall(HasOption(path, name, &has));
    if (has) snprintf(origin, length, " (from %s, which PETSc reads unless -skip_petscrc is given)", path);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
