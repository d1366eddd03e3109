/*
  files.c - The files that a run names: none is lost to another one.

  All of them are listed first, with where links lead and what is there, and compared: by device and inode where there
  is a file, by folder and name where there is none yet. Then each output is looked at: whether it can be written, and
  whether what is there may be replaced. All on rank 0, which writes.
*/
#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include <brenier/array.h>
#include <brenier/checkpoint.h>
#include <brenier/store.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a run does with a file. */
typedef enum {
  FILE_INPUT,
  FILE_START,  /* an input that the output may replace */
  FILE_OUTPUT, /* a store */
  FILE_CHECKPOINT,
  FILE_OLDER, /* generation of the checkpoint */
  FILE_LOG,
  FILE_STOP,
  FILE_REPORT, /* of PETSc's, as in -log_view :FILE */
  FILE_STREAM  /* standard output or error */
} FileUse;

/* Longer than any path: PETSc cuts a value short without a word. */
enum { VALUE_LENGTH = 2 * PETSC_MAX_PATH_LEN };

typedef struct {
  FileUse      use;
  const char  *option; /* that it is behind; "" for an argument */
  const char  *format;
  char         path[PETSC_MAX_PATH_LEN];  /* as written */
  char         place[PETSC_MAX_PATH_LEN]; /* where links lead */
  PetscBool    is_there, has_folder;
  struct stat  about, folder;
  BrenierFound found; /* where a store goes */
  char         found_format[BRENIER_FORMAT_LENGTH], found_status[BRENIER_FORMAT_LENGTH];
} NamedFile;

typedef struct {
  int          n;
  NamedFile   *file;
  BrenierFault fault;
} FileList;

/* ---- the list ---- */

static const char *NameOf(const char place[])
{
  const char *slash = strrchr(place, '/');

  return slash ? slash + 1 : place;
}

/* Finds out about the file that has its path. */
static void ReadState(NamedFile *f)
{
  char folder[PETSC_MAX_PATH_LEN];

  if (!BrenierStorePlace(f->path, f->place)) strcpy(f->place, f->path);
  BrenierStoreFolder(f->place, folder);
  f->is_there   = (PetscBool)!stat(f->path, &f->about);
  f->has_folder = (PetscBool)!stat(folder, &f->folder);
  if (f->use == FILE_OUTPUT || f->use == FILE_CHECKPOINT || f->use == FILE_OLDER)
    f->found = BrenierStoreIdentify(f->place, f->found_format, f->found_status);
}

static void AddFile(FileList *list, FileUse use, const char option[], const char format[], const char path[])
{
  NamedFile *f = &list->file[list->n];

  if (strlen(path) >= sizeof f->path)
    BrenierFaultSet(&list->fault, BRENIER_EXIT_IO, "%.100s...: the path is longer than %zu characters", path,
                    sizeof f->path - 1);
  if (!path[0] || list->fault.kind) return;
  f->use    = use;
  f->option = option;
  f->format = format;
  strcpy(f->path, path);
  ReadState(f);
  ++list->n;
}

/* An input may be `FILE:/dataset`. */
static void AddInput(FileList *list, FileUse use, const char option[], const char place[])
{
  char path[PETSC_MAX_PATH_LEN];

  AddFile(list, use, option, NULL, place);
  if (list->fault.kind) return;
  BrenierArrayFileOf(place, path);
  if (strcmp(path, place)) AddFile(list, use, option, NULL, path);
}

/* What the shell has put behind standard output or error, when it is a file. */
static void AddStream(FileList *list, int descriptor, const char name[])
{
  NamedFile  *f = &list->file[list->n];
  struct stat about;

  if (fstat(descriptor, &about) || !S_ISREG(about.st_mode)) return;
  f->use      = FILE_STREAM;
  f->option   = "";
  f->about    = about;
  f->is_there = PETSC_TRUE;
  strcpy(f->path, name);
  ++list->n;
}

static void AddOlder(FileList *list, const BrenierOption *o, const char path[])
{
  char place[PETSC_MAX_PATH_LEN], older[VALUE_LENGTH];

  if (strlen(path) >= sizeof place || !BrenierStorePlace(path, place)) return;
  snprintf(older, sizeof older, "%s%s", place, BrenierCheckpointOlder);
  AddFile(list, FILE_OLDER, o->name, o->format, older);
}

/* What a run does with the file behind an option; false when there is none. */
static PetscBool IsFile(const BrenierOption *o, FileUse *use)
{
  switch (o->kind) {
  case BRENIER_OPTION_INPUT:
  case BRENIER_OPTION_VALUES:
    *use = FILE_INPUT;
    return PETSC_TRUE;
  case BRENIER_OPTION_START:
    *use = FILE_START;
    return PETSC_TRUE;
  case BRENIER_OPTION_OUTPUT:
    *use = FILE_OUTPUT;
    return PETSC_TRUE;
  case BRENIER_OPTION_CHECKPOINT:
    *use = FILE_CHECKPOINT;
    return PETSC_TRUE;
  case BRENIER_OPTION_STOP:
    *use = FILE_STOP;
    return PETSC_TRUE;
  default:
    return PETSC_FALSE;
  }
}

static PetscBool IsNumber(const char text[])
{
  char *end;

  (void)strtod(text, &end);
  return (PetscBool)(end != text && *end == '\0');
}

static PetscErrorCode AddOptions(FileList *list, const BrenierCommand *command)
{
  char      value[VALUE_LENGTH] = "";
  FileUse   use;
  PetscBool found;

  PetscFunctionBegin;
  for (const BrenierOption *o = command->option; o->name; ++o) {
    if (!IsFile(o, &use)) continue;
    PetscCall(PetscOptionsGetString(NULL, NULL, o->name, value, sizeof value, &found));
    if (!found || (o->kind == BRENIER_OPTION_VALUES && IsNumber(value))) continue;
    if (use == FILE_INPUT || use == FILE_START) AddInput(list, use, o->name, value);
    else AddFile(list, use, o->name, o->format, value);
    if (use == FILE_CHECKPOINT) AddOlder(list, o, value);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A word such as -log_view or -ksp_monitor has [TYPE]:FILE[:FORMAT] behind it, -malloc_view the file alone. */
static void AddReport(FileList *list, const char word[], const char value[])
{
  const PetscBool plain = (PetscBool)!strcasecmp(word, "-malloc_view");
  const char     *view = strstr(word, "_view"), *colon = strchr(value, ':');
  char            path[VALUE_LENGTH];

  if ((!view && !strstr(word, "_monitor")) || value[0] == '-' || (!plain && !colon)) return;
  snprintf(path, sizeof path, "%s", plain ? value : colon + 1);
  if (!plain) path[strcspn(path, ":")] = '\0';
  AddFile(list, FILE_REPORT, word, NULL, path);
}

static PetscErrorCode ListFiles(FileList *list, const BrenierCommand *command, const char *const argument[],
                                const char log[], int n, char *const word[])
{
  PetscFunctionBegin;
  for (int i = 0; i < BRENIER_MAX_ARGUMENTS; ++i)
    if (argument[i]) AddInput(list, FILE_INPUT, "", argument[i]);
  PetscCall(AddOptions(list, command));
  for (int i = 0; i + 1 < n; ++i) {
    if (!strcasecmp(word[i], "-options_file") || !strcasecmp(word[i], "-options_file_yaml"))
      AddFile(list, FILE_INPUT, "-options_file", NULL, word[i + 1]);
    AddReport(list, word[i], word[i + 1]);
  }
  AddFile(list, FILE_LOG, "-log", NULL, log);
  AddStream(list, STDOUT_FILENO, "standard output");
  AddStream(list, STDERR_FILENO, "standard error");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- no two are one ---- */

static PetscBool AreSame(const struct stat *a, const struct stat *b)
{
  return (PetscBool)(a->st_dev == b->st_dev && a->st_ino == b->st_ino);
}

static PetscBool AreOneFile(const NamedFile *a, const NamedFile *b)
{
  if (a->is_there && b->is_there) return AreSame(&a->about, &b->about);
  return (PetscBool)(a->has_folder && b->has_folder && AreSame(&a->folder, &b->folder) &&
                     !strcmp(NameOf(a->place), NameOf(b->place)));
}

static PetscBool IsInput(const NamedFile *f)
{
  return (PetscBool)(f->use == FILE_INPUT || f->use == FILE_START);
}

/* Whether nothing is written there: a stop file is only looked for. */
static PetscBool IsRead(const NamedFile *f)
{
  return (PetscBool)(IsInput(f) || f->use == FILE_STOP);
}

/* Whether a run may name one file for both uses; `a` comes first in the list. */
static PetscBool MayBeOne(const NamedFile *a, const NamedFile *b)
{
  if (IsRead(a) && IsRead(b)) return PETSC_TRUE;
  if (a->use == FILE_START && b->use == FILE_OUTPUT) return PETSC_TRUE;
  if (a->use == FILE_OUTPUT && b->use == FILE_START) return PETSC_TRUE;
  if (a->use == FILE_CHECKPOINT && b->use == FILE_OLDER) return PETSC_TRUE; // hard links that somebody made
  if (a->use == FILE_REPORT && b->use == FILE_REPORT) return PETSC_TRUE;
  if (b->use == FILE_STREAM) return (PetscBool)(IsInput(a) || a->use == FILE_LOG || a->use == FILE_STREAM);
  return PETSC_FALSE;
}

/* "run.ckpt.1 (the older generation of -checkpoint)" */
static const char *Describe(const NamedFile *f, size_t length, char text[])
{
  if (f->use == FILE_OLDER) snprintf(text, length, "%s (older generation of %s)", f->path, f->option);
  else if (f->option[0]) snprintf(text, length, "%s (%s)", f->path, f->option);
  else snprintf(text, length, "%s", f->path);
  return text;
}

static void RefuseOneFile(const NamedFile *a, const NamedFile *b, BrenierFault *fault)
{
  const NamedFile *other = IsInput(b) ? a : b, *input = IsInput(b) ? b : a;
  char             first[VALUE_LENGTH], second[VALUE_LENGTH];

  if (IsInput(input))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%.400s is an input of this command%s%s; give another file",
                    Describe(other, sizeof first, first), input->option[0] ? ", as given by " : "", input->option);
  else
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%.400s and %.400s are the same file; give two files",
                    Describe(a, sizeof first, first), Describe(b, sizeof second, second));
}

static void CompareFiles(FileList *list)
{
  for (int i = 0; i < list->n; ++i)
    for (int k = i + 1; k < list->n; ++k)
      if (!MayBeOne(&list->file[i], &list->file[k]) && AreOneFile(&list->file[i], &list->file[k]))
        RefuseOneFile(&list->file[i], &list->file[k], &list->fault);
}

/* ---- what is there may be replaced ---- */

/* Refuses to replace what Brenier did not write for this purpose. A damaged checkpoint is left to who reads it. */
static void CheckKind(const FileList *list, const NamedFile *f, BrenierFault *fault)
{
  const PetscBool checkpoint = (PetscBool)(f->use != FILE_OUTPUT);
  PetscBool       older      = PETSC_FALSE;

  for (int i = 0; i < list->n; ++i)
    if (list->file[i].use == FILE_OLDER && !strcmp(list->file[i].found_format, f->format)) older = PETSC_TRUE;
  if (f->found == BRENIER_FOUND_NOTHING || f->found == BRENIER_FOUND_EMPTY || !strcmp(f->found_format, f->format))
    return;
  if (f->found == BRENIER_FOUND_DAMAGED && checkpoint) return;
  if (f->found == BRENIER_FOUND_FOREIGN && f->use == FILE_CHECKPOINT && older) return; // the newest one is damaged
  if (f->found == BRENIER_FOUND_STORE)
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "%s exists and holds a %s, made by '%s'; give %s another file, as it writes a %s", f->path,
                    f->found_format, BrenierStoreMaker(f->found_format), f->option, f->format);
  else
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE,
                    "%s exists and is not a %s%s; give %s another file, or move this one away", f->path, f->format,
                    f->found == BRENIER_FOUND_DAMAGED ? " that can be read" : "", f->option);
}

/* PETSc writes text over whatever is there. */
static void CheckReport(const NamedFile *f, BrenierFault *fault)
{
  char  start[512] = "";
  FILE *file       = f->is_there && S_ISREG(f->about.st_mode) ? fopen(f->path, "r") : NULL;

  if (file && memchr(start, '\0', fread(start, 1, sizeof start, file)))
    BrenierFaultSet(fault, BRENIER_EXIT_USAGE, "%s exists and is not a text file; give %s another file", f->path,
                    f->option);
  if (file) fclose(file);
}

/* A solve that is finished writes neither its result nor its checkpoint again. */
static PetscBool IsFinished(const FileList *list)
{
  for (int i = 0; i < list->n; ++i)
    if (list->file[i].use == FILE_CHECKPOINT && !strcmp(list->file[i].found_status, "finished")) return PETSC_TRUE;
  return PETSC_FALSE;
}

static void CheckOutputs(FileList *list)
{
  const PetscBool finished = IsFinished(list);

  for (int i = 0; i < list->n; ++i) {
    const NamedFile *f = &list->file[i];

    if (f->use == FILE_REPORT) CheckReport(f, &list->fault);
    if (f->use != FILE_OUTPUT && f->use != FILE_CHECKPOINT && f->use != FILE_OLDER) continue;
    if (!finished || (f->is_there && !S_ISREG(f->about.st_mode))) BrenierStoreCheckPlace(f->path, &list->fault);
    if (!list->fault.kind) CheckKind(list, f, &list->fault);
  }
}

PetscErrorCode BrenierFilesCheck(const BrenierCommand *command, const char *const argument[], const char log[], int n,
                                 char *const word[])
{
  int            most = 2 * BRENIER_MAX_ARGUMENTS + 2 * n + 3;
  FileList       list = {0};
  PetscMPIInt    rank;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (const BrenierOption *o = command->option; o->name; ++o) most += 2; // two files behind one at most
  if (rank == 0) {
    PetscCall(PetscCalloc1(most, &list.file));
    PetscCall(ListFiles(&list, command, argument, log, n, word));
    if (!list.fault.kind) CompareFiles(&list);
    if (!list.fault.kind) CheckOutputs(&list);
    PetscCall(PetscFree(list.file));
  }
  ierr = BrenierFaultAgree(PETSC_COMM_WORLD, &list.fault);
  if (ierr) PetscCall(PetscOptionsClear(NULL)); // PETSc would write its reports all the same, at the end
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
