/*
  option.h - One line for an option: its name, kind, range and default, where its value goes, and what it does.

  Everything that is known of an option is one line of the list of its command:
    #define MAP_OPTIONS(OWN)                                                            \
      OWN(REAL, t, "-t", "T", .low = 0.0, .high = 1.0, .text = "also write /position")  \
      OWN(SWITCH, critic, "-critic", .text = "write only /phi")
  The line declares the member of the command's request that the value goes to, BRENIER_OPTION_MEMBER(), and is the row
  of the command's table, BRENIER_OPTION_ROW(). -help, docs/reference/commands.md and the man pages print the table;
  BrenierOptionsRead() reads by it; files.c takes from it which files a run names, and a checkpoint which options have
  to be the same.

  An option that few need is advanced. A renamed one keeps its older name as an alias for one version.
*/
#pragma once

#include <brenier/base.h>
#include <brenier/device.h>

#include <stddef.h>

/* What stands behind an option, and what a run does with it. */
typedef enum {
  BRENIER_OPTION_SWITCH, /* nothing, or yes or no */
  BRENIER_OPTION_INT,    /* a whole number, 1e6 too */
  BRENIER_OPTION_REAL,
  BRENIER_OPTION_CHOICE, /* one of a few words */
  BRENIER_OPTION_INPUT,  /* a file that is read, FILE or FILE.h5:/dataset */
  BRENIER_OPTION_VALUES, /* a number, or a file that is read */
  BRENIER_OPTION_START,  /* a file that is read, and that the output may replace */
  BRENIER_OPTION_OUTPUT, /* a file that is written, of a format of Brenier's */
  BRENIER_OPTION_CHECKPOINT,
  BRENIER_OPTION_STOP,   /* a file that is looked for */
  BRENIER_OPTION_PREFIX, /* all options that begin so */
  BRENIER_OPTION_FOREIGN /* read by PETSC, or by main.c before the command */
} BrenierOptionKind;

typedef struct {
  const char        *name;     /* with its dash: "-seed" */
  const char        *argument; /* "N", "FILE", ...; NULL for a switch, and for a choice, whose words are shown */
  BrenierOptionKind  kind;
  size_t             at;        /* offset in the command's request; BRENIER_NOWHERE when others read it */
  PetscReal          low, high; /* range of a number, both ends in it */
  const char *const *choice;    /* ends with NULL; an index into it goes to the request */
  const char        *format;    /* of the file that goes there */
  const char        *standard;  /* its default, as it would be written; NULL: the request stays as it was */
  const char        *rule;      /* in words: when that default holds, or what holds without one; or NULL */
  const char        *alias;     /* its name in the version before, read as well; or NULL */
  PetscBool          needed;
  PetscBool          advanced; /* shown by -help all only */
  PetscBool          problem;  /* a checkpoint is continued only where it is the same */
  const char        *group;    /* heading of the options from here on; NULL: as before */
  const char        *text;     /* what it does; NULL: known, not shown */
} BrenierOption;

/* Where a value goes that is a file's name. */
typedef char BrenierPath[PETSC_MAX_PATH_LEN];

/* Range of a whole number that counts something, and of the seeds. */
#define BRENIER_MOST_COUNT ((PetscReal)PetscMin((PetscInt64)PETSC_MAX_INT, (PetscInt64)1 << 53))
#define BRENIER_MOST_SEED  ((PetscReal)((PetscInt64)1 << 53))

/* A number that is named, as text: for a default that the code knows, too. */
#define BRENIER_WORDS(number)    BRENIER_WORDS_OF(number)
#define BRENIER_WORDS_OF(number) #number

#define BRENIER_NOWHERE ((size_t)-1)

/* The type of a value, by the option's kind. */
#define BRENIER_TYPE_SWITCH     PetscBool
#define BRENIER_TYPE_INT        PetscInt64
#define BRENIER_TYPE_REAL       PetscReal
#define BRENIER_TYPE_CHOICE     PetscInt
#define BRENIER_TYPE_INPUT      BrenierPath
#define BRENIER_TYPE_VALUES     BrenierPath
#define BRENIER_TYPE_START      BrenierPath
#define BRENIER_TYPE_OUTPUT     BrenierPath
#define BRENIER_TYPE_CHECKPOINT BrenierPath
#define BRENIER_TYPE_STOP       BrenierPath

/* Offset of a member; does not compile when the member is of another type. */
#define BRENIER_AT(request, member, type)                                                                              \
  (offsetof(request, member) + 0 * sizeof(char[_Generic(&((request *)0)->member, type * : 1)]))

/* A line of a list, as a member of the request and as a row of the table. Behind the member stand the members of
   BrenierOption: the first by position, the others by name. */
#define BRENIER_OPTION_MEMBER(type, member, ...) BRENIER_TYPE_##type member;
#define BRENIER_OPTION_ROW(request, type, member, ...)                                                                 \
  {__VA_ARGS__, .kind = BRENIER_OPTION_##type, .at = BRENIER_AT(request, member, BRENIER_TYPE_##type)},

/* In the place of BRENIER_OPTION_MEMBER(), for a value that goes to a member of the options of a layer below. */
#define BRENIER_OPTION_NO_MEMBER(type, member, ...)

/* The last row of a table. */
#define BRENIER_OPTION_END                                                                                             \
  {                                                                                                                    \
    NULL                                                                                                               \
  }

/* Of every command that reads an array; src/data reads it. */
#define BRENIER_ARRAY_OPTIONS                                                                                          \
  {"-allow_missing", .kind = BRENIER_OPTION_SWITCH, .at = BRENIER_NOWHERE, .advanced = PETSC_TRUE,                     \
   .text = "read rows that the file lacks as its fill value (usually 0), with a warning"},

/* Of every command that scans on threads. */
#define BRENIER_THREADS_OPTION(OWN)                                                                                    \
  OWN(INT, threads, "-threads", "T", .low = 1, .high = 1024, .standard = "1",                                          \
      .text = "threads of a rank, each on a core of its own; results do not depend on it")

/* Of every command that scans circles or points. */
#define BRENIER_DEVICE_OPTION(OWN)                                                                                     \
  OWN(CHOICE, device, "-device", .choice = BrenierDeviceUses, .standard = "cpu", .advanced = PETSC_TRUE,               \
      .text = "what scans: the processor, a GPU by OpenCL, or a GPU where every rank has one; results do not "         \
              "depend on it")

/*@
  BrenierOptionsRead - Reads the options of a table into a request

  Collective on the world

  Input Parameter:
. table - ends with an entry whose name is NULL

  Output Parameter:
. request - what the offsets of the table are of; a member is untouched when its option is not given and has no default

  Errors: `PETSC_ERR_USER_INPUT` - a needed option is missing, a value is not of its kind or out of its range; the
  sentence names option, value and range
@*/
PetscErrorCode BrenierOptionsRead(const BrenierOption table[], void *request);

/* Whether an option is on the command line, in the environment or in a file of options. Collective on the world. */
PetscErrorCode BrenierOptionGiven(const char name[], PetscBool *given);

/* Refuses an option that means nothing without another: "option -angle needs -threshold". Collective on the world. */
PetscErrorCode BrenierOptionNeeds(const char name[], PetscBool given, PetscBool other, const char needed[]);

/* The value that a request has for an option of kind int, real or choice, so that equal texts are equal values. Not
   collective. */
void BrenierOptionValue(const BrenierOption *option, const void *request, size_t length, char text[]);

/* The option of that name, or of that older name, in a table; NULL for none. Capitals count as small letters, as for
   PETSc. Not collective. */
const BrenierOption *BrenierOptionFind(const BrenierOption table[], const char name[]);

/* Name and argument: "-noise yes|no". Not collective. */
void BrenierOptionHead(const BrenierOption *option, size_t length, char text[]);

/* What it does, whether it is needed, its default and its older name, in one line. Not collective. */
void BrenierOptionText(const BrenierOption *option, size_t length, char text[]);
