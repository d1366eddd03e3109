/* solve_options.c - Implements solve_options.h. */
#include "solve_options.h"
#include "petsc_words.h"
#include "solve_source.h"

#include <brenier/threads.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BRENIER_MESSAGE_LENGTH = 512 };

const BrenierOption BrenierSolveTable[] = {
    {"-o", "FILE", BRENIER_FILE(SolveRequest, output, OUTPUT), .format = "brenier-result", .needed = PETSC_TRUE,
     .group = "files", .text = "result file to write"},
    {"-weights", "FILE", BRENIER_FILE(SolveRequest, weights, INPUT), .rule = "equal",
     .text = "weights nu_i of the targets, shape [n]: file.npy or file.h5:/dataset"},
    {"-start", "RESULT.h5", BRENIER_FILE(SolveRequest, start, START),
     .text = "warm start: begin with the heights of this result, for the same or similar targets"},
    {"-classes", "LABELS", BRENIER_FILE(SolveRequest, classes, INPUT), .rule = "one map for all targets",
     .text = "labels of the targets, integers of shape [n]: one map for each label, in one result"},
    BRENIER_ARRAY_OPTIONS,

    {"-source", BRENIER_CHOICE(SolveRequest, source, BrenierSourceNames), .standard = "gaussian", .problem = PETSC_TRUE,
     .group = "problem",
     .text = "source measure mu: standard normal; uniform on [-1/2, 1/2]^d, on the unit sphere or in the unit ball; of "
             "uniform direction and uniform length in [0, 1]; Student's; a mixture of normal laws"},
    {"-source_mean", "M", BRENIER_FILE(SolveRequest, source_mean, VALUES), .rule = "0", .advanced = PETSC_TRUE,
     .text = "mean m of the source x = m + L z, z as -source says: a number for all coordinates, or shape [d]; not of "
             "cube"},
    {"-source_factor", "L", BRENIER_FILE(SolveRequest, source_factor, VALUES), .rule = "1", .advanced = PETSC_TRUE,
     .text = "factor L of the source: a number, its diagonal, shape [d], or shape [d, d]; of a normal law L L^T is the "
             "covariance; not of cube"},
    {"-source_low", "A", BRENIER_FILE(SolveRequest, source_low, VALUES), .rule = "-0.5", .advanced = PETSC_TRUE,
     .text = "least coordinates of cube: a number for all, or shape [d]"},
    {"-source_high", "B", BRENIER_FILE(SolveRequest, source_high, VALUES), .rule = "0.5", .advanced = PETSC_TRUE,
     .text = "largest coordinates of cube: a number for all, or shape [d]"},
    {"-source_file", "M.h5", BRENIER_FILE(SolveRequest, source_file, INPUT), .rule = "with -source mixture",
     .advanced = PETSC_TRUE,
     .text = "components of a mixture of normal laws: /weight [K], /mean [K, d], and /factor [K, d, d] or [d, d], the "
             "identity without"},
    {"-source_dof", "NU", BRENIER_REAL(SolveRequest, source_dof, 2.0, 1e9),
     .standard = BRENIER_WORDS(BRENIER_DEFAULT_DOF), .rule = "with -source student", .advanced = PETSC_TRUE,
     .text = "degrees of freedom of Student's law, above 2"},
    {"-tol", "RHO", BRENIER_REAL(SolveRequest, solve.tol, 1e-12, 1e6), .standard = "0.1", .rule = "without -curves",
     .problem = PETSC_TRUE,
     .text    = "add curves until the upper end of the 95% interval of the held-out rho is below RHO"},
    {"-curves", "N", BRENIER_INT(SolveRequest, solve.curves, 1, BRENIER_MOST_COUNT), .rule = "as many as -tol needs",
     .problem = PETSC_TRUE,
     .text    = "fixed size of the sample; with -tol as well, exit code 6 says that rho is above it"},
    {"-held_out_curves", "N", BRENIER_INT(SolveRequest, solve.check_curves, 64, BRENIER_MOST_COUNT),
     .alias = "-check_curves", .rule = "as many as -tol needs, or as -curves", .problem = PETSC_TRUE,
     .advanced = PETSC_TRUE, .text = "curves of a held-out measurement"},
    {"-seed", "N", BRENIER_INT(SolveRequest, solve.seed, 0, BRENIER_MOST_SEED), .standard = "1", .problem = PETSC_TRUE,
     .text = "seed of all random numbers"},

    {"-cells", BRENIER_CHOICE(SolveRequest, cells, BrenierCellsNames), .problem = PETSC_TRUE, .group = "method",
     .rule = "exact where the targets span 2 or 3 dimensions, else curves",
     .text = "cell masses: exact, from polygons or polyhedra, or sampled along curves"},
    {"-method", BRENIER_CHOICE(SolveRequest, method, BrenierMethodNames), .standard = "newton",
     .text = "damped Newton; lmvm, cg or ntr of PETSc's TAO; or stochastic gradient descent: adam, asgd"},
    {"-sample", BRENIER_CHOICE(SolveRequest, sample, BrenierDescentSampleNames), .standard = "points",
     .advanced = PETSC_TRUE, .text = "what a mini-batch of adam and asgd consists of"},
    {"-warm_up", "X", BRENIER_REAL(SolveRequest, solve.warm_up, 0.0, 1e6), .rule = "at most 2", .problem = PETSC_TRUE,
     .advanced = PETSC_TRUE,
     .text     = "warm-up: curves of averaged SGD before the first Newton stage, per target; 0: none"},
    {"-max_it", "N", BRENIER_INT(SolveRequest, max_it, 0, 1000000), .standard = BRENIER_WORDS(BRENIER_DEFAULT_MAX_IT),
     .rule = "with curves, " BRENIER_WORDS(BRENIER_EXACT_MAX_IT) " with exact cells", .problem = PETSC_TRUE,
     .advanced = PETSC_TRUE, .text = "largest number of Newton iterations of a stage"},
    {"-l1_tol", "L1", BRENIER_REAL(SolveRequest, solve.newton.convergence.residual, 0.0, 2.0), .alias = "-residual",
     .standard = "0", .problem = PETSC_TRUE, .advanced = PETSC_TRUE,
     .text = "stop when L1 = sum abs(w_i - nu_i) in sample is at most this; rho in sample at a tenth of the sampling "
             "error stops as well (at a fifth where -tol chooses the curves)"},
    {"-damping", "X", BRENIER_REAL(SolveRequest, solve.newton.damping, 1e-9, 1e6),
     .standard = BRENIER_WORDS(BRENIER_DEFAULT_DAMPING), .problem = PETSC_TRUE, .advanced = PETSC_TRUE,
     .text = "damping of the first Newton iteration"},
    {"-linear_rtol", "X", BRENIER_REAL(SolveRequest, solve.newton.linear_rtol, 1e-14, 0.5),
     .standard = BRENIER_WORDS(BRENIER_DEFAULT_LINEAR_RTOL), .problem = PETSC_TRUE, .advanced = PETSC_TRUE,
     .text = "relative tolerance of the linear solver"},

    {"-memory", "GIB", BRENIER_REAL(SolveRequest, memory, 1e-6, 1e9), .group = "machine",
     .rule = BRENIER_WORDS(BRENIER_MEMORY_PERCENT) "% of the node's",
     .text = "memory of a node for the sample; where it does not suffice, averaged SGD draws fresh curves"},
    BRENIER_THREADS_OPTION(SolveRequest, threads),

    {"-checkpoint", "FILE", BRENIER_FILE(SolveRequest, checkpoint, CHECKPOINT), .group = "stopping and continuing",
     .format = "brenier-checkpoint",
     .text   = "write checkpoints to FILE; after a stop the same command continues from there"},
    {"-checkpoint_interval", "S", BRENIER_REAL(SolveRequest, interval, 0.0, 1e9), .standard = "900",
     .advanced = PETSC_TRUE, .text = "seconds between two checkpoints; 0: one at every safe point"},
    {"-max_time", "S", BRENIER_REAL(SolveRequest, max_time, 1e-3, 1e9), .rule = "no limit",
     .text = "end within 1.1 S + 5 seconds: with a checkpoint, or else with a result and its error"},
    {"-stop_file", "FILE", BRENIER_FILE(SolveRequest, stop_file, STOP), .text = "stop when this file appears"},

    {"-verify_lists", BRENIER_SWITCH(SolveRequest, solve.verify), .group = "debugging", .advanced = PETSC_TRUE,
     .text = "compare every evaluation by candidate lists with a scan of all targets (slow)"},
    {NULL}};

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
  PetscCall(CheckSolverOptions());
  PetscCall(CheckStops(r));
  PetscCall(BrenierSolveSourceCheck(r));
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

static PetscInt ItemsOf(const SolveRequest *r, BrenierProblemItem item[MOST_ITEMS])
{
  PetscInt n = 0;

  for (const BrenierOption *o = BrenierSolveTable; o->name; ++o)
    if (o->problem) {
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
