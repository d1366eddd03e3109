/* solve.c - brenier solve: targets in, heights out, with their held-out error. */
#include "conditions.h"
#include "solve_classes.h"
#include "solve_source.h"

#include <brenier/array.h>

/* Pairs of targets and conditions are targets in more dimensions. */
static PetscErrorCode ReadTargets(const char where[], const SolveRequest *r, BrenierConditions *conditions,
                                  BrenierTargets *targets)
{
  BrenierArray points, weights = {0};

  PetscFunctionBegin;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, r->conditions[0] ? BRENIER_ARRAY_POINTS : BRENIER_ARRAY_TARGETS,
                             &points));
  *conditions = (BrenierConditions){0, r->condition_weight};
  if (r->conditions[0]) PetscCall(BrenierConditionsAppend(r->conditions, conditions, &points));
  if (r->weights[0]) PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, r->weights, BRENIER_ARRAY_WEIGHTS, &weights));
  PetscCall(BrenierTargetsCreate(&points, r->weights[0] ? &weights : NULL, targets));
  PetscCall(BrenierArrayDestroy(&points));
  PetscCall(BrenierArrayDestroy(&weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateSource(const SolveRequest *r, BrenierTargets targets, const BrenierConditions *conditions,
                                   BrenierSource *source)
{
  BrenierSource noise;

  PetscFunctionBegin;
  PetscCall(BrenierSolveSourceCreate(r, targets->dim - conditions->columns, &noise));
  if (conditions->columns > 0) PetscCall(BrenierConditionsSource(noise, targets, conditions, source));
  else *source = BrenierSourceReference(noise);
  PetscCall(BrenierSourceDestroy(&noise));
  PetscCall(BrenierConditionsPrint(conditions, *source));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunSolve(const char *const argument[], BrenierExit *outcome)
{
  SolveRequest      r;
  BrenierRunOptions options;
  BrenierConditions conditions;
  BrenierTargets    targets;
  BrenierSource     source;
  BrenierRun       *run;

  PetscFunctionBegin;
  PetscCall(BrenierSolveRequestRead(&r));
  if (r.classes[0]) {
    PetscCall(BrenierSolveClasses(argument[0], &r, outcome));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(BrenierStopSetup(PETSC_COMM_WORLD, r.max_time, r.stop_file));
  PetscCall(ReadTargets(argument[0], &r, &conditions, &targets));
  PetscCall(CreateSource(&r, targets, &conditions, &source));
  BrenierSolveRequestRun(&r, source, &options);
  options.conditions = conditions;
  PetscCall(BrenierRunCreate(targets, &options, &run));
  PetscCall(BrenierSolveRequestCheckpoint(&r, run));
  PetscCall(BrenierRunSolve(run, outcome));
  PetscCall(BrenierRunDestroy(&run));
  PetscCall(BrenierSourceDestroy(&source));
  PetscCall(BrenierTargetsDestroy(&targets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const solve_example[] = {
    "Solve until the held-out rho is below 0.1, on two ranks:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5",
    "The same, with a time limit of an hour and a checkpoint; run it again to continue:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -o result.h5 -max_time 3600 -checkpoint run.ckpt",
    "One map for each label:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -classes labels.npy -o result.h5",
    "The map of points with conditions:",
    "mpiexec -n 2 brenier solve codes.h5:/codes -conditions c.npy -condition_weight 100 -o result.h5",
    NULL};

const BrenierCommand brenier_command_solve = {
    .name        = "solve",
    .arguments   = "TARGETS",
    .n_arguments = 1,
    .summary     = "computes the transport map from a source measure to the targets",
    .description =
        "The map is the gradient of the Brenier potential u(x) = max_i <x, y_i> + h_i: it carries the "
        "Laguerre cell W_i, where plane i attains the maximum, to target y_i. The heights h_i are right "
        "when each mass w_i = mu(W_i) equals the weight nu_i.\n"
        "Masses are exact where the targets span two or three dimensions. Elsewhere they are sampled along "
        "random curves. Damped Newton minimises the sampled dual functional; where curves are too many to be "
        "kept, averaged SGD on fresh curves continues.\n"
        "The error is rho = sqrt(sum (w_i - nu_i)^2 / nu_i), the root-mean-square relative error of the "
        "masses. It is measured on held-out curves, which no step has used.\n"
        "With -classes each set of targets with one label is a problem of its own. Small classes are solved by one "
        "rank each, side by side; all maps go to one result.\n"
        "With -conditions a target has a condition c_i, and the map is that of points with conditions.",
    .files          = "TARGETS is file.npy or file.h5:/dataset, shape [n, d]. The result holds /targets, /weights, "
                      "/heights, /mass, /barycenter and /history.",
    .example        = solve_example,
    .see_also       = "encode check sample map facets",
    .option         = BrenierSolveTable,
    .run            = RunSolve,
    .solver_options = PETSC_TRUE,
    .stops          = PETSC_TRUE};
