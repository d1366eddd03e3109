/* solve_options.c - Implements solve_options.h. */
#include "solve_options.h"
#include "petsc_words.h"
#include "solve_source.h"

#include <brenier/threads.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BRENIER_MESSAGE_LENGTH = 512 };

#define ROW(...) BRENIER_OPTION_ROW(SolveRequest, __VA_ARGS__)
const BrenierOption BrenierSolveTable[] = {
    BRENIER_SOLVE_FILES(ROW) BRENIER_ARRAY_OPTIONS BRENIER_SOLVE_PROBLEM(ROW, ROW) BRENIER_SOLVE_METHOD(ROW, ROW)
        BRENIER_SOLVE_MACHINE(ROW) BRENIER_SOLVE_STOPS(ROW) BRENIER_SOLVE_DEBUGGING(ROW) BRENIER_OPTION_END};

/* Keeps the sentence of the first error instead of printing a traceback. */
static PetscErrorCode StoreMessage(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code,
                                   PetscErrorType type, const char *message, void *context)
{
  (void)comm, (void)line, (void)function, (void)file;
  if (type == PETSC_ERROR_INITIAL && message) snprintf(context, BRENIER_MESSAGE_LENGTH, "%s", message);
  return code;
}

/* Refuses options of the linear solver that PETSc does not understand or would not read. What multigrid levels read is
   known only once there are levels, so those pass. */
static PetscErrorCode CheckSolverOptions(void)
{
  static const char *const read_at_once[]                  = {"ksp_", "pc_", "sub_", "mat_", "vec_"};
  char                     message[BRENIER_MESSAGE_LENGTH] = "", bad[128] = "";
  char                     origin[PETSC_MAX_PATH_LEN + 64] = "";
  char                   **name, **value;
  PetscInt                 n;
  PetscErrorCode           ierr;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(StoreMessage, message));
  ierr = BrenierNewtonUseOptions();
  PetscCall(PetscPopErrorHandler());
  PetscCheck(!ierr, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "PETSc refuses the options of the linear solver: %s",
             message);
  PetscCall(PetscOptionsLeftGet(NULL, &n, &name, &value));
  for (PetscInt i = n - 1; i >= 0; --i)
    for (size_t k = 0; k < sizeof read_at_once / sizeof read_at_once[0]; ++k)
      if (!strncasecmp(name[i], read_at_once[k], strlen(read_at_once[k])))
        PetscCall(PetscStrncpy(bad, name[i], sizeof bad));
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &name, &value));
  if (bad[0]) PetscCall(BrenierPetscWordsOrigin(bad, sizeof origin, origin));
  PetscCheck(!bad[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "the linear solver does not read option -%s%s: is it misspelt, or of another -ksp_type or -pc_type?", bad,
             origin);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What says when to stop and what to keep. */
static PetscErrorCode CheckStops(const SolveRequest *r)
{
  const PetscBool newton = (PetscBool)(r->method == BRENIER_METHOD_NEWTON);
  PetscBool       has_interval;

  PetscFunctionBegin;
  PetscCall(BrenierOptionGiven("-checkpoint_interval", &has_interval));
  PetscCall(BrenierOptionNeeds("-checkpoint_interval", has_interval, (PetscBool)(r->checkpoint[0] != '\0'),
                               "-checkpoint FILE"));
  PetscCheck(newton || !(r->checkpoint[0] || r->max_time > 0.0 || r->stop_file[0]), PETSC_COMM_WORLD,
             PETSC_ERR_USER_INPUT, "options -checkpoint, -max_time and -stop_file are for -method newton only");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Conditions make a mixture of the source. */
static PetscErrorCode CheckConditions(const SolveRequest *r)
{
  const PetscBool given = (PetscBool)(r->conditions[0] != '\0');
  PetscBool       has_weight;

  PetscFunctionBegin;
  PetscCall(BrenierOptionGiven("-condition_weight", &has_weight));
  PetscCall(BrenierOptionNeeds("-conditions", given, has_weight, "-condition_weight B, their weight in the cost"));
  PetscCall(BrenierOptionNeeds("-condition_weight", has_weight, given, "-conditions FILE"));
  PetscCall(BrenierOptionNeeds("-conditions", given, BrenierSourceTakesConditions(BrenierSourceNames[r->source]),
                               "-source gaussian or mixture; for another source, -classes makes a map for each label"));
  PetscCheck(!r->classes[0] || !given, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "options -classes and -conditions exclude each other: leave out one of them");
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRequestRead(SolveRequest *r)
{
  PetscBool has_tol;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(r, sizeof *r));
  BrenierNewtonDefaults(&r->solve.newton);
  r->solve.warm_up = -1.0;
  PetscCall(BrenierOptionsRead(BrenierSolveTable, r));
  PetscCall(BrenierOptionGiven("-tol", &has_tol));
  PetscCall(BrenierOptionGiven("-cells", &r->has_cells));
  PetscCall(BrenierOptionGiven("-max_it", &r->has_max_it));
  if (r->solve.curves > 0 && !has_tol) r->solve.tol = 0.0;
  r->solve.method = (BrenierMethod)r->method;
  r->solve.sample = (BrenierDescentSample)r->sample;
  PetscCall(BrenierThreadsSet(PETSC_COMM_WORLD, (PetscInt)r->threads));
  PetscCall(BrenierDeviceSet(PETSC_COMM_WORLD, (BrenierDeviceUse)r->device));
  PetscCall(CheckSolverOptions());
  PetscCall(CheckStops(r));
  PetscCall(BrenierSolveSourceCheck(r));
  PetscCall(CheckConditions(r));
  PetscCheck(!r->classes[0] || !r->start[0], PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT,
             "options -classes and -start exclude each other: leave out -start");
  PetscCall(BrenierRunMemory(PETSC_COMM_WORLD, r->memory, &r->solve.memory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void BrenierSolveRequestRun(const SolveRequest *r, BrenierSource source, BrenierRunOptions *options)
{
  *options = (BrenierRunOptions){.solve      = r->solve,
                                 .source     = source,
                                 .start      = r->start,
                                 .output     = r->output,
                                 .has_cells  = r->has_cells,
                                 .cells      = (BrenierCellKind)r->cells,
                                 .has_max_it = r->has_max_it,
                                 .max_it     = (PetscInt)r->max_it};
}

/* The options that say what is solved. */
enum { MOST_ITEMS = sizeof BrenierSolveTable / sizeof BrenierSolveTable[0] };

/* The weight of conditions is one where there are any: checkpoints of the version before know no such item. */
static PetscBool IsItem(const SolveRequest *r, const BrenierOption *o)
{
  return (PetscBool)(o->problem || (r->conditions[0] && !strcmp(o->name, "-condition_weight")));
}

static PetscInt ItemsOf(const SolveRequest *r, BrenierProblemItem item[MOST_ITEMS])
{
  PetscInt n = 0;

  for (const BrenierOption *o = BrenierSolveTable; o->name; ++o)
    if (IsItem(r, o)) {
      item[n].name = o->alias ? o->alias : o->name; // as checkpoints of the version before have it
      BrenierOptionValue(o, r, sizeof item->value, item[n++].value);
    }
  return n;
}

PetscErrorCode BrenierSolveRequestCheckpoint(SolveRequest *r, BrenierRun *run)
{
  BrenierProblemItem item[MOST_ITEMS];

  PetscFunctionBegin;
  if (!r->checkpoint[0]) PetscFunctionReturn(PETSC_SUCCESS);
  r->cells  = run->options.cells;
  r->max_it = run->options.max_it;
  PetscCall(BrenierRunSetCheckpoint(run, r->checkpoint, r->interval, item, ItemsOf(r, item)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierSolveRequestClassesCheckpoint(SolveRequest *r, BrenierTargets input, BrenierSource source,
                                                    BrenierClasses classes)
{
  const BrenierProblem problem = {.given = input, .solved = input, .source = source, .classes = classes};
  BrenierProblemItem   item[MOST_ITEMS];

  PetscFunctionBegin;
  if (!r->checkpoint[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(
      BrenierProblemFindCheckpoint(&problem, r->checkpoint, r->interval, item, ItemsOf(r, item), &r->solve.checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}
